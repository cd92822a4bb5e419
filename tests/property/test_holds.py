"""Random baskets, orders and clocks: a unit is bound once, and a hold ends once."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from oms.application.holds import HoldRequest, WantedUnits
from oms.domain import ids
from oms.domain.errors import HoldExpiredError, InsufficientStockError, InvalidInputError, InvalidTransitionError
from oms.domain.holding import HoldKind, HoldStatus
from oms.domain.movements import MovementKind
from oms.domain.order.ledger import Place
from oms.domain.stock import StockMovement
from tests.proof.interleave.story import ask, at, cancel, placed_on_card, receive
from tests.proof.interleave.world import SKUS, World, cause
from tests.proof.invariants.stock import (
    balanced,
    ended_once,
    entries_balance,
    held,
    positions_of_history,
    unheard,
)
from tests.proof.memory import MemoryReference
from tests.support.builders import line

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from oms.domain.holding import StockHold

NODES: Final = ("WH1", "WH3")
UNITS: Final = st.integers(1, 4)
LASTS: Final = st.integers(1, 130)
PICK: Final = st.integers(0, 99)
SKU: Final = st.sampled_from(SKUS)


class HoldMachine(RuleBasedStateMachine):
    """A shop with few units, whose baskets are held, forgotten, given up and ordered."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.expires: dict[str, datetime] = {}
        """When each hold ends, by the machine's own account; until it is known to have ended."""
        self.asked: list[tuple[str, HoldRequest]] = []
        self.orders: list[str] = []
        self.reached: Counter[str] = Counter()

    @initialize()
    def opens(self) -> None:
        for sku in SKUS:
            for node in NODES:
                receive(self.world, sku, node, 4)
        MemoryReference(self.world.store).put("policy", "pools", {"rules": [{"pool": "vip", "channel": "site"}]})
        fenced = StockMovement(
            sku=SKUS[0], node_id=NODES[0], kind=MovementKind.POOL_FILL, quantity=3, segment="pool:vip"
        )
        self.world.calm.move("fence", [fenced], cause("fence", "api"))

    def pick(self, number: int) -> str:
        made = [key for key, _ in self.asked]
        return ids.derive("sth", made[number % len(made)]) if made else ids.derive("sth", "none")

    def hold(self, hold_id: str) -> StockHold | None:
        return self.world.calm.holds.load(hold_id).hold

    # ---------------------------------------------------------------- buyers

    @rule(sku=SKU, units=UNITS, lasts=LASTS, pick=PICK)
    def holds(self, sku: str, units: int, lasts: int, pick: int) -> None:
        """All of it, or none: and none only when too little is left."""
        node = ("", *NODES)[pick % 3]
        key = f"basket {len(self.asked)}"
        request = HoldRequest(
            kind=HoldKind.CHECKOUT,
            channel="site",
            wanted=(WantedUnits(sku=sku, quantity=units, node_id=node), WantedUnits(sku=SKUS[0], quantity=1)),
            lasts=timedelta(minutes=lasts),
        )
        try:
            made, _ = self.world.calm.hold(key, request, cause(key, "api"))
        except InvalidInputError:
            assert lasts > 120
            return
        except InsufficientStockError as error:
            short: Any = error.context["skus"]
            self.reached["refused" if {sku, SKUS[0]} >= set(short) else "refused for nothing"] += 1
            return
        self.asked.append((key, request))
        self.expires[made.hold_id] = self.world.now() + timedelta(minutes=lasts)
        self.reached["held"] += 1

    @rule(pick=PICK)
    def again(self, pick: int) -> None:
        """A request that comes again under its key changes nothing."""
        if self.asked:
            key, request = self.asked[pick % len(self.asked)]
            before = {sku: dict(nodes) for sku, nodes in self.world.store.positions.items()}
            assert not self.world.calm.hold(key, request, cause(key, "api"))[1]
            assert self.world.store.positions == before

    @rule(pick=PICK, lasts=LASTS)
    def extends(self, pick: int, lasts: int) -> None:
        hold_id, now = self.pick(pick), self.world.now()
        before = self.hold(hold_id)
        if before is None:
            return
        until = now + timedelta(minutes=lasts)
        try:
            after, changed = self.world.calm.extend_hold(
                hold_id, f"{now} {lasts}", timedelta(minutes=lasts), cause(f"{now} {lasts}", "api")
            )
        except HoldExpiredError:
            assert before.status_at(now) is HoldStatus.EXPIRED
        except InvalidTransitionError:
            assert before.status in (HoldStatus.RELEASED, HoldStatus.CLAIMED)
        except InvalidInputError:
            assert until > before.held_at + timedelta(hours=2)
        else:
            assert after.expires_at == max(before.expires_at, until)
            self.expires[hold_id] = after.expires_at
            self.reached["extended"] += changed

    @rule(pick=PICK)
    def gives_up(self, pick: int) -> None:
        hold_id = self.pick(pick)
        before = self.hold(hold_id)
        if before is None:
            return
        try:
            after, changed = self.world.calm.release_hold(hold_id, f"{self.world.now()}", cause("x", "api"))
        except InvalidTransitionError:
            assert before.status is HoldStatus.CLAIMED
            return
        assert after.status in (HoldStatus.RELEASED, HoldStatus.EXPIRED)
        assert not changed or (after.status is HoldStatus.EXPIRED) == before.is_due(self.world.now())
        self.reached["given up"] += changed

    @rule(pick=PICK, sku=SKU, units=UNITS)
    def orders_it(self, pick: int, sku: str, units: int) -> None:
        """A live hold is the order's alone from its promise on; one that is over is not, swept or not."""
        hold_id, key = self.pick(pick), f"K{len(self.orders)}"
        before, now = self.hold(hold_id), self.world.now()
        order_id = placed_on_card(
            self.world, line(sku=sku, quantity=units), key=key, reference=f"pi_{key}", stock_hold=hold_id
        )
        order = self.world.drive(order_id)
        assert order is not None
        self.orders.append(order_id)
        after = self.hold(hold_id)
        if before is None or after is None or not before.is_live(now):
            assert after == before
            self.reached["came too late"] += before is not None and before.is_due(now)
            return
        covered = sum(each.quantity for each in before.units if each.sku == sku)
        if covered:
            assert (after.status, after.order_id) == (HoldStatus.CLAIMED, order_id)
            assert at(order, Place.ALLOCATED) >= min(units, covered)
            self.reached["claimed"] += 1
            self.reached["claimed more"] += units > covered

    @rule(pick=PICK)
    def cancels(self, pick: int) -> None:
        if self.orders:
            order_id = self.orders[pick % len(self.orders)]
            if at(self.world.order(order_id), Place.ALLOCATED):
                ask(self.world.calm, order_id, cancel(order_id, f"c{self.world.now()}"))

    # ---------------------------------------------------------------- time

    @rule(passes=st.integers(1, 90))
    def time_passes(self, passes: int) -> None:
        self.world.clock += timedelta(minutes=passes)

    @rule()
    def sweeps(self) -> None:
        """Whatever is over ends, once; nothing else does."""
        calm, now = self.world.calm, self.world.now()
        due = {each for each in self.expires if (hold := self.hold(each)) is not None and hold.is_due(now)}
        assert calm.expire_holds() == {"expired": len(due), "unread": 0}
        assert calm.expire_holds() == {"expired": 0, "unread": 0}
        self.reached["swept"] += len(due)

    # ---------------------------------------------------------------- what holds

    @invariant()
    def every_unit_is_bound_once(self) -> None:
        streams = {name: each.stored for name, each in self.world.store.streams.items()}
        positions = {
            (sku, node): position
            for sku, nodes in self.world.store.positions.items()
            for node, position in nodes.items()
        }
        for found in (
            balanced(positions),
            positions_of_history(streams, positions),
            unheard(streams, positions),
            entries_balance(streams),
            ended_once(streams),
        ):
            assert list(found) == []
        bound = sum(at(self.world.order(each), Place.ALLOCATED) for each in self.orders)
        assert sum(each.reserved for each in positions.values()) == bound + sum(held(streams).values())
        assert positions[SKUS[0], NODES[0]].pooled == positions[SKUS[0], f"{NODES[0]}~pool:vip"].free <= 3
        self.reached["from a pool"] += positions[SKUS[0], NODES[0]].pooled < 3

    @invariant()
    def the_sweep_finds_all_that_is_open_and_nothing_else(self) -> None:
        opened = {each: hold for each in self.expires if (hold := self.hold(each)) and hold.status is HoldStatus.OPEN}
        listed = {each.hold_id: each.due for each in self.world.store.held.values()}
        assert listed == {hold_id: hold.expires_at for hold_id, hold in opened.items()}
        assert listed == {hold_id: self.expires[hold_id] for hold_id in opened}


TestHolds = HoldMachine.TestCase


def walk(seed: int, steps: int) -> Counter[str]:
    """A long way through the same rules, drawn evenly: hypothesis shrinks better, this gets further."""
    draw, machine = random.Random(seed), HoldMachine()
    machine.opens()
    rules: list[Callable[[], Any]] = [
        lambda: machine.holds(draw.choice(SKUS), draw.randint(1, 4), draw.randint(1, 130), draw.randrange(99)),
        lambda: machine.again(draw.randrange(99)),
        lambda: machine.extends(draw.randrange(99), draw.randint(1, 130)),
        lambda: machine.gives_up(draw.randrange(99)),
        lambda: machine.orders_it(draw.randrange(99), draw.choice(SKUS), draw.randint(1, 4)),
        lambda: machine.cancels(draw.randrange(99)),
        lambda: machine.time_passes(draw.randint(1, 90)),
        machine.sweeps,
    ]
    for _ in range(steps):
        draw.choice(rules)()
        machine.every_unit_is_bound_once()
        machine.the_sweep_finds_all_that_is_open_and_nothing_else()
    return machine.reached


def test_a_long_way_through_a_shop() -> None:
    reached: Counter[str] = Counter()
    for seed in range(20):
        reached += walk(seed, steps=60)
    wanted = {
        "held",
        "refused",
        "extended",
        "given up",
        "claimed",
        "claimed more",
        "came too late",
        "swept",
        "from a pool",
    }
    assert set(reached) == wanted
