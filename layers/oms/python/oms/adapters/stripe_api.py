"""Stripe's REST API as our payment provider.

Not the official SDK: it costs an import of its own in every payment function and retries by itself. A form-encoded REST
call over urllib3, which botocore has loaded already, with explicit timeouts is all that six operations need.

Rules kept here (sources: docs.stripe.com/api, /payments/multicapture, /api/idempotent_requests, /error-low-level):

- Every write carries an `Idempotency-Key`. Stripe remembers it for 24 h at least, with the answer, a 500 included. What
  must be found again after that is written into the object's metadata, in the same call that moves the money: the
  refund by `refund_id`, the capture by a marker derived from its key.
- Several captures of one authorization need `final_capture=false` on all but the last, which Stripe grants only where
  multicapture is available (the intent was made with `request_multicapture=if_available`; cards; IC+ pricing; at most
  50 captures). Where it is not, Stripe refuses and so do we: capturing a part would silently release the rest. The
  caller then captures once, when the last parcel has left.
- The version is pinned: since 2025-03-31.basil a partial capture or a cancellation no longer makes a refund.
- A card's authorization ends after `capture_before` and cannot be held longer: when it ends, Stripe cancels the intent.
- The exception texts and contexts hold codes and ids of Stripe's, no message: messages may quote what a person typed.
"""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from oms.adapters.rest import RestClient, Timeouts
from oms.adapters.stripe_answers import Intent, read, refund_result
from oms.adapters.stripe_disputes import ANSWER, answered, evidence_params
from oms.domain.errors import InvalidInputError, UpstreamError, UpstreamRefusedError
from oms.domain.payments import AuthorizationResult, AuthorizationState, CaptureResult, RefundResult
from oms.domain.vendor_money import STRIPE, from_vendor_amount, to_vendor_amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from oms.domain.order.dispute_evidence import Evidence


API_VERSION: Final = "2025-03-31.basil"
BASE_URL: Final = "https://api.stripe.com"

_REFERENCE: Final = re.compile(r"[A-Za-z0-9_]{1,255}", re.ASCII)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_CARD_REFUSED: Final = 402
_UNEXPECTED_STATE: Final = "payment_intent_unexpected_state"
_REFUND_REASONS: Final = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
KEY_LIFE: Final = timedelta(hours=20)
"""Stripe keeps a key for 24 h at least."""
_PAGE: Final = 100
_MAX_PAGES: Final = 20


class StripePayments:
    """The payment provider `stripe`. All amounts are in our minor units.

    InvalidInputError: what was given cannot be sent (an id that is none of Stripe's, an amount it cannot express).
    UpstreamError: try again, unchanged and with the same key. UpstreamRefusedError: Stripe said no; its context has
    `vendor_code`, `vendor_status` and, for cards, `decline_code`.
    """

    key_life = KEY_LIFE

    def __init__(
        self,
        base_url: str,
        secret_key_provider: Callable[[], str],
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    ) -> None:
        self._rest = RestClient("stripe", base_url, timeouts)
        self._secret_key = secret_key_provider

    def verify_authorization(
        self, payment_ref: str, amount: int, currency: str, idempotency_key: str
    ) -> AuthorizationResult:
        """Hold the payment against what the order needs; confirms an intent that waits for us to do so.

        An intent in another currency or over too little is declined and left as it is.
        """
        intent = self._intent(payment_ref, whole=True)
        if intent.status == "requires_confirmation" and _mismatch(intent, intent.total, amount, currency) is None:
            try:
                self._post(f"/v1/payment_intents/{intent.ref}/confirm", {}, idempotency_key)
            except UpstreamRefusedError as refusal:
                if refusal.context.get("vendor_status") == _CARD_REFUSED:
                    return _declined(_reason(refusal), 0)
                if refusal.context.get("vendor_code") != _UNEXPECTED_STATE:
                    raise
            intent = self._intent(payment_ref, whole=True)
        return _authorization(intent, amount, currency)

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
        """Take `amount`; `final` also releases what then remains authorized.

        A capture that an earlier attempt with this key made, however long ago, and an intent that was captured whole by
        somebody else, are answered as done.
        """
        done = self.find_capture(payment_ref, idempotency_key)
        if done is not None:
            return done
        sent = _positive(amount, currency)
        params = {"amount_to_capture": str(sent), **_metadata({**metadata, _marker(idempotency_key): str(sent)})}
        if not final:
            # `true` is the default, and may not be sent where there is no multicapture
            params["final_capture"] = "false"
        try:
            document = self._post(f"/v1/payment_intents/{_checked(payment_ref)}/capture", params, idempotency_key)
        except UpstreamError as error:
            if not _may_have_happened(error):
                raise
            intent = self._intent(payment_ref)
            done = _marked_capture(intent, idempotency_key) or _captured_whole(intent, amount)
            if done is None:
                error.context["payment_status"] = intent.status
                raise
            return done
        return CaptureResult(capture_ref=Intent(document).charge, amount=amount)

    def find_capture(self, payment_ref: str, idempotency_key: str) -> CaptureResult | None:
        """The capture that an attempt with this key made, however long ago."""
        return _marked_capture(self._intent(payment_ref), idempotency_key)

    def void(self, payment_ref: str, idempotency_key: str) -> None:
        """Release what is authorized and not captured. An intent that was captured whole is refused: refund it."""
        intent = self._intent(payment_ref)
        if intent.status == "canceled" or _marker(idempotency_key) in intent.metadata:
            return
        path = f"/v1/payment_intents/{intent.ref}"
        try:
            if intent.status == "requires_capture" and intent.received:
                # a partly captured intent is not cancelled: a last capture of nothing releases the rest
                release = {"amount_to_capture": "0", "final_capture": "true"}
                self._post(f"{path}/capture", release | _metadata({_marker(idempotency_key): "0"}), idempotency_key)
            else:
                self._post(f"{path}/cancel", {}, idempotency_key)
        except UpstreamError as error:
            if not _may_have_happened(error):
                raise
            intent = self._intent(payment_ref)
            if intent.status != "canceled" and _marker(idempotency_key) not in intent.metadata:
                raise

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
        """Give `amount` back. `refund_id` is ours and is found again by `find_refund`.

        `reason` is passed on when it is one of Stripe's three. More than 24 h after a first attempt ask `find_refund`
        before.
        """
        params = {
            _subject(payment_ref): payment_ref,
            "amount": str(_positive(amount, currency)),
            **_metadata({"oms_order_id": order_id, "oms_refund_id": refund_id}),
        }
        if reason in _REFUND_REASONS:
            params["reason"] = reason
        try:
            return refund_result(self._post("/v1/refunds", params, idempotency_key))
        except UpstreamError as error:
            done = self.find_refund(payment_ref, refund_id) if _may_have_happened(error) else None
            if done is None:
                raise
            return done

    def find_refund(self, payment_ref: str, refund_id: str) -> RefundResult | None:
        """The refund of this payment that carries our `refund_id`, however long ago it was made."""
        return next((it for it in self._refunds(payment_ref) if it.our_refund_id == refund_id), None)

    def list_refunds(self, payment_ref: str) -> list[RefundResult]:
        """Every refund of the payment, the newest first, by whomever it was made."""
        return list(self._refunds(payment_ref))

    def _refunds(self, payment_ref: str) -> Iterator[RefundResult]:
        query = {_subject(payment_ref): payment_ref, "limit": str(_PAGE)}
        for _ in range(_MAX_PAGES):
            page = self._get("/v1/refunds", query)
            refunds = [refund_result(it) for it in page.get("data") or [] if isinstance(it, dict)]
            yield from refunds
            if not page.get("has_more") or not refunds:
                return
            query["starting_after"] = refunds[-1].refund_ref
        raise UpstreamRefusedError("too many refunds to look through", vendor="stripe", limit=_PAGE * _MAX_PAGES)

    def defend_dispute(
        self, dispute_ref: str, told: Evidence, answer_id: str, *, defense: str, document: Callable[[], bytes]
    ) -> str:
        """Submit evidence. The dispute remembers which answer it was, however long ago."""
        del defense, document  # texts are enough for Stripe
        path = f"/v1/disputes/{_checked(dispute_ref)}"
        params = evidence_params(told) | _metadata({ANSWER: answer_id})
        try:
            self._post(path, params, answer_id)
        except UpstreamError as error:
            if not _may_have_happened(error) or answered(self._get(path, {})) != answer_id:
                raise
        return dispute_ref

    def accept_dispute(self, dispute_ref: str, answer_id: str) -> str:
        """Close the dispute: it is lost then."""
        path = f"/v1/disputes/{_checked(dispute_ref)}"
        try:
            self._post(f"{path}/close", {}, answer_id)
        except UpstreamError as error:
            if not _may_have_happened(error) or self._get(path, {}).get("status") != "lost":
                raise
        return dispute_ref

    def close(self) -> None:
        """Close the pooled connections."""
        self._rest.close()

    def _intent(self, payment_ref: str, *, whole: bool = False) -> Intent:
        """`whole`: with its charge, which says until when it may be captured."""
        query = {"expand[]": "latest_charge"} if whole else {}
        return Intent(self._get(f"/v1/payment_intents/{_checked(payment_ref)}", query))

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        return read(self._rest.send("GET", path, query=query, headers=self._headers()))

    def _post(self, path: str, params: Mapping[str, str], idempotency_key: str) -> dict[str, Any]:
        if not _KEY.fullmatch(idempotency_key):
            raise InvalidInputError("an idempotency key must be 1 to 255 visible ASCII characters")
        headers = {
            **self._headers(),
            "content-type": "application/x-www-form-urlencoded",
            "idempotency-key": idempotency_key,
        }
        return read(self._rest.send("POST", path, headers=headers, body=urlencode(params).encode()))

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._secret_key().strip()}", "stripe-version": API_VERSION}


def _authorization(intent: Intent, amount: int, currency: str) -> AuthorizationResult:
    match intent.status:
        case "requires_capture":
            refused = _mismatch(intent, intent.capturable, amount, currency)
            until = intent.capture_before
            return refused or AuthorizationResult(state=AuthorizationState.AUTHORIZED, amount=amount, expires_at=until)
        case "succeeded":
            refused = _mismatch(intent, intent.received, amount, currency)
            return refused or AuthorizationResult(state=AuthorizationState.CAPTURED, amount=amount)
        case "canceled":
            return _declined(intent.cancellation_reason, 0)
        case "requires_payment_method" if intent.last_error:  # an attempt was made and refused
            return _declined(intent.last_error, 0)
        case _:
            refused = _mismatch(intent, intent.total, amount, currency)
            return refused or AuthorizationResult(state=AuthorizationState.PENDING, amount=0, reason=intent.status)


def _mismatch(intent: Intent, held: int, amount: int, currency: str) -> AuthorizationResult | None:
    if intent.currency != currency:
        return _declined("currency_mismatch", 0)
    return _declined("amount_too_small", held) if held < amount else None


def _declined(reason: str, held: int) -> AuthorizationResult:
    return AuthorizationResult(state=AuthorizationState.DECLINED, amount=held, reason=reason)


def _reason(refusal: UpstreamRefusedError) -> str:
    return str(refusal.context.get("decline_code") or refusal.context.get("vendor_code"))


def _marker(idempotency_key: str) -> str:
    """The metadata key (40 characters at most) under which a capture remembers which attempt made it."""
    return f"oms_{hashlib.sha256(idempotency_key.encode()).hexdigest()[:32]}"


def _marked_capture(intent: Intent, idempotency_key: str) -> CaptureResult | None:
    value = intent.metadata.get(_marker(idempotency_key))
    if not isinstance(value, str) or not value.isascii() or not value.isdigit():
        return None
    return CaptureResult(capture_ref=intent.charge, amount=from_vendor_amount(STRIPE, int(value), intent.currency))


def _captured_whole(intent: Intent, amount: int) -> CaptureResult | None:
    """The intent's full amount was taken, so this part of it is among it (automatic capture, or by hand)."""
    if intent.status == "succeeded" and intent.received == intent.total >= amount:
        return CaptureResult(capture_ref=intent.charge, amount=amount)
    return None


def _may_have_happened(error: UpstreamError) -> bool:
    """Could an earlier attempt have moved the money? After a refusal by state, or a server error that is replayed."""
    if isinstance(error, UpstreamRefusedError):
        return error.context.get("vendor_status") == 400  # noqa: PLR2004
    return bool(error.context.get("replayed"))


def _positive(amount: int, currency: str) -> int:
    if amount <= 0:
        raise InvalidInputError("an amount to move must be positive")
    return to_vendor_amount(STRIPE, amount, currency)


def _checked(reference: str) -> str:
    if not _REFERENCE.fullmatch(reference):
        raise InvalidInputError("this is no id of Stripe's")
    return reference


def _subject(payment_ref: str) -> str:
    """Payments made before payment intents are known by their charge."""
    return "payment_intent" if _checked(payment_ref).startswith("pi_") else "charge"


def _metadata(values: Mapping[str, str]) -> dict[str, str]:
    return {f"metadata[{key}]": value for key, value in values.items()}
