"""Rules over random documents: a sound one leaves every rule an order, and an unreachable one has none."""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oms.domain.sourcing.reach import Effort, covering, covers
from oms.domain.sourcing.rules import OrderFacts, choose, matches
from oms.domain.sourcing.rules_check import problems

WORDS = {"channels": ("a", "b"), "countries": ("DE", "FR"), "customers": ("b2b", "b2c"), "needs": ("cold", "hazmat")}


def subset(words: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), min_size=1, max_size=len(words), unique=True)


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    when: dict[str, Any] = {}
    for name, words in WORDS.items():
        if draw(st.integers(0, 2)) == 0:
            when[name] = draw(subset(words))
    for low, high in (("units_from", "units_to"), ("total_from", "total_to")):
        ends = sorted(draw(st.tuples(st.integers(0, 3), st.integers(0, 3))))
        if draw(st.integers(0, 3)) == 0:
            when |= {low: ends[0]}
        if draw(st.integers(0, 3)) == 0:
            when |= {high: ends[1]}
    if "total_from" in when or "total_to" in when or draw(st.integers(0, 3)) == 0:
        when["currency"] = draw(st.sampled_from(("EUR", "USD")))
    return when


def everybody() -> list[OrderFacts]:
    """Every order that these conditions can tell apart: with each word, with another, and with several needs."""
    return [
        OrderFacts(
            channel=channel, country=country, customer=customer, needs=frozenset(needs), units=units, total=total,
            currency=currency,
        )
        for channel, country, customer, needs, units, total, currency in product(
            ("a", "b", "?"), ("DE", "FR", "?"), ("b2b", "b2c"), ((), ("cold",), ("hazmat",), ("cold", "hazmat")),
            (0, 1, 2, 3, 4), (0, 1, 2, 3, 4), ("EUR", "USD", "JPY"),
        )
    ]  # fmt: skip


ORDERS = everybody()


def effort() -> Effort:
    return Effort(100_000)


@given(st.lists(conditions(), max_size=4), conditions())
def test_covered_means_that_no_order_is_left(before: list[dict[str, Any]], when: dict[str, Any]) -> None:
    left = any(matches(when, each) and not any(matches(other, each) for other in before) for each in ORDERS)
    assert covers(before, when, effort()) is not left


@given(st.lists(conditions(), min_size=1, max_size=4), conditions())
def test_those_named_are_enough_and_none_is_too_many(before: list[dict[str, Any]], when: dict[str, Any]) -> None:
    named = covering([(str(number), each) for number, each in enumerate(before)], when, effort())
    whens = [before[int(name)] for name in named]
    assert bool(named) is covers(before, when, effort())
    if named:
        assert covers(whens, when, effort())
        assert not any(covers([other for other in whens if other is not each], when, effort()) for each in whens)


@given(st.lists(conditions(), max_size=4), st.sampled_from(ORDERS))
def test_a_sound_document_gives_every_order_its_first_match(whens: list[dict[str, Any]], order: OrderFacts) -> None:
    rules = [{"name": f"r{n}", "when": when, "then": {"policy": "nearest"}} for n, when in enumerate([*whens, {}])]
    document = {"rules": rules, "b2b": ["a/firms"]}
    first = next(rule["name"] for rule in rules if matches(rule["when"], order))  # type: ignore[arg-type]
    assert choose({"version": 1, "document": document}, order).name == first
    found = problems(document)
    assert {each.code for each in found} <= {"unreachable"}
    if not found:
        chosen = {choose({"version": 1, "document": document}, each).name for each in ORDERS}
        assert chosen == {each["name"] for each in rules}
