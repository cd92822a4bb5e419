"""Reading Stripe's answers: objects, amounts in our minor units, and errors without their texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import UpstreamError, UpstreamRefusedError
from oms.domain.payment_events import RefundState
from oms.domain.payments import RefundResult
from oms.domain.vendor_money import STRIPE, from_vendor_amount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.adapters.rest import Answer

_TRY_LATER: Final = frozenset({409, 429})  # another call holds the object or the key; rate limit
_SERVER_ERROR: Final = 500
_OK: Final = range(200, 300)
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999."""

_REFUND_STATE: Final[Mapping[str, RefundState]] = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.REQUIRES_ACTION,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.CANCELLED,
}


class Intent:
    """A payment intent as Stripe answers it; amounts in our minor units."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self.ref = self._text("id")
        self.status = self._text("status")
        self.currency = self._text("currency").upper()
        charge = document.get("latest_charge")
        self._charge: Mapping[str, Any] = charge if isinstance(charge, dict) else {}
        named = self._charge.get("id", charge)
        self.charge: str = named if isinstance(named, str) else self.ref
        metadata = document.get("metadata")
        self.metadata: Mapping[str, Any] = metadata if isinstance(metadata, dict) else {}

    @property
    def total(self) -> int:
        """The amount it is over."""
        return self._amount("amount")

    @property
    def capturable(self) -> int:
        """What is bound and may be captured."""
        return self._amount("amount_capturable")

    @property
    def received(self) -> int:
        """What was captured."""
        return self._amount("amount_received")

    @property
    def capture_before(self) -> datetime | None:
        """Until when it may be captured, of an intent that was read with its charge."""
        details = self._charge.get("payment_method_details")
        card = details.get("card") if isinstance(details, dict) else None
        at = card.get("capture_before") if isinstance(card, dict) else None
        return datetime.fromtimestamp(at, UTC) if type(at) is int and 0 <= at <= _LATEST else None

    @property
    def last_error(self) -> str:
        """The code with which the last attempt failed, empty without one."""
        error = self._document.get("last_payment_error")
        if not isinstance(error, dict):
            return ""
        return _word(error.get("decline_code")) or _word(error.get("code")) or "declined"

    @property
    def cancellation_reason(self) -> str:
        """Why it was canceled."""
        return _word(self._document.get("cancellation_reason")) or "canceled"

    def _amount(self, key: str) -> int:
        value = self._document.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _unreadable()
        return from_vendor_amount(STRIPE, value, self.currency)

    def _text(self, key: str) -> str:
        value = self._document.get(key)
        if not isinstance(value, str) or not value:
            raise _unreadable()
        return value


def refund_result(document: Mapping[str, Any]) -> RefundResult:
    """A refund; raises UpstreamError when it cannot be read."""
    state, ref = _REFUND_STATE.get(str(document.get("status"))), document.get("id")
    amount, currency, metadata = document.get("amount"), document.get("currency"), document.get("metadata")
    if state is None or not isinstance(ref, str) or not isinstance(amount, int) or not isinstance(currency, str):
        raise _unreadable()
    return RefundResult(
        refund_ref=ref,
        state=state,
        amount=from_vendor_amount(STRIPE, amount, currency.upper()),
        our_refund_id=str(metadata.get("oms_refund_id", "")) if isinstance(metadata, dict) else "",
        reason=_word(document.get("failure_reason")),
    )


def read(answer: Answer) -> dict[str, Any]:
    """The object of a success; raises UpstreamError (later) or UpstreamRefusedError (no)."""
    if answer.status in _OK:
        try:
            return answer.document()
        except ValueError:
            raise _unreadable() from None
    error = answer.document_or_empty().get("error")
    error = error if isinstance(error, dict) else {}
    context: dict[str, Any] = {
        "vendor": "stripe",
        "vendor_status": answer.status,
        "vendor_code": _word(error.get("code")) or _word(error.get("type")) or f"http_{answer.status}",
        "request_id": _word(answer.headers.get("request-id")),
    }
    if answer.status >= _SERVER_ERROR or answer.status in _TRY_LATER:
        replayed = answer.status >= _SERVER_ERROR and answer.headers.get("idempotent-replayed") == "true"
        raise UpstreamError("Stripe asks to try later", retry_after=answer.retry_after(), replayed=replayed, **context)
    raise UpstreamRefusedError(
        "Stripe refused", decline_code=_word(error.get("decline_code")), param=_word(error.get("param")), **context
    )


def _word(value: object) -> str:
    """A code of Stripe's; anything else is not repeated."""
    return value if isinstance(value, str) and re.fullmatch(r"[\w.\[\]-]{1,100}", value, re.ASCII) else ""


def _unreadable() -> UpstreamError:
    return UpstreamError("Stripe's answer cannot be read", vendor="stripe")
