"""What each function costs to start: CPU in a fresh process, against importing boto3.

`make bench NAME=imports`. A start is the import of the handler, and its use case and clients made; see
`tests/support/starts.py`. Rounds are interleaved so that a busy machine burdens all alike; the least of each is quoted.
`--rounds N`; `--only NAME` measures one function. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support import starts

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE = "import boto3"
APART = "answer_assistants"
"""It loads the SDK of MCP, which nothing else does: told by itself (ADR 30)."""


HTTP = frozenset(starts.HTTP) - {APART}


def cpu_ms(code: str, environment: Mapping[str, str]) -> float:
    """User and system CPU of a fresh interpreter that runs `code`, in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def measure(names: list[str], rounds: int) -> dict[str, float]:
    """The least CPU of each function's start, and of the base, over the rounds."""
    environment = starts.environment()
    codes = {BASE: BASE, **{name: starts.code(name) for name in names}}
    for code in codes.values():
        cpu_ms(code, environment)  # leaves compiled files behind, as the following rounds will find them
    best = dict.fromkeys(codes, float("inf"))
    for _ in range(rounds):
        for name, code in codes.items():
            best[name] = min(best[name], cpu_ms(code, environment))
    return best


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--only", choices=sorted(starts.STARTS), action="append")
    asked = options.parse_args()
    best = measure(asked.only or list(starts.STARTS), asked.rounds)
    base = best.pop(BASE)
    ratios = {name: round(cost / base, 2) for name, cost in best.items()}
    for name, ratio in sorted(ratios.items(), key=lambda item: item[1]):
        kind = "http" if name in starts.HTTP else "async"
        print(f"{name:18} {kind:5} {best[name]:6.0f} ms CPU  {ratio:.2f} x import boto3")
    result = {
        "boto3_ms": round(base),
        "import_ratio_http": max((ratio for name, ratio in ratios.items() if name in HTTP), default=None),
        "import_ratio_assistants": ratios.get(APART),
        "import_ratio_async": max((ratio for name, ratio in ratios.items() if name in starts.ASYNC), default=None),
        "ratios": ratios,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
