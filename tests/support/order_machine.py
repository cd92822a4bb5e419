"""What may happen to an order, as the rules of a hypothesis machine; `OrderWorld` keeps the books."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from oms.domain.canonical import ChannelPayment, ChannelRefund, PaymentState, RefundedLine, Restock, sum_parts
from oms.domain.order import commands as cmd
from oms.domain.order.charging import due_captures, owed, payable
from oms.domain.order.events import Disposition, HoldReleased, OnExpiry
from oms.domain.order.goodwill import GoodwillCode
from oms.domain.order.promising import wanted_units
from oms.domain.order.releasing import planned_units
from oms.domain.order.status import NextStep, next_step, payment_cleared
from oms.domain.payment_events import PaymentEventKind, RefundState
from oms.domain.tracking import ParcelStatus
from tests.support.builders import BERLIN, IN_CHANNEL, PARIS, STRIPE, line, minutes, snapshot, units_of
from tests.support.order_world import NODES, OrderWorld
from tests.support.return_moves import ReturnMoves

ANY_KIND = [
    PaymentEventKind.FAILED,
    PaymentEventKind.VOIDED,
    PaymentEventKind.CAPTURED,
    PaymentEventKind.REFUND_TOTAL,
    PaymentEventKind.OTHER,
]
PICK = st.integers(0, 10**6)

LINES: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.builds(
        dict,
        quantity=st.integers(1, 4),
        unit_price=st.integers(0, 999),
        tax=st.integers(0, 200),
        discount=st.integers(0, 5),
        requires_shipping=st.sampled_from([True, True, True, False]),
        sku=st.sampled_from(["A", "B", "C"]),
    ),
    min_size=1,
    max_size=4,
)
HEADERS = st.fixed_dictionaries(
    {"shipping": st.sampled_from([0, 495]), "shipping_tax": st.sampled_from([0, 79]), "tips": st.sampled_from([0, 33])}
)


class OrderMachine(ReturnMoves):
    """Each rule is something that the outside world may do at any time."""

    world: OrderWorld

    @initialize(
        lines=LINES,
        header=HEADERS,
        held=st.booleans(),
        included=st.booleans(),
        card=st.sampled_from([0, 0, 0, 250]),
        begun=st.sampled_from([0, 1, 2, 2, 3]),
    )
    def place(
        self, lines: list[dict[str, Any]], header: dict[str, int], *, held: bool, included: bool, card: int, begun: int
    ) -> None:
        """Taken (0), paid (1), promised (2), or delivered (3)."""
        made = [
            line(str(n), **{**each, "discount": min(each["discount"], each["unit_price"])})
            for n, each in enumerate(lines)
        ]
        order = snapshot(*made, tax_included=included, **header)
        told = replace(order, gift_cards=min(card, order.total))
        self.world = OrderWorld(told, STRIPE if held else IN_CHANNEL)
        if begun and self.world.in_channel:
            self.channel_pays(1)
        elif begun:
            self.provider_tells(PaymentEventKind.AUTHORIZED, 1)
        if begun > 1:
            self.promise(1, 6)
        if begun > 2:
            for number in range(len(self.world.story.order.fulfillment_orders)):
                self.ship_everything(number)
            self.arrive()
            self.settle()

    @precondition(lambda self: self.world.in_channel)
    @rule(pick=PICK)
    def channel_pays(self, pick: int) -> None:
        states = [PaymentState.AUTHORIZED, PaymentState.PAID, PaymentState.PAID, PaymentState.FAILED]
        state = states[pick % 4]
        captured = self.world.told.total if state is PaymentState.PAID else self.world.told.payment.captured
        self.world.tell(payment=ChannelPayment(state=state, captured=max(captured, self.world.told.payment.captured)))

    @precondition(lambda self: self.world.in_channel)
    @rule(pick=PICK, units=st.integers(1, 3))
    def channel_removes(self, pick: int, units: int) -> None:
        if pick % 3:
            return
        lines = list(self.world.told.lines)
        at = pick % len(lines)
        lines[at] = replace(lines[at], cancelled=min(lines[at].quantity, lines[at].cancelled + units))
        self.world.tell(lines=tuple(lines))

    @precondition(lambda self: self.world.in_channel)
    @rule(pick=PICK)
    def channel_cancels(self, pick: int) -> None:
        if pick % 8 == 3:
            self.world.tell(cancelled=True, cancel_reason="customer")

    @precondition(lambda self: self.world.in_channel)
    @rule(on_hold=st.sampled_from(["", "fraud"]), ship_to=st.sampled_from([BERLIN, PARIS]))
    def channel_changes(self, on_hold: str, ship_to: Any) -> None:
        self.world.tell(on_hold=on_hold, ship_to=ship_to)

    @precondition(lambda self: self.world.in_channel)
    @rule(pick=PICK, amount=st.integers(0, 800), restock=st.sampled_from(Restock), apart=st.booleans())
    def channel_refunds(self, pick: int, amount: int, restock: Restock, *, apart: bool) -> None:
        left = self.world.told.payment.captured - sum(each.amount for each in self.world.told.refunds)
        at = self.world.told.lines[pick % len(self.world.told.lines)]
        self.world.refunds += 1
        lines = (RefundedLine(line_ref=at.line_ref, quantity=1 + pick % 2, restock=restock),) * (1 + pick % 3 // 2)
        refund = ChannelRefund(refund_ref=f"r{self.world.refunds}", amount=min(amount, left), lines=lines)
        if apart:
            self.world.run(cmd.RecordChannelRefund(command_id=self.world.story.id("refund"), refund=refund))
        self.world.tell(refunds=(*self.world.told.refunds, refund))

    @precondition(lambda self: self.world.in_channel)
    @rule(pick=PICK)
    def redeliver(self, pick: int) -> None:
        """A duplicate, or an old one that comes late."""
        self.world.deliver(self.world.deliveries[pick % len(self.world.deliveries)])

    @precondition(lambda self: not self.world.in_channel)
    @rule(
        kind=st.sampled_from([PaymentEventKind.AUTHORIZED] * 4 + ANY_KIND),
        part=st.sampled_from([1, 1, 2]),
    )
    def provider_tells(self, kind: PaymentEventKind, part: int) -> None:
        self.world.provider_event(kind=kind, amount=payable(self.world.story.order.placed) // part)

    @precondition(lambda self: not self.world.in_channel)
    @rule(pick=PICK, state=st.sampled_from(RefundState), ours=st.booleans(), amount=st.integers(1, 300))
    def provider_refunds(self, pick: int, state: RefundState, *, ours: bool, amount: int) -> None:
        known = list(self.world.story.order.payment.refunds.values())
        each = known[pick % len(known)] if known and ours else None
        self.world.provider_event(
            kind=PaymentEventKind.REFUND,
            amount=each.amount if each else amount,
            refund_ref=each.refund_ref or f"re_{each.refund_id}" if each else f"re_{pick % 3}",
            refund_state=state,
            our_refund_id=each.refund_id if each and each.origin == "oms" else "",
        )

    @rule(pick=PICK, state=st.sampled_from(["submitted", "succeeded", "failed"]))
    def refund_ends(self, pick: int, state: str) -> None:
        known = [each for each in self.world.story.order.payment.refunds.values() if each.origin == "oms"]
        if known:
            each = known[pick % len(known)]
            self.world.run(
                cmd.RecordRefundOutcome(
                    command_id=self.world.story.id("outcome"),
                    refund_id=each.refund_id,
                    state=state,
                    refund_ref=f"re_{each.refund_id}",
                )
            )

    @rule(pick=PICK)
    def capture(self, pick: int) -> None:
        due = due_captures(self.world.story.order)
        if due:
            self.world.record_capture(due[pick % len(due)])

    @rule(pick=PICK, whole=st.booleans(), one=st.booleans())
    def hold(self, pick: int, *, whole: bool, one: bool) -> None:
        lines = list(self.world.story.order.lines)
        self.world.run(
            cmd.PlaceHold(
                command_id=self.world.story.id("hold"),
                hold_id=f"hld_{pick % 3}",
                kind="manual",
                lines=() if whole else (lines[pick % len(lines)],),
                expires_at=minutes(pick % 11) if pick % 4 else None,
                on_expiry=list(OnExpiry)[pick % 3],
            )
        )
        if one:
            self.release(pick)

    @rule(at=st.integers(0, 12))
    def time_passes(self, at: int) -> None:
        """The watchdog comes by, and looks at all holds."""
        self.world.expire_holds(minutes(at))

    @rule(sku=st.sampled_from("ABC"), node=st.sampled_from(NODES), units=st.integers(1, 5))
    def goods_come_in(self, sku: str, node: str, units: int) -> None:
        self.world.receive(sku, node, units)

    @rule(pick=PICK, limit=st.integers(0, 6))
    def promise(self, pick: int, limit: int) -> None:
        """Some of what is wanted at some nodes, as far as there is stock; the rest waits."""
        order = self.world.story.order
        left = {key: position.available for key, position in self.world.story.stock.of.items()}
        plan: dict[str, dict[str, int]] = {}
        short: dict[str, int] = {}
        for line_id, wanted in wanted_units(order).items():
            sku, units = order.lines[line_id].placed.sku, wanted
            for turn in range(len(NODES)):
                node = NODES[(pick + turn) % len(NODES)]
                here = min(units, left.get((sku, node), 0), limit)
                if here:
                    plan.setdefault(node, {})[line_id] = here
                    left[(sku, node)] -= here
                    units -= here
            if units:
                short[line_id] = units
        if not self.world.in_channel and not order.payment.authorized and pick % 4 == 0:
            return
        before = self.world.story.state
        times: dict[str, Any] = {"at": minutes(pick), "cancel_at": minutes(2 * pick % 7), "retry_at": minutes(pick + 9)}
        times["release_at"] = minutes(1 + pick % 5) if pick % 3 == 2 else None
        asks = (f"hld_rule_{pick}", "sourcing", "asks for a person") if short and pick % 5 == 3 else None
        if asks and asks[0] in order.holds:  # a rule asks for a person once in an order's life
            asks = None
        events = self.world.story.promise({} if asks else plan, short, hold=asks, **times)
        self.world.check_moves(before, events)
        order = self.world.story.order
        goes_on = any(isinstance(each, HoldReleased) for each in events)  # it has just been paid in full
        forever = next_step(order) is NextStep.PROMISE and payment_cleared(order) and not goes_on
        assert not forever, "the step would run for ever"

    @rule(pick=PICK)
    def release_planned(self, pick: int) -> None:
        """What is due by some time, by whoever looks."""
        self.world.run(cmd.ReleaseFulfillmentOrders(command_id=self.world.story.id("release"), at=minutes(pick % 8)))

    @rule(pick=PICK, units=st.integers(1, 3))
    def move_planned(self, pick: int, units: int) -> None:
        """Some units of a line to another node, as far as there is stock."""
        order, known = self.world.story.order, planned_units(self.world.story.order)
        if not known:
            return
        part, node = known[pick % len(known)], NODES[pick % len(NODES)]
        stock = self.world.story.stock.of.get((part.sku, node))
        there = min(units, part.quantity, stock.available if stock else 0)
        counts = Counter({(each.line_id, each.node_id): each.quantity for each in known})
        counts[part.line_id, part.node_id] -= there
        counts[part.line_id, node] += there
        after = tuple(order.lines[line_id].at(at, count) for (line_id, at), count in counts.items() if count)
        self.world.run(cmd.MoveLines(command_id=self.world.story.id("move"), units=after, release_at=minutes(pick % 9)))

    @rule(pick=PICK)
    def accept(self, pick: int) -> None:
        if each := self.world.fulfillment_order(pick):
            self.world.run(
                cmd.AcceptFulfillmentOrder(command_id=self.world.story.id("accept"), fulfillment_order_id=each)
            )

    @rule(pick=PICK, reason=st.sampled_from(["no_capacity", "not_found", "damaged"]))
    def reject(self, pick: int, reason: str) -> None:
        if each := self.world.fulfillment_order(pick):
            remaining = self.world.story.order.fulfillment_orders[each].remaining
            events = self.world.run(
                cmd.RejectFulfillmentOrder(
                    command_id=self.world.story.id("reject"), fulfillment_order_id=each, reason=reason
                )
            )
            books = {"not_found": self.world.lost, "damaged": self.world.damaged}.get(reason)
            if events and books is not None:
                for line_id, units in remaining.items():
                    books[self.world.story.order.lines[line_id].placed.sku] += units

    @rule(pick=PICK)
    def ship_everything(self, pick: int) -> None:
        if each := self.world.fulfillment_order(pick):
            self.world.ship_some(each, 99)

    @rule(pick=PICK, limit=st.integers(1, 4), parcels=st.integers(1, 2))
    def ship(self, pick: int, limit: int, parcels: int) -> None:
        if each := self.world.fulfillment_order(pick):
            self.world.ship_some(each, limit, parcels, pick)

    @rule()
    def arrive(self) -> None:
        self.world.story.deliver_all()

    @rule()
    def settle(self) -> None:
        self.world.story.settle()
        assert next_step(self.world.story.order) is not NextStep.SETTLE

    @rule(pick=PICK, status=st.sampled_from(ParcelStatus), at=st.integers(0, 100))
    def scan(self, pick: int, status: ParcelStatus, at: int) -> None:
        parcels = list(self.world.story.order.parcels.values())
        if parcels:
            self.world.story.track(parcels[pick % len(parcels)].tracking_number, status, at)

    @rule(pick=PICK, units=st.integers(1, 4), everything=st.booleans())
    def cancel(self, pick: int, units: int, *, everything: bool) -> None:
        lines = list(self.world.story.order.lines)
        wanted = {} if everything and pick % 8 == 3 else {lines[pick % len(lines)]: units}
        self.world.run(cmd.CancelLines(command_id=self.world.story.id("cancel"), lines=units_of(wanted)))

    @precondition(lambda self: self.world.in_channel)
    @rule(pick=PICK, units=st.integers(1, 2), price=st.integers(0, 999), paid=st.booleans())
    def channel_adds(self, pick: int, units: int, price: int, *, paid: bool) -> None:
        """More units of a line, or a line; perhaps paid with it."""
        lines = list(self.world.told.lines)
        if pick % 3:
            at = pick % len(lines)
            lines[at] = replace(lines[at], quantity=lines[at].quantity + units)
        else:
            lines.append(line(f"n{len(lines)}", units, price, sku="ABC"[pick % 3]))
        order = replace(self.world.told, lines=tuple(lines))
        total = sum_parts(order)
        payment = self.world.told.payment
        if paid and payment.captured:
            payment = replace(payment, captured=max(payment.captured, total))
        self.world.tell(lines=order.lines, total=total, payment=payment)

    @rule(
        pick=PICK,
        units=st.integers(1, 2),
        price=st.integers(0, 999),
        tax=st.integers(0, 99),
        what=st.sampled_from(["add", "more", "less", "swap", "move", "ship"]),
        planned=st.booleans(),
    )
    def edit(self, pick: int, units: int, price: int, tax: int, what: str, *, planned: bool) -> None:
        """What an order is of changes at any time; what it opens is bound at once, or later."""
        self.world.edit(pick, units, price, tax, what, planned=planned)

    @precondition(lambda self: not self.world.in_channel)
    @rule(pick=PICK)
    def customer_pays_more(self, pick: int) -> None:
        """The provider holds what the order costs now, or a part of it."""
        owes = owed(self.world.story.order)
        self.world.provider_event(kind=PaymentEventKind.AUTHORIZED, amount=owes - pick % 2 * min(owes, 7))

    @rule(
        pick=PICK,
        units=st.integers(1, 2),
        back=st.none() | st.sampled_from(Disposition),
        amount=st.none() | st.integers(0, 500),
    )
    def refund(self, pick: int, units: int, *, back: Disposition | None, amount: int | None) -> None:
        lines = list(self.world.story.order.lines)
        line_id, times = lines[pick % len(lines)], 1 + pick % 2
        wanted = units_of({line_id: units}) * times if amount is None or back else ()
        out = self.world.story.order.lines[line_id].serials
        self.world.run(
            cmd.RequestRefund(
                command_id=self.world.story.id("refund"),
                reason="test",
                amount=amount,
                lines=wanted,
                disposition=back,
                serials=((line_id, out[-units * times :]),) if back and out and pick % 5 else (),
                goodwill=GoodwillCode.SERVICE if pick % 2 and not wanted and not back else None,
            )
        )

    @rule(pick=PICK, units=st.integers(1, 2))
    def name_what_came_back(self, pick: int, units: int) -> None:
        lines = list(self.world.story.order.lines.values())
        line = lines[pick % len(lines)]
        serials = ((line.placed.line_id, line.serials[:units]),)
        self.world.run(cmd.NameReturned(command_id=self.world.story.id("name"), serials=serials))

    @rule(pick=PICK)
    def again(self, pick: int) -> None:
        """A retry of anything: the same command id does nothing more."""
        command = self.world.commands[pick % len(self.world.commands)]
        before = self.world.story.state
        done = self.world.story.done.get(command.command_id)
        if done is not None:
            assert self.world.story.do(command) == done
            assert self.world.story.state is before

    @rule(pick=PICK)
    def release(self, pick: int) -> None:
        self.world.release_hold(pick)

    @invariant()
    def what_must_hold(self) -> None:
        self.world.stock_is_what_the_books_say()
        self.world.serials_are_where_the_books_say()
        self.world.money_adds_up()
        self.world.returns_are_what_the_books_say()
        self.world.the_status_follows_the_lifecycle()
        self.world.nothing_stands_still_unseen()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.finish()
