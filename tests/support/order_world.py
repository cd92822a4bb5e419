"""The world around one order, and books of stock and money kept apart from the order's own."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from oms.domain.codec import event_from_plain, event_to_plain
from oms.domain.errors import InsufficientStockError, LedgerImbalanceError, OmsError
from oms.domain.order import commands as cmd
from oms.domain.order.accounts import balances, drift
from oms.domain.order.charging import chargeable, header_total, owed, payable, units_value
from oms.domain.order.edit_commands import EditOrder, EditPlan, OrderEdit
from oms.domain.order.events import (
    Disposition,
    LinesCancelled,
    LinesReturned,
    NodeUnits,
    OnExpiry,
    SerialsReturned,
    ShipmentShipped,
)
from oms.domain.order.evolve import fold
from oms.domain.order.holding_back import hold_expiry, stopped_units
from oms.domain.order.ledger import Place
from oms.domain.order.promising import wanted_units
from oms.domain.order.return_facts import ReturnCredited
from oms.domain.order.return_state import RETURN_MOVES, ReturnStatus, returnable
from oms.domain.order.state import FULFILLMENT_ORDER_MOVES, REFUND_MOVES, RefundStatus
from oms.domain.order.status import LIFECYCLE, NextStep, OrderStatus, next_step, order_status, payment_cleared, stage
from oms.domain.order.summary import due_at, summarize
from oms.domain.payment_events import PaymentEvent, PaymentEventKind
from oms.domain.serials import Serial
from tests.support.billing import agrees_with_the_ledger
from tests.support.builders import BERLIN, PARIS, STRIPE, Story, minutes, units_of
from tests.support.edits import assert_edited, more

if TYPE_CHECKING:
    from datetime import datetime

    from oms.domain.canonical import CanonicalOrder
    from oms.domain.order.charging import DueCapture
    from oms.domain.order.events import OrderEvent, PaymentPlan
    from oms.domain.order.state import Order
    from oms.domain.serials import ByLine

NODES: Final = ("WH1", "WH2", "WH3")
SERIALIZED: Final = (("C", ("C",)),)
"""Units of C have serial numbers."""


class OrderWorld:
    """`told` is the newest that the channel has to say. What must hold is checked by the methods that say so."""

    def __init__(self, told: CanonicalOrder, plan: PaymentPlan) -> None:
        """The world before the order is placed."""
        self.told = told
        self.plan = plan
        self.story = Story()
        self.status: OrderStatus | None = None
        self.received: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.damaged: Counter[str] = Counter()
        self.deliveries = [told]
        self.commands: list[cmd.Command] = []
        self.refunds = 0
        self.printed = 0
        """Serial numbers that there are."""
        for sku in "ABC":
            for node in NODES[:2]:
                self.receive(sku, node, 3)
        self.deliver(told)

    def receive(self, sku: str, node: str, units: int) -> None:
        self.story.stock.receive(sku, node, units)
        self.received[sku] += units

    def run(self, command: cmd.Command) -> tuple[OrderEvent, ...]:
        """Run a command; only refusals that callers are told of may be raised, and they change nothing."""
        before = self.story.state
        self.commands.append(command)
        try:
            events = self.story.do(command)
        except (LedgerImbalanceError, InsufficientStockError):
            raise
        except OmsError:
            assert self.story.state is before
            return ()
        self.check_moves(before, events)
        return events

    def deliver(self, order: CanonicalOrder) -> None:
        self.run(
            cmd.SyncOrder(
                command_id=self.story.id("sync"),
                snapshot=order,
                payment=self.plan,
                digest=repr(order),
                request_hash="h" if self.plan is STRIPE else "",
                serialized=SERIALIZED,
            )
        )

    @property
    def in_channel(self) -> bool:
        return self.plan.in_channel

    def tell(self, **changes: Any) -> None:
        self.told = replace(self.told, revision=minutes(len(self.deliveries)), **changes)
        self.deliveries.append(self.told)
        if len(self.deliveries) % 3:  # now and then a delivery is late: `redeliver` brings it
            self.deliver(self.told)

    def provider_event(self, **fields: Any) -> None:
        number = len(self.commands)
        event = PaymentEvent(
            source="stripe", account="a", event_id=f"evt_{number}", occurred_at=minutes(0), currency="EUR", **fields
        )
        self.run(cmd.RecordProviderEvent(command_id=self.story.id("provider"), event=event))

    def fulfillment_order(self, pick: int) -> str | None:
        known = list(self.story.order.fulfillment_orders)
        return known[pick % len(known)] if known else None

    def serials_of(self, box: dict[str, int], pick: int) -> ByLine:
        """What is printed on the units of a parcel: new ones, and now and then one that was shipped before."""
        named: dict[str, tuple[Serial, ...]] = {}
        for line_id, units in box.items():
            if self.story.order.lines[line_id].placed.serialized:
                first = self.printed if pick % 3 else max(0, self.printed - 1)
                numbers = range(first, first + units)
                self.printed = first + units
                named[line_id] = tuple(Serial("C", str(each)) for each in numbers)
        return tuple(named.items())

    def ship_some(self, each: str, limit: int, parcels: int = 1, pick: int = 1) -> None:
        boxes: list[dict[str, int]] = [{} for _ in range(parcels)]
        for number, (line_id, units) in enumerate(self.story.order.fulfillment_orders[each].remaining.items()):
            boxes[number % parcels][line_id] = min(limit, units)
        self.run(
            cmd.ShipFulfillmentOrder(
                command_id=self.story.id("ship"),
                fulfillment_order_id=each,
                parcels=tuple(
                    cmd.ParcelToShip(
                        carrier="dhl",
                        tracking_number=f"T{len(self.commands)}-{n}",
                        lines=units_of(box),
                        serials=self.serials_of(box, pick),
                    )
                    for n, box in enumerate(boxes)
                    if box
                ),
            )
        )

    def record_capture(self, due: DueCapture) -> None:
        self.run(
            cmd.RecordCapture(
                command_id=self.story.id("capture"), shipment_id=due.shipment_id, capture_id="ch", amount=due.amount
            )
        )

    def edit(self, pick: int, units: int, price: int, tax: int, what: str, *, planned: bool) -> None:
        """One change, and where there is stock for what it opens."""
        order = self.story.order
        lines = list(order.lines)
        line_id, added = lines[pick % len(lines)], f"x{len(lines)}"
        root = order.lines[line_id].channel_line
        known = order.lines[line_id].placed
        fields: dict[str, Any] = {}
        if what in ("add", "swap"):
            sku = "ABC"[pick % 3]
            named = dict(SERIALIZED).get(sku, ())
            fields["add"] = (more(added, units, price, sku=sku, tax=tax, serialized=named),)
        if what == "more":
            same = {"sku": known.sku, "serialized": known.serialized, "requires_shipping": known.requires_shipping}
            fields["add"] = (more(added, units, known.unit_price, tax=tax, adds_to=root, **same),)
        if what in ("less", "swap"):
            fields["remove"] = units_of({line_id: units})
        if what == "move":
            fields["ship_to"] = PARIS if pick % 2 else BERLIN
            fields["line_taxes"] = {line_id: tax} if tax <= known.unit_price * known.quantity - known.discount else {}
        if what == "ship":
            fields["shipping"] = price
        asked = OrderEdit(**fields)
        command = EditOrder(
            command_id=self.story.id("edit"),
            edit_id=f"edt_{self.story.count}",
            edit=asked,
            plan=self._edit_plan(asked, pick) if planned else None,
        )
        events = self.run(command)
        if events:
            assert_edited(order, self.story.order, events)

    def _edit_plan(self, asked: OrderEdit, pick: int) -> EditPlan:
        """All that the edit opens, and what may stay, at the first nodes that have it."""
        order = self.story.order
        left = {key: position.available for key, position in self.story.stock.of.items()}
        wanted = {each.line_id: (each, each.quantity) for each in asked.add if each.requires_shipping}
        for known in order.fulfillment_orders.values() if asked.moves else ():
            for line_id, units in known.remaining.items():
                placed = order.lines[line_id].placed
                wanted[line_id] = (placed, units + wanted.get(line_id, (placed, 0))[1])
                key = (placed.sku, known.node_id)
                left[key] = left.get(key, 0) + units
        units_at: list[NodeUnits] = []
        for line_id, (placed, units) in wanted.items():
            rest = units
            for turn in range(len(NODES)):
                node = NODES[(pick + turn) % len(NODES)]
                here = min(rest, left.get((placed.sku, node), 0))
                if here:
                    left[placed.sku, node] -= here
                    rest -= here
                    units_at.append(NodeUnits(line_id=line_id, sku=placed.sku, node_id=node, quantity=here))
        promised_by = minutes(60 * 24 * (3 + pick % 2))
        release_at = minutes(1 + pick % 5) if pick % 3 == 2 else None
        return EditPlan(units=tuple(units_at), promised_by=promised_by, release_at=release_at)

    def release_hold(self, pick: int) -> None:
        active = self.story.order.active_holds
        if active:
            hold_id = active[pick % len(active)].hold_id
            self.run(cmd.ReleaseHold(command_id=self.story.id("release"), hold_id=hold_id))

    def expire_holds(self, at: datetime) -> None:
        """What is over at `at` ends, each as it says; asked again, nothing more happens to it."""
        for hold_id in list(self.story.order.holds):
            before = self.story.order
            hold = before.holds[hold_id]
            stopped = stopped_units(before, hold)
            command = cmd.ExpireHold(command_id=self.story.id("expire"), hold_id=hold_id, at=at)
            events = self.run(command)
            assert bool(events) == hold.is_due(at)
            if not events:
                continue
            after = self.story.order.holds[hold_id]
            assert after.escalated if hold.on_expiry is OnExpiry.ESCALATE else not after.active
            cancels = bool(stopped) and hold.on_expiry is OnExpiry.CANCEL
            assert cancels == any(isinstance(each, LinesCancelled) for each in events)
            assert not cancels or not stopped_units(self.story.order, hold)
            assert not self.run(replace(command, command_id=self.story.id("expire")))

    def check_moves(self, before: Order | None, events: tuple[OrderEvent, ...]) -> None:
        """Each event moves fulfillment orders and refunds along their tables only."""
        state = before
        for event in events:
            after = fold(self.story.order_id, [event], state)
            assert after is not None
            if state is not None:
                for each, known in after.fulfillment_orders.items():
                    old = state.fulfillment_orders.get(each, known).status
                    assert known.status == old or known.status in FULFILLMENT_ORDER_MOVES[old]
                for each, back in after.returns.items():
                    was_at = state.returns[each].status if each in state.returns else ReturnStatus.REQUESTED
                    assert back.status == was_at or back.status in RETURN_MOVES[was_at]
                for each, refund in after.payment.refunds.items():
                    was = state.payment.refunds.get(each, refund).status
                    retold = was is RefundStatus.FAILED and refund.status is RefundStatus.REQUESTED
                    assert refund.status == was or refund.status in REFUND_MOVES[was] or retold
            state = after

    def stock_is_what_the_books_say(self) -> None:
        order = self.story.order
        bound: Counter[tuple[str, str]] = Counter()
        by_line: Counter[str] = Counter()
        for known in order.fulfillment_orders.values():
            for line_id, units in known.remaining.items():
                bound[(order.lines[line_id].placed.sku, known.node_id)] += units
                by_line[line_id] += units
        assert bound == Counter({key: each.reserved for key, each in self.story.stock.of.items() if each.reserved})
        back: Counter[tuple[Disposition, str]] = Counter()
        for event in self.story.events:
            if isinstance(event, LinesReturned):
                for part in event.units:
                    back[event.disposition, part.sku] += part.quantity
        shipped: Counter[str] = Counter()
        for line_id, each in order.lines.items():
            assert each.ledger.allocated == by_line[line_id]
            if each.placed.requires_shipping:
                shipped[each.placed.sku] += each.ledger.gone - each.ledger.returned
        for sku in "ABC":
            positions = [each for each in self.story.stock.of.values() if each.sku == sku]
            gone = sum(back[each, sku] for each in (Disposition.SCRAP, Disposition.VENDOR))
            assert sum(each.on_hand for each in positions) == self.received[sku] - shipped[sku] - self.lost[sku] - gone
            assert sum(each.damaged for each in positions) == self.damaged[sku] + back[Disposition.DAMAGED, sku]
            looked_at = back[Disposition.QC, sku] + back[Disposition.REFURBISH, sku]
            assert sum(each.qc for each in positions) == looked_at

    def serials_are_where_the_books_say(self) -> None:
        """What left and is not back is out, once; of lines whose units have numbers, all that are away are."""
        out: Counter[Serial] = Counter()
        unnamed: Counter[str] = Counter()
        for event in self.story.events:
            if isinstance(event, ShipmentShipped):
                for units in (each for parcel in event.parcels for each in parcel.units):
                    out.update(units.serials)
            elif isinstance(event, LinesReturned):
                for units in event.units:
                    out.subtract(units.serials)
                    unnamed[units.line_id] += units.quantity - len(units.serials)
            elif isinstance(event, SerialsReturned):
                for line_id, serials in event.serials.items():
                    out.subtract(serials)
                    unnamed[line_id] -= len(serials)
            assert set(out.values()) <= {0, 1}, "a unit is out twice, or came back twice"
        lines = self.story.order.lines
        assert out + Counter() == Counter(each for line in lines.values() for each in line.serials)
        for line_id, each in lines.items():
            if each.placed.serialized:
                assert unnamed[line_id] >= 0
                assert len(each.serials) == each.ledger.gone - each.ledger.returned + unnamed[line_id]

    def money_adds_up(self) -> None:
        order, payment = self.story.order, self.story.order.payment
        if not self.in_channel:
            assert sum(payment.captures.values()) == payment.captured <= payment.authorized
            assert payment.refunding <= payment.captured
            if "" not in payment.captures:
                assert payment.captured <= self.handed_over()
        assert payment.refunded <= payment.captured
        assert sum(balances(order).values()) == 0
        for each in order.lines.values():
            assert 0 <= each.refunded <= each.ledger.gone

    def returns_are_what_the_books_say(self) -> None:
        """No unit is in two returns, or in one that is back; no unit is paid for twice; nothing beyond what it cost."""
        order = self.story.order
        assert min(returnable(order).values(), default=0) >= 0
        for known in order.returns.values():
            for line in known.lines.values():
                assert 0 <= line.back <= line.inspected <= line.quantity
                assert 0 <= line.doubtful <= line.inspected
                assert known.open or not line.to_inspect or known.status is not ReturnStatus.INSPECTED
        paid: Counter[str] = Counter()
        for event in self.story.events:
            if isinstance(event, ReturnCredited):
                assert min(event.amount, event.fee, event.withheld, event.shipping) >= 0
                paid[event.return_id] += event.amount
        for return_id, amount in paid.items():
            known = order.returns[return_id]
            worth = sum(
                units_value(order.lines[each.line_id].placed, 0, each.credited, tax_included=order.placed.tax_included)
                for each in known.lines.values()
            )
            assert amount <= worth, "more than its units cost"

    def handed_over(self) -> int:
        """What the units that have left are worth, with the header once any has, without what gift cards paid."""
        order = self.story.order
        gone = sum(
            units_value(each.placed, 0, each.ledger.gone, tax_included=order.placed.tax_included)
            for each in order.lines.values()
        )
        any_gone = any(each.ledger.gone for each in order.lines.values())
        return max(0, gone + (header_total(order.placed) if any_gone else 0) - order.placed.gift_cards)

    def the_status_follows_the_lifecycle(self) -> None:
        status = order_status(self.story.order)
        assert self.status in (None, status) or status in LIFECYCLE[self.status or status]
        self.status = status

    def nothing_stands_still_unseen(self) -> None:
        order = self.story.order
        summarize(order, minutes(0))
        at_rest = order_status(order) in (OrderStatus.CLOSED, OrderStatus.CANCELLED)
        open_refund = any(each.open for each in order.payment.refunds.values())
        open_return = any(each.open for each in order.returns.values())
        waits = not at_rest or open_refund or open_return or next_step(order) is not NextStep.NONE
        due, ends = due_at(order, minutes(0)), hold_expiry(order)
        assert (due is not None) == waits
        assert due is None or ends is None or due <= max(ends, minutes(0)), "a hold ends unseen"

    def finish(self) -> None:
        """Whatever came before, the order can be brought to its end, and then the money is exactly right."""
        story = self.story
        self.clear_the_way()
        if payment_cleared(story.order):
            story.promise({"WH3": wanted_units(story.order)})
        self.run(cmd.ReleaseFulfillmentOrders(command_id=story.id("release"), at=minutes(10**6)))
        for each, known in list(story.order.fulfillment_orders.items()):
            if known.remaining:
                self.ship_some(each, 99)
        story.deliver_all()
        story.settle()
        for refund in list(story.order.payment.refunds.values()):
            if refund.status is RefundStatus.SUBMITTED:
                story.refund_outcome(refund.refund_id, "succeeded")
        assert next_step(story.order) not in (NextStep.SETTLE, NextStep.RETURN), (
            "settling is not done when everything succeeded"
        )
        self.check_end()
        agrees_with_the_ledger(story)

    def clear_the_way(self) -> None:
        """What can stop an order stops no more: paid, no hold, stock for everything."""
        if self.in_channel:
            self.told = replace(self.told, revision=minutes(10**4), on_hold="")
            self.deliver(self.told)
        elif not self.story.order.payment.voided:
            self.provider_event(kind=PaymentEventKind.AUTHORIZED, amount=payable(self.story.order.placed))
        while self.story.order.active_holds:
            self.release_hold(0)
        for sku in "ABC":
            self.receive(sku, "WH3", 50)

    def check_end(self) -> None:
        order = self.story.order
        stored = [event_from_plain(json.loads(json.dumps(event_to_plain(each)))) for each in self.story.events]
        assert fold(order.order_id, stored) == order, "what is stored folds to another order"
        self.stock_is_what_the_books_say()
        self.money_adds_up()
        self.the_status_follows_the_lifecycle()
        waiting = [
            each for each in order.lines.values() if each.ledger.at(Place.OPEN) or each.ledger.at(Place.BACKORDERED)
        ]
        if waiting:
            assert not payment_cleared(order)
            assert stage(order).value in {
                "awaiting_payment",
                "planned",
                "released",
                "shipped",
                "partially_shipped",
                "backordered",
            }
            return
        assert drift(order) == 0
        if order_status(order) is OrderStatus.CANCELLED:
            some_failed = any(not each.counts for each in order.payment.refunds.values())
            assert self.in_channel or some_failed or order.payment.captured == order.payment.refunding
            return
        if not self.in_channel and not order.payment.voided:
            if "" not in order.payment.captures:
                assert order.payment.captured == owed(order) == max(0, chargeable(order) - order.placed.gift_cards)
            assert order_status(order) is OrderStatus.CLOSED
