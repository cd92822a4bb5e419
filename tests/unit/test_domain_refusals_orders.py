"""What is said when an order refuses a command: the text reaches people, the context reaches code."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from oms.domain.canonical import ChannelRefund
from oms.domain.errors import (
    CurrencyMismatchError,
    FulfillmentOrderNotFoundError,
    IdempotencyKeyReusedError,
    InvalidInputError,
    InvalidTransitionError,
    NothingToCancelError,
    OrderNotFoundError,
    ParcelNotFoundError,
    RefundBeforePaymentError,
    RefundExceedsCapturedError,
)
from oms.domain.order import commands as cmd
from oms.domain.order.decider import decide
from oms.domain.payment_events import PaymentEventKind, RefundState
from tests.support.builders import IN_CHANNEL, STRIPE, Story, line, paid, snapshot, units_of
from tests.support.money import shipped, tell
from tests.support.refusals import Refusal, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

Row = tuple["Callable[[Story], object]", Refusal]


def placed(story: Story) -> Story:
    story.place(line("1", 3), line("2", 1))
    return story


def promised(story: Story) -> Story:
    placed(story).promise()
    return story


def gone(story: Story) -> Story:
    return shipped(story, line("1", 3), line("2", 1))


def cancelling(lines: dict[str, int]) -> Callable[[Story], object]:
    return lambda story: placed(story).cancel(lines)


def refunding(**asked: Any) -> Callable[[Story], object]:
    return lambda story: gone(story).refund(**asked)


def parcel(lines: dict[str, int], tracking: str = "T") -> cmd.ParcelToShip:
    return cmd.ParcelToShip(carrier="dhl", tracking_number=tracking, lines=units_of(lines))


def ship(story: Story, *parcels: cmd.ParcelToShip) -> object:
    command = cmd.ShipFulfillmentOrder(
        command_id="s", fulfillment_order_id=story.fulfillment_order(), parcels=tuple(parcels)
    )
    return story.do(command)


def reject(story: Story, reason: str, fulfillment_order: str = "") -> object:
    known = fulfillment_order or story.fulfillment_order()
    return story.do(cmd.RejectFulfillmentOrder(command_id="r", fulfillment_order_id=known, reason=reason))


def sync_twice(story: Story, first: Any, second: Any) -> object:
    story.sync(first)
    return story.sync(second)


def refund_apart(story: Story, **fields: Any) -> object:
    refund = ChannelRefund(refund_ref="r1", amount=1001)
    return story.do(cmd.RecordChannelRefund(command_id="c", refund=refund, **fields))


def hold_of_unknown_lines(story: Story) -> object:
    return placed(story).hold("1", "8", "9")


def reused(story: Story) -> object:
    story.sync(snapshot(), STRIPE, request_hash="h1")
    return story.sync(snapshot(), STRIPE, request_hash="h2")


def at_provider(story: Story, amount: int, **fields: Any) -> object:
    return tell(story, PaymentEventKind.REFUND, amount, refund_ref="re", refund_state=RefundState.SUCCEEDED, **fields)


def after_a_void(story: Story) -> object:
    promised(story).do(cmd.RecordVoid(command_id="v"))
    return story.ship()


def came_back_before(story: Story) -> object:
    gone(story).refund({"1": 2}, amount=1, restock=True)
    story.refund_outcome(next(iter(story.order.payment.refunds)), "failed")
    return story.refund({"1": 2}, amount=1, restock=True)


def held(story: Story) -> object:
    promised(story).hold("1")
    return story.ship({"1": 1})


def cancelled_and_accepted(story: Story) -> object:
    promised(story).cancel()
    return reject(story, "damaged")


def one_number_twice(story: Story) -> object:
    promised(story).ship({"1": 1}, tracking="T")
    return ship(story, parcel({"1": 1}))


ORDER = Story().order_id
GONE = "units have been handed over or were cancelled before"
NO_UNITS = "no such line, or the quantity is not positive"
NUMBER = "each parcel needs a tracking number of its own"
LINES_WORTH = "the refund is more than the lines it names are worth"
CAPTURED = "the refund is more than what is left of the captured amount"

CHANGING: list[Row] = [
    (hold_of_unknown_lines, (InvalidInputError, "the order has no such line", {"lines": ["8", "9"]})),
    (
        lambda story: placed(story).release("hld_9"),
        (InvalidTransitionError, "the order has no such hold", {"hold_id": "hld_9"}),
    ),
    *(
        (
            cancelling(lines),
            (
                InvalidInputError,
                "the order has no such line or the quantity is not positive",
                {"line": next(iter(lines))},
            ),
        )
        for lines in ({"9": 1}, {"1": 0}, {"1": -1})
    ),
    (lambda story: placed(story).cancel({"1": 4, "2": 1}), (NothingToCancelError, GONE, {"lines": ["1"]})),
    (lambda story: gone(story).cancel(), (NothingToCancelError, GONE, {"lines": []})),
]

FULFILLING: list[Row] = [
    (
        lambda story: reject(promised(story), "no_mood"),
        (
            InvalidInputError,
            "unknown reason",
            {"reason": "no_mood", "allowed": ["damaged", "no_capacity", "not_found"]},
        ),
    ),
    (
        lambda story: reject(promised(story), "damaged", "ful_9_1"),
        (FulfillmentOrderNotFoundError, "no such fulfillment order", {"fulfillment_order_id": "ful_9_1"}),
    ),
    (
        cancelled_and_accepted,
        (InvalidTransitionError, "the fulfillment order is cancelled", {"status": "cancelled"}),
    ),
    (after_a_void, (InvalidTransitionError, "the payment does not stand", {"payment": "voided"})),
    (lambda story: ship(promised(story)), (InvalidInputError, NUMBER, {})),
    (lambda story: ship(promised(story), parcel({"1": 1}), parcel({"1": 1})), (InvalidInputError, NUMBER, {})),
    (one_number_twice, (InvalidInputError, NUMBER, {})),
    (
        lambda story: ship(promised(story), parcel({"1": 0})),
        (InvalidInputError, "a quantity must be positive", {"line": "1"}),
    ),
    (
        lambda story: ship(promised(story), parcel({"1": 2}, "A"), parcel({"1": 2}, "B")),
        (InvalidTransitionError, "more than remains to be shipped", {"line": "1", "remaining": 1}),
    ),
    (
        lambda story: ship(promised(story), parcel({"9": 1})),
        (InvalidTransitionError, "more than remains to be shipped", {"line": "9", "remaining": 0}),
    ),
    (held, (InvalidTransitionError, "the line is on hold", {"line": "1"})),
    (
        lambda story: ship(promised(story), parcel({})),
        (InvalidInputError, "a parcel needs at least one line", {"tracking_number": "T"}),
    ),
    (
        lambda story: promised(story).track("T"),
        (ParcelNotFoundError, "no parcel of this order has this tracking number", {}),
    ),
]

MONEY: list[Row] = [
    (
        lambda story: gone(story).refund(amount=1, currency="JPY"),
        (CurrencyMismatchError, "the order has another currency", {"currency": "EUR"}),
    ),
    *(
        (
            refunding(amount=amount),
            (InvalidInputError, "a refund needs a positive amount or lines", {}),
        )
        for amount in (0, -1)
    ),
    (
        lambda story: gone(story).refund({"1": 1}, amount=-1),
        (InvalidInputError, "a refund needs a positive amount or lines", {}),
    ),
    (
        lambda story: gone(story).refund({"1": 1}, amount=1001),
        (RefundExceedsCapturedError, LINES_WORTH, {"amount": 1001, "worth": 1000}),
    ),
    (
        lambda story: gone(story).refund(amount=4001),
        (RefundExceedsCapturedError, CAPTURED, {"amount": 4001, "refundable": 4000, "currency": "EUR"}),
    ),
    *(
        (
            refunding(lines=lines),
            (InvalidInputError, NO_UNITS, {"line": next(iter(lines))}),
        )
        for lines in ({"9": 1}, {"1": 0}, {"1": -1})
    ),
    (
        lambda story: gone(story).refund({"2": 2}),
        (InvalidTransitionError, "these units have not been shipped, or were refunded", {"line": "2"}),
    ),
    (came_back_before, (InvalidTransitionError, "these units came back before", {"line": "1"})),
    (
        lambda story: placed(story).refund_outcome("rfd_9", "succeeded"),
        (InvalidInputError, "no such refund", {"refund_id": "rfd_9"}),
    ),
    (
        lambda story: tell(placed(story), PaymentEventKind.AUTHORIZED, 4000, currency="USD"),
        (CurrencyMismatchError, "the payment is in another currency", {"currency": "USD"}),
    ),
    (
        lambda story: at_provider(gone(story), 4001),
        (
            RefundBeforePaymentError,
            "the provider refunded more than was captured so far",
            {"amount": 4001, "refundable": 4000},
        ),
    ),
]

PLACING: list[Row] = [
    (
        reused,
        (
            IdempotencyKeyReusedError,
            "this Idempotency-Key was used for another order",
            {"order_id": ORDER},
        ),
    ),
    (
        lambda story: sync_twice(story, snapshot(), paid(snapshot(currency="JPY", revision=1))),
        (CurrencyMismatchError, "the order was placed in another currency", {"currency": "EUR"}),
    ),
    (
        lambda story: refund_apart(placed(story), currency="CHF"),
        (CurrencyMismatchError, "the refund is in another currency", {"currency": "CHF"}),
    ),
    (
        lambda story: (story.place(line("1"), plan=IN_CHANNEL), refund_apart(story)),
        (
            RefundBeforePaymentError,
            "the channel refunded more than was captured so far",
            {"refund_ref": "r1", "amount": 1001, "refundable": 1000},
        ),
    ),
    (
        lambda _: decide("ord_9", None, cmd.RecordVoid(command_id="c")),
        (OrderNotFoundError, "no such order", {"order_id": "ord_9"}),
    ),
    (
        lambda story: placed(story).promise({"WH1": {"1": 4}}),
        (InvalidTransitionError, "the order changed since the plan was made", {"order_id": ORDER}),
    ),
]


@pytest.mark.parametrize(("call", "said"), [*CHANGING, *FULFILLING, *MONEY, *PLACING])
def test_what_is_said_of_a_command_that_is_refused(
    story: Story, call: Callable[[Story], object], said: Refusal
) -> None:
    assert refusal(lambda: call(story)) == said


def test_a_refusal_leaves_the_order_as_it_was(story: Story) -> None:
    promised(story)
    before = replace(story.order)
    refusal(lambda: ship(story, parcel({"1": 1}, "A"), parcel({"1": 9}, "B")))
    assert story.order == before
