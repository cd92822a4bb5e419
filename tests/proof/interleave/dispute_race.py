"""Races between a refund and a dispute of the same money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.order.dispute_facts import DisputeClosed, DisputeOpened
from oms.domain.order.events import RefundRequested
from oms.domain.order.stakes import stakes
from tests.proof.interleave import guards
from tests.proof.interleave.kernel import Worker
from tests.proof.interleave.money_race import CARD, ORDER
from tests.proof.interleave.scenario import Scenario
from tests.proof.interleave.story import (
    SKU,
    api,
    ask,
    events_of,
    expect,
    moved,
    placed_on_card,
    receive,
    refund,
    refusal,
    ship,
    stripe_event,
    workflow,
)
from tests.proof.interleave.world import webhook
from tests.support.builders import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.state import Order
    from tests.proof.interleave.kernel import Ended
    from tests.proof.interleave.world import World


def _captured(world: World) -> None:
    """Two units at 10.00 in one parcel, shipped and captured."""
    receive(world, SKU, "WH1", 2)
    placed_on_card(world, line(quantity=2))
    world.drive(ORDER)
    ask(world.calm, ORDER, ship(ORDER, "1", {"1": 2}))
    world.drive(ORDER)


def _disputed(world: World, name: str, event_id: str, *, won: bool) -> Worker:
    """The bank takes all of it, or has given it back."""
    taken = {"id": "txn_1", "amount": -2000, "currency": "eur", "fee": 1500}
    back = {"id": "txn_2", "amount": 2000, "currency": "eur", "fee": 0}
    subject = {
        "object": "dispute",
        "id": "dp_1",
        "amount": 2000,
        "currency": "eur",
        "charge": "ch_1",
        "metadata": {"oms_order_id": ORDER},
        "payment_intent": CARD,
        "status": "won" if won else "needs_response",
        "reason": "fraudulent",
        "balance_transactions": [taken, back] if won else [taken],
    }

    def body(_try: int, last: bool) -> object:  # noqa: FBT001
        told = stripe_event(event_id, "charge.dispute.closed" if won else "charge.dispute.funds_withdrawn", subject)
        return world.racing.take(webhook(told), last_try=last)

    return Worker(name=name, body=body)


def _refund_and_dispute(world: World) -> list[Worker]:
    return [
        api(world, "service", ORDER, refund(ORDER, "R1", 1200)),
        _disputed(world, "bank", "evt_1", won=False),
        _disputed(world, "bank again", "evt_2", won=True),
        workflow(world, "workflow", ORDER, "settle"),
    ]


def _not_twice(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    """No refund is decided on while the money is at stake; one from before, or from after, is made once."""
    at_stake = False
    for event in events_of(world, ORDER):
        if isinstance(event, DisputeOpened | DisputeClosed):
            at_stake = event.word.is_open
        expect("I2", not (at_stake and isinstance(event, RefundRequested)), "a refund of what is disputed")
    asked = any(isinstance(event, RefundRequested) for event in events_of(world, ORDER))
    expect("I5", refusal(ended, "service") in ("", "AmountDisputedError"), refusal(ended, "service"))
    expect("I5", moved(world, "refund") == [1200] * asked, f"given back: {moved(world, 'refund')}")
    expect("I5", stakes(orders[ORDER]).taken == 0, f"{orders[ORDER].disputes}")


SCENARIOS: Final = (
    Scenario(
        name="refund-dispute",
        about="A refund is asked for while the bank takes the same money and gives it back.",
        prelude=_captured,
        workers=_refund_and_dispute,
        expect=_not_twice,
        guard="condition on the commit number: a refund is decided on the disputes before it",
        without=guards.no_commit_condition,
    ),
)
