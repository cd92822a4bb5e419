"""Requests made of the published contract, sent to the running system: how many, and how many it broke on.

`make bench NAME=fuzz`: schemathesis makes them of infra/openapi.yaml, allowed and not allowed, signed by staff; the
local engine answers. Faults go to stderr. The last line is JSON; the exit code is 1 when there was a fault.
"""

from __future__ import annotations

import argparse
import json
import sys

from tests.proof.fuzz.run import fuzz
from tests.proof.fuzz.shop import opened


def main() -> int:
    """Run on an engine of its own and print."""
    parser = argparse.ArgumentParser(prog="make bench NAME=fuzz")
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--salt", type=int, default=0, help="another salt makes other requests")
    asked = parser.parse_args()
    with opened() as shop:
        verdict = fuzz(shop, asked.cases, asked.salt)
    for fault in verdict.faults:
        print(fault, file=sys.stderr)
    print(json.dumps(verdict.document()))
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())
