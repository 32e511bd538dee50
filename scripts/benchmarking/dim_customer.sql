-- One row per customer known at as_of. Each source is scanned once; users are joined to their
-- signup first, so that everything after it is sorted and grouped by a number.
WITH
customers AS MATERIALIZED (
    SELECT row_number() OVER () AS customer, user_id, country, signup_timestamp
    FROM stg_signups
    WHERE signup_timestamp < getvariable('as_of')
),

customer_deposits AS (
    SELECT
        customer,
        count(*) AS total_deposits,
        sum(deposit_amount_minor) AS amount,
        min(deposit_timestamp) AS first_deposit_timestamp,
        max(deposit_timestamp) AS last_deposit_timestamp,
        arg_min(deposit_amount_minor, {'time': deposit_timestamp, 'id': deposit_id})
            AS first_deposit_amount_minor
    FROM stg_deposits
    INNER JOIN customers USING (user_id)
    WHERE deposit_timestamp < getvariable('as_of')
    GROUP BY customer
),

purchases AS (
    SELECT
        customer,
        game_id,
        purchase_timestamp,
        CAST(purchase_amount_usd * 100 AS BIGINT) AS cents,
        epoch_us(purchase_timestamp) AS micros,
        epoch_us(purchase_timestamp) - epoch_us(signup_timestamp) AS age
    FROM stg_ticket_purchases
    INNER JOIN customers USING (user_id)
    WHERE purchase_timestamp < getvariable('as_of')
),

followed_purchases AS (
    SELECT *, lag(micros) OVER (PARTITION BY customer ORDER BY micros) AS previous_micros
    FROM purchases
),

-- Grouped by game first: counting the games is then cheaper than counting distinct ones.
customer_games AS (
    SELECT
        customer,
        game_id,
        count(*) AS purchases,
        sum(cents) AS cents,
        min(purchase_timestamp) AS first_timestamp,
        max(purchase_timestamp) AS last_timestamp,
        max(micros - previous_micros) AS longest_gap,
        -- In time order, a purchase opens a new day unless the one before fell on the same day.
        count(*) FILTER (
            previous_micros IS NULL OR micros // 86400000000 <> previous_micros // 86400000000
        ) AS days,
        sum(cents) FILTER (age >= 0 AND age < 7 * 86400000000) AS cents_7_days,
        sum(cents) FILTER (age >= 0 AND age < 30 * 86400000000) AS cents_30_days,
        sum(cents) FILTER (age >= 0 AND age < 90 * 86400000000) AS cents_90_days
    FROM followed_purchases
    GROUP BY customer, game_id
),

high_jackpot_games AS (
    SELECT game_id, TRUE AS is_high
    FROM stg_games
    WHERE jackpot_estimate_minor >= 1000000
),

customer_purchases AS (
    SELECT
        customer,
        CAST(sum(purchases) AS BIGINT) AS total_purchases,
        sum(cents) AS cents,
        min(first_timestamp) AS first_purchase_timestamp,
        max(last_timestamp) AS last_purchase_timestamp,
        count(game_id) AS unique_games_played,
        count(*) FILTER (is_high) AS high_jackpot_games_played,
        sum(cents) FILTER (is_high) AS high_jackpot_cents,
        max(longest_gap) AS longest_gap,
        CAST(sum(days) AS BIGINT) AS purchase_days,
        sum(cents_7_days) AS cents_7_days,
        sum(cents_30_days) AS cents_30_days,
        sum(cents_90_days) AS cents_90_days
    FROM customer_games
    LEFT JOIN high_jackpot_games USING (game_id)
    GROUP BY customer
),

buyers AS (
    SELECT customer, user_id, first_purchase_timestamp
    FROM customers
    LEFT JOIN customer_purchases USING (customer)
),

-- Grouped by campaign first, for the same reason.
customer_campaigns AS (
    SELECT
        customer,
        utm_campaign,
        count(*) AS events,
        min(event_timestamp) AS first_timestamp,
        max(event_timestamp) AS last_timestamp,
        min({'time': event_timestamp, 'id': event_id})
            FILTER (utm_campaign IS NOT NULL) AS first_touch,
        max({'time': event_timestamp, 'id': event_id})
            FILTER (utm_campaign IS NOT NULL AND event_timestamp <= first_purchase_timestamp)
            AS last_touch
    FROM stg_web_events
    INNER JOIN buyers USING (user_id)
    WHERE event_timestamp < getvariable('as_of')
    GROUP BY customer, utm_campaign
),

customer_web_events AS (
    SELECT
        customer,
        CAST(sum(events) AS BIGINT) AS total_web_events,
        min(first_timestamp) AS first_web_event_timestamp,
        max(last_timestamp) AS last_web_event_timestamp,
        count(utm_campaign) AS unique_campaigns_engaged,
        arg_min(utm_campaign, first_touch) FILTER (first_touch IS NOT NULL)
            AS first_touch_campaign,
        min(first_timestamp) FILTER (utm_campaign IS NOT NULL) AS first_touch_timestamp,
        arg_max(utm_campaign, last_touch) FILTER (last_touch IS NOT NULL)
            AS last_touch_campaign_before_purchase
    FROM customer_campaigns
    GROUP BY customer
)

SELECT
    user_id,
    CASE WHEN trim(country, ' ') <> '' THEN country ELSE 'Unknown' END AS country,
    signup_timestamp,
    CAST(signup_timestamp AS DATE) AS signup_date,
    coalesce(total_deposits, 0) AS total_deposits,
    CAST(coalesce(amount, 0) AS BIGINT) AS total_deposit_amount_minor,
    first_deposit_timestamp,
    last_deposit_timestamp,
    coalesce(average(amount * 10000, total_deposits), 0) AS avg_deposit_amount_minor,
    coalesce(total_purchases, 0) AS total_purchases,
    dollars(cents) AS total_purchase_amount_usd,
    first_purchase_timestamp,
    last_purchase_timestamp,
    coalesce(average(cents * 100, total_purchases), 0) AS avg_purchase_amount_usd,
    coalesce(unique_games_played, 0) AS unique_games_played,
    coalesce(total_web_events, 0) AS total_web_events,
    first_web_event_timestamp,
    last_web_event_timestamp,
    coalesce(unique_campaigns_engaged, 0) AS unique_campaigns_engaged,
    coalesce(high_jackpot_games_played, 0) AS high_jackpot_games_played,
    dollars(high_jackpot_cents) AS high_jackpot_spend_usd,
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
    CAST(longest_gap AS DOUBLE) / CAST(86400000000 AS DOUBLE) AS longest_purchase_gap_days,
    coalesce(purchase_days, 0) AS purchase_days,
    first_deposit_amount_minor,
    CASE
        WHEN first_purchase_timestamp >= first_touch_timestamp
            THEN days_between(first_touch_timestamp, first_purchase_timestamp)
    END AS days_from_first_touch_to_first_purchase,
    days_between(first_touch_timestamp, first_deposit_timestamp)
        AS days_from_first_touch_to_first_deposit,
    dollars(cents_7_days) AS spend_first_7_days_usd,
    dollars(cents_30_days) AS spend_first_30_days_usd,
    dollars(cents_90_days) AS spend_first_90_days_usd
FROM customers
LEFT JOIN customer_deposits USING (customer)
LEFT JOIN customer_purchases USING (customer)
LEFT JOIN customer_web_events USING (customer)
