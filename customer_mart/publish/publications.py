"""The versions of customer_ltv_scoring that runs published, and what each of them replaced."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from customer_mart.publish.history import Commit

# What the commit of a run that publishes scores says, and no other commit.
DIM_VERSION = "dim_customer_version"


@dataclass(frozen=True)
class Publication:
    """A published version of the scores.

    metadata: what the run said of itself. replaced: the version with the rows it took the place
    of. previous_as_of: the as-of instant of the publication before; None when the history tells
    of none.
    """

    version: int
    metadata: Mapping[str, str]
    replaced: int
    previous_as_of: datetime | None

    @property
    def run_id(self) -> str:
        return self.metadata["run_id"]

    @property
    def as_of(self) -> datetime:
        return datetime.fromisoformat(self.metadata["as_of"])


def publications(history: Iterable[Commit]) -> Iterator[Publication]:
    """Every publication in a history of commits, oldest first.

    What a publication replaced is the version right before it: compaction has left its rows as
    they were, and customers who were deleted from it are not brought back. A RESTORE however is
    no publication: after one, it is the last publication that is compared with, so that the moves
    of a customer follow from each other.
    """
    last: Publication | None = None
    was_restored = False
    for commit in sorted(history, key=lambda commit: commit.version):
        if DIM_VERSION in commit.metadata:
            replaced = last.version if last and was_restored else commit.version - 1
            previous_as_of = last.as_of if last else None
            last = Publication(commit.version, commit.metadata, replaced, previous_as_of)
            was_restored = False
            yield last
        elif commit.operation == "RESTORE":
            was_restored = True


def owed_publications(history: Iterable[Commit], done: Collection[str]) -> list[Publication]:
    """The publications after the last one that is done with, oldest first.

    done: runs whose publication was compared, as far as is still told. They are compared in order:
    of those before the last one done, none is owed, though the log that told so may be cleaned up.
    """
    found = list(publications(history))
    up_to_last = [at for at, publication in enumerate(found, 1) if publication.run_id in done]
    return found[max(up_to_last, default=0) :]
