"""Holding stock, and what orders make of it, over ports in memory."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oms.application.availability import ShowAvailability
from oms.application.exactly_once import ATTEMPTS
from oms.application.holds import REPLANS, HoldRequest, StockHolds, WantedUnits, stream_of_hold
from oms.domain import ids
from oms.domain.errors import (
    ContentionError,
    IdempotencyKeyReusedError,
    InsufficientStockError,
    InvalidTransitionError,
    NoSuchNodeError,
    NoSuchSkuError,
    StockHoldNotFoundError,
    VersionConflictError,
)
from oms.domain.holding import HoldKind, HoldStatus
from oms.domain.movements import MovementKind
from oms.domain.order.events import LinesReserved
from oms.domain.order.ledger import Place
from oms.domain.segments import Drawn
from oms.domain.stock import StockDelta, StockMovement
from tests.proof.interleave.story import SKU, ask, at, cancel, placed_in_channel, placed_on_card, receive
from tests.proof.interleave.world import World, cause
from tests.proof.memory import MemoryReference
from tests.support.builders import line

if TYPE_CHECKING:
    from oms.domain.holding import StockHold
    from oms.domain.order.state import Order

OTHER = "SKU-2"
LASTS = timedelta(minutes=10)


@pytest.fixture
def world() -> World:
    """Five of one SKU in the north, two in the south, one of another."""
    made = World()
    receive(made, SKU, "WH1", 5)
    receive(made, SKU, "WH3", 2)
    receive(made, OTHER, "WH1", 1)
    return made


def wanted(units: int, sku: str = SKU, node: str = "") -> WantedUnits:
    return WantedUnits(sku=sku, quantity=units, node_id=node)


def hold(world: World, *units: WantedUnits, key: str = "basket") -> StockHold:
    request = HoldRequest(kind=HoldKind.CHECKOUT, channel="site", wanted=units, lasts=LASTS)
    return world.calm.hold(key, request, cause(f"{units}:{key}", "api"))[0]


def here(world: World, sku: str = SKU, node: str = "WH1") -> StockDelta:
    return world.store.positions[sku][node]


def ordered(world: World, hold_id: str, *lines: Any, key: str = "K1") -> Order:
    order_id = placed_on_card(world, *lines, key=key, reference=f"pi_{key}", stock_hold=hold_id)
    order = world.drive(order_id)
    assert order is not None
    return order


def status(world: World, hold_id: str) -> HoldStatus:
    return world.calm.holds.get(hold_id).status_at(world.now())


def test_a_hold_is_made_once_by_its_key(world: World) -> None:
    first = hold(world, wanted(2))
    assert hold(world, wanted(2)) == first
    assert (here(world).available, here(world).reserved) == (3, 2)
    with pytest.raises(IdempotencyKeyReusedError):
        hold(world, wanted(3))
    assert first.hold_id == ids.derive("sth", "basket")
    assert [each.skus for each in world.store.held.values()] == [(SKU,)]


def test_the_caller_may_name_the_node(world: World) -> None:
    made = hold(world, wanted(1, node="WH3"), wanted(1), wanted(1, node="WH3"))
    assert {(each.node_id, each.quantity) for each in made.units} == {("WH3", 2), ("WH1", 1)}
    with pytest.raises(InsufficientStockError) as refused:
        hold(world, wanted(1, node="WH3"), key="another")
    assert refused.value.context == {"skus": [SKU]}


def test_all_or_nothing(world: World) -> None:
    with pytest.raises(InsufficientStockError) as refused:
        hold(world, wanted(2), wanted(2, OTHER))
    assert refused.value.context == {"skus": [OTHER]}
    assert (here(world).reserved, world.store.held) == (0, {})
    with pytest.raises(NoSuchSkuError):
        hold(world, wanted(1, "SKU-9"))
    with pytest.raises(NoSuchNodeError):
        hold(world, wanted(1, node="WH9"))


def test_stock_that_goes_while_nodes_are_chosen_is_chosen_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    log, tries = world.calm.holds.log, []

    def append(*args: Any, **kwargs: Any) -> None:
        tries.append(kwargs["stock"])
        if len(tries) < REPLANS:
            raise InsufficientStockError("taken", positions=[{"sku": SKU, "node": "WH1"}])
        type(log).append(log, *args, **kwargs)

    racing = _Log(log, append)
    object.__setattr__(world.calm.holds, "log", racing)
    assert hold(world, wanted(2)).units[0].quantity == 2
    tries.clear()
    monkeypatch.setattr(racing, "append", _always_short)
    with pytest.raises(InsufficientStockError) as refused:
        hold(world, wanted(1), key="unlucky")
    assert refused.value.context == {"skus": [SKU]}


class _Log:
    """A log whose appends are made by somebody else."""

    def __init__(self, log: Any, append: Any) -> None:
        self.read = log.read
        self.append = append


def _always_short(*_: Any, **__: Any) -> None:
    raise InsufficientStockError("taken", positions=[{"sku": SKU, "node": "WH1"}])


def test_too_many_writers(world: World) -> None:
    tries = []

    def append(*_: Any, **__: Any) -> None:
        tries.append(1)
        raise VersionConflictError("somebody else")

    made = hold(world, wanted(1))
    log: Any = _Log(world.calm.holds.log, append)
    holds = StockHolds(log, world.now)
    object.__setattr__(world.calm.release_hold, "holds", holds)
    with pytest.raises(ContentionError):
        world.calm.release_hold(made.hold_id, "k", cause("k", "api"))
    assert len(tries) == ATTEMPTS


def test_an_order_takes_its_units_over_where_they_are(world: World) -> None:
    made = hold(world, wanted(2, node="WH3"), wanted(1, OTHER))
    order = ordered(world, made.hold_id, line(quantity=2))
    assert {each.node_id for each in order.fulfillment_orders.values()} == {"WH3"}
    assert (here(world, node="WH3").reserved, here(world, OTHER).reserved) == (2, 0)
    held = world.calm.holds.get(made.hold_id)
    assert (held.status, held.order_id) == (HoldStatus.CLAIMED, order.order_id)
    (event,) = [e for c in world.commits(order.order_id) for e in c.events if isinstance(e, LinesReserved)]
    assert event.decision == {"hold": made.hold_id, "held_at": ["WH3"]}
    assert event.promised_by > world.now()
    assert world.store.held == {}


def test_what_is_wanted_beyond_the_hold_is_sourced(world: World) -> None:
    made = hold(world, wanted(2, node="WH3"))
    order = ordered(world, made.hold_id, line(quantity=3), line("2"))
    assert at(order, Place.ALLOCATED) == 4
    assert (here(world).reserved, here(world, node="WH3").reserved, here(world, OTHER).reserved) == (1, 2, 1)
    (event,) = [e for c in world.commits(order.order_id) for e in c.events if isinstance(e, LinesReserved)]
    assert [(part.node_id, part.quantity) for part in event.taken_over] == [("WH3", 2)]
    assert event.decision["chosen"] == ["WH1"]


def test_an_order_waits_for_what_neither_the_hold_nor_a_node_has(world: World) -> None:
    made = hold(world, wanted(1, OTHER))
    order = ordered(world, made.hold_id, line("2", quantity=3))
    assert (at(order, Place.ALLOCATED), at(order, Place.BACKORDERED)) == (1, 2)
    assert here(world, OTHER).reserved == 1


def test_a_hold_whose_time_is_over_is_not_claimed_though_nobody_has_swept(world: World) -> None:
    made = hold(world, wanted(5, node="WH1"), wanted(1, node="WH3"))
    world.clock += LASTS
    order = ordered(world, made.hold_id, line(quantity=1))
    assert {each.node_id for each in order.fulfillment_orders.values()} == {"WH3"}
    assert status(world, made.hold_id) is HoldStatus.EXPIRED
    assert here(world).reserved == 5
    assert world.calm.expire_holds() == {"expired": 1, "unread": 0}
    assert world.calm.expire_holds() == {"expired": 0, "unread": 0}
    assert (here(world).reserved, here(world).available) == (0, 5)


def test_a_hold_serves_one_order(world: World) -> None:
    made = hold(world, wanted(2, node="WH3"))
    first = ordered(world, made.hold_id, line(quantity=2))
    second = ordered(world, made.hold_id, line(quantity=2), key="K2")
    assert {each.node_id for each in second.fulfillment_orders.values()} == {"WH1"}
    assert world.calm.holds.get(made.hold_id).order_id == first.order_id
    ask(world.calm, first.order_id, cancel(first.order_id, "all"))
    assert (here(world, node="WH3").available, here(world, node="WH3").reserved) == (2, 0)


def test_an_order_that_names_no_hold_that_there_is_goes_its_way(world: World) -> None:
    order = ordered(world, ids.derive("sth", "nobody's"), line(quantity=2))
    assert at(order, Place.ALLOCATED) == 2


def test_units_at_a_node_that_is_closed_are_not_taken_over(world: World) -> None:
    made = hold(world, wanted(2, node="WH3"))
    row = {"node_id": "WH3", "country": "DE", "latitude": 41.0, "longitude": 13.0, "active": False}
    world.store.put_in(world.store.reference, "node", "WH3", row)
    order = ordered(world, made.hold_id, line(quantity=2))
    assert {each.node_id for each in order.fulfillment_orders.values()} == {"WH1"}
    assert status(world, made.hold_id) is HoldStatus.CLAIMED
    assert here(world, node="WH3").reserved == 0


def test_a_missing_unit_does_not_stop_the_one_it_was_held_for(world: World) -> None:
    made = hold(world, wanted(2, node="WH3"))
    short = here(world, node="WH3").plus(StockDelta(sku=SKU, node_id="WH3", short=1, counts=1))
    world.store.put_in(world.store.positions, SKU, "WH3", short)
    order = ordered(world, made.hold_id, line(quantity=2))
    assert {each.node_id for each in order.fulfillment_orders.values()} == {"WH3"}


def test_who_is_refused_is_not_refused_for_what_is_over(world: World) -> None:
    hold(world, wanted(5, node="WH1"), wanted(2, node="WH3"))
    with pytest.raises(InsufficientStockError):
        hold(world, wanted(1), key="early")
    world.clock += LASTS
    assert hold(world, wanted(5), key="late").units[0].node_id == "WH1"
    assert status(world, ids.derive("sth", "basket")) is HoldStatus.EXPIRED


def test_only_holds_of_what_is_wanted_are_swept_for_it(world: World) -> None:
    hold(world, wanted(1, OTHER))
    world.clock += LASTS
    assert world.calm.expire_holds(skus=frozenset({SKU}))["expired"] == 0
    assert world.calm.expire_holds(skus=frozenset({OTHER}))["expired"] == 1


def test_a_hold_that_cannot_be_read_does_not_stop_the_others(world: World) -> None:
    first, second = hold(world, wanted(1)), hold(world, wanted(1), key="another")
    world.clock += LASTS
    read = world.calm.holds.log.read

    def broken(stream: str) -> Any:
        if stream == stream_of_hold(first.hold_id):
            raise KeyError(stream)
        return read(stream)

    log: Any = _Log(world.calm.holds.log, world.calm.holds.log.append)
    log.read = broken
    object.__setattr__(world.calm.expire_holds, "holds", StockHolds(log, world.now))
    assert world.calm.expire_holds() == {"expired": 1, "unread": 1}
    assert world.calm.holds.get(second.hold_id).status is HoldStatus.EXPIRED


def test_more_time_once_by_its_key(world: World) -> None:
    made = hold(world, wanted(1))
    world.clock += timedelta(minutes=5)
    told = [world.calm.extend_hold(made.hold_id, "k", LASTS, cause("k", "api")) for _ in range(2)]
    assert [changed for _, changed in told] == [True, False]
    assert told[0][0].expires_at == world.now() + LASTS
    world.clock += timedelta(minutes=6)
    assert world.calm.expire_holds()["expired"] == 0
    with pytest.raises(IdempotencyKeyReusedError):
        world.calm.extend_hold(made.hold_id, "k", LASTS, cause("other", "api"))
    with pytest.raises(StockHoldNotFoundError):
        world.calm.extend_hold(ids.derive("sth", "nobody's"), "k", LASTS, cause("k", "api"))


def test_letting_go_frees_units_and_wakes_who_waits(world: World) -> None:
    made = hold(world, wanted(5, node="WH1"), wanted(2, node="WH3"))
    waiting = ordered(world, "", line())
    assert at(waiting, Place.BACKORDERED) == 1
    released, changed = world.calm.release_hold(made.hold_id, "k", cause("k", "api"))
    assert (released.status, changed) == (HoldStatus.RELEASED, True)
    assert world.calm.release_hold(made.hold_id, "again", cause("again", "api")) == (released, False)
    world.recover()
    assert at(world.order(waiting.order_id), Place.ALLOCATED) == 1
    claimed = ordered(world, hold(world, wanted(1), key="next").hold_id, line(), key="K2")
    with pytest.raises(InvalidTransitionError):
        world.calm.release_hold(ids.derive("sth", "next"), "k", cause("k", "api"))
    assert at(claimed, Place.ALLOCATED) == 1
    with pytest.raises(StockHoldNotFoundError):
        world.calm.holds.get(ids.derive("sth", "nobody's"))


def buffer(world: World, units: int, **names: str) -> None:
    rules = {"rules": [{**names, "units": units}]}
    world.store.put_in(world.store.reference, "policy", "buffers", rules)


def test_a_channel_leaves_its_buffer_to_others(world: World) -> None:
    buffer(world, 2, sku=SKU, channel="site")
    assert hold(world, wanted(3)).units[0].quantity == 3
    with pytest.raises(InsufficientStockError) as refused:
        hold(world, wanted(1), key="another")
    assert refused.value.context == {"skus": [SKU]}
    assert at(ordered(world, "", line()), Place.BACKORDERED) == 1
    channel = placed_in_channel(world, line(quantity=2))
    world.drive(channel)
    assert at(world.order(channel), Place.ALLOCATED) == 2


def test_what_a_channel_holds_is_its_own_whatever_its_buffer_becomes(world: World) -> None:
    made = hold(world, wanted(5, node="WH1"))
    buffer(world, 9, channel="site")
    order = ordered(world, made.hold_id, line(quantity=5))
    assert at(order, Place.ALLOCATED) == 5


def test_a_buffer_stands_in_the_condition_of_the_write(world: World) -> None:
    buffer(world, 5, sku=SKU, node_id="WH1", channel="site")
    request = HoldRequest(kind=HoldKind.CHECKOUT, channel="site", wanted=(wanted(1, node="WH1"),), lasts=LASTS)
    use = world.calm.hold
    object.__setattr__(use, "_available", lambda *_: {"WH1": {SKU: 5}})  # who plans does not see it
    with pytest.raises(InsufficientStockError):
        use("basket", request, cause("basket", "api"))
    assert here(world).reserved == 0


def test_availability_is_told_by_channel(world: World) -> None:
    buffer(world, 2, channel="site")
    show = ShowAvailability(world.calm.stock, world.calm.hold.reference, world.now)
    told = {channel: show([SKU], (), channel)[0] for channel in ("", "site", "amazon")}
    assert [told[channel]["available"] for channel in ("", "site", "amazon")] == [7, 3, 7]
    assert told["site"]["nodes"] == {"WH1": 3, "WH2": 0, "WH3": 0}


VIP = "pool:vip"


def fence(world: World, units: int, **who: str) -> None:
    """So many of the units in the north are for some buyers alone."""
    MemoryReference(world.store).put("policy", "pools", {"rules": [{"pool": "vip", **who}]})
    moved = StockMovement(sku=SKU, node_id="WH1", kind=MovementKind.POOL_FILL, quantity=units, segment=VIP)
    world.calm.move(f"fence {units}", [moved], cause("fence", "api"))


def pool(world: World) -> int:
    return here(world, node=f"WH1~{VIP}").free


def test_a_hold_draws_from_the_pools_of_its_buyer(world: World) -> None:
    fence(world, 4, channel="site")
    made = hold(world, wanted(5, node="WH1"))
    assert made.units[0].drawn == (Drawn(SKU, VIP, 4),)
    assert (here(world).available, here(world).reserved, here(world).pooled, pool(world)) == (0, 5, 0, 0)
    world.calm.release_hold(made.hold_id, "k", cause("k", "api"))
    assert (here(world).available, here(world).reserved, here(world).pooled, pool(world)) == (1, 0, 4, 4)


@pytest.mark.parametrize("who", [{"channel": "amazon"}, {"channel": "site", "account": "outlet"}])
def test_a_hold_draws_from_no_pool_of_others(world: World, who: dict[str, str]) -> None:
    fence(world, 4, **who)
    with pytest.raises(InsufficientStockError):
        hold(world, wanted(2, node="WH1"))
    assert hold(world, wanted(1, node="WH1")).units[0].drawn == ()
    if "account" in who:
        request = HoldRequest(
            kind=HoldKind.CHECKOUT, channel="site", wanted=(wanted(3, node="WH1"),), lasts=LASTS, account="outlet"
        )
        made, _ = world.calm.hold("outlet", request, cause("outlet", "api"))
        assert made.units[0].drawn == (Drawn(SKU, VIP, 3),)


def test_an_order_has_the_units_of_pools_that_were_held_for_it(world: World) -> None:
    fence(world, 3, channel="site")
    made = hold(world, wanted(4, node="WH1"), wanted(1, node="WH1"))
    order = ordered(world, made.hold_id, line(quantity=2), line("2", sku=SKU, quantity=2))
    (work,) = order.fulfillment_orders.values()
    assert {line_id: sum(each.units for each in drawn) for line_id, drawn in work.drawn.items()} == {"1": 2, "2": 1}
    # The fifth unit was of no pool, and is for all again.
    assert (here(world).available, here(world).reserved, here(world).pooled, pool(world)) == (1, 4, 0, 0)
    ask(world.calm, order.order_id, cancel(order.order_id, "all"))
    assert (here(world).available, here(world).reserved, here(world).pooled, pool(world)) == (2, 0, 3, 3)


def test_what_an_order_does_not_take_of_a_pool_goes_back_to_it(world: World) -> None:
    fence(world, 3, channel="site")
    made = hold(world, wanted(3, node="WH1"))
    ordered(world, made.hold_id, line(quantity=1))
    assert (here(world).available, here(world).reserved, here(world).pooled, pool(world)) == (2, 1, 2, 2)


def test_a_pool_that_was_emptied_meanwhile_is_chosen_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fence(world, 3, channel="site")
    whole = world.calm.hold.stock.positions
    calls: list[Any] = []

    def positions(skus: Any) -> Any:
        found = whole(skus)
        if not calls:
            moved = StockMovement(sku=SKU, node_id="WH1", kind=MovementKind.POOL_RELEASE, quantity=3, segment=VIP)
            world.calm.move("open", [moved], cause("open", "api"))
        calls.append(skus)
        return found

    monkeypatch.setattr(type(world.calm.hold.stock), "positions", lambda _self, skus: positions(skus))
    assert hold(world, wanted(4, node="WH1")).units[0].drawn == ()
    assert len(calls) == 2
