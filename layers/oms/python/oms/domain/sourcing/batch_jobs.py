"""Orders of a batch as numbers, and the best nodes for the parts of one of them.

Nodes are told by their place among the batch's candidates. A cost of `never` or more means that it cannot be.
"""

from __future__ import annotations

from functools import cache
from operator import add
from typing import TYPE_CHECKING, Any, Final

from oms.domain.frozen import frozen
from oms.domain.sourcing.terms import model, sites

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oms.domain.sourcing.policy import SourcingPolicy
    from oms.domain.sourcing.request import SourcingRequest
    from oms.domain.sourcing.terms import Model

EXACT: Final = 5
"""Parts of which every partition into parcels is looked at; of more, parcels are added one by one."""
PAIR: Final = 2
TABLED: Final = 6
"""Parts at most, where costs of parcels are no sums of costs of parts."""
Row = list[int]
"""By node."""


@frozen(kw_only=False)
class Job:
    """An order as parts, each from one node: its lines, of which some may be single units of a line.

    By part: its line, its SKU's number, its units, its `rows` of costs. `fixed` is due for each parcel. `tables` is
    what a parcel of a subset of parts costs beside that, by subset and node: freight that bends; less what is due
    once for a line and stands in the rows of its parts more often; None when it is nothing. `first` is what the first
    parcel is spared, `alone` what the order costs if it has all stock for itself.
    """

    number: int
    fixed: Row
    rows: tuple[Row, ...]
    lines: tuple[int, ...]
    skus: tuple[int, ...]
    units: tuple[int, ...]
    tables: tuple[Row, ...] | None
    most: int
    first: int
    alone: int = 0


@frozen(kw_only=False)
class Draft:
    """An order's numbers before it is known what `never` has to be."""

    number: int
    made: Model
    places: tuple[int, ...]
    """Of the model's sites among all candidates."""
    skus: tuple[int, ...]

    @property
    def several(self) -> bool:
        """Some line is of more than one unit."""
        return max(self.made.need, default=0) > 1


def draft(number: int, request: SourcingRequest, policy: SourcingPolicy, numbers: dict[str, int]) -> Draft:
    """The terms of one order at nodes from which it is there in time; `numbers` of SKUs grows as they are met."""
    places = {node.node_id: place for place, node in enumerate(request.candidates)}
    found = sites(request)[0]
    if request.promise is not None:
        found = [site for site in found if site.arrives <= request.promise]
    skus = tuple([numbers.setdefault(line.sku, len(numbers)) for line in request.lines])
    made = model(request, policy, request.lines, found)
    return Draft(number, made, tuple([places[site.node.node_id] for site in found]), skus)


def largest(made: Model) -> int:
    """Of all that one parcel or one line of this order may cost."""
    dearest = [most * unit + piece for row in made.cells for _, most, unit, piece in row]
    bent = [curve.at(sum(map(int.__mul__, made.grams, made.need))) for curve in made.curves.values()]
    return max([*made.fixed, *dearest, *bent], default=0) >> made.shift


def job(of: Draft, nodes: int, never: int, *, split: bool) -> Job | None:
    """The order in whole lines, or in units as far as there may be so many parts; None when that cannot be."""
    made = of.made
    parts = _units_apart(made) if split else list(enumerate(made.need))
    skus = tuple([of.skus[line] for line, _ in parts])
    special = bool(made.curves) or len(set(skus)) < len(parts)
    if not parts or (special and len(parts) > TABLED and (split or made.curves)):
        return None
    fixed = [never] * nodes
    for place, cost in zip(of.places, made.fixed, strict=True):
        fixed[place] = cost >> made.shift
    rows = []
    for line, units in parts:
        row = [never] * nodes
        for site, most, unit, piece in made.cells[line]:
            if most >= units:
                row[of.places[site]] = units * unit + piece >> made.shift
        rows.append(row)
    tables = _tables(of, nodes, parts, never) if special and len(parts) <= TABLED else None
    alone, _ = choose(fixed, rows, tables, made.most)
    if alone >= never:
        return None
    return Job(
        number=of.number,
        fixed=fixed,
        rows=tuple(rows),
        lines=tuple([line for line, _ in parts]),
        skus=skus,
        units=tuple([units for _, units in parts]),
        tables=tables,
        most=made.most,
        first=made.first >> made.shift,
        alone=alone - (made.first >> made.shift),
    )


def _units_apart(made: Model) -> list[tuple[int, int]]:
    """(line, units) of parts: lines without a whole place in single units, and others too while there is room."""
    if not made.split:
        return []
    whole = [any(most == units for _, most, _, _ in row) for units, row in zip(made.need, made.cells, strict=True)]
    parts = sum([1 if has else units for has, units in zip(whole, made.need, strict=True)])
    apart = [not has for has in whole]
    for line, units in enumerate(made.need):
        if whole[line] and parts + units - 1 <= TABLED:
            apart[line] = True
            parts += units - 1
    if parts > TABLED:
        return []
    return [
        (line, 1 if apart[line] else units)
        for line, units in enumerate(made.need)
        for _ in range(units if apart[line] else 1)
    ]


def _tables(of: Draft, nodes: int, parts: Sequence[tuple[int, int]], never: int) -> tuple[Row, ...]:
    made = of.made
    tables = []
    for subset in range(1 << len(parts)):
        inside = [part for place, part in enumerate(parts) if subset >> place & 1]
        row = [0] * nodes
        for site, curve in made.curves.items():
            row[of.places[site]] = curve.at(sum([made.grams[line] * units for line, units in inside])) >> made.shift
        for line in {line for line, _ in inside}:
            given = [units for each, units in inside if each == line]
            for site, most, _, piece in made.cells[line] if len(given) > 1 else ():
                place = of.places[site]
                row[place] = never if sum(given) > most else row[place] - (len(given) - 1) * (piece >> made.shift)
        tables.append(row)
    return tuple(tables)


def cost_of(each: Job, nodes: Sequence[int]) -> int:
    """Of these nodes, one for each part, in units of the objective."""
    total = sum([row[node] for row, node in zip(each.rows, nodes, strict=True)]) - each.first
    for node in set(nodes):
        total += each.fixed[node]
        if each.tables is not None:
            total += each.tables[sum([1 << part for part, at in enumerate(nodes) if at == node])][node]
    return total


def choose(fixed: Row, rows: Sequence[Row], tables: Sequence[Row] | None, most: int) -> tuple[int, tuple[int, ...]]:
    """The least cost, and the node of each part. Parcels at most `most`."""
    if len(rows) == 1 and tables is None:
        whole: list[Any] = list(map(add, fixed, rows[0]))
        least = min(whole)
        return least, (whole.index(least),)
    if len(rows) == PAIR and tables is None and most > 1:
        return _two(fixed, rows[0], rows[1])
    if len(rows) <= EXACT or tables is not None:
        return _partitioned(fixed, rows, tables, most)
    return _added(fixed, rows, most)


def _two(fixed: Row, one: Row, other: Row) -> tuple[int, tuple[int, ...]]:
    first: list[Any] = list(map(add, fixed, one))
    second: list[Any] = list(map(add, fixed, other))
    both: list[Any] = list(map(add, first, other))
    together, apart, apart_other = min(both), min(first), min(second)
    if apart + apart_other < together:
        return apart + apart_other, (first.index(apart), second.index(apart_other))
    node = both.index(together)
    return together, (node, node)


def _partitioned(
    fixed: Row, rows: Sequence[Row], tables: Sequence[Row] | None, most: int
) -> tuple[int, tuple[int, ...]]:
    """By every subset of lines as one parcel, and every partition into such."""
    parcels: list[list[Any]] = [fixed]
    for row in rows:
        parcels += [list(map(add, parcel, row)) for parcel in parcels]
    if tables is not None:
        parcels = [list(map(add, parcel, more)) for parcel, more in zip(parcels, tables, strict=True)]
    least = [min(parcel) for parcel in parcels]
    value, best = min([(sum([least[part] for part in each]), each) for each in partitions(len(rows), most)])
    nodes = [0] * len(rows)
    for part in best:
        node = parcels[part].index(least[part])
        for line in range(len(rows)):
            if part >> line & 1:
                nodes[line] = node
    return value, tuple(nodes)


@cache
def partitions(lines: int, most: int) -> tuple[tuple[int, ...], ...]:
    """Of so many lines into `most` parcels at most, each a subset as bits; fewer parcels first."""

    def split(left: int) -> list[tuple[int, ...]]:
        if not left:
            return [()]
        low = left & -left
        rest = subset = left ^ low
        found = []
        while True:
            found += [(low | subset, *others) for others in split(rest ^ subset)]
            if not subset:
                return found
            subset = subset - 1 & rest

    return tuple(sorted([each for each in split((1 << lines) - 1) if len(each) <= most], key=len))


def _added(fixed: Row, rows: Sequence[Row], most: int) -> tuple[int, tuple[int, ...]]:
    """The best single node, then one more as long as that helps."""
    used: list[int] = []
    cheapest = [max(row) for row in rows]
    value = None
    while len(used) < most:
        tried = [
            cost + sum([min(row[node], now) for row, now in zip(rows, cheapest, strict=True)])
            for node, cost in enumerate(fixed)
        ]
        node = tried.index(min(tried))
        total = tried[node] + sum([fixed[each] for each in used])
        if value is not None and total >= value:
            break
        value = total
        used.append(node)
        cheapest = [min(row[node], now) for row, now in zip(rows, cheapest, strict=True)]
    nodes = tuple([min(used, key=row.__getitem__) for row in rows])
    total = sum([fixed[node] for node in set(nodes)]) + sum([row[at] for row, at in zip(rows, nodes, strict=True)])
    return total, nodes
