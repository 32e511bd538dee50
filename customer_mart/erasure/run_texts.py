"""The messages of mart_runs without the ids of erased customers.

No message of this package names a customer; an engine's may, such as that of a failed cast.
"""

import re
from collections.abc import Collection

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

TEXTS = ("error", "rebuild_reason")
IN_PLACE = "(erased)"


def scrubbed_runs(runs: DataFrame, ids: Collection[str]) -> DataFrame:
    """One row per run whose messages hold an id, with the messages as they should be.

    Messages are few and short: they are looked through one by one.
    """
    pattern = _whole(ids)
    columns = ["run_id", *TEXTS]
    has_text = F.coalesce(*TEXTS).isNotNull()
    changed = []
    for row in runs.where(has_text).select(*columns).toLocalIterator():
        texts = [row[name] and pattern.sub(IN_PLACE, row[name]) for name in TEXTS]
        if texts != [row[name] for name in TEXTS]:
            changed.append((row["run_id"], *texts))
    ddl = ", ".join(f"{name} string" for name in columns)
    return runs.sparkSession.createDataFrame(changed, ddl)


def _whole(ids: Collection[str]) -> re.Pattern[str]:
    """Any of the ids where it is not part of a longer word or number."""
    longest_first = sorted(ids, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
