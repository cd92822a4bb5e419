"""The demo's ERP: subscribed to, told of every order, asked afterwards what it wrote down itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import urllib3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from infra.local.system import System

EVENTS: Final = (
    *("OrderPlaced.v1", "OrderPromised.v1", "OrderCancelled.v1"),
    *("ShipmentShipped.v1", "ParcelDelivered.v1", "RefundSucceeded.v1"),
)
PATIENCE_S: Final = 180.0
BEGINNING: Final = "2020-01-01T00:00:00Z"
KEY: Final = "demo-erp"


class OutboundError(Exception):
    """The ERP was not told, or not as it should be."""


@dataclass(slots=True)
class Erp:
    """The system at `/merchant/erp` of the sandbox."""

    system: System
    say: Callable[[str, str], None]
    subscription_id: str = ""

    def subscribe(self) -> None:
        """Subscribe it, give it its secret, and try it out; private addresses are refused."""
        body = {"url": f"{self.system.sandbox_url}/merchant/erp", "event_types": list(EVENTS), "integration": "erp"}
        made = self.system.call("POST", "/webhook-subscriptions", body, role="admin", key=KEY)
        if made.status not in (200, 201):
            raise OutboundError(f"the subscription was answered {made.status}: {made.document}")
        self.subscription_id = made.document["subscription_id"]
        secret = {"system": "erp", "secret": made.document["secret"]}
        urllib3.request("POST", f"{self.system.sandbox_url}/_sandbox/merchant", json=secret)
        ping = self._call("ping", {})
        refused = []
        for url in ("https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/", "http://erp.example.com/"):
            answer = self.system.call(
                "POST", "/webhook-subscriptions", {**body, "url": url}, role="admin", key=f"{KEY} {url}"
            )
            refused.append(answer.status)
        if not ping["delivered"] or set(refused) != {422}:
            raise OutboundError(f"the ping: {ping}; private addresses: {refused}")
        self.say(
            "webhooks", f"ERP subscribed to {len(EVENTS)} events; ping {ping['status']}; private addresses refused"
        )

    def tell_again(self, run: str) -> None:
        """Everything from the beginning, read from the log: what it knows comes with the id that it knows it by."""
        self._call("replays", {"since": BEGINNING}, key=f"{KEY} {run}")

    def check(self, orders: Iterable[str]) -> bool:
        """What it wrote down, once it has been told of all these orders; whether it has."""
        wanted, deadline = set(orders), time.monotonic() + PATIENCE_S
        taken = self._taken()
        while wanted - _orders(taken) and time.monotonic() < deadline:
            time.sleep(0.5)
            taken = self._taken()
        kinds: dict[str, set[str]] = {}
        for each in taken:
            kinds.setdefault(each["type"], set()).add(each["id"])
        for kind, ids in sorted(kinds.items()):
            self.say("webhooks", f"{kind}: {len(ids)} received")
        refused, again = len(self._receipts()) - len(taken), len(taken) - sum(len(ids) for ids in kinds.values())
        self.say("webhooks", f"{refused} refused at first and tried again; {again} came again, each by the id it had")
        missing = wanted - _orders(taken)
        self.say("webhooks", f"the ERP was told of {len(wanted) - len(missing)} of {len(wanted)} orders")
        return not missing

    def _call(self, verb: str, body: dict[str, Any], key: str = "") -> Any:
        path = f"/webhook-subscriptions/{self.subscription_id}/{verb}"
        reply = self.system.call("POST", path, body, role="admin", key=key or f"{KEY} {verb}")
        if reply.status not in (200, 202):
            raise OutboundError(f"{verb} was answered {reply.status}: {reply.document}")
        return reply.document

    def _receipts(self) -> list[dict[str, Any]]:
        seen = urllib3.request("GET", f"{self.system.sandbox_url}/_sandbox/record").json()
        return [each for each in seen["receipts"] if each["system"] == "erp"]

    def _taken(self) -> list[dict[str, Any]]:
        return [each for each in self._receipts() if each["status"] == 200]  # noqa: PLR2004 - HTTP


def _orders(taken: Iterable[dict[str, Any]]) -> set[str]:
    return {each["order_id"] for each in taken if each["type"] == "OrderPlaced.v1"}
