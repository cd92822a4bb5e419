"""The protocol of stock in every order of every step, over small worlds; the whole is `make bench NAME=protocol`."""

from __future__ import annotations

import pytest

from tests.proof.protocol.explore import Explorer, World
from tests.proof.protocol.mutants import MUTANTS, Code
from tests.proof.protocol.worlds import SLICE, find


@pytest.mark.parametrize("world", SLICE, ids=lambda world: world.name)
def test_no_state_breaks_what_has_to_hold(world: World) -> None:
    found = Explorer(world, Code()).explore()
    assert not found.problem, found.path
    assert found.states > 1000
    assert found.refused > 0, "no condition ever refused anything"


@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_mutant_is_found(mutant: str) -> None:
    assert find(MUTANTS[mutant]).problem


def test_every_kind_of_step_is_taken() -> None:
    names: dict[bool, set[str]] = {}
    for world in (SLICE[0], SLICE[-1]):
        explorer = Explorer(world, Code())
        explorer.explore()
        (made,) = explorer.orders
        names[world.waits] = {step.name for state in range(len(made.orders)) for step in made.steps(state)}
    assert names[False] == {"promise", "accept", "reject", "ship", "cancel", "return"}
    assert names[True] == {*names[False], "move", "release"}
