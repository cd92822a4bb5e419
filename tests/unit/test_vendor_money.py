from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.domain.errors import InvalidInputError, MalformedPayloadError, UnknownCurrencyError
from oms.domain.money import MAX_MINOR, MINOR_DIGITS
from oms.domain.vendor_money import (
    ADYEN,
    PAYPAL,
    STRIPE,
    from_vendor_amount,
    from_vendor_text,
    to_vendor_amount,
    to_vendor_text,
)

CURRENCY = st.sampled_from(sorted(MINOR_DIGITS))


@pytest.mark.parametrize(
    ("vendor", "currency", "ours", "theirs"),
    [
        (STRIPE, "USD", 1234, 1234),
        (STRIPE, "JPY", 500, 500),
        (STRIPE, "KRW", 500, 500),
        (STRIPE, "CLP", 990, 990),
        (STRIPE, "KWD", 5120, 5120),
        (STRIPE, "BHD", 10, 10),
        (STRIPE, "HUF", 1045, 1045),
        (STRIPE, "TWD", 80045, 80045),
        (STRIPE, "ISK", 5, 500),
        (STRIPE, "UGX", 5, 500),
        (STRIPE, "MGA", 500, 5),
        (STRIPE, "USD", 0, 0),
        (ADYEN, "EUR", 1234, 1234),
        (ADYEN, "JPY", 500, 500),
        (ADYEN, "KWD", 5123, 5123),
        (ADYEN, "CLP", 990, 99000),
        (ADYEN, "ISK", 5, 500),
        (ADYEN, "CVE", 500, 5),
        (ADYEN, "IDR", 500, 5),
    ],
)
def test_the_currencies_that_the_vendors_document(vendor: str, currency: str, ours: int, theirs: int) -> None:
    sent, read = to_vendor_amount(vendor, ours, currency), from_vendor_amount(vendor, theirs, currency)
    assert (sent, read) == (theirs, ours)
    assert type(sent) is type(read) is int, "5.0 is another text in a request"


@pytest.mark.parametrize(
    ("vendor", "currency", "minor"),
    [
        (STRIPE, "KWD", 5124),
        (STRIPE, "TND", 1),
        (STRIPE, "MGA", 550),
        (ADYEN, "CVE", 550),
        (ADYEN, "IDR", 1),
        (PAYPAL, "HUF", 1045),
        (PAYPAL, "TWD", 1),
        (PAYPAL, "KWD", 5124),
    ],
)
def test_what_a_vendor_cannot_express_is_refused_and_never_rounded(vendor: str, currency: str, minor: int) -> None:
    with pytest.raises(InvalidInputError):
        to_vendor_amount(vendor, minor, currency)


@pytest.mark.parametrize(("vendor", "currency"), [(STRIPE, "ISK"), (STRIPE, "UGX"), (ADYEN, "CLP"), (ADYEN, "ISK")])
def test_a_fraction_of_a_whole_unit_currency_is_refused(vendor: str, currency: str) -> None:
    with pytest.raises(MalformedPayloadError):
        from_vendor_amount(vendor, 550, currency)


@pytest.mark.parametrize(
    ("currency", "minor", "text"),
    [
        ("USD", 1234, "12.34"),
        ("EUR", 5, "0.05"),
        ("GBP", 100, "1.00"),
        ("JPY", 500, "500"),
        ("HUF", 104500, "1045"),
        ("TWD", 80000, "800"),
        ("KWD", 5120, "5.12"),
    ],
)
def test_paypal_takes_texts(currency: str, minor: int, text: str) -> None:
    assert to_vendor_text(PAYPAL, minor, currency) == text
    assert from_vendor_text(PAYPAL, text, currency) == minor


@pytest.mark.parametrize(("text", "minor"), [("500.00", 500), ("500.0", 500), ("0", 0), ("007", 7)])
def test_zeros_behind_the_point_say_nothing(text: str, minor: int) -> None:
    assert from_vendor_text(PAYPAL, text, "JPY") == minor


@pytest.mark.parametrize("text", ["", "-1", "1,00", "1e3", " 1", "1.", ".5", "١", "12.345", "1" * 17])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(MalformedPayloadError):
        from_vendor_text(PAYPAL, text, "USD")


def test_an_unknown_currency_is_refused_both_ways() -> None:
    for convert in (to_vendor_amount, from_vendor_amount, to_vendor_text):
        with pytest.raises(UnknownCurrencyError):
            convert(STRIPE, 100, "XXX")


@given(vendor=st.sampled_from([STRIPE, ADYEN, PAYPAL]), minor=st.integers(0, MAX_MINOR), currency=CURRENCY)
def test_what_can_be_sent_comes_back_the_same(vendor: str, minor: int, currency: str) -> None:
    try:
        sent = to_vendor_amount(vendor, minor, currency)
    except InvalidInputError:
        assert currency in {"MGA", "CVE", "IDR", "HUF", "TWD"} or MINOR_DIGITS[currency] == 3
        return
    assert from_vendor_amount(vendor, sent, currency) == minor
    if vendor == PAYPAL:
        assert from_vendor_text(vendor, to_vendor_text(vendor, minor, currency), currency) == minor


@given(amount=st.integers(), currency=CURRENCY)
def test_reading_refuses_what_is_out_of_range(amount: int, currency: str) -> None:
    try:
        assert abs(from_vendor_amount(STRIPE, amount, currency)) <= MAX_MINOR
    except MalformedPayloadError:
        assert abs(amount) > MAX_MINOR // 100 or currency in {"ISK", "UGX"}
