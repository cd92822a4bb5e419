"""The sandbox itself: one loopback HTTP server in front of the imitated vendors, with faults and a record."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

from infra.local.sandbox.adobe import AdobeVendor
from infra.local.sandbox.adyen import AdyenTeller, AdyenVendor
from infra.local.sandbox.channels import Channel, of_account, open_channels
from infra.local.sandbox.control import Control
from infra.local.sandbox.core import Clock, Reply, Request, Settings
from infra.local.sandbox.easypost import EasyPostVendor
from infra.local.sandbox.faults import FaultPlan
from infra.local.sandbox.fraud import FraudVendor
from infra.local.sandbox.limits import Limits
from infra.local.sandbox.merchant import MerchantVendor
from infra.local.sandbox.paypal import PayPalVendor
from infra.local.sandbox.paypal_signing import WEBHOOK_ID, PayPalTeller
from infra.local.sandbox.record import Record, public
from infra.local.sandbox.stripe import StripeVendor
from infra.local.sandbox.tokens import account_of
from infra.local.sandbox.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from infra.local.sandbox.channels import Channels
    from infra.local.sandbox.core import Vendor
    from infra.local.sandbox.faults import Fault, Rule
    from infra.local.sandbox.webhooks import Teller

_MAX_BODY = 1_000_000
_POLL = 0.05


class Sandbox:
    """The vendors on a free (or given) loopback port. A context manager; `serve` runs in the foreground instead."""

    def __init__(self, settings: Settings | None = None, *, port: int = 0, rules: Iterable[Rule] = ()) -> None:
        self.settings = settings or Settings()
        self.clock = Clock()
        self.record = Record(self.clock.now, self.settings.record_file)
        self.faults = FaultPlan(self.clock.now, rules)
        self.limits = Limits(self.clock.now, self.settings.limits)
        self.webhooks = Webhooks(self.settings, self.clock.now, self.record)
        self.stripe = StripeVendor(self.settings, self.clock, self.record, self.webhooks)
        told, asked = self._told, self.settings
        self.adyen_webhooks = told(AdyenTeller(), asked.adyen_webhook_url, asked.adyen_hmac_key)
        self.paypal_webhooks = told(PayPalTeller(), asked.paypal_webhook_url, WEBHOOK_ID)
        self.paypal = PayPalVendor(self.settings, self.clock, self.record, self.paypal_webhooks)
        self.adyen = AdyenVendor(self.settings, self.clock, self.record, self.adyen_webhooks)
        self.easypost = EasyPostVendor(self.settings, self.record)
        self.merchant = MerchantVendor(self.clock, self.record)
        self.fraud = FraudVendor(self.clock)
        self._accounts: dict[str, Channels] = {}
        self._opening = threading.Lock()
        first = self.account("")
        self.tiktok, self.amazon, self.mercadolibre = first.tiktok, first.amazon, first.mercadolibre
        self.shopify, self.woocommerce, self.bigcommerce = first.shopify, first.woocommerce, first.bigcommerce
        self.magento, self.ebay, self.walmart = first.magento, first.ebay, first.walmart
        self.etsy, self.meta = first.etsy, first.meta
        # Some paths of Mercado Libre, EasyPost and PayPal lie among those that others have all of.
        providers = (self.paypal, self.stripe, self.adyen)
        others = (*providers, self.merchant, self.fraud, AdobeVendor())
        self._vendors: tuple[Vendor, ...] = (first.mercadolibre, self.easypost, *others, *first)
        self._control = Control(
            self.clock,
            self.record,
            self.faults,
            self.limits,
            self.webhooks,
            self.stripe,
            (self.merchant, self.fraud),
            self.account,
        )
        self._server = _Server(port, self)
        self._thread: threading.Thread | None = None

    def account(self, name: str) -> Channels:
        """The channels of an account, opened when they are first asked for; those of the first without a name."""
        with self._opening:
            if name not in self._accounts:
                self._accounts[name] = open_channels(of_account(self.settings, name), self.clock, self.record)
            return self._accounts[name]

    def _told(self, teller: Teller, url: str, secret: str) -> Webhooks:
        return Webhooks(self.settings, self.clock.now, self.record, teller, url=url, secret=secret)

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every call so far."""
        return self.record.calls

    @property
    def effects(self) -> list[dict[str, Any]]:
        """Every money movement so far."""
        return self.record.effects

    @property
    def told(self) -> list[dict[str, Any]]:
        """Everything that channels were told and took."""
        return self.record.told

    def add_fault(self, **spec: object) -> None:
        """One more fault, as in `POST /_sandbox/faults`."""
        self.faults.add([spec])

    def serve(self) -> None:
        """Run until interrupted."""
        try:
            self._server.serve_forever(poll_interval=_POLL)
        finally:
            self._close()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,), daemon=True, name="sandbox")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        if self._thread:
            self._thread.join()
        self._close()

    def handle(self, request: Request) -> Reply | None:
        """Answer a call, faults included; None: close the connection without an answer."""
        if request.path.startswith("/_sandbox/"):
            return self._control.answer(request)
        vendor = next((it for it in self._vendors if it.handles(request.path)), None)
        if vendor is None:
            return Reply(status=404, document={"message": "no vendor has this path"})
        account = account_of(request)
        if account and isinstance(vendor, Channel):
            vendor = self.account(account).named(vendor.name)
        refused = self.limits.refused(vendor, account, request)
        fault = None if refused else self.faults.pick(vendor.name, request.method, request.path)
        reply = refused or (self._meet(fault, vendor, request) if fault else vendor.answer(request))
        self.record.call(
            vendor=vendor.name,
            method=request.method,
            path=request.path,
            query=public(request.query),
            form=public(request.form()) if vendor is self.stripe else {},
            key=request.headers.get("idempotency-key", "") or request.headers.get("paypal-request-id", ""),
            status=reply.status if reply else 0,
            fault="limited" if refused else _name(fault),
            replayed=bool(reply and reply.headers.get("idempotent-replayed")),
            **({"account": account} if account else {}),
        )
        return reply

    def _meet(self, fault: Fault, vendor: Vendor, request: Request) -> Reply | None:
        time.sleep(fault.delay)
        if fault.drop == "before":
            return None
        acts = fault.after or fault.drop == "after" or not fault.status
        reply = vendor.answer(request) if acts else None
        if fault.status:
            headers = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
            reply = Reply(status=fault.status, document=vendor.problem(fault.status), headers=headers)
            if fault.stored and vendor is self.stripe:
                self.stripe.replace_kept(request, reply)
        return None if fault.drop else reply

    def _close(self) -> None:
        self._server.server_close()
        self.stripe.close()
        for told in (self.webhooks, self.adyen_webhooks, self.paypal_webhooks):
            told.close()


def _name(fault: Fault | None) -> str:
    if fault is None:
        return ""
    if fault.drop:
        return f"dropped {fault.drop}"
    return f"status {fault.status}" if fault.status else f"delay {fault.delay:g}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 30

    def do_GET(self) -> None:
        """Answer a read."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a write."""
        self._answer()

    def do_PUT(self) -> None:
        """Answer an update."""
        self._answer()

    def do_PATCH(self) -> None:
        """Answer a change of a part."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Say nothing: the record says it."""

    def _answer(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            length = self.headers.get("content-length", "0")
            if not length.isdigit() or int(length) > _MAX_BODY:
                self._send(Reply(status=413, document={"message": "too large"}))
                self.close_connection = True
                return
            url = urlsplit(self.path)
            request = Request(
                method=self.command,
                path=url.path,
                query=dict(parse_qsl(url.query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(length)),
            )
            reply = self.server.sandbox.handle(request)
            if reply is not None:
                self._send(reply)
                return
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, reply: Reply) -> None:
        body = reply.body()
        self.send_response(reply.status)
        headers: Mapping[str, str] = {"content-type": "application/json", **reply.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
