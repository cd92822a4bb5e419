"""An order's destination is located when it comes in, and nothing of the address but its point is kept with it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.adapters.gazetteer import PackagedGazetteer
from oms.application.customers import Customers
from oms.application.holds import StockHolds
from oms.application.intake import SyncSnapshot
from oms.application.orders import Orders, stream_of
from oms.application.planning import PlanOrder
from oms.application.promise import PromiseOrderStep
from oms.domain.canonical import Contact, Normalized, PostalAddress, ShipTo
from oms.domain.codec import to_plain
from oms.domain.order.events import LinesReserved
from oms.domain.sourcing.deciding import decide_sourcing
from oms.domain.sourcing.engine import source
from oms.domain.sourcing.explain import explain
from oms.domain.sourcing.policy import NEAREST_COMPLETE
from oms.domain.sourcing.record import recompute, record
from oms.domain.stock import StockDelta
from oms.entrypoints import wiring
from tests.proof.interleave.world import cause
from tests.proof.memory import MemoryContacts, MemoryLog, MemoryOpenWork, MemoryReference, MemoryStock, Store
from tests.support.builders import BERLIN, PAID, T0, line, minutes, nowhere, paid, snapshot

if TYPE_CHECKING:
    from oms.application.ports import Gazetteer
    from oms.domain.canonical import CanonicalOrder
    from oms.domain.order.state import Order
    from oms.domain.sourcing.deciding import Asked, Decided
    from oms.domain.sourcing.request import SourcingRequest

PLACES: Final = PackagedGazetteer()
LYON: Final = Contact(name="Anna", shipping=PostalAddress(lines=("1 Rue Garibaldi",), city="Villeurbanne"))


class Shop:
    """Intake and promise over ports in memory."""

    def __init__(self) -> None:
        self.store = Store()
        self.log = MemoryLog(self.store)
        self.orders = Orders(self.log, lambda: T0)
        self.reference = MemoryReference(self.store)
        self.asked: list[SourcingRequest] = []

    def take(self, order: CanonicalOrder, contact: Contact, gazetteer: Gazetteer = PLACES, ref: str = "e") -> Order:
        """A channel's snapshot."""
        contacts = MemoryContacts(self.store)
        sync = SyncSnapshot(self.orders, contacts, self.reference, Customers(lambda: "key"), gazetteer)
        return sync(Normalized(order=order, contact=contact), cause(ref)).order

    def decide(self, asked: Asked) -> Decided:
        """The decision, listened to."""
        self.asked.append(asked.request)
        return decide_sourcing(asked)


def told(order: Order) -> tuple[float | None, float | None, str]:
    """Its point and what it was found by."""
    place = order.placed.ship_to
    assert place is not None
    return place.latitude, place.longitude, place.located_by


def test_a_destination_without_coordinates_is_found_by_its_zip_code_then_by_its_city() -> None:
    brooklyn = snapshot(ship_to=ShipTo(country="US", region="NY", postal_code="11215"))
    assert told(Shop().take(brooklyn, Contact())) == (40.67, -73.98, "postal_code")
    lyon = snapshot(ship_to=ShipTo(country="FR", postal_code="69100"))
    assert told(Shop().take(lyon, LYON)) == (45.77, 4.88, "city")
    assert told(Shop().take(lyon, Contact())) == (None, None, "")
    assert Shop().take(snapshot(ship_to=None), LYON).placed.ship_to is None


def test_what_the_channel_gives_is_kept_to_a_kilometre() -> None:
    exact = replace(BERLIN, latitude=52.531677, longitude=13.381777)
    assert told(Shop().take(snapshot(ship_to=exact), Contact())) == (52.53, 13.38, "")


def test_no_part_of_the_address_but_its_point_is_in_the_log() -> None:
    shop = Shop()
    order = shop.take(snapshot(ship_to=ShipTo(country="FR", postal_code="69100")), LYON)
    history = shop.log.read(stream_of(order.order_id))
    text = json.dumps([to_plain(each) for each in history.commits], ensure_ascii=False, default=str).casefold()
    assert "45.77" in text
    for word in ("villeurbanne", "garibaldi", "anna"):
        assert word not in text


def test_a_delivery_is_the_same_whatever_the_gazetteer_of_the_day() -> None:
    shop = Shop()
    first = snapshot(ship_to=ShipTo(country="FR", postal_code="69100"))
    before = shop.take(first, LYON)
    again = shop.take(first, LYON, nowhere, ref="again")
    assert again == before
    assert told(again) == (45.77, 4.88, "city")
    later = shop.take(replace(first, revision=minutes(1)), LYON, nowhere, ref="later")
    assert told(later) == (None, None, ""), "a newer snapshot is taken as it is found"


def test_the_record_of_the_promise_says_what_was_used_and_stands_by_itself() -> None:
    shop = Shop()
    shop.reference.put("product", "SKU-1", {"sku": "SKU-1"})
    for name, city, by in (("north", (50.63, 3.06), ""), ("south", (43.3, 5.38), "postal_code")):
        row = {"node_id": name, "country": "FR", "latitude": city[0], "longitude": city[1], "located_by": by}
        shop.reference.put("node", name, row)
        shop.store.positions.setdefault("SKU-1", {})[name] = StockDelta(
            sku="SKU-1", node_id=name, on_hand=5, available=5
        )
    order = shop.take(paid(snapshot(line("1"), ship_to=ShipTo(country="FR", postal_code="69100"))), LYON)
    assert order.payment.channel_state is PAID
    plan = PlanOrder(MemoryStock(shop.store), shop.reference, MemoryOpenWork(shop.store), shop.decide)
    step = PromiseOrderStep(shop.orders, plan, lambda: T0, StockHolds(shop.log, lambda: T0))
    step(order.order_id, cause("promise"), None)
    (reserved,) = [
        event
        for commit in shop.log.read(stream_of(order.order_id)).commits
        for event in commit.events
        if isinstance(event, LinesReserved)
    ]
    assert (reserved.decision["located_by"], reserved.decision["chosen"]) == ("city", ["south"])
    kept = json.loads(json.dumps(record(shop.asked[0], NEAREST_COMPLETE, source(shop.asked[0]))))
    assert recompute(kept).units == reserved.units
    assert kept["located_by"] == "city"
    assert [each.get("located_by") for each in kept["candidates"]] == ["postal_code", None]
    text = explain(kept)
    assert "distances from the middle of the city." in text
    assert "From south (at the middle of the postal code), 277 km" in text
    assert "Not north, " in text, "given, so nothing is said of it"


def test_the_wiring_has_the_packaged_gazetteer() -> None:
    assert wiring.gazetteer()("zip|10001") == (40.75, -74.0)
