-- One row per row read, each with its disposition; amounts are whole cents.
WITH
typed AS (
    SELECT
        as_id(purchase_id) AS purchase_id,
        as_id(user_id) AS user_id,
        as_id(game_id) AS game_id,
        as_utc(purchase_timestamp) AS purchase_timestamp,
        as_amount(purchase_amount_usd) AS purchase_amount_usd
    FROM source.stg_ticket_purchases
),

judged AS (
    SELECT
        *,
        CASE
            WHEN not_yet(purchase_timestamp) THEN 'not_yet'
            WHEN purchase_id IS NULL OR user_id IS NULL THEN 'NULL_KEY'
            WHEN bad_instant(purchase_timestamp) THEN 'BAD_TIMESTAMP'
            WHEN bad_amount(purchase_amount_usd, 2) THEN 'BAD_AMOUNT'
        END AS set_aside
    FROM typed
),

-- Rows set aside compete only among themselves, which nobody looks at.
compared AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY
                set_aside, purchase_id, user_id, game_id, purchase_timestamp,
                purchase_amount_usd
        ) AS copy,
        dense_rank() OVER (
            PARTITION BY set_aside, purchase_id
            ORDER BY purchase_timestamp, user_id, game_id ASC NULLS LAST, purchase_amount_usd
        ) AS version
    FROM judged
)

SELECT
    purchase_id,
    user_id,
    game_id,
    purchase_timestamp,
    CASE WHEN set_aside IS NULL THEN cents(purchase_amount_usd) END AS purchase_amount_cents,
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
