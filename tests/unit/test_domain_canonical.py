from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from oms.domain.canonical import (
    MAX_LINES,
    MAX_QUANTITY,
    CanonicalOrder,
    ChannelRefund,
    RefundedLine,
    check_order,
    sum_parts,
)
from oms.domain.errors import (
    MalformedPayloadError,
    OmsError,
    TooManyLinesError,
    TotalsMismatchError,
    UnknownCurrencyError,
)
from oms.domain.money import MAX_MINOR
from tests.support.builders import line, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

SOUND = snapshot(line("1", 2, 1000, discount=100, tax=361), line("2", 1, 500, tax=95), shipping=490, shipping_tax=93)


def test_tax_is_counted_once() -> None:
    assert sum_parts(SOUND) == 1900 + 500 + 361 + 95 + 490 + 93
    assert sum_parts(replace(SOUND, tax_included=True)) == 1900 + 500 + 490


def test_a_gift_card_is_a_tender_not_a_price() -> None:
    assert check_order(replace(SOUND, gift_cards=500)).total == SOUND.total


@pytest.mark.parametrize("difference", [1, -1, 361])
def test_a_total_that_the_parts_do_not_make_is_refused_with_the_difference(difference: int) -> None:
    with pytest.raises(TotalsMismatchError) as caught:
        check_order(replace(SOUND, total=SOUND.total + difference))
    assert caught.value.context["difference"] == difference


def with_line(**changes: object) -> Callable[[CanonicalOrder], CanonicalOrder]:
    return lambda order: replace(order, lines=(replace(order.lines[0], **changes), *order.lines[1:]))  # type: ignore[arg-type]


def with_captured(amount: int) -> Callable[[CanonicalOrder], CanonicalOrder]:
    return lambda order: replace(order, payment=replace(order.payment, captured=amount))


def with_refunds(*refunds: ChannelRefund) -> Callable[[CanonicalOrder], CanonicalOrder]:
    return lambda order: replace(order, refunds=refunds)


def with_refunded(*refs: int, **changes: Any) -> Callable[[CanonicalOrder], CanonicalOrder]:
    lines = [RefundedLine(line_ref=str(ref), quantity=1) for ref in refs or (1,)]
    return with_refunds(ChannelRefund(refund_ref="1", amount=1, lines=(replace(lines[0], **changes), *lines[1:])))


def with_amount(**changes: int) -> Callable[[CanonicalOrder], CanonicalOrder]:
    """A change that leaves the sum right, so that only its own rule can refuse it."""

    def change(order: CanonicalOrder) -> CanonicalOrder:
        changed = replace(order, **changes)  # type: ignore[arg-type]
        return changed if "total" in changes else replace(changed, total=sum_parts(changed))

    return change


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda order: replace(order, lines=()), MalformedPayloadError),
        (lambda order: replace(order, lines=order.lines[:1] * 2), MalformedPayloadError),
        (lambda order: replace(order, external_id=""), MalformedPayloadError),
        (lambda order: replace(order, external_id="x" * 201), MalformedPayloadError),
        (lambda order: replace(order, currency="EURO"), UnknownCurrencyError),
        (lambda order: replace(order, currency="XXX"), UnknownCurrencyError),
        (with_line(quantity=0), MalformedPayloadError),
        (with_line(quantity=-1), MalformedPayloadError),
        (with_line(quantity=MAX_QUANTITY + 1), MalformedPayloadError),
        (with_line(quantity=2**63), MalformedPayloadError),
        (with_line(cancelled=3), MalformedPayloadError),
        (with_line(cancelled=-1), MalformedPayloadError),
        (with_line(unit_price=-1), MalformedPayloadError),
        (with_line(discount=-1), MalformedPayloadError),
        (with_line(discount=2001), MalformedPayloadError),
        (with_line(tax=-1), MalformedPayloadError),
        (with_line(tax=MAX_MINOR + 1), MalformedPayloadError),
        (with_line(unit_price=MAX_MINOR), MalformedPayloadError),
        (with_line(sku="x" * 201), MalformedPayloadError),
        (with_line(line_ref="x" * 201), MalformedPayloadError),
        (with_line(line_ref=""), MalformedPayloadError),
        (lambda order: replace(order, revision=datetime(9999, 12, 31, tzinfo=UTC)), MalformedPayloadError),
        (lambda order: replace(order, placed_at=datetime(1, 1, 1, tzinfo=UTC)), MalformedPayloadError),
        (with_captured(-1), MalformedPayloadError),
        (with_captured(MAX_MINOR + 1), MalformedPayloadError),
        (with_refunds(ChannelRefund(refund_ref="1", amount=-1)), MalformedPayloadError),
        (with_refunds(ChannelRefund(refund_ref="1", amount=MAX_MINOR + 1)), MalformedPayloadError),
        (with_refunds(*(ChannelRefund(refund_ref=ref, amount=MAX_MINOR) for ref in "12")), MalformedPayloadError),
        (with_refunds(ChannelRefund(refund_ref="", amount=1)), MalformedPayloadError),
        (with_refunds(ChannelRefund(refund_ref="x" * 201, amount=1)), MalformedPayloadError),
        (with_refunds(*[ChannelRefund(refund_ref="1", amount=1)] * 2), MalformedPayloadError),
        (with_refunds(*(ChannelRefund(refund_ref=str(ref), amount=1) for ref in range(1001))), MalformedPayloadError),
        (with_refunded(quantity=0), MalformedPayloadError),
        (with_refunded(quantity=-1), MalformedPayloadError),
        (with_refunded(quantity=MAX_QUANTITY + 1), MalformedPayloadError),
        (with_refunded(line_ref=""), MalformedPayloadError),
        (with_refunded(line_ref="x" * 201), MalformedPayloadError),
        (with_refunded(*range(MAX_LINES + 1)), TooManyLinesError),
        *(
            (with_amount(**{name: amount}), MalformedPayloadError)
            for name in ("shipping", "shipping_tax", "fees", "fee_tax", "tips", "duties")
            for amount in (-1, MAX_MINOR + 1)
        ),
        (with_amount(gift_cards=-1), MalformedPayloadError),
        (lambda order: replace(order, gift_cards=order.total + 1), MalformedPayloadError),
        (lambda order: replace(order, total=-1), MalformedPayloadError),
    ],
)
def test_what_is_not_sound_is_refused(
    change: Callable[[CanonicalOrder], CanonicalOrder], error: type[OmsError]
) -> None:
    with pytest.raises(error):
        check_order(change(SOUND))


def test_the_most_lines() -> None:
    lines = tuple(line(str(number)) for number in range(MAX_LINES + 1))
    assert len(snapshot(*lines[:-1]).lines) == MAX_LINES
    with pytest.raises(TooManyLinesError):
        snapshot(*lines)


def test_the_largest_amounts_are_exact() -> None:
    order = snapshot(line("1", MAX_QUANTITY, MAX_MINOR // MAX_QUANTITY))
    assert order.total == MAX_MINOR
