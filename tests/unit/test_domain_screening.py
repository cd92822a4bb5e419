"""Which orders a person looks at first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oms.domain import ids
from oms.domain.hold_kinds import REMORSE
from oms.domain.order.events import OnExpiry
from oms.domain.screening import in_force, match_rules
from tests.support.builders import Story, line, minutes

if TYPE_CHECKING:
    from oms.domain.order.events import HoldPlaced
    from oms.domain.order.state import Order

RULE = {"id": "big", "kind": "fraud", "reason": "a large order"}


def order(**changes: Any) -> Order:
    """3,000 EUR cents to Germany by shopify: two lines, of two units and of one."""
    return Story().place(line("1", 2), line("2", 1), **changes)


def holds(*rules: dict[str, Any], of: Order | None = None, kinds: Any = None, at: int = 0) -> tuple[HoldPlaced, ...]:
    policy = {"rules": rules, **({"kinds": kinds} if kinds else {})}
    return match_rules(of or order(), policy, minutes(at))


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
    found = holds({**RULE, **rule})
    assert [(hold.hold_id, hold.kind, hold.reason) for hold in found] == (
        [(ids.derive("hld", "rule", "big"), "fraud", "a large order")] if matches else []
    )


def test_an_order_without_an_address_goes_to_no_country() -> None:
    nowhere = order(ship_to=None)
    assert holds({**RULE, "countries": ["DE"]}, of=nowhere) == ()
    assert len(holds({**RULE, "countries": [""]}, of=nowhere)) == 1


def test_a_rule_may_leave_out_its_words() -> None:
    (hold,) = holds({"id": 7, "channels": ["shopify"]})
    assert (hold.hold_id, hold.kind, hold.reason) == (ids.derive("hld", "rule", "7"), "review", "7")


def test_each_rule_that_matches_holds_by_itself() -> None:
    rules = [{**RULE, "id": each, "channels": ["shopify"]} for each in ("a", "b")]
    assert [hold.hold_id for hold in holds(*rules)] == [
        ids.derive("hld", "rule", "a"),
        ids.derive("hld", "rule", "b"),
    ]


WINDOW = {"id": "regret", "channels": ["shopify"], "hold_for": 1800}


def test_a_window_ends_so_long_after_the_order_was_placed() -> None:
    placed_at = order().placed.placed_at
    (hold,) = holds(WINDOW, at=10)
    assert (hold.kind, hold.expires_at, hold.on_expiry) == (
        REMORSE,
        placed_at + timedelta(minutes=30),
        OnExpiry.RELEASE,
    )


def test_an_order_that_comes_when_its_window_is_over_is_not_held() -> None:
    assert holds(WINDOW, at=29)
    assert holds(WINDOW, at=30) == ()


def test_a_rules_hold_has_what_its_kind_says() -> None:
    said = {"fraud": {"expires_in": 60, "on_expiry": "cancel", "release_by": ["finance"], "second_person": True}}
    (hold,) = holds({**RULE, "channels": ["shopify"]}, kinds=said, at=5)
    assert (hold.expires_at, hold.on_expiry) == (minutes(6), OnExpiry.CANCEL)
    assert (hold.release_by, hold.second_person) == (("finance",), True)
    (usual,) = holds({**RULE, "channels": ["shopify"]}, at=5)
    assert (usual.expires_at, usual.on_expiry) == (minutes(5) + timedelta(days=2), OnExpiry.ESCALATE)
    (unknown,) = holds({**RULE, "kind": "hazmat", "channels": ["shopify"]})
    assert unknown.expires_at is None


def test_a_saved_version_says_what_its_document_says() -> None:
    assert in_force({"version": 3, "document": {"rules": [RULE]}}) == {"rules": [RULE]}
    assert in_force({"rules": [RULE]}) == {"rules": [RULE]}
    assert in_force({}) == {}
