"""What every connector of a channel must do, as rules that are tried on its samples.

`python -m tests.support.connector_rules NAME` tries them on one and prints what they find. A rule is a function in a
module of this package: it looks at a kit (the connector, its samples, how its sender signs) and tells what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.connector_rules import damage, identity, listing, money, signatures
from tests.support.connector_rules.rules import RULES

if TYPE_CHECKING:
    from tests.support.connector_rules.kit import Kit

__all__ = ["RULES", "damage", "findings", "identity", "listing", "money", "signatures"]


def findings(kit: Kit, rule: str, most: int = 10) -> list[str]:
    """What a rule finds in a connector, the first ones."""
    found = []
    for each in RULES[rule](kit):
        found.append(each)
        if len(found) == most:
            break
    return found
