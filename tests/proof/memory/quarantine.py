"""Parked inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oms.adapters.keys import at_sk, instant
from oms.domain.codec import to_plain
from oms.domain.errors import QuarantineNotFoundError
from tests.proof.memory.store import Port, step, through_json
from tests.proof.memory.views import page

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping
    from datetime import datetime

    from oms.domain.parked import Parked


class MemoryQuarantine(Port):
    """Quarantine port."""

    __slots__ = ()

    @step("quarantine.park")
    def park(self, parked: Parked) -> None:
        """See the port."""
        kept = parked
        if self.faithful:
            kept = replace(parked, message=through_json(parked.message), detail=through_json(parked.detail))
        self.store.put(self.store.parked, parked.parked_id, (kept, parked.parked_at))

    @step("quarantine.get")
    def get(self, parked_id: str) -> Parked:
        """See the port."""
        if parked_id not in self.store.parked:
            raise QuarantineNotFoundError("no such quarantined input", parked_id=parked_id)
        return self.store.parked[parked_id][0]

    @step("quarantine.list")
    def list(self, limit: int, cursor: str) -> tuple[list[Mapping[str, Any]], str]:
        """See the port."""
        found = {at_sk(instant(entry.parked_at), key): entry for key, (entry, _) in self.store.parked.items()}
        chosen, after = page(sorted(found, reverse=True), limit, cursor, of="quarantine", newest=True)
        return [_row(found[each]) for each in chosen], after

    @step("quarantine.waiting")
    def waiting(self, now: datetime, limit: int) -> builtins.list[Mapping[str, Any]]:
        """See the port."""
        due = sorted((at, key) for key, (entry, at) in self.store.parked.items() if entry.waits_for and at <= now)
        return [_row(self.store.parked[key][0]) for _, key in due[:limit]]

    @step("quarantine.look_again")
    def look_again(self, parked_id: str, at: datetime) -> None:
        """See the port."""
        if parked_id in self.store.parked:
            self.store.put(self.store.parked, parked_id, (self.store.parked[parked_id][0], at))

    @step("quarantine.remove")
    def remove(self, parked_id: str) -> None:
        """See the port."""
        self.store.drop(self.store.parked, parked_id)


def _row(parked: Parked) -> Mapping[str, Any]:
    return {name: value for name, value in to_plain(parked).items() if name != "message"}
