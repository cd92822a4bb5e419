"""A shop that is told: use cases over ports in memory, the real connectors and adapters, the vendors' sandbox."""

from __future__ import annotations

import json
from collections import deque
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from infra.local.sandbox.accounts import credentials
from infra.local.sandbox.core import Request, Settings
from infra.local.sandbox.server import Sandbox
from oms.adapters.rest import Answer, RestClient
from oms.adapters.vendor_http import VendorApi
from oms.application.gates import Gates
from oms.application.telling import TellChannel
from oms.application.telling_levels import TellLevels
from oms.channels.outward import kinds
from oms.domain.channel_dues import Due, due
from oms.domain.commit import Cause, Commit
from oms.domain.errors import UpstreamError
from oms.domain.history import History
from oms.domain.order.summary import summarize
from tests.proof.memory import MemoryMarks, MemoryQuarantine, MemoryReference, Store
from tests.support.builders import IN_CHANNEL, T0, Story, line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest

    from oms.application.telling import Outcome

CREDENTIALS = {
    "shopify": {"url": "https://shop.example", "access_token": "sandbox_shopify_token"},
    "woocommerce": {"url": "https://woo.example", "consumer_key": "ck_sandbox", "consumer_secret": "cs_sandbox"},
    "amazon": {
        "client_id": Settings().amazon_client_id,
        "client_secret": Settings().amazon_client_secret,
        "refresh_token": Settings().amazon_refresh_token,
    },
    "tiktok-shop": {
        "app_key": Settings().tiktok_app_key,
        "app_secret": Settings().tiktok_app_secret,
        "access_token": Settings().tiktok_access_token,
    },
    **credentials(Settings(), "https://magento.example"),
}
VENDORS = {"tiktok-shop": "tiktok", "meta-commerce": "meta"}
"""Channels that the sandbox has under another name."""
STOCK_SETTINGS: dict[str, dict[str, Any]] = {
    "amazon": {"seller": "A2SELLER", "marketplace": "ATVPDKIKX0DER"},
    "tiktok-shop": {},
}
"""What accounts say of their stock, where it is not a location."""
LOGINS = ("/token", "/oauth2/token")


def walmart_line(number: str, amount: str) -> dict[str, Any]:
    """A line of an order that nobody has acknowledged."""
    units = {"unitOfMeasurement": "EACH", "amount": amount}
    statuses = {"orderLineStatus": [{"status": "Created", "statusQuantity": units}]}
    money = {"currency": "EUR", "amount": 5 * (3 - int(number)) * int(amount)}
    charge = {"chargeType": "PRODUCT", "chargeName": "ItemPrice", "chargeAmount": money, "tax": None}
    charges = {"charge": [charge]}
    return {"lineNumber": number, "orderLineQuantity": units, "orderLineStatuses": statuses, "charges": charges}


def magento_item(number: int, units: int, total: float, **changes: Any) -> dict[str, Any]:
    """An order item without taxes."""
    return {"item_id": number, "product_type": "simple", "qty_ordered": units, "row_total": total, **changes}


ORDERS: dict[str, dict[str, Any]] = {
    "shopify": {
        "id": 1001,
        "created_at": "2026-11-25T09:00:00Z",
        "processed_at": "2026-11-25T09:00:00Z",
        "updated_at": "2026-11-25T09:00:00Z",
        "currency": "EUR",
        "presentment_currency": "EUR",
        "financial_status": "paid",
        "total_price": "25.00",
        "line_items": [{"id": 1, "quantity": 2}, {"id": 2, "quantity": 1}],
        "fulfillments": [],
        "refunds": [],
    },
    "woocommerce": {"id": 1001, "status": "processing"},
    "bigcommerce": {
        "order": {"id": 1001},
        "products": [{"id": 1, "order_address_id": 7}, {"id": 2, "order_address_id": 7}],
        "refunds": [],
    },
    "magento": {
        "order": {
            "entity_id": 1001,
            "state": "processing",
            "order_currency_code": "EUR",
            "base_currency_code": "EUR",
            "items": [magento_item(1, 2, 20.0), magento_item(2, 1, 5.0)],
        },
        "creditmemos": [],
        "invoices": [
            {"entity_id": 10011, "transaction_id": "t", "items": [{"order_item_id": 1, "qty": 2}]},
        ],
    },
    "ebay": {"orderId": "1001", "lineItems": [{"lineItemId": "1"}, {"lineItemId": "2"}]},
    "walmart": {
        "purchaseOrderId": "1001",
        "orderLines": {"orderLine": [walmart_line("1", "2"), walmart_line("2", "1")]},
    },
    "etsy": {"receipt_id": 1001, "shipments": []},
    "amazon": {"order": {"AmazonOrderId": "1001", "MarketplaceId": "ATVPDKIKX0DER"}},
    "tiktok-shop": {
        "id": "1001",
        "shipping_type": "SELLER",
        "recipient_address": {"region_code": "US"},
        "line_items": [{"id": "1", "package_id": ""}, {"id": "2", "package_id": ""}],
    },
    "mercadolibre": {
        "order": {"id": 1001},
        "shipment": {
            "id": 44100000901,
            "status": "ready_to_ship",
            "logistic": {"mode": "me1"},
            "source": {"site_id": "MLA"},
            "destination": {"receiver_id": 778899001},
        },
        "refunds": [],
    },
    "meta-commerce": {
        "order": {
            "id": "1001",
            "order_status": {"state": "CREATED"},
            "estimated_payment_details": {"total_amount": {"amount": "25.00", "currency": "EUR"}},
        },
        "items": [
            {"id": "1", "quantity": 2, "price_per_unit": {"amount": "10.00", "currency": "EUR"}},
            {"id": "2", "quantity": 1, "price_per_unit": {"amount": "5.00", "currency": "EUR"}},
        ],
        "cancellations": [],
        "refunds": [],
    },
}


class Told(Story):
    """A story whose steps are commits."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[Commit] = []

    def do(self, command: Any) -> Any:
        """As a story does it, and the commit."""
        events = super().do(command)
        if events:
            number = len(self.commits) + 1
            self.commits.append(
                Commit(
                    stream=f"order#{self.order_id}",
                    number=number,
                    command_id=command.command_id,
                    cause=Cause(kind="api", ref="test"),
                    at=T0 + timedelta(minutes=number),
                    events=events,
                    previous="",
                    summary=summarize(self.order, T0),
                )
            )
        return events

    @property
    def due(self) -> list[Due]:
        """Of all commits."""
        return [each for commit in self.commits for each in due(commit)]

    @property
    def history(self) -> History:
        """The stream."""
        return History(stream=f"order#{self.order_id}", commits=tuple(self.commits))


class Shop:
    """A channel with one order of two lines, 2 and 1 units for 25.00 EUR, and what the system tells it."""

    def __init__(self, patch: pytest.MonkeyPatch, source: str, **settings: Any) -> None:
        self.source, self.now = source, T0 + timedelta(hours=1)
        self.story = Told()
        self.story.place(line("1", 2), line("2", 1, 500), plan=IN_CHANNEL, source=source, account="main")
        self.sandbox = Sandbox(Settings())
        self.sandbox._server.server_close()
        self.vendor = getattr(self.sandbox, VENDORS.get(source, source))
        self.vendor.shelf.put("1001", ORDERS[source])
        self.faults: deque[Callable[[Callable[[], Answer]], Answer]] = deque()
        """What happens to the next calls, in order; a call beyond them is answered."""
        self.calls: list[str] = []
        self.bodies: list[Any] = []
        """Of `calls`."""
        patch.setattr(RestClient, "send", self._send)
        self.store = Store()
        self.outbox = MemoryMarks(self.store)
        self.quarantine = MemoryQuarantine(self.store)
        self.reference = MemoryReference(self.store)
        tell = sorted(kinds(source)) if "tell" not in settings else settings.pop("tell")
        self.reference.put("policy", "outbound", {"accounts": {f"{source}/main": {"tell": tell, **settings}}})
        self.queue: list[tuple[dict[str, Any], int]] = []
        self.turns = 0
        self.available: dict[str, int] = {}
        self.looks = 0
        gates = Gates(self.outbox, lambda: self.now)
        api = VendorApi(lambda name, _: CREDENTIALS[name])
        ports: Any = (self.reference, api, self.outbox, gates, self.quarantine, self._later, lambda: self.now)
        orders: Any = SimpleNamespace(load=lambda _: SimpleNamespace(history=self.story.history), execute=self._execute)
        self.tell = TellChannel(orders, *ports)
        levels: Any = self._levels
        self.levels = TellLevels(ports[0], levels, *ports[1:])

    # ---------------------------------------------------------------- what the system does

    def message(self, kind: str, place: int = -1) -> dict[str, Any]:
        """The message of the queue for one thing that is due."""
        from oms.application.relay_outbound import queued

        found = [each for each in self.story.due if each.kind.value == kind]
        return queued(found[place], self.source, "main")

    def say(self, message: Mapping[str, Any]) -> Outcome:
        """One delivery of a message."""
        self.turns += 1
        use_case = self.levels if message["kind"] == "stock" else self.tell
        return use_case(message, f"m{self.turns}:1")

    def drain(self, turns: int = 30) -> list[str]:
        """Deliver what waits, each when its time has come; how each ended."""
        words = []
        while self.queue and turns:
            turns -= 1
            message, wait = self.queue.pop(0)
            self.now += timedelta(seconds=wait)
            words.append(self.say(message).word)
        return words

    @property
    def told(self) -> list[dict[str, Any]]:
        """By the shop's own record."""
        return [{name: value for name, value in each.items() if name != "at"} for each in self.sandbox.told]

    @property
    def parked(self) -> list[Any]:
        """What is before a person."""
        return [entry for entry, _ in self.store.parked.values()]

    def _later(self, message: Mapping[str, Any], wait: int) -> None:
        self.queue.append((dict(message), wait))

    def _execute(self, order_id: str, command: Any, cause: Any) -> None:
        self.story.do(command)

    def _levels(self, skus: Any, channel: str, account: str) -> list[dict[str, Any]]:
        self.looks += 1
        return [{"sku": sku, "available": self.available[sku]} for sku in skus]

    # ---------------------------------------------------------------- the network

    def _send(self, method: str, path: str, **parts: Any) -> Answer:
        login = path.endswith(LOGINS)
        self.calls += [] if login else [f"{method} {path}"]
        self.bodies += [] if login else [json.loads(parts.get("body") or b"null")]

        def reached() -> Answer:
            names = {name.lower(): value for name, value in (parts.get("headers") or {}).items()}
            names["host"] = "magento.example"
            request = Request(
                method=method,
                path=urlsplit(path).path,
                query=dict(parts.get("query") or {}),
                headers=names,
                body=parts.get("body") or b"",
            )
            reply = self.sandbox.handle(request)
            assert reply is not None
            return Answer(status=reply.status, headers=dict(reply.headers), body=reply.body())

        return self.faults.popleft()(reached) if self.faults and not login else reached()


def shipped(patch: pytest.MonkeyPatch, source: str, **settings: Any) -> Shop:
    """An order whose three units left in one parcel."""
    made = Shop(patch, source, **settings)
    made.story.promise()
    made.story.ship(tracking="TRK 1")
    return made


def in_two(patch: pytest.MonkeyPatch, source: str, **settings: Any) -> Shop:
    """An order whose lines left one after the other."""
    made = Shop(patch, source, **settings)
    made.story.promise()
    made.story.ship({"1": 2}, tracking="TRK 1")
    made.story.ship({"2": 1}, tracking="TRK 2")
    return made


def fine(reached: Callable[[], Answer]) -> Answer:
    """Nothing happens to it."""
    return reached()


def lost(reached: Callable[[], Answer]) -> Answer:
    """The vendor acts; nobody hears."""
    reached()
    raise UpstreamError("no answer from the vendor", vendor="v", cause="ReadTimeoutError", sent=True)


def unreachable(_: Callable[[], Answer]) -> Answer:
    """Nothing arrives."""
    raise UpstreamError("no answer from the vendor", vendor="v", cause="NewConnectionError", sent=False)


def says(status: int, document: Any = None, **headers: str) -> Callable[[Callable[[], Answer]], Answer]:
    """The vendor does nothing but say this."""

    def fault(_: Callable[[], Answer]) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(status=status, headers=names, body=json.dumps(document or {}).encode())

    return fault
