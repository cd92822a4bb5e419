"""Rules as data: which policy decides on an order, and what becomes of what no node has.

    {"rules": [{"name", "when": {…}, "then": {…}, "after": {…}, "release": {…}}, …],
     "extra_parcel": 0, "union": [], "b2b": []}

`b2b` are accounts, as "channel/account", whose customers are firms; all others' are people. The first rule whose
conditions all hold is the order's. The last one has none: it is for all others.

    when    channels, accounts, countries, customers ("b2b", "b2c"), skus, needs, shipping_methods: one of these words;
            currency, total_from, total_to (minor units of that currency), units_from, units_to: both ends included
    then    policy (a name of `POLICIES`) or weights; split_lines, max_parcels, extra_parcel, nodes, not_nodes
    after   short: backorder, split, wait or person; wait_minutes; cancel_after_days
    release wait_minutes, or until: cut_off

Pure, and little to import: `rules_check` says whether a document is sound, this reads one that is.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from oms.domain.frozen import frozen
from oms.domain.sourcing.policy import (
    BALANCE,
    CHEAPEST,
    FEWEST_SPLITS,
    NEAREST,
    NEAREST_COMPLETE,
    SourcingPolicy,
    Weights,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

POLICIES: Final[Mapping[str, SourcingPolicy]] = {
    "nearest": NEAREST,
    "cheapest": CHEAPEST,
    "fewest_splits": FEWEST_SPLITS,
    "balance": BALANCE,
    "nearest_complete": NEAREST_COMPLETE,
}
WORDS: Final[Mapping[str, str]] = {
    "channels": "channel",
    "accounts": "account",
    "countries": "country",
    "customers": "customer",
    "shipping_methods": "shipping_method",
}
"""Conditions that one attribute of the order is one of some words."""
SETS: Final[Mapping[str, str]] = {"skus": "skus", "needs": "needs"}
"""Conditions that one of the order's several is one of some words."""
RANGES: Final[Mapping[str, tuple[str, str]]] = {
    "total": ("total_from", "total_to"),
    "units": ("units_from", "units_to"),
}
MAX_MINUTES: Final = 7 * 24 * 60
CUT_OFF: Final = "cut_off"
"""Until the cut-off that counts, a week at the longest."""
B2B: Final = "b2b"
B2C: Final = "b2c"


class Short(StrEnum):
    """What becomes of an order of which something cannot be shipped now."""

    BACKORDER = "backorder"
    """Lines that can be filled ship; the others wait, whole, for supply."""
    SPLIT = "split"
    """The same, and of the others what there is ships too."""
    WAIT = "wait"
    """Nothing ships until all of it can; it is looked at again after `wait_minutes`, or when supply comes."""
    PERSON = "person"
    """Nothing ships; a hold puts it before a person. Released, it goes on as a backorder."""


@frozen
class After:
    """`cancel_after_days`: units that have been backordered for so long are cancelled; 0 never."""

    short: Short = Short.BACKORDER
    wait_minutes: int = 0
    cancel_after_days: int = 0


@frozen
class Rule:
    """A rule as it is applied. `version` is that of its document, 0 of what is built in."""

    name: str
    version: int
    policy: SourcingPolicy
    after: After = After()
    release_minutes: int = 0
    """How long the release to warehouses may wait, as far as the promise lets it (`releasing.py`)."""
    nodes: frozenset[str] = frozenset()
    """Only these may ship; empty means all."""
    not_nodes: frozenset[str] = frozenset()
    extra_parcel: int = 0
    union: tuple[str, ...] = ()

    def excludes(self, node_id: str) -> bool:
        """This node may not ship."""
        return node_id in self.not_nodes or bool(self.nodes and node_id not in self.nodes)


BUILT_IN: Final = Rule(name="default", version=0, policy=NEAREST_COMPLETE)
"""What decides while no document is stored."""


@frozen
class OrderFacts:
    """What conditions may ask of an order. `total` is in minor units of `currency`."""

    channel: str = ""
    account: str = ""
    country: str = ""
    customer: str = B2C
    shipping_method: str = ""
    currency: str = ""
    total: int = 0
    units: int = 0
    skus: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()


def choose(stored: Mapping[str, Any], facts: OrderFacts) -> Rule:
    """The rule for an order. `stored` is {'version', 'document'}, or empty."""
    document = stored.get("document", {})
    for rule in document.get("rules", ()):
        if matches(rule.get("when", {}), facts):
            return read_rule(rule, document, int(stored["version"]))
    return BUILT_IN


def customer_of(stored: Mapping[str, Any], channel: str, account: str) -> str:
    """Whom an account sells to, as the document says."""
    return B2B if f"{channel}/{account}" in stored.get("document", {}).get("b2b", ()) else B2C


def matches(when: Mapping[str, Any], facts: OrderFacts) -> bool:
    """All conditions hold; none means that all orders match."""
    for name, wanted in when.items():
        if name in WORDS:
            holds = getattr(facts, WORDS[name]) in wanted
        elif name in SETS:
            holds = not facts_of(facts, name).isdisjoint(wanted)
        elif name == "currency":
            holds = facts.currency == wanted
        else:
            attribute, _, end = name.partition("_")
            value = getattr(facts, attribute)
            holds = value >= wanted if end == "from" else value <= wanted
        if not holds:
            return False
    return True


def facts_of(facts: OrderFacts, name: str) -> frozenset[str]:
    """The order's several."""
    return facts.skus if name == "skus" else facts.needs


def read_rule(rule: Mapping[str, Any], document: Mapping[str, Any], version: int) -> Rule:
    """A rule of a sound document."""
    then, after = rule.get("then", {}), rule.get("after", {})
    return Rule(
        name=rule["name"],
        version=version,
        policy=_policy(then, rule["name"], version),
        after=After(
            short=Short(after.get("short", Short.BACKORDER)),
            wait_minutes=int(after.get("wait_minutes", 0)),
            cancel_after_days=int(after.get("cancel_after_days", 0)),
        ),
        release_minutes=_release_minutes(rule.get("release", {})),
        nodes=frozenset(then.get("nodes", ())),
        not_nodes=frozenset(then.get("not_nodes", ())),
        extra_parcel=int(then.get("extra_parcel", document.get("extra_parcel", 0))),
        union=tuple(document.get("union", ())),
    )


def _release_minutes(release: Mapping[str, Any]) -> int:
    return MAX_MINUTES if release.get("until") == CUT_OFF else int(release.get("wait_minutes", 0))


def find_rule(stored: Mapping[str, Any], name: str) -> Rule:
    """The rule of this name in a version of the document; raises KeyError."""
    if not stored:
        return {BUILT_IN.name: BUILT_IN}[name]
    document = stored["document"]
    by_name = {rule["name"]: rule for rule in document["rules"]}
    return read_rule(by_name[name], document, int(stored["version"]))


def _policy(then: Mapping[str, Any], name: str, version: int) -> SourcingPolicy:
    if "weights" in then:
        weights = Weights(**then["weights"])
        policy = SourcingPolicy(name=f"weights of {name}", version=max(1, version), weights=weights)
    else:
        policy = POLICIES[then["policy"]]
    changed = {name: then[name] for name in ("split_lines", "max_parcels") if name in then}
    return replace(policy, **changed) if changed else policy
