"""Copies of the tree with a bug in them, and what a check finds there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.support.template import LAYER, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.proof.seeded.bugs import Bug

PRODUCT: Final = ("layers/", "functions/", "infra/workflows/", "template.yaml")
"""What a patch may touch."""
PATIENCE_S: Final = 600


@dataclass(frozen=True, slots=True)
class Found:
    """What a check said: how often which invariant was broken, the first of each, and the time it took."""

    counts: dict[str, int]
    first: dict[str, str]
    seconds: float


@contextmanager
def planted(bug: Bug | None) -> Iterator[Path]:
    """A copy of the working tree with the bug in it; with none for None. Raises when the patch does not apply."""
    with TemporaryDirectory(prefix="seeded-") as folder:
        copy = Path(folder)
        for name in _files():
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        if bug is not None:
            _git(copy, "apply", str(bug.patch))
        yield copy


def touched(bug: Bug) -> list[str]:
    """The files that the patch changes in today's tree; raises when it does not apply."""
    lines = _git(ROOT, "apply", "--check", "--numstat", str(bug.patch)).splitlines()
    return [line.split("\t")[2] for line in lines]


def found_in(copy: Path, check: str) -> Found:
    """Run the check in the copy, over the copy's product. Raises when it ends with neither findings nor none."""
    began = time.monotonic()
    paths = os.pathsep.join((str(copy / LAYER.relative_to(ROOT)), str(copy)))
    command = [sys.executable, "-m", "tests.proof.seeded.look", *check.split()]
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    if done.returncode:
        raise RuntimeError(f"{check} did not end: {done.stderr[-2000:]}")
    counts: dict[str, int] = {}
    first: dict[str, str] = {}
    for invariant, detail in json.loads(done.stdout.splitlines()[-1]):
        counts[invariant] = counts.get(invariant, 0) + 1
        first.setdefault(invariant, detail)
    return Found(counts, first, round(time.monotonic() - began, 1))


def hunt(bug: Bug) -> Found:
    """What the bug's check finds where the bug is."""
    with planted(bug) as copy:
        return found_in(copy, bug.check)


def _files() -> Sequence[str]:
    told = _git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return [name for name in told.split("\0") if name and (ROOT / name).is_file()]


def _git(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout
