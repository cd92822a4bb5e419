"""The parts of mutation testing: what it makes of a module, and how it names a change."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.bench.mutation import read_reasons
from tests.proof.mutation import switch
from tests.proof.mutation.measure import Measured
from tests.proof.mutation.report import changes
from tests.proof.mutation.stage import Plan, build, domain_modules
from tests.proof.mutation.undecorate import undecorate

if TYPE_CHECKING:
    from pathlib import Path

DECORATED = """
from functools import cache, singledispatch
import types as kinds


@singledispatch
def weigh(thing):
    return 0


@weigh.register(kinds.SimpleNamespace)
def _(thing):
    return 2


@cache
def twice(number):
    return number * 2


class Box:
    side = 3

    @property
    def area(self):
        return self.side * self.side

    @staticmethod
    def made_of():
        return "wood"
"""


def run(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(source, "sample", "exec"), names)  # a module of ours, as text
    return names


def test_a_module_without_decorators_does_the_same() -> None:
    plain = undecorate(DECORATED)
    assert plain.count("@") == 1, "static methods are left alone"
    assert "def on_SimpleNamespace(thing):" in plain
    for each in (run(DECORATED), run(plain)):
        assert each["weigh"](1) == 0
        assert each["weigh"](each["kinds"].SimpleNamespace()) == 2
        assert each["twice"](4) == 8
        assert (each["Box"]().area, each["Box"].made_of()) == (9, "wood")


def test_a_cache_is_left_out() -> None:
    """What the process that forks had cached would hide a mutant."""
    assert hasattr(run(DECORATED)["twice"], "cache_info")
    assert not hasattr(run(undecorate(DECORATED))["twice"], "cache_info")


def test_a_nameless_function_that_says_nothing_of_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="does not say what it is for"):
        undecorate("@f\ndef _(): ...\n")


def test_the_switch_calls_what_was_chosen() -> None:
    variants: switch.MutantDict = {}

    @switch.wrap_in_trampoline(variants)
    def sample() -> str:
        return "never called"

    name = f"{__name__}:{sample.__qualname__}"
    variants |= {switch.CHOSEN: lambda: "original", "m1": lambda: "mutant"}
    hits: set[str] = set()
    stop = switch.record(hits)
    assert sample() == "original"
    stop()
    assert hits == {name}
    assert switch.mutants()[name] == ["m1"]
    switch.choose(name, "m1")
    assert sample() == "mutant"


def test_a_mutant_is_named_by_what_it_changes(tmp_path: Path) -> None:
    build(Plan(where=tmp_path, modules=("money", "order/ledger")))
    known = {
        ("oms.domain.money:check_minor", "x_check_minor__mutmut_1"),
        ("oms.domain.order.ledger:LineLedger.plain_live", "xǁLineLedgerǁplain_live__mutmut_1"),
    }
    assert sorted(map(str, changes(tmp_path, known).values())) == [
        "money.check_minor: if abs(minor) > MAX_MINOR: ==> if abs(None) > MAX_MINOR:",
        "order/ledger.LineLedger.live: return self.ordered - self.cancelled ==> return self.ordered + self.cancelled",
    ]


def test_a_module_that_there_is_not_is_refused(tmp_path: Path) -> None:
    assert {"money", "order/evolve"} < set(domain_modules())
    with pytest.raises(ValueError, match="no such modules"):
        build(Plan(where=tmp_path, modules=("honey",)))


def test_nothing_measured_does_not_pass() -> None:
    assert not Measured(verdicts={}, left=(), tests=0, seconds=0).passed


def test_what_never_ends_counts_as_killed() -> None:
    counts = Counter(killed=6, timeout=3, survived=1)
    measured = Measured(verdicts={"m": counts}, left=(), tests=1, seconds=0)
    assert (measured.killed_share, measured.passed) == (0.9, True)
    assert (measured.document()["killed"], measured.document()["timeout"]) == (6, 3)


def test_a_reason_is_kept_and_a_verdict_is_none(tmp_path: Path) -> None:
    path = tmp_path / "survivors.txt"
    path.write_text("# head || no\nm.f: a ==> b || survived\nm.f: a || b ==> c || both are true\n", encoding="utf-8")
    assert read_reasons(path) == {"m.f: a || b ==> c": "both are true"}
    assert read_reasons(tmp_path / "none.txt") == {}
