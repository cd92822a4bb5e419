"""What the merchant's other systems are told of returns. Part of `public_events`."""

from __future__ import annotations

from typing import Any, Final

from oms.domain.order import return_facts as ret

DETAIL_TYPES: Final = (
    "ReturnRequested.v1",
    "ReturnApproved.v1",
    "ReturnReceived.v1",
    "ReturnInspected.v1",
    "ReturnSettled.v1",
)


def shown(event: Any, about: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """(detail type, detail) of an event of a return; None of any other."""
    match event:
        case ret.ReturnRequested():
            lines = [
                {"line_id": each.line_id, "quantity": each.quantity, "reason": each.reason} for each in event.lines
            ]
            what = {"return_number": event.number, "resolution": event.resolution.value, "lines": lines}
            return "ReturnRequested.v1", {**about, "return_id": event.return_id, **what}
        case ret.ReturnApproved():
            until = event.expires_at.isoformat()
            return "ReturnApproved.v1", {**about, "return_id": event.return_id, "expires_at": until}
        case ret.ReturnReceived():
            return "ReturnReceived.v1", {**about, "return_id": event.return_id, "node_id": event.node_id}
        case ret.ReturnInspected():
            found = [_inspected(each) for each in event.lines]
            where = {"return_id": event.return_id, "node_id": event.node_id}
            return "ReturnInspected.v1", {**about, **where, "lines": found}
        case ret.ReturnSettled():
            return "ReturnSettled.v1", {**about, "return_id": event.return_id}
        case _:
            return None


def _inspected(each: ret.InspectedUnits) -> dict[str, Any]:
    told = {"line_id": each.line_id, "quantity": each.quantity, "condition": each.condition.value}
    return {**told, "disposition": each.disposition.value} if each.disposition else told
