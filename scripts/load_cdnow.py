"""The CDNOW purchase log as staging tables: real customers to build a mart from.

The log holds 69,659 purchases of 23,570 customers of an online CD shop, all those who bought for
the first time in the first quarter of 1997, until June 1998. The package `lifetimes` carries it
as a text file; none of its code is run. The log knows days, amounts and nothing else: customers
sign up with their first purchase, every purchase is of one game, and there are no deposits or
web events.
"""

import argparse
import csv
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import NamedTuple

import duckdb

LOG = "CDNOW_master.txt"
HEADER = "customer_id date number_of_cds dollar_value"
LINE = re.compile(r"(\d{5}) (\d{4})(\d\d)(\d\d) \d+ (\d+\.\d\d)")

TABLES = {
    "stg_signups": """
        SELECT user_id, min(purchase_timestamp) AS signup_timestamp, NULL::VARCHAR AS country
        FROM purchases
        GROUP BY user_id
        ORDER BY user_id
    """,
    "stg_deposits": """
        SELECT
            NULL::VARCHAR AS deposit_id, NULL::VARCHAR AS user_id,
            NULL::TIMESTAMPTZ AS deposit_timestamp, NULL::BIGINT AS deposit_amount_minor
        LIMIT 0
    """,
    "stg_ticket_purchases": """
        SELECT purchase_id, user_id, 'cd' AS game_id, purchase_timestamp, purchase_amount_usd
        FROM purchases
        ORDER BY purchase_id::INTEGER
    """,
    "stg_web_events": """
        SELECT
            NULL::VARCHAR AS event_id, NULL::VARCHAR AS user_id,
            NULL::TIMESTAMPTZ AS event_timestamp, NULL::VARCHAR AS utm_campaign
        LIMIT 0
    """,
    "stg_games": """
        SELECT 'cd' AS game_id, 'Compact disc' AS game_name, 0::BIGINT AS jackpot_estimate_minor
    """,
}


class Purchase(NamedTuple):
    """A line of the log; its number tells apart what a customer bought twice in a day.

    Time and amount stay text until DuckDB reads them, the amount as an exact decimal.
    """

    purchase_id: int
    user_id: str
    purchase_timestamp: str
    purchase_amount_usd: str


def log_file() -> Path:
    """The log in the installed package.

    Raises:
        FileNotFoundError: The package is not installed, or has no such file.
    """
    try:
        listed = files("lifetimes") or []
    except PackageNotFoundError:
        raise FileNotFoundError(
            "The CDNOW log comes with the package lifetimes, which is not installed: "
            "pip install lifetimes==0.11.3"
        ) from None
    for file in listed:
        if file.name == LOG:
            return Path(str(file.locate()))
    raise FileNotFoundError(
        f"The installed package lifetimes has no {LOG}: pip install lifetimes==0.11.3"
    )


def purchases(lines: Iterable[str]) -> Iterator[Purchase]:
    """One purchase per line below the header, numbered from 1.

    Raises:
        ValueError: A line is not what the log's lines look like.
    """
    for number, line in enumerate(lines):
        fields = " ".join(line.split())
        if number == 0 and fields == HEADER:
            continue
        match = LINE.fullmatch(fields)
        if number == 0 or not match:
            raise ValueError(f"Line {number + 1} of {LOG} is not understood: {fields}")
        customer, year, month, day, amount = match.groups()
        yield Purchase(number, customer, f"{year}-{month}-{day} 00:00:00+00", amount)


def write_tables(log: Iterable[Purchase], out: Path) -> dict[str, int]:
    """Replaces the five tables under `out`, and returns how many rows each has."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        # A file, because DuckDB takes rows from Python one at a time.
        rows = Path(folder) / "purchases.csv"
        with rows.open("w", newline="") as file:
            csv.writer(file).writerows(log)
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            """
            CREATE TABLE purchases AS SELECT * FROM read_csv(?, header = false, columns = {
                'purchase_id': 'VARCHAR', 'user_id': 'VARCHAR',
                'purchase_timestamp': 'TIMESTAMPTZ', 'purchase_amount_usd': 'DECIMAL(18, 2)'
            })
            """,
            [str(rows)],
        )
        return {
            table: write(connection.sql(query), out / table) for table, query in TABLES.items()
        }


def write(table: duckdb.DuckDBPyRelation, folder: Path) -> int:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    table.write_parquet(str(folder / "part-0.parquet"))
    return len(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        help="directory that gets the tables, in place of those of the same name",
    )
    out: Path = parser.parse_args().out
    try:
        lines = log_file().read_text(encoding="ascii").splitlines()
        written = write_tables(purchases(lines), out)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    for name, count in written.items():
        print(f"{name}: {count:,} rows")


if __name__ == "__main__":
    main()
