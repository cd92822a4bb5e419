"""TikTok Shop, told of parcels that the seller ships itself, of cancellations, and of stock levels.

- https://partner.tiktokshop.com/docv2/page/mark-package-as-shipped-202309 (a package of some line items; in the US, the
  UK, ES, IE, IT, DE, FR and JP alone) and https://partner.tiktokshop.com/docv2/page/ship-package-202309 (elsewhere: a
  package that TikTok made of the order, `self_shipment`)
- https://partner.tiktokshop.com/docv2/page/get-shipping-providers-202309 (carriers by ids that are the shop's own)
- https://partner.tiktokshop.com/docv2/page/cancel-order-202309 (of some line items in the US and the UK alone),
  https://partner.tiktokshop.com/docv2/page/cancel-reasons (which of them an order may have is a matter of market and
  status: the account says it) and https://partner.tiktokshop.com/docv2/page/search-cancellations-202309
- https://partner.tiktokshop.com/docv2/page/rate-limits (by load, no number is promised: the limit here is ours)

A line item is one unit. None of the calls takes a key: the order shows which of its items has which tracking number,
the list of cancellations which of them are cancelled. Of an order that goes by TikTok's own label (`shipping_type`
TIKTOK) TikTok knows the parcel by itself; another than that is for a person to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.channels.carriers_out import known_as
from oms.channels.outward import Again, Call, Done, Later, found, part, refuse, rows
from oms.channels.parcels_out import same
from oms.channels.tiktok_shop_levels import asks_levels, data_of, most, read_levels, tell_levels
from oms.domain.channel_dues import Kind
from oms.domain.gate import Limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.outward import Reply
    from oms.domain.channel_message import Message

__all__ = ["again", "asks", "asks_levels", "limit", "most", "read", "read_levels", "tell", "tell_levels"]

limit = Limit(interval_ms=200, burst=10)

_ORDER: Final = "order"
_CANCELLATIONS: Final = "cancellations"
_CANCEL_PATH: Final = "/return_refund/202309/cancellations"
_PAGE: Final = 50
_REASON: Final = "cancellation_reason"
_MARKETS: Final = frozenset({"US", "GB", "UK", "ES", "IE", "IT", "DE", "FR", "JP"})
"""Where a seller makes its packages itself, by the recipient's country: shops sell within theirs."""
_THEIRS: Final = "TIKTOK"
_REFUSED: Final = frozenset({"CANCELLATION_REQUEST_CANCEL", "CANCELLATION_REQUEST_CANCELLED"})
_WAITS: Final = "CANCELLATION_REQUEST_PENDING"
_BUYERS: Final = "BUYER_CANCEL"


def again(message: Message) -> Again:  # noqa: ARG001 - of all the same
    """What the order and its cancellations show is not told again."""
    return Again.QUERY


def asks(message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:
    """The order, or its cancellations."""
    if message.kind is Kind.CANCELLATION:
        if not settings.get(_REASON):
            raise refuse("the account does not say which reason a cancellation has")
        body = {"order_ids": [message.external_id]}
        query = {"page_size": str(_PAGE)}
        return [Call(name=_CANCELLATIONS, method="POST", path=f"{_CANCEL_PATH}/search", query=query, body=body)]
    if not message.tracking_number:
        raise refuse("a fulfillment here has a tracking number")
    return [Call(name=_ORDER, method="GET", path="/order/202309/orders", query={"ids": message.external_id})]


def tell(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done:
    """One package, or the cancellation of the line items that are not cancelled there yet."""
    if message.kind is Kind.CANCELLATION:
        return _cancel(message, str(settings[_REASON]), _data(answers, _CANCELLATIONS))
    order = next(
        (each for each in rows(_data(answers, _ORDER), "orders") if str(each.get("id")) == message.external_id), None
    )
    if order is None:
        raise refuse("the channel does not know what is spoken of", asked=_ORDER)
    items = rows(order, "line_items")
    for each in items:
        if same(str(each.get("tracking_number") or ""), message.tracking_number):
            return Done(ref=str(each.get("package_id") or ""), already=True)
    if order.get("shipping_type") == _THEIRS:
        raise refuse("the channel ships this order by a label of its own")
    provider = known_as(message.carrier, settings)
    if not provider:
        raise refuse("the account does not say which provider the carrier is there", vendor_field="carriers")
    parcel = {"shipping_provider_id": provider, "tracking_number": message.tracking_number}
    units = [each.line_id for each in message.lines]
    if part(order, "recipient_address").get("region_code") in _MARKETS:
        path = f"/fulfillment/202309/orders/{message.external_id}/packages"
        return Call(name="told", method="POST", path=path, body={"order_line_item_ids": units, **parcel})
    path = f"/fulfillment/202309/packages/{_package(items, set(units))}/ship"
    return Call(name="told", method="POST", path=path, body={"self_shipment": parcel})


def _package(items: Sequence[Mapping[str, Any]], units: set[str]) -> str:
    """The package that has just these line items; raises where there is none."""
    packages: dict[str, set[str]] = {}
    for each in items:
        packages.setdefault(str(each.get("package_id") or ""), set()).add(str(each.get("id")))
    package = next((name for name, inside in packages.items() if name and inside == units), "")
    if not package:
        raise refuse("the channel has no package of these units", units=len(units))
    return package


def _cancel(message: Message, reason: str, data: Mapping[str, Any]) -> Call | Done:
    """Of all that is cancelled here what is not cancelled there; a buyer's wish that nobody granted is no more."""
    known = rows(data, "cancellations")
    if len(known) >= _PAGE:
        raise refuse("the order has too many cancellations to tell them apart", units=len(known))
    gone = {
        str(item.get("order_line_item_id")): str(each.get("cancel_id") or "")
        for each in known
        if each.get("cancel_status") not in _REFUSED
        and not (each.get("cancel_type") == _BUYERS and each.get("cancel_status") == _WAITS)
        for item in rows(each, "cancel_line_items")
    }
    left = [line_id for line_id, _ in message.cancelled if line_id not in gone]
    if not left:
        return Done(ref=next(iter(gone.values()), ""), already=True)
    body: dict[str, Any] = {"order_id": message.external_id, "cancel_reason": reason}
    if gone or not message.whole:
        body["order_line_item_ids"] = left
    return Call(name="told", method="POST", path=_CANCEL_PATH, body=body)


def read(message: Message, reply: Reply) -> Done | Later:  # noqa: ARG001 - every answer says the same
    """The package or the cancellation, by their ids; an answer of 200 refuses by its code."""
    data = data_of(reply)
    return Done(ref=str(data.get("package_id") or data.get("cancel_id") or ""))


def _data(answers: Mapping[str, Reply], name: str) -> Mapping[str, Any]:
    found(answers, name)
    return data_of(answers[name])
