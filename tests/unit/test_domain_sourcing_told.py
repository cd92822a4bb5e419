"""The decision record and its telling, word for word, of requests whose plans can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oms.domain.errors import RecordAlteredError, UnknownNodeError
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.explain import explain
from oms.domain.sourcing.policy import CHEAPEST
from oms.domain.sourcing.record import digest, recompute, record
from oms.domain.sourcing.request import Candidate, NodeCosts, SourcingRequest, WantedLine, Zone
from tests.support.builders import BERLIN, T0
from tests.support.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

TARIFF = (
    Zone(name="near", up_to_km=100.0, transit_days=1, base=500, per_kg=((0, 100),)),
    Zone(name="far", up_to_km=20_038.0, transit_days=3, base=700, per_kg=((0, 200),)),
)
LINES = (
    WantedLine(line_id="1", sku="A", quantity=3, grams=1000, duty=11),
    WantedLine(line_id="2", sku="B", quantity=1, grams=505, needs=("cold",)),
    WantedLine(line_id="3", sku="C", quantity=2),
)


def node(node_id: str, latitude: float = 52.53, **changed: Any) -> Candidate:
    made = Candidate(node_id=node_id, country="DE", latitude=latitude, longitude=13.38, available={})
    return replace(made, **changed)


NODES = (
    node("shut", excluded="stocktaking"),
    node("here", available={"A": 2}, costs=NodeCosts(per_parcel=30, per_line=4, per_unit={"A": 5})),
    node("abroad", 52.0, country="CH", available={"A": 9, "B": 1}, capabilities=("cold",)),
    node("bare", 52.53, available={"D": 5}),
    node("warm", 50.0, available={"B": 1}),
    node("dear", 48.0, available={"A": 9, "B": 9}, capabilities=("cold",), costs=NodeCosts(per_parcel=9000)),
    node("busy", available={"A": 9}, orders_left=0),
    node("full", available={"A": 9}, units_left=0),
)
REQUEST = SourcingRequest(
    lines=LINES, ship_to=BERLIN, candidates=NODES, at=T0, tariff=TARIFF, extra_parcel=50, promise=T0 + timedelta(days=9)
)
DUTY = 33
"""All of line 1 from abroad, where line 2 comes from anyway: cheaper than a second parcel."""
PLAN = [("1", "abroad", 3), ("2", "abroad", 1)]


def made(**changed: Any) -> dict[str, Any]:
    request = replace(REQUEST, **changed)
    return record(request, CHEAPEST, source(request, CHEAPEST))


def test_a_record_has_every_candidate_and_why_it_gives_nothing() -> None:
    kept = made()
    assert [(part["line_id"], part["node_id"], part["quantity"]) for part in kept["outcome"]["units"]] == PLAN
    soon, later = "2026-03-03T12:00:00+00:00", "2026-03-05T12:00:00+00:00"
    assert kept["candidates"] == [
        {"node": "bare", "km": 0, "zone": "near", "arrives": soon, "why_not": "has nothing of it"},
        {"node": "here", "km": 0, "zone": "near", "arrives": soon, "why_not": ""},
        {"node": "abroad", "km": 59, "zone": "near", "arrives": soon, "why_not": ""},
        {"node": "warm", "km": 281, "zone": "far", "arrives": later, "why_not": "cannot handle cold"},
        {"node": "dear", "km": 504, "zone": "far", "arrives": later, "why_not": ""},
    ]
    none_left = "no capacity left today"
    assert kept["excluded"] == {"busy": none_left, "full": none_left, "shut": "stocktaking"}
    assert list(kept["excluded"]) == sorted(kept["excluded"])


def test_a_record_has_the_terms_the_outcome_and_the_proof() -> None:
    kept = made()
    # 3505 grams at 0.1: 350.5, rounded half up once
    assert kept["terms"] == [{"node_id": "abroad", "freight": 500 + 351, "handling": 0, "duty": DUTY, "stock": 0}]
    assert kept["outcome"] == {
        "units": [
            {"line_id": "1", "sku": "A", "node_id": "abroad", "quantity": 3},
            {"line_id": "2", "sku": "B", "node_id": "abroad", "quantity": 1},
        ],
        "short": [{"line_id": "3", "quantity": 2}],
        "promised_by": "2026-03-03T12:00:00+00:00",
        "kept": True,
        "cost": 884,
    }
    assert kept["proof"] == {"objective": 883_500, "bound": 883_500, "effort": 1, "proved": True}
    assert (kept["policy"], kept["located_by"], kept["extra_parcels"]) == ("cheapest/1", "channel", 0)
    assert list(kept) == [
        "policy", "located_by", "candidates", "excluded", "terms", "extra_parcels", "proof", "outcome", "inputs",
        "digest",
    ]  # fmt: skip
    assert list(kept["inputs"]) == ["request", "policy"]
    assert kept["inputs"]["policy"]["name"] == "cheapest"


def test_two_parcels_cost_the_extra_one() -> None:
    lines = (replace(LINES[0], duty=600, quantity=2), LINES[1])
    kept = made(lines=lines)
    assert [each["node_id"] for each in kept["terms"]] == ["here", "abroad"]
    assert kept["terms"][0] == {"node_id": "here", "freight": 700, "handling": 34, "duty": 0, "stock": 10}
    assert kept["terms"][1] == {"node_id": "abroad", "freight": 551, "handling": 0, "duty": 0, "stock": 0}
    assert (kept["extra_parcels"], kept["outcome"]["cost"]) == (50, 744 + 551 + 50)


def test_what_comes_too_late_is_said_to() -> None:
    kept = made(promise=T0 + timedelta(days=2))
    assert [each["why_not"] for each in kept["candidates"]][3:] == ["arrives too late", "arrives too late"]
    at_the_promise = made(promise=T0 + timedelta(days=4))
    assert [each["why_not"] for each in at_the_promise["candidates"]][3:] == ["cannot handle cold", ""]
    # nothing keeps this promise: what comes no later than the plan is as good as in time
    missed = made(promise=T0 + timedelta(days=1))
    assert missed["outcome"]["kept"] is False
    assert [each["why_not"] for each in missed["candidates"]] == [
        "has nothing of it",
        "",
        "",
        "arrives too late",
        "arrives too late",
    ]


def test_what_a_node_cannot_handle_is_named_when_it_can_handle_nothing() -> None:
    lines = (replace(LINES[1], needs=("hazmat", "cold")), replace(LINES[1], line_id="9", needs=("cold", "tall")))
    warm = node("warm", available={"B": 5}, capabilities=("tall",))
    other = node("other", available={"B": 5}, capabilities=("cold", "hazmat", "tall"))
    kept = made(lines=lines, candidates=(other, warm))
    assert [each["why_not"] for each in kept["candidates"]] == ["", "cannot handle cold, hazmat"]
    able = replace(warm, capabilities=("cold", "tall"))
    costly = replace(able, costs=NodeCosts(per_parcel=10**6))
    assert [each["why_not"] for each in made(lines=lines, candidates=(other, costly))["candidates"]] == ["", ""]


def test_a_record_is_told_to_people() -> None:
    kept = made()
    assert explain(kept) == (
        "Policy cheapest/1; distances from the coordinates that the channel gave.\n"
        "From abroad, 59 km, zone near, there 2026-03-03T12:00:00+00:00: 3 × A (line 1), 1 × B (line 2).\n"
        "  costs 884: freight 851, handling 0, duty 33, stock 0\n"
        "Cost of the plan: 884.\n"
        "Waits: 2 of line 3.\n"
        "All of it is there 2026-03-03T12:00:00+00:00; the promise was 2026-03-10T12:00:00+00:00.\n"
        "No plan is better: proved, 1 subproblems.\n"
        "Not bare, 0 km: has nothing of it.\n"
        "Not here, 0 km: another plan is better.\n"
        "Not warm, 281 km: cannot handle cold.\n"
        "Not dear, 504 km: another plan is better.\n"
        "Not busy: no capacity left today.\n"
        "Not full: no capacity left today.\n"
        "Not shut: stocktaking.\n"
        f"Digest of the inputs: {kept['digest']}\n"
    )


def test_two_parcels_are_told_each_with_its_own() -> None:
    told = explain(made(lines=(replace(LINES[0], duty=600, quantity=2), LINES[1]), candidates=NODES[:3])).splitlines()
    assert told[1:6] == [
        "From here, 0 km, zone near, there 2026-03-03T12:00:00+00:00: 2 × A (line 1).",
        "  costs 744: freight 700, handling 34, duty 0, stock 10",
        "From abroad, 59 km, zone near, there 2026-03-03T12:00:00+00:00: 1 × B (line 2).",
        "  costs 551: freight 551, handling 0, duty 0, stock 0",
        "Extra parcels cost 50.",
    ]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"promise": None}, "All of it is there 2026-03-03T12:00:00+00:00."),
        (
            {"promise": T0 + timedelta(days=1)},
            "The promise, 2026-03-02T12:00:00+00:00, cannot be kept; the earliest is 2026-03-03T12:00:00+00:00.",
        ),
        ({"candidates": ()}, "Nothing can be shipped now."),
        ({"ship_to": None}, "Policy cheapest/1; distances from nothing: the place is not known."),
        (
            {"ship_to": replace(BERLIN, latitude=None)},
            "Policy cheapest/1; distances from the middle of the country.",
        ),
    ],
)
def test_what_else_is_told(changed: dict[str, Any], told: str) -> None:
    assert told in explain(made(**changed)).splitlines()


def test_where_nothing_is_shipped_no_date_is_told() -> None:
    kept = made(candidates=())
    assert explain(kept).splitlines() == [
        "Policy cheapest/1; distances from the coordinates that the channel gave.",
        "Nothing can be shipped now.",
        "Waits: 3 of line 1.",
        "Waits: 1 of line 2.",
        "Waits: 2 of line 3.",
        "No plan is better: proved, 0 subproblems.",
        f"Digest of the inputs: {kept['digest']}",
    ]


def test_a_gap_and_a_place_found_in_another_way_are_told() -> None:
    kept = {**made(), "located_by": "satellite"}
    kept["proof"] = {"objective": 90, "bound": 70, "effort": 3, "proved": False}
    told = explain(kept).splitlines()
    assert told[0] == "Policy cheapest/1; distances from satellite."
    assert told[6] == "Best found in 3 subproblems; a better plan can be better by 20 of 90."


def test_the_digest_is_of_canonical_json() -> None:
    r"""`printf '{"a":"\\u00e9","b":[1,2]}' | sha256sum`."""
    assert digest({"b": [1, 2], "a": "é"}) == "e72bd1bfe08db42c7cb48a01fcbbe441a57d28e5e64fcb08dcfab2cffe99f7a2"
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest({"a": float("nan")})


def test_a_plan_with_nodes_that_may_not_be_used_has_no_record() -> None:
    plan = source(REQUEST, CHEAPEST)
    without = replace(REQUEST, candidates=(NODES[1],))
    assert refusal(lambda: record(without, CHEAPEST, plan)) == (
        UnknownNodeError,
        "a plan with nodes that may not be used",
        {"nodes": ["abroad"]},
    )


@pytest.mark.parametrize(
    ("alter", "text", "context"),
    [
        (lambda kept: {**kept, "digest": "0"}, "the inputs are not those of the digest", {}),
        (lambda kept: {**kept, "policy": 1}, "the inputs do not give what was recorded", {"what": "policy"}),
        (lambda _: {}, "not a decision record", {}),
        (lambda _: {"inputs": {}, "digest": digest({})}, "not a decision record", {}),
    ],
)
def test_an_altered_record_is_refused(
    alter: Callable[[dict[str, Any]], dict[str, Any]], text: str, context: dict[str, Any]
) -> None:
    assert refusal(lambda: recompute(alter(made()))) == (RecordAlteredError, text, context)
