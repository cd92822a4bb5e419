"""What follows a commit: views brought up to date, the next burst of work started, others told.

The stream brings each commit at least once, and perhaps twice: everything here may be repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.billing import may_need
from oms.domain.frozen import frozen
from oms.domain.order.dispute_alerts import alert_of
from oms.domain.order.status import NextStep
from oms.domain.public_events import public_events
from oms.domain.stock import StockCounted, freed_skus
from oms.domain.supply import expected_skus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oms.application.gateways import Bus, Workflows
    from oms.application.ports import Views
    from oms.application.relay_outbound import QueueOutbound
    from oms.domain.commit import Commit

WORKFLOW: Final = "b2c_order"
RETURNS: Final = "return_settlement"
KEEP_ALERT_DAYS: Final = 90
WAKE: Final = 50
"""Waiting orders woken by one commit, whatever it freed; the watchdog wakes the others. A commit may free 90 SKUs, and
what it starts must fit into one invocation, or the shard stands still."""


def workflow_of(step: str) -> str:
    """The workflow that takes the step."""
    return RETURNS if step == NextStep.RETURN.value else WORKFLOW


def _goes_on(commit: Commit) -> bool:
    """The promise of a large order is many commits of one step, which makes the next itself."""
    own = commit.cause.kind == "workflow" and commit.cause.actor == NextStep.PROMISE.value
    return own and commit.summary.get("next") in (NextStep.PROMISE.value, NextStep.CANCEL.value)


@frozen(kw_only=False)
class RelayCommit:
    """One commit. Views first, so that what a workflow or subscriber looks up is there."""

    views: Views
    workflows: Workflows
    bus: Bus
    outbound: QueueOutbound | None = None
    """Puts on a queue what channels must be told."""
    invoices: Callable[[str], None] | None = None
    """Has the invoices of an order issued; none where nobody wants any."""

    def __call__(self, commit: Commit) -> None:
        """Raises whatever the ports raise: the record is tried again, and parked when that does not help."""
        self.follow(commit)
        self.publish([commit])

    def follow(self, commit: Commit) -> None:
        """The views, and the next burst of work."""
        self.views.project(commit)
        self._tell_missing(commit)
        self._tell_disputed(commit)
        order_id = commit.summary.get("order_id", "")
        cause = f"{commit.stream}:{commit.number}"
        step = commit.summary.get("next", "")
        if order_id and step and not _goes_on(commit):
            self.workflows.start(workflow_of(step), {"order_id": order_id, "step": step, "cause": cause})
        for waiting in self._woken(commit, order_id):
            payload = {"order_id": waiting, "step": NextStep.PROMISE.value, "cause": cause}
            self.workflows.start(WORKFLOW, payload)
        if self.outbound:
            self.outbound.follow(commit)
        if self.invoices and order_id and may_need(commit):
            self.invoices(order_id)

    def publish(self, commits: Sequence[Commit]) -> None:
        """The public events of several commits at once: the bus takes ten a call. Stock that moved, in the same way."""
        if self.outbound:
            self.outbound.levels(commits)
        published = [event for commit in commits for event in public_events(commit)]
        if published:
            self.bus.publish(published)

    def _tell_missing(self, commit: Commit) -> None:
        """A count that did not find what orders have bound is for a person to look at, once."""
        for index, event in enumerate(commit.events):
            if isinstance(event, StockCounted) and event.missing:
                row = {
                    "alert_id": f"{commit.stream}:{commit.number}:{index}",
                    "kind": "stock_missing",
                    "sku": event.sku,
                    "node_id": event.node_id,
                    "missing": event.missing,
                    "raised_at": commit.at.isoformat(),
                }
                key = f"{commit.at:%Y-%m-%d}#{commit.stream}#{commit.number:08d}#{index:02d}"
                self.views.put_row("alert", key, row, keep_days=KEEP_ALERT_DAYS)

    def _tell_disputed(self, commit: Commit) -> None:
        """A dispute that begins, and how it ends, are for a person to look at, once."""
        for index, event in enumerate(commit.events):
            if about := alert_of(event):
                row = {
                    "alert_id": f"{commit.stream}:{commit.number}:{index}",
                    **about,
                    "order_id": commit.summary.get("order_id", ""),
                    "number": commit.summary.get("number", ""),
                    "raised_at": commit.at.isoformat(),
                }
                key = f"{commit.at:%Y-%m-%d}#{commit.stream}#{commit.number:08d}#{index:02d}"
                self.views.put_row("alert", key, row, keep_days=KEEP_ALERT_DAYS)

    def _woken(self, commit: Commit, own: str) -> list[str]:
        """Orders that wait for what became available or is expected otherwise than before.

        Each once, and of every SKU its longest waiting first: the date of those behind depends on what they get.
        """
        found: dict[str, None] = {}
        for sku in dict.fromkeys((*freed_skus(commit.events), *expected_skus(commit.events))):
            if len(found) >= WAKE:
                break
            found.update(dict.fromkeys(each for each in self.views.waiting_orders(sku, WAKE) if each != own))
        return list(found)[:WAKE]
