"""PayPal's REST API (Orders v2, Payments v2) as our payment provider. REST as in `stripe_api`, for the same reasons.

Rules kept here (sources: developer.paypal.com/api/orders/v2, /api/payments/v2, /reference/guidelines/idempotency,
/checkout/delay-capture, /beta/payments/void-authorization):

- The payment is the PayPal order, made with the intent AUTHORIZE: it is the one thing that can be asked for all of its
  authorizations, captures and refunds. An order that the payer approved is authorized by us, once.
- Every write carries a `PayPal-Request-Id`. Authorizing keeps it for 6 hours, captures, voids and refunds for 45 days.
  So each capture carries our shipment as its `invoice_id`, each refund ours as its `custom_id`, and is looked for in
  the order before it is sent.
- A capture may stay PENDING, or be DECLINED, with a successful answer. `final_capture` releases what remains.
- A refund is of one capture. One of ours that no single capture can bear is made of several; it is done when all are.
- A renewal makes a new authorization; the first one's 29 days are not made longer by it in most countries, so what
  counts is the end that PayPal names.
- Access tokens (client credentials) are kept until shortly before they end, and replaced when they are refused.
- Exception texts and contexts hold codes and ids of PayPal's, no message.
"""

from __future__ import annotations

import json
import re
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.access_token import AccessToken, ask, basic
from oms.adapters.paypal_answers import BAD, PayPalOrder, part_of, read, together
from oms.adapters.rest import RestClient, Timeouts
from oms.domain.errors import InvalidInputError, UpstreamRefusedError
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
from oms.domain.vendor_money import PAYPAL, to_vendor_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oms.adapters.paypal_answers import Part
    from oms.domain.order.dispute_evidence import Evidence

KEY_LIFE: Final = timedelta(hours=20)
"""PayPal keeps the key of a refund for 45 days; asking first costs less than finding out."""

_REFERENCE: Final = re.compile(r"[A-Z0-9]{1,36}", re.ASCII)
_DISPUTE: Final = re.compile(r"[A-Z0-9-]{1,255}", re.ASCII)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,108}", re.ASCII)
_LIVE: Final = frozenset({"CREATED", "PARTIALLY_CAPTURED", "CAPTURED"})
_CAPTURABLE: Final = frozenset({"CREATED", "PARTIALLY_CAPTURED"})
_ALREADY: Final = "ORDER_ALREADY_AUTHORIZED"
_PAYER_CANNOT: Final = frozenset(
    {
        *("INSTRUMENT_DECLINED", "PAYER_CANNOT_PAY", "PAYER_ACCOUNT_RESTRICTED", "PAYER_ACCOUNT_LOCKED_OR_CLOSED"),
        *("TRANSACTION_REFUSED", "CARD_EXPIRED", "COMPLIANCE_VIOLATION"),
    }
)
"""What the payer, not our call, is the reason of (developer.paypal.com/api/rest/reference/orders/v2/errors)."""


class PayPalPayments:
    """The payment provider `paypal`. All amounts are in our minor units.

    `credentials` gives client_id and client_secret. InvalidInputError: what was given cannot be sent. UpstreamError:
    try again, unchanged and with the same key. UpstreamRefusedError: PayPal said no; its context has `vendor_code`.
    """

    key_life = KEY_LIFE

    def __init__(
        self,
        base_url: str,
        credentials: Callable[[], Mapping[str, str]],
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rest = RestClient(PAYPAL, base_url, timeouts)
        self._credentials = credentials
        self._token = AccessToken(clock)

    def verify_authorization(
        self, payment_ref: str, amount: int, currency: str, idempotency_key: str
    ) -> AuthorizationResult:
        """Hold the order against what is needed; authorizes one that the payer approved and nobody has authorized."""
        order = self._order(payment_ref)
        if refused := _mismatch(order, amount, currency):
            return refused
        if order.status == "APPROVED" and not order.authorizations:
            try:
                self._post(f"/v2/checkout/orders/{order.ref}/authorize", {}, idempotency_key)
            except UpstreamRefusedError as refusal:
                code = str(refusal.context["vendor_code"])
                if code in _PAYER_CANNOT:
                    return _declined(code.lower(), 0)
                if code != _ALREADY:
                    raise
            order = self._order(payment_ref)
        return _authorization(order, amount)

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
        """Take `amount`; `final` also releases what then remains. `metadata` gives oms_order_id and oms_shipment_id.

        A capture that was made for this shipment, however long ago, is answered as it stands.
        """
        reference = reference_of(metadata["oms_order_id"], metadata["oms_shipment_id"])
        body = {"amount": _money(amount, currency), "final_capture": final, "invoice_id": reference}
        order = self._order(payment_ref)
        done = _capture_with(order, reference)
        if done is not None:
            return done
        authorization = _newest(order, _CAPTURABLE)
        if authorization is None:
            raise _refuse("no_authorization", order)
        path = f"/v2/payments/authorizations/{authorization.ref}/capture"
        try:
            return _capture_result(part_of(self._post(path, body, idempotency_key), "invoice_id"))
        except UpstreamRefusedError as refusal:
            order = self._order(payment_ref)
            done = _capture_with(order, reference)
            if done is None:
                refusal.context["payment_status"] = order.status
                raise
            return done

    def extend(self, payment_ref: str, amount: int, currency: str, idempotency_key: str) -> ExtensionResult:
        """Reauthorize: PayPal makes a new authorization of the order, of which is captured from then on.

        Possible from the fourth day on, within the 29 days of the first authorization.
        """
        order = self._order(payment_ref)
        if _newest(order, _CAPTURABLE) is None:
            return ExtensionResult(state=ExtensionState.REFUSED, reason="no_authorization")
        # Renewals are all of the first one: so the same request comes again under the same key.
        path = f"/v2/payments/authorizations/{order.authorizations[0].ref}/reauthorize"
        try:
            made = part_of(self._post(path, {"amount": _money(amount, currency)}, idempotency_key), "custom_id")
        except UpstreamRefusedError as refusal:
            return ExtensionResult(state=ExtensionState.REFUSED, reason=str(refusal.context["vendor_code"]).lower())
        if made.status not in _CAPTURABLE or made.expires_at is None:
            return ExtensionResult(state=ExtensionState.REFUSED, reason=made.status.lower())
        return ExtensionResult(state=ExtensionState.EXTENDED, expires_at=made.expires_at)

    def void(self, payment_ref: str, idempotency_key: str) -> None:
        """Release what is authorized and not captured. An order that was captured whole is refused: refund it.

        Of an order that nobody authorized nothing is held.
        """
        order = self._order(payment_ref)
        held = _newest(order, _CAPTURABLE | {"PENDING"})
        if held is None:
            if order.captured:
                raise _refuse("PREVIOUSLY_CAPTURED", order)
            return
        try:
            self._post(f"/v2/payments/authorizations/{held.ref}/void", {}, idempotency_key)
        except UpstreamRefusedError as refusal:
            if refusal.context.get("vendor_code") != "PREVIOUSLY_VOIDED":
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
        """Give `amount` back, of one capture where one can bear it. What of it was made before is not made again.

        `reason` stays here: PayPal would tell it to the payer.
        """
        del reason
        reference = reference_of(order_id, refund_id)
        order = self._order(payment_ref)
        made = [each for each in order.refunds if each.reference == reference]
        due = amount - sum(each.amount for each in made if each.refund_state not in BAD)
        if made and all(each.refund_state in BAD for each in made):
            return together(made)[0]
        for capture, part in _shares(order, due):
            body = {"amount": _money(part, currency), "custom_id": reference}
            path = f"/v2/payments/captures/{capture.ref}/refund"
            try:
                answer = self._post(path, body, f"{idempotency_key}:{capture.ref}")
            except UpstreamRefusedError:
                found = self.find_refund(payment_ref, refund_id)
                if found is None:
                    raise
                return _whole(found, amount)
            made.append(part_of(answer, "custom_id"))
        return _whole(together(made)[0], amount)

    def find_refund(self, payment_ref: str, refund_id: str) -> RefundResult | None:
        """The refund of this payment that carries our `refund_id`; of less than was asked when parts are missing."""
        return next((it for it in self.list_refunds(payment_ref) if it.our_refund_id == refund_id), None)

    def list_refunds(self, payment_ref: str) -> list[RefundResult]:
        """Every refund of the payment, by whomever it was made."""
        return together(self._order(payment_ref).refunds)

    def payment_of(self, charge_ref: str) -> str:
        """The order that a capture belongs to; '' for one that PayPal does not tell of."""
        capture = self._get(f"/v2/payments/captures/{_checked(charge_ref)}")
        data = capture.get("supplementary_data")
        related = data.get("related_ids") if isinstance(data, dict) else None
        found = related.get("order_id") if isinstance(related, dict) else None
        return found if isinstance(found, str) and _REFERENCE.fullmatch(found) else ""

    def defend_dispute(
        self, dispute_ref: str, told: Evidence, answer_id: str, *, defense: str, document: Callable[[], bytes]
    ) -> str:
        """Provide proof of fulfillment. Asked before: an answer of ours that PayPal has is not given again."""
        del defense, document
        from oms.adapters.paypal_disputes import FORM, evidence_form, has_answer

        path = f"/v1/customer/disputes/{_dispute(dispute_ref)}"
        if not has_answer(self._get(path), answer_id):
            self._send(f"{path}/provide-evidence", evidence_form(told, answer_id), FORM, answer_id)
        return dispute_ref

    def accept_dispute(self, dispute_ref: str, answer_id: str) -> str:
        """Accept the claim, which gives the buyer their money."""
        path = f"/v1/customer/disputes/{_dispute(dispute_ref)}"
        if self._get(path).get("status") != "RESOLVED":
            body = {"note": "Accepted by the merchant.", "accept_claim_type": "REFUND"}
            self._post(f"{path}/accept-claim", body, answer_id)
        return dispute_ref

    def close(self) -> None:
        """Close the pooled connections."""
        self._rest.close()

    def _order(self, payment_ref: str) -> PayPalOrder:
        return PayPalOrder(self._get(f"/v2/checkout/orders/{_checked(payment_ref)}"))

    def _get(self, path: str) -> dict[str, Any]:
        return self._token.used(self._log_in, lambda token: read(self._rest.send("GET", path, headers=_bearer(token))))

    def _post(self, path: str, body: Mapping[str, Any], idempotency_key: str) -> dict[str, Any]:
        if not _KEY.fullmatch(idempotency_key):
            raise InvalidInputError("an idempotency key must be 1 to 108 visible ASCII characters")
        return self._send(path, json.dumps(body).encode(), "application/json", idempotency_key)

    def _send(self, path: str, sent: bytes, content_type: str, idempotency_key: str) -> dict[str, Any]:
        more = {"content-type": content_type, "paypal-request-id": idempotency_key, "prefer": "return=representation"}
        return self._token.used(
            self._log_in,
            lambda token: read(self._rest.send("POST", path, headers={**_bearer(token), **more}, body=sent)),
        )

    def _log_in(self) -> Mapping[str, Any]:
        known = self._credentials()
        missing = [name for name in ("client_id", "client_secret") if not known.get(name)]
        if missing:
            raise UpstreamRefusedError(
                "credentials are missing", vendor=PAYPAL, vendor_code="credentials", names=missing
            )
        headers = {"authorization": basic(known["client_id"], known["client_secret"])}
        return ask(self._rest, "/v1/oauth2/token", {"grant_type": "client_credentials"}, headers)


def _dispute(reference: str) -> str:
    if not _DISPUTE.fullmatch(reference):
        raise InvalidInputError("this is no dispute of PayPal's")
    return reference


def _authorization(order: PayPalOrder, amount: int) -> AuthorizationResult:
    """How the order stands against `amount`, which it is over."""
    if order.captured >= amount:
        return AuthorizationResult(state=AuthorizationState.CAPTURED, amount=amount)
    last = order.authorizations[-1] if order.authorizations else None
    if last is None:
        if order.status == "VOIDED":
            return _declined("voided", 0)
        return AuthorizationResult(state=AuthorizationState.PENDING, amount=0, reason=order.status.lower())
    if last.status in _LIVE:
        if last.amount < amount:
            return _declined("amount_too_small", last.amount)
        return AuthorizationResult(state=AuthorizationState.AUTHORIZED, amount=amount, expires_at=last.expires_at)
    if last.status == "PENDING":
        return AuthorizationResult(state=AuthorizationState.PENDING, amount=0, reason=last.reason.lower() or "pending")
    return _declined(last.status.lower(), 0)


def _newest(order: PayPalOrder, states: frozenset[str]) -> Part | None:
    """The last authorization that stands: a renewal takes the place of what it renews."""
    return next((each for each in reversed(order.authorizations) if each.status in states), None)


def _mismatch(order: PayPalOrder, amount: int, currency: str) -> AuthorizationResult | None:
    if order.currency != currency:
        return _declined("currency_mismatch", 0)
    return _declined("amount_too_small", order.amount) if order.amount < amount else None


def _declined(reason: str, held: int) -> AuthorizationResult:
    return AuthorizationResult(state=AuthorizationState.DECLINED, amount=held, reason=reason)


def _capture_with(order: PayPalOrder, reference: str) -> CaptureResult | None:
    """The capture with our reference: one that stands rather than one that was refused."""
    found = sorted(
        (each for each in order.captures if each.reference == reference),
        key=lambda each: each.capture_state is CaptureState.FAILED,
    )
    return _capture_result(found[0]) if found else None


def _capture_result(capture: Part) -> CaptureResult:
    reason = (capture.reason or capture.status).lower() if capture.capture_state is CaptureState.FAILED else ""
    return CaptureResult(capture_ref=capture.ref, amount=capture.amount, state=capture.capture_state, reason=reason)


def _shares(order: PayPalOrder, amount: int) -> list[tuple[Part, int]]:
    """(capture, how much of it goes back): one that bears all of it, else the fullest first."""
    if amount <= 0:
        return []
    taken = [each for each in order.captures if each.capture_state is CaptureState.SUCCEEDED]
    left = sorted(((order.left_of(each), each) for each in taken), key=lambda pair: (-pair[0], pair[1].ref))
    if sum(part for part, _ in left) < amount:
        raise _refuse("REFUND_AMOUNT_EXCEEDED", order)
    shares = []
    for part, capture in left:
        share = min(part, amount)
        if share > 0:
            shares.append((capture, share))
            amount -= share
    return shares


def _whole(found: RefundResult, amount: int) -> RefundResult:
    """A refund of which parts are missing is open, whatever became of the others."""
    if found.amount >= amount or found.state in BAD:
        return found
    return RefundResult(
        refund_ref=found.refund_ref,
        state=RefundState.PENDING,
        amount=found.amount,
        our_refund_id=found.our_refund_id,
        reason=found.reason or "incomplete",
    )


def _refuse(code: str, order: PayPalOrder) -> UpstreamRefusedError:
    return UpstreamRefusedError("PayPal would refuse", vendor=PAYPAL, vendor_code=code, payment_status=order.status)


def _money(amount: int, currency: str) -> dict[str, str]:
    if amount <= 0:
        raise InvalidInputError("an amount to move must be positive")
    return {"currency_code": currency, "value": to_vendor_text(PAYPAL, amount, currency)}


def _checked(reference: str) -> str:
    if not _REFERENCE.fullmatch(reference):
        raise InvalidInputError("this is no id of PayPal's")
    return reference


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", "accept": "application/json"}
