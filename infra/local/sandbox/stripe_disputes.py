"""Disputes of the imitated Stripe account: docs.stripe.com/api/disputes. Nothing of `oms` is imported.

Evidence is taken once it is submitted, and never again; a dispute that is closed is lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.stripe_error import invalid, missing, wrong_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.sandbox.record import Record
    from infra.local.sandbox.stripe_ledger import Intent

_PATH = re.compile(r"/v1/disputes/([A-Za-z0-9_]+)(/close)?")
_WAITS = frozenset({"needs_response", "warning_needs_response"})
_DECIDED = frozenset({"won", "lost", "warning_closed"})
_ANSWER_WITHIN = 9 * 86_400
FEE = 1500


@dataclass(slots=True, kw_only=True)
class Dispute:
    """A dispute of an intent's charge."""

    ref: str
    intent: Intent
    amount: int
    status: str
    due_by: int
    created: int
    moved: list[dict[str, Any]] = field(default_factory=list)
    evidence: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    submissions: int = 0


class Disputes:
    """All of the account. The caller holds the lock."""

    def __init__(self, now: Callable[[], float], record: Record, emit: Callable[[str, object], None]) -> None:
        self._now = now
        self._record = record
        self._emit = emit
        self.of: dict[str, Dispute] = {}

    def begin(self, intent: Intent, amount: int, status: str) -> str:
        """A new one."""
        now = int(self._now())
        ref = f"dp_{intent.ref.removeprefix('pi_')}{len(self.of) + 1}"
        made = Dispute(ref=ref, intent=intent, amount=amount, status=status, due_by=now + _ANSWER_WITHIN, created=now)
        self.of[ref] = made
        self._tell("created", made)
        if not status.startswith("warning"):
            self._move(made, -amount, FEE)
            self._tell("funds_withdrawn", made)
        return ref

    def decide(self, ref: str, outcome: str) -> None:
        """The bank's word."""
        known = self.of[ref]
        known.status = outcome
        if outcome == "won":
            self._move(known, known.amount, 0)
            self._tell("funds_reinstated", known)
        self._tell("closed", known)

    def act(self, method: str, path: str, form: Mapping[str, str], key: str) -> dict[str, Any]:
        """Show one, take evidence, or close it; raises StripeError."""
        match = _PATH.fullmatch(path)
        known = self.of.get(match[1]) if match else None
        if match is None or known is None:
            raise missing("dispute", path)
        if method == "GET" and not match[2]:
            return self.document(known)
        if method != "POST":
            raise missing("route", f"{method} {path}")
        if known.status in _DECIDED:
            raise wrong_state("This dispute is already closed")
        if match[2]:
            known.status = "lost"
            self._note("dispute_let_be", known, key)
            self._tell("closed", known)
            return self.document(known)
        if known.submissions:
            raise invalid("Evidence was submitted for this dispute", "evidence")
        known.evidence |= {name[9:-1]: value for name, value in form.items() if name.startswith("evidence[")}
        known.metadata |= {name[9:-1]: value for name, value in form.items() if name.startswith("metadata[")}
        if form.get("submit") == "true":
            known.submissions += 1
            known.status = "warning_under_review" if known.status.startswith("warning") else "under_review"
            self._note("dispute_evidence", known, key)
        self._tell("updated", known)
        return self.document(known)

    def document(self, known: Dispute) -> dict[str, Any]:
        """As Stripe shows it."""
        return {
            "id": known.ref,
            "object": "dispute",
            "amount": known.amount,
            "balance_transactions": [dict(each) for each in known.moved],
            "charge": known.intent.charge,
            "created": known.created,
            "currency": known.intent.currency,
            "evidence": dict(known.evidence),
            "evidence_details": {
                "due_by": known.due_by,
                "has_evidence": bool(known.evidence),
                "past_due": False,
                "submission_count": known.submissions,
            },
            "is_charge_refundable": known.status.startswith("warning"),
            "livemode": False,
            "metadata": dict(known.metadata),
            "payment_intent": known.intent.ref,
            "reason": "product_not_received",
            "status": known.status,
        }

    def _move(self, known: Dispute, amount: int, fee: int) -> None:
        ref = f"txn_{known.ref}_{len(known.moved) + 1}"
        moved = {"id": ref, "object": "balance_transaction", "amount": amount, "currency": known.intent.currency}
        known.moved.append({**moved, "fee": fee, "net": amount - fee, "source": known.ref, "type": "adjustment"})
        self._note("dispute" if amount < 0 else "dispute_back", known, "", abs(amount))

    def _note(self, kind: str, known: Dispute, key: str, amount: int = 0) -> None:
        about = {"payment_intent": known.intent.ref, "charge": known.intent.charge, "refund": known.ref}
        self._record.effect(kind=kind, **about, amount=amount, currency=known.intent.currency, key=key)

    def _tell(self, what: str, known: Dispute) -> None:
        self._emit(f"charge.dispute.{what}", self.document(known))
