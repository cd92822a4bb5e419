"""What the tests of the payment adapter share: the merchant's site, and the adapter's calls in short."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import urllib3

from infra.local.sandbox.core import Request
from oms.adapters.rest import Answer, RestClient, Timeouts
from oms.domain.errors import UpstreamError

if TYPE_CHECKING:
    import pytest

    from infra.local.sandbox import Sandbox
    from infra.local.sandbox.core import Reply
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


class Outbox:
    """Events that nobody delivers: a test reads them."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def send(self, events: list[Any]) -> None:
        self.events += events

    def close(self) -> None:
        """Nothing is open."""


def in_process(patch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    """Calls of adapters reach the sandbox without a socket."""

    def send(client: RestClient, method: str, path: str, **parts: Any) -> Answer:
        reply = ask(sandbox, method, path, **parts)
        if reply is None:
            raise UpstreamError("no answer from the vendor", vendor=client.vendor, cause="ProtocolError")
        return Answer(status=reply.status, headers=dict(reply.headers), body=reply.body())

    patch.setattr(RestClient, "send", send)


def ask(sandbox: Sandbox, method: str, path: str, **parts: Any) -> Reply | None:
    """A call of the sandbox."""
    names = {name.lower(): value for name, value in (parts.get("headers") or {}).items()}
    query, body = dict(parts.get("query") or {}), parts.get("body") or b""
    return sandbox.handle(Request(method=method, path=path, query=query, headers=names, body=body))


def moved(sandbox: Sandbox, kind: str) -> list[int]:
    return [effect["amount"] for effect in sandbox.effects if effect["kind"] == kind]


def capture(stripe: StripePayments, ref: str, amount: int, key: str = "cap_1", *, final: bool = True) -> int:
    return stripe.capture(ref, amount, "USD", key, final=final, metadata={"shipment_id": key}).amount


def refund(stripe: StripePayments, ref: str, amount: int, refund_id: str = "rfd_1") -> RefundResult:
    return stripe.refund(
        ref, amount, "USD", refund_id=refund_id, order_id="ord_1", reason="damaged", idempotency_key=refund_id
    )
