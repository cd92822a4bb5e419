"""Worlds of one engine come to rest together: what died the watchdog starts again, what was parked is replayed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import TYPE_CHECKING, Final

from tests.proof.chaos.arena import ALL_DEAD, ALL_QUEUES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.proof.chaos.arena import Arena
    from tests.proof.chaos.look import Look
    from tests.proof.chaos.play import Play
    from tests.proof.invariants.evidence import Row

PATIENCE_S: Final = 600.0
PAUSE_S: Final = 0.15
AT_ONCE: Final = 4
"""Worlds that are seen to at the same time."""
OPERATOR_AFTER: Final = 3
"""Turns of the watchdog after which a person replays what is still in quarantine and is not poison."""
NEVER: Final = frozenset(
    {"currency_mismatch", "malformed_payload", "totals_mismatch", "unknown_currency", "upstream_refused"}
)
"""Codes of what no replay will change."""


class NoRestError(Exception):
    """A world did not come to rest."""


def rest(plays: Sequence[Play]) -> None:
    """Until nothing moves in any of these: queues empty, workflows ended, lists up to their logs, nothing left to do.

    Raises NoRestError.
    """
    arena, some = plays[0].arena, cycle(plays)
    deadline, last, turns = time.monotonic() + PATIENCE_S, -1, 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while time.monotonic() < deadline:
            if _busy(arena):
                last = -1
                next(some).ship()
                time.sleep(PAUSE_S)
                continue
            if any(list(pool.map(type(plays[0]).ship, plays))):
                last = -1
                continue
            looks = list(pool.map(type(plays[0]).look, plays))
            if _left(arena, looks, turns):
                last, turns = -1, turns + 1
                time.sleep(PAUSE_S)
                continue
            commits = sum(len(stored) for look in looks for stored in look.streams.values())
            if commits == last:
                return
            last = commits
            arena.oms.sandbox.webhooks.drain()
    raise NoRestError(f"{plays[0].world.name} did not come to rest: {_reasons(arena, [each.look() for each in plays])}")


def _busy(arena: Arena) -> int:
    arena.age_holds()
    return arena.waiting(ALL_QUEUES) or arena.oms.workflows("RUNNING") or arena.waiting(ALL_DEAD)


def _reasons(arena: Arena, looks: Sequence[Look]) -> str:
    shown = [f"{count} in {name}" for name in (*ALL_QUEUES, *ALL_DEAD) if (count := arena.waiting([name]))]
    shown += [f"{arena.oms.workflows('RUNNING')} workflows running"]
    for look in looks:
        shown += [f"{order_id} {row}" for order_id, row in _behind(look).items()]
        shown += [f"{key} {row.row}" for key, row in _odd(look).items()]
    return " ".join(shown)[:3000]


def _behind(look: Look) -> dict[str, Row | None]:
    """Orders whose row is behind the log, or that the system itself can move on."""
    rows = {row.order_id: row for row in look.rows if row.order_id}
    return {
        order_id: rows.get(order_id)
        for order_id, life in look.lives.items()
        if order_id not in rows or rows[order_id].number != len(life.stored) or rows[order_id].row.get("next")
    }


def _odd(look: Look) -> dict[str, Row]:
    """Entries in quarantine that are there because something failed or had not come yet."""
    return {
        key: row
        for key, row in look.parked.items()
        if row.row.get("code") not in NEVER or "queue" in row.row.get("detail", {})
    }


def _left(arena: Arena, looks: Sequence[Look], turns: int) -> bool:
    """Have the watchdog, then a person, see to what is left; whether anything was."""
    behind: dict[str, Row | None] = {}
    odd: dict[str, Row] = {}
    for look in looks:
        behind |= _behind(look)
        odd |= _odd(look)
    if not behind and not odd:
        return False
    rows = [order_id for order_id, row in behind.items() if row is not None]
    arena.oms.make_due(*rows)
    for key, row in odd.items():
        if row.row.get("waits_for"):
            arena.oms.make_due(parked_id=key)
    if rows or odd:
        arena.oms.invoke("RedriveOverdue")
    if turns >= OPERATOR_AFTER:
        for key in odd:
            arena.oms.post(f"/quarantine/{key}/replay")
    return True
