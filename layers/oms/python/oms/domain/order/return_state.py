"""A return (RMA) as a fold of its order's events."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from oms.domain.errors import ReturnNotFoundError
from oms.domain.frozen import frozen
from oms.domain.order.return_facts import LabelBy, RefundAt, Resolution, ReturnTerms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from oms.domain.order.exchange_facts import ReplacementLine, WantedLine
    from oms.domain.order.state import Order, Refund


class ReturnStatus(StrEnum):
    """Where a return stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    INSPECTED = "inspected"
    """All of it was looked at, and a person has to decide."""
    SETTLED = "settled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


_R = ReturnStatus
RETURN_MOVES: Final[Mapping[ReturnStatus, frozenset[ReturnStatus]]] = {
    _R.REQUESTED: frozenset({_R.APPROVED, _R.REJECTED, _R.RECEIVED, _R.CANCELLED}),
    _R.APPROVED: frozenset({_R.IN_TRANSIT, _R.RECEIVED, _R.SETTLED, _R.CANCELLED, _R.EXPIRED}),
    _R.REJECTED: frozenset(),
    _R.IN_TRANSIT: frozenset({_R.RECEIVED, _R.SETTLED, _R.CANCELLED}),
    _R.RECEIVED: frozenset({_R.INSPECTED, _R.SETTLED, _R.CANCELLED}),
    _R.INSPECTED: frozenset({_R.SETTLED}),
    _R.SETTLED: frozenset(),
    _R.CANCELLED: frozenset(),
    _R.EXPIRED: frozenset(),
}
"""REQUESTED to RECEIVED: it came before anybody approved it. APPROVED to SETTLED: the customer keeps the goods, or
has the money and never sent them. To CANCELLED besides: all of it came back otherwise."""
OPEN: Final = frozenset({_R.REQUESTED, _R.APPROVED, _R.IN_TRANSIT, _R.RECEIVED, _R.INSPECTED})


@frozen
class ReturnLine:
    """Units of a line: `quantity` that are to come, of them `inspected`, and of these `back` and `doubtful`.

    `credited`: units whose price went back with this return, or is going to.
    """

    line_id: str
    quantity: int
    reason: str
    rule: str = ""
    fee_basis_points: int = 0
    inspected: int = 0
    back: int = 0
    """Units that are at a node again, whatever became of them there."""
    doubtful: int = 0
    """Units on whose money a person decides."""
    credited: int = 0

    @property
    def to_inspect(self) -> int:
        """Units that nobody has looked at."""
        return self.quantity - self.inspected

    @property
    def sound(self) -> int:
        """Units that were found as they should be."""
        return self.inspected - self.doubtful


@frozen
class Exchange:
    """What a return pays for: `amount` of the order `order_id`, of these lines."""

    order_id: str
    amount: int
    lines: tuple[ReplacementLine, ...]
    placed: bool = False


@frozen
class Return:
    """A return."""

    return_id: str
    number: str
    lines: Mapping[str, ReturnLine]
    terms: ReturnTerms
    resolution: Resolution = Resolution.REFUND
    origin: str = "staff"
    status: ReturnStatus = ReturnStatus.REQUESTED
    approved: bool = False
    expires_at: datetime | None = None
    carrier: str = ""
    tracking_number: str = ""
    node_id: str = ""
    refunds: tuple[str, ...] = ()
    fees: int = 0
    """Minor units that its refunds were less than what its units are worth."""
    shipping: int = 0
    withheld: int = 0
    wanted: tuple[WantedLine, ...] = ()
    exchange: Exchange | None = None

    @property
    def open(self) -> bool:
        """Something is left to do, or to come."""
        return self.status in OPEN

    @property
    def pays(self) -> bool:
        """Its value moves by itself: back, or to what is wanted instead."""
        return self.resolution is Resolution.REFUND or bool(self.wanted)

    @property
    def pays_at(self) -> RefundAt:
        """When it does."""
        return (self.wanted and self.terms.exchange_at) or self.terms.refund_at

    @property
    def exchanges(self) -> bool:
        """What it is worth is to pay for other goods, and does not yet."""
        return bool(self.wanted) and self.exchange is None

    @property
    def replacement_due(self) -> bool:
        """The order that it pays for is to be placed."""
        return self.exchange is not None and not self.exchange.placed

    @property
    def coming(self) -> bool:
        """Nobody has it yet."""
        return self.status in (ReturnStatus.APPROVED, ReturnStatus.IN_TRANSIT)

    @property
    def credited(self) -> bool:
        """Money went back for it, or is going to."""
        return any(line.credited for line in self.lines.values())

    @property
    def label_due(self) -> bool:
        """A carrier is to be asked for a label."""
        wanted = self.terms.label is LabelBy.MERCHANT and bool(self.terms.label_account)
        return self.status is ReturnStatus.APPROVED and wanted and not self.tracking_number

    @property
    def kept(self) -> bool:
        """The customer has the goods, and their price went back."""
        return self.terms.keep and self.status is ReturnStatus.SETTLED

    @property
    def away(self) -> Mapping[str, int]:
        """By line, units that nobody has looked at. What was missing may be asked for again: it is paid for once."""
        return {line_id: line.to_inspect for line_id, line in self.lines.items()}


def find(order: Order, return_id: str) -> Return:
    """One of the order's returns; raises ReturnNotFoundError."""
    known = order.returns.get(return_id)
    if known is None:
        raise ReturnNotFoundError("no such return", return_id=return_id)
    return known


def replacement_due(order: Order) -> bool:
    """Of some return."""
    return any(known.replacement_due for known in order.returns.values())


def returnable(order: Order) -> dict[str, int]:
    """By line, units that may be returned: shipped, not back, in no open return, and not given to the customer.

    Below zero only while open returns have more units than are away.
    """
    left = {
        line_id: line.ledger.gone - line.ledger.returned
        for line_id, line in order.lines.items()
        if line.placed.requires_shipping
    }
    for known in order.returns.values():
        for line_id, units in known.away.items() if known.open else ():
            left[line_id] -= units
    for known in order.returns.values():
        for line_id, units in known.away.items() if known.kept else ():
            # What was given away may come back all the same.
            left[line_id] -= min(units, max(0, left[line_id]))
    return left


def refunds_of(order: Order, known: Return) -> tuple[Refund, ...]:
    """The refunds that a return asked for: of several tenders, several of one request."""
    refunds = order.payment.refunds.values()
    return tuple(refund for refund in refunds if (refund.request or refund.refund_id) in known.refunds)


def pays_returns(order: Order, refunds: Iterable[Refund]) -> bool:
    """All of these refunds, and there are some, are of returns."""
    wanted = {refund.request or refund.refund_id for refund in refunds}
    return bool(wanted) and wanted <= {each for known in order.returns.values() for each in known.refunds}


def label_due(order: Order) -> bool:
    """Of some return."""
    return any(known.label_due for known in order.returns.values())


def to_expire(order: Order, at: datetime) -> tuple[Return, ...]:
    """Returns that were approved, not sent and not paid, and whose time is over."""
    return tuple(
        known
        for known in order.returns.values()
        if known.status is ReturnStatus.APPROVED
        and not known.credited
        and known.expires_at is not None
        and known.expires_at <= at
    )


def return_due_at(order: Order, at: datetime, rest: datetime) -> datetime | None:
    """When somebody should look at the order's returns: at `rest` where a person or a node has the next word.

    What is on its way has its time; after that it is overdue, and looked at as often as everything that rests.
    """
    due = []
    for known in order.returns.values():
        if known.coming and known.expires_at is not None:
            due.append(known.expires_at if known.expires_at > at else rest)
        elif known.open:
            due.append(rest)
    return min(due, default=None)
