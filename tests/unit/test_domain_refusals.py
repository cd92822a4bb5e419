"""What is said when a value is refused: the text reaches people, the context reaches code."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from oms.domain.canonical import (
    MAX_LINES,
    MAX_QUANTITY,
    MAX_REFUNDS,
    ChannelRefund,
    RefundedLine,
    check_order,
)
from oms.domain.codec import event_from_plain, from_plain
from oms.domain.errors import (
    InvalidInputError,
    InvalidTransitionError,
    LedgerImbalanceError,
    MalformedPayloadError,
    TooManyLinesError,
    TotalsMismatchError,
    UnknownCurrencyError,
    UnknownEventError,
)
from oms.domain.money import MAX_MINOR, allocate, check_minor, format_minor, minor_digits, to_minor
from oms.domain.movements import MovementKind
from oms.domain.order import events as ev
from oms.domain.order.evolve import evolve, fold
from oms.domain.order.ledger import LineLedger, Place
from oms.domain.stock import StockMovement, movement_deltas
from oms.domain.vendor_money import STRIPE, from_vendor_amount, to_vendor_amount
from tests.support.builders import Story, line, snapshot
from tests.support.refusals import Refusal, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

Row = tuple["Callable[[], object]", Refusal]

INEXACT = "the provider cannot express this amount"
DIGITS = "an amount has more digits than its currency"
RANGE = "an amount is out of range"
KIND = "an amount must be a decimal string or number"
TEXT = "an amount is not a decimal number"

MONEY: list[Row] = [
    (lambda: minor_digits("EUROPEAN UNION"), (UnknownCurrencyError, "unknown currency", {"currency": "EUROPEAN"})),
    (lambda: format_minor(1, "usd"), (UnknownCurrencyError, "unknown currency", {"currency": "usd"})),
    (lambda: to_minor(1.5, "EUR"), (MalformedPayloadError, KIND, {"kind": "float"})),  # type: ignore[arg-type]
    (lambda: to_minor(bool(1), "EUR"), (MalformedPayloadError, KIND, {"kind": "bool"})),
    (lambda: to_minor("1,5", "EUR"), (MalformedPayloadError, TEXT, {})),
    (lambda: to_minor("1.234", "EUR"), (MalformedPayloadError, DIGITS, {"currency": "EUR"})),
    (lambda: to_minor("1e31", "EUR"), (MalformedPayloadError, RANGE, {})),
    (lambda: to_minor("1e30", "EUR"), (MalformedPayloadError, RANGE, {})),
    (lambda: to_minor("1e-30", "EUR"), (MalformedPayloadError, DIGITS, {"currency": "EUR"})),
    (lambda: to_minor("1e-31", "EUR"), (MalformedPayloadError, RANGE, {})),
    (lambda: to_minor(Decimal("NaN"), "EUR"), (MalformedPayloadError, RANGE, {})),
    (lambda: to_minor("1." + "0" * 60, "EUR"), (MalformedPayloadError, TEXT, {})),
    (lambda: to_minor(Decimal("1." + "0" * 60), "EUR"), (MalformedPayloadError, RANGE, {})),
    (lambda: check_minor(MAX_MINOR + 1), (MalformedPayloadError, RANGE, {})),
    (
        lambda: to_vendor_amount(STRIPE, 1005, "KWD"),
        (
            InvalidInputError,
            INEXACT,
            {"vendor": STRIPE, "currency": "KWD", "step": 10},
        ),
    ),
    (
        lambda: to_vendor_amount(STRIPE, 250, "MGA"),
        (
            InvalidInputError,
            INEXACT,
            {"vendor": STRIPE, "currency": "MGA", "step": 100},
        ),
    ),
    (lambda: from_vendor_amount(STRIPE, 150, "ISK"), (MalformedPayloadError, DIGITS, {"currency": "ISK"})),
]


def order_with(**changes: Any) -> Callable[[], object]:
    """A snapshot of two lines, changed, and checked."""
    sound = snapshot(line("1", 2, 1000), line("2", 1, 500))
    return lambda: check_order(replace(sound, **changes))


def line_with(**changes: Any) -> Callable[[], object]:
    """The same with its only line changed."""
    sound = snapshot(line("1", 2, 1000))
    return lambda: check_order(replace(sound, lines=(replace(sound.lines[0], **changes),)))


def refunded(count: int = 1, **changes: Any) -> Callable[[], object]:
    """The order with refunds, each changed."""
    sound = [ChannelRefund(refund_ref=str(number), amount=1) for number in range(count)]
    return order_with(refunds=tuple(replace(each, **changes) for each in sound))


LONG = "x" * 201
TIME = "a time of the order is out of range"
CANONICAL: list[Row] = [
    (order_with(lines=()), (MalformedPayloadError, "an order needs at least one line", {})),
    (order_with(external_id=""), (MalformedPayloadError, "the order has no usable id", {})),
    (order_with(external_id=LONG), (MalformedPayloadError, "the order has no usable id", {})),
    (order_with(lines=(line("1"), line("1"))), (MalformedPayloadError, "two lines share one id", {})),
    (order_with(shipping=-1), (MalformedPayloadError, "an amount is negative", {})),
    (order_with(total=-1), (MalformedPayloadError, "an amount is negative", {})),
    (order_with(duties=MAX_MINOR + 1), (MalformedPayloadError, RANGE, {})),
    (order_with(gift_cards=2501), (MalformedPayloadError, "gift cards paid more than the total", {})),
    (
        order_with(total=2400),
        (
            TotalsMismatchError,
            "the parts do not add up to the total",
            {"total": 2400, "parts": 2500, "difference": -100, "currency": "EUR"},
        ),
    ),
    (
        lambda: snapshot(*(line(str(number)) for number in range(MAX_LINES + 1))),
        (TooManyLinesError, "too many lines", {"lines": MAX_LINES + 1, "limit": MAX_LINES}),
    ),
    (line_with(quantity=0), (MalformedPayloadError, "a quantity is out of range", {"line": "1"})),
    (line_with(quantity=MAX_QUANTITY + 1), (MalformedPayloadError, "a quantity is out of range", {"line": "1"})),
    (line_with(cancelled=3), (MalformedPayloadError, "more units are cancelled than ordered", {"line": "1"})),
    (line_with(cancelled=-1), (MalformedPayloadError, "more units are cancelled than ordered", {"line": "1"})),
    *(
        (line_with(**changes), (MalformedPayloadError, "a line amount is negative", {"line": "1"}))
        for changes in ({"unit_price": -1}, {"discount": -1}, {"tax": -1}, {"discount": 2001})
    ),
    (line_with(line_ref=LONG), (MalformedPayloadError, "a line has an oversized id", {"line": "x" * 200})),
    (line_with(sku=LONG), (MalformedPayloadError, "a line has an oversized id", {"line": "1"})),
    (line_with(line_ref=""), (MalformedPayloadError, "a line has no id", {})),
    *(
        (order_with(**{name: datetime(year, 1, 1, tzinfo=UTC)}), (MalformedPayloadError, TIME, {}))
        for name in ("revision", "placed_at")
        for year in (1989, 2100)
    ),
    (refunded(amount=-1), (MalformedPayloadError, "an amount is negative", {})),
    (refunded(amount=MAX_MINOR + 1), (MalformedPayloadError, RANGE, {})),
    (refunded(refund_ref=""), (MalformedPayloadError, "a refund has no usable id", {})),
    (refunded(refund_ref=LONG), (MalformedPayloadError, "a refund has no usable id", {})),
    (refunded(refund_ref="R", count=2), (MalformedPayloadError, "two refunds share one id", {})),
    (
        refunded(count=MAX_REFUNDS + 1),
        (MalformedPayloadError, "too many refunds", {"refunds": MAX_REFUNDS + 1, "limit": MAX_REFUNDS}),
    ),
    (refunded(amount=MAX_MINOR, count=2), (MalformedPayloadError, RANGE, {})),
    *(
        (
            refunded(lines=(RefundedLine(line_ref="1", quantity=quantity),)),
            (MalformedPayloadError, "a refunded quantity is out of range", {"line": "1"}),
        )
        for quantity in (0, -1, MAX_QUANTITY + 1)
    ),
    *(
        (
            refunded(lines=(RefundedLine(line_ref=ref, quantity=1),)),
            (MalformedPayloadError, "a refunded line has no usable id", {}),
        )
        for ref in ("", LONG)
    ),
    (
        refunded(lines=(RefundedLine(line_ref="1", quantity=1),) * (MAX_LINES + 1)),
        (TooManyLinesError, "too many lines", {"lines": MAX_LINES + 1, "limit": MAX_LINES}),
    ),
    (line_with(tax=MAX_MINOR + 1), (MalformedPayloadError, RANGE, {})),
    (line_with(unit_price=MAX_MINOR), (MalformedPayloadError, RANGE, {})),
]


def moved(kind: MovementKind, quantity: int) -> Callable[[], object]:
    return lambda: movement_deltas(StockMovement(sku="A", node_id="W", kind=kind, quantity=quantity))


def order() -> Any:
    story = Story()
    story.place(line("1", 2))
    return story.order


FOREIGN = "an event of unknown type or version"
UNFIT = "a stored value does not fit its type"
MOVEMENT = "the quantity does not fit the kind of movement"
OTHERS: list[Row] = [
    (lambda: event_from_plain({"type": "Lost", "v": 1}), (UnknownEventError, FOREIGN, {"type": "Lost"})),
    (
        lambda: event_from_plain({"type": "PaymentVoided", "v": 2}),
        (UnknownEventError, FOREIGN, {"type": "PaymentVoided"}),
    ),
    (lambda: event_from_plain({"type": "x" * 81, "v": 1}), (UnknownEventError, FOREIGN, {"type": "x" * 80})),
    (
        lambda: event_from_plain({"type": "PaymentAuthorized", "v": 1}),
        (UnknownEventError, UNFIT, {"type": "PaymentAuthorized"}),
    ),
    (lambda: from_plain(tuple[int, ...], 7), (UnknownEventError, UNFIT, {"type": "tuple"})),
    (lambda: from_plain(ev.LineUnits | None, 7), (UnknownEventError, UNFIT, {"type": ""})),
    (moved(MovementKind.RECEIPT, 0), (InvalidInputError, MOVEMENT, {"kind": "receipt"})),
    (moved(MovementKind.WRITE_OFF, -1), (InvalidInputError, MOVEMENT, {"kind": "write_off"})),
    (
        lambda: LineLedger(ordered=3, open=1),
        (
            LedgerImbalanceError,
            "units appeared or vanished",
            {"ordered": 3, "places": [1, 0, 0, 0, 0, 0, 0]},
        ),
    ),
    (
        lambda: LineLedger(ordered=3, open=3).move(Place.OPEN, Place.SHIPPED, 1),
        (InvalidTransitionError, "a unit cannot go from open to shipped", {}),
    ),
    (
        lambda: LineLedger(ordered=3, open=3).move(Place.OPEN, Place.ALLOCATED, 0),
        (LedgerImbalanceError, "a move needs at least one unit", {"units": 0}),
    ),
    (
        lambda: fold("ord_1", [ev.PaymentVoided()]),
        (LedgerImbalanceError, "an order's log must begin with its placing", {"order_id": "ord_1"}),
    ),
    (
        lambda: evolve("gossip", order()),
        (LedgerImbalanceError, "an event that this order cannot fold", {"event": "str"}),
    ),
]


@pytest.mark.parametrize(("call", "said"), [*MONEY, *CANONICAL, *OTHERS])
def test_what_is_said_of_a_value_that_is_refused(call: Callable[[], object], said: Refusal) -> None:
    assert refusal(call) == said


def test_weights_that_are_none_are_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match=r"^weights must be a non-empty list of non-negative integers$"):
        allocate(1, [])


def test_the_longest_amount_that_is_read() -> None:
    """Sixty digits; one more is refused unread."""
    assert to_minor(Decimal("1." + "0" * 59), "EUR") == 100
