"""BigCommerce, told of parcels, cancellations, refunds and stock levels.

https://docs.bigcommerce.com/developer/docs/admin/checkout-and-cart/orders/overview (a shipment is of one shipping
address, by the order's own product ids; the order becomes shipped by itself; a `shipping_provider` that the shop knows
gives the number a link, https://docs.bigcommerce.com/docs/rest-management/orders/order-shipments) and
https://docs.bigcommerce.com/docs/start/best-practices/api-rate-limits (150 calls in 30 seconds on the smallest plan).
An order is cancelled by its status id, 5; for units of it there is no word.

A refund is of the order as a whole, which alone is of an amount that the caller says and taxes are not worked out
again for; the shop is first asked for a quote, whose payments the refund has to repeat. Our refund's id stands as its
reason, where it is found again. `Create a Refund Quote` and `Create a Refund` of
https://docs.bigcommerce.com/docs/rest-management/orders/order-refunds (from their OpenAPI description, orders.v3.yml)

A level is an absolute adjustment at the account's location, of what the shop keeps inventory of:
https://developer.bigcommerce.com/docs/rest-management/inventory/adjustments (2,000 items; the answer is a transaction,
which is carried out a moment later) and `.../inventory/items` (SKUs between commas: one that has a comma itself cannot
be asked for, and is left out).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.channels.outward import Again, Call, Done, Later, found, minor, number, part, refuse, rows
from oms.channels.parcels_out import among, plain, taken
from oms.domain.channel_dues import Kind
from oms.domain.gate import Limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.outward import Level, Reply
    from oms.domain.channel_message import Message

limit = Limit(interval_ms=200, burst=30)
most = 50

_CANCELLED: Final = 5
_PROVIDERS: Final = frozenset({"auspost", "canadapost", "endicia", "usps", "fedex", "royalmail", "ups"})
_PAGE: Final = {"limit": "250"}
_STORE_CREDIT: Final = "storecredit"
_LEVEL: Final = "levels"


def again(message: Message) -> Again:
    """A status set twice is set; a parcel or a refund is looked for."""
    return Again.KEY if message.kind is Kind.CANCELLATION else Again.QUERY


def asks(message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:  # noqa: ARG001 - others need them
    """The order's shipments, and which address its lines go to; its refunds, and how it can be paid back."""
    if message.kind is Kind.CANCELLATION:
        if not message.whole:
            raise refuse("the channel has no word for the cancellation of some units", units=len(message.lines))
        return []
    if message.kind is Kind.REFUND:
        actions = _actions(message)
        return [
            Call(name="refunds", method="GET", path=f"{actions}/refunds", query=_PAGE),
            Call(name="quote", method="POST", path=f"{actions}/refund_quotes", body={"items": [_item(message)]}),
        ]
    order = f"/v2/orders/{message.external_id}"
    return [
        Call(name="parcels", method="GET", path=f"{order}/shipments", query=_PAGE),
        Call(name="lines", method="GET", path=f"{order}/products", query=_PAGE),
    ]


def tell(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done:  # noqa: ARG001 - as above
    """One shipment; raises for a parcel whose lines go to several addresses, which is none."""
    order = f"/v2/orders/{message.external_id}"
    if message.kind is Kind.CANCELLATION:
        return Call(name="told", method="PUT", path=order, body={"status_id": _CANCELLED})
    if message.kind is Kind.REFUND:
        return _refund(message, answers)
    known = among(message, _listed(answers, "parcels"), "tracking_number", "id")
    if known:
        return known
    wanted = {each.line_id: each.quantity for each in message.lines}
    lines = [each for each in _listed(answers, "lines") if str(each.get("id")) in wanted]
    addresses = {str(each.get("order_address_id")): each.get("order_address_id") for each in lines}
    if len(lines) != len(wanted) or len(addresses) != 1:
        raise refuse("the parcel's lines are not of one address of the order", missing=len(wanted) - len(lines))
    body = {
        "order_address_id": next(iter(addresses.values())),
        "tracking_number": message.tracking_number,
        "shipping_method": message.carrier,
        "shipping_provider": carrier if (carrier := plain(message.carrier).lower()) in _PROVIDERS else "",
        "items": [{"order_product_id": each["id"], "quantity": wanted[str(each["id"])]} for each in lines],
    }
    return Call(name="told", method="POST", path=f"{order}/shipments", body=body)


def _listed(answers: Mapping[str, Reply], name: str) -> Sequence[Mapping[str, Any]]:
    """Entries of a list, which is 204 and nothing when it is empty."""
    return rows(found(answers, name), "items")


def read(message: Message, reply: Reply) -> Done | Later:
    """The shipment, the order, or the refund."""
    if message.kind is Kind.REFUND:
        known = taken(reply, lambda document: part(document, "data").get("id"))
        _not_declined(part(reply.document, "data"))
        return known
    return taken(reply, lambda document: document.get("id"))


# ---------------------------------------------------------------- refunds


def _actions(message: Message) -> str:
    return f"/v3/orders/{message.external_id}/payment_actions"


def _item(message: Message) -> dict[str, Any]:
    return {
        "item_type": "ORDER",
        "item_id": int(message.external_id),
        "amount": number(message.amount, message.currency),
        "reason": message.refund_id,
    }


def _refund(message: Message, answers: Mapping[str, Reply]) -> Call | Done:
    for each in rows(found(answers, "refunds"), "data"):
        reasons = [each.get("reason"), *(item.get("reason") for item in rows(each, "items"))]
        if any(message.refund_id in str(reason or "") for reason in reasons):
            _not_declined(each)
            return Done(ref=str(each.get("id") or ""), already=True)
    quoted = part(found(answers, "quote"), "data").get("refund_methods")
    body = {"items": [_item(message)], "payments": _payments(message, quoted if isinstance(quoted, list) else [])}
    return Call(name="told", method="POST", path=f"{_actions(message)}/refunds", body=body)


def _payments(message: Message, methods: Sequence[Any]) -> list[dict[str, Any]]:
    """The first of the methods that pays all of it, by itself, to where it came from.

    An `offline` one is only written down, and one that is all store credit gives the buyer no money.
    """
    for method in methods:
        ways = rows({"ways": method}, "ways")
        amounts = [minor(each.get("amount"), message.currency) for each in ways]
        paid = all(each.get("offline") is False for each in ways)
        if sum(amounts) == message.amount and paid and any(each.get("provider_id") != _STORE_CREDIT for each in ways):
            return [
                {
                    "provider_id": each.get("provider_id"),
                    "amount": number(amount, message.currency),
                    "offline": False,
                }
                for each, amount in zip(ways, amounts, strict=True)
            ]
    raise refuse("the shop cannot pay the amount back by itself", methods=len(methods))


def _not_declined(refund: Mapping[str, Any]) -> None:
    payments = rows(refund, "payments")
    if payments and all(each.get("is_declined") is True for each in payments):
        raise refuse("the payment provider declined the refund")


# ---------------------------------------------------------------- stock


def asks_levels(levels: Sequence[Level], settings: Mapping[str, Any]) -> Sequence[Call]:
    """What the shop keeps inventory of at the location."""
    if not str(settings.get("location") or "").isdecimal():
        raise refuse("the account names no location to keep stock at")
    wanted = ",".join(each.sku for each in levels if "," not in each.sku)
    query = {"sku:in": wanted, "location_id:in": str(settings["location"]), **_PAGE}
    return [Call(name=_LEVEL, method="GET", path="/v3/inventory/items", query=query)]


def tell_levels(
    levels: Sequence[Level],
    settings: Mapping[str, Any],
    answers: Mapping[str, Reply],
    key: str,  # noqa: ARG001 - a level set twice is set
) -> Sequence[Call]:
    """One adjustment of all."""
    known = {str(part(each, "identity").get("sku")) for each in rows(found(answers, _LEVEL), "data")}
    items = [
        {"location_id": int(settings["location"]), "sku": each.sku, "quantity": each.units}
        for each in levels
        if each.sku in known
    ]
    if not items:
        return ()
    return [Call(name=_LEVEL, method="PUT", path="/v3/inventory/adjustments/absolute", body={"items": items})]


def read_levels(reply: Reply) -> Later | None:
    """A transaction."""
    taken(reply, lambda document: document.get("transaction_id"))
    return None
