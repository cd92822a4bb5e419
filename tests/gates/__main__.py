"""`python -m tests.gates [NAME ...]`: run the gates over this repository; 1 when one of them finds something."""

from __future__ import annotations

import sys

from tests.gates.gates import GATES, ROOT


def main(names: list[str]) -> int:
    """Run those named, else all."""
    closed = False
    for name in names or GATES:
        findings = GATES[name](ROOT)
        closed = closed or bool(findings)
        print(f"{name}: {len(findings) or 'no'} findings")
        for finding in findings:
            print(f"  {finding}")
    return int(closed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
