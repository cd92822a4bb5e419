"""What the merchant's checkout does with a payment provider, before it places the order: here, at the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import urllib3

from infra.local.sandbox.core import Settings
from oms.adapters.access_token import basic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SANDBOX: Final = Settings()


def pay(url: str, key: str, document: Mapping[str, Any]) -> str:
    """The reference of a payment that holds the order's total; '' of one that no provider holds.

    The document's own reference says how the shopper pays.
    """
    checkout = _CHECKOUTS.get(document["payment"]["provider"])
    return checkout(url, key, document) if checkout else ""


def _stripe(url: str, key: str, document: Mapping[str, Any]) -> str:
    """An intent that the order confirms."""
    fields = {
        "amount": str(document["total"]),
        "currency": document["currency"].lower(),
        "capture_method": "manual",
        "payment_method": document["payment"]["reference"],
        "payment_method_options[card][request_multicapture]": "if_available",
    }
    headers = {
        "authorization": f"Bearer {SANDBOX.stripe_key}",
        "idempotency-key": key,
        "content-type": "application/x-www-form-urlencoded",
    }
    return _made(url, "/v1/payment_intents", headers, urlencode(fields).encode())["id"]


def _adyen(url: str, key: str, document: Mapping[str, Any]) -> str:
    """A payment that is authorized, which a notification tells of."""
    body = {
        "amount": {"currency": document["currency"], "value": document["total"]},
        "merchantAccount": SANDBOX.adyen_merchant,
        "paymentMethod": {"type": document["payment"]["reference"]},
        "reference": document["number"],
    }
    headers = {"x-api-key": SANDBOX.adyen_key, "idempotency-key": key}
    return _made(url, "/v71/payments", headers, body)["pspReference"]


def _paypal(url: str, key: str, document: Mapping[str, Any]) -> str:
    """A PayPal order that the payer approved."""
    login = {
        "authorization": basic(SANDBOX.paypal_client_id, SANDBOX.paypal_client_secret),
        "content-type": "application/x-www-form-urlencoded",
    }
    token = _made(url, "/v1/oauth2/token", login, b"grant_type=client_credentials")["access_token"]
    amount = {"currency_code": document["currency"], "value": f"{document['total'] / 100:.2f}"}
    body = {
        "intent": "AUTHORIZE",
        "purchase_units": [{"amount": amount, "invoice_id": document["number"]}],
        "payment_source": {"sandbox": {"course": ""}},
    }
    headers = {"authorization": f"Bearer {token}", "paypal-request-id": key}
    return _made(url, "/v2/checkout/orders", headers, body)["id"]


def _made(url: str, path: str, headers: Mapping[str, str], body: bytes | Mapping[str, Any]) -> dict[str, str]:
    sent = {"body": body} if isinstance(body, bytes) else {"json": body}
    made: dict[str, str] = urllib3.request("POST", f"{url}{path}", headers=dict(headers), **sent).json()
    return made


_CHECKOUTS: Final[Mapping[str, Callable[[str, str, Mapping[str, Any]], str]]] = {
    "stripe": _stripe,
    "adyen": _adyen,
    "paypal": _paypal,
}
