"""A payment provider that keeps its own record: what was held, taken, let go and given back, and under which key.

It refuses what Stripe refuses, with Stripe's codes, and answers a key that it has seen with what it answered then, for
ever (Stripe: a day; after that the captures' marks and our refund ids, which it keeps too, say what was done).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from oms.domain.errors import InvalidInputError, UpstreamRefusedError
from oms.domain.payment_events import RefundState
from oms.domain.payments import (
    AuthorizationResult,
    AuthorizationState,
    CaptureResult,
    ExtensionResult,
    ExtensionState,
    RefundResult,
)
from tests.proof.memory.store import Port, step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
UNEXPECTED: Final = "payment_intent_unexpected_state"
BAD_REQUEST: Final = 400
EXTENDED_UNTIL: Final = datetime(2026, 5, 1, tzinfo=UTC)
"""How long whatever is extended is held."""


class Effect(NamedTuple):
    """One movement of money: `kind` is authorize, extend, capture, release or refund."""

    kind: str
    payment_ref: str
    amount: int
    key: str = ""
    """The idempotency key, or our id of a refund; '' when the provider moved it by itself."""
    ref: str = ""


class Answered(NamedTuple):
    """What was asked under a key, and the answer or the refusal."""

    request: object
    answer: object
    refusal: UpstreamRefusedError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment at the provider, in minor units. Once `status` is requires_capture, money is held."""

    total: int
    currency: str = "EUR"
    status: str = "requires_capture"
    """requires_capture, succeeded or canceled."""
    capturable: int = 0
    received: int = 0
    marks: Mapping[str, int]
    """What was captured (0: let go) under which key."""
    refunds: tuple[RefundResult, ...] = ()
    """The oldest first."""

    @property
    def refunded(self) -> int:
        """What was given back, or is on its way."""
        return sum(each.amount for each in self.refunds if each.state is not RefundState.FAILED)


class MemoryPayments(Port):
    """PaymentProvider port, for payments that were authorized to be captured later, in several parts."""

    __slots__ = ()
    key_life = timedelta(hours=20)

    def open(self, payment_ref: str, amount: int, currency: str = "EUR", *, automatic: bool = False) -> None:
        """A shopper pays; `automatic`: the provider captures by itself at once."""
        self._effect("authorize", payment_ref, amount)
        taken = amount if automatic else 0
        status = "succeeded" if automatic else "requires_capture"
        if automatic:
            self._effect("capture", payment_ref, amount)
        payment = Payment(
            total=amount, currency=currency, status=status, capturable=amount - taken, received=taken, marks={}
        )
        self._keep(payment_ref, payment)

    @step("payments.expire")
    def expire(self, payment_ref: str) -> bool:
        """The authorization ends by itself; False when there is none left."""
        payment = self.store.payments[payment_ref]
        if payment.status != "requires_capture" or payment.received:
            return False
        self._effect("release", payment_ref, payment.capturable)
        self._keep(payment_ref, replace(payment, status="canceled", capturable=0))
        return True

    @step("payments.verify_authorization")
    def verify_authorization(
        self, payment_ref: str, amount: int, currency: str, idempotency_key: str
    ) -> AuthorizationResult:
        """See the port."""
        payment = self._payment(payment_ref)
        if payment.status == "canceled":
            return AuthorizationResult(state=AuthorizationState.DECLINED, amount=0, reason="canceled")
        taken = payment.status == "succeeded"
        held = payment.received if taken else payment.capturable
        if payment.currency != currency:
            return AuthorizationResult(state=AuthorizationState.DECLINED, amount=0, reason="currency_mismatch")
        if held < amount:
            return AuthorizationResult(state=AuthorizationState.DECLINED, amount=held, reason="amount_too_small")
        return AuthorizationResult(
            state=AuthorizationState.CAPTURED if taken else AuthorizationState.AUTHORIZED, amount=amount
        )

    @step("payments.extend")
    def extend(self, payment_ref: str, amount: int, currency: str, idempotency_key: str) -> ExtensionResult:
        """See the port; once by its key."""
        payment = self._payment(payment_ref)
        if payment.status != "requires_capture" or not 0 < amount <= payment.capturable:
            return ExtensionResult(state=ExtensionState.REFUSED, reason="no_authorization")
        try:
            self._once(
                idempotency_key,
                ("extend", payment_ref, amount),
                lambda: self._effect("extend", payment_ref, amount, idempotency_key),
            )
        except UpstreamRefusedError as refusal:
            return ExtensionResult(state=ExtensionState.REFUSED, reason=str(refusal.context["vendor_code"]))
        return ExtensionResult(state=ExtensionState.EXTENDED, expires_at=EXTENDED_UNTIL)

    @step("payments.capture")
    def capture(
        self,
        payment_ref: str,
        amount: int,
        currency: str,
        idempotency_key: str,
        *,
        final: bool,
        metadata: Mapping[str, str],
    ) -> CaptureResult:
        """See the port; once by its key."""
        payment = self._payment(payment_ref)
        if idempotency_key in payment.marks:
            return CaptureResult(capture_ref=_charge(payment_ref), amount=payment.marks[idempotency_key])
        _positive(amount)
        try:
            self._once(
                idempotency_key,
                ("capture", payment_ref, amount, final),
                lambda: self._capture(payment_ref, amount, idempotency_key, final=final),
            )
        except UpstreamRefusedError as refusal:
            if refusal.context["vendor_status"] != BAD_REQUEST:
                raise
            if not (payment.status == "succeeded" and payment.received == payment.total >= amount):
                raise
        return CaptureResult(capture_ref=_charge(payment_ref), amount=amount)

    def _capture(self, payment_ref: str, amount: int, key: str, *, final: bool) -> None:
        payment = self.store.payments[payment_ref]
        if payment.status != "requires_capture":
            raise _refusal(UNEXPECTED, stored=True)
        if amount > payment.capturable:
            raise _refusal("amount_too_large")
        self._effect("capture", payment_ref, amount, key)
        left = payment.capturable - amount
        if final and left:
            self._effect("release", payment_ref, left, key)
        self._keep(
            payment_ref,
            replace(
                payment,
                status="succeeded" if final else payment.status,
                capturable=0 if final else left,
                received=payment.received + amount,
                marks=self._marked(payment, key, amount),
            ),
        )

    @step("payments.void")
    def void(self, payment_ref: str, idempotency_key: str) -> None:
        """See the port; refused once all was taken."""
        payment = self._payment(payment_ref)
        if payment.status == "canceled" or idempotency_key in payment.marks:
            return
        self._once(idempotency_key, ("void", payment_ref), lambda: self._void(payment_ref, idempotency_key))

    def _void(self, payment_ref: str, key: str) -> None:
        payment = self.store.payments[payment_ref]
        if payment.status != "requires_capture":
            raise _refusal(UNEXPECTED, stored=True)
        if payment.capturable:
            self._effect("release", payment_ref, payment.capturable, key)
        partly = bool(payment.received)
        marks = self._marked(payment, key, 0) if partly else payment.marks
        status = "succeeded" if partly else "canceled"
        self._keep(payment_ref, replace(payment, status=status, capturable=0, marks=marks))

    @step("payments.refund")
    def refund(
        self,
        payment_ref: str,
        amount: int,
        currency: str,
        *,
        refund_id: str,
        order_id: str,
        reason: str,
        idempotency_key: str,
    ) -> RefundResult:
        """See the port; once by its key."""
        _positive(amount)
        try:
            return self._once(
                idempotency_key,
                ("refund", payment_ref, amount, refund_id, order_id),
                lambda: self.give_back(payment_ref, amount, refund_id),
            )
        except UpstreamRefusedError as refusal:
            known = self._find(payment_ref, refund_id) if refusal.context["vendor_status"] == BAD_REQUEST else None
            if known is None:
                raise
            return known

    def give_back(self, payment_ref: str, amount: int, our_refund_id: str = "") -> RefundResult:
        """A refund, whoever asks; refused beyond what was taken."""
        payment = self._payment(payment_ref)
        left = payment.received - payment.refunded
        if payment.received and not left:
            raise _refusal("charge_already_refunded", stored=True)
        if amount > left:
            raise _refusal("invalid_request_error")
        refund = RefundResult(
            refund_ref=f"re_{len(self.store.effects) + 1}",
            state=RefundState.SUCCEEDED,
            amount=amount,
            our_refund_id=our_refund_id,
        )
        self._effect("refund", payment_ref, amount, our_refund_id, refund.refund_ref)
        self._keep(payment_ref, replace(payment, refunds=(*payment.refunds, refund)))
        return refund

    @step("payments.find_refund")
    def find_refund(self, payment_ref: str, refund_id: str) -> RefundResult | None:
        """See the port."""
        return self._find(payment_ref, refund_id)

    @step("payments.list_refunds")
    def list_refunds(self, payment_ref: str) -> list[RefundResult]:
        """See the port; the newest first."""
        payment = self.store.payments.get(payment_ref)
        return list(reversed(payment.refunds)) if payment else []

    def _find(self, payment_ref: str, refund_id: str) -> RefundResult | None:
        known = self.store.payments.get(payment_ref)
        refunds = reversed(known.refunds) if known else ()
        return next((each for each in refunds if each.our_refund_id == refund_id), None)

    def _once(self, key: str, request: object, act: Callable[[], T]) -> T:
        """What the key was answered with when it came first, else `act` now.

        The same key for something else is refused. A refusal before anything was begun leaves the key free.
        """
        known = self.store.payment_keys.get(key) if self.store.checks_payment_keys else None
        if known is not None:
            if known.request != request:
                raise _refusal("idempotency_error")
            if known.refusal is not None:
                raise known.refusal
            answer: T = known.answer  # type: ignore[assignment]  # as it was answered for the same request
            return answer
        try:
            answer = act()
        except UpstreamRefusedError as refusal:
            if refusal.context.get("stored"):
                self.store.put(self.store.payment_keys, key, Answered(request, None, refusal))
            raise
        self.store.put(self.store.payment_keys, key, Answered(request, answer))
        return answer

    def _payment(self, payment_ref: str) -> Payment:
        payment = self.store.payments.get(payment_ref)
        if payment is None:
            raise _refusal("resource_missing", status=404)
        return payment

    def _marked(self, payment: Payment, key: str, amount: int) -> Mapping[str, int]:
        return {**payment.marks, key: amount} if self.store.checks_payment_keys else payment.marks

    def _keep(self, payment_ref: str, payment: Payment) -> None:
        self.store.put(self.store.payments, payment_ref, payment)

    def _effect(self, kind: str, payment_ref: str, amount: int, key: str = "", ref: str = "") -> None:
        self.store.add(self.store.effects, Effect(kind, payment_ref, amount, key, ref))


def _charge(payment_ref: str) -> str:
    """A payment's one charge."""
    return "ch_" + payment_ref.removeprefix("pi_")


def _positive(amount: int) -> None:
    if amount <= 0:
        raise InvalidInputError("an amount to move must be positive")


def _refusal(code: str, *, status: int = BAD_REQUEST, stored: bool = False) -> UpstreamRefusedError:
    return UpstreamRefusedError(
        "the provider refused", vendor="stripe", vendor_code=code, vendor_status=status, stored=stored
    )
