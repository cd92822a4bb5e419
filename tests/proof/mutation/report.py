"""Mutants named by what they change, so that a list of them outlives other edits of their module."""

from __future__ import annotations

import ast
import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.proof.mutation.undecorate import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SEPARATOR: Final = "ǁ"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """A mutant: `module` below the domain, the function as it is called there, the text before and after."""

    module: str
    function: str
    old: str
    new: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.module}.{self.function}: {self.old or '(nothing)'} ==> {self.new or '(nothing)'}"


def changes(where: Path, mutants: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Change]:
    """The change that each (`<module>:<function>`, mutant) is."""
    sources: dict[str, dict[str, str]] = {}
    found = {}
    for function, mutant in mutants:
        module = function.partition(":")[0]
        if module not in sources:
            sources[module] = _functions(where / (module.replace(".", "/") + ".py"))
        original = mutant.rpartition("__mutmut_")[0] + "__mutmut_orig"
        old, new = _difference(sources[module][original], sources[module][mutant])
        short = module.removeprefix("oms.domain.").replace(".", "/")
        found[(function, mutant)] = Change(short, _called(mutant), old, new)
    return found


def _functions(path: Path) -> dict[str, str]:
    text = path.read_text("utf-8")
    lines = text.splitlines()
    return {
        node.name: "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and "__mutmut" in node.name
    }


def _difference(old: str, new: str) -> tuple[str, str]:
    gone, come = [], []
    # The first line has the function's name in it, which differs always; defaults may differ too.
    names = re.compile(r"__mutmut_(orig|\d+)\b")
    for each in difflib.ndiff(names.sub("", old).splitlines(), names.sub("", new).splitlines()):
        if each.startswith("- "):
            gone.append(each[2:].strip())
        elif each.startswith("+ "):
            come.append(each[2:].strip())
    return " ".join(gone), " ".join(come)


def _called(mutant: str) -> str:
    mangled = mutant.partition("__mutmut_")[0].removeprefix("x")
    owner, _, name = (
        mangled.lstrip(_SEPARATOR).rpartition(_SEPARATOR) if _SEPARATOR in mangled else ("", "", mangled[1:])
    )
    name = name.removeprefix(PLAIN)
    return f"{owner}.{name}" if owner else name
