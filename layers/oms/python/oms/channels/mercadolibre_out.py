"""Mercado Libre, told of parcels that the seller ships itself, and of stock.

- https://developers.mercadolibre.com.ar/estados-de-ordenes-me1 (mode me1: `seller_notifications` of version 2, since
  the first ended on 31 October 2026; a `service_id` for each site, `substatus` null, number and URL of the tracking
  together or neither; the shipment by its order)
- https://developers.mercadolibre.com.ar/envios-personalizados (mode custom: the shipment itself is changed, with the id
  of its receiver; of mode not_specified there is no shipment)
- https://developers.mercadolibre.com.ar/producto-sincroniza-modifica-publicaciones (`available_quantity`; 0 pauses a
  listing, more brings it back; 409 for a listing that is just being changed, to be tried in a few seconds) and
  https://developers.mercadolibre.com.ar/en_us/design-considerations-global-selling (20 listings in one answer)
- https://developers.mercadolibre.com.ar/variaciones (variations are changed by naming all that are to be kept: one that
  came meanwhile would be gone, so that listings with variations are not told here)
- https://developers.mercadolibre.com.mx/en_us/multi-origin-stock-management-user-products (sellers of several origins
  cannot be told by listing)
- https://developers.mercadolibre.com.ar/en_us/rate-limit-429-error (no number is promised: the limit here is ours)

Shipments of mode me2 go by labels of Mercado Libre, which follows them and keeps the stock of its own warehouses: it
knows of both by itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from oms.channels.carriers_out import known_as
from oms.channels.outward import Again, Call, Done, Later, found, part, refuse, rows
from oms.channels.parcels_out import same, taken
from oms.domain.channel_dues import Kind
from oms.domain.gate import Limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.outward import Level, Reply
    from oms.domain.channel_message import Message

limit = Limit(interval_ms=200, burst=10)
most = 20

_SHIPMENT: Final = "shipment"
_ITEMS: Final = "items"
_SERVICES: Final = {
    "MLB": 11,
    "MLA": 154,
    "MLM": 231876,
    "MLC": 282578,
    "MCO": 282579,
    "MLU": 282604,
    "MPE": 361180,
}
"""What stands for me1, by site."""
_GONE: Final = frozenset({"shipped", "delivered", "not_delivered", "cancelled"})
_THEIRS: Final = frozenset({"me2", "fulfillment"})
_CONFLICT: Final = 409
_CONFLICT_S: Final = 5.0
_FOUND: Final = 200


def again(message: Message) -> Again:  # noqa: ARG001 - of all the same
    """The shipment shows what it was told."""
    return Again.QUERY


def asks(message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:  # noqa: ARG001 - others need them
    """The order's shipment."""
    if message.kind is not Kind.FULFILLMENT or not message.tracking_number:
        raise refuse("a fulfillment here has a tracking number")
    return [Call(name=_SHIPMENT, method="GET", path=f"/orders/{message.external_id}/shipments")]


def tell(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done:
    """The shipment as shipped; raises for a second parcel, of which a shipment here has no place."""
    shipment = found(answers, _SHIPMENT)
    shipment_id, mode = str(shipment.get("id") or ""), shipment.get("mode")
    if mode in _THEIRS:
        return Done(ref=shipment_id, already=True)
    if same(str(shipment.get("tracking_number") or ""), message.tracking_number):
        return Done(ref=shipment_id, already=True)
    if shipment.get("status") in _GONE:
        raise refuse("the shipment is on its way there, by another tracking number or none")
    if not shipment_id:
        raise refuse("the order has no shipment there")
    if mode == "me1":
        body = _notification(message, str(shipment.get("site_id")), settings)
        return Call(name="told", method="POST", path=f"/v2/shipments/{shipment_id}/seller_notifications", body=body)
    receiver = shipment.get("receiver_id") or part(shipment, "destination").get("receiver_id")
    if mode != "custom" or not isinstance(receiver, int):
        raise refuse("the channel cannot be told of shipments of this mode")
    body = {"status": "shipped", "tracking_number": message.tracking_number, "receiver_id": receiver}
    return Call(name="told", method="PUT", path=f"/shipments/{shipment_id}", body=body)


def _notification(message: Message, site: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Shipped; with its tracking where the account says at which URL one of this carrier is followed."""
    if site not in _SERVICES:
        raise refuse("the channel has no service of this kind at the order's site")
    payload = {"service_id": _SERVICES[site], "comment": message.carrier, "date": message.shipped_at}
    url = known_as(message.carrier, {"carriers": settings.get("tracking_urls")})
    if "{number}" not in url:
        raise refuse("the account does not say where this carrier's parcels are followed", vendor_field="tracking_urls")
    tracking = {
        "tracking_number": message.tracking_number,
        "tracking_url": url.replace("{number}", quote(message.tracking_number, safe="")),
    }
    return {"payload": payload, **tracking, "status": "shipped", "substatus": None}


def read(message: Message, reply: Reply) -> Done | Later:
    """Taken; it is called by its number."""
    return taken(reply, lambda _: message.tracking_number)


# ---------------------------------------------------------------- stock


def asks_levels(levels: Sequence[Level], settings: Mapping[str, Any]) -> Sequence[Call]:
    """The listings that the account has for these SKUs."""
    listings = _listings(levels, settings)
    if not listings:
        return []
    query = {"ids": ",".join(sorted(set(listings.values()))), "attributes": "id,shipping,variations"}
    return [Call(name=_ITEMS, method="GET", path="/items", query=query)]


def tell_levels(
    levels: Sequence[Level],
    settings: Mapping[str, Any],
    answers: Mapping[str, Reply],
    key: str,  # noqa: ARG001 - a level set twice is set
) -> Sequence[Call]:
    """A call for each listing; those in Mercado Libre's own warehouses are left out."""
    listings = _listings(levels, settings)
    if not listings:
        return []
    items = {str(part(each, "body").get("id")): each for each in rows(found(answers, _ITEMS), "items")}
    calls = []
    for each in levels:
        item_id = listings.get(each.sku)
        if item_id is None:
            continue
        if items.get(item_id, {}).get("code") != _FOUND:
            raise refuse("the channel does not have a listing of the account's", vendor_field="listings")
        item = part(items[item_id], "body")
        if part(item, "shipping").get("logistic_type") == "fulfillment":
            continue
        if rows(item, "variations"):
            raise refuse("a listing with variations cannot be told its stock", vendor_field="listings")
        body = {"available_quantity": each.units}
        calls.append(Call(name=item_id, method="PUT", path=f"/items/{item_id}", body=body))
    return calls


def read_levels(reply: Reply) -> Later | None:
    """The listing; of one that is just being changed, to come again."""
    if reply.status == _CONFLICT:
        return Later(wait_s=_CONFLICT_S, alone=True)
    taken(reply, lambda document: document.get("id"))
    return None


def _listings(levels: Sequence[Level], settings: Mapping[str, Any]) -> dict[str, str]:
    """Listings by SKU, as the account has them; raises for two SKUs of one listing, whose level would be either's."""
    known = settings.get("listings")
    known = known if isinstance(known, dict) else {}
    count = Counter(str(each) for each in known.values())
    wanted = {each.sku: str(known[each.sku]) for each in levels if each.sku in known}
    if any(count[listing] > 1 for listing in wanted.values()):
        raise refuse("two SKUs have one listing", vendor_field="listings")
    return wanted
