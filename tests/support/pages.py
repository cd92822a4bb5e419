"""Tests that pages name: a link whose text is the name of a test, and whose target is the module that has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support import template

if TYPE_CHECKING:
    from pathlib import Path

PROOF = re.compile(r"\[`?(test_\w+)`?\]\(([^)#\s]+)\)")


def named_tests(text: str) -> list[tuple[str, str]]:
    """(name, module as the page links it) of every test that a text names."""
    return PROOF.findall(text)


def missing_tests(page: Path, text: str) -> list[str]:
    """Tests that a page names and that are not where it says."""
    missing = []
    for name, path in named_tests(text):
        module = (page.parent / path).resolve()
        if not module.is_file() or not re.search(rf"^ *def {name}\(", module.read_text(encoding="utf-8"), re.MULTILINE):
            missing.append(name)
    return missing


def rows(text: str, heading: str) -> list[list[str]]:
    """The rows of the tables below a heading, without their heads, cell by cell."""
    level = heading.partition(" ")[0]
    below = text.partition(f"\n{heading}\n")[2]
    part = re.split(rf"^#{{1,{len(level)}}} ", below, maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    heads = {number - 1 for number, line in enumerate(lines) if not line.strip("|- :")}
    kept = [line for number, line in enumerate(lines) if number not in heads and line.strip("|- :")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in kept]


def benches() -> set[str]:
    """What `make bench NAME=` takes."""
    folder = template.ROOT / "tests" / "bench"
    return {each.stem for each in folder.glob("*.py") if "def main" in each.read_text(encoding="utf-8")}
