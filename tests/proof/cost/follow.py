"""Follows the records while they are written, so that whoever drives knows how far each order has come."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from tests.proof.cost.ledger import BROKEN, Record, requests_of_invocation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.proof.cost.path import Journey

LOOK_S: Final = 0.02
OVERLOOKED_S: Final = 60.0
"""A step whose trace in the records cannot be told is taken to be done after so long."""


@dataclass
class Follower:
    """Reads `path` on a thread of its own. `records` are all so far, in the order in which they were written."""

    path: Path
    records: list[Record] = field(default_factory=list)
    broken: str = ""
    """Why measuring failed; nothing that was counted is worth anything then."""
    _seen: dict[str, set[str]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self.path.touch()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, when everything written so far is read."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        rest = ""
        with self.path.open(encoding="utf-8") as file:
            while True:
                ending = self._stop.is_set()
                rest += file.read()
                *lines, rest = rest.split("\n")
                for line in lines:
                    self._take(Record.load(line))
                if ending:
                    return
                if not lines:
                    time.sleep(LOOK_S)

    def _take(self, record: Record) -> None:
        if record.call == BROKEN:
            self.broken = record.step
        if record.call == "lambda.Invoke":
            record = replace(record, requests=requests_of_invocation(record.trigger))
        self.records.append(record)
        for line in record.lines:
            if line.key and not line.failed:
                for word in (line.key, *line.key.split("|"), *line.key.replace("|", "#").split("#")):
                    self._seen.setdefault(word, set()).add(f"{record.by} {line.key} {line.what}")

    def reserved(self, journey: Journey) -> bool:
        """Its stock is bound."""
        return any("LinesReserved" in what for what in self._about(journey))

    def shipped(self, journey: Journey) -> bool:
        """It has left, and what scans are looked up by is written."""
        found = self._about(journey)
        return any("ShipmentShipped" in what for what in found) and any(journey.tracking in what for what in found)

    def scans(self, journey: Journey) -> int:
        """How many scans were taken in."""
        return len([what for what in self._about(journey) if what.startswith("TakeTracking")])

    def _about(self, journey: Journey) -> set[str]:
        return self._seen.get(journey.order_id, set()) | self._seen.get(journey.tracking, set())

    def quiet(self, seconds: float = 1.5, patience: float = 300.0) -> None:
        """Wait until nothing was written for a while; raises TimeoutError."""
        deadline = time.monotonic() + patience
        count, since = -1, time.monotonic()
        while time.monotonic() - since < seconds:
            if len(self.records) != count:
                count, since = len(self.records), time.monotonic()
            if self.broken:
                raise RuntimeError(self.broken)
            if time.monotonic() > deadline:
                raise TimeoutError("functions never come to rest")
            time.sleep(0.05)


def wait_until(done: Callable[[], bool], seconds: float = OVERLOOKED_S) -> bool:
    """Whether it became so in time."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_S)
    return True


def within(records: Sequence[Record], since: float, until: float, apart: frozenset[str]) -> list[Record]:
    """Records of a span of time, without those of the functions `apart`."""
    return [each for each in records if since <= each.at <= until and each.by not in apart]
