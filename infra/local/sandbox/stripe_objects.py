"""Stripe's objects as JSON: the fields of API version 2025-03-31.basil that an order system reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.local.sandbox.stripe_ledger import Refund

if TYPE_CHECKING:
    from infra.local.sandbox.stripe_ledger import Intent, Ledger

API_VERSION = "2025-03-31.basil"


def intent_document(intent: Intent) -> dict[str, Any]:
    """A payment intent."""
    return {
        "id": intent.ref,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.capturable,
        "amount_received": intent.received,
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": "manual" if intent.manual else "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "last_payment_error": intent.last_error,
        "latest_charge": intent.charge if intent.charged else None,
        "livemode": False,
        "metadata": dict(intent.metadata),
        "payment_method": intent.payment_method or None,
        "status": intent.status,
    }


def charge_document(ledger: Ledger, intent: Intent) -> dict[str, Any]:
    """The charge of an intent."""
    refunded = ledger.refunded(intent)
    captured = intent.charged and intent.status == "succeeded"
    return {
        "id": intent.charge,
        "object": "charge",
        "amount": intent.amount,
        "amount_captured": intent.received,
        "amount_refunded": refunded,
        "captured": captured,
        "created": intent.created,
        "currency": intent.currency,
        "disputed": False,
        "livemode": False,
        "metadata": dict(intent.metadata),
        "payment_intent": intent.ref,
        "payment_method": intent.payment_method,
        "payment_method_details": {"type": "card", "card": {"capture_before": intent.capture_before}},
        "refunded": captured and intent.received > 0 and refunded == intent.received,
        "status": "succeeded",
    }


def refund_document(refund: Refund) -> dict[str, Any]:
    """A refund."""
    document = {
        "id": refund.ref,
        "object": "refund",
        "amount": refund.amount,
        "charge": refund.intent.charge,
        "created": refund.created,
        "currency": refund.intent.currency,
        "metadata": dict(refund.metadata),
        "payment_intent": refund.intent.ref,
        "reason": refund.reason,
        "status": refund.status,
    }
    return document | ({"failure_reason": refund.failure_reason} if refund.failure_reason else {})


def event_document(ledger: Ledger, topic: str, subject: object, ref: str, created: int) -> dict[str, Any]:
    """An event about an intent, its charge, or a refund."""
    document: dict[str, Any]
    if isinstance(subject, dict):
        document = subject
    elif isinstance(subject, Refund):
        document = refund_document(subject)
    elif topic.startswith("charge."):
        document = charge_document(ledger, subject)  # type: ignore[arg-type]
    else:
        document = intent_document(subject)  # type: ignore[arg-type]
    return {
        "id": ref,
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": {"object": document},
        "livemode": False,
        "pending_webhooks": 1,
        "type": topic,
    }
