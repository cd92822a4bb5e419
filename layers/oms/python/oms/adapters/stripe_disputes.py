"""Answers to disputes at Stripe: https://docs.stripe.com/api/disputes/update and /close.

Evidence is submitted once (`submit=true`), and the dispute's metadata say which answer of ours it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.domain.order.dispute_evidence import sentences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.dispute_evidence import Evidence

ANSWER: Final = "oms_answer_id"
_MAX_TEXT: Final = 20_000
_MAX_PRODUCTS: Final = 3_000
"""Characters. Stripe takes 150,000 for all texts together."""


def evidence_params(told: Evidence) -> dict[str, str]:
    """The form of an update that submits; the first parcel has fields of its own."""
    products = "; ".join(f"{each.quantity} x {each.title or each.sku}" for each in told.lines)[:_MAX_PRODUCTS]
    fields = {"product_description": products, "uncategorized_text": "\n".join(sentences(told))[:_MAX_TEXT]}
    if told.parcels:
        first = told.parcels[0]
        fields |= {
            "shipping_carrier": first.carrier,
            "shipping_tracking_number": ", ".join(each.tracking_number for each in told.parcels)[:_MAX_PRODUCTS],
            "shipping_date": f"{first.shipped_at:%Y-%m-%d}",
        }
    if told.delivered_at:
        fields["service_date"] = f"{told.delivered_at:%Y-%m-%d}"
    return {f"evidence[{name}]": value for name, value in fields.items() if value} | {"submit": "true"}


def answered(document: Mapping[str, Any]) -> str:
    """The answer of ours that the dispute has; '' for none."""
    metadata = document.get("metadata")
    return str(metadata.get(ANSWER, "")) if isinstance(metadata, dict) else ""
