"""Stripe's amounts and ours: the one pair of functions that the adapter and the webhook both use.

Stripe counts in "the smallest currency unit" (https://docs.stripe.com/currencies), which is ISO 4217's minor unit,
but for:

- MGA: ISO has two digits, Stripe none;
- ISK, UGX: ISO has none; Stripe's API kept two for backwards compatibility and takes whole units only (multiples of
  100);
- three-digit currencies (BHD, JOD, KWD, OMR, TND): the last digit that Stripe takes must be 0.

HUF and TWD are whole-unit for payouts only: charges and refunds keep their two digits. Nothing is ever rounded here.
"""

from __future__ import annotations

from typing import Final

from oms.domain.errors import InvalidInputError, MalformedPayloadError
from oms.domain.money import check_minor, minor_digits

_STRIPE_DIGITS: Final = {"MGA": 0, "ISK": 2, "UGX": 2}
_THREE_DIGITS: Final = 3


def to_stripe_amount(minor: int, currency: str) -> int:
    """Our minor units as Stripe's; InvalidInputError when Stripe cannot express the amount exactly."""
    ours = minor_digits(currency)
    theirs = _STRIPE_DIGITS.get(currency, ours)
    step = 10 ** max(0, ours - theirs) if ours != _THREE_DIGITS else 10
    if minor % step:
        raise InvalidInputError("Stripe cannot express this amount exactly", currency=currency, step=step)
    return minor * 10 ** (theirs - ours) if theirs >= ours else minor // step


def from_stripe_amount(amount: int, currency: str) -> int:
    """Stripe's amount (`currency` in capitals) in our minor units.

    Raises MalformedPayloadError for a fraction that our currency table has no unit for, UnknownCurrencyError.
    """
    ours = minor_digits(currency)
    theirs = _STRIPE_DIGITS.get(currency, ours)
    if theirs <= ours:
        return check_minor(amount * 10 ** (ours - theirs))
    whole, rest = divmod(amount, 10 ** (theirs - ours))
    if rest:
        raise MalformedPayloadError("an amount has more digits than its currency", currency=currency)
    return check_minor(whole)
