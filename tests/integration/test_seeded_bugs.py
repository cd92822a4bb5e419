"""Seeded bugs: every patch fits today's code, the cheapest are seen. `make bench NAME=seeded_bugs` plants all."""

from __future__ import annotations

from typing import Final

import pytest

from tests.proof.seeded import plant
from tests.proof.seeded.bugs import BUGS, Bug
from tests.support import template

INVARIANTS: Final = {f"I{number}" for number in range(1, 14)}
BY_NAME: Final = {bug.name: bug for bug in BUGS}
CHEAP: Final = ("stock_condition_dropped", "read_then_refund")


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_patch_fits_and_touches_only_the_product(bug: Bug) -> None:
    files = plant.touched(bug)
    assert files
    assert all(file.startswith(plant.PRODUCT) and (template.ROOT / file).is_file() for file in files)


def test_every_patch_is_in_the_table_and_names_an_invariant() -> None:
    folder = BUGS[0].patch.parent
    assert sorted(BY_NAME) == sorted(path.stem for path in folder.glob("*.patch"))
    assert len(BY_NAME) == len(BUGS)
    assert {bug.invariant for bug in BUGS} <= INVARIANTS


@pytest.mark.parametrize("name", CHEAP)
def test_a_bug_breaks_the_promise_that_it_is_said_to_break(name: str) -> None:
    bug = BY_NAME[name]
    assert bug.invariant in plant.hunt(bug).counts


def test_without_a_bug_nothing_is_found() -> None:
    with plant.planted(None) as copy:
        assert plant.found_in(copy, BY_NAME["read_then_refund"].check).counts == {}
