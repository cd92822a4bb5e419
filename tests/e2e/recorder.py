"""What the driver sent and was answered, written down on its side of the wire: the oracle of the invariants."""

from __future__ import annotations

import csv
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from infra.local import recorded as rec
from infra.local.system import Reply, System
from oms.channels.registry import CONNECTORS
from oms.domain import ids
from tests.proof.invariants.evidence import Answer, PaymentRecord, RefundRecord, Seen, Sent, SentOrder, Write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from infra.local.sandbox import Sandbox

OK: Final = range(200, 300)
COUNTED: Final = frozenset({"receipt", "adjustment"})
LIVE: Final = frozenset({"pending", "requires_action", "succeeded"})
"""States of a refund at the provider in which it has taken money back, or still may."""
LEAVES_COMMIT: Final = frozenset({"cancel", "holds", "refunds"})
"""Writes on orders that leave a commit whenever they are answered with 2xx."""


@dataclass(slots=True)
class Record:
    """Everything sent so far. Threads may write at once; each list is only ever appended to."""

    orders: dict[str, SentOrder] = field(default_factory=dict)
    deliveries: list[Sent] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    reads: list[Seen] = field(default_factory=list)
    received: Counter[tuple[str, str]] = field(default_factory=Counter)
    touched: list[str] = field(default_factory=list)
    """Order ids, as often as they were sent something."""
    versions: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """The newest commit of each order that a client was told of."""
    moved: set[str] = field(default_factory=set)
    """Keys of movements that were answered."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def imported(self, file: Path) -> None:
        """A stock file was imported."""
        with file.open(encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
        self._receive({"kind": row.get("kind") or "receipt", **row} for row in rows)

    def fed(self, sku: str, node_id: str, change: int) -> None:
        """A feed told of a change, however often."""
        self.received[sku, node_id] += change

    def _receive(self, movements: Iterable[Mapping[str, Any]]) -> None:
        for each in movements:
            if each.get("kind", "receipt") in COUNTED:
                self.received[each["sku"], each["node_id"]] += int(each["quantity"])

    def order_placed(self, document: Mapping[str, Any], key: str, reply: Reply) -> None:
        """`POST /orders` was answered, or not."""
        order_id = ids.order_id("site", "main", key)
        units: Counter[str] = Counter()
        for each in document["lines"]:
            units[each["sku"]] += each["quantity"]
        acked = reply.status in OK
        sent = SentOrder(
            order_id=order_id,
            units=dict(units),
            currency=document["currency"],
            total=document["total"],
            number=document["number"],
            acked=acked,
            contact=bool(document.get("contact")),
        )
        with self.lock:
            self.touched.append(order_id)
            if acked or order_id not in self.orders:
                self.orders[order_id] = sent

    def stock_moved(self, document: Mapping[str, Any], key: str, reply: Reply) -> None:
        """`POST /stock/movements` was answered, or not."""
        with self.lock:
            if reply.status in OK and key not in self.moved:
                self.moved.add(key)
                self._receive(document["movements"])

    def supply_told(self, document: Mapping[str, Any], key: str, reply: Reply) -> None:
        """`POST /stock/inbound` was answered, or not: what was received of a lot, its answer says where."""
        with self.lock:
            if reply.status in OK and document["kind"] == "received" and key not in self.moved:
                self.moved.add(key)
                where = {"sku": reply.document["sku"], "node_id": reply.document["node_id"]}
                self._receive([{**where, "kind": "receipt", "quantity": document["quantity"]}])

    def delivered(self, delivery: rec.Recorded, account: str, *, acked: bool, refused: bool = False) -> None:
        """A delivery was acknowledged, or not; `refused`, though it is genuine."""
        expected = rec.foresee(delivery, account)
        name = f"{delivery.source}/{account}: {expected.order_id or expected.parked_id}"
        sent = Sent(name=name, order_id=expected.order_id, parked_id=expected.parked_id, acked=acked, refused=refused)
        with self.lock:
            self.deliveries.append(sent)
            if sent.order_id and acked:
                self.touched.append(sent.order_id)

    def order_written(self, order_id: str, verb: str, key: str, reply: Reply) -> None:
        """A write on an order was answered, or not."""
        with self.lock:
            self.touched.append(order_id)
            if reply.status not in OK:
                return
            if verb in LEAVES_COMMIT:
                self.writes.append(Write(stream=f"order#{order_id}", key=key))
            self.told(order_id, reply)

    def told(self, order_id: str, reply: Reply) -> None:
        """A client was told of an order at a version."""
        version = reply.document.get("version") if isinstance(reply.document, dict) else None
        if isinstance(version, int):
            self.versions[order_id] = max(version, self.versions[order_id])


@dataclass(slots=True)
class RecordedSystem(System):
    """A system that writes down what it is sent and answers."""

    record: Record = field(default_factory=Record)

    def call(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        role: str = "",
        key: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """As `System.call`."""
        parts = urlsplit(path).path.strip("/").split("/")
        known = self.record.versions[parts[1]] if len(parts) == 2 and parts[0] == "orders" else 0
        reply = System.call(self, method, path, document, role=role, key=key, headers=headers, body=body)
        content = next((value for name, value in reply.headers.items() if name.lower() == "content-type"), "")
        shown = reply.document if reply.status >= 400 else None
        self.record.answers.append(
            Answer(method=method, path=path, status=reply.status, content_type=content, document=shown)
        )
        key = key or (headers or {}).get("idempotency-key", "")
        if method == "POST" and parts[0] == "webhooks" and len(parts) == 3 and body:
            self._delivery(parts[1], parts[2], headers or {}, body, reply)
        elif method == "POST" and isinstance(document, dict) and key:
            self._written(parts, document, key, reply)
        elif method == "GET" and len(parts) == 2 and parts[0] == "orders" and "?" not in path:
            self._read(parts[1], known, reply)
        return reply

    def client(self, service: str) -> Any:
        """As `System.client`; what is put on Amazon's queue is a delivery."""
        made = System.client(self, service)
        if service == "sqs":
            made.meta.events.register("before-parameter-build.sqs.SendMessage", self._queued)
        return made

    def _queued(self, params: Mapping[str, Any], **_: Any) -> None:
        if params.get("QueueUrl") == self.outputs["AmazonQueueUrl"]:
            delivery = rec.Recorded(name="", source="amazon", headers={}, body=params["MessageBody"].encode())
            self.record.delivered(delivery, delivery.account(""), acked=True)

    def _delivery(self, source: str, account: str, headers: Mapping[str, str], body: bytes, reply: Reply) -> None:
        if source in CONNECTORS or reply.status in OK:
            kept = {name.lower(): value for name, value in headers.items()}
            delivery = rec.Recorded(name="", source=source, headers=kept, body=body)
            self.record.delivered(delivery, account, acked=reply.status in OK)

    def _written(self, parts: list[str], document: Mapping[str, Any], key: str, reply: Reply) -> None:
        if parts == ["orders"]:
            self._try(lambda: self.record.order_placed(document, key, reply), reply)
        elif parts == ["stock", "movements"]:
            self._try(lambda: self.record.stock_moved(document, key, reply), reply)
        elif parts == ["stock", "inbound"]:
            self._try(lambda: self.record.supply_told(document, key, reply), reply)
        elif parts[0] == "orders" and len(parts) > 2 and ids.is_order_id(parts[1]):
            self.record.order_written(parts[1], parts[2] if len(parts) == 3 else parts[-1], key, reply)
        elif parts[0] == "fulfillment-orders" and ids.is_fulfillment_order_id(parts[1]):
            self.record.order_written(ids.order_of_fulfillment_order(parts[1]), parts[-1], key, reply)

    def _try(self, note: Any, reply: Reply) -> None:
        """What was no order at all, and was refused, is not written down."""
        try:
            note()
        except (KeyError, TypeError, ValueError):
            if reply.status in OK:
                raise

    def _read(self, order_id: str, known: int, reply: Reply) -> None:
        if reply.status not in (200, 404):
            return
        version = reply.document.get("version", 0) if reply.status == 200 else 0
        with self.record.lock:
            self.record.reads.append(Seen(order_id=order_id, acked=known, version=version))
            self.record.told(order_id, reply)


def recorded(system: System) -> RecordedSystem:
    """The same system, written down from now on."""
    return RecordedSystem(
        api_url=system.api_url, outputs=system.outputs, endpoint=system.endpoint, sandbox_url=system.sandbox_url
    )


def payments_of(sandbox: Sandbox, references: Iterable[str] | None = None) -> dict[str, PaymentRecord]:
    """What the payment providers recorded, of these payments or of all."""
    wanted = None if references is None else set(references)
    effects = [each for each in sandbox.effects if wanted is None or each["payment_intent"] in wanted]
    undone = {each["charge"] for each in effects if each["kind"] == "capture_failed"}
    moved: dict[str, dict[str, list[tuple[str, int]]]] = defaultdict(lambda: defaultdict(list))
    currencies: dict[str, str] = {}
    for each in effects:
        currencies[each["payment_intent"]] = each["currency"]
        if each["kind"] != "capture" or each["charge"] not in undone:
            moved[each["payment_intent"]][each["kind"]].append((each["key"], each["amount"]))
    refunds: dict[str, list[RefundRecord]] = defaultdict(list)
    for made in list(sandbox.stripe.ledger.refunds.values()):
        ours = made.metadata.get("oms_refund_id", "")
        record = RefundRecord(ref=made.ref, amount=made.amount, counts=made.status in LIVE, our_id=ours)
        refunds[made.intent.ref].append(record)
    for reference, record in _refunds_elsewhere(sandbox, effects):
        refunds[reference].append(record)
    return {
        reference: PaymentRecord(
            reference=reference,
            currency=currencies[reference],
            authorized=sum(amount for _, amount in kinds["authorize"]),
            captures=tuple(kinds["capture"]),
            refunds=tuple(refunds[reference]),
            taken=sum(amount for _, amount in kinds["dispute"]) - sum(amount for _, amount in kinds["dispute_back"]),
        )
        for reference, kinds in moved.items()
    }


def _refunds_elsewhere(sandbox: Sandbox, effects: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, RefundRecord]]:
    """Refunds at Adyen and PayPal, with their payment. What PayPal gives back for one of ours in parts is one."""
    effects = list(effects)
    failed = {each["refund"] for each in effects if each["kind"] == "refund_failed"}
    given = {ref: made.reference for ref, made in sandbox.adyen.modifications.items()}
    given |= {it.ref: it.reference for order in sandbox.paypal.orders.values() for it in order.things}
    parts: dict[tuple[str, str, bool], list[Mapping[str, Any]]] = defaultdict(list)
    for each in effects:
        if each["kind"] == "refund" and each.get("vendor") in ("adyen", "paypal"):
            name = given[each["refund"]] or each["refund"]
            parts[each["payment_intent"], name, each["refund"] not in failed].append(each)
    for (payment, name, counts), made in parts.items():
        _, _, our_id = name.partition(".")
        amount = sum(each["amount"] for each in made)
        yield payment, RefundRecord(ref=made[0]["refund"], amount=amount, counts=counts, our_id=our_id)
