"""Races for a position that is spread over rows: the adapter's own code, stopped before every request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.adapters.shards import row_from_item
from oms.domain.movements import MovementKind
from oms.domain.order.ledger import Place
from oms.domain.shards import spread
from oms.domain.stock import StockMovement
from tests.proof.interleave.kernel import Worker
from tests.proof.interleave.rows import RowsLog, RowsStock, StoreTables
from tests.proof.interleave.scenario import Scenario
from tests.proof.interleave.stock_race import placed_id
from tests.proof.interleave.story import SKU, at, expect, placed_in_channel, position, receive, workflow
from tests.proof.interleave.world import cause
from tests.support.builders import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.state import Order
    from oms.domain.stock import StockDelta
    from tests.proof.interleave.kernel import Ended
    from tests.proof.interleave.world import Uses, World
    from tests.proof.memory.tables import Item

PLACE: Final = (SKU, "WH1")


def _log(uses: Uses) -> RowsLog:
    log = uses.orders.log
    if not isinstance(log, RowsLog):
        raise TypeError(log)
    return log


def _two_rows(world: World, units: int, buyers: str) -> None:
    world.without.log, world.without.stock = RowsLog, RowsStock
    world.wire()
    receive(world, SKU, "WH1", units)
    adapter = _log(world.calm).adapter
    lead = position(world)
    adapter.reshape.write(PLACE, spread(lead, 1, 2, world.now()), world.now())
    for number in buyers:
        placed_in_channel(world, line(), number=number)


def _gatherer(world: World) -> Worker:
    """Somebody puts the rows together."""
    return Worker(
        name="gatherer",
        body=lambda _try, _last: _log(world.racing).adapter.reshape.gather(PLACE, world.now()),
        delivered=False,
    )


def _buyers(world: World) -> list[Worker]:
    return [*[workflow(world, f"buyer {each}", placed_id(each)) for each in "123"], _gatherer(world)]


def _nobody_is_sent_away_for_nothing(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    won = [at(orders[placed_id(each)], Place.ALLOCATED) for each in "123"]
    expect("I1", sorted(won) == [0, 1, 1], f"allocated {won} of two units")
    expect("I1", position(world).available == 0, f"{position(world)} while somebody waits")
    expect("I8", not any(each.error for each in ended.values() if each.name != "gatherer"), "a buyer was refused")


class _LeadOnly(RowsStock):
    """Of a spread position, the first row stands for all."""

    __slots__ = ()

    def to_promise(self, units: Mapping[str, int]) -> list[StockDelta]:
        """See the port."""
        client = StoreTables(self.store, self.pause)
        found: list[StockDelta] = []
        for sku in units:
            items = client.query(TableName="stock", ExpressionAttributeValues={":pk": {"S": sku}})["Items"]
            found += [row_from_item(item) for item in items]
        return found


def lead_row_only(world: World) -> None:
    """That nothing is left is answered on the first row alone."""
    world.without.stock = _LeadOnly


def _goods_in(world: World) -> Worker:
    """A receipt, by somebody who has looked at the rows before."""
    moved = [StockMovement(sku=SKU, node_id="WH1", kind=MovementKind.RECEIPT, quantity=1)]

    def body() -> object:
        world.racing.stock.positions([SKU])
        return world.racing.move("more", moved, cause("more", "api"))

    return Worker(name="goods in", body=lambda _try, _last: body())


def _all_is_kept(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    there = position(world)
    won = at(orders[placed_id("1")], Place.ALLOCATED)
    expect("I1", (there.on_hand, there.reserved, won) == (5, 1, 1), f"{there} after one unit came to four")
    expect("I8", not any(each.error for each in ended.values() if each.name != "gatherer"), "somebody was refused")


class _OpenToAll(StoreTables):
    """A row that is none of the position's any more takes what is put there."""

    def transact_write_items(self, **asked: Any) -> Item:
        for each in asked["TransactItems"]:
            update = each.get("Update", {})
            text = update.get("ConditionExpression", "")
            if text == "attribute_exists(#open)":
                del update["ConditionExpression"]
        return super().transact_write_items(**asked)


class _OpenLog(RowsLog):
    __slots__ = ()
    tables = _OpenToAll


def closed_rows_take_units(world: World) -> None:
    """Units are put into a row whether or not it is one of the position's."""
    world.without.log = _OpenLog


SCENARIOS: Final = (
    Scenario(
        name="last-unit-on-shards",
        about="Three buyers and two units, in two rows that somebody puts together meanwhile.",
        prelude=lambda world: _two_rows(world, 2, "123"),
        workers=_buyers,
        expect=_nobody_is_sent_away_for_nothing,
        guard="all rows of a position are read before it is said to be sold out",
        without=lead_row_only,
        gives_up=frozenset({"ContentionError"}),
    ),
    Scenario(
        name="gather-receive",
        about="A unit comes in, and one is promised, while two rows are put together.",
        prelude=lambda world: _two_rows(world, 4, "1"),
        workers=lambda world: [
            workflow(world, "buyer 1", placed_id("1")),
            _gatherer(world),
            _goods_in(world),
        ],
        expect=_all_is_kept,
        guard="a row takes units only while it is one of the position's",
        without=closed_rows_take_units,
        gives_up=frozenset({"ContentionError"}),
    ),
)
