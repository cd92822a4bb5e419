"""A branch of a story: the process forks, and the child tells what it found when it has come to its end."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from typing import Final

PATIENCE_S: Final = 300
"""A branch that takes longer hangs."""

Violation = tuple[str, str]
"""(invariant, or `determinism` when the harness is at fault; detail)."""


def fork(found: list[Violation]) -> int | None:
    """In the branch: where its result goes. In the trunk: None, when the branch has ended; its result is in `found`."""
    sys.stdout.flush()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        gc.disable()  # a branch is over before there is anything to collect
        signal.alarm(PATIENCE_S)
        return write
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    found += [(name, text) for name, text in json.loads(told)] if told else [("I8", f"ended with {status}")]
    return None


def tell(out: int, violations: list[Violation]) -> None:
    """Say the result of a branch, and be gone."""
    with os.fdopen(out, "wb") as pipe:
        pipe.write(json.dumps(violations).encode())
    os._exit(0)
