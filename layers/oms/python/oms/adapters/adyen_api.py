"""Adyen's Checkout API as our payment provider. REST as in `stripe_api`, for the same reasons.

Rules kept here (sources: docs.adyen.com/api-explorer/Checkout, /online-payments/capture, /online-payments/refund,
/development-resources/api-idempotency, /development-resources/error-codes):

- Captures, cancels and refunds are asynchronous: the answer says `received` and no more, the outcome comes as a
  notification (`oms.payments.adyen`). So a capture is pending, and counts as taken when Adyen says so.
- Nothing can be asked: there is no call that reads a payment. Whether it is authorized is told by AUTHORISATION; what
  became of a modification by its own notification, which carries our reference and comes again for 30 days.
- Every write carries an `Idempotency-Key` of at most 64 characters, so ours are hashed. Adyen keeps keys for 7 days at
  least. Error 704 (the same key is being processed) and the header `transient-error: true` mean: again, with the key.
- Several captures need "multiple partial captures", which Adyen enables for an account; else the first one cancels the
  rest, and the others fail. With it, what was authorized and not captured lapses with the authorization: a cancel could
  overtake a capture that is still being processed.
- The account must be set to capture manually.
- An authorization is held longer by an update of its amount to the same amount (/online-payments/adjust-authorisation).
- Exception texts and contexts hold codes and references of Adyen's, no message.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from oms.adapters.rest import RestClient, Timeouts
from oms.domain.errors import InvalidInputError, UpstreamError, UpstreamRefusedError
from oms.domain.payment_events import CaptureState, RefundState
from oms.domain.payments import (
    AuthorizationResult,
    AuthorizationState,
    CaptureResult,
    ExtensionResult,
    ExtensionState,
    RefundResult,
    reference_of,
)
from oms.domain.vendor_money import ADYEN, to_vendor_amount

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oms.adapters.adyen_disputes import AdyenDisputes
    from oms.adapters.rest import Answer
    from oms.domain.order.dispute_evidence import Evidence

API_VERSION: Final = "v71"
KEY_LIFE: Final = timedelta(days=6)
"""Adyen keeps a key for 7 days at least."""

_REFERENCE: Final = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII)
_WORD: Final = re.compile(r"[\w.-]{1,60}", re.ASCII)
_MAX_REFERENCE: Final = 80
_OK: Final = range(200, 300)
_SERVER_ERROR: Final = 500
_TRY_LATER: Final = frozenset({409, 429})
_IN_PROGRESS: Final = "704"
_REFUND_REASONS: Final[Mapping[str, str]] = {
    "duplicate": "DUPLICATE",
    "fraudulent": "FRAUD",
    "requested_by_customer": "CUSTOMER REQUEST",
}


class AdyenPayments:
    """The payment provider `adyen`: a payment is known by the PSP reference of its authorisation.

    `credentials` gives api_key and merchant_account. InvalidInputError: what was given cannot be sent. UpstreamError:
    try again, unchanged and with the same key. UpstreamRefusedError: Adyen said no; its context has `vendor_code`.
    """

    key_life = KEY_LIFE

    def __init__(
        self,
        base_url: str,
        credentials: Callable[[], Mapping[str, str]],
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    ) -> None:
        """`base_url` ends before the version, as in `https://checkout-test.adyen.com`."""
        self._base_url = base_url
        self._rest = RestClient(ADYEN, base_url, timeouts)
        self._credentials = credentials

    def verify_authorization(
        self, payment_ref: str, amount: int, currency: str, idempotency_key: str
    ) -> AuthorizationResult:
        """Pending: only the notification tells, and it is recorded when it comes."""
        del idempotency_key  # nothing is sent
        _checked(payment_ref)
        to_vendor_amount(ADYEN, amount, currency)
        return AuthorizationResult(state=AuthorizationState.PENDING, amount=0, reason="not_told_yet")

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
        """Ask for `amount`; the capture is pending. `metadata` gives oms_order_id and oms_shipment_id."""
        del final  # what is not captured lapses
        body = {
            "amount": _amount(amount, currency),
            "reference": _reference(metadata["oms_order_id"], metadata["oms_shipment_id"]),
        }
        made = self._post(payment_ref, "captures", body, idempotency_key)
        return CaptureResult(capture_ref=made, amount=amount, state=CaptureState.PENDING)

    def void(self, payment_ref: str, idempotency_key: str) -> None:
        """Ask for the authorization to be let go."""
        self._post(payment_ref, "cancels", {}, idempotency_key)

    def extend(self, payment_ref: str, amount: int, currency: str, idempotency_key: str) -> ExtensionResult:
        """Ask for the same amount again, which begins its time anew; a notification tells whether that was done.

        Possible for payments that were authorized as `PreAuth` and of which nothing was captured.
        """
        body = {"amount": _amount(amount, currency), "reason": "delayedCharge"}
        try:
            self._post(payment_ref, "amountUpdates", body, idempotency_key)
        except UpstreamRefusedError as refusal:
            return ExtensionResult(state=ExtensionState.REFUSED, reason=str(refusal.context["vendor_code"]))
        return ExtensionResult(state=ExtensionState.PENDING)

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
        """Ask for `amount` to be given back; the refund is pending.

        `reason` is passed on when Adyen has a word for it.
        """
        body: dict[str, Any] = {"amount": _amount(amount, currency), "reference": _reference(order_id, refund_id)}
        if reason in _REFUND_REASONS:
            body["merchantRefundReason"] = _REFUND_REASONS[reason]
        made = self._post(payment_ref, "refunds", body, idempotency_key)
        return RefundResult(refund_ref=made, state=RefundState.PENDING, amount=amount, our_refund_id=refund_id)

    def find_refund(self, payment_ref: str, refund_id: str) -> RefundResult | None:
        """Adyen cannot be asked: raises UpstreamRefusedError.

        Had the refund been taken on, its notification would have told by now, and for 30 days again. A person looks it
        up (Customer Area, by our reference) and settles it.
        """
        raise UpstreamRefusedError(
            "Adyen cannot be asked whether it has this refund",
            vendor=ADYEN,
            vendor_code="outcome_unknown",
            payment=payment_ref,
            refund_id=refund_id,
        )

    def list_refunds(self, payment_ref: str) -> list[RefundResult]:
        """Adyen has no list, and needs none: each refund's notification is its own. Raises UpstreamRefusedError."""
        raise UpstreamRefusedError("Adyen lists no refunds", vendor=ADYEN, vendor_code="no_list", payment=payment_ref)

    def defend_dispute(
        self, dispute_ref: str, told: Evidence, answer_id: str, *, defense: str, document: Callable[[], bytes]
    ) -> str:
        """Supply the document, then defend. `defense` is Adyen's code of the reason, which the scheme decides."""
        del told
        service = self._disputes()
        return service.defend(_checked(dispute_ref), defense, document(), answer_id)

    def accept_dispute(self, dispute_ref: str, answer_id: str) -> str:
        """Let the dispute be."""
        return self._disputes().accept(_checked(dispute_ref), answer_id)

    def _disputes(self) -> AdyenDisputes:
        from oms.adapters.adyen_disputes import AdyenDisputes

        return AdyenDisputes(self._base_url, self._credentials)

    def close(self) -> None:
        """Close the pooled connections."""
        self._rest.close()

    def _post(self, payment_ref: str, what: str, body: Mapping[str, Any], idempotency_key: str) -> str:
        """Ask for a modification; its PSP reference."""
        if not idempotency_key:
            raise InvalidInputError("a call that moves money needs an idempotency key")
        credentials = self._credentials()
        missing = [name for name in ("api_key", "merchant_account") if not credentials.get(name)]
        if missing:
            raise UpstreamRefusedError(
                "a credential is missing", vendor=ADYEN, vendor_code="credentials", names=missing
            )
        headers = {
            "x-api-key": credentials["api_key"].strip(),
            "content-type": "application/json",
            "idempotency-key": hashlib.sha256(idempotency_key.encode()).hexdigest(),
        }
        sent = json.dumps({"merchantAccount": credentials["merchant_account"], **body}).encode()
        path = f"/{API_VERSION}/payments/{quote(_checked(payment_ref))}/{what}"
        return _read(self._rest.send("POST", path, headers=headers, body=sent))


def _read(answer: Answer) -> str:
    """The PSP reference of what was received; raises UpstreamError (later) or UpstreamRefusedError (no)."""
    document = answer.document_or_empty()
    context: dict[str, Any] = {
        "vendor": ADYEN,
        "vendor_status": answer.status,
        "vendor_code": _word(document.get("errorCode")) or f"http_{answer.status}",
        "request_id": _word(document.get("pspReference")),
    }
    if answer.status in _OK:
        made = document.get("pspReference")
        if not isinstance(made, str) or not _REFERENCE.fullmatch(made):
            raise UpstreamError("Adyen's answer cannot be read", **context)
        return made
    transient = answer.headers.get("transient-error", "").lower() == "true" or context["vendor_code"] == _IN_PROGRESS
    if transient or answer.status >= _SERVER_ERROR or answer.status in _TRY_LATER:
        raise UpstreamError("Adyen asks to try later", retry_after=answer.retry_after(), **context)
    raise UpstreamRefusedError("Adyen refused", **context)


def _amount(amount: int, currency: str) -> dict[str, Any]:
    if amount <= 0:
        raise InvalidInputError("an amount to move must be positive")
    return {"currency": currency, "value": to_vendor_amount(ADYEN, amount, currency)}


def _checked(payment_ref: str) -> str:
    if not _REFERENCE.fullmatch(payment_ref):
        raise InvalidInputError("this is no reference of Adyen's")
    return payment_ref


def _reference(order_id: str, part: str) -> str:
    reference = reference_of(order_id, part)
    if len(reference) > _MAX_REFERENCE:
        raise InvalidInputError("a reference is too long for Adyen", limit=_MAX_REFERENCE)
    return reference


def _word(value: object) -> str:
    """A code of Adyen's; anything else is not repeated."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""
