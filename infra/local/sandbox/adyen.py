"""An imitation of Adyen's Checkout API for payments and their modifications, and of its notifications.

Rules: docs.adyen.com/online-payments/capture, /online-payments/refund, /online-payments/cancel,
/development-resources/api-idempotency. A modification is answered `received` whatever becomes of it; how it went is
told by a notification alone. Several partial captures are enabled. Written apart from the system under test: nothing of
`oms` is imported.

Payment methods: `scheme` is authorized; `sandbox_refused` is not; of `sandbox_capture_fails` captures go well and are
taken back by `settle`; of `sandbox_refund_fails` so are refunds; `sandbox_not_extended` is never held longer.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from infra.local.sandbox.adyen_disputes import SERVICE, Disputes
from infra.local.sandbox.core import Reply
from infra.local.sandbox.idempotency import IdempotencyKeys
from infra.local.sandbox.stripe_error import StripeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.sandbox.core import Clock, Request, Settings
    from infra.local.sandbox.record import Record
    from infra.local.sandbox.webhooks import Webhooks

_ROOT: Final = "/v71/payments"
_MODIFICATION: Final = re.compile(r"/v71/payments/([A-Z0-9]{1,64})/(captures|cancels|refunds|amountUpdates)")
_KEPT: Final = 7 * 86_400.0
_LIFE: Final = 28 * 86_400.0
_LONGEST_KEY: Final = 64
_LIMITED: Final = 429
_CONFLICT: Final = 409
_SIGNED: Final = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")


@dataclass(slots=True, kw_only=True)
class Payment:
    """A payment, in Adyen's minor units."""

    ref: str
    reference: str
    amount: int
    currency: str
    method: str
    authorized: bool
    left: int = 0
    captures: list[int] = field(default_factory=list)
    cancelled: bool = False
    refunded: int = 0
    authorized_at: float = 0.0

    @property
    def captured(self) -> int:
        """What was taken and not taken back."""
        return sum(self.captures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Modification:
    """What was done to a payment, and may still be undone."""

    ref: str
    kind: str
    payment: Payment
    amount: int
    reference: str


class AdyenVendor:
    """One merchant account."""

    name = "adyen"

    def __init__(self, settings: Settings, clock: Clock, record: Record, webhooks: Webhooks) -> None:
        self._settings = settings
        self._clock = clock
        self._record = record
        self._webhooks = webhooks
        self._keys = IdempotencyKeys(clock.now, kept=_KEPT, longest=_LONGEST_KEY)
        self._lock = threading.RLock()
        self._pending: list[dict[str, Any]] = []
        self._serial = f"A{int(clock.now() * 1000):X}"
        self._made = 0
        self.payments: dict[str, Payment] = {}
        self.modifications: dict[str, Modification] = {}
        self._unstable: list[Modification] = []
        self.disputes = Disputes(settings.adyen_merchant, record)

    def handles(self, path: str) -> bool:
        """Payments, what is done to them, and disputes."""
        return path == _ROOT or path.startswith((f"{_ROOT}/", SERVICE))

    def answer(self, request: Request) -> Reply:
        """Authenticate, then answer from the idempotency key or by acting. Notifications follow, or come before."""
        given = request.headers.get("x-api-key", "")
        if not hmac.compare_digest(given.encode(), self._settings.adyen_key.encode()):
            return Reply(status=401, document=self.problem(401))
        if request.method != "POST":
            return Reply(status=405, document=_error(405, "905", "method not allowed"))
        try:
            kept = self._keys.begin(request)
        except StripeError as error:
            headers = {"transient-error": "true"} if error.status == _CONFLICT else {}
            document = _error(422, "704", "request already processed or in progress")
            return Reply(status=422, document=document, headers=headers)
        return kept or self._attempt(request)

    def problem(self, status: int) -> Mapping[str, Any]:
        """An error of Adyen's own making."""
        code = {401: "000", _LIMITED: "029"}.get(status, "905")
        return _error(status, code, f"sandbox answers {status}")

    def settle(self) -> int:
        """Take back what was not to last; how many changed."""
        with self._lock:
            undone, self._unstable = self._unstable, []
            for each in undone:
                if each.kind == "captures":
                    each.payment.captures.append(-each.amount)
                    self._move("capture_failed", each.payment, each.amount, ref=each.ref)
                    self._tell("CAPTURE_FAILED", each.payment, each)
                else:
                    each.payment.refunded -= each.amount
                    self._move("refund_failed", each.payment, each.amount, ref=each.ref)
                    self._tell("REFUND_FAILED", each.payment, each)
            events = self._take_events()
        self._webhooks.send(events)
        return len(undone)

    def expire(self) -> int:
        """Let go of what was authorized more than 28 days ago and is not captured; how many ended."""
        with self._lock:
            over = [each for each in self.payments.values() if self._is_over(each)]
            for each in over:
                self._move("release", each, each.left)
                each.left, each.cancelled = 0, True
                made = Modification(ref=self._next(), kind="expire", payment=each, amount=each.amount, reference="")
                self._tell("EXPIRE", each, made)
            events = self._take_events()
        self._webhooks.send(events)
        return len(over)

    def _is_over(self, payment: Payment) -> bool:
        return payment.left > 0 and self._clock.now() - payment.authorized_at >= _LIFE

    def modify(self, ref: str, what: str, amount: int, reference: str = "") -> str:
        """Somebody at the Customer Area captures, cancels or refunds; the PSP reference."""
        with self._lock:
            made = self._modify(self.payments[ref], what, amount, reference, "")
            events = self._take_events()
        self._webhooks.send(events)
        return made

    def _attempt(self, request: Request) -> Reply:
        with self._lock:
            reply = self._act(request, request.json())
            (self._keys.keep if reply.status in range(200, 300) else lambda it, _: self._keys.forget(it))(
                request, reply
            )
            events = self._take_events()
        self._webhooks.send(events)
        return reply

    def dispute(self, ref: str, amount: int) -> str:
        """The customer's bank takes money back; the dispute."""
        with self._lock:
            payment = self.payments[ref]
            made = self.disputes.begin(self._next(), ref, amount, payment.currency)
            self._tell_dispute("NOTIFICATION_OF_CHARGEBACK", made)
            self._tell_dispute("CHARGEBACK", made)
            events = self._take_events()
        self._webhooks.send(events)
        return made

    def decide(self, dispute: str, code: str) -> None:
        """How it goes on: CHARGEBACK_REVERSED, SECOND_CHARGEBACK, DISPUTE_DEFENSE_PERIOD_ENDED, ..."""
        with self._lock:
            self.disputes.decide(dispute, code)
            self._tell_dispute(code, dispute)
            events = self._take_events()
        self._webhooks.send(events)

    def _tell_dispute(self, code: str, dispute: str) -> None:
        known = self.disputes.of[dispute]
        payment = self.payments[known.payment]
        made = Modification(ref=dispute, kind="dispute", payment=payment, amount=known.amount, reference="")
        self._tell(code, payment, made)

    def _act(self, request: Request, body: Mapping[str, Any]) -> Reply:
        if request.path.startswith(SERVICE):
            return self.disputes.act(request.path, body, request.headers.get("idempotency-key", ""))
        if body.get("merchantAccount") != self._settings.adyen_merchant:
            return Reply(status=403, document=_error(403, "901", "Invalid Merchant Account"))
        match = _MODIFICATION.fullmatch(request.path)
        money = body.get("amount") or {}
        amount, currency = money.get("value", 0), money.get("currency", "")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount < 0 or (not match and not amount):
            return Reply(status=422, document=_error(422, "137", "Invalid amount specified"))
        reference = str(body.get("reference", ""))
        if request.path == _ROOT:
            method = str((body.get("paymentMethod") or {}).get("type", "scheme"))
            return self._pay(amount, currency, reference, method)
        payment = self.payments.get(match[1]) if match else None
        if match is None or payment is None or not payment.authorized:
            return Reply(status=422, document=_error(422, "167", "Original pspReference required for this operation"))
        if match[2] != "cancels" and (currency != payment.currency or not amount):
            return Reply(status=422, document=_error(422, "138", "Currency does not match the payment"))
        made = self._modify(payment, match[2], amount, reference, request.headers.get("idempotency-key", ""))
        document = {"merchantAccount": self._settings.adyen_merchant, "paymentPspReference": payment.ref}
        return Reply(status=201, document={**document, "pspReference": made, "status": "received"})

    def _pay(self, amount: int, currency: str, reference: str, method: str) -> Reply:
        good = method != "sandbox_refused"
        payment = Payment(
            ref=self._next(), reference=reference, amount=amount, currency=currency, method=method, authorized=good
        )
        self.payments[payment.ref] = payment
        if good:
            payment.left, payment.authorized_at = amount, self._clock.now()
            self._move("authorize", payment, amount)
        self._tell("AUTHORISATION", payment, reason="" if good else "Refused")
        document = {"pspReference": payment.ref, "resultCode": "Authorised" if good else "Refused"}
        return Reply(document={**document, "merchantReference": reference})

    def _modify(self, payment: Payment, what: str, amount: int, reference: str, key: str) -> str:
        if what == "cancels":
            amount = payment.left
        made = Modification(ref=self._next(), kind=what, payment=payment, amount=amount, reference=reference)
        self.modifications[made.ref] = made
        code, reason = self._do(payment, made, key)
        self._tell(code, payment, made, reason=reason)
        return made.ref

    def _do(self, payment: Payment, made: Modification, key: str) -> tuple[str, str]:
        """Do what was asked for, or not: the event code, and why not."""
        match made.kind:
            case "captures":
                if payment.cancelled or made.amount > payment.left:
                    return "CAPTURE", "Insufficient balance on payment"
                payment.left -= made.amount
                payment.captures.append(made.amount)
                self._move("capture", payment, made.amount, key, made.ref)
                if payment.method == "sandbox_capture_fails":
                    self._unstable.append(made)
                return "CAPTURE", ""
            case "amountUpdates":
                return "AUTHORISATION_ADJUSTMENT", self._adjust(payment, made, key)
            case "cancels":
                if payment.cancelled or payment.captured:
                    return "CANCELLATION", "Transaction was captured or cancelled before"
                payment.cancelled, payment.left = True, 0
                self._move("release", payment, made.amount, key, made.ref)
                return "CANCELLATION", ""
            case _:
                if made.amount > payment.captured - payment.refunded:
                    return "REFUND", "Insufficient balance on payment"
                payment.refunded += made.amount
                self._move("refund", payment, made.amount, key, made.ref)
                if payment.method == "sandbox_refund_fails":
                    self._unstable.append(made)
                return "REFUND", ""

    def _adjust(self, payment: Payment, made: Modification, key: str) -> str:
        """Authorize the same amount anew, of which nothing was captured; why not."""
        if payment.cancelled or payment.captures or made.amount != payment.amount:
            return "Adjustment not possible"
        if payment.method == "sandbox_not_extended":
            return "Refused"
        payment.authorized_at = self._clock.now()
        self._move("extend", payment, made.amount, key, made.ref)
        return ""

    def _next(self) -> str:
        self._made += 1
        return f"{self._serial}{self._made:06d}"

    def _move(self, kind: str, payment: Payment, amount: int, key: str = "", ref: str = "") -> None:
        facts = {"payment_intent": payment.ref, "charge": ref, "amount": amount, "refund": ref}
        self._record.effect(kind=kind, **facts, currency=payment.currency.lower(), key=key, vendor=self.name)

    def _tell(self, code: str, payment: Payment, made: Modification | None = None, *, reason: str = "") -> None:
        item: dict[str, Any] = {
            "amount": {"currency": payment.currency, "value": made.amount if made else payment.amount},
            "eventCode": code,
            "eventDate": datetime.fromtimestamp(int(self._clock.now()), UTC).isoformat(),
            "merchantAccountCode": self._settings.adyen_merchant,
            "merchantReference": (made.reference if made else "") or payment.reference,
            "originalReference": payment.ref if made else "",
            "paymentMethod": payment.method,
            "pspReference": made.ref if made else payment.ref,
            "reason": reason,
            "success": "false" if reason else "true",
        }
        item["additionalData"] = {"hmacSignature": sign(item, self._settings.adyen_hmac_key)}
        self._pending.append({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]})

    def _take_events(self) -> list[dict[str, Any]]:
        events, self._pending = self._pending, []
        return events


def sign(item: Mapping[str, Any], key: str) -> str:
    """The signature of a notification's item."""
    money = item["amount"]
    parts = [
        *(item.get(name, "") for name in _SIGNED),
        money["value"],
        money["currency"],
        item["eventCode"],
        item["success"],
    ]
    message = ":".join(str(part) for part in parts).encode()
    return base64.b64encode(hmac.new(bytes.fromhex(key), message, "sha256").digest()).decode()


def sign_body(body: bytes, key: str) -> bytes:
    """A notification with each item signed again, under this key."""
    document = json.loads(body)
    for entry in document["notificationItems"]:
        item = entry["NotificationRequestItem"]
        item["additionalData"] = {**(item.get("additionalData") or {}), "hmacSignature": sign(item, key)}
    return json.dumps(document).encode()


class AdyenTeller:
    """Signs in the body."""

    def headers(self, body: bytes, secret: str, at: int) -> Mapping[str, str]:  # noqa: ARG002 - see class
        """None."""
        return {}

    def names(self, event: Mapping[str, Any]) -> tuple[str, str]:
        """Reference and code."""
        item = event["notificationItems"][0]["NotificationRequestItem"]
        return f"{item['pspReference']}:{item['eventCode']}", item["eventCode"]


def _error(status: int, code: str, message: str) -> dict[str, Any]:
    return {"status": status, "errorCode": code, "message": message, "errorType": "validation"}
