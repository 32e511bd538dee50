-- One row per row read, each with its disposition.
WITH
typed AS (
    SELECT
        as_id(event_id) AS event_id,
        as_id(user_id) AS user_id,
        as_utc(event_timestamp) AS event_timestamp,
        CAST(utm_campaign AS VARCHAR) AS utm_campaign
    FROM source.stg_web_events
),

judged AS (
    SELECT
        *,
        CASE
            WHEN not_yet(event_timestamp) THEN 'not_yet'
            WHEN event_id IS NULL THEN 'NULL_KEY'
            WHEN bad_instant(event_timestamp) THEN 'BAD_TIMESTAMP'
            WHEN user_id IS NULL THEN 'anonymous'
        END AS set_aside
    FROM typed
),

-- Rows set aside compete only among themselves, which nobody looks at.
compared AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY set_aside, event_id, user_id, event_timestamp, utm_campaign
        ) AS copy,
        dense_rank() OVER (
            PARTITION BY set_aside, event_id
            ORDER BY event_timestamp, user_id, utm_campaign ASC NULLS LAST
        ) AS version
    FROM judged
)

SELECT
    event_id,
    user_id,
    event_timestamp,
    utm_campaign,
    CASE
        WHEN set_aside IS NOT NULL THEN set_aside
        WHEN copy > 1 THEN 'deduplicated'
        WHEN version > 1 THEN 'DUPLICATE_KEY'
        WHEN user_id IN (SELECT user_id FROM stg_signups WHERE disposition = 'used') THEN 'used'
        WHEN user_id IN (
            SELECT user_id FROM stg_signups
            WHERE disposition = 'not_yet' AND user_id IS NOT NULL
        ) THEN 'not_yet'
        ELSE 'ORPHAN_USER'
    END AS disposition
FROM compared
