"""Races for stock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.application.feed import Feed
from oms.domain import ids
from oms.domain.counting import CountSeen, PositionCount
from oms.domain.movements import MovementKind
from oms.domain.order.events import PromiseDateMoved
from oms.domain.order.ledger import Place
from oms.domain.stock import StockMovement
from oms.domain.supply import SupplyChange, SupplyKind
from tests.proof.interleave import guards
from tests.proof.interleave.kernel import Worker
from tests.proof.interleave.scenario import Scenario
from tests.proof.interleave.story import (
    SKU,
    api,
    at,
    events_of,
    expect,
    placed_in_channel,
    placed_on_card,
    position,
    receive,
    refusal,
    ship,
    site_id,
    workflow,
)
from tests.proof.interleave.world import cause
from tests.support.builders import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.state import Order
    from tests.proof.interleave.kernel import Ended
    from tests.proof.interleave.world import Uses, World


def _buyers(world: World, *numbers: str) -> list[Worker]:
    return [workflow(world, f"buyer {each}", placed_id(each)) for each in numbers]


def placed_id(number: str) -> str:
    """The order with this number."""
    return ids.order_id("shopify", "shop-1", number)


def _one_unit_for_three(world: World) -> None:
    receive(world, SKU, "WH1", 1)
    for number in "123":
        placed_in_channel(world, line(), number=number)


def _one_winner(_world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    won = [at(order, Place.ALLOCATED) for order in orders.values()]
    waiting = [at(order, Place.BACKORDERED) for order in orders.values()]
    expect("I1", sorted(won) == [0, 0, 1] and sorted(waiting) == [0, 1, 1], f"allocated {won}, waiting {waiting}")
    expect("I8", not any(each.error for each in ended.values()), "a buyer was refused")


def _four_units(world: World) -> None:
    receive(world, SKU, "WH1", 4)
    placed_in_channel(world, line(quantity=2), line("2", quantity=2, sku=SKU), number="1")
    placed_in_channel(world, line(), number="2")
    placed_in_channel(world, line(), number="3")


def _all_or_wait(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    bound = {number: at(orders[placed_id(number)], Place.ALLOCATED) for number in "123"}
    expect("I1", sum(bound.values()) <= 4 and bound["1"] in (2, 4), f"{bound}")
    expect("I1", bound["1"] == 2 or bound["2"] == bound["3"] == 0, f"{bound}")
    expect("I1", position(world).reserved == sum(bound.values()), f"{bound}")


def _two_kits_of_one_part(world: World) -> None:
    """Kits A and B need a part of which there is one unit; there is enough of all else."""
    for sku, other in (("KIT-A", "SKU-2"), ("KIT-B", "SKU-3")):
        world.product(sku, components={SKU: 1, other: 2})
        receive(world, other, "WH1", 4)
    receive(world, SKU, "WH1", 1)
    placed_in_channel(world, line(sku="KIT-A"), number="1")
    placed_in_channel(world, line(sku="KIT-B"), number="2")


def _whole_or_not_at_all(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    bound = [at(orders[placed_id(number)], Place.ALLOCATED) for number in "12"]
    expect("I1", sum(bound) == 1, f"{bound}")
    reserved = [position(world, sku=sku).reserved for sku in (SKU, "SKU-2", "SKU-3")]
    expect("I1", reserved == [1, 2 * bound[0], 2 * bound[1]], f"{bound} bound, {reserved} reserved")


def _four_parts(world: World) -> None:
    """An order of a kit and of a part of it, and another who wants that part: four units of it."""
    world.product("KIT-A", components={SKU: 2, "SKU-2": 1})
    receive(world, SKU, "WH1", 4)
    receive(world, "SKU-2", "WH1", 1)
    placed_in_channel(world, line(sku="KIT-A"), line("2", quantity=2, sku=SKU), number="1")
    placed_in_channel(world, line(), number="2")


def _summed_over_kits(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    own = [orders[placed_id("1")].lines[line_id].ledger.allocated for line_id in ("1", "2")]
    other = at(orders[placed_id("2")], Place.ALLOCATED)
    expect("I1", position(world).reserved == 2 * own[0] + own[1] + other <= 4, f"{own} and {other} bound")
    expect("I1", (own, other) in (([1, 2], 0), ([1, 0], 1)), f"{own} and {other} bound of what both could have")


def _three_units(world: World) -> None:
    receive(world, SKU, "WH1", 3)
    placed_in_channel(world, line(quantity=2), number="1")


def _count(world: World, name: str, units: int) -> Worker:
    """A correction, once by its key."""
    moved = [StockMovement(sku=SKU, node_id="WH1", kind=MovementKind.ADJUSTMENT, quantity=units)]
    return Worker(name=name, body=lambda _try, _last: world.racing.move(name, moved, cause(name, "api")))


def _told(world: World, name: str, *rows: dict[str, Any]) -> Worker:
    """A message of a feed; its rows are not taken when their position keeps moving, and then it comes again."""
    said = [{"sku": SKU, "node_id": "WH1", **each} for each in rows]

    def body(_try: int, _last: bool) -> None:  # noqa: FBT001 - as workers are called
        tally = world.racing.feed.said(Feed(source="erp", feed_id=name), enumerate(said, start=1))
        expect("I8", all(each.code == "stale_row" for each in tally.problems), f"{name} was told {tally.problems}")

    return Worker(name=name, body=body)


def _feed(world: World) -> list[Worker]:
    older = {"on_hand": 4, "as_of": "2026-03-01T12:10:00Z"}
    newer = {"on_hand": 1, "as_of": "2026-03-01T12:20:00Z"}
    return [*_buyers(world, "1"), _told(world, "one is there", newer), _told(world, "four were there", older)]


def _newest_row_stands(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    there = position(world)
    expect("I5", there.on_hand - there.short == 1, f"{there} after the source said last that one is there")
    bound = at(orders[placed_id("1")], Place.ALLOCATED)
    expect("I6", bound in (0, 2), f"{bound} allocated")
    expect("I1", there.reserved == bound and there.short == max(0, bound - 1), f"{there}")


def _change_twice(world: World) -> list[Worker]:
    gone = {"change": -1, "as_of": "2026-03-01T12:20:00Z", "row_id": "7"}
    return [*_buyers(world, "1"), _told(world, "one left", gone), _told(world, "one left again", gone)]


def _same_count_twice(world: World) -> list[Worker]:
    return [
        *_buyers(world, "1"),
        _count(world, "lost one", -1),
        Worker(name="lost one again", body=_count(world, "lost one", -1).body),
    ]


def _counted_once(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    there = position(world)
    expect("I5", there.on_hand == 2, f"{there} after one unit of three was lost")
    expect("I4", at(orders[placed_id("1")], Place.ALLOCATED) == 2, "the buyer waits though enough was there")
    expect("I8", not any(each.error for each in ended.values()), "somebody was refused")


def _ten_units(world: World) -> None:
    receive(world, SKU, "WH1", 10)
    placed_in_channel(world, line(quantity=2), number="1")
    world.drive(placed_id("1"))
    placed_in_channel(world, line(quantity=8), number="2")


def _counter(world: World, name: str) -> Worker:
    """Nine are found of the ten that the counter knew of."""
    counts = [PositionCount(sku=SKU, node_id="WH1", counted=9, seen=CountSeen(on_hand=10, counts=0))]
    return Worker(name=name, body=lambda _try, _last: world.racing.count(name, counts, cause(name, "api")))


def _two_count(world: World) -> list[Worker]:
    return [
        _counter(world, "first counter"),
        _counter(world, "second counter"),
        *_buyers(world, "2"),
        api(world, "warehouse", placed_id("1"), ship(placed_id("1"), "S1", {"1": 2})),
    ]


def _one_unit_is_missing(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    there = position(world)
    first, second = (
        {refusal(ended, name) for name in ended if name.startswith(counter)} for counter in ("first", "second")
    )
    expect("I5", {*first, *second} == {"", "CountOutdatedError"} and first != second, f"told {first} and {second}")
    # Ten, less the one that nobody finds, less two that left: reserved units stay in the book, and are told as short.
    expect("I1", there.on_hand - there.short == 7 and there.counts == 1, f"{there}")
    order = orders[placed_id("2")]
    expect("I1", there.reserved == at(order, Place.ALLOCATED), f"{there}")
    expect("I1", there.short == max(0, there.reserved - 7), f"{there}")
    expect("I8", refusal(ended, "warehouse") == refusal(ended, "buyer 2") == "", "a count stopped an order")


def _kept_from_a_channel(world: World) -> None:
    rule = {"sku": SKU, "channel": "shopify", "units": 1}
    world.store.put_in(world.store.reference, "policy", "buffers", {"rules": [rule]})
    receive(world, SKU, "WH1", 2)
    for number in "12":
        placed_in_channel(world, line(), number=number)
    placed_on_card(world, line())


def _with_own_site(world: World) -> list[Worker]:
    return [*_buyers(world, "1", "2"), workflow(world, "own site", site_id("K1"))]


def _one_is_left_by_the_channel(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    taken = [at(orders[placed_id(number)], Place.ALLOCATED) for number in "12"]
    own = at(orders[site_id("K1")], Place.ALLOCATED)
    expect("I1", sum(taken) <= 1 and own == 1, f"the channel took {taken} of two, our own site {own}")
    expect("I1", position(world).reserved == sum(taken) + own, f"{position(world)}")


def _one_of_two_for_a_channel(world: World) -> None:
    rule = {"pool": "launch", "channel": "shopify"}
    world.store.put_in(world.store.reference, "policy", "pools", {"rules": [rule]})
    receive(world, SKU, "WH1", 2)
    fill = StockMovement(sku=SKU, node_id="WH1", kind=MovementKind.POOL_FILL, quantity=1, segment="pool:launch")
    world.calm.move("fill", [fill], cause("fill", "api"))
    for number in "12":
        placed_in_channel(world, line(), number=number)
    placed_on_card(world, line())


def _the_pools_unit_is_the_channels(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    taken = [at(orders[placed_id(number)], Place.ALLOCATED) for number in "12"]
    own = at(orders[site_id("K1")], Place.ALLOCATED)
    expect("I1", sum(taken) >= 1 and sum(taken) + own == 2, f"the channel took {taken} of two, our own site {own}")
    there, pool = position(world), world.store.positions[SKU]["WH1~pool:launch"]
    expect("I1", (there.reserved, there.pooled, pool.free) == (2, 0, 0), f"{there}, {pool}")


def _dated(world: World, days: int, kind: SupplyKind) -> SupplyChange:
    due = world.clock + timedelta(days=days)
    if kind is SupplyKind.CHANGED:
        return SupplyChange(supply_id="PO-1", kind=kind, due=due)
    return SupplyChange(supply_id="PO-1", kind=kind, sku=SKU, node_id="WH1", quantity=1, due=due)


def _waits_for_supply(world: World) -> None:
    world.calm.supply("told", _dated(world, 5, SupplyKind.EXPECTED), cause("told", "api"))
    world.drive(placed_in_channel(world, line(), number="1"))


def _look(world: World, uses: Uses, who: str) -> None:
    uses.burst({"order_id": placed_id("1"), "step": "promise", "cause": who})


def _supply_is_late(world: World) -> list[Worker]:
    later = _dated(world, 9, SupplyKind.CHANGED)
    return [
        Worker(name="supplier", body=lambda _try, _last: world.racing.supply("later", later, cause("later", "api"))),
        Worker(name="woken", body=lambda _try, _last: _look(world, world.racing, "woken")),
        Worker(name="watchdog", body=lambda _try, _last: _look(world, world.racing, "watchdog")),
    ]


def _told_once(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    moved = [each for each in events_of(world, placed_id("1")) if isinstance(each, PromiseDateMoved)]
    expect("I4", len(moved) == 1, f"the customer was told {len(moved)} times")
    waits = orders[placed_id("1")].lines["1"].expected_at
    expect("I8", waits == moved[0].lines[0].after, f"waits until {waits}, told {moved}")
    expect("I8", moved[0].lines[0].after == world.clock + timedelta(days=11), f"{moved}")


SCENARIOS: Final = (
    Scenario(
        name="supply-late",
        about="Supply that an order waits for is told to be late, while two look at the order.",
        prelude=_waits_for_supply,
        workers=_supply_is_late,
        recover=lambda world: _look(world, world.calm, "recovery"),
        expect=_told_once,
        guard="a date moves by a commit of the order; condition on the commit number",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="channel-buffer",
        about="Two buyers of a channel that must leave one of two units, and one of our own site.",
        prelude=_kept_from_a_channel,
        workers=_with_own_site,
        expect=_one_is_left_by_the_channel,
        guard="condition that the channel's buffer stays",
        without=guards.no_buffer,
    ),
    Scenario(
        name="pool-last-unit",
        about="Two buyers of a channel that one of two units is ring-fenced for, and one of our own site.",
        prelude=_one_of_two_for_a_channel,
        workers=_with_own_site,
        expect=_the_pools_unit_is_the_channels,
        guard="condition on what the pool has, and on what is available to all",
        without=guards.no_stock_condition,
    ),
    Scenario(
        name="last-unit",
        about="Three buyers and one unit.",
        prelude=_one_unit_for_three,
        workers=lambda world: _buyers(world, "1", "2", "3"),
        expect=_one_winner,
        guard="condition on what is available",
        without=guards.no_stock_condition,
    ),
    Scenario(
        name="kits-last-part",
        about="Buyers of two kits that share a part, and one unit of it.",
        prelude=_two_kits_of_one_part,
        workers=lambda world: _buyers(world, "1", "2"),
        expect=_whole_or_not_at_all,
        guard="condition on what is available of each component, in one transaction",
        without=guards.no_stock_condition,
    ),
    Scenario(
        name="kit-beside-its-part",
        about="An order of a kit and of its part races another for four units of the part.",
        prelude=_four_parts,
        workers=lambda world: _buyers(world, "1", "2"),
        expect=_summed_over_kits,
        guard="units of one position are summed over kits and lines before the condition",
        without=guards.lines_apart,
    ),
    Scenario(
        name="two-lines-one-sku",
        about="An order with two lines of one SKU races two others for four units.",
        prelude=_four_units,
        workers=lambda world: _buyers(world, "1", "2", "3"),
        expect=_all_or_wait,
        guard="units of one position are summed over all lines before the condition",
        without=guards.lines_apart,
    ),
    Scenario(
        name="feed-reserve",
        about="A feed says that one unit of three is there, and late that four were, while two are being promised.",
        prelude=_three_units,
        workers=_feed,
        expect=_newest_row_stands,
        guard="condition that nothing came or left, and that the source said nothing else, since a row was decided",
        without=guards.no_seen_condition,
    ),
    Scenario(
        name="feed-delta",
        about="One change of a feed comes in two messages at once, while stock is being promised.",
        prelude=_three_units,
        workers=_change_twice,
        expect=_counted_once,
        guard="a change's id belongs to one commit; the source's mark is as it was read",
        without=guards.no_feed_condition,
    ),
    Scenario(
        name="feed-feed",
        about="One correction is sent twice, by two workers, while stock is being promised.",
        prelude=_three_units,
        workers=_same_count_twice,
        expect=_counted_once,
        guard="a movement's stream is derived from its key; condition on the commit number",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="count-reserve",
        about="Two people count nine of ten units, while two are shipped and eight are being promised.",
        prelude=_ten_units,
        workers=_two_count,
        expect=_one_unit_is_missing,
        guard="condition that nothing came or left, and that nobody counted, since the count was decided",
        without=guards.no_seen_condition,
    ),
)
