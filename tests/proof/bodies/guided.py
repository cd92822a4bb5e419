"""The same bodies, chosen by atheris (libFuzzer): what reaches a branch that nothing reached is damaged further.

https://github.com/google/atheris (Apache-2.0; Linux and macOS, Python 3.11 to 3.13). It is no requirement of ours: it
has wheels for few machines. Its engine ends the process that it runs in, so that it is given one of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

from tests.proof.bodies.run import Tally


def guided(bodies: int, salt: str) -> Tally:
    """So many bodies; raises SystemExit where atheris is not installed, or ends early."""
    if find_spec("atheris") is None:
        raise SystemExit("atheris is not installed: .venv/bin/python -m pip install atheris")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.proof.bodies.engine", str(bodies), salt, folder]
        done = subprocess.run(command, capture_output=True, check=False)
        told = Path(folder) / "tally.json"
        if not told.is_file():
            sys.stderr.buffer.write(done.stderr[-3000:])
            raise SystemExit(f"atheris ended early, with {done.returncode}")
        found = json.loads(told.read_text(encoding="utf-8"))
    return Tally(
        kinds=Counter(found["kinds"]),
        sources=Counter(found["sources"]),
        endings=set(found["endings"]),
        slowest_s=found["slowest_s"],
        crashes=found["crashes"],
    )
