"""An imitation of Stripe's API for payment intents and refunds: routes, authentication, idempotency, events."""

from __future__ import annotations

import hmac
import re
import threading
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.core import Reply
from infra.local.sandbox.idempotency import IdempotencyKeys
from infra.local.sandbox.stripe_disputes import Disputes
from infra.local.sandbox.stripe_error import StripeError, invalid, missing
from infra.local.sandbox.stripe_ledger import Ledger
from infra.local.sandbox.stripe_objects import charge_document, event_document, intent_document, refund_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.sandbox.core import Clock, Request, Settings
    from infra.local.sandbox.record import Record
    from infra.local.sandbox.webhooks import Webhooks

_INTENT = re.compile(r"/v1/payment_intents/([A-Za-z0-9_]+)(?:/(confirm|capture|cancel))?")
_OBJECT = re.compile(r"/v1/(charges|refunds)/([A-Za-z0-9_]+)")
_MAX_PAGE = 100
_LIMITED = 429


class StripeVendor:
    """One account."""

    name = "stripe"

    def __init__(self, settings: Settings, clock: Clock, record: Record, webhooks: Webhooks) -> None:
        self._settings = settings
        self._clock = clock
        self._webhooks = webhooks
        self._keys = IdempotencyKeys(clock.now)
        self._lock = threading.RLock()
        self._pending: list[dict[str, Any]] = []
        self._events = 0
        self._timers: list[threading.Timer] = []
        self._started = f"{int(clock.now() * 1000):x}"
        self.ledger = Ledger(clock.now, record, self._emit)
        self.disputes = Disputes(clock.now, record, self._emit)

    def handles(self, path: str) -> bool:
        """Everything under /v1."""
        return path.startswith("/v1/")

    def answer(self, request: Request) -> Reply:
        """Authenticate, then answer from the idempotency key or by acting. Webhooks go out before this returns."""
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._settings.stripe_key}".encode()):
            return Reply(status=401, document=self.problem(401))
        if request.method != "POST":
            return self._attempt(request)
        try:
            kept = self._keys.begin(request)
        except StripeError as error:
            return Reply(status=error.status, document=error.document)
        return kept or self._attempt(request)

    def replace_kept(self, request: Request, reply: Reply) -> None:
        """Let the key remember another reply (a stored 500)."""
        self._keys.keep(request, reply)

    def problem(self, status: int) -> Mapping[str, Any]:
        """An error of Stripe's own making."""
        kind = "invalid_request_error" if status in {400, 401, _LIMITED} else "api_error"
        code = {"code": "rate_limit"} if status == _LIMITED else {}
        return {"error": {"type": kind, "message": f"sandbox answers {status}", **code}}

    def settle_refunds(self) -> int:
        """Decide the refunds that are pending."""
        with self._lock:
            changed = self.ledger.settle()
            events = self._take_events()
        self._webhooks.send(events)
        return changed

    def authenticate(self, ref: str) -> bool:
        """The shopper or the bank does what an intent was waiting for."""
        with self._lock:
            intent = self.ledger.intents.get(ref)
            if intent is None or intent.status not in {"requires_action", "processing"}:
                return False
            self.ledger.authorize(intent)
            events = self._take_events()
        self._webhooks.send(events)
        return True

    def dispute(self, ref: str, amount: int, status: str = "needs_response") -> str:
        """The customer disputes a payment, and the money is taken unless it is an inquiry; the dispute."""
        with self._lock:
            made = self.disputes.begin(self.ledger.intent(ref), amount, status)
            events = self._take_events()
        self._webhooks.send(events)
        return made

    def decide(self, dispute: str, outcome: str) -> None:
        """The bank decides: `won` or `lost`."""
        with self._lock:
            self.disputes.decide(dispute, outcome)
            events = self._take_events()
        self._webhooks.send(events)

    def expire(self) -> int:
        """End what was authorized too long ago; how many ended."""
        with self._lock:
            ended = self.ledger.expire()
            events = self._take_events()
        self._webhooks.send(events)
        return ended

    def close(self) -> None:
        """Decide nothing more."""
        for timer in self._timers:
            timer.cancel()

    def snapshot(self) -> dict[str, Any]:
        """Every intent, charge and refund as it stands."""
        with self._lock:
            intents = list(self.ledger.intents.values())
            return {
                "payment_intents": [intent_document(it) | {"captures": list(it.captures)} for it in intents],
                "charges": [charge_document(self.ledger, it) for it in intents if it.charged],
                "refunds": [refund_document(it) for it in self.ledger.refunds.values()],
            }

    def _attempt(self, request: Request) -> Reply:
        with self._lock:
            try:
                reply = Reply(document=self._route(request))
                stored = True
            except StripeError as error:
                reply, stored = Reply(status=error.status, document=error.document), error.stored
            if request.method == "POST":
                # kept before anything is sent: who retries while the early webhooks go out meets the result
                (self._keys.keep if stored else lambda it, _: self._keys.forget(it))(request, reply)
            events = self._take_events()
        self._webhooks.send(events)
        if self._settings.settle_after is not None and request.path == "/v1/refunds" and request.method == "POST":
            timer = threading.Timer(self._settings.settle_after, self.settle_refunds)
            timer.daemon = True
            timer.start()
            self._timers.append(timer)
        return reply

    def _route(self, request: Request) -> dict[str, Any]:
        method, path, form = request.method, request.path, request.form()
        key = request.headers.get("idempotency-key", "")
        if (method, path) == ("POST", "/v1/payment_intents"):
            return intent_document(self.ledger.create(form))
        if (method, path) == ("POST", "/v1/refunds"):
            return refund_document(self.ledger.refund(form, key))
        if (method, path) == ("GET", "/v1/refunds"):
            return self._list_refunds(request.query)
        if path.startswith("/v1/disputes/"):
            return self.disputes.act(method, path, form, key)
        if match := _INTENT.fullmatch(path):
            document = self._intent(method, match[1], match[2], form, key)
            if request.query.get("expand[]") == "latest_charge" and document["latest_charge"]:
                document["latest_charge"] = charge_document(self.ledger, self.ledger.intent(match[1]))
            return document
        if (match := _OBJECT.fullmatch(path)) and method == "GET":
            if match[1] == "charges":
                return charge_document(self.ledger, self.ledger.intent(match[2]))
            if refund := self.ledger.refunds.get(match[2]):
                return refund_document(refund)
        raise missing("route", f"{method} {path}")

    def _intent(self, method: str, ref: str, verb: str | None, form: Mapping[str, str], key: str) -> dict[str, Any]:
        intent = self.ledger.intent(ref)
        match method, verb:
            case "GET", None:
                pass
            case "POST", "confirm":
                self.ledger.confirm(intent, form)
            case "POST", "capture":
                self.ledger.capture(intent, form, key)
            case "POST", "cancel":
                self.ledger.cancel(intent, form, key)
            case _:
                raise missing("route", f"{method} {verb}")
        return intent_document(intent)

    def _list_refunds(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Newest first, paged by `limit` and `starting_after`."""
        limit = query.get("limit", "10")
        if not limit.isdigit() or not 1 <= int(limit) <= _MAX_PAGE:
            raise invalid("Invalid limit", "limit")
        ref = query.get("payment_intent") or query.get("charge", "")
        refunds = [
            it for it in reversed(self.ledger.refunds.values()) if not ref or ref in {it.intent.ref, it.intent.charge}
        ]
        after = query.get("starting_after")
        if after:
            places = [place for place, it in enumerate(refunds) if it.ref == after]
            if not places:
                raise missing("refund", after)
            refunds = refunds[places[0] + 1 :]
        page = refunds[: int(limit)]
        return {
            "object": "list",
            "url": "/v1/refunds",
            "has_more": len(refunds) > len(page),
            "data": [refund_document(it) for it in page],
        }

    def _emit(self, topic: str, subject: object) -> None:
        self._events += 1
        ref = f"evt_{self._started}{self._events:06d}"
        self._pending.append(event_document(self.ledger, topic, subject, ref, int(self._clock.now())))

    def _take_events(self) -> list[dict[str, Any]]:
        events, self._pending = self._pending, []
        return events
