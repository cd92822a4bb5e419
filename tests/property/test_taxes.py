"""Taxes of any amounts at any rates: parts sum, inside is what was on top, and rounding costs less than a unit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from oms.domain.canonical import ShipTo
from oms.domain.money import rounded, spread
from oms.domain.tax_rates import TaxRate
from oms.domain.taxes import DIGITS, TaxedLine, TaxQuestion, reckon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.taxes import TaxAnswer

PERCENT = st.decimals(0, 30, places=3).map(lambda each: f"{each.normalize():f}")
AMOUNT = st.integers(0, 10**7)
CLASSES = ("standard", "food", "books")
SHIPPING = ("goods", "standard", "none")


@st.composite
def tables(draw: st.DrawFn) -> tuple[TaxRate, ...]:
    """One to three taxes of a country, some with a rate of their own for a class or two."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        kind, shipping = draw(st.sampled_from(["vat", "sales"])), draw(st.sampled_from(SHIPPING))
        for tax_class in CLASSES[: draw(st.integers(1, 3))]:
            rate = draw(PERCENT)
            found.append(
                TaxRate(country="CA", tax=f"T{number}", rate=rate, tax_class=tax_class, kind=kind, shipping=shipping)
            )
    return tuple(found)


@st.composite
def questions(draw: st.DrawFn) -> TaxQuestion:
    lines = draw(st.lists(st.tuples(AMOUNT, st.sampled_from(CLASSES)), min_size=1, max_size=6))
    return TaxQuestion(
        currency=draw(st.sampled_from(["JPY", "EUR", "KWD"])),
        lines=tuple(TaxedLine(line_id=str(n), amount=x, tax_class=kind) for n, (x, kind) in enumerate(lines)),
        ship_to=ShipTo(country="CA"),
        on=date(2026, 3, 1),
        tax_included=draw(st.booleans()),
        shipping=draw(AMOUNT),
        fees=draw(AMOUNT),
        rounding=draw(st.sampled_from(["line", "invoice"])),
        digits=draw(st.sampled_from(DIGITS)),
    )


def parts(answer: TaxAnswer) -> Sequence[int]:
    return [each.tax for each in (*answer.lines, answer.shipping, answer.fees)]


@given(questions(), tables())
def test_parts_sum_and_no_price_contains_more_than_it_is(question: TaxQuestion, rates: tuple[TaxRate, ...]) -> None:
    answer = reckon(question, rates)
    assert answer == reckon(question, rates)
    assert sum(parts(answer)) == answer.tax
    for each, amount in zip(
        (*answer.lines, answer.shipping, answer.fees),
        (*[line.amount for line in question.lines], question.shipping, question.fees),
        strict=True,
    ):
        assert each.tax == sum(applied.amount for applied in each.applied)
        assert min([each.tax, *[applied.amount for applied in each.applied]]) >= 0
        assert each.tax <= amount or not question.tax_included


@given(questions(), tables())
def test_ways_of_rounding_differ_by_less_than_a_unit_for_each_part_and_tax(
    question: TaxQuestion, rates: tuple[TaxRate, ...]
) -> None:
    bound = len({each.tax for each in rates}) * (len(question.lines) + 2)
    by_line, by_invoice = (reckon(replace(question, rounding=each), rates) for each in ("line", "invoice"))
    assert abs(by_line.tax - by_invoice.tax) < bound
    for one, other in zip(parts(by_line), parts(by_invoice), strict=True):
        assert abs(one - other) <= len(rates) * 2
    for rounding in ("line", "invoice"):
        down, up, *halves = (
            reckon(replace(question, rounding=rounding, digits=each), rates).tax
            for each in ("down", "up", "half_up", "half_even")
        )
        assert down <= min(halves) <= max(halves) <= up


@given(st.integers(0, 10**9), PERCENT, st.sampled_from(["half_up", "half_even"]))
def test_what_is_put_on_top_is_found_inside(net: int, rate: str, digits: str) -> None:
    """To the minor unit that rounding the gross price costs: below 100 percent, it moves the tax by less than half."""
    table = (TaxRate(country="CA", tax="T", rate=rate),)
    lines = (TaxedLine(line_id="1", amount=net),)
    question = TaxQuestion(
        currency="EUR", lines=lines, ship_to=ShipTo(country="CA"), on=date(2026, 3, 1), digits=digits
    )
    tax = reckon(question, table).tax
    gross = replace(question, lines=(replace(lines[0], amount=net + tax),), tax_included=True)
    assert reckon(gross, table).tax == tax


@given(st.fractions(0, 10**6), st.sampled_from(DIGITS))
def test_rounded_amounts_are_whole_and_less_than_a_unit_away(exact: Fraction, digits: str) -> None:
    found = rounded(exact, digits)
    assert abs(found - exact) < 1
    if digits.startswith("half"):
        assert abs(found - exact) <= Fraction(1, 2)
    assert (found <= exact) if digits == "down" else True
    assert (found >= exact) if digits == "up" else True


@given(st.lists(st.fractions(0, 1000, max_denominator=1000), min_size=1, max_size=8), st.sampled_from(DIGITS))
def test_what_is_rounded_once_is_spread_without_a_rest(exact: list[Fraction], digits: str) -> None:
    total = rounded(sum(exact, Fraction(0)), digits)
    found = spread(total, exact)
    assert sum(found) == total
    assert all(abs(part - share) < 1 for part, share in zip(found, exact, strict=True))
