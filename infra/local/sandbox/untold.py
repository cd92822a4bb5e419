"""Orders that a channel has and tells nobody of: its samples, dated anew, as `POST /_sandbox/orders` takes them."""

from __future__ import annotations

import json
from datetime import UTC
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

EVENTS: Final = Path(__file__).parents[3] / "events"
SAMPLES: Final = {
    "shopify": "14-orders-create-us-west-paid",
    "woocommerce": "05-order-created-fr-paid",
    "tiktok-shop": "576700000000000103",
    "amazon": "302-4400102-5500102",
    "bigcommerce": "4001",
    "magento": "2001",
    "ebay": "26-20001-10001",
    "walmart": "1796200000101",
    "etsy": "3400000101",
    "mercadolibre": "2000009100000101",
    "meta-commerce": "3565497390170101",
}
"""The order of each channel that is taken, of `events/channels` or `events/sandbox`."""
NUMBERS: Final = {
    "shopify": "6399000000{}",
    "woocommerce": "9{}",
    "tiktok-shop": "5767999999999{}",
    "amazon": "302-4499{0}-5599{0}",
    "bigcommerce": "49{}",
    "magento": "29{}",
    "ebay": "26-29999-99{}",
    "walmart": "1796299999{}",
    "etsy": "3499999{}",
    "mercadolibre": "2000009199000{}",
    "meta-commerce": "3565497399990{}",
}
"""How an id is made of the three digits of an order's own."""


def untold(vendor: str, at: datetime, digits: str = "") -> dict[str, Any]:
    """{"vendor", "id", "order"} of an order placed and last changed at `at`.

    With three `digits` it is one of its own; without, that of the sample.
    """
    order_id = NUMBERS[vendor].format(digits) if digits else ""
    order_id, order = _MAKE[vendor](SAMPLES[vendor], at.astimezone(UTC).replace(microsecond=0), order_id)
    return {"vendor": vendor, "id": order_id, "order": order}


def _shopify(sample: str, at: datetime, order_id: str) -> tuple[str, dict[str, Any]]:
    order = _body("shopify", sample)
    if order_id:
        order |= {
            "id": int(order_id),
            "admin_graphql_api_id": f"gid://shopify/Order/{order_id}",
            "name": f"#9{order_id[-3:]}",
        }
    return str(order["id"]), order | dict.fromkeys(("created_at", "processed_at", "updated_at"), at.isoformat())


def _woocommerce(sample: str, at: datetime, order_id: str) -> tuple[str, dict[str, Any]]:
    order = _body("woocommerce", sample)
    if order_id:
        order |= {"id": int(order_id), "number": order_id}
    when = f"{at:%Y-%m-%dT%H:%M:%S}"
    times = [f"date_{what}{end}" for what in ("created", "modified", "paid") for end in ("", "_gmt")]
    return str(order["id"]), order | dict.fromkeys(times, when)


def _tiktok(sample: str, at: datetime, order_id: str) -> tuple[str, dict[str, Any]]:
    document = json.loads((EVENTS / "sandbox" / "tiktok-shop" / f"{sample}.json").read_text(encoding="utf-8"))
    (order,) = document["data"]["orders"]
    order["id"] = order_id or order["id"]
    return order["id"], order | dict.fromkeys(("create_time", "paid_time", "update_time"), int(at.timestamp()))


def _amazon(sample: str, at: datetime, order_id: str) -> tuple[str, dict[str, Any]]:
    folder = EVENTS / "sandbox" / "amazon" / sample
    files = {"order": "order", "orderItems": "items", "address": "address", "buyerInfo": "buyerInfo"}
    parts = {part: json.loads((folder / f"{file}.json").read_text())["payload"] for part, file in files.items()}
    order_id = order_id or parts["order"]["AmazonOrderId"]
    for part in parts.values():
        part["AmazonOrderId"] = order_id
    parts["order"] |= dict.fromkeys(("PurchaseDate", "LastUpdateDate"), f"{at:%Y-%m-%dT%H:%M:%SZ}")
    return order_id, parts


def _bigcommerce(sample: str, at: datetime, order_id: str) -> tuple[str, dict[str, Any]]:
    parts = json.loads((EVENTS / "sandbox" / "bigcommerce" / f"{sample}.json").read_text(encoding="utf-8"))
    number = int(order_id or sample)
    for part in [*parts["products"], *parts["addresses"]]:
        part["order_id"] = number
    parts["order"] |= {"id": number, **dict.fromkeys(("date_created", "date_modified"), format_datetime(at))}
    return str(number), parts


def _magento(sample: str, at: datetime, order_id: str) -> tuple[str, dict[str, Any]]:
    parts = json.loads((EVENTS / "sandbox" / "magento" / f"{sample}.json").read_text(encoding="utf-8"))
    number = int(order_id or sample)
    when = dict.fromkeys(("created_at", "updated_at"), f"{at:%Y-%m-%d %H:%M:%S}")
    parts["order"] |= {"entity_id": number, "increment_id": f"{number:09d}", **when}
    return str(number), parts


def _ebay(sample: str, at: datetime, order_id: str) -> tuple[str, dict[str, Any]]:
    order = json.loads((EVENTS / "sandbox" / "ebay" / f"{sample}.json").read_text(encoding="utf-8"))
    order["orderId"] = order_id or sample
    when = f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
    return order["orderId"], order | dict.fromkeys(("creationDate", "lastModifiedDate"), when)


def _walmart(sample: str, at: datetime, order_id: str) -> tuple[str, dict[str, Any]]:
    order = json.loads((EVENTS / "sandbox" / "walmart" / f"{sample}.json").read_text(encoding="utf-8"))
    order |= {"purchaseOrderId": order_id or sample, "orderDate": int(at.timestamp()) * 1000}
    for line in order["orderLines"]["orderLine"]:
        line["statusDate"] = order["orderDate"]
    return order["purchaseOrderId"], order


def _etsy(sample: str, at: datetime, order_id: str) -> tuple[str, dict[str, Any]]:
    receipt = json.loads((EVENTS / "sandbox" / "etsy" / f"{sample}.json").read_text(encoding="utf-8"))
    number = int(order_id or sample)
    times = [f"{what}_timestamp" for what in ("create", "created", "update", "updated")]
    return str(number), receipt | {"receipt_id": number, **dict.fromkeys(times, int(at.timestamp()))}


def _mercadolibre(sample: str, at: datetime, order_id: str) -> tuple[str, dict[str, Any]]:
    parts = json.loads((EVENTS / "sandbox" / "mercadolibre" / f"{sample}.json").read_text(encoding="utf-8"))
    number = int(order_id or sample)
    when = dict.fromkeys(("date_created", "date_closed", "last_updated", "date_last_updated"), at.isoformat())
    parts["order"] |= {"id": number, **when}
    return str(number), parts


def _meta(sample: str, at: datetime, order_id: str) -> tuple[str, dict[str, Any]]:
    parts = json.loads((EVENTS / "sandbox" / "meta-commerce" / f"{sample}.json").read_text(encoding="utf-8"))
    parts["order"] |= {"id": order_id or sample, **dict.fromkeys(("created", "last_updated"), at.isoformat())}
    return parts["order"]["id"], parts


def _body(vendor: str, sample: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((EVENTS / "channels" / vendor / f"{sample}.json").read_text(encoding="utf-8"))[
        "body"
    ]
    return body


_MAKE: Final[dict[str, Callable[[str, datetime, str], tuple[str, dict[str, Any]]]]] = {
    "shopify": _shopify,
    "woocommerce": _woocommerce,
    "tiktok-shop": _tiktok,
    "amazon": _amazon,
    "bigcommerce": _bigcommerce,
    "magento": _magento,
    "ebay": _ebay,
    "walmart": _walmart,
    "etsy": _etsy,
    "mercadolibre": _mercadolibre,
    "meta-commerce": _meta,
}
