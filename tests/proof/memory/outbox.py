"""What is sent on: kept in order, for whoever plays the receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.proof.memory.store import Port, step, through_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class MemoryQueue(Port):
    """Queue port; messages of any size."""

    __slots__ = ()

    @step("queue.send")
    def send(self, message: Mapping[str, Any], delay_s: int = 0) -> None:
        """See the port."""
        self.store.add(self.store.queued, through_json(message) if self.faithful else message)

    def take(self) -> list[Mapping[str, Any]]:
        """What waits, which it does no longer."""
        return self.store.take(self.store.queued)


class MemoryWorkflows(Port):
    """Workflows port."""

    __slots__ = ()

    @step("workflows.start")
    def start(self, name: str, payload: Mapping[str, Any]) -> None:
        """See the port."""
        self.store.add(self.store.started, (name, through_json(payload) if self.faithful else payload))

    def take(self) -> list[tuple[str, Mapping[str, Any]]]:
        """What was started (name and payload), and is now for the caller to run."""
        return self.store.take(self.store.started)


class MemoryBus(Port):
    """Bus port."""

    __slots__ = ()

    @step("bus.publish")
    def publish(self, events: Sequence[tuple[str, str, Mapping[str, Any]]]) -> None:
        """See the port."""
        for event_id, kind, detail in events:
            self.store.add(self.store.published, (event_id, kind, through_json(detail) if self.faithful else detail))

    def take(self) -> list[tuple[str, str, Mapping[str, Any]]]:
        """What was published and not taken before."""
        return self.store.take(self.store.published)
