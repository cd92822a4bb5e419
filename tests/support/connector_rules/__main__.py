"""`python -m tests.support.connector_rules [NAME …]`: the rules, and what they find in a connector; 1 if anything."""

from __future__ import annotations

import sys

from tests.support.connector_rules import RULES, findings
from tests.support.connector_rules.kits import kit, names


def main(asked: list[str]) -> int:
    """Try every rule on the connectors named, on all without a name."""
    unknown = set(asked) - set(names())
    if unknown:
        print(f"no such connector: {', '.join(sorted(unknown))}; there are {', '.join(names())}", file=sys.stderr)
        return 2
    bad = 0
    for name in asked or names():
        for rule in RULES:
            found = findings(kit(name), rule)
            bad += bool(found)
            print(f"{'FAILS' if found else 'holds'}  {name}: {rule.replace('_', ' ')}")
            for each in found:
                print(f"         {each}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
