-- One row per customer of dim_customer, at the same as_of.
WITH
customer_behavior AS (
    SELECT
        *,
        micros_between(signup_timestamp, getvariable('as_of')) AS customer_tenure,
        days_between(coalesce(last_purchase_timestamp, signup_timestamp), getvariable('as_of'))
            AS days_since_last_activity,
        avg_purchase_amount_usd AS avg_spend_per_purchase
    FROM dim_customer
),

floored_tenure AS (
    SELECT
        *,
        days(customer_tenure) AS customer_tenure_days,
        greatest(customer_tenure, getvariable('min_tenure_days') * 86400000000) AS tenure
    FROM customer_behavior
),

pace AS (
    SELECT
        *,
        CASE
            WHEN tenure <= 0 THEN CAST(0 AS DOUBLE)
            ELSE CAST(total_purchases AS DOUBLE) / (days(tenure) / CAST(30 AS DOUBLE))
        END AS purchases_per_month
    FROM floored_tenure
),

rfm_scores AS (
    SELECT
        *,
        CASE
            WHEN days_since_last_activity <= 7 THEN 5
            WHEN days_since_last_activity <= 30 THEN 4
            WHEN days_since_last_activity <= 90 THEN 3
            WHEN days_since_last_activity <= 180 THEN 2
            ELSE 1
        END AS recency_score,
        CASE
            WHEN purchases_per_month >= CAST(5 AS DOUBLE) THEN 5
            WHEN purchases_per_month >= CAST(3 AS DOUBLE) THEN 4
            WHEN purchases_per_month >= CAST(1 AS DOUBLE) THEN 3
            WHEN purchases_per_month >= CAST(0.5 AS DOUBLE) THEN 2
            ELSE 1
        END AS frequency_score,
        CASE
            WHEN avg_spend_per_purchase >= 50 THEN 5
            WHEN avg_spend_per_purchase >= 25 THEN 4
            WHEN avg_spend_per_purchase >= 10 THEN 3
            WHEN avg_spend_per_purchase >= 5 THEN 2
            ELSE 1
        END AS monetary_score
    FROM pace
),

behavioral_scores AS (
    SELECT
        *,
        CASE
            WHEN high_jackpot_games_played >= 5 THEN 5
            WHEN high_jackpot_games_played >= 3 THEN 4
            WHEN high_jackpot_games_played >= 1 THEN 3
            ELSE 1
        END AS high_jackpot_score,
        CASE
            WHEN unique_games_played >= 5 THEN 5
            WHEN unique_games_played >= 3 THEN 4
            WHEN unique_games_played >= 2 THEN 3
            WHEN unique_games_played >= 1 THEN 2
            ELSE 1
        END AS game_variety_score,
        CASE
            WHEN total_deposits >= 10 THEN 5
            WHEN total_deposits >= 5 THEN 4
            WHEN total_deposits >= 3 THEN 3
            WHEN total_deposits >= 1 THEN 2
            ELSE 1
        END AS deposit_behavior_score,
        CASE
            WHEN days_to_first_purchase IS NULL THEN getvariable('never_purchased_score')
            WHEN days_to_first_purchase <= 1 THEN 5
            WHEN days_to_first_purchase <= 3 THEN 4
            WHEN days_to_first_purchase <= 7 THEN 3
            WHEN days_to_first_purchase <= 14 THEN 2
            ELSE 1
        END AS quick_conversion_score
    FROM rfm_scores
),

-- total / (tenure / 365) x horizon, as one quotient of integers.
ltv_prediction AS (
    SELECT
        *,
        recency_score + frequency_score + monetary_score AS rfm_score,
        high_jackpot_score + game_variety_score + deposit_behavior_score
        + quick_conversion_score AS behavioral_score,
        CASE
            WHEN tenure <= 0 THEN hundredths(0)
            ELSE hundredths(
                half_up(
                    cents(total_purchase_amount_usd) * 365 * 86400000000
                    * getvariable('horizon_years'),
                    tenure
                )
            )
        END AS predicted_annual_ltv,
        CASE
            WHEN customer_tenure_days < 30 THEN 3
            WHEN days_since_last_activity > 90 THEN 2
            ELSE 1
        END AS risk_score
    FROM behavioral_scores
),

bands AS (
    SELECT
        *,
        CASE
            WHEN predicted_annual_ltv >= 1000 THEN 10
            WHEN predicted_annual_ltv >= 500 THEN 8
            WHEN predicted_annual_ltv >= 200 THEN 6
            WHEN predicted_annual_ltv >= 100 THEN 4
            WHEN predicted_annual_ltv >= 50 THEN 2
            ELSE 0
        END AS band_tenths
    FROM ltv_prediction
),

-- rfm/15 x 40 + behavioral/20 x 30 + band x 30, in hundredths with 3 as the only denominator.
ltv_scoring AS (
    SELECT
        *,
        hundredths(half_up(800 * rfm_score + 450 * behavioral_score + 900 * band_tenths, 3))
            AS ltv_score
    FROM bands
)

SELECT
    user_id,
    country,
    signup_date,
    total_deposits,
    total_deposit_amount_minor,
    total_purchases,
    total_purchase_amount_usd,
    unique_games_played,
    high_jackpot_games_played,
    high_jackpot_spend_usd,
    recency_score,
    frequency_score,
    monetary_score,
    rfm_score,
    high_jackpot_score,
    game_variety_score,
    deposit_behavior_score,
    quick_conversion_score,
    behavioral_score,
    predicted_annual_ltv,
    ltv_score,
    risk_score,
    CASE
        WHEN ltv_score >= 80 THEN 'Diamond VIP'
        WHEN ltv_score >= 60 THEN 'Gold VIP'
        WHEN ltv_score >= 40 THEN 'Silver VIP'
        ELSE 'Standard'
    END AS vip_tier,
    CASE
        WHEN ltv_score >= 60 AND days_since_last_activity <= 30
            THEN 'Eligible for VIP Promotions'
        WHEN days_since_last_activity > 90 THEN 'Eligible for Re-engagement'
        ELSE 'Standard Marketing'
    END AS promotion_category,
    customer_segment,
    player_type,
    days_since_last_activity,
    customer_tenure_days,
    purchases_per_month,
    avg_spend_per_purchase
FROM ltv_scoring
ORDER BY user_id
