"""The demo's part of fraud: orders of the merchant's own site are scored, one is held, and its scorer lets it go on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import urllib3

from infra.local.connect import connect
from infra.local.sandbox.fraud import PATH, REVIEW_FROM, SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.system import System

POLICY: Final[dict[str, Any]] = {
    "version": 1,
    "rules": [{"id": "large", "fallback": True, "currency": "EUR", "total_from": 500_000}],
    "scorer": {"review_from": REVIEW_FROM, "channels": ["site"], "contact": ["email_domain"]},
}
PATIENCE_S: Final = 60.0


class ScoringError(Exception):
    """An order did not come to what its score leads to."""


def start_scoring(system: System) -> None:
    """Connect the sandbox's scorer, and have orders of the site scored."""
    from oms.adapters.dynamodb_reference import DynamoReference

    connect(system, "fraud", "main", SECRET, {"url": f"{system.sandbox_url}{PATH}"})
    reference = DynamoReference(system.client("dynamodb"), system.outputs["ReferenceTable"])
    reference.put("policy", "screening", POLICY)


def decide_later(system: System, order_id: str, say: Callable[[str, str], None]) -> None:
    """The scorer has looked at the order and tells so, once with another's signature and twice with its own."""
    hold = _held(system, order_id)
    if hold is None:
        say("fraud", "decided in an earlier run")
        return
    asked = {"order_id": order_id, "decision": "approve"}
    word = urllib3.request("POST", f"{system.sandbox_url}/_sandbox/fraud", json=asked).json()
    forged = {**word["headers"], "webhook-signature": "v1,bm90IGl0cyBzaWduYXR1cmU="}
    url = f"{system.api_url}/webhooks/fraud/main"
    answers = [
        urllib3.request("POST", url, body=word["body"], headers={"content-type": "application/json", **headers}).status
        for headers in (forged, word["headers"], word["headers"])
    ]
    if answers != [401, 200, 200]:
        raise ScoringError(f"the scorer's word was answered {answers}")
    say("fraud", f"{hold['reason']}: held, approved by the scorer; forged {answers[0]}, then {answers[1:]}")


def _held(system: System, order_id: str) -> dict[str, Any] | None:
    """The hold of its score; None when that has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        order = system.call("GET", f"/orders/{order_id}", role="admin").document
        for hold in order["holds"]:
            if hold["kind"] == "fraud":
                return dict(hold, reason=f"{order['number']}, {hold['reason']}") if hold["active"] else None
        time.sleep(0.3)
    raise ScoringError("the order was not held by its score")
