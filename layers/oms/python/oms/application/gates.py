"""Calls to a vendor within what it allows an account, whoever of all workers makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen
from oms.domain.gate import admit, answered, failed, read_gate, told_to_wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from oms.application.ports import Clock, Outbox
    from oms.domain.gate import Gate, Limit

ATTEMPTS: Final = 6
CROWDED_MS: Final = 1000
"""When so many want to pass at once that the gate changes under one's hands."""


@frozen(kw_only=False)
class Gates:
    """One gate per account; see `domain.gate`."""

    outbox: Outbox
    now: Clock

    def enter(self, source: str, account: str, limit: Limit, calls: int) -> int:
        """Milliseconds until so many calls may be made; 0: they may, now."""
        waits: list[int] = []

        def move(gate: Gate, now: int) -> Gate:
            after, wait = admit(gate, limit, now, calls)
            waits.append(wait)
            return after

        return waits[-1] if self._move(source, account, move) else CROWDED_MS

    def answered(self, source: str, account: str) -> None:
        """The vendor is there."""
        self._move(source, account, lambda gate, _: answered(gate))

    def failed(self, source: str, account: str) -> None:
        """The vendor is not."""
        self._move(source, account, failed)

    def told_to_wait(self, source: str, account: str, limit: Limit, seconds: float) -> None:
        """The vendor asks all of us to wait."""
        wait = int(seconds * 1000)
        self._move(source, account, lambda gate, now: told_to_wait(gate, limit, now, wait))

    def _move(self, source: str, account: str, move: Callable[[Gate, int], Gate]) -> bool:
        """False when others were faster each time. A try whose answer is lost takes a call more, never one less."""
        name = f"gate#{source}#{account}"
        for _ in range(ATTEMPTS):
            row = self.outbox.load(name)
            gate = read_gate(row)
            after = move(gate, int(self.now().timestamp() * 1000))
            if after == gate and row is not None:
                return True
            if self.outbox.save(name, after.document(), row):
                return True
        return False
