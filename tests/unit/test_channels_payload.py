"""Reading what others wrote: JSON without surprises, typed fields."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from oms.channels.payload import MAX_BYTES, Fields, clean, clean_sku, parse, parse_moment, parse_object
from oms.domain.errors import MalformedPayloadError, UnknownCurrencyError


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing",
        b"{",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": "\xff"}',
        b'{"a": 1e99999999999999999999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b" " * (MAX_BYTES + 1),
        b'\xff\xfe{\x00"\x00',
    ],
    ids=range(14),
)
def test_what_is_no_plain_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedPayloadError):
        parse(body)


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null"])
def test_a_body_must_be_an_object(body: bytes) -> None:
    with pytest.raises(MalformedPayloadError):
        parse_object(body)


def test_fractions_are_decimals_and_a_mark_of_byte_order_is_read_over() -> None:
    value = parse(b'\xef\xbb\xbf{"a": 0.1, "b": 12345678901234567890}')
    assert value == {"a": Decimal("0.1"), "b": 12345678901234567890}


def test_texts_lose_what_cannot_be_stored() -> None:
    assert clean(" a\x00b\ud800c\n ") == "abc"
    assert clean("x" * 500) == "x" * 200
    assert clean_sku(" CAFE\u0301-1\n") == "CAFÉ-1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T10:00:00+09:00", datetime(2026, 11, 22, 1, tzinfo=UTC)),
        ("2024-08-07T22:57:57.290670248Z", datetime(2024, 8, 7, 22, 57, 57, 290670, tzinfo=UTC)),
        ("2026-11-22T10:00:00", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_are_aware_utc(text: str, expected: datetime | None) -> None:
    assert parse_moment(text) == expected


def test_a_naive_time_is_utc_only_where_the_vendor_says_so() -> None:
    assert parse_moment("2026-11-22T10:00:00", naive_is_utc=True) == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert Fields({"t": 0}).unix("t") is None
    assert Fields({"t": 86400}).unix("t") == datetime(1970, 1, 2, tzinfo=UTC)
    assert Fields({"t": "2026-11-22T10:00:00.5Z"}).moment("t") == datetime(2026, 11, 22, 10, tzinfo=UTC) + timedelta(
        milliseconds=500
    )


@pytest.mark.parametrize(
    ("getter", "value"),
    [
        ("identifier", None),
        ("identifier", ""),
        ("identifier", 0),
        ("identifier", -1),
        ("identifier", True),
        ("identifier", Decimal("1.5")),
        ("identifier", "a\x00b"),
        ("identifier", "x" * 201),
        ("identifier", []),
        ("integer", None),
        ("integer", "1"),
        ("integer", True),
        ("integer", Decimal(1)),
        ("flag", "true"),
        ("flag", 1),
        ("text", []),
        ("text", False),
        ("text", Decimal("1.5")),
        ("moment", "yesterday"),
        ("moment", "2026-11-22"),
        ("unix", 10**30),
        ("unix", "1"),
        ("child", "x"),
        ("child", [1]),
        ("children", "x"),
        ("children", [1]),
        ("children", [None]),
        ("currency", ""),
        ("currency", 5.5),
    ],
)
def test_a_field_of_the_wrong_type_is_refused_by_its_path(getter: str, value: Any) -> None:
    fields = Fields({"a": value}, "order.lines[3]")
    with pytest.raises(MalformedPayloadError) as refusal:
        getattr(fields, getter)("a")
    assert refusal.value.context["path"] == "order.lines[3].a"
    assert refusal.value.context.keys() <= {"path"}


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        ("10.00", "USD", 1000),
        (" 10.5 ", "USD", 1050),
        ("-9.99", "EUR", -999),
        ("1200", "JPY", 1200),
        ("1200.00", "JPY", 1200),
        ("1.234", "KWD", 1234),
        (Decimal("19.90"), "EUR", 1990),
        (7, "USD", 700),
        (None, "USD", 0),
        ("", "USD", 0),
    ],
)
def test_money_is_exact(value: Any, currency: str, minor: int) -> None:
    assert Fields({"a": value}).money("a", currency) == minor


@pytest.mark.parametrize(
    ("value", "currency"),
    [
        ("10.001", "USD"),
        ("0.5", "JPY"),
        ("25.99", "JPY"),
        ("1.2345", "KWD"),
        ("1,000.00", "USD"),
        ("1_000", "USD"),
        ("1e3", "USD"),
        ("\u0661\u0662", "USD"),
        ("NaN", "USD"),
        ("0.10000000000000000000000000000000000001", "USD"),
        (Decimal("0.10000000000000000000000000000000000001"), "USD"),
        (0.1, "USD"),
        (True, "USD"),
        ("9" * 18, "USD"),
        ([], "USD"),
    ],
)
def test_money_that_is_not_exact_is_refused(value: Any, currency: str) -> None:
    with pytest.raises(MalformedPayloadError) as refusal:
        Fields({"a": value}).money("a", currency)
    assert refusal.value.context["path"] == "a"


@pytest.mark.parametrize(
    ("value", "fine"),
    [
        ("62.6793", 626_793),
        ("-5.0000", -50_000),
        ("+0.5", 5_000),
        ("1.230000", 12_300),
        (" 7 ", 70_000),
        (7, 70_000),
        (-7, -70_000),
        (Decimal("0.05"), 500),
        (None, 0),
        ("", 0),
    ],
)
def test_fine_amounts_are_ten_thousandths(value: Any, fine: int) -> None:
    assert Fields({"a": value}).fine("a") == fine


@pytest.mark.parametrize(
    "value",
    [
        "0.00001",
        "1e3",
        "1,0",
        "NaN",
        "\u0661",
        0.5,
        True,
        [],
        10**18,
        pytest.param(10**5000, id="huge"),
        Decimal("1E+3"),
    ],
)
def test_fine_amounts_that_are_not_exact_are_refused(value: Any) -> None:
    with pytest.raises(MalformedPayloadError) as refusal:
        Fields({"a": value}).fine("a")
    assert refusal.value.context["path"] == "a"


def test_a_required_amount_and_a_known_currency() -> None:
    with pytest.raises(MalformedPayloadError):
        Fields({}).money("a", "USD", None)
    with pytest.raises(UnknownCurrencyError):
        Fields({"c": "XYZ"}).currency("c")
    assert Fields({"c": "usd"}).currency("c") == "USD"


@pytest.mark.parametrize(
    ("value", "degrees"),
    [
        (51.5, 51.5),
        (Decimal("-33.8"), -33.8),
        ("45.41634", 45.41634),
        (90, 90.0),
        (90.1, None),
        ("nan", None),
        ("north", None),
        (True, None),
        (None, None),
        (10**400, None),
        (Decimal("1e400"), None),
    ],
)
def test_coordinates_are_hints(value: Any, degrees: float | None) -> None:
    assert Fields({"a": value}).coordinate("a", 90) == degrees


def test_php_writes_empty_objects_as_lists_and_the_reverse() -> None:
    fields = Fields(json.loads('{"object": [], "list": {}, "null": null}'))
    assert not fields.child("object").values
    assert not fields.children("list")
    assert not fields.child("null").values
    assert not fields.children("missing")


def test_a_vendors_word_is_kept_and_prose_is_not() -> None:
    assert Fields({"a": "partially_refunded"}).word("a") == "partially_refunded"
    assert Fields({"a": "Jane Roe called us"}).word("a") == "other"
    assert Fields({}).word("a") == ""
