-- One row per row read, each with its disposition.
WITH
typed AS (
    SELECT
        as_id(deposit_id) AS deposit_id,
        as_id(user_id) AS user_id,
        as_utc(deposit_timestamp) AS deposit_timestamp,
        as_amount(deposit_amount_minor) AS deposit_amount_minor
    FROM source.stg_deposits
),

judged AS (
    SELECT
        *,
        CASE
            WHEN not_yet(deposit_timestamp) THEN 'not_yet'
            WHEN deposit_id IS NULL OR user_id IS NULL THEN 'NULL_KEY'
            WHEN bad_instant(deposit_timestamp) THEN 'BAD_TIMESTAMP'
            WHEN bad_amount(deposit_amount_minor, 0) THEN 'BAD_AMOUNT'
        END AS set_aside
    FROM typed
),

-- Rows set aside compete only among themselves, which nobody looks at.
compared AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY
                set_aside, deposit_id, user_id, deposit_timestamp, deposit_amount_minor
        ) AS copy,
        dense_rank() OVER (
            PARTITION BY set_aside, deposit_id
            ORDER BY deposit_timestamp, user_id, deposit_amount_minor
        ) AS version
    FROM judged
)

SELECT
    deposit_id,
    user_id,
    deposit_timestamp,
    CASE WHEN set_aside IS NULL THEN CAST(deposit_amount_minor AS BIGINT) END
        AS deposit_amount_minor,
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
