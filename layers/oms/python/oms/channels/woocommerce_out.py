"""WooCommerce, told: https://woocommerce.github.io/woocommerce-rest-api-docs/

- Shops have no shipments of their own. A parcel is an order's meta data under a key of its own, and the order is
  `completed` with the last one: an update sets both, so that the same update twice is one. What a shop's plugins read
  (`_wc_shipment_tracking_items`, of the plugin Shipment Tracking) is a list of all parcels, which two updates at once
  would take from each other: where an account asks for `tracking_plugin` a parcel is posted to that plugin instead,
  after a look whether it is there (https://woocommerce.com/document/shipment-tracking/).
- A whole order is set to `cancelled`. For units of it there is no word: a person tells the shop.
- A refund carries our refund's id as meta data, by which it is found again.
- Stock is `stock_quantity` of a product, or of a variation of its parent. `products?sku=` gives both, of SKUs between
  commas; a SKU that has a comma itself is found only when it is asked for alone (`prepare_objects_query` of
  `class-wc-rest-products-controller.php`, version 3, https://github.com/woocommerce/woocommerce).

WooCommerce itself limits nothing; a shop's host may. The limit here is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.channels.outward import Again, Call, Done, Later, Level, found, refuse, rows
from oms.domain.channel_dues import Kind
from oms.domain.errors import UpstreamError
from oms.domain.gate import Limit
from oms.domain.money import format_minor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.outward import Reply
    from oms.domain.channel_message import Message

limit = Limit(interval_ms=200, burst=10)
most = 50

_ORDERS: Final = "/wp-json/wc/v3/orders"
_PRODUCTS: Final = "/wp-json/wc/v3/products"
_PLUGIN: Final = "/wp-json/wc-shipment-tracking/v3/orders"
_REFUND_KEY: Final = "_oms_refund_id"
_LEVEL: Final = "levels"


def again(message: Message) -> Again:
    """Updates are what they say; a refund is found again by its id."""
    return Again.QUERY if message.kind is Kind.REFUND else Again.KEY


def asks(message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:
    """The order's refunds; its parcels, where a plugin keeps them."""
    if message.kind is Kind.CANCELLATION and not message.whole:
        raise refuse("the channel has no word for the cancellation of some units", units=len(message.lines))
    order = f"{_ORDERS}/{message.external_id}"
    if message.kind is Kind.REFUND:
        return [Call(name="refunds", method="GET", path=f"{order}/refunds", query={"per_page": "100"})]
    if message.kind is Kind.FULFILLMENT and settings.get("tracking_plugin"):
        return [Call(name="parcels", method="GET", path=f"{_PLUGIN}/{message.external_id}/shipment-trackings")]
    return []


def tell(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done:
    """The update, or the refund unless it is there."""
    path = f"{_ORDERS}/{message.external_id}"
    if message.kind is Kind.CANCELLATION:
        return Call(name="told", method="PUT", path=path, body={"status": "cancelled"})
    if message.kind is Kind.REFUND:
        for each in rows(found(answers, "refunds"), "items"):
            if any(meta.get("value") == message.refund_id for meta in rows(each, "meta_data")):
                return Done(ref=str(each.get("id") or ""), already=True)
        body = {
            "amount": format_minor(message.amount, message.currency),
            "api_refund": settings.get("api_refund") is not False,
            "meta_data": [{"key": _REFUND_KEY, "value": message.refund_id}],
        }
        return Call(name="told", method="POST", path=f"{path}/refunds", body=body)
    return _ship(message, settings, answers, path)


def _ship(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply], path: str) -> Call | Done:
    if settings.get("tracking_plugin"):
        for each in rows(found(answers, "parcels"), "items"):
            if each.get("tracking_number") == message.tracking_number:
                return Done(ref=str(each.get("tracking_id") or ""), already=True)
        parcel = {
            "custom_tracking_provider": message.carrier,
            "tracking_number": message.tracking_number,
            "date_shipped": message.shipped_at[:10],
            "status_shipped": 1 if message.whole else 0,
        }
        return Call(name="told", method="POST", path=f"{_PLUGIN}/{message.external_id}/shipment-trackings", body=parcel)
    shipped = {
        "carrier": message.carrier,
        "tracking_number": message.tracking_number,
        "shipped_at": message.shipped_at,
        "lines": [{"id": each.line_id, "quantity": each.quantity} for each in message.lines],
    }
    body: dict[str, Any] = {"meta_data": [{"key": f"_oms_parcel_{message.message_id}", "value": shipped}]}
    if message.whole:
        body["status"] = "completed"
    return Call(name="told", method="PUT", path=path, body=body)


def read(message: Message, reply: Reply) -> Done | Later:  # noqa: ARG001 - every answer says the same
    """The resource as it is now."""
    if not reply.ok:
        raise _refused(reply)
    ref = reply.document.get("id") or reply.document.get("tracking_id")
    if not ref:
        raise UpstreamError("the vendor's answer cannot be read", vendor="woocommerce", field="id")
    return Done(ref=str(ref))


def _refused(reply: Reply) -> Exception:
    return refuse("the channel refused", reply, vendor_code=str(reply.document.get("code") or "")[:60])


def asks_levels(levels: Sequence[Level], settings: Mapping[str, Any]) -> Sequence[Call]:  # noqa: ARG001 - others need them
    """Products and variations by their SKUs."""
    plain = ",".join(each.sku for each in levels if "," not in each.sku)
    asked = {_LEVEL: plain, **{f"{_LEVEL}:{each.sku}": each.sku for each in levels if "," in each.sku}}
    shown = {"per_page": "100", "_fields": "id,parent_id,sku,type"}
    return [
        Call(name=name, method="GET", path=_PRODUCTS, query={"sku": skus, **shown})
        for name, skus in asked.items()
        if skus
    ]


def tell_levels(
    levels: Sequence[Level],
    settings: Mapping[str, Any],  # noqa: ARG001 - others need them
    answers: Mapping[str, Reply],
    key: str,  # noqa: ARG001 - a level set twice is set
) -> Sequence[Call]:
    """A batch of products, and one for each parent of variations."""
    units = {each.sku: each.units for each in levels}
    batches: dict[str, list[dict[str, Any]]] = {}
    for each in (product for name in answers for product in rows(found(answers, name), "items")):
        if str(each.get("sku")) not in units:
            continue
        parent = each.get("parent_id") if each.get("type") == "variation" else None
        path = f"{_PRODUCTS}/{parent}/variations/batch" if parent else f"{_PRODUCTS}/batch"
        item = {"id": each.get("id"), "manage_stock": True, "stock_quantity": units[str(each.get("sku"))]}
        batches.setdefault(path, []).append(item)
    return [Call(name=path, method="POST", path=path, body={"update": items}) for path, items in batches.items()]


def read_levels(reply: Reply) -> Later | None:
    """A batch answers item by item, each with its own error."""
    if not reply.ok:
        raise _refused(reply)
    errors = [each["error"] for each in rows(reply.document, "update") if isinstance(each.get("error"), dict)]
    if errors:
        raise refuse("the channel refused", reply, vendor_code=str(errors[0].get("code") or "")[:60])
    return None
