-- One row per row read, each with its disposition. A jackpot may be unknown.
WITH
typed AS (
    SELECT
        as_id(game_id) AS game_id,
        CAST(jackpot_estimate_minor AS BIGINT) AS jackpot_estimate_minor
    FROM source.stg_games
),

counted AS (
    SELECT *, count(*) OVER (PARTITION BY game_id) AS listed FROM typed
)

SELECT
    game_id,
    jackpot_estimate_minor,
    CASE
        WHEN game_id IS NULL THEN 'NULL_KEY'
        WHEN listed > 1 THEN error('Source stg_games lists game_id ' || game_id || ' twice')
        ELSE 'used'
    END AS disposition
FROM counted
