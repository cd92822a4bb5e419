"""Disputes of the imitated Adyen account: docs.adyen.com/api-explorer/Disputes/30. Nothing of `oms` is imported.

A dispute is defended with a document that was supplied before, once; one that was let be is not defended.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.sandbox.record import Record

SERVICE: Final = "/ca/services/DisputeService/v30/"
_TAKES: Final = frozenset({"CHARGEBACK", "SECOND_CHARGEBACK"})
_GIVES: Final = frozenset({"CHARGEBACK_REVERSED"})


@dataclass(slots=True, kw_only=True)
class Dispute:
    """A dispute of a payment."""

    ref: str
    payment: str
    amount: int
    currency: str
    documents: dict[str, bytes] = field(default_factory=dict)
    answer: str = ""


class Disputes:
    """All of the account. The caller holds the lock."""

    def __init__(self, merchant: str, record: Record) -> None:
        self._merchant = merchant
        self._record = record
        self.of: dict[str, Dispute] = {}

    def begin(self, ref: str, payment: str, amount: int, currency: str) -> str:
        """A new one, and the money is taken."""
        self.of[ref] = Dispute(ref=ref, payment=payment, amount=amount, currency=currency)
        self.decide(ref, "CHARGEBACK")
        return ref

    def decide(self, ref: str, code: str) -> None:
        """What a code moves."""
        if code in _TAKES | _GIVES:
            self._note("dispute" if code in _TAKES else "dispute_back", self.of[ref], "", self.of[ref].amount)

    def act(self, path: str, body: Mapping[str, Any], key: str) -> Reply:
        """Supply a document, defend, or accept."""
        known = self.of.get(str(body.get("disputePspReference")))
        if known is None or body.get("merchantAccountCode") != self._merchant:
            return _said(success=False)
        match path.removeprefix(SERVICE):
            case "supplyDefenseDocument":
                try:
                    papers = {
                        str(each["defenseDocumentTypeCode"]): base64.b64decode(each["content"], validate=True)
                        for each in body["defenseDocuments"]
                    }
                except (KeyError, TypeError, binascii.Error):
                    return _said(success=False)
                known.documents |= papers
                return _said(success=all(paper.startswith(b"%PDF") for paper in papers.values()))
            case "defendDispute":
                if known.answer or not known.documents or not body.get("defenseReasonCode"):
                    return _said(success=False)
                known.answer = "defended"
                self._note("dispute_evidence", known, key)
            case "acceptDispute":
                if known.answer:
                    return _said(success=False)
                known.answer = "accepted"
                self._note("dispute_let_be", known, key)
            case _:
                return Reply(status=404, document={})
        return _said(success=True)

    def _note(self, kind: str, known: Dispute, key: str, amount: int = 0) -> None:
        facts = {"payment_intent": known.payment, "charge": known.ref, "amount": amount, "refund": ""}
        self._record.effect(kind=kind, **facts, currency=known.currency.lower(), key=key, vendor="adyen")


def _said(*, success: bool) -> Reply:
    return Reply(document={"disputeServiceResult": {"success": success}})
