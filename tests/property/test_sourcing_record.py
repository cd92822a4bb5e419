"""Decision records stand by themselves: recomputed bit for bit, and not to be altered unseen."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.domain.errors import RecordAlteredError, UnknownNodeError
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.explain import explain
from oms.domain.sourcing.policy import CHEAPEST
from oms.domain.sourcing.record import digest, recompute, record
from tests.proof.sourcing.instances import instance
from tests.property.test_sourcing_optimal import policies, requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.domain.sourcing.policy import SourcingPolicy
    from oms.domain.sourcing.request import SourcingRequest


def through_json(kept: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(kept))
    return read


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to every scalar of a JSON value."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from leaves(each, (*path, number))
    else:
        yield path


def flipped(kept: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    altered = copy.deepcopy(kept)
    place: Any = altered
    for step in path[:-1]:
        place = place[step]
    value = place[path[-1]]
    if isinstance(value, bool):
        place[path[-1]] = not value
    elif isinstance(value, (int, float)):
        place[path[-1]] = value + 1
    else:
        place[path[-1]] = f"{value}x" if value is not None else 0
    return altered


@given(requests(), policies())
def test_a_record_gives_its_plan_again(request: SourcingRequest, policy: SourcingPolicy) -> None:
    plan = source(request, policy)
    kept = record(request, policy, plan)
    assert through_json(kept) == kept
    again = recompute(through_json(kept))
    assert again == plan
    assert json.dumps(record(request, policy, again)) == json.dumps(kept)
    assert explain(kept) == explain(through_json(kept))


@given(requests(), policies(), st.data())
def test_one_flipped_value_is_seen(request: SourcingRequest, policy: SourcingPolicy, data: st.DataObject) -> None:
    kept = through_json(record(request, policy, source(request, policy)))
    path = data.draw(st.sampled_from(list(leaves(kept))))
    with pytest.raises(RecordAlteredError):
        recompute(flipped(kept, path))


def test_every_single_flip_is_seen() -> None:
    request = instance(3, 2, 3, joint=True)
    kept = through_json(record(request, CHEAPEST, source(request, CHEAPEST)))
    paths = list(leaves(kept))
    assert len(paths) > 60
    for path in paths:
        with pytest.raises(RecordAlteredError):
            recompute(flipped(kept, path))


def test_a_digest_made_anew_does_not_hide_another_outcome() -> None:
    request = instance(3, 2, 3, joint=True)
    kept = through_json(record(request, CHEAPEST, source(request, CHEAPEST)))
    for zone in kept["inputs"]["request"]["tariff"]:
        zone["base"] += 1000
    kept["digest"] = digest(kept["inputs"])
    with pytest.raises(RecordAlteredError):
        recompute(kept)


@pytest.mark.parametrize("kept", [{}, {"inputs": {}, "digest": digest({})}, {"inputs": {"request": 1}, "digest": "x"}])
def test_what_is_no_record_is_said_to_be_none(kept: dict[str, Any]) -> None:
    with pytest.raises(RecordAlteredError):
        recompute(kept)


def test_a_plan_of_another_request_has_no_record_here() -> None:
    one, other = instance(1, 3, 10, joint=False), instance(1, 3, 10, joint=False)
    plan = source(one, CHEAPEST)
    used = {part.node_id for part in plan.units}
    without = [node for node in other.candidates if node.node_id not in used]
    with pytest.raises(UnknownNodeError):
        record(type(other)(**{**vars(other), "candidates": tuple(without)}), CHEAPEST, plan)
