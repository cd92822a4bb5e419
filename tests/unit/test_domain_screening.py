"""Which orders a person looks at first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from oms.domain import ids
from oms.domain.screening import match_rules
from tests.support.builders import Story, line

if TYPE_CHECKING:
    from oms.domain.order.state import Order

RULE = {"id": "big", "kind": "fraud", "reason": "a large order"}


def order(**changes: Any) -> Order:
    """3,000 EUR cents to Germany by shopify: two lines, of two units and of one."""
    return Story().place(line("1", 2), line("2", 1), **changes)


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ({"currency": "EUR", "total_from": 3000}, True),
        ({"currency": "EUR", "total_from": "3000"}, True),
        ({"currency": "EUR", "total_from": 3001}, False),
        ({"currency": "USD", "total_from": 1}, False),
        ({"total_from": 1}, False),
        ({"countries": ["FR", "DE"]}, True),
        ({"countries": ["FR"]}, False),
        ({"channels": ["shopify"]}, True),
        ({"channels": ["amazon"]}, False),
        ({"quantity_from": 2}, True),
        ({"quantity_from": "2"}, True),
        ({"quantity_from": 3}, False),
        ({"countries": ["DE"], "channels": ["shopify"], "quantity_from": 1}, True),
        ({"countries": ["DE"], "channels": ["amazon"]}, False),
        ({}, False),
        ({"currency": "EUR"}, False),
    ],
)
def test_every_condition_that_a_rule_names_must_hold(rule: dict[str, Any], *, matches: bool) -> None:
    found = match_rules(order(), [{**RULE, **rule}])
    assert found == (((ids.derive("hld", "rule", "big"), "fraud", "a large order"),) if matches else ())


def test_an_order_without_an_address_goes_to_no_country() -> None:
    nowhere = order(ship_to=None)
    assert match_rules(nowhere, [{**RULE, "countries": ["DE"]}]) == ()
    assert len(match_rules(nowhere, [{**RULE, "countries": [""]}])) == 1


def test_a_rule_may_leave_out_its_words() -> None:
    (hold,) = match_rules(order(), [{"id": 7, "channels": ["shopify"]}])
    assert hold == (ids.derive("hld", "rule", "7"), "review", "7")


def test_each_rule_that_matches_holds_by_itself() -> None:
    rules = [{**RULE, "id": each, "channels": ["shopify"]} for each in ("a", "b")]
    assert [hold_id for hold_id, _, _ in match_rules(order(), rules)] == [
        ids.derive("hld", "rule", "a"),
        ids.derive("hld", "rule", "b"),
    ]
