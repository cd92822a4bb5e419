"""Orders as Amazon's Orders API of version 2026-01-01 words them, made up."""

from __future__ import annotations

from typing import Any


def money(amount: str, currency: str = "USD") -> dict[str, str]:
    return {"amount": amount, "currencyCode": currency}


def kinds(currency: str = "USD", /, **amounts: str) -> list[dict[str, Any]]:
    """Breakdowns: `TAX="1.00"`, and of what it is `TAX_SHIPPING="0.20"`."""
    found: list[dict[str, Any]] = []
    for name, amount in amounts.items():
        kind, _, part = name.partition("_") if name.startswith(("TAX_", "DISCOUNT_")) else (name, "", "")
        if not part:
            found.append({"type": kind, "subtotal": money(amount, currency)})
        else:
            last = next(each for each in found if each["type"] == kind)
            last.setdefault("detailedBreakdowns", []).append({"subtype": part, "value": money(amount, currency)})
    return found


def item(number: int, quantity: int, breakdowns: list[dict[str, Any]] | None, **more: Any) -> dict[str, Any]:
    told = {"proceeds": {"breakdowns": breakdowns}} if breakdowns is not None else {}
    return {
        "orderItemId": f"6000000000000{number}",
        "quantityOrdered": quantity,
        "product": {"asin": f"B0SAMPLE0{number}", "sellerSku": f"SKU-{number}", "title": f"Thing {number}"},
        **told,
        **more,
    }


def order(total: str, *items: dict[str, Any], currency: str = "USD", **more: Any) -> dict[str, Any]:
    """A document of `getOrder`."""
    tips = more.pop("tips", [])
    status = more.pop("status", "UNSHIPPED")
    proceeds = {"grandTotal": money(total, currency), "breakdowns": tips} if total else {}
    return {
        "order": {
            "orderId": "114-5500101-7700101",
            "createdTime": "2026-11-21T08:00:00Z",
            "lastUpdatedTime": "2026-11-21T08:05:00Z",
            "salesChannel": {"channelName": "AMAZON", "marketplaceId": "ATVPDKIKX0DER"},
            "buyer": {"buyerName": "Robin Placeholder", "buyerEmail": "robin.placeholder@marketplace.example"},
            "recipient": {
                "deliveryAddress": {
                    "name": "Robin Placeholder",
                    "addressLine1": "12 Placeholder Court",
                    "city": "Tacoma",
                    "stateOrRegion": "WA",
                    "postalCode": "98402",
                    "countryCode": "US",
                    "phone": "253-555-0142",
                }
            },
            "proceeds": proceeds,
            "fulfillment": {
                "fulfillmentStatus": status,
                "fulfilledBy": more.pop("by", "MERCHANT"),
                "fulfillmentServiceLevel": "STANDARD",
            },
            "orderItems": list(items),
            **more,
        }
    }
