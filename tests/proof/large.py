"""A large order's life in one process: the functions as they are, over ports in memory that keep what JSON leaves.

Killed in the middle of its promise and of its cancellation, by an append whose process does not live to see the answer,
and driven on by what drives orders on: the retry of a step, and the watchdog.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from oms.adapters.commit_item import commit_to_items
from oms.application.orders import stream_of
from oms.domain.commit import StoredCommit, verify_chain
from oms.domain.stock import COMPONENTS, MAX_POSITIONS, StockDelta, stock_deltas
from oms.entrypoints import wiring
from tests.proof.cost.million import memory_shop
from tests.proof.sweep.people import BERLIN, SHOPPER, cancel
from tests.proof.sweep.tap import Killed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.proof.cost.million import Counted

NODES: Final = tuple(f"node-{number}" for number in range(6))
PARCEL: Final = 30
"""Lines in a parcel; three parcels make a shipment."""


def order_of(key: str, skus: list[str]) -> dict[str, Any]:
    """A body of `POST /orders`: a unit of each, with titles that no packer can shorten."""
    lines = [
        {"sku": sku, "quantity": 1, "unit_price": 1000 + number, "title": sha256(sku.encode()).hexdigest()}
        for number, sku in enumerate(skus)
    ]
    total = sum(1000 + number for number in range(len(skus)))
    return {
        "number": key.upper(),
        "currency": "EUR",
        "lines": lines,
        "total": total,
        "ship_to": BERLIN,
        "contact": SHOPPER,
        "payment": {"provider": "in_channel", "state": "paid", "captured": total},
    }


@dataclass
class Shop:
    """A shop with `lines` products, each at one of six nodes. `kill` commits from now the process dies, once."""

    shop: Counted
    lines: int
    kill: int = 0
    killed: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)

    def open(self) -> None:
        """Nodes, products and stock."""
        w = self.shop.w
        made: Any = type(wiring.log())
        log = made(self.shop.store, self.shop.pause, faithful=True)
        append = log.append

        def dying(commit: Any, **more: Any) -> None:
            append(commit, **more)
            if self.kill and commit.stream.startswith("order#"):
                self.kill -= 1
                if not self.kill:
                    self.killed += 1
                    raise Killed

        kept = _Dying(log, dying)
        w.patch.setattr(wiring, "log", lambda: kept)
        for number, node in enumerate(NODES):
            row = {"node_id": node, "country": "DE", "latitude": str(47 + number), "longitude": str(7 + number)}
            wiring.reference().put("node", node, row)
        for sku in self.skus():
            wiring.reference().put("product", sku, {"sku": sku})
        for start in range(0, self.lines, MAX_POSITIONS):
            part = list(enumerate(self.skus()))[start : start + MAX_POSITIONS]
            units = {sku.replace("-", "_"): (NODES[number % len(NODES)], 3) for number, sku in part}
            w.receive(f"goods-{start}", **units)
        w.drain()

    def skus(self) -> list[str]:
        """One for each line."""
        return [f"LRG-{number:05d}" for number in range(self.lines)]

    def place(self, key: str) -> str:
        """An order of one unit of everything; its id. What follows from it waits."""
        body = order_of(key, self.skus())

        def sent() -> str:
            return str(self.shop.w.post("/orders", body, key=key, role="shop", status=201)["order_id"])

        return str(self._timed(f"place {key}", sent))

    def promise(self, key: str, kill: int = 0) -> None:
        """What follows from its commit; `kill` commits on, the process dies."""
        self.kill = kill
        self._timed(f"promise {key}", self._until_rest)

    def cancel(self, order_id: str, key: str, kill: int = 0) -> None:
        """All of it; told twice, as by a client that heard no answer."""

        def both() -> None:
            cancel(self.shop.w, order_id, f"cancel-{key}")
            self.kill = kill
            self._until_rest()
            cancel(self.shop.w, order_id, f"cancel-{key}")

        self._timed(f"cancel {key}", both)

    def ship(self, order_id: str, key: str) -> int:
        """Everything, ninety lines a shipment; how many shipments."""

        def all_of_it() -> int:
            count = 0
            for each in self.document(order_id)["fulfillment_orders"]:
                lines = [{"line_id": line["line_id"], "quantity": line["quantity"]} for line in each["lines"]]
                for start in range(0, len(lines), 3 * PARCEL):
                    count += 1
                    self._hand_over(each["fulfillment_order_id"], f"{key}-{count}", lines[start : start + 3 * PARCEL])
            self._until_rest()
            return count

        return int(self._timed(f"ship {key}", all_of_it))

    def _hand_over(self, work: str, key: str, lines: list[dict[str, Any]]) -> None:
        parcels = [
            {"carrier": "DHL", "tracking_number": f"T-{key}-{start}", "lines": lines[start : start + PARCEL]}
            for start in range(0, len(lines), PARCEL)
        ]
        path = f"/fulfillment-orders/{work}/shipments"
        self.shop.w.post(path, {"parcels": parcels}, key=f"ship-{key}", role="warehouse")

    def document(self, order_id: str) -> Any:
        """The order."""
        return self.shop.w.get(f"/orders/{order_id}")

    def _until_rest(self) -> None:
        """All that drives itself; when a step died and nothing is left to do, the watchdog comes by."""
        w = self.shop.w
        before = self.killed
        w.drain()
        if self.killed > before:
            w.now += timedelta(minutes=3)
            w.schedule("RedriveOverdue")
            w.drain()

    def _timed(self, name: str, do: Any) -> Any:
        began, cpu = time.monotonic(), time.process_time()
        try:
            return do()
        finally:
            step = name.partition(" ")[0]
            self.seconds[step] = round(self.seconds.get(step, 0) + time.monotonic() - began, 2)
            self.cpu_s[step] = round(self.cpu_s.get(step, 0) + time.process_time() - cpu, 2)

    # ---------------------------------------------------------------- what must hold

    def commits(self, order_id: str) -> list[StoredCommit]:
        """The order's stream."""
        return list(self.shop.store.streams[stream_of(order_id)].stored)

    def sound(self, order_id: str) -> bool:
        """The order's chain holds, and no command is in it twice."""
        stored = self.commits(order_id)
        ids = [each.commit.command_id for each in stored]
        return verify_chain(stream_of(order_id), stored) == 0 and len(ids) == len(set(ids))

    def drift(self) -> int:
        """Units by which stock is not what all streams say it is, summed over positions and components."""
        told: dict[tuple[str, str], StockDelta] = {}
        for stream in self.shop.store.streams.values():
            for delta in stock_deltas(event for each in stream.stored for event in each.commit.events):
                key = (delta.sku, delta.node_id)
                told[key] = told[key].plus(delta) if key in told else delta
        drift = 0
        for sku, nodes in self.shop.store.positions.items():
            for node, there in nodes.items():
                said = told.get((sku, node), StockDelta(sku=sku, node_id=node))
                drift += sum(abs(getattr(there, name) - getattr(said, name)) for name in COMPONENTS)
        return drift

    def reserved(self) -> int:
        """Units that are bound."""
        return sum(each.reserved for nodes in self.shop.store.positions.values() for each in nodes.values())

    def largest_item(self, *order_ids: str) -> int:
        """Bytes of the largest item that the orders' commits are stored in."""
        items = (item for each in order_ids for stored in self.commits(each) for item in commit_to_items(stored.commit))
        return max(sum(len(name) + len(_value(held)) for name, held in item.items()) for item in items)

    def largest_row(self) -> int:
        """Characters of the largest summary: what a row of a list is made of."""
        return max(
            len(str(each.commit.summary)) for stream in self.shop.store.streams.values() for each in stream.stored
        )


def _value(held: Mapping[str, Any]) -> Any:
    return next(iter(held.values()))


class _Dying:
    """A log whose `append` is another."""

    def __init__(self, log: Any, append: Any) -> None:
        self._log = log
        self.append = append

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def play(lines: int) -> dict[str, Any]:
    """Two orders: one is promised, with a kill, and shipped; one is promised and cancelled, with a kill."""
    with memory_shop() as counted:
        shop = Shop(counted, lines)
        shop.open()
        chunks = -(-lines // MAX_POSITIONS)
        kept = shop.place("kept")
        shop.promise("kept", kill=chunks // 2)
        promised = shop.document(kept)
        shipments = shop.ship(kept, "kept")
        gone = shop.place("gone")
        shop.promise("gone")
        shop.cancel(gone, "gone", kill=chunks // 2)
        after = {"kept": shop.document(kept), "gone": shop.document(gone)}
        return {
            "lines": lines,
            "commits": {name: document["version"] for name, document in after.items()},
            "fulfillment_orders": len(promised["fulfillment_orders"]),
            "shipments": shipments,
            "stages": [promised["stage"], after["kept"]["stage"], after["gone"]["stage"]],
            "seconds": shop.seconds,
            "own_cpu_s": shop.cpu_s,
            "items_of_first_commit": len(commit_to_items(shop.commits(kept)[0].commit)),
            "largest_item_bytes": shop.largest_item(kept, gone),
            "largest_summary": shop.largest_row(),
            "killed": shop.killed,
            "resumed": shop.killed == 2 and shop.sound(kept) and shop.sound(gone),
            "reserved": shop.reserved(),
            "drift": shop.drift(),
        }
