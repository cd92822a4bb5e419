from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oms.domain.errors import InvalidTransitionError, LedgerImbalanceError
from oms.domain.order.ledger import MOVES, LineLedger, Place

PLACES = st.sampled_from(sorted(Place))


@given(st.integers(0, 50), st.lists(st.tuples(PLACES, PLACES, st.integers(-2, 20)), max_size=40))
def test_no_sequence_of_moves_makes_or_loses_a_unit(ordered: int, moves: list[tuple[Place, Place, int]]) -> None:
    ledger = LineLedger(ordered=ordered, open=ordered)
    expected = dict.fromkeys(Place, 0) | {Place.OPEN: ordered}
    for source, target, units in moves:
        possible = target in MOVES[source] and 0 < units <= expected[source]
        try:
            ledger = ledger.move(source, target, units)
            moved = True
        except (InvalidTransitionError, LedgerImbalanceError):
            moved = False
        assert moved == possible
        if moved:
            expected[source] -= units
            expected[target] += units
        assert {place: ledger.at(place) for place in Place} == expected
        assert sum(expected.values()) == ordered
        assert ledger.gone + ledger.cancellable == ledger.live <= ordered
