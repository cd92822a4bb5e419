"""A dispute's words in any order, each as often as it likes, end in the same order, held, free and booked alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from oms.domain.disputes import DisputeStage, DisputeStatus
from oms.domain.order.accounts import balances
from oms.domain.order.stakes import free_to_refund
from oms.domain.order.status import payment_status
from tests.support.builders import Story, line, minutes
from tests.support.disputes import hear, told
from tests.support.money import shipped

if TYPE_CHECKING:
    from oms.domain.payment_events import PaymentEvent

WORDS = st.sampled_from(
    [
        (DisputeStage.INQUIRY, DisputeStatus.NEEDS_RESPONSE),
        (DisputeStage.INQUIRY, DisputeStatus.WITHDRAWN),
        (DisputeStage.CHARGEBACK, DisputeStatus.NEEDS_RESPONSE),
        (DisputeStage.CHARGEBACK, DisputeStatus.UNDER_REVIEW),
        (DisputeStage.CHARGEBACK, DisputeStatus.WON),
        (DisputeStage.CHARGEBACK, DisputeStatus.LOST),
    ]
)
MOVED = st.dictionaries(st.sampled_from(["txn_1", "txn_2", "txn_3"]), st.just(0), max_size=3)
AMOUNTS = {"txn_1": 1200, "txn_2": -1200, "txn_3": 800}
"""What a movement is worth never changes."""


@st.composite
def words(draw: st.DrawFn) -> list[PaymentEvent]:
    """What a provider may say of two disputes of an order over 30.00."""
    said = []
    for number in range(draw(st.integers(1, 7))):
        stage, status = draw(WORDS)
        moved = {key: AMOUNTS[key] for key in draw(MOVED)}
        ref = draw(st.sampled_from(["dp_1", "dp_2"]))
        event = told(
            status,
            draw(st.sampled_from([800, 1200])),
            at=draw(st.integers(100, 104)),
            stage=stage,
            moved={f"{ref}_{key}": amount for key, amount in moved.items()},
            respond_by=draw(st.sampled_from([None, minutes(9000), minutes(9900)])),
            ref=ref,
            event_id=f"evt_{number}",
        )
        said.append(event)
    return said


def stands(story: Story) -> dict[str, Any]:
    """What everybody sees of it. That a hold was placed and let go is history, not state."""
    order = story.order
    disputes = order.disputes
    return {
        "words": {key: (each.word, each.stage, each.respond_by) for key, each in disputes.known.items()},
        "moved": dict(disputes.movements),
        "books": balances(order),
        "free": free_to_refund(order),
        "status": payment_status(order),
        "held": len(order.active_holds),
    }


def lived(events: list[PaymentEvent], *, shipped_all: bool) -> Story:
    story = Story()
    if shipped_all:
        shipped(story, line("1", 3, 1000))
    else:
        story.place(line("1", 3, 1000))
        story.promise()
        story.ship({"1": 2})
        story.settle()
    for event in events:
        hear(story, event)
        assert sum(balances(story.order).values()) == 0, "debits are not credits"
    return story


@given(words(), st.data(), st.booleans())
def test_any_order_any_number_of_times(events: list[PaymentEvent], data: st.DataObject, all_left: bool) -> None:  # noqa: FBT001
    again = data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events), max_size=5))]))
    assert stands(lived(events, shipped_all=all_left)) == stands(lived(again, shipped_all=all_left))


@given(words())
def test_the_tender_is_what_was_captured_less_what_was_taken(events: list[PaymentEvent]) -> None:
    story = lived(events, shipped_all=True)
    taken = {m.movement_id: m.amount for each in events if each.dispute for m in each.dispute.movements}
    assert balances(story.order).get("tender:stripe", 0) == 3000 - sum(taken.values())
