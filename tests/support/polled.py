"""A shop that lists its orders, and a poller of it over ports in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from oms.application.compare_day import CompareDay
from oms.application.messages import listed_notice
from oms.application.orders import Orders
from oms.application.poll import EVERY, PollChannel
from oms.channels.payload import parse_object
from oms.domain.errors import (
    OrderNotFoundError,
    UpstreamError,
)
from tests.proof.interleave.story import take_in
from tests.proof.interleave.world import World
from tests.proof.memory import MemoryLog, MemoryMarks, MemoryViews
from tests.support.builders import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from oms.channels.base import FetchRequest

T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Shopify:
    """A shop that lists its orders as Shopify does. `before` is called before each page is answered."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    size: int = 2
    before: Callable[[int], None] = lambda _: None
    asked: list[Mapping[str, str]] = field(default_factory=list)
    refuses_days: bool = False
    unlisted: set[str] = field(default_factory=set)
    """Orders that the shop has and leaves out of its lists."""

    def put(self, number: int, at: datetime, placed_at: datetime | None = None, **changes: Any) -> str:
        order_id = str(number)
        placed = (placed_at or at).isoformat()
        self.orders[order_id] = {
            "id": number,
            "created_at": placed,
            "processed_at": placed,
            "updated_at": at.isoformat(),
            "currency": "EUR",
            "total_price": "10.00",
            "cancelled_at": None,
            "refunds": [],
            **changes,
        }
        return order_id

    def pages(
        self, source: str, account: str, lister: Any, requests: Sequence[FetchRequest]
    ) -> Iterator[Mapping[str, Any]]:
        (first,) = requests
        request: FetchRequest | None = first
        number = 0
        while request is not None:
            self.before(number)
            if self.refuses_days and "processed_at_min" in request.query:
                raise UpstreamError("too many requests")
            self.asked.append(request.query)
            found = [
                each for key, each in self.orders.items() if self._fits(each, first.query) and key not in self.unlisted
            ]
            part = found[number * self.size : (number + 1) * self.size]
            more = {"next_page_info": str(number)} if len(found) > (number + 1) * self.size else {}
            document = parse_object(json.dumps({"orders": part, **more}).encode()).values
            yield document
            number += 1
            request = lister.next_page(request, document)

    @staticmethod
    def _fits(order: Mapping[str, Any], query: Mapping[str, str]) -> bool:
        time = query["order"].partition(" ")[0]
        since, until = (datetime.fromisoformat(query[f"{time}_{end}"]) for end in ("min", "max"))
        return isinstance(order[time], str) and since <= datetime.fromisoformat(order[time]) <= until

    def fetch(self, source: str, account: str, connector: Any, notice: Any) -> dict[str, list[dict[str, Any]]]:
        if notice.external_id not in self.orders:
            raise OrderNotFoundError("the vendor knows no such order")
        return {"order": [{"order": self.orders[notice.external_id]}]}


@dataclass
class Shop:
    """A poller, and whoever takes in what it found."""

    world: World = field(default_factory=World)
    vendor: Shopify = field(default_factory=Shopify)
    queue: list[tuple[Mapping[str, Any], int]] = field(default_factory=list)
    refuses: bool = False
    account: str = "main"

    def __post_init__(self) -> None:
        self.world.clock = T0
        self.orders = Orders(MemoryLog(self.world.store), self.now)
        self.views = MemoryViews(self.world.store)
        self.marks = MemoryMarks(self.world.store, faithful=True)
        self.compare = CompareDay(self.orders, self.vendor, self.views, self.put, self.now)
        self.poll = PollChannel(
            self.orders,
            self.vendor,
            self.marks,
            self.views,
            self.put,
            self.compare,
            self.now,
        )

    def now(self) -> datetime:
        return self.world.clock

    def put(self, message: Mapping[str, Any], delay_s: int) -> None:
        if self.refuses:
            raise ConnectionError
        self.queue.append((message, delay_s))

    def turn(self, wait: timedelta = EVERY) -> dict[str, int]:
        self.world.clock += wait
        return self.poll("shopify", self.account)

    def take(self) -> list[str]:
        """Take in everything that is queued, as its channel has it by now."""
        taken = []
        for message, _ in self.queue:
            notice = listed_notice(message)
            assert notice is not None
            assert notice.external_id is not None
            self.deliver(notice.external_id)
            taken.append(notice.external_id)
        self.queue.clear()
        return taken

    def deliver(self, order_id: str) -> None:
        told = self.vendor.orders[order_id]
        order = snapshot(
            source="shopify",
            account=self.account,
            external_id=order_id,
            number=f"#{order_id}",
            captured=1000,
            placed_at=datetime.fromisoformat(told["processed_at"]),
        )
        revision = datetime.fromisoformat(told["updated_at"])
        known = take_in(self.world.calm, replace(order, revision=revision), f"{order_id} {revision}")
        for commit in self.world.commits(known.order_id):
            self.views.project(commit, late=True)

    @property
    def mark(self) -> Mapping[str, Any]:
        found = self.marks.load(f"poll#shopify#{self.account}")
        assert found is not None
        return found

    def rows(self, kind: str) -> list[Mapping[str, Any]]:
        return self.views.list_rows(kind, 100, "")[0]
