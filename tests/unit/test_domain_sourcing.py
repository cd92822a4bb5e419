from __future__ import annotations

from datetime import timedelta

import pytest

from oms.domain.canonical import ShipTo
from oms.domain.geo import CENTROIDS, distance_km, locate
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.request import Candidate, SourcingRequest, WantedLine
from tests.support.builders import BERLIN, PARIS, T0


def node(
    node_id: str, latitude: float = 52.5, longitude: float = 13.4, excluded: str = "", **available: int
) -> Candidate:
    return Candidate(
        node_id=node_id, country="DE", latitude=latitude, longitude=longitude, available=available, excluded=excluded
    )


def wanted(**units: int) -> tuple[WantedLine, ...]:
    """`A=2` is a line '1' of two units of A, the next a line '2' and so on; `A_2` is A again."""
    return tuple(
        WantedLine(line_id=str(number), sku=sku.partition("_")[0], quantity=count)
        for number, (sku, count) in enumerate(units.items(), start=1)
    )


def plan(
    lines: tuple[WantedLine, ...], *nodes: Candidate, ship_to: ShipTo | None = BERLIN
) -> dict[tuple[str, str], int]:
    made = source(SourcingRequest(lines=lines, ship_to=ship_to, candidates=nodes, at=T0))
    return {(part.line_id, part.node_id): part.quantity for part in made.units}


NEAR = (52.4, 13.1)
FAR = (48.1, 11.6)


def test_the_nearest_node_that_has_all() -> None:
    got = plan(
        wanted(A=1, B=1), node("near", *NEAR, A=5), node("far", *FAR, A=5, B=5), node("farther", 40, -3, A=9, B=9)
    )
    assert got == {("1", "far"): 1, ("2", "far"): 1}


def test_fewest_nodes_when_no_single_one_has_all() -> None:
    got = plan(
        wanted(A=1, B=1, C=1),
        node("a", *NEAR, A=1),
        node("b", *NEAR, B=1),
        node("c", *NEAR, C=1),
        node("ab", *FAR, A=1, B=1),
    )
    assert {node_id for _, node_id in got} == {"ab", "c"}


def test_a_line_is_split_only_when_no_node_has_it_whole() -> None:
    assert plan(wanted(A=3), node("x", *NEAR, A=2), node("y", *FAR, A=2)) == {("1", "x"): 2, ("1", "y"): 1}
    assert plan(wanted(A=3, B=1), node("x", *NEAR, A=2, B=1), node("y", *FAR, A=3)) == {("1", "y"): 3, ("2", "x"): 1}


def test_two_lines_of_one_sku_count_together() -> None:
    """Medusa #16502: each line passed by itself."""
    assert plan(wanted(A=2, A_2=2), node("x", A=3)) == {("1", "x"): 2}
    assert plan(wanted(A=2, A_2=2), node("x", *NEAR, A=3), node("y", *FAR, A=1)) == {
        ("1", "x"): 2,
        ("2", "x"): 1,
        ("2", "y"): 1,
    }


def test_ties_go_to_the_node_id() -> None:
    assert plan(wanted(A=1), node("b", A=1), node("a", A=1)) == {("1", "a"): 1}


def test_an_excluded_node_is_named_with_its_reason_and_not_used() -> None:
    request = SourcingRequest(lines=wanted(A=1), ship_to=BERLIN, candidates=(node("x", excluded="closed", A=9),), at=T0)
    made = source(request)
    assert (made.units, made.promised_by) == ((), T0)
    assert made.decision["excluded"] == {"x": "closed"}
    assert made.decision["short"] == ["A"]


def test_no_nodes_at_all() -> None:
    made = source(SourcingRequest(lines=wanted(A=2), ship_to=BERLIN, candidates=(), at=T0))
    assert [part.quantity for part in made.short] == [2]


@pytest.mark.parametrize(
    ("ship_to", "located_by"),
    [(BERLIN, "channel"), (ShipTo(country="DE"), "country"), (ShipTo(country="ZZ"), "unknown"), (None, "unknown")],
)
def test_a_place_nobody_knows_is_shipped_to_as_well(ship_to: ShipTo | None, located_by: str) -> None:
    made = source(SourcingRequest(lines=wanted(A=1), ship_to=ship_to, candidates=(node("x", A=1),), at=T0))
    assert made.decision["located_by"] == located_by
    assert len(made.units) == 1
    if located_by == "unknown":
        assert made.promised_by == T0 + timedelta(days=1 + 8)


def test_the_date_is_that_of_the_slowest_node_used() -> None:
    near, far = node("x", *NEAR, A=1), node("y", *FAR, B=1)
    made = source(SourcingRequest(lines=wanted(A=1, B=1), ship_to=BERLIN, candidates=(near, far), at=T0))
    assert made.promised_by == T0 + timedelta(days=1 + 3)


def test_more_nodes_than_are_considered_together_still_fill_the_line() -> None:
    nodes = [node(f"n{number:02}", A=1) for number in range(15)]
    assert sum(plan(wanted(A=15), *nodes).values()) == 15


def test_distances() -> None:
    berlin, paris = (52.52, 13.405), (48.8566, 2.3522)
    assert distance_km(berlin, paris) == pytest.approx(878, abs=2)
    assert distance_km(berlin, berlin) == 0
    assert distance_km((0, 0), (0, 180)) == pytest.approx(20015, abs=1)
    assert distance_km((0, 179), (0, -179)) == pytest.approx(222, abs=1)
    assert locate(PARIS)[0] == (48.86, 2.34)
    assert all(-90 <= latitude <= 90 and -180 <= longitude <= 180 for latitude, longitude in CENTROIDS.values())
