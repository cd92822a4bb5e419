"""A scorer of fraud that speaks our contract (docs/fraud.md): it checks signatures, and answers a key once.

Written after the specification of Standard Webhooks, with nothing of the code that signs. The score is the last two
digits of the order's total in minor units; from 65 on it wants to look at the order, and never declines at once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from typing import TYPE_CHECKING, Any, Final

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from infra.local.sandbox.core import Clock, Request

PATH: Final = "/fraud/checks"
SECRET: Final = "whsec_" + base64.b64encode(b"a scorer's secret of the sandbox").decode()
TOLERANCE_S: Final = 300
REVIEW_FROM: Final = 65


class FraudVendor:
    """`questions` by key: what was asked first, and what was answered; `asked` counts all that was understood."""

    name = "fraud"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.secret = SECRET
        self.questions: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        self.asked = 0
        self.conflicts: list[str] = []
        """Keys that came with another question than at first."""

    def handles(self, path: str) -> bool:
        """One path."""
        return path == PATH

    def answer(self, request: Request) -> Reply:
        """A score, the same for the same key."""
        headers = request.headers
        at = headers.get("webhook-timestamp", "")
        signed = self._signed(headers.get("webhook-id", ""), at, request.body)
        known = hmac.compare_digest(signed, headers.get("webhook-signature", ""))
        if request.method != "POST" or not known or abs(self._clock.now() - int(at)) > TOLERANCE_S:
            return Reply(status=401, document=self.problem(401))
        key, facts = headers.get("idempotency-key", ""), request.json()
        with self._lock:
            self.asked += 1
            if key not in self.questions:
                score = facts["total"] % 100
                told = {
                    "score": score,
                    "decision": "review" if score >= REVIEW_FROM else "approve",
                    "reference": f"chk_{len(self.questions) + 1}",
                    "model": "sandbox",
                }
                self.questions[key] = (facts, told)
            first, told = self.questions[key]
            if first != facts:
                self.conflicts.append(key)
                return Reply(status=409, document=self.problem(409))
            return Reply(status=200, document=told)

    def word(self, order_id: str, decision: str, event_id: str = "evt_1") -> tuple[dict[str, str], bytes]:
        """Headers and body of what it tells later of an order that it was asked about."""
        _, told = self.questions[f"fraud:{order_id}"]
        body = json.dumps({"order_id": order_id, "reference": told["reference"], "decision": decision}).encode()
        at = str(int(self._clock.now()))
        signature = self._signed(event_id, at, body)
        return {"webhook-id": event_id, "webhook-timestamp": at, "webhook-signature": signature}, body

    def problem(self, status: int) -> dict[str, Any]:
        """What it says when it does not answer."""
        return {"error": status}

    def _signed(self, message_id: str, at: str, body: bytes) -> str:
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        digest = hmac.new(key, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
        return f"v1,{base64.b64encode(digest).decode()}"
