"""Mutation testing passes a module that is tested, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proof.mutation.measure import Measured, measure
from tests.proof.mutation.stage import ROOT, Plan

if TYPE_CHECKING:
    from pathlib import Path

OWN_TESTS = (
    *("tests/unit/test_domain_money.py", "tests/unit/test_domain_refusals.py", "tests/unit/test_domain_taxes.py"),
    *("tests/property/test_money.py", "tests/property/test_taxes.py"),
)
WEAK = """
from oms.domain.money import MAX_MINOR, allocate, check_minor, format_minor, to_minor


def test_it_runs():
    assert to_minor("12.30", "EUR") == 1230
    assert format_minor(1230, "EUR")
    assert check_minor(0) == 0
    assert sum(allocate(100, [1, 1])) == 100
"""
FAILING = "def test_of_nothing():\n    assert 0\n"
ONCE = """
seen = []


def test_that_passes_once():
    seen.append(1)
    assert len(seen) == 1
"""


def try_money(where: Path, tests: dict[str, str]) -> Measured:
    return measure(Plan(where=where, modules=("money",), tests=tests))


def test_money_is_tested(tmp_path: Path) -> None:
    measured = try_money(tmp_path, {name: (ROOT / name).read_text("utf-8") for name in OWN_TESTS})
    assert measured.counts.total() > 150
    assert measured.passed, [str(change) for change in measured.left]


def test_a_test_that_only_runs_the_code_does_not_pass(tmp_path: Path) -> None:
    measured = try_money(tmp_path, {"tests/unit/test_weak.py": WEAK})
    assert not measured.passed
    assert measured.document()["killed_share"] < 0.8
    left = {str(change) for change in measured.left}
    assert "money.check_minor: if abs(minor) > MAX_MINOR: ==> if abs(minor) >= MAX_MINOR:" in left


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FAILING, "fails without any mutant"),
        (ONCE, "killed without any mutant"),
        ("import oms.nowhere\n", "cannot be collected"),
    ],
    ids=["fails", "passes-once", "not-imported"],
)
def test_a_test_that_fails_by_itself_kills_nothing(tmp_path: Path, text: str, said: str) -> None:
    """Every mutant would count as killed by it."""
    with pytest.raises(RuntimeError, match=said):
        try_money(tmp_path, {"tests/unit/test_planted.py": text})
