"""An imitation of PayPal's Orders v2 and Payments v2, and of its webhooks.

Rules: developer.paypal.com/api/orders/v2, /api/payments/v2, /reference/guidelines/idempotency. Written apart from the
system under test: nothing of `oms` is imported. How a payment goes is said when its order is made, in
`payment_source.sandbox.course`: `` goes well; `declined` is refused when it is authorized; of `capture_pending` and
`capture_denied` captures wait for `settle`, which completes or denies them; of `refund_pending` refunds do.
"""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from infra.local.sandbox.core import Reply
from infra.local.sandbox.idempotency import IdempotencyKeys
from infra.local.sandbox.paypal_disputes import ROOT, Disputes
from infra.local.sandbox.paypal_money import PayPalError, amount_of, money_of
from infra.local.sandbox.paypal_signing import CERT_PATH, certificate
from infra.local.sandbox.paypal_things import GONE, Order, Thing
from infra.local.sandbox.stripe_error import StripeError
from infra.local.sandbox.tokens import Tokens, bearer, is_basic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.sandbox.core import Clock, Request, Settings
    from infra.local.sandbox.record import Record
    from infra.local.sandbox.webhooks import Webhooks

_TOKEN: Final = "/v1/oauth2/token"  # noqa: S105 - a path
_ORDERS: Final = re.compile(r"/v2/checkout/orders(?:/([A-Z0-9]+)(?:/(authorize))?)?")
_PAYMENTS: Final = re.compile(
    r"/v2/payments/(authorizations|captures)/([A-Z0-9]+)(?:/(capture|void|refund|reauthorize))?"
)
_DAY: Final = 86_400.0
_HONORED: Final = 3
_HELD: Final = 29
"""Days."""
_LIFETIME: Final = 32_400
_BASE: Final = "https://api-m.sandbox.paypal.com"


class PayPalVendor:
    """One application of one merchant."""

    name = "paypal"

    def __init__(self, settings: Settings, clock: Clock, record: Record, webhooks: Webhooks) -> None:
        self._settings = settings
        self._clock = clock
        self._record = record
        self._webhooks = webhooks
        self._keys = {
            hours: IdempotencyKeys(clock.now, kept=hours * 3600.0, longest=108, header="paypal-request-id")
            for hours in (6, 45 * 24)
        }
        self._lock = threading.RLock()
        self._pending: list[dict[str, Any]] = []
        self._serial = f"P{int(clock.now() * 1000):X}"
        self._made = 0
        self.tokens = Tokens(clock, _LIFETIME)
        self.orders: dict[str, Order] = {}
        self.disputes = Disputes(record)

    def handles(self, path: str) -> bool:
        """The login, the certificates, orders and payments."""
        known = ("/v1/notifications/certs/", "/v2/checkout/orders", "/v2/payments/", ROOT)
        return path == _TOKEN or path.startswith(known)

    def answer(self, request: Request) -> Reply:
        """Log in, publish, or act under the request's id. Webhooks follow, or come before."""
        if request.path.startswith("/v1/notifications/certs/"):
            return self._certificate(request)
        if request.path == _TOKEN:
            return self._log_in(request)
        if not self.tokens.holds(bearer(request), "merchant"):
            return PayPalError(401, "INVALID_TOKEN").reply
        if request.method != "POST":
            return self._attempt(request, None)
        keys = self._keys[6 if request.path.startswith("/v2/checkout") else 45 * 24]
        try:
            kept = keys.begin(request)
        except StripeError:
            return PayPalError(422, "PAYPAL_REQUEST_ID_PREVIOUSLY_USED").reply
        return kept or self._attempt(request, keys)

    def problem(self, status: int) -> Mapping[str, Any]:
        """An error of PayPal's own making."""
        return {"name": "INTERNAL_SERVER_ERROR", "message": f"sandbox answers {status}", "debug_id": "sandbox"}

    def settle(self) -> int:
        """Decide what is pending; how many changed."""
        with self._lock:
            waiting = [(order, it) for order in self.orders.values() for it in order.things if it.status == "PENDING"]
            for order, thing in waiting:
                bad = order.course == "capture_denied" and thing.kind == "capture"
                thing.status = "DECLINED" if bad else "COMPLETED"
                if thing.kind == "capture" and not bad:
                    self._move("capture", order, thing)
                self._tell_of(order, thing, "PAYMENT.CAPTURE.DENIED" if bad else "")
            events = self._take_events()
        self._webhooks.send(events)
        return len(waiting)

    def reverse(self, capture_ref: str) -> None:
        """The bank takes a capture back."""
        with self._lock:
            order, capture = self._find("capture", capture_ref)
            capture.status = "FAILED"
            self._move("dispute", order, capture)
            self._tell_of(order, capture, "PAYMENT.CAPTURE.REVERSED")
            events = self._take_events()
        self._webhooks.send(events)

    def dispute(self, capture_ref: str) -> str:
        """The buyer's bank takes a capture back, and PayPal tells of the dispute; the dispute."""
        self.reverse(capture_ref)
        with self._lock:
            order, capture = self._find("capture", capture_ref)
            ref = f"PP-D-{self._next()}"
            self.disputes.begin(ref, order.ref, capture_ref, money_of(capture.amount, order.currency))
            self._tell_dispute(ref, "CREATED")
            events = self._take_events()
        self._webhooks.send(events)
        return ref

    def decide(self, dispute: str, outcome: str) -> None:
        """How it ends: RESOLVED_SELLER_FAVOUR gives the money back."""
        with self._lock:
            known = self.disputes.of[dispute]
            known.outcome = outcome
            if outcome != "RESOLVED_BUYER_FAVOUR":
                order, capture = self._find("capture", known.capture)
                self._move("dispute_back", order, capture)
            self._tell_dispute(dispute, "RESOLVED")
            events = self._take_events()
        self._webhooks.send(events)

    def _tell_dispute(self, ref: str, what: str) -> None:
        event = {"id": f"WH-{self._next()}", "event_version": "1.0", "create_time": self._now()}
        event |= {"resource_type": "dispute", "event_type": f"CUSTOMER.DISPUTE.{what}"}
        self._pending.append({**event, "resource": self.disputes.document(ref, self._now())})

    def refund(self, capture_ref: str, amount: int) -> str:
        """Somebody gives money back by hand; the refund."""
        with self._lock:
            order, capture = self._find("capture", capture_ref)
            made = self._refund(order, capture, amount, "", "")
            events = self._take_events()
        self._webhooks.send(events)
        return made.ref

    def _certificate(self, request: Request) -> Reply:
        if request.path != CERT_PATH or request.method != "GET":
            return PayPalError(404, "INVALID_RESOURCE_ID").reply
        return Reply(document={}, raw=certificate(), headers={"content-type": "application/x-pem-file"})

    def _log_in(self, request: Request) -> Reply:
        settings = self._settings
        good = is_basic(request, settings.paypal_client_id, settings.paypal_client_secret)
        if not good or request.form().get("grant_type") != "client_credentials":
            return Reply(status=401, document={"error": "invalid_client", "error_description": "no such client"})
        token = {"access_token": self.tokens.issue("merchant"), "token_type": "Bearer", "expires_in": _LIFETIME}  # nosec B105 # a kind
        return Reply(document=token)

    def _attempt(self, request: Request, keys: IdempotencyKeys | None) -> Reply:
        with self._lock:
            try:
                reply = self._act(request)
            except PayPalError as error:
                reply = error.reply
            if keys:
                (keys.keep if reply.status in range(200, 300) else lambda it, _: keys.forget(it))(request, reply)
            events = self._take_events()
        self._webhooks.send(events)
        return reply

    def _act(self, request: Request) -> Reply:
        key = request.headers.get("paypal-request-id", "")
        if request.path.startswith(ROOT):
            return Reply(document=self.disputes.act(request.method, request.path, request.body, key, self._now()))
        if match := _ORDERS.fullmatch(request.path):
            return self._order(request, match[1], match[2])
        match = _PAYMENTS.fullmatch(request.path)
        if match is None:
            raise PayPalError(404, "INVALID_RESOURCE_ID")
        kind = {"authorizations": "authorization", "captures": "capture"}[match[1]]
        order, thing = self._find(kind, match[2])
        body = request.json()
        match request.method, match[3]:
            case "GET", None:
                return Reply(document=self._document(order, thing))
            case "POST", "capture" if kind == "authorization":
                made = self._capture(order, thing, body, key)
            case "POST", "refund" if kind == "capture":
                amount = amount_of(body.get("amount"), order.currency)
                made = self._refund(order, thing, amount, str(body.get("custom_id", "")), key)
            case "POST", "reauthorize" if kind == "authorization":
                made = self._reauthorize(order, thing, amount_of(body.get("amount"), order.currency), key)
            case "POST", "void" if kind == "authorization":
                self._void(order, thing, key)
                return Reply(status=204, document={}, raw=b"")
            case _:
                raise PayPalError(404, "INVALID_RESOURCE_ID")
        return Reply(status=201, document=self._document(order, made))

    def _order(self, request: Request, ref: str | None, verb: str | None) -> Reply:
        if ref is None:
            if request.method != "POST":
                raise PayPalError(404, "INVALID_RESOURCE_ID")
            return Reply(status=201, document=self._order_document(self._create(request.json())))
        order = self.orders.get(ref)
        if order is None:
            raise PayPalError(404, "INVALID_RESOURCE_ID")
        if verb and request.method == "POST":
            self._authorize(order, request.headers.get("paypal-request-id", ""))
            return Reply(status=201, document=self._order_document(order))
        return Reply(document=self._order_document(order))

    def _create(self, body: Mapping[str, Any]) -> Order:
        money = body["purchase_units"][0]["amount"]
        given = (body.get("payment_source") or {}).get("sandbox")
        order = Order(
            ref=self._next(),
            intent=body.get("intent", "AUTHORIZE"),
            amount=amount_of(money, money["currency_code"]),
            currency=money["currency_code"],
            course=(given or {}).get("course", ""),
            status="CREATED" if given is None else "APPROVED",
        )
        self.orders[order.ref] = order
        return order

    def _authorize(self, order: Order, key: str) -> None:
        if order.status == "CREATED":
            raise PayPalError(422, "ORDER_NOT_APPROVED")
        if order.of("authorization"):
            raise PayPalError(422, "ORDER_ALREADY_AUTHORIZED")
        if order.course == "declined":
            raise PayPalError(422, "INSTRUMENT_DECLINED")
        order.status = "COMPLETED"
        made = self._thing("authorization", order.amount, "CREATED", order.ref)
        order.things.append(made)
        self._move("authorize", order, made, key)
        self._tell_of(order, made, "PAYMENT.AUTHORIZATION.CREATED")

    def _capture(self, order: Order, held: Thing, body: Mapping[str, Any], key: str) -> Thing:
        amount = amount_of(body.get("amount"), order.currency)
        reference = str(body.get("invoice_id", ""))
        before = order.of("capture")
        if held.status == "VOIDED" or held is not order.of("authorization")[-1]:
            raise PayPalError(422, "AUTHORIZATION_VOIDED")
        if held.status == "CAPTURED":
            raise PayPalError(422, "AUTHORIZATION_ALREADY_CAPTURED")
        if any(it.reference == reference and reference for it in before):
            raise PayPalError(422, "DUPLICATE_INVOICE_ID")
        left = held.amount - sum(it.amount for it in order.of("capture", held.ref))
        if not 0 < amount <= left:
            raise PayPalError(422, "MAX_CAPTURE_AMOUNT_EXCEEDED")
        final = bool(body.get("final_capture"))
        status = "PENDING" if order.course in ("capture_pending", "capture_denied") else "COMPLETED"
        made = Thing(
            ref=self._next(),
            kind="capture",
            amount=amount,
            status=status,
            parent=held.ref,
            reference=reference,
            final=final,
        )
        order.things.append(made)
        held.status = "CAPTURED" if final or amount == left else "PARTIALLY_CAPTURED"
        if status == "COMPLETED":
            self._move("capture", order, made, key)
        if final and amount < left:
            rest = Thing(ref=held.ref, kind="authorization", amount=left - amount, status="", parent=order.ref)
            self._move("release", order, rest, key)
        self._tell_of(order, made)
        return made

    def _reauthorize(self, order: Order, held: Thing, amount: int, key: str) -> Thing:
        """A new authorization in place of one, once, from the fourth to the 29th day."""
        age = (self._clock.now() - held.made_at) / _DAY
        if len(order.of("authorization")) > 1:
            raise PayPalError(422, "REAUTHORIZATION_NOT_SUPPORTED")
        if age < _HONORED:
            raise PayPalError(422, "REAUTHORIZATION_TOO_SOON")
        left = held.amount - sum(it.amount for it in order.of("capture"))
        if held.status in ("VOIDED", "CAPTURED") or age >= _HELD or not 0 < amount <= left:
            raise PayPalError(422, "AUTHORIZATION_EXPIRED" if age >= _HELD else "INVALID_RESOURCE_ID")
        made = self._thing("authorization", amount, "CREATED", order.ref)
        order.things.append(made)
        self._move("extend", order, made, key)
        self._tell_of(order, made, "PAYMENT.AUTHORIZATION.CREATED")
        return made

    def expire(self) -> int:
        """Let go of authorizations of which the time is over; how many ended."""
        with self._lock:
            over = [
                (order, it)
                for order in self.orders.values()
                for it in order.of("authorization")[-1:]
                if it.status in ("CREATED", "PARTIALLY_CAPTURED") and self._clock.now() - it.made_at >= _HELD * _DAY
            ]
            for order, held in over:
                self._void(order, held, "")
            events = self._take_events()
        self._webhooks.send(events)
        return len(over)

    def _void(self, order: Order, held: Thing, key: str) -> None:
        if held.status == "VOIDED":
            raise PayPalError(422, "PREVIOUSLY_VOIDED")
        if held.status == "CAPTURED":
            raise PayPalError(422, "PREVIOUSLY_CAPTURED")
        held.status = "VOIDED"
        left = held.amount - sum(it.amount for it in order.of("capture", held.ref))
        self._move("release", order, Thing(ref=held.ref, kind="", amount=left, status="", parent=""), key)
        self._tell_of(order, held, "PAYMENT.AUTHORIZATION.VOIDED")

    def _refund(self, order: Order, capture: Thing, amount: int, reference: str, key: str) -> Thing:
        left = capture.amount - sum(it.amount for it in order.of("refund", capture.ref))
        if capture.status == "PENDING":
            raise PayPalError(422, "PENDING_CAPTURE")
        if left <= 0 or capture.status in GONE:
            raise PayPalError(422, "CAPTURE_FULLY_REFUNDED")
        if not 0 < amount <= left:
            raise PayPalError(422, "REFUND_AMOUNT_EXCEEDED")
        status = "PENDING" if order.course == "refund_pending" else "COMPLETED"
        made = Thing(
            ref=self._next(), kind="refund", amount=amount, status=status, parent=capture.ref, reference=reference
        )
        order.things.append(made)
        capture.status = "REFUNDED" if amount == left else "PARTIALLY_REFUNDED"
        self._move("refund", order, made, key)
        self._tell_of(order, made)
        return made

    def _find(self, kind: str, ref: str) -> tuple[Order, Thing]:
        for order in self.orders.values():
            for thing in order.things:
                if (thing.kind, thing.ref) == (kind, ref):
                    return order, thing
        raise PayPalError(404, "INVALID_RESOURCE_ID")

    def _thing(self, kind: str, amount: int, status: str, parent: str) -> Thing:
        now = self._clock.now()
        return Thing(ref=self._next(), kind=kind, amount=amount, status=status, parent=parent, made_at=now)

    def _next(self) -> str:
        self._made += 1
        return f"{self._serial}{self._made:06d}"

    def _move(self, kind: str, order: Order, thing: Thing, key: str = "") -> None:
        facts = {"payment_intent": order.ref, "charge": thing.ref, "amount": thing.amount, "refund": thing.ref}
        self._record.effect(kind=kind, **facts, currency=order.currency.lower(), key=key, vendor=self.name)

    def _tell_of(self, order: Order, thing: Thing, topic: str = "") -> None:
        if not topic and thing.kind == "refund":
            topic = "PAYMENT.REFUND.PENDING" if thing.status == "PENDING" else "PAYMENT.CAPTURE.REFUNDED"
        self._pending.append(
            {
                "id": f"WH-{self._next()}",
                "event_version": "1.0",
                "create_time": self._now(),
                "resource_type": thing.kind,
                "resource_version": "2.0",
                "event_type": topic or f"PAYMENT.CAPTURE.{thing.status}",
                "resource": self._document(order, thing),
            }
        )

    def _take_events(self) -> list[dict[str, Any]]:
        events, self._pending = self._pending, []
        return events

    def _now(self) -> str:
        return datetime.fromtimestamp(int(self._clock.now()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _order_document(self, order: Order) -> dict[str, Any]:
        payments = {
            f"{kind}s": [self._document(order, it) for it in order.things if it.kind == kind]
            for kind in ("authorization", "capture", "refund")
        }
        unit = {"reference_id": "default", "amount": money_of(order.amount, order.currency)}
        return {
            "id": order.ref,
            "intent": order.intent,
            "status": order.status,
            "purchase_units": [{**unit, "payments": {key: value for key, value in payments.items() if value}}],
        }

    def _document(self, order: Order, thing: Thing) -> dict[str, Any]:
        up = {"authorization": "v2/checkout/orders", "capture": "v2/payments/authorizations"}
        document: dict[str, Any] = {
            "id": thing.ref,
            "status": thing.status,
            "amount": money_of(thing.amount, order.currency),
            "create_time": self._now(),
            "links": [
                {"rel": "self", "method": "GET", "href": f"{_BASE}/v2/payments/{thing.kind}s/{thing.ref}"},
                {
                    "rel": "up",
                    "method": "GET",
                    "href": f"{_BASE}/{up.get(thing.kind, 'v2/payments/captures')}/{thing.parent}",
                },
            ],
        }
        if thing.kind == "authorization":
            ends = datetime.fromtimestamp(int(thing.made_at + _HELD * _DAY), UTC)
            document["expiration_time"] = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
        if thing.kind != "refund":  # a refund does not tell its order
            document["supplementary_data"] = {"related_ids": {"order_id": order.ref}}
        if thing.reference:
            document["invoice_id" if thing.kind == "capture" else "custom_id"] = thing.reference
        return document | ({"final_capture": thing.final} if thing.kind == "capture" else {})
