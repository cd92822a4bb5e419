"""Rules of what an order comes to."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from oms.channels.files import read_orders
from oms.domain.money import MINOR_DIGITS
from tests.support.connector_rules import nodes, seen
from tests.support.connector_rules.kit import Refusal, read
from tests.support.connector_rules.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.connector_rules.kit import Kit

_ODD: tuple[Any, ...] = ([], "x y", -1)
_AMOUNT = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,4})?", re.ASCII)


@rule
def parts_make_the_total(kit: Kit) -> Iterator[str]:
    """Every order is sound, and its document is what the published schema says; two samples at least become orders."""
    sound = kit.sound
    if len(sound) < 2:
        yield f"{len(sound)} samples become orders"
    for name, raw in sound:
        orders = read(kit, raw)
        for order in orders if isinstance(orders, list) else ():
            yield from (f"{name}: {fault}" for fault in seen.faults(order, published=True))
            if (order.source, order.account) != (kit.name, "file"):
                yield f"{name} is of {order.source}, {order.account}"


@rule
def an_amount_is_of_its_currency(kit: Kit) -> Iterator[str]:
    """The same figures are as many minor units as their currency has digits, and one that does not exist is refused.

    In a currency of three digits ten times as many; in one of none the hundredth, or refused where that is not whole.
    """
    for name, raw in kit.sound[:2]:
        orders = read(kit, raw)
        assert isinstance(orders, list)
        was = orders[0].currency
        for currency, digits in (("KWD", 3), ("JPY", 0), ("ISK", 0), ("BHD", 3)):
            found = read(kit, _in(raw, was, currency))
            if isinstance(found, Refusal):
                whole = orders[0].total % 10 ** max(0, MINOR_DIGITS[was] - digits) == 0
                if digits > MINOR_DIGITS[was] or (digits == MINOR_DIGITS[was] and whole):
                    yield f"{name} in {currency} is refused: {found.text[:100]}"
                continue
            if not isinstance(found, list):
                yield f"{name} in {currency}: {found}"
                continue
            shift = 0 if kit.minor else digits - MINOR_DIGITS[was]
            if found[0].total * 10 ** max(0, -shift) != orders[0].total * 10 ** max(0, shift):
                yield f"{name}: {orders[0].total} {was} became {found[0].total} {currency}"
        for currency in ("QQQ", "XXX", "", "US", "$"):
            if not isinstance(read(kit, _in(raw, was, currency)), Refusal):
                yield f"{name} in {currency!r} is taken"


def _in(raw: bytes, was: str, currency: str) -> bytes:
    return re.sub(rf'"{was}"'.encode(), json.dumps(currency).encode(), raw, flags=re.IGNORECASE)


@rule
def the_total_is_what_the_channel_says(kit: Kit) -> Iterator[str]:
    """A total is read, not made of the parts: some amount that is changed makes the sum wrong, and is refused so."""
    for name, raw in kit.sound[:1] if kit.totalled else ():
        document = json.loads(raw)
        codes = set()
        for path in nodes.places(document):
            value = nodes.at(document, path)
            more = _more(value)
            if more is None:
                continue
            found = read(kit, json.dumps(nodes.put(document, path, more)).encode())
            codes.add(found.code if isinstance(found, Refusal) else "")
            if "totals_mismatch" in codes:
                break
        if "totals_mismatch" not in codes:
            yield f"{name}: no amount of it is held against the others"


def _more(value: Any) -> Any:
    """An amount that is one unit of the currency larger."""
    if isinstance(value, str) and _AMOUNT.fullmatch(value):
        whole, point, rest = value.partition(".")
        return f"{int(whole) + 1}{point}{rest}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(value + 1, 4)


@rule
def nothing_of_a_person_is_in_an_order(kit: Kit) -> Iterator[str]:
    """Names, addresses and numbers are in the contact alone: not in the order, nor in what is told of a refusal."""
    for name, raw in kit.sound[:2]:
        people = _people(kit, raw)
        orders = read(kit, raw)
        assert isinstance(orders, list)
        told = [json.dumps(repr(order), ensure_ascii=False) for order in orders]
        document = json.loads(raw)
        for path in nodes.some(list(nodes.places(document)), 25):
            for value in _ODD:
                found = read(kit, json.dumps(nodes.put(document, path, value)).encode())
                told.append(found.text if isinstance(found, Refusal) else "")
        for word in people:
            if any(word in each for each in told):
                yield f"{name}: {word!r} is told"
        if not people:
            yield f"{name} has no contact to look for"


def _people(kit: Kit, raw: bytes) -> list[str]:
    """What the sample says of its buyer, as the contact has it."""
    found: list[str] = []
    assemble, normalize = kit.connector.assemble, kit.connector.normalize

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(kit.connector, name)

        def assemble(self, *given: Any) -> Any:
            return keep(assemble(*given))

        def normalize(self, *given: Any) -> Any:
            return keep(normalize(*given))

    def keep(read_: Any) -> Any:
        contact = read_.contact
        streets = [line for where in (contact.shipping, contact.billing) if where for line in where.lines]
        names = [where.name for where in (contact.shipping, contact.billing) if where]
        found.extend([contact.name, contact.email, contact.phone, *streets, *names])
        return read_

    read_orders(Watched(), kit.layouts, raw)
    return sorted({word for word in found if len(word) > 5})


@rule
def what_is_not_known_is_let_be(kit: Kit) -> Iterator[str]:
    """A field that is new changes nothing, and a status word that is new is kept as it came.

    Where the contract is ours, such a field is refused: it may be a misspelled one.
    """
    for name, raw in kit.sound[:2]:
        document, orders = json.loads(raw), read(kit, raw)
        assert isinstance(orders, list)
        more = nodes.each(document, lambda it: {**it, "zz_new": {"a": [1]}} if isinstance(it, dict) else it)
        found = read(kit, json.dumps(more).encode())
        if (isinstance(found, Refusal) if kit.strict else found == orders) is False:
            yield f"{name} with a new field: {str(found)[:120]}"
        for _, word in orders[0].status_words:
            yield from _new_word(kit, name, document, word)


def _new_word(kit: Kit, name: str, document: Any, word: str) -> Iterator[str]:
    if not word or kit.strict:
        return
    paths = [path for path in nodes.places(document) if str(nodes.at(document, path)).lower() == word.lower()]
    for path in paths:
        if not isinstance(nodes.at(document, path), str):
            return  # a number is no word
    changed = document
    for path in paths:
        changed = nodes.put(changed, path, "brand_new_word")
    found = read(kit, json.dumps(changed).encode())
    kept = isinstance(found, list) and any("brand_new_word" in each for each in found[0].status_words)
    if paths and not kept:
        yield f"{name} with another word than {word}: {str(found)[:160]}"


@rule
def an_order_is_read_the_same_each_time(kit: Kit) -> Iterator[str]:
    """The same document is the same order."""
    for name, raw in kit.sound:
        if read(kit, raw) != read(kit, raw):
            yield name
