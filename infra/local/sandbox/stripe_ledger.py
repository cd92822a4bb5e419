"""The money of the imitated Stripe account: intents, charges, refunds, and the rules that no call can break.

Rules: docs.stripe.com/payments/paymentintents/lifecycle, /payments/multicapture, /refunds, /currencies, /testing
(payment methods). Written apart from the system under test: nothing of `oms` is imported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.stripe_error import StripeError, invalid, missing, wrong_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.sandbox.record import Record

NO_MULTICAPTURE = "pm_card_credit_disableEnterpriseCardFeatures"
NEEDS_ACTION = frozenset({"pm_card_authenticationRequired", "pm_card_threeDSecure2Required"})
PROCESSING = "pm_sandbox_processing"
REFUND_COURSE = {
    "pm_card_pendingRefund": ("pending", "succeeded"),
    "pm_card_refundFail": ("succeeded", "failed"),
    "pm_sandbox_pendingRefundFail": ("pending", "failed"),
}
"""A refund's first and its final status, by payment method."""
REFUND_REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
MAX_CAPTURES = 50
AUTHORIZED_FOR = 7 * 86_400
_LIVE_REFUNDS = frozenset({"pending", "requires_action", "succeeded"})


@dataclass(slots=True, kw_only=True)
class Intent:
    """A payment intent and its one charge."""

    ref: str
    charge: str
    amount: int
    currency: str
    created: int
    manual: bool
    multicapture: bool
    payment_method: str
    metadata: dict[str, str]
    status: str = "requires_payment_method"
    capturable: int = 0
    received: int = 0
    captures: list[int] = field(default_factory=list)
    charged: bool = False
    last_error: dict[str, str] | None = None
    cancellation_reason: str | None = None
    capture_before: int = 0


@dataclass(slots=True, kw_only=True)
class Refund:
    """A refund of an intent."""

    ref: str
    intent: Intent
    amount: int
    created: int
    metadata: dict[str, str]
    reason: str | None
    status: str
    then: str
    failure_reason: str | None = None


class Ledger:
    """The objects, and `emit(type, object)` for every event. The caller holds the lock."""

    def __init__(self, now: Callable[[], float], record: Record, emit: Callable[[str, object], None]) -> None:
        self._now = now
        self._record = record
        self._emit = emit
        self._serial = f"{int(now() * 1000):x}"
        self.intents: dict[str, Intent] = {}
        self.refunds: dict[str, Refund] = {}

    def intent(self, ref: str) -> Intent:
        """The intent, or the one of this charge; raises StripeError."""
        for intent in (self.intents.get(ref), *(it for it in self.intents.values() if it.charge == ref and it.charged)):
            if intent is not None:
                return intent
        raise missing("payment_intent", ref)

    def create(self, params: Mapping[str, str]) -> Intent:
        """A new intent, confirmed at once with `confirm=true`."""
        currency = params.get("currency", "")
        amount = _amount(params, "amount", currency)
        method, capture = params.get("payment_method", ""), params.get("capture_method", "automatic")
        if capture not in {"automatic", "automatic_async", "manual"}:
            raise invalid("Invalid capture_method", "capture_method")
        multicapture = params.get("payment_method_options[card][request_multicapture]") == "if_available"
        serial = f"{self._serial}{len(self.intents) + 1:06d}"
        intent = Intent(
            ref=f"pi_{serial}",
            charge=f"ch_{serial}",
            amount=amount,
            currency=currency,
            created=int(self._now()),
            manual=capture == "manual",
            multicapture=multicapture and method != NO_MULTICAPTURE,
            payment_method=method,
            metadata=_metadata({}, params),
            status="requires_confirmation" if method else "requires_payment_method",
        )
        self.intents[intent.ref] = intent
        if params.get("confirm") == "true":
            self.confirm(intent, params)
        return intent

    def confirm(self, intent: Intent, params: Mapping[str, str]) -> None:
        """Try the payment method."""
        method = params.get("payment_method", "")
        if method:
            intent.payment_method = method
            intent.multicapture = intent.multicapture and method != NO_MULTICAPTURE
        ready = intent.status in {"requires_confirmation", "requires_action"}
        if not ready and not (intent.status == "requires_payment_method" and method):
            raise wrong_state(f"This PaymentIntent's status is {intent.status} and it cannot be confirmed")
        if "eclined" in intent.payment_method:
            self._decline(intent)
        elif intent.payment_method in NEEDS_ACTION and intent.status != "requires_action":
            intent.status = "requires_action"
            self._emit("payment_intent.requires_action", intent)
        elif intent.payment_method == PROCESSING and intent.status != "processing":
            intent.status = "processing"
            self._emit("payment_intent.processing", intent)
        else:
            self.authorize(intent)

    def authorize(self, intent: Intent) -> None:
        """The bank says yes: bind the money, or take it with automatic capture."""
        intent.charged, intent.last_error = True, None
        intent.capture_before = int(self._now()) + AUTHORIZED_FOR
        self._move("authorize", intent, intent.amount)
        if intent.manual:
            intent.status, intent.capturable = "requires_capture", intent.amount
            self._emit("charge.succeeded", intent)
            self._emit("payment_intent.amount_capturable_updated", intent)
        else:
            intent.status, intent.received = "succeeded", intent.amount
            intent.captures.append(intent.amount)
            self._move("capture", intent, intent.amount)
            self._emit("charge.succeeded", intent)
            self._emit("payment_intent.succeeded", intent)

    def _decline(self, intent: Intent) -> None:
        decline = "insufficient_funds" if "InsufficientFunds" in intent.payment_method else "generic_decline"
        intent.status = "requires_payment_method"
        intent.last_error = {"type": "card_error", "code": "card_declined", "decline_code": decline}
        self._emit("payment_intent.payment_failed", intent)
        raise StripeError(402, "card_error", "Your card was declined.", code="card_declined", decline=decline)

    def capture(self, intent: Intent, params: Mapping[str, str], key: str) -> None:
        """Take a part or all; without `final_capture=false` the rest is released."""
        if intent.status != "requires_capture":
            already = (
                "has already been captured" if intent.status == "succeeded" else f"has a status of {intent.status}"
            )
            raise wrong_state(f"This PaymentIntent could not be captured because it {already}.")
        final = params.get("final_capture", "true") == "true"
        if "final_capture" in params and not intent.multicapture:
            raise invalid("Multicapture is not available for this PaymentIntent.", "final_capture")
        amount = intent.capturable
        if "amount_to_capture" in params:
            zero = params["amount_to_capture"] == "0" and final and bool(intent.captures)
            amount = 0 if zero else _amount(params, "amount_to_capture", intent.currency)
        if amount > intent.capturable:
            message = f"The remaining amount that can be captured is {intent.capturable}."
            raise invalid(message, "amount_to_capture", "amount_too_large")
        if len(intent.captures) >= MAX_CAPTURES and amount:
            raise invalid("This PaymentIntent was captured too often.", "amount_to_capture")
        intent.metadata = _metadata(intent.metadata, params)
        intent.received += amount
        intent.capturable -= amount
        if amount:
            intent.captures.append(amount)
            self._move("capture", intent, amount, key)
        if final:
            if intent.capturable:
                self._move("release", intent, intent.capturable, key)
            intent.capturable, intent.status = 0, "succeeded"
        self._emit("charge.captured" if final else "charge.updated", intent)
        self._emit("payment_intent.amount_capturable_updated", intent)
        if final:
            self._emit("payment_intent.succeeded", intent)

    def cancel(self, intent: Intent, params: Mapping[str, str], key: str) -> None:
        """Release the authorization; not once a part was captured."""
        if intent.status in {"succeeded", "canceled"} or intent.received:
            raise wrong_state(f"You cannot cancel this PaymentIntent because it has a status of {intent.status}.")
        if intent.capturable:
            self._move("release", intent, intent.capturable, key)
        intent.capturable, intent.status = 0, "canceled"
        intent.cancellation_reason = params.get("cancellation_reason")
        self._emit("payment_intent.canceled", intent)

    def expire(self) -> int:
        """Cancel what was authorized too long ago and is not captured at all; how many ended."""
        over = [it for it in self.intents.values() if it.capturable and self._now() >= it.capture_before]
        for intent in over:
            self._move("release", intent, intent.capturable)
            intent.capturable, intent.status = 0, "succeeded" if intent.received else "canceled"
            intent.cancellation_reason = "automatic"
            self._emit("payment_intent.succeeded" if intent.received else "payment_intent.canceled", intent)
        return len(over)

    def refund(self, params: Mapping[str, str], key: str) -> Refund:
        """Give a part or all of what was captured back."""
        intent = self.intent(params.get("payment_intent") or params.get("charge", ""))
        if params.get("reason") and params["reason"] not in REFUND_REASONS:
            raise invalid("Invalid reason", "reason")
        left = intent.received - self.refunded(intent)
        if intent.received and not left:
            message = f"Charge {intent.charge} has already been refunded."
            raise StripeError(400, "invalid_request_error", message, code="charge_already_refunded")
        amount = _amount(params, "amount", intent.currency) if "amount" in params else left
        if amount > left or not amount:
            raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", "amount")
        status, then = REFUND_COURSE.get(intent.payment_method, ("succeeded", "succeeded"))
        refund = Refund(
            ref=f"re_{self._serial}{len(self.refunds) + 1:06d}",
            intent=intent,
            amount=amount,
            created=int(self._now()),
            metadata=_metadata({}, params),
            reason=params.get("reason"),
            status=status,
            then=then,
        )
        self.refunds[refund.ref] = refund
        self._move("refund", intent, amount, key, refund.ref)
        self._emit("refund.created", refund)
        self._emit("charge.refunded", intent)
        return refund

    def settle(self) -> int:
        """Bring every refund to its final status; how many changed."""
        changed = [refund for refund in self.refunds.values() if refund.status != refund.then]
        for refund in changed:
            refund.status = refund.then
            if refund.status == "failed":
                refund.failure_reason = "lost_or_stolen_card"
                self._move("refund_failed", refund.intent, refund.amount, ref=refund.ref)
                self._emit("refund.failed", refund)
            self._emit("refund.updated", refund)
            self._emit("charge.refund.updated", refund)
        return len(changed)

    def refunded(self, intent: Intent) -> int:
        """What was given back, or is on its way."""
        return sum(it.amount for it in self.refunds.values() if it.intent is intent and it.status in _LIVE_REFUNDS)

    def _move(self, kind: str, intent: Intent, amount: int, key: str = "", ref: str = "") -> None:
        facts: dict[str, Any] = {"payment_intent": intent.ref, "charge": intent.charge, "amount": amount}
        self._record.effect(kind=kind, **facts, currency=intent.currency, key=key, refund=ref)


def _amount(params: Mapping[str, str], key: str, currency: str) -> int:
    """A positive whole amount that Stripe takes in this currency."""
    text = params.get(key, "")
    if len(currency) != 3 or not currency.isascii() or not currency.islower():  # noqa: PLR2004
        raise invalid("Invalid currency", "currency")
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 99_999_999_999:  # noqa: PLR2004
        raise invalid("Invalid integer", key, "parameter_invalid_integer")
    step = {"isk": 100, "ugx": 100, "bhd": 10, "jod": 10, "kwd": 10, "omr": 10, "tnd": 10}.get(currency, 1)
    if int(text) % step:
        message = f"Amounts in this currency must be divisible by {step}"
        raise invalid(message, key, "invalid_charge_amount_no_decimal_compatible")
    return int(text)


def _metadata(present: Mapping[str, str], params: Mapping[str, str]) -> dict[str, str]:
    """Metadata with the given keys set, and unset by an empty value."""
    given = {key[9:-1]: value for key, value in params.items() if key.startswith("metadata[") and key.endswith("]")}
    merged = {key: value for key, value in {**present, **given}.items() if value}
    if len(merged) > 50 or any(len(key) > 40 or len(value) > 500 for key, value in merged.items()):  # noqa: PLR2004
        raise invalid("Metadata can have up to 50 keys of 40 characters, with values of 500", "metadata")
    return merged
