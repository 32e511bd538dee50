-- One row per row read, each with its disposition.
WITH
typed AS (
    SELECT
        as_id(user_id) AS user_id,
        as_utc(signup_timestamp) AS signup_timestamp,
        CAST(country AS VARCHAR) AS country
    FROM source.stg_signups
),

judged AS (
    SELECT
        *,
        CASE
            WHEN not_yet(signup_timestamp) THEN 'not_yet'
            WHEN user_id IS NULL THEN 'NULL_KEY'
            WHEN bad_instant(signup_timestamp) THEN 'BAD_TIMESTAMP'
        END AS set_aside
    FROM typed
),

-- Rows set aside compete only among themselves, which nobody looks at.
compared AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY set_aside, user_id, signup_timestamp, country) AS copy,
        dense_rank() OVER (
            PARTITION BY set_aside, user_id
            ORDER BY signup_timestamp, country ASC NULLS LAST
        ) AS version
    FROM judged
)

SELECT
    user_id,
    signup_timestamp,
    country,
    CASE
        WHEN set_aside IS NOT NULL THEN set_aside
        WHEN copy > 1 THEN 'deduplicated'
        WHEN version > 1 THEN 'DUPLICATE_KEY'
        ELSE 'used'
    END AS disposition
FROM compared
