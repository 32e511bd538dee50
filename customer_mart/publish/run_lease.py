"""One run at a time on a mart behind a URI or in a catalog, by a claim that its holder renews.

No kernel watches there over who holds what. So whoever wants the mart writes a claim of its own
name and then lists the claims: who sees no other has the mart. Of two that come at once the later
to list sees the other's claim, for today's stores list what has been written; of two that see each
other the one of the greater name, which came later, steps back. So no two have the mart, with
nothing asked of the store that some stores lack, such as conditional writes.

The claim of a killed run grows old, and is passed over once it has not been renewed for as long as
it says itself. Ages are told by the clock of the store, the one clock that all claimants share.
"""

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from secrets import token_hex
from typing import Any, Protocol

from customer_mart.errors import MartError, first_line

CLAIMS = "_run.lease"
# Longer than another claimant takes from its claim to stepping back; whoever stays has the mart.
SETTLE_SECONDS = 5.0
RENEWALS_PER_LEASE = 4
TRIES = 3
# Every look of one that waits is a claim made and taken back.
LONGEST_PAUSE_SECONDS = 10.0


class Claims(Protocol):
    """Where claims are kept by name: what was written is there for whoever lists afterwards."""

    @property
    def uri(self) -> str:
        """The place, in words."""

    def write(self, name: str, text: str) -> None:
        """Puts a claim there."""

    def replace(self, name: str, text: str) -> bool:
        """Renews a claim; False where it had gone."""

    def read(self, name: str) -> str | None:
        """What a claim says; None when it cannot be read."""

    def modified(self) -> dict[str, int]:
        """When each claim was written last, in milliseconds by one clock."""

    def delete(self, name: str) -> None:
        """Takes a claim away; an error where somebody else does, or renews it."""


@contextmanager
def run_lease(
    claims: Claims,
    mart: str,
    holder: dict[str, Any],
    seconds: int,
    wait_seconds: int,
    settle_seconds: float = SETTLE_SECONDS,
) -> Iterator[None]:
    """Holds the lease on a mart by its claims and renews it; waits so long for it.

    mart: its place, in words. holder: who this is, in the words of `described`. seconds: how long
    the claim counts after it was renewed last; whoever cannot renew it is stopped before others
    may pass over it. settle_seconds: for so long another that came at once may take to step back.

    Raises:
        MartError: if another run still holds it, this one has lost it, or the store refuses it.
    """
    lease = Lease(claims, {**holder, "lease_seconds": seconds}, seconds, settle_seconds)
    until, pause = time.monotonic() + wait_seconds, 1.0
    while (other := _claimed(lease)) is not None:
        if time.monotonic() >= until:
            raise MartError(
                f"The mart {mart} is in use by {described(other)}, or was until it was killed: "
                f"its lock ends {_term(other)} after its last renewal; run again, or wait with "
                "--set mart.wait_seconds=3600"
            )
        # Two that wait are not to meet again and again.
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
        pause = min(LONGEST_PAUSE_SECONDS, pause * 1.2)
    try:
        with _heeding_loss(lease):
            lease.keep()
            yield
    except KeyboardInterrupt:
        if lease.is_lost:
            raise MartError(
                f"This run was stopped: for {seconds} s it could not renew its lock in "
                f"{claims.uri}, and another run may have the mart; run again"
            ) from None
        raise
    finally:
        lease.release()


@contextmanager
def _heeding_loss(lease: "Lease") -> Iterator[None]:
    """Lets the lease stop a process that ignores SIGINT, and still ignores that of anybody else.

    A shell starts what it runs in the background of a script so. A session in this process has put
    a handler of its own in the place of that, but one of Spark Connect has not.
    """

    def stop_if_lost(*_: object) -> None:
        if lease.is_lost:
            raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, stop_if_lost)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _claimed(lease: "Lease") -> dict[str, Any] | None:
    try:
        return lease.claim()
    except MartError:
        raise
    except Exception as refused:
        raise MartError(
            f"The mart's lock cannot be written to {lease.claims.uri}: {first_line(refused)}"
        ) from refused


def described(holder: dict[str, Any]) -> str:
    """Who holds a lock, in words."""
    try:
        return "a {what} (process {pid} on {host} since {since})".format(**holder)
    except KeyError:
        return "another run"


def _term(holder: dict[str, Any]) -> str:
    return f"{holder.get('lease_seconds', '?')} s"


class Lease:
    """A claim on a mart, and the thread that renews it."""

    def __init__(
        self,
        claims: Claims,
        content: dict[str, Any],
        seconds: int,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self.claims = claims
        self.settle_seconds = settle_seconds
        self.content = json.dumps(content)
        self.seconds = seconds
        # Names sort by the time of the claim; the suffix tells apart those of one moment.
        self.name = f"{datetime.now(tz=timezone.utc):%Y%m%dT%H%M%S%fZ}_{token_hex(4)}.json"
        self.is_lost = False
        self._released = threading.Event()
        self._renewed_at = 0.0
        # Apart, for a store that does not answer holds whoever asks it.
        self._keepers = [
            threading.Thread(target=kept, daemon=True) for kept in (self._renew, self._watch)
        ]

    def claim(self) -> dict[str, Any] | None:
        """Takes the lease; or what its holder says of itself, if it is another's."""
        try:
            self._renewed_at = time.monotonic()
            self.claims.write(self.name, self.content)
            other = self._other()
        except BaseException:
            # Left there, it would keep others off the mart for as long as it counts.
            with suppress(Exception):
                self._withdraw()
            raise
        if other is not None:
            self._withdraw()
        return other

    def _other(self) -> dict[str, Any] | None:
        """What another says of itself who has the lease; None when this one has it."""
        until = time.monotonic() + self.settle_seconds
        while others := self._others():
            first = min(others)
            if first < self.name or time.monotonic() >= until:
                return others[first]
            time.sleep(0.2)
        return None

    def _withdraw(self) -> None:
        """Takes its own claim away; others may have passed over it meanwhile."""
        for _ in range(TRIES - 1):
            with suppress(Exception):
                self.claims.delete(self.name)
                return
        self.claims.delete(self.name)

    def keep(self) -> None:
        """Renews the claim until it is released."""
        for keeper in self._keepers:
            keeper.start()

    def release(self) -> None:
        """Gives the lease up; one that was lost is another's."""
        self._released.set()
        for keeper in self._keepers:
            # One that waits for a store that does not answer has nothing left to renew.
            if keeper.is_alive():
                keeper.join(0 if self.is_lost else self.seconds)
        # Left behind where the store cannot be reached, the claim runs out by itself.
        with suppress(Exception):
            if not self.is_lost:
                self._withdraw()

    def _others(self) -> dict[str, dict[str, Any]]:
        """What the others' claims say that count, by name; those that ran out are deleted.

        One that cannot be read counts, and so does whatever hides this one's own.
        """
        modified = self.claims.modified()
        if self.name not in modified:
            return {"": {}}
        now = modified.pop(self.name)
        others = {}
        for name, written in modified.items():
            claim = _parsed(self.claims.read(name))
            has_run_out = (now - written) / 1000 > claim.get("lease_seconds", self.seconds)
            if not (has_run_out and self._passed_over(name)):
                others[name] = claim
        return others

    def _passed_over(self, name: str) -> bool:
        """Takes away a claim that has run out; False where another does that, or it is renewed."""
        try:
            self.claims.delete(name)
        except Exception:  # noqa: BLE001 - whatever the store or the engine says
            return False
        return True

    def _renew(self) -> None:
        while not self._released.wait(self.seconds / RENEWALS_PER_LEASE):
            # A store that fails is asked again, as long as the claim counts.
            with suppress(Exception):
                asked_at = time.monotonic()
                if not self.claims.replace(self.name, self.content):
                    # Passed over while this process stood still.
                    self._lose()
                    return
                self._renewed_at = asked_at

    def _watch(self) -> None:
        limit = self.seconds - self.seconds / RENEWALS_PER_LEASE
        while not self._released.wait(0.5):
            if time.monotonic() - self._renewed_at >= limit:
                self._lose()
                return

    def _lose(self) -> None:
        """Stops the run as Ctrl-C would, its Spark jobs included."""
        if not self.is_lost and not self._released.is_set():
            self.is_lost = True
            os.kill(os.getpid(), signal.SIGINT)


def _parsed(content: str | None) -> dict[str, Any]:
    try:
        parsed = json.loads(content or "")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
