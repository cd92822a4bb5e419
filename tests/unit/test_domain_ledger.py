from __future__ import annotations

from dataclasses import fields

import pytest

from oms.domain.errors import InvalidTransitionError, LedgerImbalanceError
from oms.domain.order.ledger import MOVES, LineLedger, Place

FORBIDDEN = [(source, target) for source in Place for target in Place if target not in MOVES[source]]
ALLOWED = [(source, target) for source in Place for target in sorted(MOVES[source])]


def test_the_fields_of_a_ledger_are_the_places() -> None:
    assert {each.name for each in fields(LineLedger)} == {"ordered", *(place.value for place in Place)}


@pytest.mark.parametrize(("source", "target"), ALLOWED)
def test_an_allowed_move_moves_units(source: Place, target: Place) -> None:
    after = LineLedger(ordered=3, **{source.value: 3}).move(source, target, 2)
    assert (after.at(source), after.at(target), after.ordered) == (1, 2, 3)


@pytest.mark.parametrize(("source", "target"), FORBIDDEN)
def test_any_other_move_is_refused(source: Place, target: Place) -> None:
    with pytest.raises(InvalidTransitionError):
        LineLedger(ordered=3, **{source.value: 3}).move(source, target, 1)


@pytest.mark.parametrize("units", [0, -1, 4])
def test_only_units_that_are_there_move(units: int) -> None:
    with pytest.raises(LedgerImbalanceError):
        LineLedger(ordered=3, open=3).move(Place.OPEN, Place.ALLOCATED, units)


@pytest.mark.parametrize(
    "places", [{"open": 2}, {"open": 4}, {"open": 4, "shipped": -1}, {}, {"open": 3, "cancelled": 1}]
)
def test_a_ledger_that_does_not_balance_cannot_be_made(places: dict[str, int]) -> None:
    with pytest.raises(LedgerImbalanceError):
        LineLedger(ordered=3, **places)


def test_the_sums() -> None:
    ledger = LineLedger(ordered=21, open=1, backordered=2, allocated=3, shipped=4, delivered=5, returned=6)
    assert (ledger.live, ledger.gone, ledger.cancellable) == (21, 15, 6)
    assert ledger.move(Place.OPEN, Place.CANCELLED, 1).live == 20
