"""Disputes of the imitated PayPal account: developer.paypal.com/docs/api/customer-disputes/v1. Nothing of `oms`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from infra.local.sandbox.paypal_money import PayPalError

if TYPE_CHECKING:
    from infra.local.sandbox.record import Record

ROOT: Final = "/v1/customer/disputes/"
_PATH: Final = re.compile(rf"{ROOT}([A-Z0-9-]+)(?:/(provide-evidence|accept-claim))?")
_INPUT: Final = re.compile(rb'name="input".*?\r\n\r\n(.*?)\r\n--', re.DOTALL)


@dataclass(slots=True, kw_only=True)
class Dispute:
    """A dispute of a capture."""

    ref: str
    order: str
    capture: str
    money: dict[str, str]
    evidences: list[dict[str, Any]] = field(default_factory=list)
    outcome: str = ""


class Disputes:
    """All of the account. The caller holds the lock."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.of: dict[str, Dispute] = {}

    def begin(self, ref: str, order: str, capture: str, money: dict[str, str]) -> None:
        """A new one."""
        self.of[ref] = Dispute(ref=ref, order=order, capture=capture, money=money)

    def act(self, method: str, path: str, body: bytes, key: str, now: str) -> dict[str, Any]:
        """Show one, take evidence, or have it accepted; raises PayPalError."""
        match = _PATH.fullmatch(path)
        known = self.of.get(match[1]) if match else None
        if match is None or known is None:
            raise PayPalError(404, "INVALID_RESOURCE_ID")
        if method == "GET" and not match[2]:
            return self.document(known.ref, now)
        if method != "POST" or known.outcome:
            raise PayPalError(422, "ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE")
        if match[2] == "accept-claim":
            known.outcome = "RESOLVED_BUYER_FAVOUR"
            self._note("dispute_let_be", known, key)
            return {"links": []}
        given = _INPUT.search(body)
        if given is None:
            raise PayPalError(400, "MALFORMED_REQUEST")
        known.evidences += json.loads(given[1])["evidences"]
        self._note("dispute_evidence", known, key)
        return {"links": []}

    def document(self, ref: str, now: str) -> dict[str, Any]:
        """As PayPal shows it."""
        known = self.of[ref]
        waits = "UNDER_REVIEW" if known.evidences else "WAITING_FOR_SELLER_RESPONSE"
        return {
            "dispute_id": ref,
            "create_time": now,
            "update_time": now,
            "disputed_transactions": [{"seller_transaction_id": known.capture}],
            "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
            "status": "RESOLVED" if known.outcome else waits,
            "dispute_amount": known.money,
            "dispute_life_cycle_stage": "CHARGEBACK",
            "evidences": list(known.evidences),
            **({"dispute_outcome": {"outcome_code": known.outcome}} if known.outcome else {}),
        }

    def _note(self, kind: str, known: Dispute, key: str) -> None:
        facts = {"payment_intent": known.order, "charge": known.capture, "amount": 0, "refund": ""}
        currency = known.money["currency_code"].lower()
        self._record.effect(kind=kind, **facts, currency=currency, key=key, vendor="paypal")
