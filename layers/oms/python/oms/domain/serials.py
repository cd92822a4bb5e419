"""Serial numbers: units of a product that are told apart one by one, by what is printed on each.

Units are promised by quantity; which of them a customer has is known when they are packed. So a serial number is
captured when a unit ships, and when it comes back. In between it is out: no other shipment can name it (`key`).

A number identifies a unit together with its product, never alone, and is made of what GS1 lets it be made of: the
characters of figure 7.11-1 of the GS1 General Specifications (application identifier 21). There it has 20 at most; of
numbers that makers give otherwise, 60 are taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.domain.frozen import frozen
from oms.domain.kits import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oms.domain.kits import Components

NUMBER: Final = r"""^[!"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,60}$"""
PREFIX: Final = "serial#"
Serialized = tuple[tuple[str, tuple[str, ...]], ...]
"""(SKU, SKUs that it is in stock and whose units have serial numbers)."""


@frozen(kw_only=False)
class Serial:
    """A unit of a SKU as it is kept in stock: of a kit, of a component."""

    sku: str
    number: str

    @property
    def key(self) -> str:
        """What only one order may hold at a time. A SKU may have `#` in it, a number has none."""
        return f"{PREFIX}{self.sku}#{self.number}"


ByLine = tuple[tuple[str, tuple[Serial, ...]], ...]
"""(line id, units of it); a serial number without a SKU is of the only one that the line has units with such of."""


def serial_of(key: str) -> Serial:
    """The serial number that a key was made of."""
    sku, _, number = key.removeprefix(PREFIX).rpartition("#")
    return Serial(sku, number)


def read_serialized(row: Mapping[str, Any]) -> bool:
    """Of a product's row: its units have serial numbers."""
    return row.get("serials") is True


def serialized_of(made_of: Mapping[str, Components], serialized: frozenset[str]) -> Serialized:
    """Of products: those of which something in stock has serial numbers, as `serialized` says."""
    if not serialized:
        return ()
    found = [(sku, tuple([part for part, _ in parts_of(sku, made_of[sku]) if part in serialized])) for sku in made_of]
    return tuple(sorted([each for each in found if each[1]]))


def without(serials: tuple[Serial, ...], gone: Iterable[Serial]) -> tuple[Serial, ...]:
    """What is left of them."""
    left = list(serials)
    for each in gone:
        left.remove(each)
    return tuple(left)


def shown(serials: Iterable[Serial]) -> list[dict[str, str]]:
    """As a refusal tells them."""
    return [{"sku": each.sku, "serial": each.number} for each in serials]
