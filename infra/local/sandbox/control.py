"""The sandbox's own endpoints, under /_sandbox: what tests and the demo steer it with.

GET  record       {"calls", "effects", "webhooks", "receipts", "told", "payment_intents", "charges", "refunds"}
POST faults       one fault or a list of faults (see faults.py); {"clear": true} forgets all
POST limits       {"drain": vendor, "account"?}: it has made all the calls that it may; {"speed"} as `limits` says
POST webhooks     {"url", "secret", "early_every", "twice_every"}, any of them
POST settle       decide pending refunds
POST expire       end authorizations whose time is over by the sandbox's clock
POST authenticate {"payment_intent"}: the shopper passes the bank's check
POST clock        {"advance": seconds}
POST merchant     {"system", "secret"}: what this system of the merchant's checks signatures with
POST orders       {"vendor", "id", "order", "account"?}: a channel has this order (null: has it no longer), and tells
                  nobody. Amazon's in its parts: {"order", "orderItems", "address", "buyerInfo"}
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.core import Reply
from infra.local.sandbox.faults import FaultSpecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.sandbox.channels import Channels
    from infra.local.sandbox.core import Clock, Request
    from infra.local.sandbox.faults import FaultPlan
    from infra.local.sandbox.fraud import FraudVendor
    from infra.local.sandbox.limits import Limits
    from infra.local.sandbox.merchant import MerchantVendor
    from infra.local.sandbox.record import Record
    from infra.local.sandbox.stripe import StripeVendor
    from infra.local.sandbox.webhooks import Webhooks


class Control:
    """Answers the calls under /_sandbox."""

    def __init__(
        self,
        clock: Clock,
        record: Record,
        faults: FaultPlan,
        limits: Limits,
        webhooks: Webhooks,
        stripe: StripeVendor,
        systems: tuple[MerchantVendor, FraudVendor],
        account: Callable[[str], Channels],
    ) -> None:
        self._clock = clock
        self._record = record
        self._faults = faults
        self._limits = limits
        self._webhooks = webhooks
        self._stripe = stripe
        self._merchant, self._fraud = systems
        self._account = account

    def answer(self, request: Request) -> Reply:
        """Do it, and say so."""
        try:
            document = self._do(request.method, request.path.removeprefix("/_sandbox/"), _body(request))
        except (FaultSpecError, KeyError, TypeError, ValueError) as error:
            return Reply(status=400, document={"message": str(error)})
        return Reply(status=404 if document is None else 200, document=document or {"message": "no such control"})

    def _do(self, method: str, name: str, body: Any) -> dict[str, Any] | None:
        steps: dict[str, Callable[[Any], dict[str, Any]]] = {
            "GET record": lambda _: self._seen(),
            "POST faults": self._set_faults,
            "POST limits": self._set_limits,
            "POST webhooks": self._set_webhooks,
            "POST expire": lambda _: {"expired": self._stripe.expire()},
            "POST settle": lambda _: {"settled": self._stripe.settle_refunds()},
            "POST authenticate": lambda it: {"authenticated": self._stripe.authenticate(str(it["payment_intent"]))},
            "POST clock": self._move_clock,
            "POST orders": self._put_order,
            "POST merchant": self._give_secret,
            "POST fraud": self._decide,
        }
        step = steps.get(f"{method} {name}")
        return step(body) if step else None

    def _seen(self) -> dict[str, Any]:
        seen = {"calls": self._record.calls, "effects": self._record.effects, "webhooks": self._record.webhooks}
        seen["told"] = self._record.told
        seen["receipts"] = self._record.receipts
        return seen | self._stripe.snapshot()

    def _move_clock(self, body: dict[str, Any]) -> dict[str, Any]:
        self._clock.advance(float(body["advance"]))
        return {"now": self._clock.now()}

    def _give_secret(self, body: dict[str, Any]) -> dict[str, Any]:
        self._merchant.secrets[str(body["system"])] = str(body["secret"])
        return {"system": body["system"]}

    def _decide(self, body: dict[str, Any]) -> dict[str, Any]:
        order_id, decision = str(body["order_id"]), str(body["decision"])
        headers, told = self._fraud.word(order_id, decision, f"evt_{order_id}_{decision}")
        return {"headers": headers, "body": told.decode()}

    def _put_order(self, body: dict[str, Any]) -> dict[str, Any]:
        channels = self._account(str(body.get("account", "")))
        channels.named(str(body["vendor"])).shelf.put(str(body["id"]), body["order"])
        return {"id": body["id"]}

    def _set_faults(self, body: Any) -> dict[str, Any]:
        specs = body if isinstance(body, list) else [body]
        if specs == [{"clear": True}]:
            self._faults.clear()
            return {"cleared": True}
        self._faults.add(specs)
        return {"added": len(specs)}

    def _set_limits(self, body: dict[str, Any]) -> dict[str, Any]:
        self._limits.speed = float(body.get("speed", self._limits.speed))
        if "drain" in body:
            self._limits.drain(str(body["drain"]), str(body.get("account", "")))
        return {"speed": self._limits.speed}

    def _set_webhooks(self, body: dict[str, Any]) -> dict[str, Any]:
        self._webhooks.url = str(body.get("url", self._webhooks.url))
        self._webhooks.secret = str(body.get("secret", self._webhooks.secret))
        self._webhooks.early_every = int(body.get("early_every", self._webhooks.early_every))
        self._webhooks.twice_every = int(body.get("twice_every", self._webhooks.twice_every))
        return {"url": self._webhooks.url}


def _body(request: Request) -> Any:
    body = json.loads(request.body or b"{}")
    if not isinstance(body, (dict, list)):
        raise TypeError("the body must be an object or a list")
    return body
