"""Steps of an order's life in which its payment is disputed: the provider's words, and the same to the oracle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from oms.domain.disputes import DisputeStatus
from oms.domain.order import commands as cmd
from oms.domain.order.events import RefundFailed, RefundRequested
from tests.proof.money import disputed
from tests.support.disputes import told

if TYPE_CHECKING:
    from oms.domain.order.events import OrderEvent
    from tests.proof.money.drive import Life

FEE = 1500


def dispute(life: Life) -> None:
    """The customer's bank asks for money back; the provider takes it at once, or not yet."""
    books, rng = life.oracle, life.rng
    if books.provider == "in_channel" or books.dispute or not books.captured:
        return
    amount = rng.randrange(1, books.captured + 1)
    taken, fee = rng.random() < 0.7, rng.random() < 0.5
    if _hear(life, DisputeStatus.NEEDS_RESPONSE, amount, {"m1": amount} if taken else {}, fee=fee and taken) is None:
        life.drift += 1
        return
    books.dispute = disputed.Disputed(amount=amount, taken=amount * taken, fees=FEE * (fee and taken))


def end(life: Life) -> None:
    """It is won or lost, and told once more."""
    books, rng = life.oracle, life.rng
    if books.dispute is None or books.dispute.state != "open":
        return
    amount, won = books.dispute.amount, rng.random() < 0.5
    moved = {"m1": amount} if books.dispute.taken or not won else {}
    if won and moved:
        moved["m2"] = -amount
    status = DisputeStatus.WON if won else DisputeStatus.LOST
    events = _hear(life, status, amount, moved)
    failed, made = disputed.ended(books, "won" if won else "lost", 0 if won else amount)
    ids = {refund_id for refund_id, back in life.backs.items() if any(back is each for each in failed)}
    life.drift += len(ids ^ {each.refund_id for each in events or () if isinstance(each, RefundFailed)})
    asked = [each for each in events or () if isinstance(each, RefundRequested)]
    life.drift += abs(sum(each.amount for each in asked) - (made.amount if made else 0))
    for each in asked:
        if made:
            life.backs[each.refund_id] = made
    life.compare()
    life.drift += bool(_hear(life, status, amount, moved))


def _hear(
    life: Life, status: DisputeStatus, amount: int, moved: dict[str, int], *, fee: bool = False
) -> tuple[OrderEvent, ...] | None:
    currency = life.order.placed.currency
    fees = {"m1": (FEE, currency)} if fee else None
    at = 100 if status is DisputeStatus.NEEDS_RESPONSE else 200
    event = replace(told(status, amount, at=at, moved=moved, fees=fees), currency=currency)
    return life.do(cmd.RecordProviderEvent(command_id=life.id(), event=event))
