"""How orders come: alone, by a Poisson process, or as fast as some clients can send them."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.proof.cost.follow import OVERLOOKED_S, within
from tests.proof.cost.path import STEPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.proof.cost.ledger import Record
    from tests.proof.cost.live import Live
    from tests.proof.cost.path import Journey

APART: Final = frozenset({"ManageStock", "RedriveOverdue", "PollChannels"})
"""Functions that are not on the path: loading stock, and the watchdog and the poller, which come by the clock."""
WINDOW_S: Final = 1.0
"""So long the relay gathers commits."""
ABREAST: Final = 96
"""Orders on their way at once at most when they come by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What was written down, the seconds it took, and the orders a second that this makes."""

    records: list[Record]
    orders: int
    seconds: float

    @property
    def rate(self) -> float:
        """Orders a second."""
        return round(self.orders / self.seconds, 2)


def poisson(live: Live, journeys: Sequence[Journey], rate: float, gap: float, seed: int = 7) -> Phase:
    """Orders arrive at `rate` a second, independently; between an order's steps lie at least `gap` seconds."""
    chance = random.Random(seed)
    began, clock = time.time(), time.monotonic()
    due = clock
    with ThreadPoolExecutor(ABREAST) as pool:
        running = []
        for journey in journeys:
            due += chance.expovariate(rate)
            time.sleep(max(0.0, due - time.monotonic()))
            running.append(pool.submit(live.walk, journey, gap))
        arrived = time.monotonic() - clock
        for each in running:
            each.result()
    live.quiet()
    records = within(live.follower.records, began, time.time(), APART)
    return Phase(records=records, orders=len(journeys), seconds=arrived)


def stepwise(live: Live, journeys: Sequence[Journey]) -> list[Record]:
    """Orders one after the other, everything at rest between steps: every record with the step that it belongs to."""
    found: list[Record] = []
    for journey in journeys:
        for step in STEPS:
            began = time.time()
            live.take(journey, step)
            live.quiet(seconds=WINDOW_S + 0.6)
            found += [each.during(step) for each in within(live.follower.records, began, time.time(), APART)]
    return found


class _Work:
    """Steps that may be taken now, and orders whose last step has not had its effect yet."""

    def __init__(self, live: Live, journeys: Sequence[Journey]) -> None:
        self._live = live
        self._ready = deque((journey, 0) for journey in journeys)
        self._waiting: list[tuple[float, Journey, int]] = []
        self._left = len(journeys)
        self._changed = threading.Condition()

    def take(self) -> tuple[Journey, int] | None:
        """The next step; None when every order is at its end."""
        with self._changed:
            while not self._ready and self._left:
                self._changed.wait(0.5)
            return self._ready.popleft() if self._ready else None

    def taken(self, journey: Journey, place: int) -> None:
        """Answered: what it leads to is waited for."""
        with self._changed:
            self._waiting.append((time.monotonic() + OVERLOOKED_S, journey, place))

    def watch(self) -> None:
        """Let orders go on, until all are at their end."""
        while self._left:
            with self._changed:
                waiting, self._waiting = self._waiting, []
            for deadline, journey, place in waiting:
                if not self._live.taken(journey, STEPS[place]) and time.monotonic() < deadline:
                    with self._changed:
                        self._waiting.append((deadline, journey, place))
                    continue
                with self._changed:
                    if place + 1 < len(STEPS):
                        self._ready.append((journey, place + 1))
                    else:
                        self._left -= 1
                    self._changed.notify_all()
            time.sleep(0.02)


def bursts(live: Live, journeys: Sequence[Journey], clients: int) -> Phase:
    """All orders are there at once, and `clients` send what can be sent, without a pause."""
    work = _Work(live, journeys)
    began, clock = time.time(), time.monotonic()

    def client() -> None:
        while (step := work.take()) is not None:
            journey, place = step
            live.take(journey, STEPS[place])
            work.taken(journey, place)

    watcher = threading.Thread(target=work.watch, daemon=True)
    watcher.start()
    with ThreadPoolExecutor(clients) as pool:
        for each in [pool.submit(client) for _ in range(clients)]:
            each.result()
    seconds = time.monotonic() - clock
    watcher.join()
    live.quiet()
    records = within(live.follower.records, began, time.time(), APART)
    return Phase(records=records, orders=len(journeys), seconds=seconds)
