"""Identity derived from causes, so that a retry meets itself.

`<prefix>_<26 characters of Crockford base32>`: the first 130 bits of SHA-256 over the parts, length-prefixed so that
("ab", "c") and ("a", "bc") differ.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHARS: Final = 26
_ORDER_ID: Final = re.compile(rf"ord_[{_ALPHABET}]{{{_CHARS}}}", re.ASCII)
_STOCK_HOLD_ID: Final = re.compile(rf"sth_[{_ALPHABET}]{{{_CHARS}}}", re.ASCII)
_DRAFT_ID: Final = re.compile(rf"drf_[{_ALPHABET}]{{{_CHARS}}}", re.ASCII)
_RETURN_ID: Final = re.compile(rf"rma_[{_ALPHABET}]{{{_CHARS}}}_[1-9][0-9]{{0,5}}", re.ASCII)
_FULFILLMENT_ORDER_ID: Final = re.compile(rf"ful_[{_ALPHABET}]{{{_CHARS}}}_[1-9][0-9]{{0,5}}", re.ASCII)


def derive(prefix: str, *parts: str) -> str:
    """The id of what these parts name, the same on every attempt."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(4, "big"))
        digest.update(raw)
    number = int.from_bytes(digest.digest()[:17], "big") >> 6  # 136 -> 130 bits
    chars = []
    for _ in range(_CHARS):
        number, index = divmod(number, 32)
        chars.append(_ALPHABET[index])
    return f"{prefix}_{''.join(reversed(chars))}"


def order_id(channel: str, account: str, external_id: str) -> str:
    """The order that this channel's account calls `external_id` (for `POST /orders`: the Idempotency-Key)."""
    return derive("ord", channel, account, external_id)


def command_id(*cause: str) -> str:
    """The command that this cause (webhook event, workflow step, Idempotency-Key) stands for."""
    return derive("cmd", *cause)


def fulfillment_order_id(order: str, ordinal: int) -> str:
    """The `ordinal`-th fulfillment order of `order` (1-based)."""
    return f"ful_{order.removeprefix('ord_')}_{ordinal}"


def return_id(order: str, ordinal: int) -> str:
    """The `ordinal`-th return of `order` (1-based): what is printed on its label and in its QR code."""
    return f"rma_{order.removeprefix('ord_')}_{ordinal}"


def is_return_id(text: str) -> bool:
    """`text` has the form of our ids of returns."""
    return _RETURN_ID.fullmatch(text) is not None


def order_of_return(return_of: str) -> str:
    """The order that a return belongs to; any text gives some id, known or not."""
    return f"ord_{return_of.removeprefix('rma_').rpartition('_')[0]}"


def is_order_id(text: str) -> bool:
    """`text` has the form of our order ids."""
    return _ORDER_ID.fullmatch(text) is not None


def is_stock_hold_id(text: str) -> bool:
    """`text` has the form of our ids of holds of stock."""
    return _STOCK_HOLD_ID.fullmatch(text) is not None


def is_draft_id(text: str) -> bool:
    """`text` has the form of our ids of drafts."""
    return _DRAFT_ID.fullmatch(text) is not None


def is_fulfillment_order_id(text: str) -> bool:
    """`text` has the form of our fulfillment order ids."""
    return _FULFILLMENT_ORDER_ID.fullmatch(text) is not None


def order_of_fulfillment_order(fulfillment_order: str) -> str:
    """The order that a fulfillment order belongs to; any text gives some id, known or not."""
    body = fulfillment_order.removeprefix("ful_").rpartition("_")[0]
    return f"ord_{body}"
