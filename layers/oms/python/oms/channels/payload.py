"""Reading what others wrote: JSON without surprises, and typed fields that name their path when they refuse.

JSON (RFC 8259) leaves to the reader what to do with duplicate names, NaN, deep nesting and lone surrogates: here they
are refused (the last are stripped from texts). Numbers with a fraction become `Decimal`, never `float`. Refusals name
the path of the field and never its content, which may be personal data.
"""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from oms.domain.canonical import MAX_TEXT
from oms.domain.errors import MalformedPayloadError
from oms.domain.frozen import frozen
from oms.domain.money import minor_digits, to_minor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_BYTES: Final = 6_000_000
"""No larger body is read: the limit of a synchronous Lambda call."""
_MAX_DIGITS: Final = 24
FINE_DIGITS: Final = 4
"""Digits after the separator of amounts that are finer than the minor unit."""
_LARGE: Final = 10**18
"""Integers beyond it are no amounts, and may be too long to be written out."""

_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ANY_CONTROL: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,60}", re.ASCII)
_AMOUNT: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{0,6})?", re.ASCII)


def parse(body: bytes) -> object:
    """The JSON value of `body`; raises MalformedPayloadError."""
    if len(body) > MAX_BYTES:
        raise MalformedPayloadError("the body is too large", bytes=len(body), limit=MAX_BYTES)
    try:
        return json.loads(
            body.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_no_duplicates
        )
    except RecursionError:
        raise MalformedPayloadError("the body is nested too deeply") from None
    except (ValueError, ArithmeticError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise MalformedPayloadError("the body is not JSON") from None


def parse_object(body: bytes) -> Fields:
    """The JSON object of `body`; raises MalformedPayloadError."""
    value = parse(body)
    if not isinstance(value, dict):
        raise MalformedPayloadError("the body is not a JSON object")
    return Fields(value)


def _no_constant(_: str) -> object:
    raise MalformedPayloadError("the body holds NaN or Infinity")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise MalformedPayloadError("an object of the body names a field twice")
    return values


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """`text` without control characters and lone surrogates, trimmed and cut to `limit`."""
    return _CONTROL.sub("", text).strip()[:limit]


def clean_sku(text: str) -> str:
    """A SKU as the catalogue spells it: NFC, without control characters and outer blanks."""
    return unicodedata.normalize("NFC", _ANY_CONTROL.sub("", text)).strip()


def parse_moment(text: str, *, naive_is_utc: bool = False) -> datetime | None:
    """An ISO 8601 time as aware UTC, or None when it is none (or names no zone, unless `naive_is_utc`)."""
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC) if naive_is_utc else None
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@frozen(kw_only=False)
class Fields:
    """The fields of one JSON object. Null and absent are the same. All getters raise MalformedPayloadError."""

    values: Mapping[str, Any]
    path: str = ""

    def refuse(self, key: str, message: str) -> MalformedPayloadError:
        """The refusal of field `key`, by its path."""
        return MalformedPayloadError(message, path=self.at(key))

    def at(self, key: str) -> str:
        """The path of field `key`."""
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        """Is there something other than null?"""
        return self.values.get(key) is not None

    def text(self, key: str, limit: int = MAX_TEXT) -> str:
        """A text, cleaned and cut to `limit`; empty when absent. Integers are taken as their digits."""
        value = self.values.get(key)
        if value is None:
            return ""
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise self.refuse(key, "a field must be a text")
        return clean(value, limit)

    def word(self, key: str) -> str:
        """A word of the vendor's vocabulary; `other` for what looks like prose, which may name a person."""
        text = self.text(key)
        return text if not text or _WORD.fullmatch(text) else "other"

    def identifier(self, key: str) -> str:
        """An id: a positive integer or a short text without control characters."""
        found = self.optional_identifier(key)
        if not found:
            raise self.refuse(key, "an id is missing")
        return found

    def optional_identifier(self, key: str) -> str:
        """An id as in `identifier`, or empty when absent, 0 or blank."""
        value = self.values.get(key)
        if value is None or value == 0:
            return ""
        if isinstance(value, bool) or not isinstance(value, (int, str)) or (isinstance(value, int) and value < 0):
            raise self.refuse(key, "an id must be a text or a positive integer")
        text = str(value).strip()
        if len(text) > MAX_TEXT or _ANY_CONTROL.search(text):
            raise self.refuse(key, "an id is too long or holds control characters")
        return text

    def integer(self, key: str, default: int | None = None) -> int:
        """An integer; `default` when absent (none: it must be there)."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.refuse(key, "a field must be an integer")
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """A boolean; `default` when absent."""
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.refuse(key, "a field must be true or false")
        return value

    def currency(self, key: str) -> str:
        """An ISO 4217 code that this system knows; raises UnknownCurrencyError too."""
        code = self.text(key).upper()
        if not code:
            raise self.refuse(key, "the currency is missing")
        minor_digits(code)
        return code

    def money(self, key: str, currency: str, default: int | None = 0) -> int:
        """A decimal amount in minor units; `default` when absent or blank (None: it must be there)."""
        value = self.values.get(key)
        if value is None or value == "":
            if default is None:
                raise self.refuse(key, "an amount is missing")
            return default
        if isinstance(value, str) and not _AMOUNT.fullmatch(value.strip()):
            raise self.refuse(key, "an amount is not a plain decimal number")
        if isinstance(value, Decimal) and len(value.as_tuple().digits) > _MAX_DIGITS:
            raise self.refuse(key, "an amount has too many digits")
        try:
            return to_minor(value, currency)
        except MalformedPayloadError as error:
            raise MalformedPayloadError(str(error), path=self.at(key), **error.context) from None

    def fine(self, key: str) -> int:
        """A decimal amount in ten-thousandths of its currency's unit, exactly; 0 when absent or blank."""
        value = self.values.get(key)
        if value is None or value == "":
            return 0
        if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
            raise self.refuse(key, "an amount must be a decimal string or number")
        text = str(value).strip() if not isinstance(value, int) or abs(value) < _LARGE else ""
        if not _AMOUNT.fullmatch(text):
            raise self.refuse(key, "an amount is not a plain decimal number")
        whole, _, part = text.lstrip("+-").partition(".")
        part = part.rstrip("0")
        if len(part) > FINE_DIGITS:
            raise self.refuse(key, "an amount has too many digits")
        fine = int(whole + part.ljust(FINE_DIGITS, "0"))
        return -fine if text.startswith("-") else fine

    def moment(self, key: str, *, naive_is_utc: bool = False) -> datetime | None:
        """An ISO 8601 time as aware UTC; None when absent or blank."""
        text = self.text(key)
        if not text:
            return None
        moment = parse_moment(text, naive_is_utc=naive_is_utc)
        if moment is None:
            raise self.refuse(key, "a field must be an ISO 8601 time with its zone")
        return moment

    def unix(self, key: str) -> datetime | None:
        """Unix seconds as aware UTC; None when absent or 0."""
        seconds = self.integer(key, 0)
        if seconds == 0:
            return None
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise self.refuse(key, "a field must be unix seconds") from None

    def coordinate(self, key: str, bound: int) -> float | None:
        """Degrees within ±`bound`; None when absent or unusable: it is a hint for sourcing, no fact of the order."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
            return None
        try:
            degrees = float(value)
        except (ValueError, OverflowError):
            return None
        return degrees if -bound <= degrees <= bound else None

    def child(self, key: str) -> Fields:
        """The object in field `key`; without fields when absent (PHP writes an empty object as [])."""
        value = self.values.get(key)
        if value is None or value == []:
            value = {}
        if not isinstance(value, dict):
            raise self.refuse(key, "a field must be an object")
        return Fields(value, self.at(key))

    def children(self, key: str) -> Sequence[Fields]:
        """The objects in the list of field `key`; none when absent."""
        value = self.values.get(key)
        if value is None or value == {}:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.refuse(key, "a field must be a list of objects")
        return [Fields(item, f"{self.at(key)}[{index}]") for index, item in enumerate(value)]
