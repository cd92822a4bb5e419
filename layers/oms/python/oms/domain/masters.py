"""Who is master of which field: of each integration (ERP, WMS, CRM, accounting), declared in one document.

    {"integrations": [{"name": "erp", "description": "…",
                       "master_of": [{"field": "stock.on_hand", "nodes": ["us-east"]}, {"field": "invoice"}]}]}

A field that no integration is master of is this system's, or its staff's. Of a field, or of a field at a node, there is
one master. `stock.on_hand` is enforced: what physically is there is told by its master alone, in a feed by the name of
the integration as the feed's source; counts of staff are refused there, unless the integration is called `staff`. The
other fields come in by ways on which nobody but their master is; they are declared so that everybody knows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import NotMasterError
from oms.domain.frozen import frozen
from oms.domain.sourcing.rules_check import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

POLICY: Final = "integrations"
ON_HAND: Final = "stock.on_hand"
STAFF: Final = "staff"
AT_NODES: Final = frozenset({ON_HAND, "stock.inbound"})
"""Fields that may have one master here and another there."""
FIELDS: Final = frozenset(
    {*AT_NODES, "product", "product.price", "customer", "order", "shipment", "shipment.tracking", "payment", "invoice"}
)
MAX_INTEGRATIONS: Final = 50
MAX_TEXT: Final = 500
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_INTEGRATION: Final = frozenset({"name", "description", "master_of"})
_MASTERY: Final = frozenset({"field", "nodes"})


@frozen
class Masters:
    """By (field, node): the integration's name. A node of '' stands for every other one."""

    known: Mapping[tuple[str, str], str]

    def of(self, field: str, node_id: str = "") -> str:
        """The master's name; '' for none but us."""
        return self.known.get((field, node_id)) or self.known.get((field, ""), "")

    def check(self, who: str, field: str, node_id: str = "") -> None:
        """Raise NotMasterError unless `who` may say what the field is."""
        master = self.of(field, node_id)
        if master and master != who:
            raise NotMasterError("another integration is master of this", field=field, node_id=node_id, master=master)


def read_masters(stored: Mapping[str, Any]) -> Masters:
    """Of the saved document, which was checked when it was saved; of none, nobody."""
    return Masters(known={(field, node): name for name, field, node in _claims(stored.get("document", {}))})


def mastered(stored: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """What an integration is master of, as it was declared."""
    found = stored.get("document", {}).get("integrations", ())
    return next((list(each.get("master_of", ())) for each in found if each["name"] == name), [])


def _claims(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for each in document.get("integrations", ()):
        for mastery in each.get("master_of", ()):
            for node in mastery.get("nodes") or ("",):
                yield each["name"], mastery["field"], node


def problems(document: object, nodes: Iterable[str]) -> tuple[Problem, ...]:
    """Everything that is wrong with a document; `rules` are the integrations that it is about."""
    if not isinstance(document, dict) or set(document) != {"integrations"}:
        return (Problem("field", "the document has `integrations`, and nothing else"),)
    told = document["integrations"]
    if not isinstance(told, list) or len(told) > MAX_INTEGRATIONS:
        return (Problem("field", f"a list of up to {MAX_INTEGRATIONS} integrations", at="integrations"),)
    found = [problem for each in told for problem in _of_integration(each, frozenset(nodes))]
    return tuple(found) or tuple(_twice(document))


def _of_integration(told: object, nodes: frozenset[str]) -> Iterator[Problem]:
    name = told.get("name") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(name, str) or not _NAME.fullmatch(name):
        yield Problem("name", "an integration is called by 1 to 40 letters a to z, digits and hyphens", at="name")
        return
    for each in sorted(set(told) - _INTEGRATION):
        yield Problem("unknown", "nobody reads this field", (name,), at=str(each)[:80])
    text, claims = told.get("description", ""), told.get("master_of", [])
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        yield Problem("field", f"a text of up to {MAX_TEXT} characters", (name,), at="description")
    if not isinstance(claims, list):
        yield Problem("field", "a list", (name,), at="master_of")
        return
    for each in claims:
        yield from _of_mastery(name, each, nodes)


def _of_mastery(name: str, told: object, nodes: frozenset[str]) -> Iterator[Problem]:
    if not isinstance(told, dict) or not isinstance(told.get("field"), str) or told["field"] not in FIELDS:
        yield Problem("field", f"a field is one of {', '.join(sorted(FIELDS))}", (name,), at="master_of")
        return
    for each in sorted(set(told) - _MASTERY):
        yield Problem("unknown", "nobody reads this field", (name,), at=str(each)[:80])
    if "nodes" not in told:
        return
    given = told["nodes"]
    if told["field"] not in AT_NODES:
        yield Problem("contradiction", "this field has one master wherever it is", (name,), at=told["field"])
    elif not isinstance(given, list) or not given or not all(isinstance(each, str) for each in given):
        yield Problem("field", "a list of nodes; without it, all that are not named elsewhere", (name,), at="nodes")
    else:
        for each in sorted(set(given) - nodes):
            yield Problem("no_node", "there is no such node", (name,), at=each[:80])


def _twice(document: Mapping[str, Any]) -> Iterator[Problem]:
    names = [each["name"] for each in document["integrations"]]
    for name in sorted({each for each in names if names.count(each) > 1}):
        yield Problem("name", "two integrations have one name", (name,))
    masters: dict[tuple[str, str], str] = {}
    for name, field, node in _claims(document):
        other = masters.setdefault((field, node), name)
        if other != name:
            yield Problem("contradiction", "a field has one master", (other, name), at=f"{field} {node}".strip())
