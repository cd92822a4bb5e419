from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from oms.domain.errors import MalformedPayloadError
from oms.domain.money import MAX_MINOR, MINOR_DIGITS, allocate, format_minor, minor_digits, to_minor

CURRENCIES = st.sampled_from(sorted(MINOR_DIGITS))
AMOUNTS = st.integers(-MAX_MINOR, MAX_MINOR)


@given(AMOUNTS, CURRENCIES)
def test_what_is_written_is_read_back(minor: int, currency: str) -> None:
    assert to_minor(format_minor(minor, currency), currency) == minor
    assert to_minor(Decimal(format_minor(minor, currency)), currency) == minor


@given(
    st.text(max_size=60)
    | st.decimals()
    | st.integers()
    | st.from_regex(r"[-+]?[0-9.]{1,45}(e-?[0-9]{1,3})?", fullmatch=True),
    CURRENCIES,
)
def test_any_input_is_read_exactly_or_refused(amount: str | int | Decimal, currency: str) -> None:
    try:
        minor = to_minor(amount, currency)
    except MalformedPayloadError:
        return
    exact = Decimal(amount.strip() if isinstance(amount, str) else amount)
    assert exact.as_integer_ratio()[0] * 10 ** minor_digits(currency) == minor * exact.as_integer_ratio()[1]
    assert abs(minor) <= MAX_MINOR


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=40))
def test_the_parts_sum_to_the_whole_and_none_is_a_unit_off_its_share(total: int, weights: list[int]) -> None:
    parts = allocate(total, weights)
    assert sum(parts) == total
    assert len(parts) == len(weights)
    whole = sum(weights)
    if whole:
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part * whole - total * weight) < whole
            assert part * total >= 0
