-- One row per customer known at as_of.
WITH
customer_signups AS (
    SELECT
        user_id,
        CASE WHEN trim(country, ' ') <> '' THEN country ELSE 'Unknown' END AS country,
        signup_timestamp,
        CAST(
            signup_timestamp AT TIME ZONE 'UTC' AT TIME ZONE getvariable('business_time_zone')
            AS DATE
        ) AS signup_date
    FROM stg_signups
    WHERE disposition = 'used'
),

deposits AS (
    SELECT * FROM stg_deposits WHERE disposition = 'used'
),

purchases AS (
    SELECT * FROM stg_ticket_purchases WHERE disposition = 'used'
),

web_events AS (
    SELECT * FROM stg_web_events WHERE disposition = 'used'
),

customer_deposits AS (
    SELECT
        user_id,
        count(*) AS total_deposits,
        CAST(sum(deposit_amount_minor) AS BIGINT) AS total_deposit_amount_minor,
        min(deposit_timestamp) AS first_deposit_timestamp,
        max(deposit_timestamp) AS last_deposit_timestamp,
        ten_thousandths(half_up(sum(deposit_amount_minor) * 10000, count(*)))
            AS avg_deposit_amount_minor
    FROM deposits
    GROUP BY user_id
),

first_deposits AS (
    SELECT user_id, deposit_amount_minor AS first_deposit_amount_minor
    FROM deposits
    QUALIFY
        row_number() OVER (PARTITION BY user_id ORDER BY deposit_timestamp, deposit_id) = 1
),

customer_purchases AS (
    SELECT
        user_id,
        count(*) AS total_purchases,
        hundredths(sum(purchase_amount_cents)) AS total_purchase_amount_usd,
        min(purchase_timestamp) AS first_purchase_timestamp,
        max(purchase_timestamp) AS last_purchase_timestamp,
        ten_thousandths(half_up(sum(purchase_amount_cents) * 100, count(*)))
            AS avg_purchase_amount_usd,
        count(DISTINCT game_id) AS unique_games_played,
        count(DISTINCT CAST(purchase_timestamp AS DATE)) AS purchase_days
    FROM purchases
    GROUP BY user_id
),

purchase_gaps AS (
    SELECT
        user_id,
        micros_between(
            lag(purchase_timestamp) OVER (
                PARTITION BY user_id ORDER BY purchase_timestamp, purchase_id
            ),
            purchase_timestamp
        ) AS gap
    FROM purchases
),

longest_purchase_gaps AS (
    SELECT user_id, days(max(gap)) AS longest_purchase_gap_days
    FROM purchase_gaps
    GROUP BY user_id
),

early_spend AS (
    SELECT
        user_id,
        sum(purchase_amount_cents) FILTER (age < 7 * 86400000000) AS first_7_days,
        sum(purchase_amount_cents) FILTER (age < 30 * 86400000000) AS first_30_days,
        sum(purchase_amount_cents) FILTER (age < 90 * 86400000000) AS first_90_days
    FROM (
        SELECT
            user_id,
            purchase_amount_cents,
            micros_between(signup_timestamp, purchase_timestamp) AS age
        FROM purchases
        INNER JOIN customer_signups USING (user_id)
        WHERE purchase_timestamp >= signup_timestamp
    )
    GROUP BY user_id
),

customer_web_events AS (
    SELECT
        user_id,
        count(*) AS total_web_events,
        min(event_timestamp) AS first_web_event_timestamp,
        max(event_timestamp) AS last_web_event_timestamp,
        count(DISTINCT utm_campaign) AS unique_campaigns_engaged
    FROM web_events
    GROUP BY user_id
),

touches AS (
    SELECT * FROM web_events WHERE utm_campaign IS NOT NULL
),

first_touches AS (
    SELECT
        user_id,
        utm_campaign AS first_touch_campaign,
        event_timestamp AS first_touch_timestamp
    FROM touches
    QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY event_timestamp, event_id) = 1
),

last_touches_before_purchase AS (
    SELECT user_id, utm_campaign AS last_touch_campaign_before_purchase
    FROM touches
    INNER JOIN customer_purchases USING (user_id)
    WHERE event_timestamp <= first_purchase_timestamp
    QUALIFY
        row_number() OVER (
            PARTITION BY user_id ORDER BY event_timestamp DESC, event_id DESC
        ) = 1
),

high_jackpot_games AS (
    SELECT game_id
    FROM stg_games
    WHERE
        disposition = 'used'
        AND jackpot_estimate_minor >= getvariable('high_jackpot_threshold_minor')
),

high_jackpot_participation AS (
    SELECT
        user_id,
        count(DISTINCT game_id) AS high_jackpot_games_played,
        hundredths(sum(purchase_amount_cents)) AS high_jackpot_spend_usd
    FROM purchases
    INNER JOIN high_jackpot_games USING (game_id)
    GROUP BY user_id
)

SELECT
    user_id,
    country,
    signup_timestamp,
    signup_date,
    coalesce(total_deposits, 0) AS total_deposits,
    coalesce(total_deposit_amount_minor, 0) AS total_deposit_amount_minor,
    first_deposit_timestamp,
    last_deposit_timestamp,
    coalesce(avg_deposit_amount_minor, ten_thousandths(0)) AS avg_deposit_amount_minor,
    coalesce(total_purchases, 0) AS total_purchases,
    coalesce(total_purchase_amount_usd, hundredths(0)) AS total_purchase_amount_usd,
    first_purchase_timestamp,
    last_purchase_timestamp,
    coalesce(avg_purchase_amount_usd, ten_thousandths(0)) AS avg_purchase_amount_usd,
    coalesce(unique_games_played, 0) AS unique_games_played,
    coalesce(total_web_events, 0) AS total_web_events,
    first_web_event_timestamp,
    last_web_event_timestamp,
    coalesce(unique_campaigns_engaged, 0) AS unique_campaigns_engaged,
    coalesce(high_jackpot_games_played, 0) AS high_jackpot_games_played,
    coalesce(high_jackpot_spend_usd, hundredths(0)) AS high_jackpot_spend_usd,
    days_between(signup_timestamp, first_purchase_timestamp) AS days_to_first_purchase,
    days_between(signup_timestamp, first_deposit_timestamp) AS days_to_first_deposit,
    days_between(signup_timestamp, first_web_event_timestamp) AS days_to_first_web_event,
    CASE
        WHEN total_purchases >= 10 THEN 'High Value'
        WHEN total_purchases >= 3 THEN 'Medium Value'
        WHEN total_purchases >= 1 THEN 'Low Value'
        ELSE 'No Purchase'
    END AS customer_segment,
    CASE
        WHEN high_jackpot_games_played > 0 THEN 'High Jackpot Player'
        ELSE 'Regular Player'
    END AS player_type,
    first_touch_campaign,
    first_touch_timestamp,
    last_touch_campaign_before_purchase,
    longest_purchase_gap_days,
    coalesce(purchase_days, 0) AS purchase_days,
    first_deposit_amount_minor,
    CASE
        WHEN first_purchase_timestamp >= first_touch_timestamp
            THEN days_between(first_touch_timestamp, first_purchase_timestamp)
    END AS days_from_first_touch_to_first_purchase,
    days_between(first_touch_timestamp, first_deposit_timestamp)
        AS days_from_first_touch_to_first_deposit,
    hundredths(coalesce(first_7_days, 0)) AS spend_first_7_days_usd,
    hundredths(coalesce(first_30_days, 0)) AS spend_first_30_days_usd,
    hundredths(coalesce(first_90_days, 0)) AS spend_first_90_days_usd
FROM customer_signups
LEFT JOIN customer_deposits USING (user_id)
LEFT JOIN first_deposits USING (user_id)
LEFT JOIN customer_purchases USING (user_id)
LEFT JOIN longest_purchase_gaps USING (user_id)
LEFT JOIN early_spend USING (user_id)
LEFT JOIN customer_web_events USING (user_id)
LEFT JOIN first_touches USING (user_id)
LEFT JOIN last_touches_before_purchase USING (user_id)
LEFT JOIN high_jackpot_participation USING (user_id)
ORDER BY user_id
