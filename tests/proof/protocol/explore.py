"""Every state of a world, and whether what has to hold does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from oms.domain.counting import CountSeen, PositionCount, decide_count
from oms.domain.errors import CountOutdatedError, InsufficientStockError, StockChangedError
from oms.domain.movements import MovementKind
from oms.domain.stock import COMPONENTS, DecidedDelta, StockDelta, StockMoved, StockMovement
from tests.proof.memory import MemoryLog, Store
from tests.proof.protocol.automaton import NODES, SKU, automaton

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.proof.protocol.mutants import Code

REFUSED: Final = -1


class World(NamedTuple):
    """Each order's units by line, units at each node, deliveries of one unit, each counter's counts."""

    name: str
    orders: tuple[tuple[int, ...], ...]
    stock: tuple[int, int]
    receipts: int = 0
    counts: tuple[int, ...] = ()
    waits: bool = False
    """The orders' release waits."""


class Counter(NamedTuple):
    """Where somebody is who counts the first node: what they saw and found, and what was decided on it."""

    left: int
    """Counts that they may still begin."""
    seen: CountSeen | None = None
    found: int = 0
    decided: DecidedDelta | None = None


class Global(NamedTuple):
    """One state of the world. Orders, positions and counters by their numbers."""

    orders: tuple[int, ...]
    positions: tuple[int, ...]
    counters: tuple[int, ...] = ()
    received: int = 0
    adjusted: int = 0
    """Units that counts have put right, by what was found."""


@dataclass(slots=True)
class Found:
    """What became of a world."""

    states: int = 0
    steps: int = 0
    refused: int = 0
    problem: str = ""
    path: list[str] = field(default_factory=list)


class Explorer:
    """Goes through a world breadth first; each transition is asked of the code once and remembered."""

    def __init__(self, world: World, code: Code) -> None:
        self.world, self.code = world, code
        self.orders = [automaton(*each, waits=world.waits) for each in world.orders]
        self._summed: dict[tuple[int, int, int], list[StockDelta]] = {}
        self._positions: list[StockDelta] = []
        self._position_of: dict[StockDelta, int] = {}
        self._counters: list[Counter] = []
        self._counter_of: dict[Counter, int] = {}
        self._moved: dict[tuple[int, StockDelta], int] = {}
        self._sound: dict[int, str] = {}
        self._oversold = ""
        self._bound: dict[tuple[int, int], tuple[int, ...]] = {}

    # ---- transitions

    def explore(self, limit: int = 0) -> Found:
        """All states, or those before the first problem; `limit` ends it early."""
        first = Global(
            orders=(0,) * len(self.orders),
            positions=tuple(
                self._position(StockDelta(sku=SKU, node_id=node, on_hand=units, available=units))
                for node, units in zip(NODES, self.world.stock, strict=True)
            ),
            counters=tuple(self._counter(Counter(each)) for each in self.world.counts),
        )
        found, before, wave = Found(states=1), {first: (first, "")}, [first]
        while wave:
            fresh: list[Global] = []
            for state in wave:
                for name, after in self._after(state, found):
                    found.steps += 1
                    if after in before:
                        continue
                    before[after] = (state, name)
                    found.states += 1
                    fresh.append(after)
                    problem = self.problem(after)
                    if problem or (limit and found.states >= limit):
                        found.problem, found.path = problem, _path(before, after) if problem else []
                        return found
            wave = fresh
        return found

    def _after(self, state: Global, found: Found) -> Iterator[tuple[str, Global]]:
        for number, made in enumerate(self.orders):
            at = state.orders[number]
            for choice, step in enumerate(self.code.steps(made, at)):
                key = (number, at, choice)
                if key not in self._summed:
                    self._summed[key] = self.code.summed(step.events)
                positions = self._transaction(state.positions, self._summed[key])
                if positions is None:
                    found.refused += 1
                    continue
                if step.name == "promise":
                    self._promised(state.positions, positions)
                orders = (*state.orders[:number], step.after, *state.orders[number + 1 :])
                yield f"order {number + 1}: {step.name}", state._replace(orders=orders, positions=positions)
        if state.received < self.world.receipts:
            for place, node in enumerate(NODES):
                moved = StockMovement(sku=SKU, node_id=node, kind=MovementKind.RECEIPT, quantity=1)
                (delta,) = self.code.deltas(StockMoved(movements=(moved,)))
                positions = self._put(state.positions, place, delta)
                yield "receipt", state._replace(positions=positions, received=state.received + 1)
        for number, counter in enumerate(state.counters):
            for name, after in self._counting(state, self._counters[counter], found):
                counters = (*state.counters[:number], after.counters[0], *state.counters[number + 1 :])
                yield f"counter {number + 1}: {name}", after._replace(counters=counters)

    def _counting(self, state: Global, counter: Counter, found: Found) -> Iterator[tuple[str, Global]]:
        """Look and count; decide on the position as it is read then; write, if it still is what was read."""

        def on(to: Counter) -> Global:
            return state._replace(counters=(self._counter(to),))

        at = self._positions[state.positions[0]]
        if counter.seen is None:
            seen = CountSeen(on_hand=at.on_hand, counts=at.counts)
            for units in {0, max(0, at.on_hand - 1), at.on_hand, at.on_hand + 1} if counter.left else ():
                yield "look", on(Counter(counter.left - 1, seen, units))
        elif counter.decided is None:
            count = PositionCount(sku=SKU, node_id=NODES[0], counted=counter.found, seen=counter.seen)
            try:
                event = decide_count(count, at, counter.seen)
            except CountOutdatedError:
                yield "outdated", on(Counter(counter.left))
            else:
                yield "decide", on(counter._replace(decided=self.code.counted(event, at)))
        else:
            after = self._move(state.positions[0], counter.decided)
            if after == REFUSED:
                found.refused += 1
                yield "decide again", on(counter._replace(decided=None))
                return
            righted = counter.found - counter.seen.on_hand + at.short
            done = on(Counter(counter.left))
            yield (
                "write",
                done._replace(positions=(after, *state.positions[1:]), adjusted=state.adjusted + righted),
            )

    def _transaction(self, positions: tuple[int, ...], deltas: list[StockDelta]) -> tuple[int, ...] | None:
        """All of its movements or none."""
        after = list(positions)
        for delta in deltas:
            place = NODES.index(delta.node_id)
            moved = self._move(positions[place] if self.code.apart else after[place], delta)
            if moved == REFUSED:
                return None
            after[place] = self._unchecked(after[place], delta) if self.code.apart else moved
        return tuple(after)

    def _put(self, positions: tuple[int, ...], place: int, delta: StockDelta) -> tuple[int, ...]:
        after = self._move(positions[place], delta)
        return (*positions[:place], after, *positions[place + 1 :])

    def _move(self, position: int, delta: StockDelta) -> int:
        """The position after a movement, by the ports' own condition."""
        key = (position, delta)
        if key not in self._moved:
            store = Store(**self.code.store)
            at = self._positions[position]
            blind = at.short if self.code.blind else 0
            store.positions[SKU] = {at.node_id: replace(at, short=at.short - blind)}
            try:
                (after,) = MemoryLog(store).moved([delta])
            except (InsufficientStockError, StockChangedError):
                self._moved[key] = REFUSED
            else:
                self._moved[key] = self._position(replace(after, short=after.short + blind))
        return self._moved[key]

    def _unchecked(self, position: int, delta: StockDelta) -> int:
        return self._position(self._positions[position].plus(delta))

    # ---- what has to hold

    def _promised(self, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        """A promise binds only units that are there: by the book, less what nobody found."""
        for was, now in zip(before, after, strict=True):
            at = self._positions[now]
            if was != now and at.reserved > at.on_hand - at.short - at.damaged - at.qc:
                self._oversold = f"{at.node_id}: {at.reserved} promised of {at.on_hand - at.short - at.damaged - at.qc}"

    def problem(self, state: Global) -> str:
        """What does not hold, '' when all does."""
        if self._oversold:
            return self._oversold
        for place, position in enumerate(state.positions):
            if position not in self._sound:
                self._sound[position] = _unsound(self._positions[position])
            if self._sound[position]:
                return self._sound[position]
            bound = sum(self._reserved(number, each)[place] for number, each in enumerate(state.orders))
            if self._positions[position].reserved != bound:
                return f"{NODES[place]}: {self._positions[position].reserved} reserved, orders have bound {bound}"
        return self._unlike(state)

    def _unlike(self, state: Global) -> str:
        """Against what was asked: units went where their commands said, and none came from nowhere."""
        asked = [made.asked[each] for made, each in zip(self.orders, state.orders, strict=True)]
        at = [self._positions[each] for each in state.positions]
        there = sum(self.world.stock) + state.received + state.adjusted - sum(each.left for each in asked)
        held = sum(each.on_hand - each.short for each in at)
        if held != there:
            return f"{held} units on hand, and {there} by what was asked"
        if not self.world.counts:  # a count takes what is missing out of these first
            for name, told in (("damaged", sum(a.damaged for a in asked)), ("qc", sum(a.qc for a in asked))):
                if sum(getattr(each, name) for each in at) != told:
                    return f"{name} is not {told}"
        return ""

    # ---- numbers for values

    def _position(self, position: StockDelta) -> int:
        return _number(position, self._positions, self._position_of)

    def _counter(self, counter: Counter) -> int:
        return _number(counter, self._counters, self._counter_of)

    def _reserved(self, number: int, state: int) -> tuple[int, ...]:
        key = (number, state)
        if key not in self._bound:
            self._bound[key] = tuple(self.orders[number].reserved(state, node) for node in NODES)
        return self._bound[key]


def _number(value: Any, values: list[Any], numbers: dict[Any, int]) -> int:
    if value not in numbers:
        numbers[value] = len(values)
        values.append(value)
    return numbers[value]


def _unsound(at: StockDelta) -> str:
    below = [name for name in COMPONENTS if getattr(at, name) < 0]
    if below:
        return f"{at.node_id}: {below[0]} below zero"
    if not at.balanced:
        return f"{at.node_id}: the parts are not what is on hand"
    return ""


def _path(before: Mapping[Global, tuple[Global, str]], state: Global) -> list[str]:
    path: list[str] = []
    while before[state][1]:
        state, name = before[state]
        path.append(name)
    return path[::-1]
