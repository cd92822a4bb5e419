"""What a cart is told is what its order gets: the same stock, at the same instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oms.application.policies import ManageSourcing
from oms.application.quoting import MAX_LINES, MAX_METHODS, Cart, QuotePromises
from oms.domain.errors import InvalidInputError, NoSuchSkuError, UnknownCurrencyError
from oms.domain.order.events import LinesBackordered
from oms.domain.sourcing.deciding import decide_sourcing
from oms.domain.supply import SupplyChange, SupplyKind
from tests.proof.interleave.story import SKU, placed_in_channel, receive, site_order, take_in
from tests.proof.interleave.world import NODES, SKUS, World, cause
from tests.proof.memory import MemoryOpenWork, MemoryPolicies, MemoryReference, MemoryStock
from tests.support.builders import BERLIN, line, nowhere, paid

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proof.memory import Step

SHORT: Final = ("backorder", "split", "wait", "person")


class Shop:
    """A shop whose carts are quoted and then placed."""

    def __init__(self) -> None:
        self.world = World()
        store = self.world.store
        self.reference = MemoryReference(store)
        self.stock = MemoryStock(store)
        plan = replace(self.world.calm.plan, work=MemoryOpenWork(store), decide=decide_sourcing)
        self.quote = QuotePromises(plan, self.stock, nowhere, self.world.now)
        self.manage = ManageSourcing(MemoryPolicies(store), self.reference, self.world.now)

    def node(self, node_id: str, **fields: Any) -> None:
        known = next(row for row in self.reference.node_rows() if row["node_id"] == node_id)
        self.reference.put("node", node_id, {**known, **fields})

    def rules(self, *rules: dict[str, Any]) -> None:
        self.manage.save("k", {"rules": list(rules)}, 0, "admin")

    def tariff(self, *prices: int | None) -> None:
        zones = [
            {"name": f"z{at}", "up_to_km": [100, 700, 21_000][at], "transit_days": at + 1, "base": 100 * at}
            | ({} if price is None else {"price": price})
            for at, price in enumerate(prices)
        ]
        self.reference.put("tariff", "main", {"zones": zones})

    def expect(self, node: str, units: int, days: int, sku: str = SKU) -> None:
        change = SupplyChange(
            supply_id=f"{node}{sku}{days}",
            kind=SupplyKind.EXPECTED,
            sku=sku,
            node_id=node,
            quantity=units,
            due=self.world.clock + timedelta(days=days),
        )
        self.world.calm.supply(change.supply_id, change, cause(change.supply_id, "api"))

    def place(self, asked: Cart, method: str) -> str:
        """The cart as the order of the merchant's site, promised."""
        lines = [line(str(number), units, sku=sku) for number, (sku, units) in enumerate(asked.lines, start=1)]
        order = paid(
            site_order("K1", *lines, placed_at=self.world.clock, ship_to=asked.ship_to, shipping_method=method)
        )
        order_id = take_in(self.world.calm, order, "create").order_id
        self.world.drive(order_id)
        return order_id


def cart(*lines: tuple[str, int], **fields: Any) -> Cart:
    return Cart(lines=lines or ((SKU, 1),), ship_to=BERLIN, currency="EUR", **fields)


CALENDARS = st.sampled_from(
    [{}, {"time_zone": "Europe/Berlin", "cut_off": "14:00"}, {"time_zone": "America/New_York", "cut_off": "09:30"}]
)


@settings(max_examples=60, deadline=None)
@given(
    units=st.lists(st.integers(0, 4), min_size=6, max_size=6),
    wanted=st.lists(st.tuples(st.sampled_from(SKUS), st.integers(1, 4)), min_size=1, max_size=3),
    calendars=st.lists(CALENDARS, min_size=3, max_size=3),
    supply=st.lists(st.tuples(st.sampled_from(["WH1", "WH3"]), st.integers(1, 4), st.integers(1, 9)), max_size=2),
    short=st.sampled_from(SHORT),
    hours=st.integers(0, 200),
    which=st.sampled_from(["fastest", "cheapest"]),
)
def test_an_order_gets_what_its_cart_was_told(
    units: list[int],
    wanted: list[tuple[str, int]],
    calendars: list[dict[str, str]],
    supply: list[tuple[str, int, int]],
    short: str,
    hours: int,
    which: str,
) -> None:
    shop = Shop()
    shop.world.clock += timedelta(hours=hours)
    for (node, _), calendar in zip(NODES, calendars, strict=True):
        shop.node(node, **calendar)
    for at, count in enumerate(units):
        if count:
            receive(shop.world, SKUS[at % 2], NODES[at // 2][0], count)
    for (node, days), count in {(node, days): count for node, count, days in supply}.items():
        shop.expect(node, count, days)
    shop.tariff(390, 590, 990)
    after = {"short": short, **({"wait_minutes": 60} if short == "wait" else {})}
    shop.rules(
        {"name": "fast", "when": {"shipping_methods": ["express"]}, "then": {"policy": "nearest"}, "after": after},
        {"name": "rest", "when": {}, "then": {"policy": "cheapest"}, "after": after},
    )
    asked = cart(*wanted)
    before = len(shop.world.store.streams)
    told = shop.quote(asked)
    assert len(shop.world.store.streams) == before, "a question writes nothing"
    assert [each["shipping_method"] for each in told["options"]] == ["", "express"]
    method = told[which] or ""
    option = next(each for each in told["options"] if each["shipping_method"] == method)
    order = shop.world.order(shop.place(asked, method))
    bound = {
        (line_id, known.node_id): count
        for known in order.fulfillment_orders.values()
        for line_id, count in known.remaining.items()
    }
    assert bound == {
        (str(each["line"]), parcel["node_id"]): each["quantity"]
        for parcel in option["parcels"]
        for each in parcel["lines"]
    }
    assert (order.promised_by.isoformat() if order.promised_by else None) == option["delivered_by"]
    assert option["complete"] == (not any(each.ledger.backordered or each.ledger.open for each in order.lines.values()))
    if option["outcome"] != "person":
        waits = {str(each["line"]): (each["quantity"], each["expected_at"]) for each in option["short"]}
        assert waits == {
            line_id: (each.ledger.backordered, each.expected_at.isoformat() if each.expected_at else None)
            for line_id, each in order.lines.items()
            if each.ledger.backordered
        }


@settings(max_examples=40, deadline=None)
@given(calendar=CALENDARS, hours=st.integers(0, 200), share=st.floats(0, 1))
def test_until_its_last_instant_an_answer_stands_and_then_its_day_is_another(
    calendar: dict[str, str], hours: int, share: float
) -> None:
    shop = Shop()
    shop.world.clock += timedelta(hours=hours)
    shop.node("WH1", **calendar)
    receive(shop.world, SKU, "WH1", 9)
    (told,) = shop.quote(cart())["options"]
    until = datetime.fromisoformat(told["valid_until"])
    day = datetime.fromisoformat(told["delivered_by"]).date()
    shop.world.clock += (until - shop.world.clock) * share
    (again,) = shop.quote(cart())["options"]
    assert datetime.fromisoformat(again["delivered_by"]).date() == day
    assert again["delivered_by"] == told["delivered_by"] or not calendar
    shop.world.clock = until + timedelta(seconds=1)
    (later,) = shop.quote(cart())["options"]
    assert datetime.fromisoformat(later["delivered_by"]).date() > day


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_prices_are_those_of_zones_and_of_several_parcels_the_dearest(shop: Shop) -> None:
    receive(shop.world, SKUS[0], "WH1", 1)
    receive(shop.world, SKUS[1], "WH2", 1)
    shop.tariff(390, 590, 990)
    (near,) = shop.quote(cart((SKUS[0], 1)))["options"]
    assert (near["price"], near["cost"]) == (390, 0)
    (both,) = shop.quote(cart((SKUS[0], 1), (SKUS[1], 1)))["options"]
    assert (both["price"], both["cost"], len(both["parcels"])) == (590, 100, 2)
    assert both["delivered_by"] == max(each["delivered_by"] for each in both["parcels"])
    assert both["handed_over_by"] <= both["delivered_by"]
    shop = Shop()
    receive(shop.world, SKUS[0], "WH1", 1)
    shop.tariff(None, 590, 990)
    assert shop.quote(cart((SKUS[0], 1)))["options"][0]["price"] is None


def test_the_fastest_and_the_cheapest_are_named(shop: Shop) -> None:
    for node in ("WH1", "WH2"):
        receive(shop.world, SKU, node, 5)
    shop.node("WH1", per_parcel=5000)
    shop.tariff(990, 590, 390)
    shop.rules(
        {"name": "fast", "when": {"shipping_methods": ["express"]}, "then": {"policy": "nearest"}},
        {"name": "rest", "when": {}, "then": {"policy": "cheapest"}},
    )
    told = shop.quote(cart())
    assert (told["fastest"], told["cheapest"]) == ("express", "")
    asked = shop.quote(cart(methods=("express", "pickup")))
    assert [each["shipping_method"] for each in asked["options"]] == ["express", "pickup"]
    assert shop.quote(cart((SKU, 99)))["fastest"] is None


def test_a_cart_is_behind_all_who_wait(shop: Shop) -> None:
    shop.expect("WH1", 3, 5)
    order_id = placed_in_channel(shop.world, line("1", 2, sku=SKU))
    shop.world.drive(order_id)
    assert isinstance(shop.world.commits(order_id)[-1].events[0], LinesBackordered)
    for commit in shop.world.commits(order_id):
        shop.world.calm.project(commit)
    one, two = shop.quote(cart((SKU, 1)))["options"][0], shop.quote(cart((SKU, 2)))["options"][0]
    assert (one["outcome"], one["valid_until"], one["price"]) == ("waits", None, None)
    due = (shop.world.clock + timedelta(days=5)).astimezone(UTC)
    assert [one["short"][0]["expected_at"], two["short"][0]["expected_at"]] == [
        (due + timedelta(days=2)).isoformat(),
        None,
    ]


def test_a_kit_is_quoted_as_it_is_bound(shop: Shop) -> None:
    shop.world.product("GIFT", components={"MUG": 2, "NOTE": 1})
    receive(shop.world, "MUG", "WH1", 5)
    receive(shop.world, "NOTE", "WH1", 5)
    (two,), (three,) = shop.quote(cart(("GIFT", 2)))["options"], shop.quote(cart(("GIFT", 3)))["options"]
    assert (two["complete"], two["parcels"][0]["lines"]) == (True, [{"line": 1, "sku": "GIFT", "quantity": 2}])
    assert (three["complete"], three["short"][0]["quantity"]) == (False, 3)


def test_what_cannot_be_asked(shop: Shop) -> None:
    with pytest.raises(NoSuchSkuError):
        shop.quote(cart(("NO-SUCH", 1)))
    with pytest.raises(UnknownCurrencyError):
        shop.quote(replace(cart(), currency="XQZ"))
    for wrong in (
        cart(*[(SKU, 1)] * (MAX_LINES + 1)),
        cart((SKU, 0)),
        cart(total=-1),
        cart(methods=("a", "a")),
        cart(methods=tuple(map(str, range(MAX_METHODS + 1)))),
        replace(cart(), lines=()),
    ):
        with pytest.raises(InvalidInputError):
            shop.quote(wrong)


def test_stock_is_read_once_for_all_options(shop: Shop) -> None:
    receive(shop.world, SKU, "WH1", 1)
    shop.rules(
        {"name": "fast", "when": {"shipping_methods": ["express"]}, "then": {"policy": "nearest"}},
        {"name": "rest", "when": {}, "then": {"policy": "cheapest"}},
    )
    done: list[str] = []

    def listen(step: Step, call: Callable[[], Any]) -> Any:
        done.append(step.op)
        return call()

    stock = MemoryStock(shop.world.store, listen)
    told = QuotePromises(shop.quote.plan, stock, nowhere, shop.world.now)(cart((SKU, 2)))
    assert len(told["options"]) == 2
    assert sorted(done) == ["stock.inbound", "stock.positions"]
