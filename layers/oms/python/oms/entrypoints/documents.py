"""Orders as the staff API shows them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from oms.domain.codec import event_to_plain, to_plain
from oms.domain.order import accounts
from oms.domain.order.charging import chargeable
from oms.domain.order.ledger import Place
from oms.domain.order.stakes import free_of, free_to_refund
from oms.domain.order.status import fulfillment_status, order_status, payment_status, stage
from oms.domain.order.tenders import GIFT_CARD, captured_of, of_tender, refunded_of
from oms.entrypoints.return_documents import return_document

if TYPE_CHECKING:
    from oms.domain.commit import Commit
    from oms.domain.history import History
    from oms.domain.order.events import OrderScored
    from oms.domain.order.state import FulfillmentOrder, Hold, Line, Order
    from oms.domain.order.tenders import Tendered


def order_document(order: Order, version: int) -> dict[str, Any]:
    """The whole order, money in minor units, without personal data."""
    placed = order.placed
    return {
        "order_id": order.order_id,
        "version": version,
        "number": placed.number,
        "channel": placed.channel,
        "account": placed.account,
        "external_id": placed.external_id,
        "customer_id": placed.customer_id,
        "placed_at": placed.placed_at.isoformat(),
        "status": order_status(order).value,
        "stage": stage(order).value,
        "fulfillment_status": fulfillment_status(order).value,
        "payment_status": payment_status(order).value,
        "promised_by": order.promised_by.isoformat() if order.promised_by else None,
        "currency": placed.currency,
        "total": placed.total,
        "money": _money(order),
        **({"taxes": to_plain(placed.taxes)} if placed.taxes else {}),
        **({"countervalue": to_plain(placed.countervalue)} if placed.countervalue else {}),
        "ship_to": to_plain(placed.ship_to) if placed.ship_to else None,
        "lines": [
            {
                **to_plain(line.placed),
                "units": {place.value: line.ledger.at(place) for place in Place if line.ledger.at(place)},
                "refunded": line.refunded,
                "conflicted": line.conflicted,
                "expected_at": line.expected_at.isoformat() if line.expected_at and line.ledger.backordered else None,
                **_out(line),
            }
            for line in order.lines.values()
        ],
        **({"risk": _risk(order.scored)} if order.scored else {}),
        "holds": [_hold(hold) for hold in order.holds.values()],
        "fulfillment_orders": [fulfillment_document(order, known) for known in order.fulfillment_orders.values()],
        "parcels": [
            {**to_plain(parcel), "status": parcel.status.value, "units": to_plain(parcel.units)}
            for parcel in order.parcels.values()
        ],
        "returns": [return_document(order, known) for known in order.returns.values()],
    }


def _risk(scored: OrderScored) -> dict[str, Any]:
    return {**to_plain(scored), "by": scored.by.value}


def _hold(hold: Hold) -> dict[str, Any]:
    ends = hold.expires_at is not None
    return {
        **to_plain(hold),
        "active": hold.active,
        "expires_at": hold.expires_at.isoformat() if hold.expires_at else None,
        "on_expiry": hold.on_expiry.value if ends else None,
        "escalated": hold.escalated,
        "release_by": list(hold.release_by),
        "second_person": hold.second_person,
    }


def _money(order: Order) -> dict[str, Any]:
    payment = order.payment
    placed = order.placed
    return {
        "provider": placed.payment.provider,
        **_tenders(order),
        "tax_included": placed.tax_included,
        "shipping": placed.shipping,
        "shipping_tax": placed.shipping_tax,
        "fees": placed.fees,
        "tips": placed.tips,
        "duties": placed.duties,
        "gift_cards": placed.gift_cards,
        "chargeable": chargeable(order),
        "authorized": payment.authorized,
        "captured": payment.captured,
        "capturing": sum(payment.submitted.values()),
        "undone": sum(payment.undone.values()),
        "refunded": payment.refunded,
        "refundable": free_to_refund(order),
        "declined": payment.declined,
        "voided": payment.voided,
        "refunds": [
            {
                "refund_id": refund.refund_id,
                "amount": refund.amount,
                "status": refund.status.value,
                "reason": refund.reason,
                "origin": refund.origin,
                "reference": refund.refund_ref,
                **({"goodwill": refund.goodwill} if refund.goodwill else {}),
                **({"tender": refund.tender} if len(payment.tenders) > 1 else {}),
            }
            for refund in payment.refunds.values()
        ],
    }


def _tenders(order: Order) -> dict[str, Any]:
    """Of an order that is paid by several, or on invoice, how each of them stands; gift cards that were named."""
    payment, placed = order.payment, order.placed
    cards = [
        {"reference": each.reference, "amount": each.amount} for each in placed.tenders if each.provider == GIFT_CARD
    ]
    ends = [each.expires_at for each in payment.tenders if each.expires_at]
    shown = {"gift_cards_used": cards} if cards else {}
    if len(payment.tenders) == 1 and not placed.tenders:
        return {**shown, **({"authorized_until": ends[0].isoformat()} if ends else {})}
    return {**shown, "tenders": [_tender(order, each) for each in payment.tenders]}


def _tender(order: Order, tender: Tendered) -> dict[str, Any]:
    payment, number = order.payment, tender.number
    due = order.placed.placed_at + timedelta(days=tender.terms_days)
    return {
        "tender": number,
        "provider": tender.provider,
        "reference": tender.reference,
        "amount": tender.amount,
        "authorized": tender.authorized,
        "captured": captured_of(payment, number),
        "capturing": of_tender(payment.submitted, number),
        "undone": of_tender(payment.undone, number),
        "refunded": refunded_of(payment, number),
        "refundable": free_of(order, number),
        "declined": tender.declined,
        "voided": tender.voided,
        "lapsed": tender.lapsed,
        "authorized_until": tender.expires_at.isoformat() if tender.expires_at else None,
        "due_at": due.isoformat() if tender.on_invoice else None,
    }


def fulfillment_document(order: Order, known: FulfillmentOrder) -> dict[str, Any]:
    """A fulfillment order: what remains to be shipped of it, and for which date."""
    held = order.held_lines
    return {
        "fulfillment_order_id": known.fulfillment_order_id,
        "order_id": order.order_id,
        "number": order.placed.number,
        "node_id": known.node_id,
        "status": known.status.value,
        "promised_by": known.promised_by.isoformat(),
        **({"release_at": known.release_at.isoformat()} if known.release_at else {}),
        "lines": [
            {
                "line_id": line_id,
                "sku": order.lines[line_id].placed.sku,
                "title": order.lines[line_id].placed.title,
                "quantity": units,
                "on_hold": line_id in held,
                **_components(order.lines[line_id]),
                **_serialized(order.lines[line_id]),
            }
            for line_id, units in known.remaining.items()
        ],
    }


def _components(line: Line) -> dict[str, Any]:
    """Of a kit, what is to be picked for each unit of it."""
    return {"components": to_plain(line.placed.components)} if line.placed.components else {}


def _serialized(line: Line) -> dict[str, Any]:
    """What each unit has to be named of by its serial number when it ships."""
    return {"serialized": list(line.placed.serialized)} if line.placed.serialized else {}


def _out(line: Line) -> dict[str, Any]:
    """Units that the customer has, as far as they have serial numbers."""
    return {"serials": [{"sku": each.sku, "serial": each.number} for each in line.serials]} if line.serials else {}


def ledger_document(order: Order, history: History) -> dict[str, Any]:
    """Entries by commit, and what every account stands at. Amounts are minor units of the order's currency."""
    entries = accounts.entries(order.order_id, history.commits)
    return {
        "order_id": order.order_id,
        "currency": order.placed.currency,
        "entries": [
            {
                "commit": each.commit,
                "at": each.at.isoformat(),
                "account": each.account,
                "debit": max(0, each.amount),
                "credit": max(0, -each.amount),
            }
            for each in entries
        ],
        "balances": [
            {"account": account, "debit": max(0, amount), "credit": max(0, -amount)}
            for account, amount in sorted(accounts.summed(entries).items())
        ],
        "drift": accounts.drift(order),
    }


def timeline_document(history: History, facts: list[Any]) -> dict[str, Any]:
    """Every commit with its cause and events, and the scans that changed nothing."""
    return {"commits": [_commit(commit) for commit in history.commits], "facts": facts}


def _commit(commit: Commit) -> dict[str, Any]:
    return {
        "number": commit.number,
        "at": commit.at.isoformat(),
        "command_id": commit.command_id,
        "cause": to_plain(commit.cause),
        "events": [event_to_plain(event) for event in commit.events],
    }
