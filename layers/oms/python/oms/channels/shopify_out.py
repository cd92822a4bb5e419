"""Shopify, told: fulfillments with tracking, cancellations, refunds, stock levels.

What has to be known is read by the REST Admin API as orders are; what is done goes by GraphQL, since only there a
refund and a level carry a key (`@idempotent`, from 2026-01): https://shopify.dev/docs/api/usage/implementing-idempotency

- A fulfillment fills fulfillment orders by their own lines; it has no key, and is known by its tracking number:
  https://shopify.dev/docs/api/admin-graphql/2026-01/mutations/fulfillmentCreate
- A whole order is cancelled by `orderCancel`, which a cancelled order refuses; units of it by a refund without money
  that cancels them: https://shopify.dev/docs/api/admin-graphql/2026-01/mutations/orderCancel
- A refund names the transactions that it takes back; our refund's id stands in its note, where it is found again when
  the key is forgotten: https://shopify.dev/docs/api/admin-graphql/2026-01/mutations/refundCreate
- `changeFromQuantity: null` sets a level whatever it was: we are who knows.
  https://shopify.dev/changelog/compare-and-swap-redesign-for-inventory-set-quantities

Limits: https://shopify.dev/docs/api/usage/limits (two REST calls a second from a bucket of 40; GraphQL 100 points a
second, a mutation 10).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from oms.channels.outward import Again, Call, Done, Later, Level, found, part, refuse, rows
from oms.channels.shopify import API
from oms.domain.channel_dues import Kind
from oms.domain.errors import MalformedPayloadError, UpstreamError
from oms.domain.gate import Limit
from oms.domain.money import format_minor, to_minor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.channels.outward import Reply
    from oms.domain.channel_message import Message
    from oms.domain.errors import UpstreamRefusedError

limit = Limit(interval_ms=500, burst=20)
most = 50

_GRAPHQL: Final = f"{API}/graphql.json"
_OPEN: Final = frozenset({"open", "in_progress", "scheduled"})
_PAID: Final = frozenset({"sale", "capture"})
_BUSY: Final = "IDEMPOTENCY_CONCURRENT_REQUEST"
_LEVEL: Final = "levels"

_FULFILL: Final = (
    "mutation fulfill($fulfillment: FulfillmentInput!) { fulfillmentCreate(fulfillment: $fulfillment)"
    " { fulfillment { id } userErrors { field message } } }"
)
_CANCEL: Final = (
    "mutation cancel($orderId: ID!, $reason: OrderCancelReason!, $restock: Boolean!, $notifyCustomer: Boolean!,"
    " $refundMethod: OrderCancelRefundMethodInput!) { orderCancel(orderId: $orderId, reason: $reason,"
    " restock: $restock, notifyCustomer: $notifyCustomer, refundMethod: $refundMethod)"
    " { job { id } orderCancelUserErrors { field message code } } }"
)
_REFUND: Final = (
    "mutation refund($input: RefundInput!, $key: String!) { refundCreate(input: $input) @idempotent(key: $key)"
    " { refund { id } userErrors { field message } } }"
)
_SET: Final = (
    "mutation levels($input: InventorySetQuantitiesInput!, $key: String!)"
    " { inventorySetQuantities(input: $input) @idempotent(key: $key) { userErrors { field message code } } }"
)
_VARIANTS: Final = (
    "query variants($query: String!) { productVariants(first: 100, query: $query)"
    " { nodes { sku inventoryItem { id tracked } } } }"
)


def again(message: Message) -> Again:
    """A refund has a key; the others are found again."""
    return Again.KEY if message.kind is Kind.REFUND or _units_only(message) else Again.QUERY


def asks(message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:  # noqa: ARG001 - others need them
    """The order, and what is open of it, or its money."""
    base = f"{API}/orders/{message.external_id}"
    shown = {"fields": "id,cancelled_at,currency,presentment_currency,fulfillments,refunds"}
    calls = [Call(name="order", method="GET", path=f"{base}.json", query=shown)]
    if message.kind is Kind.FULFILLMENT:
        calls.append(Call(name="open", method="GET", path=f"{base}/fulfillment_orders.json"))
    if message.kind is Kind.REFUND:
        calls.append(Call(name="money", method="GET", path=f"{base}/transactions.json"))
    return calls


def tell(message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done:
    """The mutation, unless the order shows that it was made."""
    order = part(found(answers, "order"), "order")
    if message.kind is Kind.FULFILLMENT:
        return _fulfill(message, settings, order, answers)
    if message.kind is Kind.REFUND:
        return _give_back(message, settings, order, answers)
    return _cancel(message, settings, order)


def read(message: Message, reply: Reply) -> Done | Later:
    """`userErrors` refuse; errors of GraphQL itself refuse too, or ask to come again."""
    name, errors, made = {
        Kind.FULFILLMENT: ("fulfillmentCreate", "userErrors", "fulfillment"),
        Kind.REFUND: ("refundCreate", "userErrors", "refund"),
        Kind.CANCELLATION: ("refundCreate", "userErrors", "refund")
        if _units_only(message)
        else ("orderCancel", "orderCancelUserErrors", "job"),
    }[message.kind]
    later = _first_errors(reply)
    if later is not None:
        return later
    answer = part(reply.document, "data", name)
    problems = rows(answer, errors)
    if any(each.get("code") == _BUSY for each in problems):
        return Later()
    if problems:
        raise _refused(problems, reply)
    ref = str(part(answer, made).get("id") or "").rpartition("/")[2]
    if not ref:
        raise UpstreamError("the vendor's answer cannot be read", vendor="shopify", field=name)
    return Done(ref=ref)


def _first_errors(reply: Reply) -> Later | None:
    """GraphQL's own errors: https://shopify.dev/docs/api/admin-graphql#status_and_error_codes"""
    if not reply.ok:
        raise refuse("the channel refused", reply)
    codes = [str(part(each, "extensions").get("code") or "") for each in rows(reply.document, "errors")]
    if "THROTTLED" in codes:
        return Later(wait_s=_restored_in(reply))
    if "INTERNAL_SERVER_ERROR" in codes or "TIMEOUT" in codes:
        raise UpstreamError("the vendor failed", vendor="shopify", vendor_code=codes[0])
    if codes:
        raise refuse("the channel refused", reply, vendor_code=codes[0][:60])
    return None


def _restored_in(reply: Reply) -> float | None:
    cost = part(reply.document, "extensions", "cost")
    status = part(cost, "throttleStatus")
    asked, left, rate = (
        of.get(name)
        for of, name in ((cost, "requestedQueryCost"), (status, "currentlyAvailable"), (status, "restoreRate"))
    )
    if not all(isinstance(each, (int, Decimal)) for each in (asked, left, rate)) or not rate:
        return None
    return max(0.0, float((Decimal(asked) - Decimal(left)) / Decimal(rate)))  # type: ignore[arg-type]  # asked above


def _refused(problems: Sequence[Mapping[str, Any]], reply: Reply) -> UpstreamRefusedError:
    """By their codes and fields; messages are prose and may name a person."""
    first = problems[0]
    fields = first.get("field")
    where = ".".join(str(each) for each in fields)[:100] if isinstance(fields, list) else ""
    return refuse("the channel refused", reply, vendor_code=str(first.get("code") or ""), vendor_field=where)


# ---------------------------------------------------------------- fulfillment


def _fulfill(
    message: Message, settings: Mapping[str, Any], order: Mapping[str, Any], answers: Mapping[str, Reply]
) -> Call | Done:
    for each in rows(order, "fulfillments"):
        several = each.get("tracking_numbers")
        numbers = several if isinstance(several, list) and several else [each.get("tracking_number")]
        if each.get("status") != "cancelled" and message.tracking_number in numbers:
            return Done(ref=str(each.get("id") or ""), already=True)
    wanted = {each.line_id: each.quantity for each in message.lines}
    taken: dict[str, list[dict[str, Any]]] = {}
    places = set()
    for of in rows(found(answers, "open"), "fulfillment_orders"):
        if of.get("status") not in _OPEN:
            continue
        for line in rows(of, "line_items"):
            units = min(wanted.get(str(line.get("line_item_id")), 0), _whole(line.get("fulfillable_quantity")))
            if units:
                wanted[str(line.get("line_item_id"))] -= units
                places.add(str(of.get("assigned_location_id")))
                item = {"id": f"gid://shopify/FulfillmentOrderLineItem/{line.get('id')}", "quantity": units}
                taken.setdefault(f"gid://shopify/FulfillmentOrder/{of.get('id')}", []).append(item)
    left = sum(wanted.values())
    if left:
        raise refuse("units of the parcel are not open in the channel", units=left)
    if len(places) > 1:
        raise refuse("the channel keeps the parcel's units at several locations", locations=len(places))
    fulfillment = {
        "lineItemsByFulfillmentOrder": [
            {"fulfillmentOrderId": of, "fulfillmentOrderLineItems": items} for of, items in taken.items()
        ],
        "notifyCustomer": settings.get("notify") is not False,
        "trackingInfo": {"company": message.carrier, "number": message.tracking_number},
    }
    return _mutation(_FULFILL, {"fulfillment": fulfillment})


def _whole(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


# ---------------------------------------------------------------- cancellation, refund


def _units_only(message: Message) -> bool:
    return message.kind is Kind.CANCELLATION and not message.whole


def _cancel(message: Message, settings: Mapping[str, Any], order: Mapping[str, Any]) -> Call | Done:
    if order.get("cancelled_at"):
        return Done(ref=str(order.get("id") or ""), already=True)
    gid = f"gid://shopify/Order/{message.external_id}"
    if _units_only(message):
        if known := _noted(order, message.message_id):
            return known
        # Units that the channel itself puts back would be there twice where we tell it what there is.
        items = [
            {"lineItemId": f"gid://shopify/LineItem/{each.line_id}", "quantity": each.quantity, **_restock(settings)}
            for each in message.lines
        ]
        note = {"orderId": gid, "note": message.message_id, "notify": False, "refundLineItems": items}
        return _mutation(_REFUND, {"input": note, "key": message.message_id})
    variables = {
        "orderId": gid,
        "reason": "OTHER",
        "restock": Kind.STOCK.value not in _told(settings),
        "notifyCustomer": settings.get("notify") is not False,
        "refundMethod": {"originalPaymentMethodsRefund": False},
    }
    return _mutation(_CANCEL, variables)


def _told(settings: Mapping[str, Any]) -> Sequence[Any]:
    tell_ = settings.get("tell")
    return tell_ if isinstance(tell_, list) else ()


def _restock(settings: Mapping[str, Any]) -> dict[str, str]:
    location = settings.get("location")
    where = {"locationId": f"gid://shopify/Location/{location}"} if location else {}
    return {"restockType": "CANCEL", **where}


def _noted(order: Mapping[str, Any], ours: str) -> Done | None:
    """The refund that carries our id in its note."""
    for each in rows(order, "refunds"):
        if ours in str(each.get("note") or ""):
            return Done(ref=str(each.get("id") or ""), already=True)
    return None


def _give_back(
    message: Message, settings: Mapping[str, Any], order: Mapping[str, Any], answers: Mapping[str, Reply]
) -> Call | Done:
    if known := _noted(order, message.refund_id):
        return known
    shop, shown = str(order.get("currency") or ""), str(order.get("presentment_currency") or "")
    if shop != message.currency or shown not in ("", shop):
        raise refuse("the buyer paid in another currency than the order's", currency=message.currency)
    gid = f"gid://shopify/Order/{message.external_id}"
    transactions = []
    for parent, gateway, amount in _taken_back(message, rows(found(answers, "money"), "transactions")):
        paid = {"orderId": gid, "parentId": f"gid://shopify/OrderTransaction/{parent}", "kind": "REFUND"}
        transactions.append({**paid, "gateway": gateway, "amount": format_minor(amount, message.currency)})
    items = [
        {"lineItemId": f"gid://shopify/LineItem/{each.line_id}", "quantity": each.quantity, "restockType": "NO_RESTOCK"}
        for each in message.lines
    ]
    refund = {
        "orderId": gid,
        "note": message.refund_id,
        "notify": settings.get("notify") is not False,
        "refundLineItems": items,
        "transactions": transactions,
    }
    return _mutation(_REFUND, {"input": refund, "key": message.refund_id})


def _taken_back(message: Message, transactions: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    """(transaction, gateway, amount) of the payments that give the amount back, in the order in which they were made.

    Raises UpstreamRefusedError when they have less left.
    """
    left: dict[str, tuple[str, int]] = {}
    try:
        for each in transactions:
            if each.get("status") != "success":
                continue
            amount = to_minor(each.get("amount", 0), message.currency)
            if each.get("kind") in _PAID:
                left[str(each.get("id"))] = (str(each.get("gateway") or ""), amount)
            elif each.get("kind") == "refund" and str(each.get("parent_id")) in left:
                gateway, known = left[str(each.get("parent_id"))]
                left[str(each.get("parent_id"))] = (gateway, known - amount)
    except MalformedPayloadError:
        raise refuse("a payment of the order cannot be read") from None
    owed, given = message.amount, []
    for parent, (gateway, amount) in left.items():
        share = min(owed, max(0, amount))
        if share:
            given.append((parent, gateway, share))
            owed -= share
    if owed:
        raise refuse("the order's payments have less left than is to go back", missing=owed, currency=message.currency)
    return given


def _mutation(query: str, variables: Mapping[str, Any]) -> Call:
    return Call(name="told", method="POST", path=_GRAPHQL, body={"query": query, "variables": variables})


# ---------------------------------------------------------------- stock


def asks_levels(levels: Sequence[Level], settings: Mapping[str, Any]) -> Sequence[Call]:  # noqa: ARG001 - as above
    """Variants by their SKUs: https://shopify.dev/docs/api/admin-graphql/2026-01/queries/productVariants"""
    wanted = " OR ".join('sku:"' + each.sku.replace("\\", "\\\\").replace('"', '\\"') + '"' for each in levels)
    body = {"query": _VARIANTS, "variables": {"query": wanted}}
    return [Call(name=_LEVEL, method="POST", path=_GRAPHQL, body=body)]


def tell_levels(
    levels: Sequence[Level], settings: Mapping[str, Any], answers: Mapping[str, Reply], key: str
) -> Sequence[Call]:
    """`inventorySetQuantities` of `available` at the account's location, of what Shopify tracks."""
    if not settings.get("location"):
        raise refuse("the account names no location to keep stock at")
    _first_errors(answers[_LEVEL])
    units = {each.sku: each.units for each in levels}
    quantities = [
        {
            "inventoryItemId": item.get("id"),
            "locationId": f"gid://shopify/Location/{settings['location']}",
            "quantity": units[str(node.get("sku"))],
            "changeFromQuantity": None,
        }
        for node in rows(part(found(answers, _LEVEL), "data", "productVariants"), "nodes")
        if str(node.get("sku")) in units and (item := part(node, "inventoryItem")).get("tracked")
    ]
    if not quantities:
        return ()
    variables = {"input": {"name": "available", "reason": "correction", "quantities": quantities}, "key": key}
    return [_mutation(_SET, variables)]


def read_levels(reply: Reply) -> Later | None:
    """`userErrors` refuse."""
    later = _first_errors(reply)
    if later is None and (problems := rows(part(reply.document, "data", "inventorySetQuantities"), "userErrors")):
        if any(each.get("code") == _BUSY for each in problems):
            return Later()
        raise _refused(problems, reply)
    return later
