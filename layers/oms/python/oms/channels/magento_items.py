"""Magento's order items: which of them are lines, and what each comes to.

Configurable products: the parent has the money and the SKU of the variant; its child is left out. Bundles: the
children are what is shipped. Of a dynamic bundle they have the prices, and the parent their sum; of a fixed one the
parent has all the money, which is spread over the children, by their units. A child's line id is its own.

`row_total` is without tax, `row_total_incl_tax` with it, both before discounts; `discount_amount` is off the prices as
they are entered. Where that is with tax, `discount_tax_compensation_amount` is the tax that the discount took off:
without it the untaxed reading does not add up.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from oms.channels.payload import clean_sku
from oms.channels.sums import unit_price
from oms.domain.canonical import CanonicalLine
from oms.domain.frozen import frozen
from oms.domain.money import allocate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.channels.payload import Fields

_UNSHIPPED: Final = frozenset({"virtual", "downloadable"})
_MOST: Final = 10**9


@frozen
class Item:
    """A line, with its money in both readings."""

    fields: Fields
    quantity: int
    cancelled: int
    without_tax: int
    with_tax: int
    discount: int
    tax: int


def read_items(body: Fields, currency: str) -> list[Item]:
    """The items that are lines; raises the InvalidInputError family."""
    entries = body.children("items")
    known = {entry.identifier("item_id") for entry in entries}
    children: dict[str, list[Fields]] = {}
    for entry in entries:
        if (parent := entry.optional_identifier("parent_item_id")) in known:
            children.setdefault(parent, []).append(entry)
    items: list[Item] = []
    for entry in entries:
        if entry.optional_identifier("parent_item_id") in known:
            continue
        parts = children.get(entry.identifier("item_id"), [])
        if entry.text("product_type") == "bundle" and parts:
            items.extend(_bundle(_item(entry, currency), [_item(part, currency) for part in parts]))
        else:
            items.append(_item(entry, currency))
    return items


def _bundle(parent: Item, parts: list[Item]) -> list[Item]:
    if any(part.without_tax or part.discount for part in parts):
        return parts
    weights = [part.quantity for part in parts]
    split = {
        name: allocate(amount, weights)
        for name, amount in (
            ("without_tax", parent.without_tax),
            ("with_tax", parent.with_tax),
            ("discount", parent.discount),
            ("tax", parent.tax),
        )
    }
    return [
        Item(
            fields=part.fields,
            quantity=part.quantity,
            cancelled=part.cancelled,
            without_tax=split["without_tax"][at],
            with_tax=split["with_tax"][at],
            discount=split["discount"][at],
            tax=split["tax"][at],
        )
        for at, part in enumerate(parts)
    ]


def _item(entry: Fields, currency: str) -> Item:
    quantity = units(entry, "qty_ordered")
    if quantity == 0:
        raise entry.refuse("qty_ordered", "a quantity is out of range")
    without_tax, tax = entry.money("row_total", currency), entry.money("tax_amount", currency)
    return Item(
        fields=entry,
        quantity=quantity,
        cancelled=units(entry, "qty_canceled"),
        without_tax=without_tax,
        with_tax=entry.money("row_total_incl_tax", currency, without_tax + tax),
        discount=abs(entry.money("discount_amount", currency)),
        tax=tax,
    )


def units(entry: Fields, key: str) -> int:
    """A number of units, which is written as 2, 2.0 or "2.0000"; raises MalformedPayloadError for a part of one."""
    value = entry.values.get(key)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise entry.refuse(key, "a quantity must be a number")
    fine = entry.fine(key)
    if fine % 10_000 or not 0 <= fine < _MOST * 10_000:
        raise entry.refuse(key, "a quantity is not whole, or out of range")
    return fine // 10_000


def lines(items: Sequence[Item], *, with_tax: bool) -> tuple[CanonicalLine, ...]:
    """The lines of one reading."""
    found = []
    for item in items:
        entry, gross = item.fields, item.with_tax if with_tax else item.without_tax
        price, over = unit_price(gross, item.quantity)
        product = entry.optional_identifier("product_id")
        line_ref = entry.identifier("item_id")
        found.append(
            CanonicalLine(
                line_ref=line_ref,
                sku=clean_sku(entry.text("sku")) or (f"product:{product}" if product else f"line:{line_ref}"),
                quantity=item.quantity,
                unit_price=price,
                discount=over + item.discount,
                tax=item.tax,
                title=entry.text("name"),
                cancelled=min(item.cancelled, item.quantity),
                requires_shipping=entry.text("product_type") not in _UNSHIPPED
                and entry.values.get("is_virtual") not in (1, "1"),
            )
        )
    return tuple(found)
