"""Plans that are known whole, with the effort of the search; and that no plan is better than they."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proof.sourcing import known
from tests.proof.sourcing.brute import best
from tests.proof.sourcing.evaluator import evaluate

KNOWN = known.read()


@pytest.mark.parametrize("name", known.names())
def test_a_known_plan_is_found_with_as_much_effort(name: str) -> None:
    assert known.answered(name) == KNOWN[name]


@pytest.mark.parametrize("name", known.names())
def test_a_known_plan_may_be_and_costs_what_is_said(name: str) -> None:
    answer = KNOWN[name]
    request, policy = known.asked(name)
    verdict = evaluate(request, policy, _units(answer))
    objective, bound, _ = answer["proof"]
    assert not verdict.problems
    assert verdict.objective == objective >= bound
    assert abs(answer["cost"] - verdict.money) * 2 <= verdict.parcels


@pytest.mark.parametrize("name", [name for name in known.names() if name.startswith("small/")])
def test_no_plan_is_better_than_a_small_known_one(name: str) -> None:
    answer = KNOWN[name]
    request, policy = known.asked(name)
    wanted = best(request, policy)
    verdict = evaluate(request, policy, _units(answer))
    assert tuple(answer["short"]) == wanted.short
    assert answer["kept"] == wanted.kept
    assert (verdict.objective, verdict.parcels) == (wanted.objective, wanted.parcels)
    assert answer["proof"][0] == answer["proof"][1]


def _units(answer: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {(line, node): count for line, node, count in answer["units"]}
