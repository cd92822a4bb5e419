"""A cart of which a shop asks when it can be there: the body of `POST /promises`. The contract is ours.

lines               required, 1 to 100: sku, quantity (1 to 1,000,000)
ship_to             required: country (required), region, postal_code, city, latitude, longitude
currency            ISO 4217, required
channel, account    whose rules and stock hold; default `site`, `main`
total               integer >= 0 in minor units, default 0
shipping_methods    10 at most; none means those that rules of sourcing tell apart, and any other
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from oms.application.quoting import MAX_LINES, MAX_METHODS, Cart
from oms.channels.contract import SHIP_TO, amount, only, required, ship_to, text
from oms.channels.payload import clean_sku, parse_object

if TYPE_CHECKING:
    from oms.channels.payload import Fields

CART: Final = frozenset({"lines", "ship_to", "currency", "channel", "account", "total", "shipping_methods"})
LINE: Final = frozenset({"sku", "quantity"})
DESTINATION: Final = SHIP_TO | {"city"}
_CHANNEL: Final = re.compile(r"[a-z0-9_-]{1,60}", re.ASCII)
_MAX_NAME: Final = 200
_MAX_ACCOUNT: Final = 60
_MAX_UNITS: Final = 1_000_000


def read_cart(raw: bytes) -> Cart:
    """What is asked; raises MalformedPayloadError, naming the path of the field."""
    body = parse_object(raw or b"{}")
    only(body, CART)
    place = body.child("ship_to")
    only(place, DESTINATION)
    return Cart(
        lines=_lines(body),
        ship_to=ship_to(place),
        city=text(place, "city"),
        currency=body.currency("currency"),
        channel=_channel(body),
        account=_named(body, "account", _MAX_ACCOUNT) if body.has("account") else "main",
        total=amount(body, "total"),
        methods=_methods(body),
    )


def _lines(body: Fields) -> tuple[tuple[str, int], ...]:
    lines = body.children("lines")
    if not 0 < len(lines) <= MAX_LINES:
        raise body.refuse("lines", f"a cart has 1 to {MAX_LINES} lines")
    return tuple([_line(each) for each in lines])


def _line(line: Fields) -> tuple[str, int]:
    only(line, LINE)
    units = line.integer("quantity")
    if not 1 <= units <= _MAX_UNITS:
        raise line.refuse("quantity", f"a line has 1 to {_MAX_UNITS} units")
    return clean_sku(_named(line, "sku")), units


def _named(fields: Fields, key: str, most: int = _MAX_NAME) -> str:
    name = required(fields, key)
    if len(fields.values[key]) > most:
        raise fields.refuse(key, f"a name has {most} characters at most")
    return name


def _channel(body: Fields) -> str:
    channel = text(body, "channel") or "site"
    if not _CHANNEL.fullmatch(channel):
        raise body.refuse("channel", "a channel is named by a-z, 0-9, _ and -")
    return channel


def _methods(body: Fields) -> tuple[str, ...]:
    methods = body.values.get("shipping_methods") or []
    if not isinstance(methods, list) or len(methods) > MAX_METHODS:
        raise body.refuse("shipping_methods", f"a list of {MAX_METHODS} names at most")
    if not all(isinstance(each, str) and 0 < len(each) <= _MAX_NAME for each in methods):
        raise body.refuse("shipping_methods", "shipping methods are texts")
    return tuple(methods)
