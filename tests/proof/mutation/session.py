"""One pytest session in which every mutant is tried: collected once, then a forked process for each mutant.

`python -m tests.proof.mutation.session REQUEST`, run where `stage` built; REQUEST and the answer are JSON files.

First every test runs, to note its CPU time and the functions it calls. A mutant gets the tests that call its function,
the quickest first, for as much of their time as `budget` allows (the one that killed it last time before all), and is
killed by the first that fails. A mutant that uses far more CPU than its tests should counts as timed out.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.proof.mutation import switch

if TYPE_CHECKING:
    from collections.abc import Iterator

SURVIVED: Final = 0
KILLED: Final = 1
CONTROL: Final = "control"
"""A trial in which nothing is changed, which must survive."""
PROGRESS: Final = 250
"""Mutants between two words on how far it is."""
MEMORY: Final = 3 * 2**30
"""Address space of one process: a mutant may fill lists for ever."""


@dataclass
class Trial:
    """One mutant, and the tests (by their place in the session) that it is to meet."""

    function: str
    mutant: str
    tests: list[int]
    seconds: float


@dataclass
class Runner:
    """The plugin that takes the place of pytest's own loop."""

    request: dict[str, Any]
    verdicts: dict[str, dict[str, str]] = field(default_factory=dict)
    cpu: list[float] = field(default_factory=list)
    tests_of: dict[str, list[int]] = field(default_factory=dict)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn what calls what, then try the mutants."""
        if session.testsfailed:
            raise RuntimeError("some tests cannot be collected")
        self._learn(session.items)
        gc.collect()
        gc.freeze()
        trials = sorted(self._trials(session.items), key=lambda each: each.seconds)
        control = Trial(CONTROL, "", list(range(len(session.items))), sum(self.cpu))
        self._try_all(session.items, [control, *trials])
        last = self.verdicts.pop(CONTROL)
        if last["verdict"] != "survived":
            raise RuntimeError(f"killed without any mutant: {last}")
        return True

    def _learn(self, items: list[pytest.Item]) -> None:
        for number, item in enumerate(items):
            hits: set[str] = set()
            stop = switch.record(hits)
            began = time.process_time()
            failed = run_test(item)
            self.cpu.append(time.process_time() - began)
            stop()
            if failed:
                raise RuntimeError(f"{item.nodeid} fails without any mutant: {failed!r}") from failed
            for function in hits:
                self.tests_of.setdefault(function, []).append(number)

    def _trials(self, items: list[pytest.Item]) -> Iterator[Trial]:
        places = {item.nodeid: number for number, item in enumerate(items)}
        for function, mutants in switch.mutants().items():
            known = sorted(self.tests_of.get(function, []), key=lambda number: self.cpu[number])
            affordable: list[int] = []
            seconds = 0.0
            for number in known:
                if seconds + self.cpu[number] > self.request["budget"] and affordable:
                    break
                affordable.append(number)
                seconds += self.cpu[number]
            for mutant in mutants:
                if not affordable:
                    self.verdicts[f"{function}:{mutant}"] = {"verdict": "survived", "by": ""}
                    continue
                last = places.get(self.request["killers"].get(f"{function}:{mutant}", ""))
                first = [] if last is None or last not in known else [last]
                yield Trial(function, mutant, [*first, *(n for n in affordable if n != last)], seconds)

    def _try_all(self, items: list[pytest.Item], trials: list[Trial]) -> None:
        running: dict[int, tuple[Trial, int]] = {}
        for trial in trials:
            if len(running) >= self.request["jobs"]:
                self._reap(items, running)
            answer, told = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(answer)
                _try(items, trial, told)
            os.close(told)
            running[pid] = (trial, answer)
        while running:
            self._reap(items, running)

    def _reap(self, items: list[pytest.Item], running: dict[int, tuple[Trial, int]]) -> None:
        pid, status = os.wait()
        trial, answer = running.pop(pid)
        with os.fdopen(answer) as pipe:
            by = pipe.read()
        code = os.waitstatus_to_exitcode(status)
        verdict = {SURVIVED: "survived", KILLED: "killed"}.get(code, "timeout")
        killer = items[int(by)].nodeid if by else ""
        self.verdicts[f"{trial.function}:{trial.mutant}".removesuffix(":")] = {"verdict": verdict, "by": killer}
        if len(self.verdicts) % PROGRESS == 0:
            print(len(self.verdicts), "mutants tried", file=sys.stderr, flush=True)


def run_test(item: pytest.Item) -> BaseException | None:
    """Set up, call, tear down; what was raised, without the cost of a report. Any test may run again and again."""
    raised: BaseException | None
    try:
        if getattr(item, "_request", True) is False:
            item._initrequest()  # type: ignore[attr-defined]
        item.ihook.pytest_runtest_setup(item=item)
        item.ihook.pytest_runtest_call(item=item)
        # unittest's cases keep what they raised
        kept = getattr(item, "_excinfo", None)
        raised = kept[0].value if kept else None
    except pytest.skip.Exception:
        raised = None
    except BaseException as error:  # noqa: BLE001 - whatever a mutant does
        raised = error
    try:
        item.ihook.pytest_runtest_teardown(item=item, nextitem=None)
    except BaseException as error:  # noqa: BLE001
        raised = raised or error
    if hasattr(item, "_request"):
        # as pytest's own protocol does: else the fixtures' values of this run would serve the next
        item._request = False
        item.funcargs = None  # type: ignore[attr-defined]
    return raised


def _try(items: list[pytest.Item], trial: Trial, told: int) -> None:
    """In the forked process: meet the tests until one fails, and never come back."""
    code = KILLED
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        limit = 3 + int(5 * trial.seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        if trial.function != CONTROL:
            switch.choose(trial.function, trial.mutant)
        for number in trial.tests:
            if run_test(items[number]) is not None:
                os.write(told, str(number).encode())
                break
        else:
            code = SURVIVED
    finally:
        os._exit(code)


def main(path: Path) -> int:
    """Read the request, run, write the answer beside it."""
    request = json.loads(path.read_text("utf-8"))
    runner = Runner(request)
    quiet = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", "pytest.ini", "--rootdir", "."]
    code = pytest.main([*quiet, *request["tests"]], plugins=[runner])
    path.with_name("answer.json").write_text(
        json.dumps({"verdicts": runner.verdicts, "tests": len(runner.cpu)}), "utf-8"
    )
    return int(code)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
