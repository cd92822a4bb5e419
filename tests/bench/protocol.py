"""Every state of small worlds of stock, and every mutant of the code found in one.

`make bench NAME=protocol`: orders, deliveries and counters over two positions, in every order of every step, by the
code's own transitions (`tests/proof/protocol`). JSON: `states` (distinct), `steps`, `refused` (by their condition),
`problems`, per world the same; `planted` mutants and `caught`. `--slice` explores only the small worlds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from tests.proof.protocol.explore import Explorer
from tests.proof.protocol.mutants import MUTANTS, Code
from tests.proof.protocol.worlds import SLICE, WHOLE, find


def main() -> None:
    """Explore, plant, and say what was found."""
    parser = argparse.ArgumentParser(prog="make bench NAME=protocol")
    parser.add_argument("--slice", action="store_true")
    options = parser.parse_args()
    began = time.monotonic()
    worlds: dict[str, dict[str, Any]] = {}
    for world in (*SLICE, *(() if options.slice else WHOLE)):
        found = Explorer(world, Code()).explore()
        worlds[world.name] = {"states": found.states, "steps": found.steps, "refused": found.refused}
        if found.problem:
            worlds[world.name] |= {"problem": found.problem, "path": found.path}
        print(world.name, worlds[world.name], file=sys.stderr)
    caught = {name: find(code).problem for name, code in MUTANTS.items()}
    for name, problem in caught.items():
        print(f"{name}: {problem or 'NOT FOUND'}", file=sys.stderr)
    totals = {key: sum(each[key] for each in worlds.values()) for key in ("states", "steps", "refused")}
    problems = [each["problem"] for each in worlds.values() if "problem" in each]
    report = {
        **totals,
        "problems": len(problems),
        "planted": len(caught),
        "caught": sum(bool(each) for each in caught.values()),
        "worlds": worlds,
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
