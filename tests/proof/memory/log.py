"""The event log and the positions that move with it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oms.domain.codec import event_from_plain, event_to_plain
from oms.domain.commit import StoredCommit, chain_hash
from oms.domain.errors import (
    DuplicateOrderNumberError,
    InsufficientStockError,
    PaymentAlreadyUsedError,
    StockChangedError,
    VersionConflictError,
)
from oms.domain.history import History
from oms.domain.stock import SEEN, DecidedDelta, StockDelta
from oms.domain.supply import LotStatus
from tests.proof.memory.store import Port, Stream, step, through_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oms.domain.commit import Commit
    from oms.domain.supply import Lot


class MemoryLog(Port):
    """Log port. What refuses an append comes in this order: the number, the first key that is taken, stock."""

    __slots__ = ()

    @step("log.read")
    def read(self, stream: str) -> History:
        """See the port."""
        return self.history(stream)

    def history(self, stream: str) -> History:
        """What `read` answers."""
        known = self.store.streams.get(stream)
        if known is None:
            return History(stream=stream)
        if self.faithful:
            return replace(known.history, commits=tuple([_read_back(each) for each in known.stored]))
        return known.history

    @step("log.append")
    def append(
        self,
        commit: Commit,
        *,
        stock: Sequence[StockDelta] = (),
        unique: Sequence[str] = (),
        lots: Sequence[Lot] = (),
    ) -> None:
        """See the port."""
        self.write(commit, stock, unique)
        for lot in lots:
            if lot.status is LotStatus.EXPECTED:
                self.store.put_in(self.store.lots, lot.sku, lot.supply_id, lot)
            else:
                self.store.drop_in(self.store.lots, lot.sku, lot.supply_id)

    def write(self, commit: Commit, stock: Sequence[StockDelta], unique: Sequence[str]) -> None:
        """What `append` does."""
        store = self.store
        known = store.streams.get(commit.stream)
        if known is not None and _taken(known, commit.number):
            if store.checks_number:
                raise VersionConflictError("the stream moved on", stream=commit.stream, number=commit.number)
            commit = replace(commit, number=known.history.number + 1, previous=known.history.head)
        self.check_unique(unique, commit.stream)
        for after in self.moved(stock):
            store.put_in(store.positions, after.sku, after.node_id, after)
        for key in unique:
            store.put(store.owners, key, commit.stream)
        store.put(store.streams, commit.stream, with_commit(known, self.form(commit)))

    def form(self, commit: Commit) -> StoredCommit:
        """The commit as it is kept."""
        return stored_form(commit)

    def check_unique(self, unique: Sequence[str], stream: str) -> None:
        """Raises for the first key that another stream holds."""
        for key in unique if self.store.checks_unique else ():
            if self.store.owners.get(key, stream) != stream:
                if key.startswith("payment#"):
                    raise PaymentAlreadyUsedError("this payment pays for another order")
                raise DuplicateOrderNumberError("another order has this number")

    def moved(self, stock: Sequence[StockDelta]) -> list[StockDelta]:
        """The positions after these movements.

        Raises StockChangedError that names all that are not as they were seen, else InsufficientStockError that names
        all that have too little, or none to bind.
        """
        after = []
        short = []
        changed = []
        for delta in stock:
            known = self.store.positions.get(delta.sku, {}).get(delta.node_id)
            if known is None:
                known = StockDelta(sku=delta.sku, node_id=delta.node_id)
            new = known.plus(delta)
            after.append(new)
            changes = delta.changes
            binds = delta.reserved > 0
            if isinstance(delta, DecidedDelta) and _differ(known, delta.seen):
                changed.append({"sku": delta.sku, "node": delta.node_id})
            if (binds and known.short) or any(units < 0 and getattr(new, name) < 0 for name, units in changes.items()):
                has = {name: getattr(known, name) for name in (*changes, *(["short"] if binds else []))}
                short.append({"sku": delta.sku, "node": delta.node_id, "needs": changes, "has": has})
        if changed and self.store.checks_seen:
            raise StockChangedError("units came or left since the position was read", positions=changed)
        if short and self.store.checks_stock:
            raise InsufficientStockError("not enough stock", positions=short)
        return after

    @step("log.put_fact")
    def put_fact(self, stream: str, fact_id: str, fact: Mapping[str, Any]) -> bool:
        """See the port."""
        if fact_id in self.store.kept_facts.get(stream, {}):
            return False
        kept = through_json(fact) if self.faithful else dict(fact)
        self.store.put_in(self.store.kept_facts, stream, fact_id, kept)
        return True

    @step("log.facts")
    def facts(self, stream: str) -> list[Mapping[str, Any]]:
        """See the port."""
        kept = self.store.kept_facts.get(stream, {})
        return [kept[fact_id] for fact_id in sorted(kept)]


class MemoryStock(Port):
    """Stock port."""

    __slots__ = ()

    def positions(self, skus: Iterable[str]) -> list[StockDelta]:
        """See the port."""
        return self.of(tuple(dict.fromkeys(skus)))

    @step("stock.inbound")
    def inbound(self, sku: str) -> list[Lot]:
        """See the port."""
        kept = self.store.lots.get(sku, {})
        return [kept[supply_id] for supply_id in sorted(kept)]

    def to_promise(self, units: Mapping[str, int]) -> list[StockDelta]:
        """See the port."""
        return self.of(tuple(units))

    def look(self, skus: Iterable[str]) -> list[StockDelta]:
        """See the port."""
        return self.of(tuple(dict.fromkeys(skus)))

    @step("stock.positions")
    def of(self, skus: tuple[str, ...]) -> list[StockDelta]:
        """Of SKUs that are named once."""
        kept = self.store.positions
        found: list[StockDelta] = []
        for sku in skus:
            at = kept.get(sku)
            if at:
                found.extend([at[node] for node in sorted(at)])
        return found


def stored_form(commit: Commit) -> StoredCommit:
    """The commit as it is kept."""
    plain = [event_to_plain(event) for event in commit.events]
    return StoredCommit(commit=commit, plain_events=plain, hash=chain_hash(commit, plain))


def _differ(known: StockDelta, seen: StockDelta) -> bool:
    return any(getattr(known, name) != getattr(seen, name) for name in SEEN)


def _taken(known: Stream, number: int) -> bool:
    last = known.history.number
    return number == last or (number < last and any(each.commit.number == number for each in known.stored))


def with_commit(known: Stream | None, new: StoredCommit) -> Stream:
    """In the order of the numbers; a commit that leaves a gap is for the reader of the chain to find."""
    commit = new.commit
    if known is None:
        return Stream(History(stream=commit.stream, commits=(commit,), head=new.hash), (new,))
    stored = (*known.stored, new)
    if commit.number > known.history.number:
        return Stream(History(stream=commit.stream, commits=(*known.history.commits, commit), head=new.hash), stored)
    stored = tuple(sorted(stored, key=lambda each: each.commit.number))
    commits = tuple([each.commit for each in stored])
    return Stream(History(stream=commit.stream, commits=commits, head=stored[-1].hash), stored)


def _read_back(stored: StoredCommit) -> Commit:
    events = tuple([event_from_plain(plain) for plain in json.loads(json.dumps(stored.plain_events))])
    return replace(stored.commit, events=events, summary=through_json(stored.commit.summary))
