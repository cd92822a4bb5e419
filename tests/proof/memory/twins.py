"""A port in memory and its adapter, side by side: the same random operations, and the answers compared."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from oms.adapters.dynamodb_views import walked_at
from oms.domain import ids
from oms.domain.canonical import Contact, ContactKey, PostalAddress
from oms.domain.commit import Cause, Commit
from oms.domain.errors import OmsError
from oms.domain.feed import Fed, FeedRow, decide_row, taken_key, told
from oms.domain.holding import DueHold
from oms.domain.movements import MovementKind
from oms.domain.order import commands as cmd
from oms.domain.parked import Parked
from oms.domain.segments import split_place
from oms.domain.stock import DecidedDelta, KeepingDelta, StockDelta, StockMoved, StockMovement
from oms.domain.supply import Lot, LotStatus
from tests.proof.interleave.story import ask, cancel, receive, ship, take_in, work
from tests.proof.interleave.world import World
from tests.support.builders import T0, line, minutes, paid, snapshot

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

CAUSE: Final = Cause(kind="api", ref="request|1", actor="shop")
TEXTS: Final = ("", "a", "Zürich 東京", 'quotes " and \\', "line\nbreak", "#1001")
REMEMBERED: Final = 8
PAGES: Final = 200


class DifferenceError(AssertionError):
    """The two gave different answers."""


class Refusal(NamedTuple):
    """An error as callers see it."""

    name: str
    message: str
    context: Mapping[str, Any]


@dataclass(slots=True)
class Twins:
    """One port twice. `count` are the operations made on both, `listed` the rows that lists showed."""

    memory: Any
    adapter: Any
    count: int = 0
    listed: int = 0
    refused: set[str] = field(default_factory=set)
    """The errors that were answered."""
    trail: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def do(self, method: str, *args: Any, unordered: bool = False, **kwargs: Any) -> Any:
        """The operation on both; the answer, or the Refusal. Raises DifferenceError."""
        self.count += 1
        self.trail.append(f"{method} {args} {kwargs}")
        told = [_outcome(getattr(each, method), args, kwargs) for each in (self.memory, self.adapter)]
        if unordered:
            told = [sorted(each, key=repr) for each in told]
        if told[0] != told[1]:
            trail = "\n".join(self.trail)
            raise DifferenceError(f"in memory: {told[0]}\non AWS:    {told[1]}\nafter:\n{trail}")
        if isinstance(told[0], Refusal):
            self.refused.add(told[0].name)
        return told[0]

    def walk(self, method: str, *args: Any, limit: int) -> list[Any]:
        """A list page by page, each side by its own cursors; both must show the same and end."""
        self.count += 1
        self.trail.append(f"{method} {args} by {limit}")
        shown = [_walked(getattr(each, method), args, limit) for each in (self.memory, self.adapter)]
        if shown[0] != shown[1]:
            trail = "\n".join(self.trail)
            raise DifferenceError(f"in memory: {shown[0]}\non AWS:    {shown[1]}\nafter:\n{trail}")
        self.listed += len(shown[0])
        return shown[0]


def _outcome(call: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    try:
        return _plain(call(*args, **kwargs))
    except OmsError as error:
        return Refusal(type(error).__name__, str(error), _plain(error.context))


def _plain(value: Any) -> Any:
    """Lists and tuples alike. What a position never had and what it has none of are the same."""
    if isinstance(value, Mapping):
        kept = {name: _plain(each) for name, each in value.items()}
        if isinstance(kept.get("has"), dict):
            kept["has"] = {name: units for name, units in kept["has"].items() if units}
        return kept
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _walked(call: Callable[..., Any], args: Sequence[Any], limit: int) -> list[Any]:
    rows: list[Any] = []
    cursor = ""
    for _ in range(PAGES):
        page, cursor = call(*args, limit, cursor)
        rows.extend(page)
        if not cursor:
            return rows
        if len(page) > limit:
            raise DifferenceError("a page is longer than its limit")
    raise DifferenceError("a list without end")


def anything(rng: random.Random, depth: int = 2) -> Any:
    """A value as JSON holds it."""
    kind = rng.randrange(6 if depth else 4)
    if kind == 0:
        return rng.choice(TEXTS)
    if kind == 1:
        return rng.randrange(-(10**6), 10**12)
    if kind in (2, 3):
        return rng.choice((None, True, False))
    if kind == 4:
        return [anything(rng, depth - 1) for _ in range(rng.randrange(3))]
    return {rng.choice(("a", "b", "ü")): anything(rng, depth - 1) for _ in range(rng.randrange(3))}


def document(rng: random.Random) -> dict[str, Any]:
    """A row of a few fields."""
    return {f"f{number}": anything(rng) for number in range(rng.randrange(4))}


# ---- random operations, one of a port


def log_operation(rng: random.Random, twins: Twins) -> None:
    """An append more often than not sound, a read, or a fact."""
    stream = f"order#{rng.randrange(60)}"
    kind = rng.random()
    if kind < 0.5:
        commit = _commit(rng, twins.memory.history(stream), stream)
        beside = _beside(rng, twins)
        unique = [*_unique(rng), *_serials(rng)]
        twins.do(
            "append",
            commit,
            stock=_stock(rng, twins),
            unique=unique,
            released=[each for each in _serials(rng) if each not in unique],
            lots=_lots(rng),
            due=_due(rng),
            beside=beside,
        )
    elif kind < 0.75:
        twins.do("read", stream)
    elif kind < 0.9:
        twins.do("put_fact", stream, f"f{rng.randrange(20)}", document(rng))
    else:
        twins.do("facts", stream)


def feed_operation(rng: random.Random, log: Twins, feed: Twins) -> None:
    """Rows of two sources are read, and then written, or remembered, by whoever read them now or a while ago."""
    source = rng.choice(("erp", "wms"))
    places = [(f"S{rng.randrange(6)}", rng.choice(("A", "B", "A~lot:9999-12-31:x"))) for _ in range(3)]
    found = feed.do("fed", source, places)
    feed.do("taken", source, [f"r{rng.randrange(30)}" for _ in range(3)])
    place = rng.choice(list(found))
    fed = found[place] if rng.random() < 0.7 else Fed(position=StockDelta(sku=place[0], node_id=place[1]))
    at = T0 + timedelta(minutes=rng.randrange(10**6))
    node, segment = split_place(place[1])
    row = FeedRow(number=1, sku=place[0], node_id=node, segment=segment, as_of=at, on_hand=rng.randrange(9))
    if rng.random() < 0.3:
        row = replace(row, on_hand=None, change=rng.randrange(1, 9), row_id=f"r{rng.randrange(30)}")
    try:
        change = decide_row(source, row, fed)
    except OmsError:
        return
    if change is None:
        word = told(row, fed)
        if word is not None:
            feed.do("tell", source, [word])
        return
    stream = f"stock#{at.isoformat()}{rng.randrange(9)}"
    commit = replace(_commit(rng, log.memory.history(stream), stream), events=(change.event,))
    unique = [] if row.change is None else [taken_key(source, row.row_id)]
    log.do("append", commit, stock=list(change.deltas), unique=unique)


def _beside(rng: random.Random, twins: Twins) -> list[Commit]:
    """Now and then the commit of another stream, as sound as the first."""
    if rng.random() < 0.8:
        return []
    stream = f"hold#{rng.randrange(20)}"
    return [_commit(rng, twins.memory.history(stream), stream)]


def _due(rng: random.Random) -> list[DueHold]:
    holds = rng.sample(range(12), rng.choice((0, 0, 0, 1, 2)))
    return [
        DueHold(hold_id=f"sth_{each}", due=minutes(rng.randrange(3)), skus=("A", "B"), open=rng.random() < 0.6)
        for each in holds
    ]


def _commit(rng: random.Random, history: Any, stream: str) -> Commit:
    # Most are next; some were decided on what is no longer the newest.
    behind = rng.choice((0, 0, 0, 0, 1, 2))
    number = max(1, history.number + 1 - behind)
    kinds = (MovementKind.RECEIPT, MovementKind.ADJUSTMENT)
    movement = StockMovement(
        sku="s", node_id="n", kind=rng.choice(kinds), quantity=rng.randrange(1, 9), reason=rng.choice(TEXTS)
    )
    return Commit(
        stream=stream,
        number=number,
        command_id=f"cmd_{rng.randrange(10**9)}",
        cause=CAUSE,
        at=T0 + timedelta(microseconds=rng.randrange(10**12)),
        events=(StockMoved(movements=(movement,)),),
        previous=history.head,
        summary=document(rng),
    )


def _stock(rng: random.Random, twins: Twins) -> list[StockDelta]:
    places = rng.sample([(f"S{sku}", node) for sku in range(6) for node in ("A", "B")], rng.choice((0, 0, 1, 2, 3)))
    moves = []
    for sku, node in places:
        units = rng.randrange(1, 6)
        changes = rng.choice(
            (
                {"on_hand": units, "available": units},
                {"available": -units, "reserved": units},
                {"reserved": -units, "on_hand": -units},
                {"available": -units, "damaged": units},
                {"on_hand": -units, "available": -units, "counts": 1},
                {"short": 1, "counts": 1},
                {"short": -1, "counts": 1},
            )
        )
        delta = StockDelta(sku=sku, node_id=node, **changes)
        seen = (twins.memory.store.positions.get(sku) or {}).get(node) or StockDelta(sku=sku, node_id=node)
        if changes.get("available", 0) < 0 and "counts" not in changes and rng.random() < 0.3:
            delta = KeepingDelta(sku=sku, node_id=node, keep=rng.randrange(1, 6), **changes)
        moves.append(_decided(rng, delta, seen) if "counts" in changes else delta)
    return moves


def _decided(rng: random.Random, delta: StockDelta, at: StockDelta) -> DecidedDelta:
    """Most on the position as it is, some on what it is no longer."""
    seen = at.plus(
        StockDelta(sku=at.sku, node_id=at.node_id, **rng.choice(({}, {}, {}, {"on_hand": 1}, {"counts": 1})))
    )
    return DecidedDelta(sku=delta.sku, node_id=delta.node_id, seen=seen, **delta.changes)


def _lots(rng: random.Random) -> list[Lot]:
    """Now and then a lot, as some commit leaves it."""
    if rng.random() < 0.8:
        return []
    status = rng.choice((LotStatus.EXPECTED, LotStatus.EXPECTED, LotStatus.CANCELLED))
    due = T0 + timedelta(minutes=rng.randrange(10_000), microseconds=rng.randrange(3))
    sku, supply_id = f"S{rng.randrange(4)}", f"PO/{rng.randrange(6)}"
    return [Lot(supply_id=supply_id, sku=sku, node_id="A", quantity=rng.randrange(1, 9), due=due, status=status)]


def _unique(rng: random.Random) -> list[str]:
    keys = [f"number#{rng.randrange(60)}", f"payment#stripe#{rng.randrange(60)}"]
    return rng.choice(([], [], [], keys, keys[:1], keys[1:]))


def _serials(rng: random.Random) -> list[str]:
    """Few, so that streams meet at them."""
    return [f"serial#A#B#{each}" for each in rng.sample(range(12), rng.choice((0, 0, 0, 0, 0, 1, 2)))]


def stock_operation(rng: random.Random, twins: Twins) -> None:
    """Positions of some SKUs, known or not, named once or twice."""
    if rng.random() < 0.3:
        twins.do("inbound", f"S{rng.randrange(5)}")
    if rng.random() < 0.3:
        twins.do("due_holds", minutes(rng.randrange(4)), rng.choice((1, 2, 50)))
    how = rng.choice(("positions", "look"))
    twins.do(how, [f"S{rng.randrange(14)}" for _ in range(rng.choice((1, 2, 4, 30)))])


def contact_operation(rng: random.Random, twins: Twins) -> None:
    """Put, read, now and then taken back or erased."""
    number = rng.randrange(40)
    customer_id = f"cus_{number % 7}" if number % 5 else ""
    where = ContactKey(customer_id=customer_id, placed_at=minutes(number), order_id=f"ord_{number}")
    revision = f"2026-03-{rng.randrange(1, 29):02}"
    kind = rng.random()
    if kind < 0.5:
        address = PostalAddress(city=rng.choice(TEXTS), country="DE") if rng.random() < 0.5 else None
        contact = Contact(name=rng.choice(TEXTS), email=rng.choice(TEXTS), shipping=address)
        twins.do("put", where, revision, contact)
    elif kind < 0.9:
        twins.do("get", where)
    elif kind < 0.99:
        twins.do("take_back", where, revision)
    else:
        twins.do("erase", where, T0)


def reference_operation(rng: random.Random, twins: Twins) -> None:
    """Master data put, and asked for."""
    kind = rng.choice(("product", "policy", "account", "node", "tariff"))
    if kind == "tariff":
        zones = [{"name": "all", "up_to_km": 21_000, "transit_days": rng.randrange(9), "base": rng.randrange(900)}]
        twins.do("put", "tariff", "main", {"zones": zones})
        return
    key = f"shop#{rng.randrange(12)}" if kind == "account" else f"k{rng.randrange(12)}"
    item = document(rng) | {
        "node_id": key,
        "latitude": rng.randrange(90),
        "longitude": 13,
        "active": rng.random() < 0.8,
        "weight_g": rng.choice((0, 170, -1, "heavy")),
        **rng.choice(({}, {}, {"components": rng.choice(({"k1": 2, "k0": 1}, {"k1": 0}, {"k1": "1"}, ["k1"]))})),
        "needs": rng.choice(([], ["hazmat"])),
        **rng.choice(({}, {"list_prices": {"EUR": rng.randrange(900), "JPY": 2}})),
        "zone": rng.choice(("", "", "all", "none")),
        "daily_orders": rng.choice((None, 0, 9)),
        "per_unit": rng.choice((0, 5)),
        **rng.choice(({}, {"time_zone": "Europe/Berlin", "holidays": ["2026-12-25"]}, {"time_zone": "Moon"})),
    }
    ask_for = rng.randrange(9)
    if ask_for < 2:
        twins.do("put", kind, key, item)
    elif ask_for == 2:
        twins.do("made_of", ["", *[f"k{rng.randrange(14)}" for _ in range(5)]])
    elif ask_for == 3:
        twins.do("policy", key)
        twins.do("list_prices", [f"k{rng.randrange(14)}" for _ in range(4)], rng.choice(("EUR", "USD")))
    elif ask_for == 4:
        twins.do("account", "shop", str(rng.randrange(14)))
    elif ask_for == 5:
        twins.do("nodes", {key: {"S1": 3}})
    elif ask_for == 6:
        twins.do("network")
    elif ask_for == 7:
        twins.do("kept_network", twins.do("keep_network") if rng.random() < 0.8 else "unknown")
    else:
        twins.do("products", [f"k{rng.randrange(14)}" for _ in range(5)])


POLICIES: Final = ("sourcing", "other")


def policy_operation(rng: random.Random, twins: Twins) -> None:
    """Versions saved, also of numbers that are not next, and asked for."""
    name = rng.choice(POLICIES)
    number = rng.randrange(1, 15)
    match rng.randrange(5):
        case 0 | 1:
            twins.do("save", name, {"version": number, "document": document(rng), "key": "k", "by": "admin"})
        case 2:
            twins.do("current", name)
        case 3:
            twins.do("version", name, number)
        case _:
            twins.do("versions", name, rng.choice((1, 3, 50)), rng.choice((None, number)))


def row_operation(rng: random.Random, twins: Twins) -> None:
    """Rows of alerts and reports, and the rate limiter."""
    kind, key = rng.choice(("alert", "report")), f"{rng.randrange(25):02}"
    what = rng.randrange(8)
    if what < 3:
        twins.do("put_row", kind, key, document(rng), replace=rng.random() < 0.5)
    elif what < 5:
        twins.do("get_row", kind, key)
    elif what == 5:
        twins.do("delete_row", kind, key)
    elif what == 6:
        twins.do("hit", key[:1], 60, T0 + timedelta(seconds=rng.randrange(180)))
    elif rng.random() < 0.8:
        twins.walk("list_rows", kind, limit=rng.choice((1, 4, 50)))
    else:
        twins.do("list_rows", kind, 5, rng.choice(("rubbish", "W10=", "e30=", "eyJwayI6ICJ4In0=")))


def mark_operation(rng: random.Random, twins: Twins) -> Any:
    """A mark read, or moved: more often than not from where it is."""
    name = f"poll#{rng.randrange(4)}"
    if rng.random() < 0.3:
        return twins.do("load", name)
    there = twins.memory.load(name)
    seen = rng.choice((there, there, there, None, {"n": 99}))
    return twins.do("save", name, rng.choice(({"n": rng.randrange(5), "ü": "é"}, there or {"n": 0})), seen)


def parked_operation(rng: random.Random, twins: Twins) -> None:
    """Inputs parked, looked at, removed."""
    parked_id = f"qrn_{rng.randrange(20)}"
    at = minutes(rng.randrange(10_000)) + timedelta(microseconds=rng.randrange(1000))
    what = rng.randrange(7)
    if what < 2:
        waits_for = rng.choice(("", "ord_1"))
        fields = {"source": "shopify", "account": "a", "topic": rng.choice(TEXTS), "code": "x", "reason": "because"}
        message, detail = {"body": rng.choice(TEXTS)}, document(rng)
        parked = Parked(
            parked_id=parked_id, parked_at=at, message=message, detail=detail, waits_for=waits_for, **fields
        )
        twins.do("park", parked)
    elif what == 2:
        twins.do("get", parked_id)
    elif what == 3:
        twins.do("look_again", parked_id, at)
    elif what == 4:
        twins.do("waiting", at, 100, unordered=True)
    elif what == 5:
        twins.do("remove", parked_id)
    else:
        twins.walk("list", limit=rng.choice((1, 3, 50)))


def order_operation(rng: random.Random, twins: Twins, commits: Sequence[Commit]) -> None:
    """Commits projected in any order, and lists of orders."""
    commit = rng.choice(commits)
    order_id, began = commit.summary["order_id"], commits[0].at
    placed_at = datetime.fromisoformat(commit.summary["placed_at"])
    since = began + timedelta(days=rng.randrange(-1, 3))
    until = since + timedelta(days=rng.randrange(4), minutes=rng.randrange(900))
    what = rng.randrange(11)
    if what < 4:
        twins.do("project", commit, late=rng.random() < 0.5)
    elif what == 4:
        by, value = rng.choice(LISTS)(commit.summary, rng)
        twins.walk("list_orders", by, value, since, until, limit=rng.choice((1, 5, 100)))
    elif what == 5:
        twins.walk("list_fulfillment_orders", rng.choice(("WH1", "WH2")), rng.choice(WORK), limit=rng.choice((2, 50)))
    elif what == 6:
        twins.do("orders_with", "tracking", f"T-{order_id}")
        twins.do("contacts_of", commit.summary["number"])
    elif what == 7:
        twins.do("waiting_orders", rng.choice(("SKU-1", "SKU-2")), rng.choice((1, 50)))
    elif what == 8:
        anytime = began + timedelta(minutes=rng.randrange(6000))
        twins.do("overdue", rng.choice((anytime, rng.choice(walks(began)))), 1000, unordered=True)
    elif what == 9:
        orders = {each.summary["order_id"]: each for each in rng.sample(list(commits), 5)}
        twins.do("unlisted", {key: datetime.fromisoformat(each.summary["placed_at"]) for key, each in orders.items()})
    else:
        later = rng.choice((None, began + timedelta(hours=rng.randrange(72))))
        twins.do("postpone", order_id, placed_at, commit.number, later, rng.randrange(5))


@cache
def walks(began: datetime) -> tuple[datetime, ...]:
    """Minutes of four days in which what stands in no index is looked through, of the two days of the orders."""
    times = [began + timedelta(minutes=minute) for minute in range(6000)]
    days = [f"day#{began + timedelta(days=day):%Y-%m-%d}" for day in range(2)]
    return tuple(at for at in times if walked_at(at).rpartition("#")[0] in days)


WORK: Final = ("released", "accepted", "shipped")
LISTS: Final[tuple[Callable[[Mapping[str, Any], random.Random], tuple[str, str]], ...]] = (
    lambda row, _: ("stage", row["stage"]),
    lambda row, _: ("channel", row["channel"]),
    lambda row, _: ("number", row["number"]),
    lambda row, _: ("customer", row.get("customer", row["order_id"])),
    lambda _, __: ("all", ""),
    lambda _, rng: ("sku", rng.choice(("SKU-1", "SKU-2", "SKU-9"))),
)


def lives(rng: random.Random, orders: int) -> list[Commit]:
    """All commits of some orders of two days: promised or waiting, held, shipped, cancelled."""
    world = World(clock=T0)
    for sku in ("SKU-1", "SKU-2"):
        receive(world, sku, "WH1", orders // 2)
        receive(world, sku, "WH2", orders // 2)
    for number in range(orders):
        world.clock = T0 + timedelta(minutes=37 * number, microseconds=rng.randrange(10**6))
        lines = (line(quantity=rng.randrange(1, 3)), line("2", quantity=rng.randrange(1, 3)))
        told = snapshot(*lines, external_id=str(number), number=f"#{number % (orders - 5)}", placed_at=world.clock)
        email = f"{number % 6}@example.com" if number % 6 else ""
        order_id = take_in(world.calm, rng.choice((paid(told), told)), f"create {number}", email).order_id
        for act in rng.sample(ACTS, rng.randrange(1, 5)):
            world.clock += timedelta(minutes=rng.randrange(1, 90))
            _try(act, world, order_id)
    return [commit for order_id in world.order_ids() for commit in world.commits(order_id)]


def keep_contacts(twins: Twins, commits: Sequence[Commit]) -> None:
    """The contacts of these orders; of some also under a customer who did not get the order."""
    placed = [each.summary for each in commits if each.number == 1]
    customers = sorted({row["customer"] for row in placed if "customer" in row})
    for index, row in enumerate(placed):
        for customer_id in {row.get("customer", ""), customers[index % len(customers)]}:
            where = ContactKey(
                customer_id=customer_id,
                placed_at=datetime.fromisoformat(row["placed_at"]),
                order_id=row["order_id"],
            )
            twins.do("put", where, "2026", Contact(email="somebody@example.com"))


def _try(act: Callable[[World, str], object], world: World, order_id: str) -> None:
    try:
        act(world, order_id)
    except (OmsError, KeyError):
        return


def _hold(world: World, order_id: str) -> object:
    hold = cmd.PlaceHold(command_id=ids.command_id("hold", order_id), hold_id="hld_1", kind="manual")
    return ask(world.calm, order_id, hold)


def _accept(world: World, order_id: str) -> object:
    accept = cmd.AcceptFulfillmentOrder(
        command_id=ids.command_id("accept", order_id), fulfillment_order_id=work(order_id)
    )
    return ask(world.calm, order_id, accept)


ACTS: Final[tuple[Callable[[World, str], object], ...]] = (
    lambda world, order_id: world.drive(order_id),
    lambda world, order_id: world.drive(order_id),
    lambda world, order_id: ask(world.calm, order_id, ship(order_id, order_id, {"1": 1})),
    lambda world, order_id: ask(world.calm, order_id, cancel(order_id, "c", {"2": 1})),
    _hold,
    _accept,
)
