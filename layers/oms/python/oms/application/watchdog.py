"""Find what has stopped moving, and move it on or put it before a person."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.application.relay import KEEP_ALERT_DAYS, workflow_of
from oms.domain import ids
from oms.domain.commit import Cause
from oms.domain.frozen import frozen
from oms.domain.order.commands import ExpireHold, ReleaseFulfillmentOrders
from oms.domain.order.events import OnExpiry
from oms.domain.order.holding_back import due_holds, stopped_units
from oms.domain.order.ledger import Place
from oms.domain.order.releasing import release_at
from oms.domain.order.return_commands import ExpireReturns
from oms.domain.order.return_state import to_expire
from oms.domain.order.status import NextStep, Stage, next_step, stage, units_at
from oms.domain.order.summary import due_at, wake_at
from oms.domain.order.tendering import look_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oms.application.gateways import Workflows
    from oms.application.orders import Loaded, Orders
    from oms.application.ports import Clock, Quarantine, Views
    from oms.domain.commit import Commit
    from oms.domain.order.state import Hold, Order

BATCH: Final = 100
ALERT_AFTER: Final = 5
"""Drives of one order, without it moving, before a person is told."""
FIRST_WAIT: Final = timedelta(minutes=2)
LONGEST_WAIT: Final = timedelta(hours=6)
PARKED_WAIT: Final = timedelta(minutes=5)
ROUNDS: Final = 8
"""Times that a run looks again after all that it found was released: at a cut-off many are due in one minute."""
BUDGET: Final = timedelta(seconds=30)
"""After so long it does not: the function may live for sixty seconds."""


def _later(now: datetime, tries: int) -> datetime:
    """When an order is looked at again after so many tries: each wait twice the one before."""
    wait: timedelta = min(FIRST_WAIT * 2 ** min(tries, 10), LONGEST_WAIT)
    return now + wait


@frozen(kw_only=False)
class ListUnpromised:
    """Orders that were placed some minutes ago and have no row: their promise did not come, and nobody would see them.

    They get their row here, of the commit that placed them, and with it the watchdog's attention.
    """

    views: Views

    def __call__(self, placed: Sequence[Commit]) -> int:
        """How many of the orders that these commits placed had to be listed."""
        by_order = {commit.summary["order_id"]: commit for commit in placed if commit.summary.get("order_id")}
        when = {order_id: datetime.fromisoformat(commit.summary["placed_at"]) for order_id, commit in by_order.items()}
        unlisted = self.views.unlisted(when)
        for order_id in unlisted:
            self.views.project(by_order[order_id], late=True)
        return len(unlisted)


@frozen(kw_only=False)
class RedriveOverdue:
    """A run looks at what is overdue in `views`, decides on the log, and acts."""

    orders: Orders
    views: Views
    workflows: Workflows
    quarantine: Quarantine
    requeue: Callable[[Mapping[str, Any]], None]
    """Puts a delivery on the queue it came from."""
    now: Clock

    def __call__(self) -> dict[str, int]:
        """How many orders were driven, released, let go of a hold, alerted, left; how many parked inputs replayed."""
        counts = {"driven": 0, "released": 0, "expired": 0, "alerted": 0, "at_rest": 0, "replayed": 0}
        until = self.now() + BUDGET
        for _ in range(ROUNDS):
            before = counts["released"] + counts["expired"]
            for row in self.views.overdue(self.now(), BATCH):
                counts[self._isolated(row)] += 1
            if counts["released"] + counts["expired"] - before < BATCH or self.now() >= until:
                break
        counts["replayed"] = self._parked()
        return counts

    def _isolated(self, row: Mapping[str, Any]) -> str:
        """An order that cannot be driven, not even read, is put before a person and must not stop the others."""
        now = self.now()
        try:
            return self._order(row)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next order has its turn
            tries = int(row.get("tries", 0)) + 1
            placed_at = datetime.fromisoformat(row["placed_at"])
            self.views.postpone(row["order_id"], placed_at, row["commit"], _later(now, tries), tries)
            self._raise(row, row["commit"], now, "unreadable", problem=type(error).__name__)
            return "alerted"

    def _order(self, row: Mapping[str, Any]) -> str:
        loaded = self.orders.load(row["order_id"])
        order = loaded.order
        if order is None:
            self.views.postpone(row["order_id"], datetime.fromisoformat(row["placed_at"]), row["commit"], None, 0)
            return "at_rest"
        if loaded.history.number > row["commit"]:
            # The views missed commits: bring them up to the log, and look at what the log says.
            for commit in loaded.history.commits[row["commit"] :]:
                self.views.project(commit)
            if self._step(order) is NextStep.NONE:
                return "at_rest"  # it was the row that was late: now it has the due time of its last commit
        return self._act(loaded, order, int(row.get("tries", 0)) + 1)

    def _act(self, loaded: Loaded, order: Order, tries: int) -> str:
        number = loaded.history.number
        now = self.now()
        step = self._step(order)
        due = release_at(order)
        if due and due <= now:
            return self._release(loaded, order, tries, now)
        if over := due_holds(order, now):
            return self._end(loaded, order, over[0], tries, now)
        if to_expire(order, now):
            return self._expire(loaded, order, tries, now)
        if step is NextStep.NONE and due_at(order, now) is None:
            self.views.postpone(order.order_id, order.placed.placed_at, number, None, 0)
            return "at_rest"
        ends = look_at(order)
        if next_step(order) is NextStep.NONE and ends and ends <= now:
            step = NextStep.SETTLE
        until = min(_later(now, tries), wake_at(order, now) or _later(now, tries))
        self.views.postpone(order.order_id, order.placed.placed_at, number, until, tries)
        if step is not NextStep.NONE:
            payload = {"order_id": order.order_id, "step": step.value, "cause": f"watchdog:{number}:{tries}"}
            self.workflows.start(workflow_of(step.value), payload)
        if step is NextStep.NONE or (tries >= ALERT_AFTER and not units_at(order, Place.BACKORDERED)):
            self._alert(order, number, now)
            return "alerted"
        return "driven"

    def _release(self, loaded: Loaded, order: Order, tries: int, now: datetime) -> str:
        """Here and not by a workflow: it is one commit, and nobody else is asked."""
        number = loaded.history.number
        self.views.postpone(order.order_id, order.placed.placed_at, number, _later(now, tries), tries)
        command = ReleaseFulfillmentOrders(
            command_id=ids.command_id("release", loaded.history.stream, str(number)), at=now
        )
        cause = Cause(kind="watchdog", ref="release", actor="watchdog")
        self.orders.execute(order.order_id, command, cause, loaded=loaded)
        return "released"

    def _end(self, loaded: Loaded, order: Order, hold: Hold, tries: int, now: datetime) -> str:
        """Its time is over: one hold at a time, each by a command of its own. Who is to be told is told before.

        Several parts of a cancellation that one transaction cannot hold are told apart by what was left to cancel.
        """
        number = loaded.history.number
        self.views.postpone(order.order_id, order.placed.placed_at, number, _later(now, tries), tries)
        if hold.on_expiry is OnExpiry.ESCALATE:
            self._alert(order, number, now, kind="hold_overdue", problem=hold.kind)
        left = sum(stopped_units(order, hold).values())
        command = ExpireHold(
            command_id=ids.command_id("expire_hold", order.order_id, hold.hold_id, str(left)),
            hold_id=hold.hold_id,
            at=now,
        )
        cause = Cause(kind="watchdog", ref=f"expire_hold:{hold.hold_id}", actor="watchdog")
        self.orders.execute(order.order_id, command, cause, loaded=loaded)
        return "expired"

    def _expire(self, loaded: Loaded, order: Order, tries: int, now: datetime) -> str:
        """Returns that were not sent in time bind their units no more: one commit, as with a release."""
        number = loaded.history.number
        self.views.postpone(order.order_id, order.placed.placed_at, number, _later(now, tries), tries)
        command = ExpireReturns(command_id=ids.command_id("expire", loaded.history.stream, str(number)), at=now)
        self.orders.execute(
            order.order_id, command, Cause(kind="watchdog", ref="expire", actor="watchdog"), loaded=loaded
        )
        return "released"

    @staticmethod
    def _step(order: Order) -> NextStep:
        """What the log asks for; besides, backorders and unknown SKUs are looked at again."""
        step = next_step(order)
        if step is NextStep.NONE and (units_at(order, Place.BACKORDERED) or stage(order) is Stage.ON_HOLD):
            return NextStep.PROMISE
        return step

    def _alert(self, order: Order, number: int, now: datetime, kind: str = "overdue", problem: str = "") -> None:
        shown: dict[str, Any] = {"order_id": order.order_id, "number": order.placed.number, "stage": stage(order).value}
        if returns := [known.number for known in order.returns.values() if known.open]:
            shown["returns"] = returns
        self._raise(shown, number, now, kind, problem)

    def _raise(self, shown: Mapping[str, Any], number: int, now: datetime, kind: str, problem: str = "") -> None:
        """Once per state of the order and day."""
        order_id = shown["order_id"]
        row = {
            "alert_id": f"{order_id}:{number}",
            "order_id": order_id,
            "number": shown.get("number", ""),
            "kind": kind,
            "stage": shown["stage"],
            "raised_at": now.isoformat(),
            **({"returns": shown["returns"]} if shown.get("returns") else {}),
            **({"problem": problem} if problem else {}),
        }
        self.views.put_row("alert", f"{now:%Y-%m-%d}#{order_id}#{number:08d}", row, keep_days=KEEP_ALERT_DAYS)

    def _parked(self) -> int:
        """Inputs that waited for an order or a parcel, when that has come."""
        replayed = 0
        now = self.now()
        for row in self.quarantine.waiting(now, BATCH):
            try:
                come = self._replay(row)
            except Exception:  # noqa: BLE001 - replayed by a person meanwhile, or unreadable: it stays, others go on
                come = False
            if come:
                replayed += 1
            else:
                self.quarantine.look_again(row["parked_id"], now + PARKED_WAIT)
        return replayed

    def _replay(self, row: Mapping[str, Any]) -> bool:
        if not self._has_come(row.get("waits_for", "")):
            return False
        # Queued before it leaves the quarantine: a crash between the two delivers it twice, never not at all.
        self.requeue(self.quarantine.get(row["parked_id"]).message)
        self.quarantine.remove(row["parked_id"])
        return True

    def _has_come(self, waits_for: str) -> bool:
        kind, _, value = waits_for.partition("#")
        if value:
            return bool(self.views.orders_with(kind, value))
        return bool(kind) and self.orders.load(kind).order is not None
