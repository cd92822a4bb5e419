"""Amounts in integer minor units of an ISO 4217 currency.

Minor-unit digits: ISO 4217 table A.1. Amounts enter as decimal strings (or JSON numbers read as `Decimal`),
never as floats.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from oms.domain.errors import MalformedPayloadError, UnknownCurrencyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

_ZERO: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_TWO: Final = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF "
    "CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN "
    "MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS "
    "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_THREE: Final = "BHD IQD JOD KWD LYD OMR TND"

MINOR_DIGITS: Final[dict[str, int]] = {
    **dict.fromkeys(_ZERO.split(), 0),
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_THREE.split(), 3),
}
"""Digits after the decimal separator, by currency code."""

MAX_MINOR: Final = 10**15
"""No single amount is larger: far above any order, far below where a JSON reader would round (2^53)."""


_PLAIN: Final = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?")
"""ASCII digits only: `Decimal` itself would take underscores and the digits of every script."""
_MAX_DIGITS: Final = 30
"""Powers of ten beyond this are refused before they are computed."""


def minor_digits(currency: str) -> int:
    """Digits of the minor unit; raises UnknownCurrencyError."""
    try:
        return MINOR_DIGITS[currency]
    except KeyError:
        raise UnknownCurrencyError("unknown currency", currency=currency[:8]) from None


def to_minor(amount: str | int | Decimal, currency: str) -> int:
    """A decimal amount in minor units of `currency`, exactly.

    Raises MalformedPayloadError for what is no plain decimal, has more digits than the currency
    (trailing zeros aside) or is out of range, UnknownCurrencyError for the currency.
    """
    digits = minor_digits(currency)
    if isinstance(amount, bool) or not isinstance(amount, (str, int, Decimal)):
        raise MalformedPayloadError("an amount must be a decimal string or number", kind=type(amount).__name__)
    if isinstance(amount, str) and not _PLAIN.fullmatch(amount.strip()):
        raise MalformedPayloadError("an amount is not a decimal number")
    value = Decimal(amount)
    sign, coefficient, exponent = value.as_tuple()
    if not value.is_finite() or abs(value.adjusted()) > _MAX_DIGITS or len(coefficient) > 2 * _MAX_DIGITS:
        raise MalformedPayloadError("an amount is out of range")
    # In integers: Decimal's own arithmetic would round to its context's precision.
    shift = int(exponent) + digits
    whole, rest = divmod(int("".join(map(str, coefficient))) * 10 ** max(0, shift), 10 ** max(0, -shift))
    if rest:
        raise MalformedPayloadError("an amount has more digits than its currency", currency=currency)
    return check_minor(-whole if sign else whole)


def check_minor(minor: int) -> int:
    """`minor` itself when it lies in the accepted range; raises MalformedPayloadError."""
    if abs(minor) > MAX_MINOR:
        raise MalformedPayloadError("an amount is out of range")
    return minor


def format_minor(minor: int, currency: str) -> str:
    """The amount as a plain decimal string with all its digits: 1234 USD -> '12.34', 1234 JPY -> '1234'."""
    digits = minor_digits(currency)
    sign = "-" if minor < 0 else ""
    text = str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else f"{sign}{text}"


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights` so that the parts sum to it (largest remainder, first index first).

    With all weights zero everything goes to the first part. Weights must not be negative; raises ValueError
    for an empty or negative list.
    """
    if not weights or min(weights) < 0:
        raise ValueError("weights must be a non-empty list of non-negative integers")
    whole = sum(weights)
    if whole == 0:
        return [total, *([0] * (len(weights) - 1))]
    sign = -1 if total < 0 else 1
    shares = [divmod(abs(total) * weight, whole) for weight in weights]
    parts = [quotient for quotient, _ in shares]
    order = sorted(range(len(weights)), key=lambda index: (-shares[index][1], index))
    for index in order[: abs(total) - sum(parts)]:
        parts[index] += 1
    return [sign * part for part in parts]


def rounded(exact: Fraction, digits: str) -> int:
    """An exact amount of 0 or more as whole minor units: `half_up`, `half_even`, `down`, `up`."""
    low, rest = divmod(exact.numerator, exact.denominator)
    up = {
        "down": False,
        "up": bool(rest),
        "half_up": 2 * rest >= exact.denominator,
        "half_even": 2 * rest > exact.denominator or (2 * rest == exact.denominator and low % 2 == 1),
    }[digits]
    return low + up


def spread(total: int, exact: Sequence[Fraction]) -> list[int]:
    """Whole parts of `total`, their sum rounded, each less than a unit from what it is exactly (largest remainder)."""
    parts = [each.numerator // each.denominator for each in exact]
    order = sorted(range(len(exact)), key=lambda index: (parts[index] - exact[index], index))
    for index in order[: total - sum(parts)]:
        parts[index] += 1
    return parts
