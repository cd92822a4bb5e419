"""What a customer may see of an order: an allow-list, without any personal data."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Final

from oms.application.customers import normalize_email
from oms.domain.canonical import ContactKey
from oms.domain.errors import NotFoundError, RateLimitedError
from oms.domain.frozen import frozen
from oms.domain.money import format_minor
from oms.domain.order.ledger import Place
from oms.domain.order.state import RefundStatus
from oms.domain.order.status import Stage, stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.application.orders import Orders
    from oms.application.ports import Clock, Contacts, Views
    from oms.application.status_links import StatusLinks
    from oms.domain.order.state import Line, Order

PER_SENDER: Final = (20, 900)
"""Look-ups one address may make, and the seconds they count in."""
PER_NUMBER: Final = (10, 900)
"""Look-ups of one order number, from wherever they come."""
NOBODY: Final = "ord_none"
"""Stands for the order when there is none."""

WORDS: Final[Mapping[Stage, str]] = {
    Stage.PLACED: "received",
    Stage.AWAITING_PAYMENT: "awaiting_payment",
    Stage.ON_HOLD: "being_checked",
    Stage.BACKORDERED: "waiting_for_stock",
    Stage.PLANNED: "being_prepared",
    Stage.RELEASED: "being_packed",
    Stage.PARTIALLY_SHIPPED: "partly_shipped",
    Stage.SHIPPED: "on_its_way",
    Stage.DELIVERED: "delivered",
    Stage.CLOSED: "delivered",
    Stage.CANCELLED: "cancelled",
}


def customer_view(order: Order) -> dict[str, Any]:
    """The order as its customer sees it."""
    placed = order.placed
    return {
        "number": placed.number,
        "status": WORDS[stage(order)],
        "placed_at": placed.placed_at.isoformat(),
        "promised_by": order.promised_by.date().isoformat() if order.promised_by else None,
        "total": format_minor(placed.total, placed.currency),
        "currency": placed.currency,
        "lines": [
            {
                "title": line.placed.title or line.placed.sku,
                "quantity": line.placed.quantity,
                **{place.value: line.ledger.at(place) for place in Place if line.ledger.at(place)},
                **_expected(line),
            }
            for line in order.lines.values()
        ],
        "parcels": [
            {
                "carrier": parcel.carrier,
                "tracking_number": parcel.tracking_number,
                "status": parcel.status.value,
                "updated_at": parcel.status_at.isoformat() if parcel.status_at else None,
                "estimated_delivery_at": parcel.estimated_delivery_at.isoformat()
                if parcel.estimated_delivery_at
                else None,
            }
            for parcel in order.parcels.values()
        ],
        "refunds": [
            {
                "amount": format_minor(refund.amount, placed.currency),
                "status": "paid" if refund.status is RefundStatus.SUCCEEDED else "on_its_way",
            }
            for refund in order.payment.refunds.values()
            if refund.counts and refund.amount
        ],
    }


def _expected(line: Line) -> dict[str, str]:
    """The day on which what is backordered of it can be there, when anybody knows."""
    if line.expected_at is None or not line.ledger.backordered:
        return {}
    return {"expected_at": line.expected_at.date().isoformat()}


@frozen(kw_only=False)
class LookUpOrder:
    """Order number and e-mail, for guests. Unknown numbers and wrong addresses answer alike, after the same work."""

    orders: Orders
    views: Views
    contacts: Contacts
    links: StatusLinks
    now: Clock

    def __call__(self, number: str, email: str, sender: str) -> str:
        """A status token; raises NotFoundError when the two do not belong together, RateLimitedError."""
        now = self.now()
        bare = number.strip().removeprefix("#")
        for key, (most, window) in ((f"sender#{sender}", PER_SENDER), (f"number#{bare}", PER_NUMBER)):
            if self.views.hit(f"lookup#{key}", window, now) > most:
                raise RateLimitedError("too many look-ups; try again later", retry_after=window)
        wanted = normalize_email(email).encode("utf-8", "surrogatepass")
        match = ""
        # Some channels' numbers begin with '#', and not everybody types it.
        found = [where for each in (bare, f"#{bare}") for where in self.views.contacts_of(each)]
        # Always one contact read at least: how long the answer takes must not tell whether the number exists.
        for where in found or [ContactKey(customer_id="", placed_at=now, order_id=NOBODY)]:
            contact = self.contacts.get(where)
            known = normalize_email(contact.email if contact else "").encode("utf-8", "surrogatepass")
            if hmac.compare_digest(known, wanted) and known:
                match = match or where.order_id
        token = self.links.sign(match or NOBODY, now)
        if not match:
            raise NotFoundError("no order with this number and e-mail address")
        return token
