"""Documents of sourcing rules: which rule an order has, and everything that is refused, with the rules named."""

from __future__ import annotations

import math
from typing import Any

import pytest

from oms.domain.sourcing.policy import BALANCE, CHEAPEST, NEAREST_COMPLETE, Weights
from oms.domain.sourcing.reach import Effort, covering
from oms.domain.sourcing.rules import (
    BUILT_IN,
    POLICIES,
    After,
    OrderFacts,
    Short,
    choose,
    customer_of,
    find_rule,
    matches,
)
from oms.domain.sourcing.rules_check import MAX_RULES, Problem, problems

CHEAP: dict[str, Any] = {"policy": "cheapest"}
NODES = {"de-main": True, "us-east": True, "us-west": True, "closed": False}


def rule(name: str, when: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, **({"when": when} if when else {}), "then": CHEAP, **more}


def document(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"rules": [*rules, rule("rest")], **more}


def stored(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = document(*rules, **more)
    assert not problems(made)
    return {"version": 7, "document": made}


class TestChoosing:
    def test_nothing_stored_is_what_is_built_in(self) -> None:
        assert choose({}, OrderFacts()) == BUILT_IN
        assert BUILT_IN.policy == NEAREST_COMPLETE
        assert find_rule({}, "default") == BUILT_IN

    def test_the_first_that_matches_wins_and_the_last_is_for_the_rest(self) -> None:
        kept = stored(rule("shop", {"channels": ["shopify"]}), rule("german", {"countries": ["DE"]}))
        assert choose(kept, OrderFacts(channel="shopify", country="DE")).name == "shopify"[:4]
        assert choose(kept, OrderFacts(channel="site", country="DE")).name == "german"
        assert choose(kept, OrderFacts(channel="site", country="FR")).name == "rest"

    def test_a_rule_is_read_whole(self) -> None:
        then = {"policy": "balance", "split_lines": False, "max_parcels": 2, "nodes": ["a", "b"], "not_nodes": ["b"]}
        after = {"short": "wait", "wait_minutes": 30, "cancel_after_days": 9}
        made = choose(stored(rule("r", {"units_from": 2}, then=then, after=after), extra_parcel=5, union=["DE", "FR"]),
                      OrderFacts(units=2))  # fmt: skip
        assert (made.name, made.version, made.policy.label) == ("r", 7, "balance/1")
        assert (made.policy.weights, made.policy.split_lines, made.policy.max_parcels) == (BALANCE.weights, False, 2)
        assert made.after == After(short=Short.WAIT, wait_minutes=30, cancel_after_days=9)
        assert [made.excludes(node) for node in "abc"] == [False, True, True]
        assert (made.extra_parcel, made.union) == (5, ("DE", "FR"))

    def test_own_weights_have_the_version_of_their_document(self) -> None:
        kept = stored(rule("mine", {"units_from": 2}, then={"weights": {"money": 2, "load": 3}, "extra_parcel": 4}))
        made = choose(kept, OrderFacts(units=2))
        assert (made.policy.label, made.policy.weights) == ("weights of mine/7", Weights(money=2, load=3))
        assert made.extra_parcel == 4
        assert find_rule(kept, "mine") == made
        assert find_rule(kept, "rest").policy == CHEAPEST

    @pytest.mark.parametrize(
        ("when", "yes", "no"),
        [
            ({"accounts": ["berlin"]}, OrderFacts(account="berlin"), OrderFacts(account="paris")),
            ({"customers": ["b2b"]}, OrderFacts(customer="b2b"), OrderFacts()),
            ({"shipping_methods": ["x"]}, OrderFacts(shipping_method="x"), OrderFacts()),
            ({"skus": ["A"]}, OrderFacts(skus=frozenset("AB")), OrderFacts(skus=frozenset("B"))),
            ({"needs": ["hazmat"]}, OrderFacts(needs=frozenset({"hazmat"})), OrderFacts()),
            ({"currency": "EUR", "total_from": 5}, OrderFacts(currency="EUR", total=5), OrderFacts(currency="EUR")),
            ({"currency": "EUR", "total_to": 5}, OrderFacts(currency="EUR", total=5), OrderFacts(total=5)),
            ({"units_to": 5}, OrderFacts(units=5), OrderFacts(units=6)),
        ],
    )
    def test_each_condition(self, when: dict[str, Any], yes: OrderFacts, no: OrderFacts) -> None:
        assert (matches(when, yes), matches(when, no)) == (True, False)

    def test_whom_an_account_sells_to_is_in_the_document(self) -> None:
        kept = stored(rule("b", {"customers": ["b2b"]}), b2b=["site/wholesale"])
        assert [customer_of(kept, "site", each) for each in ("wholesale", "main")] == ["b2b", "b2c"]
        assert customer_of({}, "site", "wholesale") == "b2c"

    def test_each_policy_is_one_of_the_same_engine(self) -> None:
        for name, policy in POLICIES.items():
            assert (
                choose(stored(rule("r", {"units_from": 1}, then={"policy": name})), OrderFacts(units=1)).policy
                == policy
            )


def only(found: tuple[Problem, ...]) -> tuple[str, tuple[str, ...], str]:
    assert len(found) == 1, found
    return found[0].code, found[0].rules, found[0].at


class TestRefusing:
    @pytest.mark.parametrize(
        ("when", "code", "at"),
        [
            ({"chanels": ["site"]}, "unknown", "when.chanels"),
            ({"countries": []}, "contradiction", "when.countries"),
            ({"countries": "DE"}, "field", "when.countries"),
            ({"countries": ["de"]}, "field", "when.countries"),
            ({"customers": ["b2x"]}, "field", "when.customers"),
            ({"skus": [1]}, "field", "when.skus"),
            ({"currency": "euro"}, "field", "when.currency"),
            ({"units_from": True}, "field", "when.units_from"),
            ({"units_from": 9, "units_to": 8}, "contradiction", "when.units_from"),
            ({"currency": "EUR", "total_from": 9, "total_to": 8}, "contradiction", "when.total_from"),
            ({"total_from": 9}, "contradiction", "when.currency"),
            ({"customers": ["b2b"]}, "contradiction", "when.customers"),
        ],
    )
    def test_conditions(self, when: dict[str, Any], code: str, at: str) -> None:
        assert only(problems(document(rule("mine", when)))) == (code, ("mine",), at)

    @pytest.mark.parametrize(
        ("then", "code", "at"),
        [
            ({"policy": "best"}, "policy", "then.policy"),
            ({}, "policy", "then"),
            (None, "policy", "then"),
            ({"policy": "nearest", "weights": {"money": 1}}, "policy", "then"),
            ({"weights": {"money": 0, "load": 0}}, "weights", "then.weights"),
            ({"weights": {}}, "weights", "then.weights"),
            ({"weights": []}, "weights", "then.weights"),
            ({"weights": {"money": -1}}, "weights", "then.weights.money"),
            ({"weights": {"money": math.nan}}, "weights", "then.weights.money"),
            ({"weights": {"money": 0.5}}, "weights", "then.weights.money"),
            ({"weights": {"money": 1, "speed": 1}}, "unknown", "then.weights.speed"),
            ({**CHEAP, "split_lines": 1}, "field", "then.split_lines"),
            ({**CHEAP, "max_parcels": 0}, "field", "then.max_parcels"),
            ({**CHEAP, "nodes": "de-main"}, "field", "then.nodes"),
            ({**CHEAP, "nodes": []}, "no_node", "then.nodes"),
            ({**CHEAP, "nodes": ["de-main"], "not_nodes": ["de-main"]}, "no_node", "then.nodes"),
            ({**CHEAP, "not_nodes": ["de-main", "us-east", "us-west"]}, "no_node", "then.nodes"),
            ({**CHEAP, "nodes": ["closed"]}, "no_node", "then.nodes"),
            ({**CHEAP, "not_nodes": ["moon"]}, "no_node", "then.nodes"),
        ],
    )
    def test_what_follows(self, then: Any, code: str, at: str) -> None:
        made = document({"name": "mine", "when": {"units_from": 3}, "then": then})
        assert only(problems(made, NODES)) == (code, ("mine",), at)

    def test_nan_and_negative_are_told_apart(self) -> None:
        made = document(rule("a", {"units_from": 9}, then={"weights": {"money": math.nan, "load": -1, "piece": 1}}))
        assert [each.message for each in problems(made)] == ["a weight that is NaN", "a weight that is negative"]

    @pytest.mark.parametrize(
        ("after", "code", "at"),
        [
            ({"short": "later"}, "field", "after.short"),
            ({"short": "wait"}, "contradiction", "after.wait_minutes"),
            ({"wait_minutes": 5}, "contradiction", "after.wait_minutes"),
            ({"cancel_after_days": 0}, "field", "after.cancel_after_days"),
            ({"short": "person", "cancel_after_days": 3}, "contradiction", "after.cancel_after_days"),
            ({"cancel": 3}, "unknown", "after.cancel"),
            ([], "field", "after"),
        ],
    )
    def test_what_comes_after(self, after: Any, code: str, at: str) -> None:
        assert only(problems(document(rule("mine", {"units_from": 3}, after=after)))) == (code, ("mine",), at)

    def test_a_rule_behind_one_for_all_is_named_with_it(self) -> None:
        (found,) = problems(document(rule("german", {"countries": ["DE", "AT"]}), rule("vienna", {"countries": ["AT"], "units_from": 2})))  # fmt: skip  # noqa: E501
        assert (found.code, found.rules) == ("unreachable", ("vienna", "german"))
        found, second = problems(document(rule("all"), rule("never", {"units_from": 2})))
        assert (found.rules, second.rules) == (("never", "all"), ("rest", "all"))

    def test_rules_that_only_together_leave_nothing_are_named(self) -> None:
        made = document(
            rule("idle", {"channels": ["amazon"]}),
            rule("small", {"units_to": 5}),
            rule("firms", {"customers": ["b2b"]}),
            rule("people", {"customers": ["b2c"], "units_from": 3}),
            b2b=["site/firms"],
        )
        assert only(problems(made))[:2] == ("unreachable", ("rest", "small", "firms", "people"))

    def test_the_last_rule_is_for_all(self) -> None:
        made = {"rules": [rule("german", {"countries": ["DE"]})]}
        assert only(problems(made)) == ("no_default", ("german",), "when")

    @pytest.mark.parametrize("made", [{}, {"rules": []}, {"rules": {}}, {"rules": [rule(f"r{n}") for n in range(MAX_RULES + 1)]}])  # fmt: skip  # noqa: E501
    def test_no_rules_and_too_many(self, made: Any) -> None:
        assert only(problems(made))[0] == "no_rules"

    def test_names(self) -> None:
        assert {
            each.code for each in problems(document(rule("a", {"units_from": 2}), rule("a", {"units_from": 1})))
        } == {"name"}
        assert only(problems({"rules": [{"then": CHEAP}]})) == ("name", ("rule 1",), "name")
        assert only(problems({"rules": ["x", rule("rest")]})) == ("field", ("rule 1",), "")

    def test_the_document_itself(self) -> None:
        assert only(problems([]))[0] == "field"
        assert only(problems(document(more=1))) == ("unknown", (), "more")
        assert only(problems(document(extra_parcel=-1))) == ("field", (), "extra_parcel")
        assert only(problems(document(b2b=["site"]))) == ("field", (), "b2b")
        assert only(problems(document(union=["germany"]))) == ("field", (), "union")

    def test_everything_is_told_at_once(self) -> None:
        found = problems(document(rule("a", {"x": 1}, then={}), rule("b", {"countries": []}, after={"short": 1})))
        assert [(each.code, each.rules) for each in found] == [
            ("unknown", ("a",)), ("policy", ("a",)), ("contradiction", ("b",)), ("field", ("b",)),
        ]  # fmt: skip


def test_what_covers_is_as_few_as_can_be() -> None:
    rules = [("a", {"units_from": 1}), ("b", {"units_to": 4}), ("c", {"units_from": 3})]
    assert covering(rules, {}, Effort(99)) == ("a", "b")
    assert covering(rules[1:], {"units_from": 9}, Effort(99)) == ("c",)
    assert covering(rules[1:2], {}, Effort(99)) == ()
    assert covering(rules, {}, Effort(2)) == ("a", "b", "c"), "no effort is left to find who can be left out"
    assert covering(rules, {}, Effort(1)) == (), "what would take too long is not named"
