"""Which invoices and credit notes an order needs, and over what: a function of its log, in minor units.

An invoice for each hand-over of units, over what is charged with it (`charging`). What is given back, other than of an
overpayment, is credited as it goes back; a refund that fails later, or that turns out to be of an overpayment, takes
its credit back by a debit note. So that after every commit of an order, whatever happened in it,

    invoices + debit notes - credit notes = charged - min(charged, given back beyond overpayments and goodwill)

which is what the ledger says (`accounts`) once no refund is on its way. Nothing is credited before it is invoiced: a
refund of no units ahead of the first shipment is credited behind its invoice. Goodwill lowers no price: it is not.

Of a line no more is credited than was invoiced, tax in proportion, and all of its tax with the last minor unit of it.
What a document is for derives its id, so that making it again finds it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from oms.domain import ids
from oms.domain.frozen import frozen
from oms.domain.money import allocate
from oms.domain.order.charging import settled_back, units_value
from oms.domain.order.covering import overpaid
from oms.domain.order.events import (
    LinesCancelled,
    LinesDelivered,
    OrderEdited,
    RefundFailed,
    RefundSucceeded,
    ShipmentShipped,
)
from oms.domain.order.evolve import fold
from oms.domain.order.state import RefundStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from oms.domain.commit import Commit
    from oms.domain.order.events import OrderPlaced, PlacedLine
    from oms.domain.order.state import Order


class DocumentKind(StrEnum):
    """What a document does to what the customer owes: more, less, and more again of what was less."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    DEBIT_NOTE = "debit_note"


BESIDE: Final = ("shipping", "fees", "tips", "duties")
"""What belongs to no line: invoiced with the first hand-over."""
LINE: Final = "line:"
_CAUSES: Final = (ShipmentShipped, LinesDelivered, LinesCancelled, OrderEdited, RefundSucceeded, RefundFailed)


@frozen
class Share:
    """What a document says of a line, or of one of `BESIDE`: `gross` with `tax` in it; `units` that are handed over."""

    part: str
    """`line:<line id>`, or one of BESIDE."""
    gross: int
    tax: int
    units: int = 0


@frozen
class Due:
    """A document that an order needs. `of`: the shipment, or the refunds."""

    document_id: str
    kind: DocumentKind
    of: str
    at: datetime
    commit: int
    """Number of the order's commit that made it due."""
    shares: tuple[Share, ...]

    @property
    def gross(self) -> int:
        """What it says in all."""
        return sum(each.gross for each in self.shares)


class _Pool:
    """Gross and tax by part; what is taken out of one goes into another."""

    def __init__(self) -> None:
        self.gross: dict[str, int] = {}
        self.tax: dict[str, int] = {}

    def put(self, shares: Iterable[Share]) -> None:
        for each in shares:
            self.gross[each.part] = self.gross.get(each.part, 0) + each.gross
            self.tax[each.part] = self.tax.get(each.part, 0) + each.tax

    def take(self, wanted: Mapping[str, int], units: Mapping[str, int]) -> tuple[Share, ...]:
        """Gross amounts by part out of the pool, with their part of its tax (half up)."""
        taken = []
        for part, gross in wanted.items():
            if not gross:
                continue
            left, tax_left = self.gross[part], self.tax[part]
            tax = tax_left if gross == left else (2 * tax_left * gross + left) // (2 * left)
            self.gross[part], self.tax[part] = left - gross, tax_left - tax
            taken.append(Share(part=part, gross=gross, tax=tax, units=units.get(part, 0)))
        return tuple(taken)


def may_need(commit: Commit) -> bool:
    """A commit after which its order may need a document that it did not need before.

    Captures beyond what is to be paid, which channels alone make, change credits too: with the next commit of these.
    """
    return any(isinstance(event, _CAUSES) for event in commit.events)


class Billed:
    """What an order was invoiced and credited so far, followed commit by commit."""

    __slots__ = ("_before", "_credited", "_invoiced")

    def __init__(self) -> None:
        self._before: Order | None = None
        self._invoiced, self._credited = _Pool(), _Pool()

    @property
    def tax_back(self) -> int:
        """The tax of what was credited and not taken back."""
        return sum(self._credited.tax.values())

    def follow(self, order: Order, commit: Commit) -> tuple[Due, ...]:
        """The documents that a commit makes due; `order` is what it led to."""
        before, self._before = self._before, order
        invoiced, credited, order_id = self._invoiced, self._credited, order.order_id
        found: list[Due] = []
        for of, shares in _handed_over(before, order).items():
            invoiced.put(shares)
            if sum(each.gross for each in shares):
                found.append(_due(DocumentKind.INVOICE, order_id, of, commit, shares))
        charged = sum(invoiced.gross.values()) + sum(credited.gross.values())
        change = min(charged, _given_back(order)) - sum(credited.gross.values())
        of = ",".join(each for each in order.payment.refunds if _moved(before, order, each))
        if change > 0:
            wanted, units = _credit(before, order, invoiced.gross, change)
            shares = invoiced.take(wanted, units)
            credited.put(shares)
            found.append(_due(DocumentKind.CREDIT_NOTE, order_id, of, commit, shares))
        elif change < 0:
            shares = credited.take(_spread(-change, credited.gross), {})
            invoiced.put(shares)
            found.append(_due(DocumentKind.DEBIT_NOTE, order_id, of, commit, shares))
        return tuple(found)


def documents_due(order_id: str, commits: Iterable[Commit]) -> tuple[Due, ...]:
    """Every document that the order needs so far, oldest first: those of a longer log begin with these."""
    billed = Billed()
    found: list[Due] = []
    order: Order | None = None
    for commit in commits:
        order = fold(order_id, commit.events, order)
        if order is not None:
            found += billed.follow(order, commit)
    return tuple(found)


def _due(kind: DocumentKind, order_id: str, of: str, commit: Commit, shares: Iterable[Share]) -> Due:
    cause = of if kind is DocumentKind.INVOICE else str(commit.number)
    document_id = ids.derive("inv", order_id, kind.value, cause)
    return Due(document_id=document_id, kind=kind, of=of, at=commit.at, commit=commit.number, shares=tuple(shares))


def _handed_over(before: Order | None, order: Order) -> dict[str, tuple[Share, ...]]:
    """By hand-over that is new, what is charged with it."""
    done = before.handovers if before else {}
    if order.handovers is done:
        return {}
    units: dict[str, int] = {}
    found: dict[str, tuple[Share, ...]] = {}
    included = order.placed.tax_included
    for number, (of, handed) in enumerate(order.handovers.items()):
        shares = beside(order.placed) if number == 0 else []
        for line_id, count in handed.items():
            start = units.get(line_id, 0)
            units[line_id] = start + count
            line = order.lines[line_id].placed
            gross = units_value(line, start, start + count, tax_included=included)
            tax = _tax(line, start + count, tax_included=included) - _tax(line, start, tax_included=included)
            shares.append(Share(part=f"{LINE}{line_id}", gross=gross, tax=tax, units=count))
        if of not in done:
            found[of] = tuple(shares)
    return found


def beside(placed: OrderPlaced) -> list[Share]:
    """What the order costs beside its lines."""
    shares = []
    for part, amount, tax in (
        ("shipping", placed.shipping, placed.shipping_tax),
        ("fees", placed.fees, placed.fee_tax),
        ("tips", placed.tips, 0),
        ("duties", placed.duties, 0),
    ):
        gross = amount if placed.tax_included else amount + tax
        if gross:
            shares.append(Share(part=part, gross=gross, tax=min(tax, gross)))
    return shares


def line_share(line: PlacedLine, *, tax_included: bool) -> Share:
    """The whole line."""
    gross = units_value(line, 0, line.quantity, tax_included=tax_included)
    tax = _tax(line, line.quantity, tax_included=tax_included)
    return Share(part=f"{LINE}{line.line_id}", gross=gross, tax=tax, units=line.quantity)


def _tax(line: PlacedLine, units: int, *, tax_included: bool) -> int:
    """Tax of the first units of a line, as the ledger counts it."""
    base, rest = divmod(line.tax, line.quantity)
    return min(base * units + min(units, rest), units_value(line, 0, units, tax_included=tax_included))


def _given_back(order: Order) -> int:
    """What went back for certain, without what was an overpayment, or goodwill that lowers no price."""
    gone = order.payment.refunded
    if not gone:
        return 0
    kind = sum(
        each.amount
        for each in order.payment.refunds.values()
        if each.goodwill and each.status is RefundStatus.SUCCEEDED
    )
    beyond = max(0, gone - settled_back(order) - overpaid(order))
    return beyond - min(kind, beyond)


def _moved(before: Order | None, order: Order, refund_id: str) -> bool:
    """The refund went through, or failed, since."""
    known = before.payment.refunds.get(refund_id) if before else None
    now = order.payment.refunds[refund_id]
    status = known.status if known else RefundStatus.REQUESTED
    return now.status is not status and now.status in (RefundStatus.SUCCEEDED, RefundStatus.FAILED)


def _credit(
    before: Order | None, order: Order, left: Mapping[str, int], amount: int
) -> tuple[dict[str, int], dict[str, int]]:
    """(gross, units) by part of a credit: of lines that refunds name as far as those are worth it, else of all."""
    worth: dict[str, int] = {}
    units: dict[str, int] = {}
    for refund_id, refund in order.payment.refunds.items():
        went = refund.status is RefundStatus.SUCCEEDED and _moved(before, order, refund_id)
        for line_id, count in refund.lines.items() if went else ():
            part = f"{LINE}{line_id}"
            line = order.lines[line_id].placed
            value = units_value(line, 0, line.quantity, tax_included=order.placed.tax_included) // line.quantity
            worth[part] = worth.get(part, 0) + value * count + refund.dear.get(line_id, 0)
            units[part] = units.get(part, 0) + count
    named = {part: min(value, left.get(part, 0)) for part, value in worth.items()}
    wanted = _spread(min(amount, sum(named.values())), named)
    rest = {part: gross - wanted.get(part, 0) for part, gross in left.items()}
    for part, gross in _spread(amount - sum(wanted.values()), rest).items():
        wanted[part] = wanted.get(part, 0) + gross
    return wanted, units


def _spread(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`amount` over parts in proportion, none more than its weight; `amount` is not more than all of them."""
    if not amount:
        return {}
    return dict(zip(weights, allocate(amount, list(weights.values())), strict=True))
