"""Virtual time: workers are greenlets, and time passes only when all of them wait."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent, greenlet

if TYPE_CHECKING:
    from collections.abc import Callable


class Moments:
    """What comes next is who has waited longest for an instant; the same beginning gives the same end."""

    def __init__(self) -> None:
        self.now = 0.0
        self._hub: Any = getcurrent()
        self._waiting: list[tuple[float, int, Any]] = []
        self._serial = 0

    def wait(self, seconds: float) -> None:
        """Let others go on meanwhile."""
        self._push(getcurrent(), seconds)
        self._hub.switch()

    def spawn(self, body: Callable[[], None]) -> None:
        """A worker that begins now."""
        self._push(greenlet(body, self._hub), 0.0)

    def run(self) -> None:
        """Until nobody waits; an error of a worker is raised."""
        while self._waiting:
            self.now, _, fiber = heapq.heappop(self._waiting)
            fiber.switch()

    def _push(self, fiber: Any, seconds: float) -> None:
        self._serial += 1
        heapq.heappush(self._waiting, (self.now + seconds, self._serial, fiber))
