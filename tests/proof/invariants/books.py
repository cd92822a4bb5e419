"""One order's units and money, counted event by event by rules of their own: nothing here asks the product's fold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from oms.domain.order import events as ev
from oms.domain.order import payment_facts as facts
from oms.domain.order.dispute_facts import DisputeFundsReinstated, DisputeFundsWithdrawn
from oms.domain.order.exchange_facts import ExchangeGivenBack, ReturnExchanged
from oms.domain.tracking import ParcelStatus
from tests.proof.invariants.book_parts import RefundBook, goods, parts_sum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from oms.domain.kits import Component

OPEN, BACKORDERED, ALLOCATED, SHIPPED, DELIVERED, RETURNED, CANCELLED = range(7)
_NAMES: Final = ("open", "backordered", "allocated", "shipped", "delivered", "returned", "cancelled")


@dataclass(slots=True)
class Books:
    """Where units stand (by line: how many in each place), what is bound at nodes, and the money."""

    placed: ev.OrderPlaced
    """As it is now."""
    units: dict[str, list[int]]
    bound: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Units by line, SKU and node; of a kit, its components'."""
    made_of: dict[str, tuple[Component, ...]] = field(default_factory=dict)
    """By line, as it was placed, or let go when its SKU became known."""
    waits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Lines of holds, by their id."""
    captured: int = 0
    captures: list[tuple[str, int, int]] = field(default_factory=list)
    """(shipment, amount, tender)."""
    submitted: set[tuple[str, int]] = field(default_factory=set)
    """(shipment, tender) of captures that the provider was to decide."""
    tenders: list[facts.Tender] = field(default_factory=list)
    """Payments of the order in their order; of one, its plan."""
    held: Counter[int] = field(default_factory=Counter)
    """By tender, what it holds; of an invoice, what it grants."""
    undone: int = 0
    """What was not taken after all, or taken back: owed, and asked for by a person."""
    voids: set[int] = field(default_factory=set)
    taken: Counter[int] = field(default_factory=Counter)
    """By tender, what its provider took for disputes and has not given back."""
    refunds: dict[str, RefundBook] = field(default_factory=dict)
    exchanged: Counter[str] = field(default_factory=Counter)
    """By return, what of its value pays for another order."""
    delivered_parcels: set[str] = field(default_factory=set)
    parcels: dict[str, tuple[ev.NodeUnits, ...]] = field(default_factory=dict)
    shipments: set[str] = field(default_factory=set)
    problems: list[tuple[str, str]] = field(default_factory=list)
    """(invariant, what is wrong)."""

    @property
    def refunding(self) -> int:
        """What went back or may still; what an exchange gives back was taken off when it was made."""
        return sum(each.amount for each in self.refunds.values() if each.counts and not each.out_of)

    def at(self, place: int) -> int:
        """Units of all lines in a place."""
        return sum(line[place] for line in self.units.values())

    @property
    def live(self) -> int:
        """Units that are not cancelled."""
        return sum(sum(line) - line[CANCELLED] for line in self.units.values())

    def apply(self, event: object) -> None:
        """Count one more event; one that neither moves units nor money counts for nothing."""
        count = _COUNTS.get(type(event))
        if count is not None:
            count(self, event)

    def close(self) -> None:
        """The events of one commit are counted: what holds between commits is looked at."""
        if self.refunding > self.captured:
            self.problems.append(("I2", f"{self.refunding} goes back of {self.captured} captured"))
        for number, tender in enumerate(self.tenders, 1) if len(self.tenders) > 1 else ():
            taken, back = self.taken_of(number), self.refunding_of(number)
            if not back <= taken <= tender.amount:
                self.problems.append(("I2", f"tender {number}: {tender.amount} named, {taken} taken, {back} goes back"))
        for return_id, moved in self.exchanged.items():
            given = sum(each.amount for each in self.refunds.values() if each.counts and each.out_of == return_id)
            if given > moved:
                self.problems.append(("I2", f"{given} is given back of {moved} that {return_id} moved"))

    def taken_of(self, number: int) -> int:
        """What a tender took; of a channel's payment, all."""
        if len(self.tenders) == 1:
            return self.captured
        return sum(amount for _, amount, tender in self.captures if tender == number)

    def refunding_of(self, number: int) -> int:
        """What a tender has no more, moved or gone back."""
        found = [each for each in self.refunds.values() if each.counts and each.tender == number]
        return sum(each.amount for each in found if not each.out_of)

    def paid_back_of(self, number: int) -> int:
        """What a tender's provider was asked to give back."""
        found = [each for each in self.refunds.values() if each.counts and each.tender == number]
        return sum(each.amount for each in found if not each.moved)

    def _placed_again(self, event: ev.OrderPlaced) -> None:
        self.problems.append(("I5", f"placed twice, the second time for {event.total}"))

    def _edit(self, event: ev.OrderEdited) -> None:
        """It is of something else from now on; its total is what its parts sum to, cancelled ones among them."""
        was, taxes = self.placed, event.line_taxes
        lines = [replace(line, tax=taxes[line.line_id]) if line.line_id in taxes else line for line in was.lines]
        for line in event.added:
            if line.line_id in self.units:
                self.problems.append(("I5", f"line {line.line_id} was added twice"))
            self.units[line.line_id] = [line.quantity, 0, 0, 0, 0, 0, 0]
            if line.components:
                self.made_of[line.line_id] = line.components
        shipping = was.shipping if event.shipping is None else event.shipping
        shipping_tax = was.shipping_tax if event.shipping_tax is None else event.shipping_tax
        now = replace(was, lines=(*lines, *event.added), shipping=shipping, shipping_tax=shipping_tax)
        self.placed = replace(now, total=was.total + parts_sum(now) - parts_sum(was))
        self._unbind(event.freed, OPEN)

    def _wait(self, event: ev.HoldPlaced) -> None:
        self.waits[event.hold_id] = event.lines

    def _let_go(self, event: ev.HoldReleased) -> None:
        for line_id in self.waits.get(event.hold_id, ()) if event.components else ():
            self.made_of[line_id] = event.components

    def _same(self, part: ev.NodeUnits) -> None:
        if part.components != self.made_of.get(part.line_id, ()):
            self.problems.append(("I6", f"line {part.line_id} became something else: {part.components}"))

    def _reserve(self, event: ev.LinesReserved) -> None:
        for part in event.units:
            self._same(part)
            self._drain(part, (OPEN, BACKORDERED), ALLOCATED)
            for sku, units in goods(part):
                self.bound[part.line_id, sku, part.node_id] += units

    def _elsewhere(self, event: ev.LinesMoved) -> None:
        """Units stay promised; each line has as many bound as before."""
        left: Counter[str] = Counter()
        for part, sign in [(each, -1) for each in event.freed] + [(each, 1) for each in event.units]:
            self._same(part)
            left[part.line_id] += sign * part.quantity
            for sku, units in goods(part):
                key = part.line_id, sku, part.node_id
                self.bound[key] += sign * units
                if self.bound[key] < 0:
                    self.problems.append(("I1", f"{units} of {sku} moved from {part.node_id}, more than bound"))
        if any(left.values()):
            self.problems.append(("I6", f"units appeared or vanished in a move: {dict(left)}"))

    def _backorder(self, event: ev.LinesBackordered) -> None:
        for line in event.lines:
            self._move(line.line_id, OPEN, BACKORDERED, line.quantity)

    def _provide(self, event: ev.LinesDelivered) -> None:
        for line in event.lines:
            self._move(line.line_id, OPEN, DELIVERED, line.quantity)

    def _reject(self, event: ev.FulfillmentOrderRejected) -> None:
        self._unbind(event.units, OPEN)

    def _return(self, event: ev.LinesReturned) -> None:
        for part in event.units:
            self._same(part)
            self._drain(part, (DELIVERED, SHIPPED), RETURNED)

    @property
    def authorized(self) -> int:
        """What all tenders hold together."""
        several = len(self.tenders) > 1
        return sum(amount for number, amount in self.held.items() if not (several and number in self.voids))

    @property
    def voided(self) -> bool:
        """All of them were let go."""
        return len(self.voids) == len(self.tenders)

    def _authorize(self, event: ev.PaymentAuthorized) -> None:
        self.held[event.tender] = event.amount

    def _add(self, event: facts.TenderAdded) -> None:
        self.tenders.append(event.tender)
        if event.tender.provider == "on_invoice":
            self.held[len(self.tenders)] = event.tender.amount

    def _lapse(self, event: facts.AuthorizationLapsed) -> None:
        self.held[event.tender] = self.taken_of(event.tender)

    def _capture(self, event: ev.PaymentCaptured) -> None:
        self.captured += event.amount
        self.captures.append((event.shipment_id, event.amount, event.tender))
        self.held[event.tender] = max(self.held[event.tender], self.taken_of(event.tender))

    def _submit_capture(self, event: ev.CaptureSubmitted) -> None:
        key = event.shipment_id, event.tender
        if key in self.submitted or any((each, tender) == key for each, _, tender in self.captures):
            self.problems.append(("I5", f"the capture of {event.shipment_id} was asked for twice"))
        self.submitted.add(key)

    def _undo(self, event: ev.PaymentUndone) -> None:
        self.undone += event.amount
        for place, (shipment_id, amount, tender) in enumerate(self.captures):
            if (shipment_id, tender) == (event.shipment_id, event.tender):
                self.captures[place] = shipment_id, amount - event.amount, tender
                self.captured -= event.amount
                return

    def _withdraw(self, event: DisputeFundsWithdrawn) -> None:
        self.taken[event.tender] += event.amount

    def _reinstate(self, event: DisputeFundsReinstated) -> None:
        self.taken[event.tender] -= event.amount

    def _report(self, event: ev.ChannelPaymentReported) -> None:
        self.captured = event.captured

    def _void(self, event: ev.PaymentVoided) -> None:
        self.voids.add(event.tender)

    def _ask_refund(self, event: ev.RefundRequested) -> None:
        lines: Counter[str] = Counter()
        for each in event.lines:
            lines[each.line_id] += each.quantity
        book = RefundBook(amount=event.amount, lines=lines, origin=event.origin, tender=event.tender)
        self._book(event.refund_id, book)

    def _exchange(self, event: ReturnExchanged) -> None:
        if event.return_id in self.exchanged:
            self.problems.append(("I5", f"{event.return_id} was exchanged twice"))
        priced = Counter({each.line_id: each.priced for each in event.units if each.priced})
        for part in event.parts:
            book = RefundBook(amount=part.amount, lines=priced, state="succeeded", tender=part.tender, moved=True)
            self._book(part.refund_id, book)
            self.exchanged[event.return_id] += part.amount
            priced = Counter()

    def _give_back(self, event: ExchangeGivenBack) -> None:
        for part in event.parts:
            state = "succeeded" if part.done else "requested"
            book = RefundBook(amount=part.amount, state=state, tender=part.tender, out_of=event.return_id)
            self._book(part.refund_id, book)

    def _book(self, refund_id: str, book: RefundBook) -> None:
        if refund_id in self.refunds:
            self.problems.append(("I5", f"refund {refund_id} was asked for twice"))
        self.refunds[refund_id] = book

    def _submit_refund(self, event: ev.RefundSubmitted) -> None:
        self._refund(event.refund_id, "submitted", ("requested",), event.refund_ref)

    def _end_refund(self, event: ev.RefundSucceeded) -> None:
        self._refund(event.refund_id, "succeeded", ("requested", "submitted"), event.refund_ref)

    def _fail_refund(self, event: ev.RefundFailed) -> None:
        self._refund(event.refund_id, "failed", ("requested", "submitted", "succeeded"))

    def _refund(self, refund_id: str, state: str, after: tuple[str, ...], ref: str = "") -> None:
        book = self.refunds.get(refund_id)
        if book is None or book.state not in after:
            self.problems.append(("I6", f"refund {refund_id} went from {book and book.state} to {state}"))
            return
        book.state, book.ref = state, ref or book.ref

    def _move(self, line_id: str, source: int, target: int, units: int) -> None:
        line = self.units.get(line_id)
        if line is None or units <= 0 or line[source] < units:
            have = line and line[source]
            self.problems.append(("I6", f"{units} of line {line_id} left {_NAMES[source]}, where {have} were"))
            return
        line[source] -= units
        line[target] += units

    def _drain(self, part: ev.NodeUnits | ev.LineUnits, sources: tuple[int, int], target: int) -> None:
        line = self.units.get(part.line_id)
        first = min(part.quantity, line[sources[0]]) if line else 0
        if first:
            self._move(part.line_id, sources[0], target, first)
        if part.quantity > first:
            self._move(part.line_id, sources[1], target, part.quantity - first)

    def _unbind(self, parts: Iterable[ev.NodeUnits], target: int) -> None:
        for part in parts:
            self._move(part.line_id, ALLOCATED, target, part.quantity)
            for sku, units in goods(part):
                key = part.line_id, sku, part.node_id
                self.bound[key] -= units
                if self.bound[key] < 0:
                    self.problems.append(("I1", f"{units} of {sku} let go at {part.node_id}, more than bound"))

    def _cancel(self, event: ev.LinesCancelled) -> None:
        self._unbind(event.freed, CANCELLED)
        freed: Counter[str] = Counter()
        for part in event.freed:
            freed[part.line_id] += part.quantity
        for line in event.lines:
            left = line.quantity - freed[line.line_id]
            if left:
                self._drain(ev.LineUnits(line_id=line.line_id, quantity=left), (OPEN, BACKORDERED), CANCELLED)

    def _ship(self, event: ev.ShipmentShipped) -> None:
        if event.shipment_id in self.shipments:
            self.problems.append(("I5", f"shipment {event.shipment_id} left twice"))
        self.shipments.add(event.shipment_id)
        for parcel in event.parcels:
            self._unbind(parcel.units, SHIPPED)
            self.parcels[parcel.parcel_id] = parcel.units

    def _scan(self, event: ev.ParcelStatusChanged) -> None:
        parcel_id = event.parcel_id
        if event.status is not ParcelStatus.DELIVERED or parcel_id in self.delivered_parcels:
            return
        self.delivered_parcels.add(parcel_id)
        for part in self.parcels.get(parcel_id, ()):
            units = min(part.quantity, self.units[part.line_id][SHIPPED])
            if units:
                self._move(part.line_id, SHIPPED, DELIVERED, units)


_COUNTS: Final[Mapping[type, Callable[[Books, Any], None]]] = {
    ev.OrderPlaced: Books._placed_again,
    ev.OrderEdited: Books._edit,
    ev.LinesReserved: Books._reserve,
    ev.LinesMoved: Books._elsewhere,
    ev.LinesBackordered: Books._backorder,
    ev.LinesDelivered: Books._provide,
    ev.HoldPlaced: Books._wait,
    ev.HoldReleased: Books._let_go,
    ev.FulfillmentOrderRejected: Books._reject,
    ev.LinesCancelled: Books._cancel,
    ev.ShipmentShipped: Books._ship,
    ev.ParcelStatusChanged: Books._scan,
    ev.LinesReturned: Books._return,
    ev.PaymentAuthorized: Books._authorize,
    ev.PaymentCaptured: Books._capture,
    ev.CaptureSubmitted: Books._submit_capture,
    ev.PaymentUndone: Books._undo,
    DisputeFundsWithdrawn: Books._withdraw,
    DisputeFundsReinstated: Books._reinstate,
    ev.ChannelPaymentReported: Books._report,
    ev.PaymentVoided: Books._void,
    facts.TenderAdded: Books._add,
    facts.AuthorizationLapsed: Books._lapse,
    ev.RefundRequested: Books._ask_refund,
    ReturnExchanged: Books._exchange,
    ExchangeGivenBack: Books._give_back,
    ev.RefundSubmitted: Books._submit_refund,
    ev.RefundSucceeded: Books._end_refund,
    ev.RefundFailed: Books._fail_refund,
}


def opened(placed: ev.OrderPlaced) -> Books:
    """The books of an order that was just placed."""
    units = {line.line_id: [line.quantity, 0, 0, 0, 0, 0, 0] for line in placed.lines}
    made_of = {line.line_id: line.components for line in placed.lines if line.components}
    paying = [each for each in placed.tenders if each.provider != "gift_card"]
    plan = facts.Tender(provider=placed.payment.provider, reference=placed.payment.reference)
    granted = {number: each.amount for number, each in enumerate(paying, 1) if each.provider == "on_invoice"}
    return Books(placed=placed, units=units, made_of=made_of, tenders=paying or [plan], held=Counter(granted))


def books_of(events: Iterable[object]) -> Books | None:
    """The books after these events; None when they do not begin with the placing."""
    found: Iterator[object] = iter(events)
    first = next(found, None)
    if not isinstance(first, ev.OrderPlaced):
        return None
    books = opened(first)
    for event in found:
        books.apply(event)
    books.close()
    return books
