"""Reading PayPal's answers: an order with its authorizations, captures and refunds; errors without their texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import InvalidInputError, UpstreamError, UpstreamRefusedError
from oms.domain.frozen import frozen
from oms.domain.payment_events import CaptureState, RefundState
from oms.domain.payments import RefundResult, read_reference
from oms.domain.vendor_money import PAYPAL, from_vendor_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oms.adapters.rest import Answer

_TRY_LATER: Final = frozenset({408, 409, 429})
_SERVER_ERROR: Final = 500
_OK: Final = range(200, 300)
_NO_CONTENT: Final = 204
_CAPTURE: Final = re.compile(r"/v2/payments/captures/([A-Z0-9]{1,36})", re.ASCII)

CAPTURE_STATE: Final[Mapping[str, CaptureState]] = {
    "PENDING": CaptureState.PENDING,
    "COMPLETED": CaptureState.SUCCEEDED,
    "PARTIALLY_REFUNDED": CaptureState.SUCCEEDED,
    "REFUNDED": CaptureState.SUCCEEDED,
    "DECLINED": CaptureState.FAILED,
    "FAILED": CaptureState.FAILED,
}
REFUND_STATE: Final[Mapping[str, RefundState]] = {
    "PENDING": RefundState.PENDING,
    "COMPLETED": RefundState.SUCCEEDED,
    "FAILED": RefundState.FAILED,
    "CANCELLED": RefundState.CANCELLED,
}
BAD: Final = frozenset({RefundState.FAILED, RefundState.CANCELLED})


@frozen
class Part:
    """An authorization, a capture or a refund of a PayPal order; `reference` is ours, `capture` of a refund's."""

    ref: str
    status: str
    amount: int
    reference: str = ""
    capture: str = ""
    reason: str = ""
    expires_at: datetime | None = None
    """Of an authorization, its end."""

    @property
    def refund_state(self) -> RefundState:
        """Of a refund."""
        return REFUND_STATE[self.status]

    @property
    def capture_state(self) -> CaptureState:
        """Of a capture."""
        return CAPTURE_STATE[self.status]


class PayPalOrder:
    """A PayPal order of one purchase unit as PayPal answers it; amounts in our minor units. Raises UpstreamError."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        units = document.get("purchase_units")
        if not isinstance(units, list) or len(units) != 1 or not isinstance(units[0], dict):
            raise unreadable()
        money = units[0].get("amount")
        if not isinstance(money, dict):
            raise unreadable()
        self.ref = _text(document, "id")
        self.status = _text(document, "status")
        self.currency = _text(money, "currency_code")
        self.amount = amount_of(money)
        payments = units[0].get("payments")
        self._payments: Mapping[str, Any] = payments if isinstance(payments, dict) else {}

    @property
    def authorizations(self) -> Sequence[Part]:
        """In the order in which they were made."""
        return [part_of(each, "custom_id") for each in self._list("authorizations")]

    @property
    def captures(self) -> Sequence[Part]:
        """Those that PayPal refused included."""
        found = [part_of(each, "invoice_id") for each in self._list("captures")]
        if any(each.status not in CAPTURE_STATE for each in found):
            raise unreadable()
        return found

    @property
    def refunds(self) -> Sequence[Part]:
        """Those that failed included."""
        found = [part_of(each, "custom_id") for each in self._list("refunds")]
        if any(each.status not in REFUND_STATE for each in found):
            raise unreadable()
        return found

    @property
    def captured(self) -> int:
        """What was taken."""
        return sum(each.amount for each in self.captures if each.capture_state is CaptureState.SUCCEEDED)

    def left_of(self, capture: Part) -> int:
        """What may still be given back of a capture."""
        back = (each for each in self.refunds if each.capture == capture.ref and each.refund_state not in BAD)
        return capture.amount - sum(each.amount for each in back)

    def _list(self, key: str) -> list[Mapping[str, Any]]:
        entries = self._payments.get(key) or []
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise unreadable()
        return entries


def part_of(document: Mapping[str, Any], reference: str) -> Part:
    """What was done to a payment; `reference` is the field that ours is in."""
    money, ours = document.get("amount"), document.get(reference)
    links = document.get("links")
    hrefs = [str(link.get("href")) for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    found = next((match[1] for match in map(_CAPTURE.search, hrefs) if match), "")
    details = document.get("status_details")
    return Part(
        ref=_text(document, "id"),
        status=_text(document, "status"),
        amount=amount_of(money if isinstance(money, dict) else {}),
        reference=ours if isinstance(ours, str) else "",
        capture=found,
        reason=_word(details.get("reason")) if isinstance(details, dict) else "",
        expires_at=_moment(document.get("expiration_time")),
    )


def _moment(text: object) -> datetime | None:
    """An instant as PayPal writes it; None for anything else."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at.astimezone(UTC) if at and at.tzinfo else None


def amount_of(money: Mapping[str, Any]) -> int:
    """An amount in our minor units; raises UpstreamError."""
    try:
        return from_vendor_text(PAYPAL, _text(money, "value"), _text(money, "currency_code"))
    except InvalidInputError:
        raise unreadable() from None


def together(parts: Iterable[Part]) -> list[RefundResult]:
    """Refunds as we asked for them: one of ours may be of several captures. Those of others stand alone."""
    ours: dict[str, list[Part]] = {}
    for part in parts:
        ours.setdefault(read_reference(part.reference)[1] or f" {part.ref}", []).append(part)
    return [_as_one("" if key.startswith(" ") else key, each) for key, each in ours.items()]


def _as_one(refund_id: str, parts: Sequence[Part]) -> RefundResult:
    """Its state is what all parts agree on; else it is open."""
    good = [part for part in parts if part.refund_state not in BAD]
    states = {part.refund_state for part in parts}
    state = states.pop() if len(states) == 1 else RefundState.PENDING
    if not good and state not in BAD:
        state = RefundState.FAILED
    return RefundResult(
        refund_ref=parts[0].ref,
        state=state,
        amount=sum(part.amount for part in good or parts),
        our_refund_id=refund_id,
        reason=next((part.reason for part in parts if part.reason), ""),
    )


def read(answer: Answer) -> dict[str, Any]:
    """The object of a success; raises UpstreamError (later) or UpstreamRefusedError (no)."""
    if answer.status == _NO_CONTENT:
        return {}
    if answer.status in _OK:
        try:
            return answer.document()
        except ValueError:
            raise unreadable() from None
    document = answer.document_or_empty()
    details = document.get("details")
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    code = _word(first.get("issue")) or _word(document.get("name")) or _word(document.get("error"))
    context: dict[str, Any] = {
        "vendor": PAYPAL,
        "vendor_status": answer.status,
        "vendor_code": code or f"http_{answer.status}",
        "request_id": _word(document.get("debug_id")),
    }
    if answer.status >= _SERVER_ERROR or answer.status in _TRY_LATER:
        raise UpstreamError("PayPal asks to try later", retry_after=answer.retry_after(), **context)
    raise UpstreamRefusedError("PayPal refused", **context)


def unreadable() -> UpstreamError:
    """An answer that is not what PayPal documents."""
    return UpstreamError("PayPal's answer cannot be read", vendor=PAYPAL)


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise unreadable()
    return value


def _word(value: object) -> str:
    """A code of PayPal's; anything else is not repeated."""
    return value if isinstance(value, str) and re.fullmatch(r"[\w.-]{1,100}", value, re.ASCII) else ""
