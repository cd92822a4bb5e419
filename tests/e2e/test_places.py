"""Orders without coordinates are shipped from the node that is near, and say how it was known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.support import PERSON

if TYPE_CHECKING:
    from tests.e2e.support import Oms


def decision(oms: Oms, **place: Any) -> dict[str, Any]:
    """Of an order that Newark and Reno could ship."""
    order = oms.place_released({oms.sku("near", us_east=5, us_west=5): 1}, **place)
    (reserved,) = oms.events(order["order_id"], "LinesReserved")
    found: dict[str, Any] = reserved["decision"]
    return {**found, "ship_to": order["ship_to"]}


@pytest.mark.parametrize(("code", "node"), [("02108-1234", "us-east"), ("95814", "us-west")])
def test_the_node_that_is_near_the_zip_code_ships(oms: Oms, code: str, node: str) -> None:
    told = decision(oms, ship_to={"country": "US", "postal_code": code})
    assert (told["located_by"], told["chosen"]) == ("postal_code", [node])
    assert told["ship_to"]["located_by"] == "postal_code"


def test_a_city_is_known_by_its_point_alone(oms: Oms) -> None:
    person = {**PERSON, "shipping": {**PERSON["shipping"], "city": "Vancouver"}}  # type: ignore[dict-item]
    told = decision(oms, ship_to={"country": "CA", "region": "BC"}, contact=person)
    assert (told["located_by"], told["chosen"]) == ("city", ["us-west"])
    assert told["ship_to"] == {
        "country": "CA",
        "region": "BC",
        "latitude": 49.25,
        "longitude": -123.12,
        "located_by": "city",
    }


def test_coordinates_of_a_house_are_not_kept(oms: Oms) -> None:
    told = decision(oms, ship_to={"country": "US", "latitude": 38.576234, "longitude": -121.493719})
    assert (told["located_by"], told["chosen"]) == ("channel", ["us-west"])
    assert (told["ship_to"]["latitude"], told["ship_to"]["longitude"]) == (38.58, -121.49)
