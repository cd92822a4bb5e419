"""A first plan for policies by which parcels count most: the fewest sites that can fill the lines, cheapest first."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.sourcing.terms import Model

MAX_CONSIDERED: Final = 12
"""Sites considered together: 2^12 sets at most."""


def fewest(model: Model) -> int:
    """Sites as bits: of the smallest sets that can fill every line by what they have, the one of least fixed costs.

    Of the twelve nearest sites that have anything of the lines; 0 when these cannot fill them.
    """
    useful = sorted({cell[0] for row in model.cells for cell in row})[:MAX_CONSIDERED]
    whole, parts = _masks(model, set(useful))
    for count in range(1, min(len(useful), model.most) + 1):
        sets = [(sum([model.fixed[site] for site in each]), each) for each in combinations(useful, count)]
        sets.sort()
        for _, each in sets:
            bits = 0
            for site in each:
                bits |= 1 << site
            if all(bits & mask for mask in whole) and _enough(parts, each):
                return bits
    return 0


def _masks(model: Model, useful: set[int]) -> tuple[list[int], list[tuple[int, dict[int, int]]]]:
    """Lines that one site fills, as the sites that can; what has to come together, as (units, units by site)."""
    whole = []
    parts: list[tuple[int, dict[int, int]]] = []
    for need, row in zip(model.need, model.cells, strict=True):
        able = {site: most for site, most, _, _ in row if site in useful}
        if all(most == need for most in able.values()):
            whole.append(sum([1 << site for site in able]))
        else:
            parts.append((need, able))
    groups: dict[tuple[tuple[int, int], ...], dict[int, int]] = {}
    for limit in model.limits:
        lines = tuple(zip(limit.lines, limit.weights or (1,) * len(limit.lines), strict=True))
        limits = groups.setdefault(lines, {})
        limits[limit.site] = min(limit.most, limits.get(limit.site, limit.most))
    for lines, limits in groups.items():
        total = sum([model.need[line] * weight for line, weight in lines])
        able = {}
        for site in useful:
            has = sum([cell[1] * weight for line, weight in lines for cell in model.cells[line] if cell[0] == site])
            able[site] = min(has, limits.get(site, has))
        parts.append((total, able))
    return sorted(set(whole), key=int.bit_count), parts


def _enough(parts: Sequence[tuple[int, dict[int, int]]], sites: Sequence[int]) -> bool:
    return all(sum([able.get(site, 0) for site in sites]) >= need for need, able in parts)
