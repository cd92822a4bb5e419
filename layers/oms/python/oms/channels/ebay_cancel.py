"""Cancellations of eBay's orders by the seller, of whole orders alone.

https://developer.ebay.com/Devzone/post-order/post-order_v2_cancellation__post.html up to 30 days after the sale, with a
reason of https://developer.ebay.com/Devzone/post-order/types/CancelReasonEnum.html by which eBay judges the seller: the
account says which. A buyer who paid is refunded by it
(https://developer.ebay.com/Devzone/post-order/types/CreateCancelRequest.html). A buyer's own request is not answered by
this call, but approved: a person does that.

It has no key. The order shows a seller's cancellation, finished or under way; one that does not show it yet is refused
a second time (`CANCELLATION_EXIST` of .../types/EligibilityFailureReasonEnum.html). For sellers of the EU and the
United Kingdom the call has to be signed, which is not done here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.channels.outward import Call, Done, part, refuse, rows
from oms.channels.parcels_out import taken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.channels.outward import Reply
    from oms.domain.channel_message import Message

REASON: Final = "cancellation_reason"
_CANCELLED, _UNDER_WAY = "CANCELED", "IN_PROGRESS"
_PAID: Final = frozenset({"PAID", "PARTIALLY_REFUNDED"})
_SELLER: Final = "SELLER"


def is_cancelled(order: Mapping[str, Any]) -> bool:
    """It is, or by its seller is about to be."""
    status = part(order, "cancelStatus")
    state = status.get("cancelState")
    return state == _CANCELLED or (state == _UNDER_WAY and _by_seller(status) is not None)


def _by_seller(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for each in rows(status, "cancelRequests"):
        if str(each.get("cancelInitiator") or "").upper() == _SELLER and each.get("cancelRequestState") != "REJECTED":
            return each
    return None


def tell_cancellation(message: Message, order: Mapping[str, Any], reason: str) -> Call | Done:
    """The cancellation, unless the order shows it."""
    status = part(order, "cancelStatus")
    if is_cancelled(order):
        request = _by_seller(status) or {}
        return Done(ref=str(request.get("cancelRequestId") or message.external_id), already=True)
    if status.get("cancelState") == _UNDER_WAY:
        raise refuse("the buyer asked for the cancellation, which is approved in the channel")
    paid = order.get("orderPaymentStatus") in _PAID
    payments = rows(part(order, "paymentSummary"), "payments")
    dates = [str(each["paymentDate"]) for each in payments if each.get("paymentDate")]
    body = {
        "legacyOrderId": str(order.get("legacyOrderId") or message.external_id),
        "cancelReason": reason,
        "buyerPaid": paid,
        **({"buyerPaidDate": {"value": min(dates)}} if paid and dates else {}),
    }
    markets = [str(each.get("purchaseMarketplaceId") or "") for each in rows(order, "lineItems")]
    headers = {"x-ebay-c-marketplace-id": next((each for each in markets if each), "EBAY_US")}
    return Call(name="told", method="POST", path="/post-order/v2/cancellation", body=body, headers=headers)


def made(reply: Reply) -> Done:
    """Without an id it was not eligible, and is refused for the first reason."""
    done = taken(reply, lambda document: document.get("cancelId"))
    if not done.ref:
        reasons = part(reply.document, "orderEligibilityResult").get("failureReason")
        why = str(reasons[0])[:60] if isinstance(reasons, list) and reasons else ""
        raise refuse("the channel does not cancel the order", reply, vendor_code=why)
    return done
