CREATE MACRO days_between(earlier, later) AS
    CAST(epoch_us(later) - epoch_us(earlier) AS DOUBLE) / CAST(86400000000 AS DOUBLE);

-- The quotient of ten-thousandths and a count as a decimal with four places, rounded half up.
CREATE MACRO average(ten_thousandths, items) AS
    CAST(
        CAST((2 * CAST(ten_thousandths AS HUGEINT) + items) // (2 * items) AS DECIMAL(38, 0))
        * CAST(0.0001 AS DECIMAL(5, 4)) AS DECIMAL(28, 4)
    );

CREATE MACRO dollars(cents) AS
    CAST(
        CAST(coalesce(cents, 0) AS DECIMAL(38, 0)) * CAST(0.01 AS DECIMAL(3, 2))
        AS DECIMAL(28, 2)
    );
