"""A payout held to the orders whose money it is made of: exact, pure, and the same whenever it is asked.

A report of a provider has a row for each movement; each is matched by the provider's reference to what an order's log
says. Amounts are minor units; money that came in is positive. A report is sound when its rows sum to what was paid out.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime  # noqa: TC003 - part of the values
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from oms.domain.frozen import frozen
from oms.domain.order import events as ev
from oms.domain.order.dispute_facts import DisputeFundsReinstated, DisputeFundsWithdrawn
from oms.domain.order.payment_facts import TenderAdded
from oms.domain.order.tenders import begun

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oms.domain.commit import Commit


class RowKind(StrEnum):
    """What a row of a report is about."""

    CAPTURE = "capture"
    REFUND = "refund"
    DISPUTE = "dispute"
    FEE = "fee"
    OTHER = "other"
    """Neither an order's nor a fee: a reserve, an adjustment, a transfer. It is named, and not compared."""


class Verdict(StrEnum):
    """What came of a row."""

    MATCHED = "matched"
    DIFFERS = "differs"
    UNKNOWN = "unknown"
    """No order knows of it."""
    UNTOUCHED = "untouched"
    """Not an order's money."""


COMPARED: Final = frozenset({RowKind.CAPTURE, RowKind.REFUND, RowKind.DISPUTE})


@frozen
class PayoutRow:
    """A movement as the report has it: `gross` less `fee` is `net`, all in `currency`.

    `reference` is the provider's id of the movement, `payment_ref` of the payment that it belongs to.
    """

    kind: RowKind
    reference: str
    currency: str
    gross: int
    fee: int = 0
    payment_ref: str = ""
    order_ref: str = ""

    @property
    def net(self) -> int:
        """What it adds to the payout."""
        return self.gross - self.fee


@frozen
class Payout:
    """A report: `amount` reached the bank, in `currency`."""

    provider: str
    payout_id: str
    currency: str
    amount: int
    paid_at: datetime
    rows: tuple[PayoutRow, ...]


@frozen
class OurMovement:
    """What an order's log says that a provider moved, as a report would have it."""

    order_id: str
    kind: RowKind
    reference: str
    amount: int
    currency: str
    at: datetime | None = None
    provider: str = ""


@frozen
class Line:
    """A row with what came of it."""

    row: PayoutRow
    verdict: Verdict
    order_id: str = ""
    ours: int = 0


@frozen
class Reconciled:
    """The result. `off` is by how much the rows do not sum to the payout."""

    payout: Payout
    lines: tuple[Line, ...]
    fees: int
    off: int

    def of(self, verdict: Verdict) -> tuple[Line, ...]:
        """Lines of which that came."""
        return tuple(each for each in self.lines if each.verdict is verdict)

    @property
    def sound(self) -> bool:
        """Nothing is left to look at."""
        return not self.off and not self.of(Verdict.DIFFERS) and not self.of(Verdict.UNKNOWN)


def movements(order_id: str, commits: Sequence[Commit]) -> tuple[OurMovement, ...]:
    """Captures, refunds that went through and what disputes moved, as an order's log has them, of all its providers."""
    found: list[OurMovement] = []
    asked: dict[str, ev.RefundRequested] = {}
    refs: dict[str, str] = {}
    providers: list[str] = []
    currency = ""
    for commit in commits:
        for event in commit.events:
            match event:
                case ev.OrderPlaced():
                    currency = event.currency
                    providers = [each.provider for each in begun(event)]
                case TenderAdded():
                    providers.append(event.tender.provider)
                case ev.RefundRequested():
                    asked[event.refund_id] = event
                case ev.RefundSubmitted() | ev.RefundSucceeded() if event.refund_ref:
                    refs[event.refund_id] = event.refund_ref
            moved = _moved(event, asked, refs)
            known = {each.reference for each in found}
            if moved and moved[1] and moved[2] and (moved[1] in known or not isinstance(event, _UNDOES)):
                kind, ref, amount, tender = moved
                made = OurMovement(order_id=order_id, kind=kind, reference=ref, amount=amount, currency=currency)
                found.append(replace(made, at=commit.at, provider=providers[tender - 1]))
    return tuple(found)


_UNDOES: Final = (ev.PaymentUndone, ev.RefundFailed)
"""Of what never happened, they undo nothing."""


def _moved(
    event: object, asked: Mapping[str, ev.RefundRequested], refs: Mapping[str, str]
) -> tuple[RowKind, str, int, int] | None:
    """What an event says that a provider moved: kind, reference, amount, tender."""
    match event:
        case ev.PaymentCaptured():
            return RowKind.CAPTURE, event.capture_id, event.amount, event.tender
        case ev.PaymentUndone():
            return RowKind.CAPTURE, event.capture_id, -event.amount, event.tender
        case ev.RefundSucceeded():
            refund = asked[event.refund_id]
            return RowKind.REFUND, refs.get(event.refund_id, ""), -refund.amount, refund.tender
        case ev.RefundFailed():
            refund = asked[event.refund_id]
            return RowKind.REFUND, refs.get(event.refund_id, ""), refund.amount, refund.tender
        case DisputeFundsWithdrawn():
            return RowKind.DISPUTE, event.movement_id, -event.amount, event.tender
        case DisputeFundsReinstated():
            return RowKind.DISPUTE, event.movement_id, event.amount, event.tender
    return None


def reconcile(payout: Payout, ours: Iterable[OurMovement]) -> Reconciled:
    """Every row of the report, once. Rows and movements of one reference and kind are compared by their sums.

    A provider may tell of several captures of one payment in one row, or of one in several. A row in another currency
    than the order's (the provider converted it) cannot be compared to the minor unit: it matches by its reference.
    """
    known: dict[tuple[RowKind, str], list[OurMovement]] = {}
    for each in ours:
        known.setdefault((each.kind, each.reference), []).append(each)
    told: dict[tuple[RowKind, str], int] = {}
    for row in payout.rows:
        key = _key(row, known)
        told[key] = told.get(key, 0) + row.gross
    lines = tuple(_line(row, known, told) for row in payout.rows)
    fees = sum(row.fee for row in payout.rows) - sum(row.gross for row in payout.rows if row.kind is RowKind.FEE)
    off = payout.amount - sum(row.net for row in payout.rows)
    return Reconciled(payout=payout, lines=lines, fees=fees, off=off)


def _key(row: PayoutRow, known: Mapping[tuple[RowKind, str], Sequence[OurMovement]]) -> tuple[RowKind, str]:
    """By the movement's own reference, else by its payment's."""
    own = (row.kind, row.reference)
    return own if own in known or not row.payment_ref else (row.kind, row.payment_ref)


def _line(
    row: PayoutRow, known: Mapping[tuple[RowKind, str], Sequence[OurMovement]], told: Mapping[tuple[RowKind, str], int]
) -> Line:
    if row.kind not in COMPARED:
        return Line(row=row, verdict=Verdict.UNTOUCHED)
    key = _key(row, known)
    found = known.get(key, ())
    if not found:
        return Line(row=row, verdict=Verdict.UNKNOWN)
    ours = sum(each.amount for each in found)
    same = found[0].currency != row.currency or ours == told[key]
    return Line(row=row, verdict=Verdict.MATCHED if same else Verdict.DIFFERS, order_id=found[0].order_id, ours=ours)


def missing(
    ours: Iterable[OurMovement], seen: Iterable[tuple[RowKind, str]], before: datetime
) -> tuple[OurMovement, ...]:
    """Movements of before a day that no payout has told of (`seen`: kinds and references that some has)."""
    told = frozenset(seen)
    return tuple(
        each
        for each in ours
        if each.at is not None and each.at < before and (each.kind, each.reference) not in told and each.amount
    )
