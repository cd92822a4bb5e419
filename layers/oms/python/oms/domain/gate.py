"""When a vendor may be called: one gate per account, a token bucket and a circuit breaker, shared by all workers.

The bucket is kept as the time at which it would be full again ("generic cell rate algorithm", ITU-T I.371, the same as
a token bucket): one number, which one conditional write moves. Times are milliseconds since 1970.

The breaker shuts the gate after `THRESHOLD` calls in a row that nobody answered, for longer each time; then one call
alone may try, and opens it again or shuts it for longer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

THRESHOLD: Final = 5
SHUT_MS: Final = 30_000
LONGEST_SHUT_MS: Final = 15 * 60_000
PROBE_MS: Final = 60_000
"""How long the one call that may try keeps the others out: longer than any call takes."""


@frozen
class Limit:
    """A call each `interval_ms` in the long run, and `burst` at once. Of 0 ms: as many as come; none is counted."""

    interval_ms: int
    burst: int


@frozen
class Gate:
    """`full_at`: when the bucket is full again. `failures` in a row; `shut_until`, once they are too many."""

    full_at: int = 0
    failures: int = 0
    shut_until: int = 0

    def document(self) -> dict[str, int]:
        """JSON values."""
        return {"full_at": self.full_at, "failures": self.failures, "shut_until": self.shut_until}

    @property
    def shut(self) -> bool:
        """Nobody but one may try."""
        return self.failures >= THRESHOLD


def read_gate(document: Mapping[str, Any] | None) -> Gate:
    """The gate as it was kept; open and full when it never was."""
    if document is None:
        return Gate()
    return Gate(full_at=document["full_at"], failures=document["failures"], shut_until=document["shut_until"])


def admit(gate: Gate, limit: Limit, now: int, calls: int) -> tuple[Gate, int]:
    """The gate after so many calls, and 0; or as it is, and the milliseconds until they may be tried.

    More calls than fit into the bucket wait until it is full, and are then let through.
    """
    if gate.shut:
        if now < gate.shut_until:
            return gate, gate.shut_until - now
        gate = replace(gate, shut_until=now + PROBE_MS)
    full_at = max(gate.full_at, now)
    room = limit.burst * limit.interval_ms
    wait = full_at + min(calls, limit.burst) * limit.interval_ms - room - now
    if wait > 0:
        return gate, wait
    return (replace(gate, full_at=full_at + calls * limit.interval_ms) if limit.interval_ms else gate), 0


def told_to_wait(gate: Gate, limit: Limit, now: int, wait: int) -> Gate:
    """The vendor says that there are no calls for so long: the bucket is empty until then."""
    return replace(gate, full_at=max(gate.full_at, now + wait + (limit.burst - 1) * limit.interval_ms))


def failed(gate: Gate, now: int) -> Gate:
    """Nobody answered."""
    failures = gate.failures + 1
    if failures < THRESHOLD:
        return replace(gate, failures=failures)
    wait = min(SHUT_MS << min(failures - THRESHOLD, 10), LONGEST_SHUT_MS)
    return replace(gate, failures=failures, shut_until=now + wait)


def answered(gate: Gate) -> Gate:
    """Somebody did, whatever the answer was."""
    return replace(gate, failures=0, shut_until=0) if gate.failures else gate
