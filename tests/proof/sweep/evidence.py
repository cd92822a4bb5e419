"""What a world leaves for the checker of the invariants, and what was sent to it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from infra.local import recorded as rec
from infra.local.system import Reply as Answered
from oms.domain import ids
from tests.e2e import people
from tests.e2e.recorder import Record, payments_of
from tests.proof.invariants import Evidence, Oracle
from tests.proof.invariants import dynamodb as items
from tests.proof.invariants.evidence import Answer, Seen
from tests.proof.sweep.people import OTHER_EMAIL, SHOPPER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.proof.sweep.events import Reply
    from tests.proof.sweep.world import World

PLAIN_STORES: Final = ("EventsTable", "ViewsTable", "StockTable", "ReferenceTable", "OutboundTable")
"""Stores in which nobody may be named."""


class Rows:
    """Somebody who looks at a row whenever it is written. `reads` are those that showed an older commit than before."""

    def __init__(self) -> None:
        self.reads: list[Seen] = []
        self._newest: dict[str, int] = {}

    def put(self, item: Mapping[str, Any]) -> None:
        """It was written."""
        key, number = f"{item['pk']['S']} {item['sk']['S']}", int(item["n"]["N"])
        known = self._newest.get(key, 0)
        if number < known:
            self.reads.append(Seen(order_id=key, acked=known, version=number))
        self._newest[key] = max(known, number)


def note(record: Record, method: str, path: str, body: Any, headers: Mapping[str, str], reply: Reply) -> None:
    """A client was answered for good: what it sent is written down on its side. `body` is a document, or bytes."""
    kind = reply.headers.get("content-type", "")
    shown = reply.document if reply.status >= 400 else None
    record.answers.append(Answer(method=method, path=path, status=reply.status, content_type=kind, document=shown))
    told = Answered(status=reply.status, document=reply.document, headers=reply.headers)
    parts, key = path.strip("/").split("/"), headers.get("idempotency-key", "")
    match parts:
        case ["webhooks", source, account] if method == "POST":
            delivery = rec.Recorded(name="", source=source, headers=dict(headers), body=body)
            record.delivered(delivery, account, acked=reply.status == 200, refused=400 <= reply.status < 500)
        case ["orders"] if method == "POST":
            record.order_placed(body, key, told)
        case ["stock", "movements"]:
            record.stock_moved(body, key, told)
        case ["stock", "inbound"]:
            record.supply_told(body, key, told)
        case ["orders", order_id, _, *_] if method == "POST":
            record.order_written(order_id, parts[2] if len(parts) == 3 else parts[-1], key, told)
        case ["fulfillment-orders", number, verb] if method == "POST":
            record.order_written(ids.order_of_fulfillment_order(number), verb, key, told)


def evidence(w: World) -> Evidence:
    """A world at rest."""
    tables = {name: w.cloud.items(name) for name in (*PLAIN_STORES, "ContactsTable")}
    streams, unknown = items.streams_of(tables["EventsTable"])
    rows = items.rows_of(tables["ViewsTable"])
    texts = {name: [items.readable(each) for each in tables[name]] for name in PLAIN_STORES}
    texts["bus"] = [str(each.detail) for each in w.published]
    texts["workflow inputs"] = [str(each) for each in w.started]
    return Evidence(
        streams=streams,
        positions=items.positions_of(tables["StockTable"]),
        contacts=items.contacts_of(tables["ContactsTable"]),
        rows=rows,
        quarantine=items.quarantine_of(rows),
        started=w.started,
        pending={"queues": len(w.queues.waiting()), "workflows": len(w.executions)},
        published=None if w.stream.lost else w.published,
        answers=w.record.answers,
        reads=w.rows.reads,
        texts=texts,
        canaries=canaries(),
        faults=True,
        broken=unknown,
        oracle=Oracle(
            orders=w.record.orders,
            deliveries=w.record.deliveries,
            writes=w.record.writes,
            payments=payments_of(w.vendors.sandbox),
            received=w.record.received,
        ),
    )


@cache
def canaries() -> tuple[str, ...]:
    """The people of the samples, and our shopper."""
    return (*people.canaries(), SHOPPER["name"], SHOPPER["email"], OTHER_EMAIL, *SHOPPER["shipping"]["lines"])
