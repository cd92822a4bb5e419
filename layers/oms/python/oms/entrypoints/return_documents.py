"""Returns as they are shown: to staff with all that is known, to customers with what is theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.domain.codec import to_plain
from oms.domain.money import format_minor
from oms.domain.order.return_facts import LabelBy
from oms.domain.order.return_state import refunds_of

if TYPE_CHECKING:
    from oms.domain.order.return_state import Return
    from oms.domain.order.state import Order


def return_document(order: Order, known: Return) -> dict[str, Any]:
    """For staff. Money in minor units of the order's currency."""
    return {
        "return_id": known.return_id,
        "return_number": known.number,
        "order_id": order.order_id,
        "order_number": order.placed.number,
        "status": known.status.value,
        "approved": known.approved,
        "origin": known.origin,
        "resolution": known.resolution.value,
        "expires_at": known.expires_at.isoformat() if known.expires_at else None,
        "carrier": known.carrier,
        "tracking_number": known.tracking_number,
        "node_id": known.node_id,
        "policy": {**to_plain(known.terms), "refund_at": known.terms.refund_at.value, "label": known.terms.label.value},
        "lines": [
            {
                **to_plain(line),
                "sku": order.lines[line.line_id].placed.sku,
                "title": order.lines[line.line_id].placed.title,
                "serialized": list(order.lines[line.line_id].placed.serialized),
            }
            for line in known.lines.values()
        ],
        "wanted": to_plain(known.wanted),
        "replacement": _replacement(known),
        "currency": order.placed.currency,
        "fees": known.fees,
        "withheld": known.withheld,
        "refunds": [
            {"refund_id": each.refund_id, "amount": each.amount, "status": each.status.value}
            for each in refunds_of(order, known)
        ],
    }


def _replacement(known: Return) -> dict[str, Any] | None:
    """The order that it pays for, and how much of it."""
    if known.exchange is None:
        return None
    return {
        "order_id": known.exchange.order_id,
        "amount": known.exchange.amount,
        "placed": known.exchange.placed,
    }


def customer_return(order: Order, known: Return) -> dict[str, Any]:
    """For the customer: what to send, by when, and what comes of it. `qr` is the text of the QR code on the parcel."""
    refunds = refunds_of(order, known)
    return {
        "return_id": known.return_id,
        "number": known.number,
        "status": known.status.value,
        "resolution": known.resolution.value,
        "send_by": known.expires_at.date().isoformat() if known.expires_at else None,
        "label": known.terms.label.value,
        "carrier": known.carrier,
        "tracking_number": known.tracking_number,
        "qr": known.return_id,
        "label_coming": known.terms.label is LabelBy.MERCHANT and not known.tracking_number and known.open,
        "lines": [
            {
                "line_id": line.line_id,
                "title": order.lines[line.line_id].placed.title or order.lines[line.line_id].placed.sku,
                "quantity": line.quantity,
                "reason": line.reason,
            }
            for line in known.lines.values()
        ],
        "refunded": format_minor(sum(each.amount for each in refunds if each.counts), order.placed.currency),
        "currency": order.placed.currency,
    }
