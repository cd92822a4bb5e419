"""What the tests of the payment adapter share: the merchant's site, and the adapter's calls in short."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import urllib3

from oms.adapters.rest import Timeouts

if TYPE_CHECKING:
    from infra.local.sandbox import Sandbox
    from oms.adapters.stripe_api import StripePayments
    from oms.domain.payments import RefundResult

PATIENT = Timeouts(connect=5, read=10, total=20)
DAY = 24 * 3600 + 1


def pay(sandbox: Sandbox, amount: int = 1000, /, **fields: str) -> str:
    """What the merchant's site does: make an intent, and let the shopper confirm it."""
    form = {
        "amount": str(amount),
        "currency": "usd",
        "capture_method": "manual",
        "payment_method": "pm_card_visa",
        "payment_method_options[card][request_multicapture]": "if_available",
        "confirm": "true",
        "metadata[oms_order_id]": "ord_1",
    }
    ref = post(sandbox, "/v1/payment_intents", form | fields)["id"]
    return str(ref)


def post(sandbox: Sandbox, path: str, form: dict[str, str]) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {sandbox.settings.stripe_key}"}
    with urllib3.PoolManager() as pool:
        answer = pool.request("POST", sandbox.base_url + path, fields=form, headers=headers, encode_multipart=False)
        document: dict[str, Any] = json.loads(answer.data)
    return document


def moved(sandbox: Sandbox, kind: str) -> list[int]:
    return [effect["amount"] for effect in sandbox.effects if effect["kind"] == kind]


def capture(stripe: StripePayments, ref: str, amount: int, key: str = "cap_1", *, final: bool = True) -> int:
    return stripe.capture(ref, amount, "USD", key, final=final, metadata={"shipment_id": key}).amount


def refund(stripe: StripePayments, ref: str, amount: int, refund_id: str = "rfd_1") -> RefundResult:
    return stripe.refund(
        ref, amount, "USD", refund_id=refund_id, order_id="ord_1", reason="damaged", idempotency_key=refund_id
    )
