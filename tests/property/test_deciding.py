"""What becomes of a shortage, over random requests: nothing is lost, nothing is promised that is not there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from oms.domain.sourcing.deciding import Asked, decide_sourcing
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import CHEAPEST
from oms.domain.sourcing.rules import After, Rule, Short
from tests.proof.sourcing.instances import instance

if TYPE_CHECKING:
    from oms.domain.sourcing.deciding import Decided
    from oms.domain.sourcing.request import SourcingRequest

SEEDS = range(60)


def asked(seed: int, short: Short, **more: int) -> Asked:
    """A request of which most of the stock has gone, so that most are short."""
    made = instance(seed, 5, 4, joint=True)
    candidates = [replace(each, available={s: u // 4 for s, u in each.available.items()}) for each in made.candidates]
    after = After(short=short, **more)
    rule = Rule(name="r", version=3, policy=CHEAPEST, after=after)
    return Asked(request=replace(made, candidates=tuple(candidates)), rule=rule, network_id="n")


def units(made: Decided, *, with_short: bool) -> Counter[str]:
    found: Counter[str] = Counter()
    for given in made.units:
        found[given.line_id] += given.quantity
    for missing in made.short if with_short else ():
        found[missing.line_id] += missing.quantity
    return found


def wanted(request: SourcingRequest) -> Counter[str]:
    return Counter({line.line_id: line.quantity for line in request.lines})


@pytest.mark.parametrize("seed", SEEDS)
def test_every_unit_is_bound_or_waits_and_none_is_bound_that_is_not_there(seed: int) -> None:
    for short in (Short.BACKORDER, Short.SPLIT):
        question = asked(seed, short)
        made = decide_sourcing(question)
        assert units(made, with_short=True) == wanted(question.request)
        taken: Counter[tuple[str, str]] = Counter()
        for part in made.units:
            taken[part.node_id, part.sku] += part.quantity
        have = {node.node_id: node for node in question.request.candidates}
        for (node_id, sku), count in taken.items():
            assert not have[node_id].excluded
            assert count <= have[node_id].available.get(sku, 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_split_ships_no_less_than_a_backorder_and_a_backorder_is_the_engine_s(seed: int) -> None:
    whole, split = (decide_sourcing(asked(seed, short)) for short in (Short.BACKORDER, Short.SPLIT))
    question = asked(seed, Short.BACKORDER)
    plan = source(question.request, CHEAPEST)
    assert (whole.units, whole.short, whole.promised_by) == (plan.units, plan.short, plan.promised_by)
    assert sum(part.quantity for part in split.units) >= sum(part.quantity for part in whole.units)


@pytest.mark.parametrize("seed", SEEDS)
def test_waiting_and_asking_bind_nothing_unless_all_can_be_bound(seed: int) -> None:
    plan = source(asked(seed, Short.WAIT).request, CHEAPEST)
    wait = decide_sourcing(asked(seed, Short.WAIT, wait_minutes=5, cancel_after_days=2))
    person = decide_sourcing(asked(seed, Short.PERSON))
    if plan.short:
        assert (wait.units, person.units, person.hold) == ((), (), True)
        assert units(wait, with_short=True) == wanted(asked(seed, Short.WAIT).request)
        assert wait.retry_at is not None
        assert wait.cancel_at is not None
        assert wait.retry_at < wait.cancel_at
    else:
        assert wait.units == person.units == plan.units
        assert (wait.retry_at, wait.cancel_at, person.hold) == (None, None, False)
    again = decide_sourcing(replace(asked(seed, Short.PERSON), person_asked=True))
    assert (again.units, again.short, again.hold) == (plan.units, plan.short, False)


def test_most_of_these_are_short_and_some_are_split() -> None:
    plans = [decide_sourcing(asked(seed, Short.SPLIT)) for seed in SEEDS]
    assert sum(bool(each.short) for each in plans) > len(plans) // 3
    split = [each for each in plans if {p.line_id for p in each.units} & {p.line_id for p in each.short}]
    assert len(split) > len(plans) // 6
