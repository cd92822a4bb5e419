"""Kits: products that are made of others, sold as one and kept in stock as their parts.

A kit has no stock of its own. What stands in an order counts kits; what stands in stock counts parts. So everything
that names units of a SKU at a node (`NodeUnits`, `HeldUnits`) carries what one unit of it is made of, as it was when
the order was placed or the hold was made: stock stays a fold of events alone, whatever the catalogue says later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_COMPONENTS: Final = 20
"""Parts of one kit: with a hold that is claimed beside it, a kit fits into one transaction."""
MAX_PER_KIT: Final = 1_000
"""Units of one part in a kit."""


@frozen
class Component:
    """A part of a kit: so many units of a SKU in each."""

    sku: str
    units: int


Components = tuple[Component, ...]
"""What one unit of a SKU is made of, sorted by SKU; empty for a product that is kept in stock itself."""


def parts_of(sku: str, components: Components, quantity: int = 1) -> tuple[tuple[str, int], ...]:
    """(SKU kept in stock, units of it) that so many units of `sku` are."""
    if not components:
        return ((sku, quantity),)
    return tuple([(each.sku, each.units * quantity) for each in components])


def kits_of(made_of: Mapping[str, Components]) -> tuple[tuple[str, Components], ...]:
    """Those that are kits, by SKU."""
    return tuple([(sku, made_of[sku]) for sku in sorted(made_of) if made_of[sku]])


def stock_skus(made_of: Mapping[str, Components]) -> tuple[str, ...]:
    """SKUs under which these products are kept in stock, each once."""
    return tuple(dict.fromkeys(part for sku, components in made_of.items() for part, _ in parts_of(sku, components)))


def able(available: Mapping[str, int], sku: str, components: Components) -> int:
    """Units of `sku` that can be made of what is available of each part: the scarcest part decides."""
    if not components:
        return available.get(sku, 0)
    return max(0, min([available.get(each.sku, 0) // each.units for each in components]))


def read_components(row: Mapping[str, Any]) -> Components:
    """Of a product's row, {"components": {sku: units}}; none when they cannot be read: such a kit sells nothing."""
    told = row.get("components")
    if not isinstance(told, dict):
        return ()
    sound = all(isinstance(sku, str) and sku and type(units) is int and units > 0 for sku, units in told.items())
    return tuple(Component(sku=sku, units=told[sku]) for sku in sorted(told)) if sound else ()


def kit_problems(kits: Mapping[str, Iterable[str]], others: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    """(SKU, what is wrong) of kits that are to be kept, by SKU and parts, beside `others` that are kits already.

    No kit is made of kits: so none is made of itself, by whatever way.
    """
    known = {**others, **kits}
    for sku, parts in kits.items():
        if sku in parts:
            yield sku, "a kit is not made of itself"
            continue
        for part in sorted(set(parts) & set(known)):
            yield sku, f"{part} is a kit, and no kit is made of kits"
        for whole in sorted(other for other, its_parts in others.items() if other not in kits and sku in its_parts):
            yield sku, f"it is a part of {whole}, and no kit is made of kits"
