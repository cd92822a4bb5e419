"""Run the mutants of a plan and count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.proof.mutation.report import Change, changes
from tests.proof.mutation.stage import Plan, build

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GATE: Final = 0.9
"""Share of the mutants that the tests must kill."""
BUDGET: Final = 2.0
"""CPU seconds of tests that a mutant meets at most; slower tests are left out, so the share is rather too low."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Mutants by verdict. `left` are those that no test killed."""

    verdicts: Mapping[str, Counter[str]]
    """By module below the domain."""
    left: tuple[Change, ...]
    tests: int
    seconds: float

    @property
    def counts(self) -> Counter[str]:
        """Over all modules."""
        return sum(self.verdicts.values(), Counter())

    @property
    def killed_share(self) -> float:
        """Killed of all; what ran out of time, which no test waits for, counts as killed."""
        return noticed(self.counts) / max(1, self.counts.total())

    @property
    def passed(self) -> bool:
        """The gate."""
        return self.killed_share >= GATE

    def document(self) -> dict[str, Any]:
        """For JSON."""
        counts = self.counts
        return {
            "mutants": counts.total(),
            "killed": counts["killed"],
            "survived": counts["survived"],
            "timeout": counts["timeout"],
            "killed_share": round(self.killed_share, 4),
            "gate": GATE,
            "tests": self.tests,
            "seconds": round(self.seconds, 1),
        }


def noticed(counts: Counter[str]) -> int:
    """Mutants that a test failed on or that never came to an end."""
    return counts["killed"] + counts["timeout"]


def measure(plan: Plan, *, jobs: int = 2, budget: float = BUDGET) -> Measured:
    """Build, run in a process of its own, count. Raises RuntimeError when a test fails without any mutant."""
    began = time.monotonic()
    tests = build(plan)
    killers_file = plan.where / "killers.json"
    killers = json.loads(killers_file.read_text("utf-8")) if killers_file.exists() else {}
    request = plan.where / "request.json"
    answer = plan.where / "answer.json"
    request.write_text(json.dumps({"tests": tests, "jobs": jobs, "budget": budget, "killers": killers}), "utf-8")
    answer.unlink(missing_ok=True)
    _session(plan.where)
    told = json.loads(answer.read_text("utf-8"))
    verdicts: dict[str, dict[str, str]] = told["verdicts"]
    killers |= {name: each["by"] for name, each in verdicts.items() if each["by"]}
    killers_file.write_text(json.dumps(killers), "utf-8")
    return Measured(
        verdicts=_by_module(verdicts),
        left=_left(plan.where, verdicts),
        tests=told["tests"],
        seconds=time.monotonic() - began,
    )


def _session(where: Path) -> None:
    environment = {
        **os.environ,
        "HYPOTHESIS_PROFILE": "mutation",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": "",
    }
    command = ["nice", "-n", "10", sys.executable, "-m", "tests.proof.mutation.session", "request.json"]
    done = subprocess.run(command, cwd=where, env=environment, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode or not (where / "answer.json").exists():
        raise RuntimeError(f"the session broke:\n{done.stdout[-4000:]}")


def _by_module(verdicts: Mapping[str, Mapping[str, str]]) -> dict[str, Counter[str]]:
    counted: dict[str, Counter[str]] = {}
    for name, each in sorted(verdicts.items()):
        module = name.partition(":")[0].removeprefix("oms.domain.").replace(".", "/")
        counted.setdefault(module, Counter())[each["verdict"]] += 1
    return counted


def _left(where: Path, verdicts: Mapping[str, Mapping[str, str]]) -> tuple[Change, ...]:
    names = [tuple(name.rsplit(":", 1)) for name, each in verdicts.items() if each["verdict"] == "survived"]
    return tuple(sorted(changes(where, [(function, mutant) for function, mutant in names]).values()))
