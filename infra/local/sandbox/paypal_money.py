"""PayPal's amounts and refusals, as the imitation of it makes them."""

from __future__ import annotations

import re
from typing import Any, Final

from infra.local.sandbox.core import Reply

_WHOLE: Final = frozenset({"HUF", "JPY", "TWD"})
"""Currencies that take no decimals."""


class PayPalError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, issue: str) -> None:
        super().__init__(issue)
        names = {404: "RESOURCE_NOT_FOUND", 401: "AUTHENTICATION_FAILURE"}
        name = names.get(status, "UNPROCESSABLE_ENTITY")
        self.reply = Reply(status=status, document={"name": name, "details": [{"issue": issue}], "debug_id": "sandbox"})


def amount_of(money: Any, currency: str) -> int:
    """Hundredths, or units of a currency without; raises PayPalError."""
    value = str((money or {}).get("value", ""))
    if (money or {}).get("currency_code") != currency:
        raise PayPalError(422, "CURRENCY_MISMATCH")
    pattern = r"[0-9]{1,10}" if currency in _WHOLE else r"[0-9]{1,10}(?:\.[0-9]{1,2})?"
    if not re.fullmatch(pattern, value):
        raise PayPalError(422, "DECIMAL_PRECISION")
    whole, _, rest = value.partition(".")
    return int(whole) if currency in _WHOLE else int(whole) * 100 + int(rest.ljust(2, "0") or "0")


def money_of(amount: int, currency: str) -> dict[str, str]:
    """An amount as PayPal writes it."""
    value = str(amount) if currency in _WHOLE else f"{amount // 100}.{amount % 100:02d}"
    return {"currency_code": currency, "value": value}
