"""Rules for returns: what is wrong with a document, and which rule decides."""

from __future__ import annotations

from typing import Any

import pytest

from oms.domain.order.return_facts import LabelBy, RefundAt, Resolution
from oms.domain.return_policy import Candidate, read_rules, rule_on
from oms.domain.return_policy_check import problems
from tests.support.builders import T0
from tests.support.returns import rule, rules

NODES = ["WH1"]


def candidate(line_id: str = "1", **changes: Any) -> Candidate:
    fields: dict[str, Any] = {
        "line_id": line_id,
        "sku": "A",
        "category": "shoes",
        "reason": "size",
        "quantity": 1,
        "worth": 1000,
        "arrived": ((1, None),),
    }
    return Candidate(**{**fields, **changes})


def terms(known: Any, *lines: Candidate, sale: tuple[str, str, str] = ("shopify", "DE", "EUR")) -> Any:
    return rule_on(known, sale, lines or (candidate(),), Resolution.REFUND, T0)


class TestWhichRule:
    @pytest.mark.parametrize(
        ("when", "meets"),
        [
            ({"channels": ["shopify"]}, True),
            ({"channels": ["site"]}, False),
            ({"countries": ["DE", "FR"]}, True),
            ({"countries": ["FR"]}, False),
            ({"skus": ["A"]}, True),
            ({"skus": ["B"]}, False),
            ({"categories": ["shoes"]}, True),
            ({"categories": ["hats"]}, False),
            ({"reasons": ["size"]}, True),
            ({"reasons": ["late"]}, False),
            ({"skus": ["A"], "countries": ["FR"]}, False),
        ],
    )
    def test_all_of_its_conditions_hold(self, when: dict[str, Any], *, meets: bool) -> None:
        known = rules(rule("first", when), rule("rest"))
        assert terms(known).rules["1"][0] == ("first" if meets else "rest")

    def test_the_first_that_is_met(self) -> None:
        known = rules(rule("one", {"skus": ["A"]}, fee={"percent": 1.25}), rule("two", fee={"percent": 2}))
        assert terms(known, candidate(), candidate("2", sku="B")).rules == {"1": ("one", 125), "2": ("two", 200)}

    def test_without_any_what_is_built_in(self) -> None:
        found = terms(read_rules({}))
        assert (found.rules["1"], found.terms.version, found.terms.ask) == (("built-in", 0), 0, "")


class TestOneSetOfTerms:
    def both(self, one: dict[str, Any], two: dict[str, Any]) -> Any:
        known = rules(rule("one", {"skus": ["A"]}, **one), rule("two", **two))
        return terms(known, candidate(), candidate("2", sku="B")).terms

    def test_the_highest_fee_and_the_latest_money_and_the_fewest_days(self) -> None:
        found = self.both(
            {"fee": {"amounts": {"EUR": 100}}, "refund_at": "scan", "send_within_days": 9},
            {"fee": {"amounts": {"EUR": 300, "USD": 900}}, "refund_at": "receipt", "send_within_days": 14},
        )
        assert (found.fee, found.refund_at, found.send_within_days) == (300, RefundAt.RECEIPT, 9)

    @pytest.mark.parametrize(("most", "kept"), [(2001, True), (2000, False)])
    def test_kept_if_every_rule_lets_it_be(self, most: int, *, kept: bool) -> None:
        assert self.both({"keep_below": {"EUR": most}}, {"keep_below": {"EUR": 9000}}).keep is kept
        assert not self.both({"keep_below": {"EUR": most}}, {}).keep
        assert not self.both({"keep_below": {"USD": most}}, {"keep_below": {"EUR": 9000}}).keep

    @pytest.mark.parametrize(("most", "asks"), [(2001, ""), (2000, "amount")])
    def test_a_person_is_asked_if_one_rule_asks(self, most: int, asks: str) -> None:
        assert self.both({}, {"approve_below": {"EUR": most}}).ask == asks
        assert self.both({}, {"approve_below": {"USD": most}}).ask == ""
        assert self.both({"approve": "ask"}, {"approve_below": {"EUR": most}}).ask == "rule"

    def test_the_merchants_label_and_shipping_if_one_says_so(self) -> None:
        paid = {"label": "merchant", "label_account": "easypost/main", "return_node": "WH1", "shipping": True}
        found = self.both({}, paid)
        assert (found.label, found.label_account, found.return_node) == (LabelBy.MERCHANT, "easypost/main", "WH1")
        assert found.shipping
        assert self.both({}, {}).label is LabelBy.CUSTOMER


def of(*found: Any, **document: Any) -> dict[str, Any]:
    return {"rules": list(found), **document}


class TestProblems:
    @pytest.mark.parametrize(
        "document",
        [
            of(),
            of(rule()),
            of(rule("a", {"skus": ["A"]}, returnable="final_sale"), rule("b")),
            of(rule("a", {"reasons": ["x_1"]}), reasons=["x_1", "y"]),
            of(
                rule(
                    window_days=14,
                    send_within_days=7,
                    fee={"percent": 12.5, "amounts": {"EUR": 299}},
                    refund_at="scan",
                    keep_below={"EUR": 800},
                    approve="ask",
                    approve_below={"EUR": 1},
                    label="merchant",
                    label_account="easypost/main",
                    return_node="WH1",
                    shipping=True,
                    resolutions=["refund"],
                )
            ),
        ],
    )
    def test_none(self, document: Any) -> None:
        assert problems(document, NODES) == ()

    @pytest.mark.parametrize(
        ("document", "code", "at", "concerned"),
        [
            ([], "field", "", ()),
            ({"rules": {}}, "no_rules", "rules", ()),
            ({"rules": [rule()] * 201}, "no_rules", "rules", ()),
            (of(other=1), "unknown", "other", ()),
            (of(reasons=["Not A Code"]), "field", "reasons", ()),
            (of(reasons=[]), "field", "reasons", ()),
            (of(7), "name", "name", ()),
            (of({"name": "é", "then": {}}), "name", "name", ()),
            (of(rule("a", {"skus": ["A"]}), rule("a")), "name", "", ("a",)),
            (of({"name": "a"}), "field", "then", ("a",)),
            (of({"name": "a", "when": [], "then": {}}), "field", "when", ("a",)),
            (of({"name": "a", "then": {}, "x": 1}), "unknown", "x", ("a",)),
            (of(rule("a", {"color": ["red"]})), "unknown", "color", ("a",)),
            (of(rule("a", {"skus": []})), "field", "skus", ("a",)),
            (of(rule("a", {"skus": ["x" * 201]})), "field", "skus", ("a",)),
            (of(rule("a", {"countries": ["Germany"]})), "field", "countries", ("a",)),
            (of(rule("a", {"reasons": ["z"]}), reasons=["y"]), "contradiction", "z", ("a",)),
            (of(rule("a", color="red")), "unknown", "color", ("a",)),
            (of(rule("a", returnable=True)), "field", "returnable", ("a",)),
            (of(rule("a", refund_at="later")), "field", "refund_at", ("a",)),
            (of(rule("a", window_days=0)), "field", "window_days", ("a",)),
            (of(rule("a", window_days=True)), "field", "window_days", ("a",)),
            (of(rule("a", send_within_days=3651)), "field", "send_within_days", ("a",)),
            (of(rule("a", keep_below={"EUR": 0})), "field", "keep_below", ("a",)),
            (of(rule("a", keep_below={"euro": 1})), "field", "keep_below", ("a",)),
            (of(rule("a", keep_below={"EUR": 1.5})), "field", "keep_below", ("a",)),
            (of(rule("a", fee=5)), "field", "fee", ("a",)),
            (of(rule("a", fee={"percent": 101})), "field", "fee", ("a",)),
            (of(rule("a", fee={"percent": 1.234})), "field", "fee", ("a",)),
            (of(rule("a", fee={"percent": True})), "field", "fee", ("a",)),
            (of(rule("a", fee={"flat": 3})), "field", "fee", ("a",)),
            (of(rule("a", shipping="yes")), "field", "shipping", ("a",)),
            (of(rule("a", resolutions=["credit"])), "field", "resolutions", ("a",)),
            (of(rule("a", resolutions=[])), "field", "resolutions", ("a",)),
            (of(rule("a", return_node=3)), "field", "return_node", ("a",)),
            (of(rule("a", return_node="WH9")), "no_node", "WH9", ("a",)),
            (of(rule("a", label="merchant", label_account="ups", return_node="WH1")), "field", "label_account", ("a",)),
            (of(rule("a", label_account="easypost/m", return_node="WH1")), "contradiction", "label_account", ("a",)),
            (of(rule("a", label="merchant", label_account="easypost/m")), "contradiction", "return_node", ("a",)),
            (of(rule("a", returnable="never", window_days=3)), "contradiction", "window_days", ("a",)),
            (of(rule("a"), rule("b", {"skus": ["A"]})), "unreachable", "when", ("a", "b")),
            (
                of(rule("a", {"skus": ["A", "B"]}), rule("b", {"skus": ["A"], "countries": ["DE"]})),
                "unreachable",
                "when",
                ("a", "b"),
            ),
        ],
    )
    def test_each_with_the_rules_it_is_about(
        self, document: Any, code: str, at: str, concerned: tuple[str, ...]
    ) -> None:
        found = problems(document, NODES)
        assert [(each.code, each.at, each.rules) for each in found][:1] == [(code, at, concerned)]

    @pytest.mark.parametrize(
        ("one", "two"),
        [({"skus": ["A"]}, {"skus": ["A", "B"]}), ({"skus": ["A"]}, {"countries": ["DE"]}), ({"skus": ["A"]}, None)],
    )
    def test_what_is_left_for_a_later_rule(self, one: Any, two: Any) -> None:
        assert problems(of(rule("a", one), rule("b", two)), NODES) == ()
