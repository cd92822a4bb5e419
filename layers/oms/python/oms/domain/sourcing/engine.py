"""The engine: the cheapest plan that keeps the promise, or the earliest, with a proof of how good it is.

1. Lines are taken in their order; one that cannot be filled together with those before it waits, whole.
2. If sites whose parcels arrive by the promised date can fill the others, only they count; else the earliest date by
   which sites can.
3. Of the plans over these sites, the one of the least objective (docs/sourcing.md).

The same request under the same policy gives the same plan, in whatever order the nodes are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.domain.frozen import frozen
from oms.domain.order.events import LineUnits, NodeUnits
from oms.domain.sourcing.check import check_policy, check_request
from oms.domain.sourcing.plain import solve as solve_plain
from oms.domain.sourcing.policy import NEAREST_COMPLETE
from oms.domain.sourcing.request import Proof, SourcingPlan
from oms.domain.sourcing.terms import Site, model, node_terms, sites

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from oms.domain.sourcing.policy import SourcingPolicy
    from oms.domain.sourcing.request import SourcingRequest, WantedLine
    from oms.domain.sourcing.terms import Model

_USUAL_CELLS: Final = 400


@frozen(kw_only=False)
class Solved:
    """Units by (line, site), None without a plan; with the proof in units of the objective."""

    units: Mapping[tuple[int, int], int] | None
    proof: Proof


@frozen(kw_only=False)
class _Choice:
    lines: list[WantedLine]
    found: list[Site]
    solved: Solved
    kept: bool


_NOTHING: Final = Solved({}, Proof(objective=0, bound=0, effort=0))
_NO_CHOICE: Final = _Choice([], [], _NOTHING, kept=True)


def source(request: SourcingRequest, policy: SourcingPolicy = NEAREST_COMPLETE) -> SourcingPlan:
    """The plan for `request` under `policy`; the same input always gives the same plan.

    Raises a SourcingInputError for what no plan can be made of.
    """
    check_policy(policy)
    check_request(request)
    found, excluded, located_by = sites(request)
    choice = _choose(request, policy, _fillable(request.lines, found, policy), found)
    if choice is None:
        choice = _choose(request, policy, _possible(request, policy, request.lines, found), found)
    return _plan(request, policy, choice or _NO_CHOICE, found, excluded, located_by)


def _choose(
    request: SourcingRequest, policy: SourcingPolicy, lines: list[WantedLine], found: list[Site]
) -> _Choice | None:
    """The best plan that fills all of `lines`, by the promised date or the earliest after it; None without one."""
    if request.promise is None:
        solved = _solve(request, policy, lines, found)
        return None if solved.units is None else _Choice(lines, found, solved, kept=True)
    in_time = [site for site in found if site.arrives <= request.promise]
    solved = _solve(request, policy, lines, in_time)
    if solved.units is not None:
        return _Choice(lines, in_time, solved, kept=True)
    for date in sorted({site.arrives for site in found if site.arrives > request.promise}):
        by_then = [site for site in found if site.arrives <= date]
        solved = _solve(request, policy, lines, by_then)
        if solved.units is not None:
            return _Choice(lines, by_then, solved, kept=False)
    return None


def _solve(
    request: SourcingRequest, policy: SourcingPolicy, lines: Sequence[WantedLine], found: Sequence[Site]
) -> Solved:
    if not lines:
        return _NOTHING
    return solve(model(request, policy, lines, found), policy)


def solve(made: Model, policy: SourcingPolicy) -> Solved:
    """The plan of least objective for a model: numbers in, units out."""
    effort = _effort(made, policy)
    if _is_plain(made):
        costs = [
            [(units * unit + piece, site) for site, _, unit, piece in row]
            for units, row in zip(made.need, made.cells, strict=True)
        ]
        plain = solve_plain(made.fixed, costs, made.most, effort)
        units = {(line, site): made.need[line] for line, site in enumerate(plain.nodes)} if plain.nodes else None
        return Solved(units, _proof(made, plain.value, plain.bound, plain.effort))
    from oms.domain.sourcing.joint import solve as solve_joint

    suggested = 0
    if policy.weights.parcel:
        from oms.domain.sourcing.fewest import fewest

        suggested = fewest(made)
    joint = solve_joint(made, effort, suggested)
    return Solved(joint.units, _proof(made, joint.value, joint.bound, joint.effort))


def _effort(made: Model, policy: SourcingPolicy) -> int:
    """Subproblems to look at: fewer where each is larger than one of twenty lines at twenty sites."""
    cells = sum([len(row) for row in made.cells])
    return max(1, policy.effort * _USUAL_CELLS // max(_USUAL_CELLS, cells))


def _is_plain(made: Model) -> bool:
    if made.limits or made.curves:
        return False
    return not made.split or all(
        cell[1] == units for units, row in zip(made.need, made.cells, strict=True) for cell in row
    )


def _proof(made: Model, value: int, bound: int, effort: int) -> Proof:
    """In units of the objective, without the bits of the tie-break: what is below them can only lower the bound."""
    objective = value - made.first >> made.shift
    if bound >= value:
        return Proof(objective=objective, bound=objective, effort=effort)
    ties = (1 << made.shift) - 1
    return Proof(objective=objective, bound=max(0, bound - made.first - ties >> made.shift), effort=effort)


def _fillable(lines: Sequence[WantedLine], found: Sequence[Site], policy: SourcingPolicy) -> list[WantedLine]:
    """Lines of whose goods the sites together have enough, taken in their order; what they fail can never be filled."""
    left: dict[str, int] = {}
    kept = []
    for line in lines:
        for sku, _ in line.each:
            if sku not in left:
                left[sku] = sum([site.node.available.get(sku, 0) for site in found])
        if all(left[sku] >= units * line.quantity for sku, units in line.each) and _some_place(line, found, policy):
            for sku, units in line.each:
                left[sku] -= units * line.quantity
            kept.append(line)
    return kept


def _some_place(line: WantedLine, found: Sequence[Site], policy: SourcingPolicy) -> bool:
    able = 0
    needs = frozenset(line.needs)
    for site in found:
        have = line.able(site.node)
        if site.node.units_left is not None and site.node.units_left < have:
            have = site.node.units_left
        if (have >= line.quantity or (have and policy.split_lines)) and (
            not needs or needs.issubset(site.node.capabilities)
        ):
            able += have
            if able >= line.quantity:
                return True
    return False


def _possible(
    request: SourcingRequest, policy: SourcingPolicy, lines: Sequence[WantedLine], found: Sequence[Site]
) -> list[WantedLine]:
    """Lines taken in their order, each that some plan fills together with those taken before."""
    kept: list[WantedLine] = []
    for line in lines:
        if _solve(request, policy, [*kept, line], found).units is not None:
            kept.append(line)
    return kept


def _plan(
    request: SourcingRequest,
    policy: SourcingPolicy,
    choice: _Choice,
    found: Sequence[Site],
    excluded: Mapping[str, str],
    located_by: str,
) -> SourcingPlan:
    given = choice.solved.units or {}
    units = tuple(
        [
            NodeUnits(
                line_id=choice.lines[line].line_id,
                sku=choice.lines[line].sku,
                node_id=choice.found[site].node.node_id,
                quantity=count,
                components=choice.lines[line].components,
            )
            for (line, site), count in sorted(given.items())
        ]
    )
    filled = {line.line_id for line in choice.lines}
    short = [line for line in request.lines if line.line_id not in filled]
    used = sorted({site for _, site in given})
    terms = tuple([node_terms(choice.found[site], site, given, choice.lines) for site in used])
    extra = request.extra_parcel * max(0, len(used) - 1)
    promised: datetime = max([choice.found[site].arrives for site in used], default=request.at)
    return SourcingPlan(
        units=units,
        short=tuple([LineUnits(line_id=line.line_id, quantity=line.quantity) for line in short]),
        promised_by=promised,
        decision=_decision(policy, choice.lines, found, excluded, located_by, {part.node_id for part in units}, short),
        kept=choice.kept,
        cost=sum([each.freight + each.handling + each.duty + each.stock for each in terms]) + extra,
        terms=terms,
        proof=choice.solved.proof,
    )


def _decision(
    policy: SourcingPolicy,
    lines: Sequence[WantedLine],
    found: Sequence[Site],
    excluded: Mapping[str, str],
    located_by: str,
    used: set[str],
    short: Sequence[WantedLine],
) -> dict[str, Any]:
    """What is kept with the promise: small, since it is stored in the order's log. `record` has all of it."""
    need: dict[str, int] = {}
    for line in lines:
        for sku, units in line.each:
            need[sku] = need.get(sku, 0) + units * line.quantity
    return {
        "policy": policy.label,
        "located_by": located_by,
        "candidates": [
            {
                "node": site.node.node_id,
                "km": round(site.km),
                **_has(site, need),
            }
            for site in found
        ],
        "excluded": dict(excluded),
        "chosen": sorted(used),
        "short": sorted({line.sku for line in short}),
    }


def _has(site: Site, need: Mapping[str, int]) -> dict[str, Any]:
    """Whether it has all that is needed; where it has some, how much of what: enough to decide again from it."""
    has = {sku: min(units, site.node.available.get(sku, 0)) for sku, units in need.items()}
    if has == need:
        return {"has_all": True}
    some = {sku: units for sku, units in has.items() if units}
    return {"has_all": False, "has": some} if some else {"has_all": False}
