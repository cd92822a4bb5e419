"""How a body is damaged. What is put into it is copied, or later damage would be damage to where it came from."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from tests.proof.bodies.corpus import values_by_name
from tests.support.connector_rules.damage import VALUES
from tests.support.connector_rules.nodes import GONE

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_VALUES: Final = tuple(value for value in VALUES if value is not GONE)
_WORDS: Final = (
    *("USD", "EUR", "JPY", "KWD", "XXX", "paid", "refunded", "cancelled", "CANCELED", "true", "false", "null", "NaN"),
    *("2026-11-26T12:00:00Z", "2026-11-26 12:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59Z", "1e400"),
    *("0.1", "-0", "00", "1.005", "999999999999999.99", "\u202e", "İ", "ß", "\u0000", "\ud83d", "a" * 201, "GB", "GBR"),
)
_TOKENS: Final = tuple(
    token.encode()
    for token in (*'{}[],:"\\', "null", "-", "1e9", "0.", "\\ud800", "\\u0000", "NaN", "\ufeff", '"id":', "é")
)
_TEXTS_ARE_DAMAGED_AS_BYTES: Final = 0.15
_MOST: Final = 200_000


def damaged(body: bytes, random: Random) -> bytes:
    """`body` with one to a few faults."""
    if random.random() >= _TEXTS_ARE_DAMAGED_AS_BYTES:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict | list) and document:
            root = [document]
            for _ in range(_few(random)):
                _hit(root, random)
            return json.dumps(root[0] if root else None).encode()[:_MOST]
    for _ in range(_few(random)):
        body = _bytes(body, random)
    return body[:_MOST]


def _few(random: Random) -> int:
    count = 1
    while count < 6 and random.random() < 0.4:
        count += 1
    return count


def _hit(root: list[Any], random: Random) -> None:
    """Damages one place of what the list holds."""
    node: Any = root
    key: Any = 0
    while True:
        if not node:
            return
        key = random.choice(list(node)) if isinstance(node, dict) else random.randrange(len(node))
        inner = node[key]
        if not isinstance(inner, dict | list) or not inner or random.random() < 0.15:
            break
        node = inner
    way: Callable[[Any, Any, Random], None] = random.choice(_WAYS)
    way(node, key, random)


def _other(node: Any, key: Any, random: Random) -> None:
    node[key] = deepcopy(random.choice(_VALUES))


def _word(node: Any, key: Any, random: Random) -> None:
    node[key] = random.choice(_WORDS)


def _gone(node: Any, key: Any, random: Random) -> None:
    del node[key]


def _doubled(node: Any, key: Any, random: Random) -> None:
    if isinstance(node, list):
        node.insert(random.randrange(len(node) + 1), deepcopy(node[key]))
    else:
        node[random.choice(list(node))] = deepcopy(node[key])


def _near(node: Any, key: Any, random: Random) -> None:
    """A number a little off, a text with a letter more or less."""
    value = node[key]
    if isinstance(value, bool) or value is None:
        node[key] = not value
    elif isinstance(value, int | float):
        try:
            node[key] = random.choice((value + 1, value - 1, -value, value * 100, value / 3, int(value), str(value)))
        except (OverflowError, ValueError):
            node[key] = 0
    elif isinstance(value, str):
        at = random.randrange(len(value) + 1)
        cut = value[:at] + value[at + 1 :]
        node[key] = random.choice(
            (cut, value[:at] + random.choice("0-.9 Z\n\ud800é") + value[at:], value.upper(), value * 2)
        )
    else:
        node[key] = [value]


def _elsewhere(node: Any, key: Any, random: Random) -> None:
    """What a field of this name is in another place, maybe at another vendor."""
    found = values_by_name().get(key) if isinstance(key, str) else None
    if found:
        node[key] = deepcopy(random.choice(found))


def _renamed(node: Any, key: Any, random: Random) -> None:
    if isinstance(node, dict):
        name = random.choice((key.upper(), key + "_", "id", random.choice(list(node))))
        node[name] = node.pop(key)


def _swapped(node: Any, key: Any, random: Random) -> None:
    other = random.choice(list(node)) if isinstance(node, dict) else random.randrange(len(node))
    node[key], node[other] = node[other], node[key]


def _deeper(node: Any, key: Any, random: Random) -> None:
    node[key] = random.choice(([node[key]], {"a": node[key]}, {str(key): node[key]}, [node[key], deepcopy(node[key])]))


_WAYS: Final = (
    _other,
    _other,
    _word,
    _gone,
    _doubled,
    _near,
    _near,
    _elsewhere,
    _elsewhere,
    _renamed,
    _swapped,
    _deeper,
)


def _bytes(body: bytes, random: Random) -> bytes:
    at = random.randrange(len(body) + 1)
    end = min(len(body), at + random.randrange(1, 40))
    match random.randrange(6):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + body[end:]
        case 2:
            return body[:end] + body[at:]
        case 3:
            token: bytes = random.choice(_TOKENS)
            return body[:at] + token + body[at:]
        case 4 if at < len(body):
            return body[:at] + bytes([body[at] ^ (1 << random.randrange(8))]) + body[at + 1 :]
        case _:
            return body[:at] + bytes(random.randrange(256) for _ in range(3)) + body[at:]
