"""Channel buffers: units of a position that a channel may not take, so that others still can.

The policy `buffers` is {"rules": [{"sku", "node_id", "channel", "units"}]}; a field that is absent, or `*`, stands for
all. Of the rules that fit, the one that names the SKU counts before one that does not, then the one that names the
node, then the one that names the channel. So an exception may be smaller than what it is an exception from.

A buffer is no state of the units: what one channel may not take is available to another. It is kept by the condition of
the very write that binds (`KeepingDelta`), not only by who plans.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import InvalidInputError
from oms.domain.frozen import frozen
from oms.domain.segments import SEPARATOR
from oms.domain.stock import KeepingDelta

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oms.domain.stock import StockDelta

ALL: Final = "*"
POLICY: Final = "buffers"
MAX_RULES: Final = 4000
"""They are one item of master data, and fit into it."""
MAX_UNITS: Final = 1_000_000_000
_FIELDS: Final = ("sku", "node_id", "channel")
Rule = tuple[str, str, str]


@frozen(kw_only=False)
class Buffers:
    """Units by SKU, node and channel."""

    units: Mapping[Rule, int]

    def of(self, sku: str, node_id: str, channel: str) -> int:
        """What the channel must leave of the position; of its segments, nothing."""
        if not self.units or SEPARATOR in node_id:
            return 0
        for rule in product((sku, ALL), (node_id, ALL), (channel, ALL)):
            if rule in self.units:
                return self.units[rule]
        return 0

    def offered(self, positions: Iterable[StockDelta], channel: str) -> list[StockDelta]:
        """The positions as the channel may plan on them: `available` is what it may take."""
        return [
            replace(at, available=max(0, at.available - kept)) if (kept := self.of(at.sku, at.node_id, channel)) else at
            for at in positions
        ]

    def kept(self, deltas: Sequence[StockDelta], channel: str) -> list[StockDelta]:
        """What the channel takes, each on the condition that its buffer stays."""
        return [self._kept(delta, channel) if delta.available < 0 else delta for delta in deltas]

    def _kept(self, delta: StockDelta, channel: str) -> StockDelta:
        keep = self.of(delta.sku, delta.node_id, channel)
        return KeepingDelta(sku=delta.sku, node_id=delta.node_id, keep=keep, **delta.changes) if keep else delta


NO_BUFFERS: Final = Buffers({})


def read_buffers(document: Mapping[str, Any]) -> Buffers:
    """The policy's document; raises InvalidInputError for one that is not: a buffer that is not read is not kept."""
    rules = document.get("rules", [])
    if not isinstance(rules, list) or len(rules) > MAX_RULES:
        raise InvalidInputError("the policy of buffers is a list of rules", limit=MAX_RULES)
    found: dict[Rule, int] = {}
    for number, rule in enumerate(rules, start=1):
        if not isinstance(rule, dict) or not set(rule) <= {*_FIELDS, "units"}:
            raise InvalidInputError("a buffer has sku, node_id, channel and units", rule=number)
        names = tuple(rule.get(name) or ALL for name in _FIELDS)
        units = rule.get("units")
        if type(units) is not int or not 0 <= units <= MAX_UNITS or not all(isinstance(each, str) for each in names):
            raise InvalidInputError("a buffer's units are a whole number, not below zero", rule=number)
        key = (str(names[0]), str(names[1]), str(names[2]))
        if key in found:
            raise InvalidInputError("two rules are of the same", rule=number)
        found[key] = units
    return Buffers(found) if found else NO_BUFFERS
