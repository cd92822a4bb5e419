"""One world played: clean, or through chaos, to its rest; then its facts and what breaks an invariant."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

import urllib3

from infra.local import recorded as rec
from infra.local.told import WHOLE
from oms.adapters import keys
from oms.adapters.dynamodb_log import DynamoLog
from oms.application.intake import OUTBOUND
from oms.application.orders import stream_of
from oms.application.tracking import with_scans
from oms.domain.order.summary import open_fulfillment_orders
from tests.e2e.recorder import payments_of
from tests.e2e.support import QUEUES
from tests.proof.chaos.cast import SHIPPED, Delivery, World
from tests.proof.chaos.deeds import Deeds, deeds_of
from tests.proof.chaos.facts import differences, money_facts, order_facts, stock_facts
from tests.proof.chaos.look import Look, row_key, typed, work
from tests.proof.chaos.rest import NoRestError, rest
from tests.proof.chaos.told import parked_name, told_facts
from tests.proof.invariants import Evidence, Oracle, check_orders
from tests.proof.invariants import dynamodb as items
from tests.proof.invariants.books import DELIVERED
from tests.proof.invariants.books import SHIPPED as SHIPPED_PLACE
from tests.proof.invariants.evidence import PaymentRecord, Row, Sent, SentOrder
from tests.proof.invariants.log import lives

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from oms.domain.commit import StoredCommit
    from oms.domain.order.state import FulfillmentOrder, Order
    from tests.proof.chaos.arena import Arena

THREADS: Final = 8
COPIES: Final = (1, 1, 1, 1, 2, 2, 2, 3, 4, 5)
"""How often something is delivered, each as likely as it stands here."""
RESENDS: Final = 40
UNANSWERED: Final = 504
PAUSE_S: Final = 0.15


@dataclass(slots=True)
class Play:
    """One world in the arena."""

    arena: Arena
    world: World
    not_mine: frozenset[str] = frozenset()
    """Entries of the quarantine that were there before, or that may become those of another world."""
    delivered: int = 0
    orders: dict[str, str] = field(init=False)
    shipped: set[str] = field(default_factory=set)
    """Numbers of orders that have left as a whole."""
    deeds: Deeds = field(init=False)
    dynamodb: Any = field(init=False)

    def __post_init__(self) -> None:
        self.dynamodb = self.arena.oms.system.client("dynamodb")
        self.world.pay()
        self.orders = self.world.orders()
        self.deeds = Deeds(self.arena.oms, self.world)

    # ---- delivering

    def clean(self) -> None:
        """Everything once, in order, each taken in before the next is sent."""
        for each in [*self.world.channels(), *self.world.placings()]:
            self.send(each)
            self._drained()
        rest([self])
        self.echo()
        rest([self])
        self.world.give_back()
        for each in self.world.payments():
            self.send(each)
            self._drained()
        rest([self])
        for each in self.world.scans():
            self.send(each)
            self._drained()
        rest([self])

    def echo(self) -> None:
        """Channels whose orders are fetched speak once more of those that they were told of, which now show it."""
        done = deeds_of(self.world)
        theirs = {name for name, order_id in self.orders.items() if order_id in done}
        for each in self.world.channels():
            if each.name in theirs and each.recorded is not None and each.recorded.source not in WHOLE:
                self.send(each)

    def bag(self, seed: int) -> list[Callable[[], None]]:
        """Everything up to five times, as it is to be sent, in no order yet."""
        dice = random.Random(seed)
        return [partial(self.send, each) for each in self.world.everything() for _ in range(dice.choice(COPIES))]

    def send(self, delivery: Delivery) -> None:
        """Send until it is acknowledged, as every sender does."""
        for attempt in range(RESENDS):
            status = self._once(delivery)
            if status in (200, 201):
                self.delivered += 1
                return
            if status < 500:
                raise NoRestError(f"{delivery.name} was answered {status}")
            time.sleep(0.02 * (attempt + 1))
        raise NoRestError(f"{delivery.name} was never acknowledged")

    def _once(self, delivery: Delivery) -> int:
        """The status of the answer; a sender that gets none in time sends again."""
        system = self.arena.oms.system
        try:
            if delivery.recorded is not None:
                return rec.send(system, delivery.recorded, delivery.account, delivery.secret)[0]
            return system.call("POST", "/orders", dict(delivery.document or {}), role="shop", key=delivery.key).status
        except urllib3.exceptions.HTTPError:
            return UNANSWERED

    def ship(self, *, some: bool = False) -> bool:
        """Warehouses ship what is released to them; each request as often as it takes, with its own key.

        And people do what they do with orders of channels: `some` of it.
        """
        left = [number for number in SHIPPED if number not in self.shipped]
        walked = lives(self._streams(self.world.site_id(number) for number in left)) if left else {}
        moved = self.deeds.do(self._streams, some=some)
        for number in left:
            life = walked.get(self.world.site_id(number))
            if life is None or life.order is None or life.books is None:
                continue
            for work_id in open_fulfillment_orders(life.order):
                moved |= self._ship(number, life.order.fulfillment_orders[work_id])
            if life.books.live and life.books.at(SHIPPED_PLACE) + life.books.at(DELIVERED) == life.books.live:
                self.shipped.add(number)
        return moved

    def _ship(self, number: str, work: FulfillmentOrder) -> bool:
        work_id = work.fulfillment_order_id
        lines = [{"line_id": line_id, "quantity": units} for line_id, units in work.remaining.items()]
        tracking = self.world.tracking(number, int(work_id.rpartition("_")[2]))
        parcel = {"carrier": "UPS", "tracking_number": tracking, "lines": lines}
        path, key = f"/fulfillment-orders/{work_id}", f"chaos-{work_id}"
        post = self.arena.oms.post
        post(f"{path}/accept", {}, "warehouse", key)
        return any(post(f"{path}/shipments", {"parcels": [parcel]}, "warehouse", key).status == 200 for _ in range(2))

    def _drained(self) -> None:
        while self.arena.oms.waiting_messages(QUEUES):
            time.sleep(0.01)

    # ---- looking

    def look(self) -> Look:
        """Everything that is stored of this world."""
        outputs = self.arena.oms.system.outputs
        streams = self._streams(self.orders.values())
        walked = lives(streams)
        wanted = [row_key(life.order) for life in walked.values() if life.order is not None]
        wanted += [each for life in walked.values() for each in work(life)]
        placed = [keys.contact_key(life.order.contact_key) for life in walked.values() if life.order is not None]
        contacts = self._get(outputs["ContactsTable"], [typed(each) for each in placed])
        entries = self.dynamodb.query(
            TableName=outputs["ViewsTable"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "quarantine"}},
            ConsistentRead=True,
        )["Items"]
        parked = {row.sk: row for row in items.rows_of(entries) if row.sk not in self.not_mine and self._mine(row)}
        return Look(
            streams=streams,
            lives=walked,
            rows=items.rows_of(self._get(outputs["ViewsTable"], [typed(each) for each in wanted])),
            contacts=items.contacts_of(contacts),
            bodies=items.bodies_of(contacts),
            parked=parked,
        )

    def _mine(self, row: Row) -> bool:
        """Of what could not be told to channels, only this world's."""
        source, _, account = str(row.row.get("account")).partition("/")
        return row.row.get("source") != OUTBOUND or account == self.world.account(source)

    def _streams(self, order_ids: Iterable[str]) -> dict[str, list[StoredCommit]]:
        """The logs of these orders."""
        commits: list[dict[str, Any]] = []
        for order_id in order_ids:
            values = {":pk": {"S": f"order#{order_id}"}, ":prefix": {"S": keys.COMMIT_PREFIX}}
            commits += self.dynamodb.query(
                TableName=self.arena.oms.system.outputs["EventsTable"],
                KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
                ExpressionAttributeValues=values,
                ConsistentRead=True,
            )["Items"]
        return items.streams_of(commits)[0]

    def _get(self, table: str, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for start in range(0, len(wanted), 100):
            request = {table: {"Keys": wanted[start : start + 100], "ConsistentRead": True}}
            found += self.dynamodb.batch_get_item(RequestItems=request)["Responses"].get(table, [])
        return found

    # ---- judging

    def facts(self, look: Look) -> dict[str, Any]:
        """Every fact of this world, by natural key."""
        names = {order_id: name for name, order_id in self.orders.items()}
        parked = self.world.parked()
        orders = {
            names[order_id]: order_facts(self._seen(life.order), self.world.name)
            | {"contact": look.bodies.get(order_id, "")}
            for order_id, life in look.lives.items()
            if life.order is not None
        }
        return {
            "orders": orders,
            "stock": stock_facts(look.streams),
            "parked": {
                parked.get(key) or parked_name(key, row): str(row.row.get("code")) for key, row in look.parked.items()
            },
            "money": money_facts(self._payments(), self.world.intents),
            "told": told_facts(self.arena.oms.sandbox, self.world.name),
        }

    def _seen(self, order: Order) -> Order:
        """The order with its parcels where carriers saw them."""
        if not order.parcels:
            return order
        outputs = self.arena.oms.system.outputs
        log = DynamoLog(self.dynamodb, outputs["EventsTable"], outputs["StockTable"])
        return with_scans(order, log.facts(stream_of(order.order_id)))

    def problems(self, look: Look, clean: Mapping[str, Any] | None = None) -> list[str]:
        """What is not as in the clean run, and what breaks an invariant."""
        found = [f"facts: {each}" for each in differences(clean, self.facts(look))] if clean is not None else []
        sent = {each.order_id: each for each in self._sent_orders()}
        deliveries = [Sent(name=name, order_id=order_id) for name, order_id in self.orders.items()]
        evidence = Evidence(
            streams=look.streams,
            contacts=look.contacts,
            rows=look.rows,
            quarantine=items.quarantine_of(look.parked.values()),
            oracle=Oracle(orders=sent, payments=self._payments(), deliveries=deliveries),
        )
        findings = check_orders(evidence, self.orders.values())
        return [*found, *map(str, findings)]

    def _payments(self) -> dict[str, PaymentRecord]:
        return payments_of(self.arena.oms.sandbox, self.world.intents.values())

    def _sent_orders(self) -> Iterable[SentOrder]:
        for number, document in self.world.site_orders().items():
            units: Counter[str] = Counter()
            for line in document["lines"]:
                units[line["sku"]] += line["quantity"]
            yield SentOrder(
                order_id=self.world.site_id(number),
                units=dict(units),
                currency=document["currency"],
                total=document["total"],
                number=document["number"],
                contact="contact" in document,
            )


def together(arena: Arena, plays: Mapping[int, Play], defect: str = "", factor: float = 1.0) -> None:
    """Worlds by their seeds, everything up to five times, shuffled, eight at once, while calls fail and workers die."""
    bag: list[Callable[[], None]] = []
    for seed, play in plays.items():
        play.world.give_back()
        bag += play.bag(seed)
    first, turns = next(iter(plays)), cycle(plays.values())
    random.Random(first).shuffle(bag)
    arena.rage(first, defect, factor)
    arena.storm(factor)
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            sending = [pool.submit(each) for each in bag]
            while not all(each.done() for each in sending):
                next(turns).ship(some=True)
                time.sleep(PAUSE_S)
            for each in sending:
                each.result()
    finally:
        arena.calm(defect)
        arena.storm(0)
    every = list(plays.values())
    rest(every)
    for play in every:
        play.echo()
    rest(every)
