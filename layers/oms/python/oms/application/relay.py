"""What follows a commit: views brought up to date, the next burst of work started, public events published.

The stream brings each commit at least once, and perhaps twice: everything here may be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from oms.domain.order.status import NextStep
from oms.domain.public_events import public_events
from oms.domain.stock import freed_skus

if TYPE_CHECKING:
    from oms.application.ports import Bus, Views, Workflows
    from oms.domain.commit import Commit

WORKFLOW: Final = "b2c_order"
WAKE: Final = 50
"""Waiting orders woken at once by one commit; the watchdog wakes the others."""


@dataclass(frozen=True, slots=True)
class RelayCommit:
    """One commit. Views first, so that what a workflow or subscriber looks up is there."""

    views: Views
    workflows: Workflows
    bus: Bus

    def __call__(self, commit: Commit) -> None:
        """Raises whatever the ports raise: the record is tried again, and parked when that does not help."""
        self.views.project(commit)
        order_id = commit.summary.get("order_id", "")
        cause = f"{commit.stream}:{commit.number}"
        step = commit.summary.get("next", "")
        if order_id and step:
            self.workflows.start(WORKFLOW, {"order_id": order_id, "step": step, "cause": cause})
        for sku in freed_skus(commit.events):
            for waiting in self.views.waiting_orders(sku, WAKE):
                if waiting != order_id:
                    payload = {"order_id": waiting, "step": NextStep.PROMISE.value, "cause": cause}
                    self.workflows.start(WORKFLOW, payload)
        published = list(public_events(commit))
        if published:
            self.bus.publish(published)
