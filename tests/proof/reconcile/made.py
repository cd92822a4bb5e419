"""A log and its stock of any size, made as they are read: tables that need no memory, and what was done to them.

Orders of three lines go their whole way: placed and paid, promised, shipped, captured, delivered. `ORDERS` of a group
buy the same SKUs, so that what each position must be is a multiplication.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from oms.adapters.commit_item import commit_to_item
from oms.adapters.compact import pack
from oms.adapters.keys import position_sk
from oms.domain.codec import event_to_plain
from oms.domain.commit import GENESIS, Cause, Commit, chain_hash
from oms.domain.movements import MovementKind
from oms.domain.order.summary import summarize
from oms.domain.stock import COMPONENTS, StockDelta, StockMoved, StockMovement, stock_deltas
from tests.support.builders import Story, line, minutes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from oms.domain.order.commands import Command
    from oms.domain.order.state import Order

LINES: Final = 3
PAGE: Final = 1400
"""Commits of a page: of 0.7 kB each, they are the megabyte that DynamoDB gives at a time."""
NODE: Final = "WH1"
EVENTS: Final = "events"
STOCK: Final = "stock"
CAUSE: Final = Cause(kind="workflow", ref="order:1", actor="b2c_order")

Item = dict[str, dict[str, Any]]


class Step(NamedTuple):
    """One commit of every order of a group: its events in both forms, and what is packed of it."""

    events: tuple[Any, ...]
    plain: list[dict[str, Any]]
    packed: bytes
    summary: Mapping[str, Any]


class _Told(Story):
    """A story that keeps what each of its commands did, and the order before and after."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[tuple[Any, ...], Order | None, Order]] = []

    def do(self, command: Command) -> tuple[Any, ...]:
        before = self.state
        events = super().do(command)
        if events:
            self.told.append((events, before, self.order))
        return events


def life(skus: Iterable[str]) -> list[Step]:
    """The commits of an order of these SKUs."""
    story = _Told()
    story.place(*(line(str(number), sku=sku) for number, sku in enumerate(skus, start=1)))
    story.promise()
    story.ship()
    story.settle()
    story.deliver_all()
    steps = []
    for events, before, after in story.told:
        plain = [event_to_plain(event) for event in events]
        summary = summarize(after, minutes(1), before)
        steps.append(Step(events, plain, pack({"ev": plain, "sm": summary}), summary))
    return steps


@dataclass
class Made:
    """A client of DynamoDB for both tables. `removed` are commits of orders that somebody took out, `added` units."""

    orders: int
    groups: int
    removed: Mapping[int, frozenset[int]] = field(default_factory=dict)
    added: Mapping[str, int] = field(default_factory=dict)
    cpu_s: float = 0.0
    """What making it took, which is not the reader's."""

    def __post_init__(self) -> None:
        self.lives = [life(self.skus(group)) for group in range(self.groups)]
        self.receipt = -(-self.orders // self.groups)

    @staticmethod
    def skus(group: int) -> list[str]:
        """What the orders of a group buy."""
        return [f"SKU-{group:05d}-{number}" for number in range(LINES)]

    @cached_property
    def commits(self) -> int:
        """How many there are."""
        kept = sum(len(self.lives[number % self.groups]) for number in range(self.orders)) + self.groups
        return kept - sum(len(each) for each in self.removed.values())

    # ---------------------------------------------------------------- streams

    @staticmethod
    def name(number: int) -> str:
        """The stream of an order; after the orders come the receipts of the groups."""
        return f"order#ord_{number:026d}"

    def stream(self, number: int) -> list[Item]:
        """Its commits that are there."""
        if number >= self.orders:
            return [self._receipt(number - self.orders)]
        previous, items, out = GENESIS, [], self.removed.get(number, frozenset())
        for place, step in enumerate(self.lives[number % self.groups], start=1):
            commit = Commit(
                stream=self.name(number),
                number=place,
                command_id=f"promise:{number}:{place}",
                cause=CAUSE,
                at=minutes(place),
                events=(),
                previous=previous,
            )
            digest = chain_hash(commit, step.plain)
            if place not in out:
                items.append(_item(commit, step.packed, digest))
            previous = digest
        return items

    def _receipt(self, group: int) -> Item:
        movements = tuple(
            StockMovement(sku=sku, node_id=NODE, kind=MovementKind.RECEIPT, quantity=self.receipt)
            for sku in self.skus(group)
        )
        commit = Commit(
            stream=self.name(self.orders + group),
            number=1,
            command_id=f"receipt:{group}",
            cause=CAUSE,
            at=minutes(0),
            events=(StockMoved(movements=movements),),
            previous=GENESIS,
        )
        return commit_to_item(commit)

    def rows(self) -> Iterator[Item]:
        """Stock, as it came to be, and as somebody changed it."""
        for group, steps in enumerate(self.lives):
            count = len(range(group, self.orders, self.groups))
            moved = {delta.sku: delta for delta in stock_deltas(event for step in steps for event in step.events)}
            for sku in self.skus(group):
                of = moved.get(sku) or StockDelta(sku=sku, node_id=NODE)
                units = {name: count * getattr(of, name) for name in COMPONENTS}
                units["on_hand"] += self.receipt + self.added.get(sku, 0)
                units["available"] += self.receipt + self.added.get(sku, 0)
                numbers = {name: {"N": str(each)} for name, each in units.items()}
                yield {"pk": {"S": sku}, "sk": {"S": position_sk(NODE)}, **numbers}

    # ---------------------------------------------------------------- as DynamoDB answers

    def scan(self, **asked: Any) -> dict[str, Any]:
        """A page of one of the tables; all of stock is one."""
        began = time.thread_time()
        answer = {"Items": list(self.rows())} if asked["TableName"] == STOCK else self._page(asked)
        self.cpu_s += time.thread_time() - began
        return answer

    def _page(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        parts, number = asked["TotalSegments"], asked["Segment"]
        if start := asked.get("ExclusiveStartKey"):
            number = int(start["pk"]["S"].partition("_")[2]) + parts
        items: list[Item] = []
        while number < self.orders + self.groups and len(items) < PAGE:
            items += self.stream(number)
            number += parts
        last = {"LastEvaluatedKey": {"pk": {"S": self.name(number - parts)}, "sk": {"S": ""}}}
        return {"Items": items, **(last if number < self.orders + self.groups else {})}

    def query(self, **asked: Any) -> dict[str, Any]:
        """A stream, or the positions of a SKU."""
        key = asked["ExpressionAttributeValues"][":pk"]["S"]
        if asked["TableName"] == STOCK:
            return {"Items": [row for row in self._all_rows if row["pk"]["S"] == key]}
        return {"Items": self.stream(int(key.partition("_")[2]))}

    @cached_property
    def _all_rows(self) -> list[Item]:
        return list(self.rows())


def _item(commit: Commit, packed: bytes, digest: str) -> Item:
    return {
        "pk": {"S": commit.stream},
        "sk": {"S": f"c#{commit.number:08d}"},
        "id": {"S": commit.command_id},
        "by": {"S": f"{commit.cause.kind}|{commit.cause.actor}|{commit.cause.ref}"},
        "at": {"S": commit.at.isoformat(timespec="microseconds").replace("+00:00", "Z")},
        "z": {"B": packed},
        "ph": {"S": commit.previous},
        "h": {"S": digest},
    }
