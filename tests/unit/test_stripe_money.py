from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.domain.errors import InvalidInputError, MalformedPayloadError, UnknownCurrencyError
from oms.domain.money import MAX_MINOR, MINOR_DIGITS
from oms.domain.stripe_money import from_stripe_amount, to_stripe_amount


@pytest.mark.parametrize(
    ("currency", "ours", "theirs"),
    [
        ("USD", 1234, 1234),
        ("JPY", 500, 500),
        ("KRW", 500, 500),
        ("CLP", 990, 990),
        ("KWD", 5120, 5120),
        ("BHD", 10, 10),
        ("HUF", 1045, 1045),
        ("TWD", 80045, 80045),
        ("ISK", 5, 500),
        ("UGX", 5, 500),
        ("MGA", 500, 5),
        ("USD", 0, 0),
    ],
)
def test_the_currencies_that_stripe_documents(currency: str, ours: int, theirs: int) -> None:
    sent, read = to_stripe_amount(ours, currency), from_stripe_amount(theirs, currency)
    assert (sent, read) == (theirs, ours)
    assert type(sent) is type(read) is int, "5.0 is another text in a request"


@pytest.mark.parametrize(("currency", "minor"), [("KWD", 5124), ("TND", 1), ("MGA", 550)])
def test_what_stripe_cannot_express_is_refused_and_never_rounded(currency: str, minor: int) -> None:
    with pytest.raises(InvalidInputError):
        to_stripe_amount(minor, currency)


@pytest.mark.parametrize("currency", ["ISK", "UGX"])
def test_a_fraction_of_a_whole_unit_currency_is_refused(currency: str) -> None:
    with pytest.raises(MalformedPayloadError):
        from_stripe_amount(550, currency)


def test_an_unknown_currency_is_refused_both_ways() -> None:
    for convert in (to_stripe_amount, from_stripe_amount):
        with pytest.raises(UnknownCurrencyError):
            convert(100, "XXX")


@given(minor=st.integers(0, MAX_MINOR), currency=st.sampled_from(sorted(MINOR_DIGITS)))
def test_what_can_be_sent_comes_back_the_same(minor: int, currency: str) -> None:
    try:
        sent = to_stripe_amount(minor, currency)
    except InvalidInputError:
        assert currency == "MGA" or MINOR_DIGITS[currency] == 3
        return
    assert from_stripe_amount(sent, currency) == minor


@given(amount=st.integers(), currency=st.sampled_from(sorted(MINOR_DIGITS)))
def test_reading_refuses_what_is_out_of_range(amount: int, currency: str) -> None:
    try:
        assert abs(from_stripe_amount(amount, currency)) <= MAX_MINOR
    except MalformedPayloadError:
        assert abs(amount) > MAX_MINOR // 100 or currency in {"ISK", "UGX"}
