"""Units by their serial numbers, as a request names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from oms.domain.serials import ByLine, Serial

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oms.entrypoints.requests.common import SerialBody


class _Named(Protocol):
    line_id: str
    serials: list[SerialBody]


def by_line(lines: Iterable[_Named]) -> ByLine:
    """Of lines that name any; a line that is there twice has those of both."""
    named: dict[str, tuple[Serial, ...]] = {}
    for each in lines:
        if each.serials:
            told = tuple([Serial(one.sku, one.serial) for one in each.serials])
            named[each.line_id] = (*named.get(each.line_id, ()), *told)
    return tuple(named.items())
