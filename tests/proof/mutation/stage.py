"""A copy of the package with all mutants in it, and of the tests, to run in.

Made by mutmut's operators; each function has its mutants beside it, and `switch` chooses. Files are made again only
when what they are made of changed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.proof.mutation.undecorate import undecorate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).resolve().parents[3]
PACKAGE: Final = ROOT / "layers" / "oms" / "python" / "oms"
SELECTION: Final = (
    "tests/unit/test_domain_*.py",
    "tests/unit/test_vendor_money.py",
    "tests/property/test_*.py",
    "tests/contract/test_event_corpus.py",
)
"""Tests that need nothing but the domain."""
LEFT_OUT: Final = ("tests/property/test_interleavings.py", "tests/property/test_sourcing_highs.py")
"""Property tests that need more: the engines, a solver."""
_COPIED: Final = (
    "tests/unit",
    "tests/property",
    "tests/contract",
    "tests/support",
    "tests/proof",
    "tests/bench",
    "infra",
    "docs",
    "events",
)
_MUTMUTS_SWITCH: Final = "from mutmut.mutation.trampoline import"
_OUR_SWITCH: Final = "from tests.proof.mutation.switch import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to mutate, against which tests, and where.

    `modules` are paths below the domain without `.py` (`money`, `order/evolve`); none means all. `tests` maps paths of
    test files to their text, in place of the project's own.
    """

    where: Path
    modules: tuple[str, ...] = ()
    tests: Mapping[str, str] | None = None


def domain_modules() -> tuple[str, ...]:
    """Every module of the domain, as `Plan.modules` names them."""
    domain = PACKAGE / "domain"
    return tuple(str(path.relative_to(domain).with_suffix("")) for path in sorted(domain.rglob("*.py")))


def build(plan: Plan) -> list[str]:
    """Bring the copy up to date; gives the test files to run, as paths below it."""
    wanted = plan.modules or domain_modules()
    unknown = set(wanted) - set(domain_modules())
    if unknown:
        raise ValueError(f"no such modules of the domain: {sorted(unknown)}")
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE / "domain").with_suffix("") if path.is_relative_to(PACKAGE / "domain") else ""
        _copy_source(path, plan.where / "oms" / path.relative_to(PACKAGE), mutate=str(module) in wanted)
    selected = [str(path.relative_to(ROOT)) for pattern in SELECTION for path in sorted(ROOT.glob(pattern))]
    selected = [name for name in selected if name not in LEFT_OUT]
    files = {name: (ROOT / name).read_bytes() for name in _below(_COPIED)}
    if plan.tests is not None:
        selected = list(plan.tests)
        files |= {name: text.encode() for name, text in plan.tests.items()}
    files["pyproject.toml"] = b""
    files["pytest.ini"] = _pytest_ini()
    for name, content in files.items():
        _write(plan.where / name, content)
    return selected


def _copy_source(path: Path, target: Path, *, mutate: bool) -> None:
    source = path.read_bytes()
    if not mutate:
        _write(target, source)
        return
    made_of = hashlib.sha256(source + Path(__file__).read_bytes() + importlib.metadata.version("mutmut").encode())
    mark = f"# made of {made_of.hexdigest()}\n"
    if target.exists() and target.read_text("utf-8").startswith(mark):
        return
    _write(target, (mark + _mutated(str(path), source.decode())).encode())


def _mutated(name: str, source: str) -> str:
    """The module with every mutant of every function in it."""
    here = Path.cwd()
    os.chdir(ROOT)  # where mutmut finds its configuration
    try:
        from mutmut.mutation.file_mutation import mutate_file_contents

        code = mutate_file_contents(name, undecorate(source)).code
    finally:
        os.chdir(here)
    return code.replace(_MUTMUTS_SWITCH, _OUR_SWITCH)


def _below(folders: tuple[str, ...]) -> Iterator[str]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield str(path.relative_to(ROOT))


def _write(target: Path, content: bytes) -> None:
    if target.exists() and target.read_bytes() == content:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def _pytest_ini() -> bytes:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]
    lines = ["[pytest]", "pythonpath = .", "addopts = --import-mode=importlib", "markers ="]
    return "\n".join([*lines, *(f"    {each}" for each in options["markers"]), ""]).encode()
