"""A decision record told to people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOCATED: Final = {
    "channel": "the coordinates that the channel gave",
    "postal_code": "the middle of the postal code",
    "city": "the middle of the city",
    "postal_area": "the middle of the postal codes that begin alike",
    "country": "the middle of the country",
    "unknown": "nothing: the place is not known",
}


def explain(kept: Mapping[str, Any]) -> str:
    """The record as text. Amounts are minor units of the order's currency."""
    outcome = kept["outcome"]
    lines = [
        f"Policy {kept['policy']}; distances from {_LOCATED.get(kept['located_by'], kept['located_by'])}.",
        *_parcels(kept),
        *[f"Waits: {part['quantity']} of line {part['line_id']}." for part in outcome["short"]],
        *_promise(kept),
        _proof(kept["proof"]),
        *_others(kept),
        f"Digest of the inputs: {kept['digest']}",
    ]
    return "\n".join(lines) + "\n"


def _parcels(kept: Mapping[str, Any]) -> list[str]:
    outcome = kept["outcome"]
    if not outcome["units"]:
        return ["Nothing can be shipped now."]
    seen = {each["node"]: each for each in kept["candidates"]}
    told = []
    for terms in kept["terms"]:
        node = terms["node_id"]
        place = seen[node]
        parts = [part for part in outcome["units"] if part["node_id"] == node]
        units = ", ".join(f"{part['quantity']} × {part['sku']} (line {part['line_id']})" for part in parts)
        where = f"{node}{_node_located(place)}, {place['km']} km, zone {place['zone']}"
        told.append(f"From {where}, there {place['arrives']}: {units}.")
        cost = sum(terms[name] for name in ("freight", "handling", "duty", "stock"))
        told.append(
            f"  costs {cost}: freight {terms['freight']}, handling {terms['handling']}, duty {terms['duty']}, "
            f"stock {terms['stock']}"
        )
    if kept["extra_parcels"]:
        told.append(f"Extra parcels cost {kept['extra_parcels']}.")
    return [*told, f"Cost of the plan: {outcome['cost']}."]


def _node_located(place: Mapping[str, Any]) -> str:
    """Of a node whose coordinates were not given, what they were found by."""
    by = place.get("located_by")
    return f" (at {_LOCATED.get(by, by)})" if by else ""


def _promise(kept: Mapping[str, Any]) -> list[str]:
    outcome = kept["outcome"]
    promised = kept["inputs"]["request"].get("promise")
    if not outcome["units"]:
        return []
    if promised is None:
        return [f"All of it is there {outcome['promised_by']}."]
    if outcome["kept"]:
        return [f"All of it is there {outcome['promised_by']}; the promise was {promised}."]
    return [f"The promise, {promised}, cannot be kept; the earliest is {outcome['promised_by']}."]


def _proof(proof: Mapping[str, Any]) -> str:
    if proof["proved"]:
        return f"No plan is better: proved, {proof['effort']} subproblems."
    gap = proof["objective"] - proof["bound"]
    return f"Best found in {proof['effort']} subproblems; a better plan can be better by {gap} of {proof['objective']}."


def _others(kept: Mapping[str, Any]) -> list[str]:
    used = {terms["node_id"] for terms in kept["terms"]}
    told = [
        f"Not {each['node']}{_node_located(each)}, {each['km']} km: {each['why_not'] or 'another plan is better'}."
        for each in kept["candidates"]
        if each["node"] not in used
    ]
    return told + [f"Not {node}: {why}." for node, why in kept["excluded"].items()]
