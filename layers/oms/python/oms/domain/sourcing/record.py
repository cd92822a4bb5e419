"""The decision record: all that a plan was decided from and why, as plain JSON that stands by itself.

    {"policy", "located_by", "candidates", "excluded", "terms", "extra_parcels", "proof", "outcome", "inputs", "digest"}

`inputs` are the request and the policy in full, `digest` the SHA-256 of their canonical JSON (sorted keys, no spaces).
The same inputs give the same `outcome`, bit for bit: `recompute` shows it.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from oms.domain.codec import from_plain, to_plain
from oms.domain.errors import RecordAlteredError, UnknownEventError, UnknownNodeError
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.policy import SourcingPolicy
from oms.domain.sourcing.request import SourcingPlan, SourcingRequest
from oms.domain.sourcing.terms import sites

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.sourcing.terms import Site


def record(request: SourcingRequest, policy: SourcingPolicy, plan: SourcingPlan) -> dict[str, Any]:
    """The record of `plan`, which `source` gave for this request and policy.

    Raises UnknownNodeError for a plan with nodes that the request does not have.
    """
    found, excluded, located_by = sites(request)
    used = {part.node_id for part in plan.units}
    if unknown := used - {site.node.node_id for site in found}:
        raise UnknownNodeError("a plan with nodes that may not be used", nodes=sorted(unknown))
    inputs = {"request": to_plain(request), "policy": to_plain(policy)}
    return {
        "policy": policy.label,
        "located_by": located_by,
        "candidates": [_candidate(request, plan, site) for site in found],
        "excluded": dict(sorted(excluded.items())),
        "terms": [to_plain(terms) for terms in plan.terms],
        "extra_parcels": request.extra_parcel * max(0, len(used) - 1),
        "proof": {**to_plain(plan.proof), "proved": plan.proof.proved},
        "outcome": outcome(plan),
        "inputs": inputs,
        "digest": digest(inputs),
    }


def outcome(plan: SourcingPlan) -> dict[str, Any]:
    """What was decided, as JSON values."""
    return {
        "units": [to_plain(part) for part in plan.units],
        "short": [to_plain(part) for part in plan.short],
        "promised_by": plan.promised_by.astimezone(UTC).isoformat(),
        "kept": plan.kept,
        "cost": plan.cost,
    }


def digest(inputs: Mapping[str, Any]) -> str:
    """SHA-256 of the inputs' canonical JSON, in hexadecimal."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def recompute(kept: Mapping[str, Any]) -> SourcingPlan:
    """The plan again, from the record alone.

    Raises RecordAlteredError when the inputs are not those that were recorded, or what they give is not the outcome.
    """
    try:
        inputs = kept["inputs"]
        if digest(inputs) != kept["digest"]:
            raise RecordAlteredError("the inputs are not those of the digest")
        request: SourcingRequest = from_plain(SourcingRequest, inputs["request"])
        policy: SourcingPolicy = from_plain(SourcingPolicy, inputs["policy"])
        plan = source(request, policy)
    except (KeyError, TypeError, ValueError, UnknownEventError) as error:
        raise RecordAlteredError("not a decision record") from error
    again = record(request, policy, plan)
    for name, value in again.items():
        if kept.get(name) != value:
            raise RecordAlteredError("the inputs do not give what was recorded", what=name)
    return plan


def _candidate(request: SourcingRequest, plan: SourcingPlan, site: Site) -> dict[str, Any]:
    located = {"located_by": site.node.located_by} if site.node.located_by else {}
    return {
        "node": site.node.node_id,
        **located,
        "km": round(site.km),
        "zone": site.zone.name,
        "arrives": site.arrives.isoformat(),
        "why_not": _why_not(request, plan, site),
    }


def _why_not(request: SourcingRequest, plan: SourcingPlan, site: Site) -> str:
    """Why a candidate gives nothing; empty when it does, or when another plan was better."""
    node = site.node
    if any(part.node_id == node.node_id for part in plan.units):
        return ""
    if request.promise is not None and site.arrives > (request.promise if plan.kept else plan.promised_by):
        return "arrives too late"
    having = [line for line in request.lines if line.able(node) > 0]
    if not having:
        return "has nothing of it"
    lacking = sorted({need for line in having for need in line.needs} - set(node.capabilities))
    if lacking and not any(set(line.needs) <= set(node.capabilities) for line in having):
        return "cannot handle " + ", ".join(lacking)
    return ""
