"""Payment providers' amounts and ours: the functions that adapters and webhooks both use.

Providers count in ISO 4217's minor unit, but for:

- Stripe (https://docs.stripe.com/currencies): MGA has no digits where ISO has two; ISK and UGX kept two where ISO has
  none, and take whole units only (multiples of 100); of three-digit currencies (BHD, JOD, KWD, OMR, TND) the last digit
  must be 0. HUF and TWD are whole-unit for payouts only: charges and refunds keep their two digits.
- Adyen (https://docs.adyen.com/development-resources/currency-codes): CLP and ISK have two where ISO has none, CVE and
  IDR none where ISO has two.
- PayPal (https://developer.paypal.com/api/rest/reference/currency-codes): amounts are decimal texts; HUF, JPY and TWD
  take no decimals, and no currency takes three.

Nothing is ever rounded here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from oms.domain.errors import InvalidInputError, MalformedPayloadError
from oms.domain.money import check_minor, minor_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

STRIPE, ADYEN, PAYPAL = "stripe", "adyen", "paypal"

_DIGITS: Final[Mapping[str, Mapping[str, int]]] = {
    STRIPE: {"MGA": 0, "ISK": 2, "UGX": 2},
    ADYEN: {"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2},
    PAYPAL: {"HUF": 0, "JPY": 0, "TWD": 0},
}
_MOST_DIGITS: Final = {PAYPAL: 2}
_THREE_DIGITS: Final = 3
_LAST_IS_ZERO: Final = frozenset({STRIPE})
"""Who takes three-digit currencies with a 0 at the end only."""
_DECIMAL: Final = re.compile(r"([0-9]{1,16})(?:\.([0-9]{1,6}))?", re.ASCII)


def to_vendor_amount(vendor: str, minor: int, currency: str) -> int:
    """Our minor units as the vendor's; InvalidInputError when it cannot express the amount exactly."""
    ours, theirs = minor_digits(currency), _digits(vendor, currency)
    step = int(10 ** max(0, ours - theirs))
    if ours == _THREE_DIGITS and vendor in _LAST_IS_ZERO:
        step = max(step, 10)
    if minor % step:
        raise InvalidInputError("the provider cannot express this amount", vendor=vendor, currency=currency, step=step)
    return int(minor * 10 ** (theirs - ours)) if theirs >= ours else int(minor // 10 ** (ours - theirs))


def from_vendor_amount(vendor: str, amount: int, currency: str) -> int:
    """The vendor's amount (`currency` in capitals) in our minor units.

    Raises MalformedPayloadError for a fraction that our currency table has no unit for, UnknownCurrencyError.
    """
    ours, theirs = minor_digits(currency), _digits(vendor, currency)
    if theirs <= ours:
        return check_minor(amount * 10 ** (ours - theirs))
    whole, rest = divmod(amount, 10 ** (theirs - ours))
    if rest:
        raise MalformedPayloadError("an amount has more digits than its currency", currency=currency)
    return check_minor(whole)


def to_vendor_text(vendor: str, minor: int, currency: str) -> str:
    """Our minor units, 0 or more, as the vendor's decimal text (`12.30`); raises as `to_vendor_amount`."""
    digits = _digits(vendor, currency)
    amount = to_vendor_amount(vendor, minor, currency)
    whole, rest = divmod(amount, 10**digits)
    return f"{whole}.{rest:0{digits}d}" if digits else str(whole)


def from_vendor_text(vendor: str, text: str, currency: str) -> int:
    """The vendor's decimal text, not negative, in our minor units; raises as `from_vendor_amount`.

    Zeros behind the point say nothing: `1000.00` JPY is 1000.
    """
    match = _DECIMAL.fullmatch(text)
    if not match:
        raise MalformedPayloadError("an amount is no decimal number", vendor=vendor, currency=currency)
    digits = minor_digits(currency)
    fraction = (match[2] or "").rstrip("0")
    if len(fraction) > digits:
        raise MalformedPayloadError("an amount has more digits than its currency", currency=currency)
    return check_minor(int(match[1]) * 10**digits + int(fraction.ljust(digits, "0") or "0"))


def _digits(vendor: str, currency: str) -> int:
    theirs = _DIGITS[vendor].get(currency, minor_digits(currency))
    return min(theirs, _MOST_DIGITS.get(vendor, theirs))
