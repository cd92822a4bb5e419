"""The vendors' sandbox in this very process: no sockets, no threads, so that a process with it can be forked."""

from __future__ import annotations

import json
import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from infra.local import recorded as rec
from infra.local.sandbox import adobe, ebay, etsy, mercadolibre
from infra.local.sandbox.accounts import credentials
from infra.local.sandbox.core import Request, Settings
from infra.local.sandbox.server import Sandbox
from oms.adapters.outbound_http import Answered, OutboundHttp
from oms.adapters.rest import Answer, RestClient
from oms.domain.errors import UpstreamError
from tests.proof.sweep.tap import Fault, Killed
from tests.support.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pytest

    from tests.proof.sweep.tap import Tap

EVENTS: Final = ROOT / "events"
SELLER: Final = "A2NORTHWHARF00"
PROVIDERS: Final = ("adyen", "paypal")
LATER: Final = (*PROVIDERS, "ebay", "walmart", "etsy", "mercadolibre", "meta-commerce")
SCORER: Final = "https://scorer.example.com/fraud/checks"
CREDENTIALS: Final = {
    "tiktok-shop": {
        "app_key": "sandbox_app",
        "app_secret": "sandbox_app_secret",
        "access_token": "sandbox_tiktok_token",
    },
    "amazon": {
        "client_id": "sandbox_client",
        "client_secret": "sandbox_client_secret",
        "refresh_token": "sandbox_refresh_token",
        "marketplace_ids": "ATVPDKIKX0DER,A1PA6795UKMFR9,A1VC38T7YXB528",
    },
    "shopify": {"url": "https://shopify.example", "access_token": "sandbox_shopify_token"},
    "woocommerce": {
        "url": "https://woocommerce.example",
        "consumer_key": "ck_sandbox",
        "consumer_secret": "cs_sandbox",
    },
    "bigcommerce": {"store_hash": "sandboxstore", "access_token": "sandbox_bigcommerce_token"},
    "magento": {
        "url": "https://magento.example",
        "consumer_key": "sandbox_magento_key",
        "consumer_secret": "sandbox_magento_secret",
        "access_token": "sandbox_magento_token",
        "access_token_secret": "sandbox_magento_token_secret",
    },
    **{source: api for source, api in credentials(Settings()).items() if source in LATER},
    "stripe": {"secret_key": "sk_test_sandbox"},
    "fraud": {"url": SCORER},
    "easypost": {"api_key": "sandbox_easypost_key"},
}
MORE: Final = {
    "bigcommerce": "s-big",
    "magento": adobe.CLIENT_ID,
    "ebay": ebay.VERIFICATION_TOKEN,
    "walmart": "s-walmart",
    "etsy": etsy.SIGNING_SECRET,
    "mercadolibre": f"{mercadolibre.SELLER}:s-token",
    "meta-commerce": "s-meta:s-verify",
}
"""Channels that are connected where a test asks for them: each poll of one more account is more that can fail."""
_ID: Final = re.compile(r"/(?:pi|ch|re)_\w+|/[0-9-]{12,}|/[AP]SWEEP\w+")


class Outbox:
    """Webhooks of a payment provider that nobody has delivered yet; in place of its thread that would."""

    def __init__(self, source: str, events: deque[tuple[str, Mapping[str, Any]]]) -> None:
        self.source = source
        self.events = events

    def send(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Keep them until the world delivers."""
        self.events.extend((self.source, event) for event in events)

    def close(self) -> None:
        """Nothing is open."""


class Sent(NamedTuple):
    """A webhook of ours."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Vendors:
    """Payment providers and channels as the functions reach them."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.untold: deque[tuple[str, Mapping[str, Any]]] = deque()
        """(provider, webhook) in the order in which they were made."""
        self.hooks: list[tuple[Sent, int]] = []
        self.answers: dict[str, list[int]] = {}
        """What an endpoint answers next; 204 when nothing is left."""
        self.gone: set[str] = set()
        """Endpoints that answer 410."""
        self.sandbox = Sandbox(Settings(samples=EVENTS / "sandbox", amazon_list_delay=-1e9, list_page=2))
        self.sandbox._server.server_close()
        for vendor in (self.sandbox.stripe, self.sandbox.adyen, self.sandbox.paypal):
            vendor._webhooks = Outbox(vendor.name, self.untold)  # type: ignore[assignment]
        # Ids by the clock would make each run another one.
        self.sandbox.stripe.ledger._serial = self.sandbox.stripe._started = "sweep"
        self.sandbox.adyen._serial, self.sandbox.paypal._serial = "ASWEEP", "PSWEEP"

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Stand where HTTP would go out."""

        def send(client: RestClient, method: str, path: str, **parts: Any) -> Answer:
            parts["headers"] = {**(parts.get("headers") or {}), "host": urlsplit(client._base_url).netloc}
            return self.send(client.vendor, method, path, **parts)

        patch.setattr(RestClient, "send", send)
        patch.setattr(OutboundHttp, "send", lambda _, url, headers, body: self.hook(Sent(url, headers, body)))

    def hook(self, sent: Sent) -> Answered:
        """An endpoint of another system of the merchant's is told something; `answers` says what it says to it."""
        fault = self.tap.vendor(f"endpoint POST {urlsplit(sent.url).hostname}", {"path": urlsplit(sent.url).path})
        kind = fault.kind if fault else ""
        if kind == "reset_before":
            raise UpstreamError("no answer from the endpoint", cause="ConnectionResetError")
        if kind in ("throttled", "error_before"):
            return Answered(status=429 if kind == "throttled" else 503, retry_after=1.0)
        if sent.url == SCORER:
            return self._score(sent, fault)
        told = self.answers.get(sent.url, [])
        status = 410 if sent.url in self.gone else told.pop(0) if told else 204
        self.hooks.append((sent, status))
        if fault is Fault.KILLED_AFTER:
            raise Killed
        if kind == "lost_answer":
            raise UpstreamError("no answer from the endpoint", cause="TimeoutError")
        return Answered(status=status)

    def _score(self, sent: Sent, fault: Fault | None) -> Answered:
        """The scorer of fraud is asked, and keeps what it answered whether or not that arrives."""
        path = urlsplit(sent.url).path
        asked = Request(method="POST", path=path, query={}, headers=sent.headers, body=sent.body)
        reply = self.sandbox.fraud.answer(asked)
        if fault is Fault.KILLED_AFTER:
            raise Killed
        if fault and fault.kind == "lost_answer":
            raise UpstreamError("no answer from the endpoint", cause="TimeoutError")
        return Answered(status=reply.status, body=json.dumps(reply.document).encode())

    def send(
        self,
        vendor: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Answer a call, or fail it as the tap says."""
        fault = self.tap.vendor(f"{vendor} {method} {_ID.sub('/…', path)}", {"path": path})
        kind = fault.kind if fault else ""
        if kind == "reset_before":
            raise UpstreamError("no answer from the vendor", vendor=vendor, cause="ProtocolError")
        if kind in ("throttled", "error_before"):
            return Answer(status=429 if kind == "throttled" else 503, headers={}, body=b"{}")
        names = {name.lower(): value for name, value in (headers or {}).items()}
        request = Request(method=method, path=path, query=dict(query or {}), headers=names, body=body or b"")
        reply = self.sandbox.handle(request)
        assert reply is not None
        if fault is Fault.KILLED_AFTER:
            raise Killed
        if kind == "lost_answer":
            raise UpstreamError("no answer from the vendor", vendor=vendor, cause="ReadTimeoutError")
        return Answer(status=reply.status, headers=dict(reply.headers), body=reply.body())

    def put_order(self, given: Mapping[str, Any]) -> None:
        """A channel has an order, or (None) has it no longer."""
        body = json.dumps(given).encode()
        reply = self.sandbox.handle(Request(method="POST", path="/_sandbox/orders", query={}, headers={}, body=body))
        assert reply is not None
        assert reply.status == 200, reply

    def call(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, Any]:
        """The merchant's checkout calls a provider."""
        request = Request(method="POST", path=path, query={}, headers=headers, body=json.dumps(body).encode())
        reply = self.sandbox.handle(request)
        assert reply is not None
        assert reply.status in (200, 201), reply
        assert isinstance(reply.document, dict)
        return dict(reply.document)

    def post(self, path: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Somebody else than the system calls the provider."""
        from urllib.parse import urlencode

        headers = {"authorization": f"Bearer {self.sandbox.settings.stripe_key}"}
        request = Request(method="POST", path=path, query={}, headers=headers, body=urlencode(form).encode())
        reply = self.sandbox.handle(request)
        assert reply is not None
        assert reply.status == 200, reply
        assert isinstance(reply.document, dict)
        return dict(reply.document)


def recorded_of(source: str, given: Mapping[str, Any]) -> rec.Recorded:
    """The webhook of an order as the sandbox was given it."""
    order, order_id = given["order"], given["id"]
    headers: dict[str, str] = {}
    match source:
        case "shopify":
            headers, body = {"x-shopify-topic": "orders/create", "x-shopify-event-id": f"evt-{order_id}"}, order
        case "woocommerce":
            headers, body = {"x-wc-webhook-topic": "order.created"}, order
        case "tiktok-shop":
            data = {"order_id": order_id, "order_status": order["status"], "update_time": order["update_time"]}
            body = {"type": 1, "tts_notification_id": order_id, "timestamp": order["update_time"], "data": data}
        case "amazon":
            change = {"SellerId": SELLER, "AmazonOrderId": order_id, "Summary": {"OrderStatus": "Unshipped"}}
            body = {
                "NotificationType": "ORDER_CHANGE",
                "EventTime": order["order"]["LastUpdateDate"],
                "NotificationMetadata": {"NotificationId": f"evt-{order_id}"},
                "Payload": {"OrderChangeNotification": change},
            }
        case _:
            body = _thin(source, order_id)
    return rec.Recorded(name=f"{source} {order_id}", source=source, headers=headers, body=json.dumps(body).encode())


def _thin(source: str, order_id: str) -> dict[str, Any]:
    """A notice that names an order and no more."""
    match source:
        case "bigcommerce":
            hashed = {"scope": "store/order/created", "data": {"type": "order", "id": int(order_id)}}
            return {**hashed, "hash": f"evt-{order_id}", "created_at": 1795000000, "producer": "stores/sandboxstore"}
        case "magento":
            kind = "com.adobe.commerce.observer.sales_order_save_commit_after"
            event = {"id": f"evt-{order_id}", "type": kind, "recipient_client_id": adobe.CLIENT_ID}
            return event | {"data": {"value": {"entity_id": order_id}}}
        case "ebay":
            metadata = {"topic": "ORDER_CONFIRMATION", "schemaVersion": "1.0"}
            notification = {"notificationId": f"evt-{order_id}", "data": {"orderId": order_id}}
            return {"metadata": metadata, "notification": notification}
        case "walmart":
            detail = {"subEventType": "PO_CREATED", "order": {"purchaseOrderId": order_id}}
            return {"source": {"eventType": "ORDER_UPDATES", "eventId": f"evt-{order_id}"}, "payload": detail}
        case "etsy":
            where = f"https://api.etsy.com/v3/application/shops/4200042/receipts/{order_id}"
            return {"event_type": "order.paid", "resource_url": where, "shop_id": 4200042}
        case "mercadolibre":
            resource = {"resource": f"/orders/{order_id}", "user_id": int(mercadolibre.SELLER)}
            return {"_id": f"evt-{order_id}", "topic": "orders_v2", "sent": "2026-11-25T09:00:00.000Z", **resource}
        case "meta-commerce":
            change = {"field": "orders", "value": {"order_id": order_id}}
            return {"object": "commerce_account", "entry": [{"id": order_id, "time": 1795000000, "changes": [change]}]}
    raise ValueError(source)
