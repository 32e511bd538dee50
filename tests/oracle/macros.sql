-- Ids are text without surrounding blanks (spaces only, as Spark's trim); a blank id is NULL.
CREATE MACRO as_id(value) AS nullif(trim(CAST(value AS VARCHAR), ' '), '');

-- The session is in UTC, so text and timestamps without a zone are taken in UTC.
CREATE MACRO as_utc(value) AS CAST(TRY_CAST(value AS TIMESTAMPTZ) AS TIMESTAMP);

-- What is no number (text, NaN, infinity) becomes NULL.
CREATE MACRO as_amount(value) AS TRY_CAST(value AS DECIMAL(38, 10));

CREATE MACRO not_yet(instant) AS coalesce(instant >= getvariable('as_of'), FALSE);

CREATE MACRO bad_instant(instant) AS instant IS NULL OR instant < TIMESTAMP '1990-01-01';

CREATE MACRO bad_amount(amount, decimals) AS
    amount IS NULL OR amount < 0 OR amount <> round(amount, decimals);

CREATE MACRO micros_between(earlier, later) AS epoch_us(later) - epoch_us(earlier);

CREATE MACRO days(micros) AS CAST(micros AS DOUBLE) / CAST(86400000000 AS DOUBLE);

CREATE MACRO days_between(earlier, later) AS days(micros_between(earlier, later));

-- The exact quotient of two integers, neither negative, rounded half up once.
CREATE MACRO half_up(numerator, denominator) AS
    (2 * CAST(numerator AS HUGEINT) + CAST(denominator AS HUGEINT))
    // (2 * CAST(denominator AS HUGEINT));

-- Integers of 1/100 and 1/10000 as decimals; multiplied, because `/` would go through DOUBLE.
CREATE MACRO hundredths(units) AS
    CAST(CAST(units AS DECIMAL(38, 0)) * CAST(0.01 AS DECIMAL(3, 2)) AS DECIMAL(28, 2));

CREATE MACRO ten_thousandths(units) AS
    CAST(CAST(units AS DECIMAL(38, 0)) * CAST(0.0001 AS DECIMAL(5, 4)) AS DECIMAL(28, 4));

CREATE MACRO cents(usd) AS CAST(CAST(usd AS DECIMAL(38, 2)) * 100 AS HUGEINT);
