"""The demo: a shop, its channels' deliveries through real HTTP and SQS, and what became of each order.

Deliveries come twice and out of order on purpose. What each order must come to stands in `events/demo/endings.json`;
the demo fails when one did not.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import urllib3

from infra.local import recorded as rec
from infra.local.checkout import pay
from infra.local.connect import connect
from infra.local.engine import ROOT
from infra.local.import_ import import_file
from infra.local.sandbox.accounts import credentials
from infra.local.sandbox.adobe import CLIENT_ID
from infra.local.sandbox.core import Settings
from infra.local.sandbox.ebay import VERIFICATION_TOKEN
from infra.local.sandbox.etsy import SIGNING_SECRET
from infra.local.sandbox.mercadolibre import SELLER
from infra.local.sandbox.paypal_signing import WEBHOOK_ID
from infra.local.sandbox.untold import untold
from infra.local.warehouse import Warehouse
from oms.domain import ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.system import Reply, System

EVENTS: Final = ROOT / "events"
PATIENCE_S: Final = 180.0
OK: Final = range(200, 300)
QUIET_ROUNDS: Final = 8
"""Looks at unmoving orders before the demo goes on: longer than a cold start takes."""
SANDBOX: Final = Settings()
SECRETS: Final = {
    "shopify": "demo-shopify-secret",
    "woocommerce": "demo-woocommerce-secret",
    "tiktok-shop": f"{SANDBOX.tiktok_app_key}:{SANDBOX.tiktok_app_secret}",
    "amazon": "",
    "bigcommerce": "demo-bigcommerce-secret",
    "magento": CLIENT_ID,
    "ebay": VERIFICATION_TOKEN,
    "walmart": "demo-walmart-secret",
    "etsy": SIGNING_SECRET,
    "mercadolibre": f"{SELLER}:demo-mercadolibre-token",
    "meta-commerce": "demo-meta-app-secret:demo-meta-verify-token",
    "webhook": "whsec_ZGVtby13ZWJob29rLXNlY3JldA==",
    "easypost": "demo-easypost-secret",
    "stripe": SANDBOX.webhook_secret,
    "adyen": SANDBOX.adyen_hmac_key,
    "paypal": WEBHOOK_ID,
}
"""What the demo's senders sign with. Secrets of nothing but the demo on this machine."""
CREDENTIALS: Final[dict[str, dict[str, str]]] = {
    "tiktok-shop": {
        "app_key": SANDBOX.tiktok_app_key,
        "app_secret": SANDBOX.tiktok_app_secret,
        "access_token": SANDBOX.tiktok_access_token,
    },
    "amazon": {
        "client_id": SANDBOX.amazon_client_id,
        "client_secret": SANDBOX.amazon_client_secret,
        "refresh_token": SANDBOX.amazon_refresh_token,
        "marketplace_ids": "ATVPDKIKX0DER,A1PA6795UKMFR9,A1VC38T7YXB528",
    },
    "shopify": {"access_token": SANDBOX.shopify_access_token},
    "woocommerce": {"consumer_key": SANDBOX.woocommerce_key, "consumer_secret": SANDBOX.woocommerce_secret},
    **credentials(SANDBOX),
    "stripe": {"secret_key": SANDBOX.stripe_key},
}
ACCOUNTS: Final = {"amazon": "A2NORTHWHARF00"}
SHOPS: Final = ("shopify", "woocommerce", "magento")
"""Channels whose shops stand each at a URL of their own: here, at the sandbox."""
CHANNELS: Final = (
    *("shopify", "woocommerce", "tiktok-shop", "amazon", "bigcommerce", "magento"),
    *("ebay", "walmart", "etsy", "mercadolibre", "meta-commerce", "webhook"),
)


LIMITED: Final = 429
"""Too many look-ups of one order, by runs that follow each other."""


class DemoError(Exception):
    """The demo met what should not happen."""


@dataclass(slots=True)
class Demo:
    """One run over a system. `say` tells people what happens."""

    system: System
    say: Callable[[str, str], None]
    sent: int = 0
    orders: dict[str, str] = field(default_factory=dict)
    """Order id by the name that the demo gives the order."""
    handed_over: set[str] = field(default_factory=set)
    """Tracking numbers of what was shipped in this run; an earlier one may have shipped the rest."""

    def load_shop(self) -> None:
        """Products, nodes and stock; connected accounts with their demo secrets."""
        for kind in ("products", "nodes", "tariff", "stock", "tax_rates"):
            counts, problems = import_file(self.system, kind, EVENTS / "demo" / f"{kind}.csv")
            if problems:
                raise DemoError("; ".join(problems))
            self.say("shop", f"{kind}: {counts['written']} written, {counts['unchanged']} unchanged")
        for source, secret in SECRETS.items():
            api = CREDENTIALS.get(source)
            if api and source in SHOPS:
                api = {**api, "url": self.system.sandbox_url}
            connect(self.system, source, ACCOUNTS.get(source, "main"), secret, api)
        self.say("shop", f"connected {', '.join(SECRETS)}")

    def deliver(self) -> None:
        """Every channel's samples, each twice, updates before creates where the samples have it so."""
        batch: list[rec.Recorded] = []
        for source in CHANNELS:
            files = sorted((EVENTS / "channels" / source).glob("*.json"))
            batch.extend(rec.read(source, file) for file in files)
        # Twice over, the second time backwards: every delivery has a duplicate, and comes early once or late once.
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(self._send, [*batch, *reversed(batch)]))
        counted: dict[str, int] = {}
        for source, outcome in answers:
            counted[f"{source} {outcome}"] = counted.get(f"{source} {outcome}", 0) + 1
        for what, count in sorted(counted.items()):
            self.say("deliveries", f"{what}: {count}")
        for recorded in batch:
            account = ACCOUNTS.get(recorded.source, "main")
            ending = rec.foresee(recorded, account)
            if ending.order_id:
                self.orders.setdefault(f"{recorded.source} {_external_id(recorded)}", ending.order_id)
        self._refuse_forgery(batch[0])

    def _send(self, recorded: rec.Recorded) -> tuple[str, str]:
        status, outcome = rec.send(
            self.system, recorded, ACCOUNTS.get(recorded.source, "main"), SECRETS[recorded.source]
        )
        self.sent += 1
        if status not in OK:
            raise DemoError(f"{recorded.source}/{recorded.name} was answered {status} {outcome}")
        return recorded.source, outcome

    def _refuse_forgery(self, recorded: rec.Recorded) -> None:
        status, outcome = rec.send(self.system, recorded, "main", "not the secret")
        if status != 401:  # noqa: PLR2004
            raise DemoError(f"a forged delivery was answered {status}")
        self.say("deliveries", f"one with a forged signature: {status} {outcome}")

    def find_untold(self) -> None:
        """Shopify has an order whose webhook is never sent; the poll that comes every ten minutes comes now."""
        given = untold("shopify", datetime.now(UTC) - timedelta(minutes=4), "101")
        if urllib3.request("POST", f"{self.system.sandbox_url}/_sandbox/orders", json=given).status not in OK:
            raise DemoError("the sandbox did not take an order")
        name = self.system.outputs["PollChannelsName"]
        answer = self.system.client("lambda").invoke(FunctionName=name, Payload=b"{}")
        counts = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise DemoError(f"the poll failed: {counts}")
        found = counts.get("missed", 0) + counts.get("behind", 0)
        self.say("polling", f"{counts['polls']} accounts asked for what they never told: {found} order found")
        self.orders["shopify 6399000000101"] = ids.order_id("shopify", "main", given["id"])

    def place(self) -> None:
        """Orders of the merchant's own site, paid at Stripe, Adyen and PayPal: held, and taken when goods leave."""
        for file in sorted((EVENTS / "channels" / "site").glob("*.json")):
            document = json.loads(file.read_text())
            key = f"demo-{file.stem}"
            known = ids.order_id("site", "main", key)
            if self.system.call("GET", f"/orders/{known}", role="admin").status in OK:
                self.orders[f"site {document['number']}"] = known
                self.say("site", f"{document['number']}: known from an earlier run")
                continue
            if reference := pay(self.system.sandbox_url, key, document):
                document["payment"]["reference"] = reference
            replies = [self.system.call("POST", "/orders", document, role="shop", key=key) for _ in range(2)]
            if replies[0].status not in OK or replies[1].status != 200:  # noqa: PLR2004
                raise DemoError(
                    f"{file.name} was answered {[reply.status for reply in replies]}: {replies[0].document}"
                )
            self.orders[f"site {document['number']}"] = replies[0].document["order_id"]
            self.say("site", f"{document['number']}: {replies[0].status}, the same again: {replies[1].status}")

    def work(self, *, to_the_end: bool = False) -> None:
        """Warehouses ship what is released and carriers deliver it.

        Until nothing moves, or until all ended as they should.
        """
        warehouse = Warehouse(self.system, SECRETS["easypost"], self.say, handed_over=self.handed_over)
        deadline = time.monotonic() + PATIENCE_S
        last: dict[str, Any] = {}
        quiet = 0
        while time.monotonic() < deadline:
            shipped = warehouse.ship_released()
            warehouse.deliver_shipped()
            seen = self.endings()
            quiet = 0 if shipped or seen != last else quiet + 1
            last = seen
            if all(each["ok"] for each in seen.values()) or (quiet >= QUIET_ROUNDS and not to_the_end):
                return
            time.sleep(0.3)

    def receive_stock(self) -> None:
        """Stock comes in for an order that waits for it."""
        waiting = [row["number"] for row in self._call("GET", "/orders?status=backordered").document["orders"]]
        self.say("stock", f"waiting for stock: {', '.join(waiting) or 'nobody'}")
        movements = [
            {"sku": "CLOCK-03", "node_id": "de-main", "kind": "receipt", "quantity": 5, "reason": "purchase order 4711"}
        ]
        reply = self._call("POST", "/stock/movements", {"movements": movements}, key="demo-receipt")
        self.say("stock", f"five CLOCK-03 received at de-main: {reply.status}")

    def refund(self) -> None:
        """One unit of a delivered order comes back; its price goes back to the card."""
        order_id = self.orders["site S-1001"]
        order = self._call("GET", f"/orders/{order_id}").document
        line = order["lines"][0]["line_id"]
        asked = {"lines": [{"line_id": line, "quantity": 1}], "reason": "requested_by_customer", "restock": True}
        self._call("POST", f"/orders/{order_id}/refunds", asked, key="demo-refund")
        reply = self._call("POST", f"/orders/{order_id}/refunds", asked, key="demo-refund")
        refunds = reply.document["money"]["refunds"]
        self.say("refund", f"S-1001, asked twice with one key: {len(refunds)} refund of {refunds[0]['amount']}")
        too_much = self.system.call(
            "POST",
            f"/orders/{order_id}/refunds",
            {"amount": 10**9, "reason": "too much"},
            role="finance",
            key="demo-no",
        )
        self.say("refund", f"more than was captured: {too_much.status} {too_much.document['code']}")
        for number in ("S-1006", "S-1007"):
            order = self._call("GET", f"/orders/{self.orders[f'site {number}']}").document
            back = {**asked, "lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 1}]}
            reply = self._call("POST", f"/orders/{order['order_id']}/refunds", back, key=f"demo-refund-{number}")
            (made,) = reply.document["money"]["refunds"]
            self.say("refund", f"{number}, paid at {order['money']['provider']}: {made['amount']} {made['status']}")

    def release_unknown(self) -> None:
        """The catalogue learns a product that an order named before; its line goes on."""
        from oms.adapters.dynamodb_reference import DynamoReference

        reference = DynamoReference(self.system.client("dynamodb"), self.system.outputs["ReferenceTable"])
        reference.put("product", "TEE-RED-XL", {"sku": "TEE-RED-XL", "title": "T-shirt red XL"})
        movements = [{"sku": "TEE-RED-XL", "node_id": "de-main", "kind": "receipt", "quantity": 3}]
        self._call("POST", "/stock/movements", {"movements": movements}, key="demo-receipt-red")
        held = self._call("GET", "/orders?status=on_hold").document["orders"]
        order = self._call("GET", f"/orders/{self.orders['shopify 6304000000106']}").document
        hold = next(each for each in order["holds"] if each["kind"] == "unknown_sku")
        self._call("POST", f"/orders/{order['order_id']}/holds/{hold['hold_id']}/release", {}, key="demo-release")
        self.say("holds", f"{order['number']}: unknown SKU imported, hold released ({len(held)} held before)")

    def look_up(self) -> str:
        """What a customer sees: by link, and by order number and e-mail."""
        link = self._call("POST", f"/orders/{self.orders['site S-1001']}/status-link", {}, key="demo-link").document
        status = self.system.call("GET", link["path"]).document
        self.say("customer", f"order {status['number']} is {status['status']}, promised by {status['promised_by']}")
        good = {"number": "S-1001", "email": "mara.lind@example.com"}
        found = self.system.call("POST", "/status/lookup", good)
        wrong = self.system.call("POST", "/status/lookup", {**good, "email": "somebody.else@example.com"})
        if LIMITED in (found.status, wrong.status):
            self.say("customer", "look-up by number and e-mail: 429, after runs a few minutes ago")
            return str(link["path"])
        if (found.status, wrong.status) != (200, 404):
            raise DemoError(f"look-ups were answered {found.status} and {wrong.status}")
        self.say("customer", f"look-up by number and e-mail: {found.status}; with another e-mail: {wrong.status}")
        self._assist(good)
        return str(link["path"])

    def _assist(self, customer: dict[str, str]) -> None:
        """What an assistant finds out for the customer, and for somebody else."""
        from infra.local.assistant import ask

        url = f"{self.system.api_url}/mcp"
        told = ask(url, "look_up_order", customer)
        parcels = ask(url, "track_parcels", {"token": told["token"]}) if told else None
        stranger = ask(url, "look_up_order", {**customer, "email": "somebody.else@example.com"})
        if self.system.call("POST", "/status/lookup", customer).status == LIMITED:
            self.say("assistant", "refused, after runs a few minutes ago")
            return
        if not told or not parcels or stranger or told["order"]["number"] != customer["number"]:
            raise DemoError(f"an assistant was told {told}, {parcels} and {stranger}")
        seen = f"{told['order']['status']}, parcels: {len(parcels['parcels'])}"
        self.say("assistant", f"order {told['order']['number']} is {seen}; with another e-mail: refused")

    def endings(self) -> dict[str, dict[str, Any]]:
        """How each order stands against what it must come to."""
        wanted: dict[str, dict[str, Any]] = json.loads((EVENTS / "demo" / "endings.json").read_text())
        seen = {}
        for name, ending in wanted.items():
            order_id = self.orders.get(name, "")
            reply = self.system.call("GET", f"/orders/{order_id}", role="admin") if order_id else None
            order = reply.document if reply and reply.status in OK else {}
            shown = {
                key: order.get(key) for key in ("stage", "payment_status", "number", "currency", "total", "channel")
            }
            seen[name] = {
                **shown,
                "ok": all(order.get(key) == value for key, value in ending.items()),
                "wanted": ending,
            }
        return seen

    def documents(self) -> list[dict[str, Any]]:
        """Every order of the demo as the API shows it."""
        replies = (self.system.call("GET", f"/orders/{each}", role="admin") for each in set(self.orders.values()))
        return [reply.document for reply in replies if reply.status in OK]

    def quarantined(self) -> list[dict[str, Any]]:
        """What could not be processed."""
        rows: list[dict[str, Any]] = self._call("GET", "/quarantine").document["quarantine"]
        return rows

    def _call(self, method: str, path: str, document: Any = None, key: str = "") -> Reply:
        reply = self.system.call(method, path, document, role="admin", key=key)
        if reply.status not in OK:
            raise DemoError(f"{method} {path} was answered {reply.status}: {reply.document}")
        return reply


def _external_id(recorded: rec.Recorded) -> str:
    from oms.application.senders import sender

    return sender(recorded.source).identify(recorded.request("main")).external_id or ""
