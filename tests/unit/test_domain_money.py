from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from oms.domain.errors import MalformedPayloadError, UnknownCurrencyError
from oms.domain.money import MAX_MINOR, MINOR_DIGITS, allocate, check_minor, format_minor, minor_digits, to_minor


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.34", "USD", 1234),
        ("12.340", "USD", 1234),
        (" 12.3 ", "USD", 1230),
        ("+1", "USD", 100),
        ("-1.05", "USD", -105),
        (".5", "USD", 50),
        ("5.", "USD", 500),
        ("1234", "JPY", 1234),
        ("1234.00", "JPY", 1234),
        ("1.234", "KWD", 1234),
        (12, "USD", 1200),
        (Decimal("0.1"), "USD", 10),
        (Decimal("1E+2"), "USD", 10000),
        ("1e2", "USD", 10000),
        ("1200e-2", "JPY", 12),
        ("0", "USD", 0),
        ("-0", "USD", 0),
        ("0.00", "JPY", 0),
        ("10000000000000.00", "USD", MAX_MINOR),
    ],
)
def test_an_amount_is_read_exactly(amount: Any, currency: str, minor: int) -> None:
    assert to_minor(amount, currency) == minor


@pytest.mark.parametrize(
    "amount",
    [
        0.1,
        0.1 + 0.2,
        1.0,
        True,
        False,
        None,
        "",
        " ",
        "NaN",
        "Infinity",
        "-inf",
        "1,5",
        "1.000,50",
        "1_000",
        "１２",
        "٣",
        "1 000",
        "0x10",
        "$1",
        "1.2.3",
        "--1",
        "12.345",
        "0.001",
        "1e-3",
        "1.00000000000000000000000000000000000001",
        "1e308",
        "-1e308",
        "1e-308",
        "1e9999999999",
        "9" * 39,
        "0." + "0" * 38 + "1",
        "1" * 5000,
        10**15,
        10**400,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1E+1000000"),
        Decimal("1E-1000000"),
        Decimal("1" + "0" * 5000),
        b"1",
        ["1"],
    ],
)
def test_what_is_no_exact_amount_is_refused(amount: Any) -> None:
    with pytest.raises(MalformedPayloadError):
        to_minor(amount, "USD")


@pytest.mark.parametrize("amount", ["1.5", "0.1"])
def test_a_currency_without_minor_unit_takes_no_fraction(amount: str) -> None:
    with pytest.raises(MalformedPayloadError):
        to_minor(amount, "JPY")


@pytest.mark.parametrize("currency", ["", "usd", "USDT", "XXX", "€", "US" * 50])
def test_a_currency_that_is_none_is_refused(currency: str) -> None:
    with pytest.raises(UnknownCurrencyError) as caught:
        to_minor("1", currency)
    assert len(str(caught.value.context["currency"])) <= 8


def test_iso_4217_digits() -> None:
    assert {code: minor_digits(code) for code in ("JPY", "KRW", "USD", "EUR", "HUF", "KWD", "BHD", "TND")} == {
        "JPY": 0,
        "KRW": 0,
        "USD": 2,
        "EUR": 2,
        "HUF": 2,
        "KWD": 3,
        "BHD": 3,
        "TND": 3,
    }
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in MINOR_DIGITS)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1234, "USD", "12.34"),
        (5, "USD", "0.05"),
        (-5, "USD", "-0.05"),
        (0, "USD", "0.00"),
        (1234, "JPY", "1234"),
        (-1, "JPY", "-1"),
        (1, "KWD", "0.001"),
    ],
)
def test_an_amount_is_written_with_all_its_digits(minor: int, currency: str, text: str) -> None:
    assert format_minor(minor, currency) == text


def test_the_range_is_closed_at_both_ends_and_a_json_reader_keeps_it_exact() -> None:
    assert check_minor(MAX_MINOR) == MAX_MINOR
    assert check_minor(-MAX_MINOR) == -MAX_MINOR
    for beyond in (MAX_MINOR + 1, -MAX_MINOR - 1):
        with pytest.raises(MalformedPayloadError):
            check_minor(beyond)
    assert int(json.loads(json.dumps(float(MAX_MINOR)))) == MAX_MINOR


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (2, [1, 1, 1], [1, 1, 0]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (10, [0, 0], [10, 0]),
        (10, [0, 5], [0, 10]),
        (7, [3, 2, 1], [4, 2, 1]),
        (10, [1, 2], [3, 7]),
        (10, [1, 2, 4], [1, 3, 6]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_the_remainder_goes_to_the_largest_fraction_the_first_of_equals(
    total: int, weights: list[int], parts: list[int]
) -> None:
    assert allocate(total, weights) == parts


@pytest.mark.parametrize("weights", [[], [1, -1]])
def test_weights_that_are_none_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        allocate(1, weights)
