"""The event log and the positions that move with it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oms.adapters.keys import NOBODY, at_sk, held_pk, held_pks, instant
from oms.domain.canonical import ContactKey
from oms.domain.codec import event_from_plain, event_to_plain
from oms.domain.commit import StoredCommit, chain_hash
from oms.domain.errors import (
    DuplicateOrderNumberError,
    InsufficientStockError,
    PaymentAlreadyUsedError,
    SerialInUseError,
    SerialNotShippedError,
    StockChangedError,
    VersionConflictError,
)
from oms.domain.feed import NO_MARK, Fed, FedDelta, taken_key
from oms.domain.history import History
from oms.domain.serials import serial_of
from oms.domain.stock import SEEN, DecidedDelta, KeepingDelta, StockDelta
from oms.domain.supply import LotStatus
from tests.proof.memory.store import Port, Stream, step, through_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oms.domain.commit import Commit
    from oms.domain.feed import Told
    from oms.domain.holding import DueHold
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

    @step("log.newest")
    def newest(self, stream: str) -> History:
        """See the port."""
        known = self.history(stream)
        return replace(known, commits=known.commits[-1:])

    @step("log.one")
    def one(self, stream: str, number: int) -> Commit | None:
        """See the port."""
        commits = self.history(stream).commits
        return commits[number - 1] if 0 < number <= len(commits) else None

    @step("log.append")
    def append(
        self,
        commit: Commit,
        *,
        stock: Sequence[StockDelta] = (),
        unique: Sequence[str] = (),
        released: Sequence[str] = (),
        lots: Sequence[Lot] = (),
        due: Sequence[DueHold] = (),
        beside: Sequence[Commit] = (),
    ) -> None:
        """See the port."""
        store = self.store
        placed = [self._next(each) for each in (commit, *beside)] if beside else []
        if any(self.held_by_another(key, commit.stream) for key in released):
            self.write_nothing(commit, stock, unique)
            raise SerialNotShippedError("another order has these units out")
        self.write(commit, stock, unique)
        for key in released:
            store.put(store.owners, key, NOBODY)
        for each in placed[1:]:
            self.keep(each)
        for hold in due:
            key = at_sk(instant(hold.due), hold.hold_id)
            if hold.open:
                store.put(store.held, key, hold)
            else:
                store.drop(store.held, key)
        for lot in lots:
            if lot.status is LotStatus.EXPECTED:
                self.store.put_in(self.store.lots, lot.sku, lot.supply_id, lot)
            else:
                self.store.drop_in(self.store.lots, lot.sku, lot.supply_id)

    def write(self, commit: Commit, stock: Sequence[StockDelta], unique: Sequence[str]) -> None:
        """What `append` does for a commit that stands alone."""
        store = self.store
        commit = self._next(commit)
        self.check_unique(unique, commit.stream)
        for after in self.moved(stock):
            store.put_in(store.positions, after.sku, after.node_id, after)
        for delta in stock:
            if isinstance(delta, FedDelta):
                store.put_in(store.marks, (delta.sku, delta.node_id), delta.source, delta.mark)
        for key in unique:
            store.put(store.owners, key, commit.stream)
        self.keep(commit)

    def keep(self, commit: Commit) -> None:
        """Put the commit behind its stream, and the order that it places where its number is looked up."""
        store, row = self.store, commit.summary
        store.put(store.streams, commit.stream, with_commit(store.streams.get(commit.stream), self.form(commit)))
        if commit.number == 1 and row.get("number"):
            at = datetime.fromisoformat(row["placed_at"])
            where = ContactKey(customer_id=row.get("customer", ""), placed_at=at, order_id=row["order_id"])
            store.put_in(store.numbers, row["number"], at_sk(instant(at), row["order_id"]), where)

    def write_nothing(self, commit: Commit, stock: Sequence[StockDelta], unique: Sequence[str]) -> None:
        """What `write` refuses."""
        self._next(commit)
        self.check_unique(unique, commit.stream)
        self.moved(stock)

    def _next(self, commit: Commit) -> Commit:
        """The commit itself when its number is free; raises VersionConflictError, or puts it behind what is there."""
        known = self.store.streams.get(commit.stream)
        if known is None or not _taken(known, commit.number):
            return commit
        if self.store.checks_number:
            raise VersionConflictError("the stream moved on", stream=commit.stream, number=commit.number)
        return replace(commit, number=known.history.number + 1, previous=known.history.head)

    def form(self, commit: Commit) -> StoredCommit:
        """The commit as it is kept."""
        return stored_form(commit)

    def check_unique(self, unique: Sequence[str], stream: str) -> None:
        """Raises for the first key that another stream holds."""
        for key in unique if self.store.checks_unique else ():
            if self.held_by_another(key, stream):
                if key.startswith("payment#"):
                    raise PaymentAlreadyUsedError("this payment pays for another order")
                if key.startswith("serial#"):
                    others = [serial_of(each) for each in unique if self.held_by_another(each, stream)]
                    told = [{"sku": each.sku, "serial": each.number} for each in others]
                    raise SerialInUseError("these units have shipped, and have not come back", serials=told)
                raise DuplicateOrderNumberError("another order has this number")

    def held_by_another(self, key: str, stream: str) -> bool:
        """Somebody has it, and it is not this stream."""
        return self.store.owners.get(key, NOBODY) not in (NOBODY, stream)

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
            if (isinstance(delta, DecidedDelta) and _differ(known, delta.seen)) or self.mark_moved(delta):
                changed.append({"sku": delta.sku, "node": delta.node_id})
            keep = delta.keep if isinstance(delta, KeepingDelta) and self.store.checks_keep else 0
            least = {"available": keep}
            if (binds and known.short) or any(
                units < 0 and getattr(new, name) < least.get(name, 0) for name, units in changes.items()
            ):
                has = {name: getattr(known, name) for name in (*changes, *(["short"] if binds else []))}
                short.append({"sku": delta.sku, "node": delta.node_id, "needs": changes, "has": has})
        if changed and self.store.checks_seen:
            raise StockChangedError("units came or left since the position was read", positions=changed)
        if short and self.store.checks_stock:
            raise InsufficientStockError("not enough stock", positions=short)
        return after

    def mark_moved(self, delta: StockDelta) -> bool:
        """The source of a feed's row was taken further meanwhile."""
        if not isinstance(delta, FedDelta):
            return False
        known = self.store.marks.get((delta.sku, delta.node_id), {}).get(delta.source, NO_MARK)
        return known != delta.marked

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

    @step("stock.due_holds")
    def due_holds(self, now: datetime, limit: int) -> list[DueHold]:
        """See the port."""
        until = at_sk(instant(now), "~")
        over = [self.store.held[key] for key in sorted(self.store.held) if key < until]
        return [each for pk in held_pks() for each in [hold for hold in over if held_pk(hold.hold_id) == pk][:limit]]

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


class MemoryFeed(Port):
    """FedStock port."""

    __slots__ = ()

    def fed(self, source: str, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Fed]:
        """See the port."""
        return self.of(source, tuple(dict.fromkeys(places)))

    @step("feed.fed")
    def of(self, source: str, places: tuple[tuple[str, str], ...]) -> dict[tuple[str, str], Fed]:
        """Of places that are named once."""
        found = {}
        for sku, node in places:
            known = self.store.positions.get(sku, {}).get(node)
            mark = self.store.marks.get((sku, node), {}).get(source, NO_MARK)
            position = known or StockDelta(sku=sku, node_id=node)
            found[sku, node] = Fed(position=position, mark=mark, known=known is not None)
        return found

    def tell(self, source: str, told: Sequence[Told]) -> list[bool]:
        """See the port."""
        return [self.tell_one(source, each) for each in told]

    @step("feed.tell")
    def tell_one(self, source: str, told: Told) -> bool:
        """A row. What was not there is there now, with nothing in it."""
        store, sku, node = self.store, told.row.sku, told.row.place
        known = store.marks.get((sku, node), {}).get(source, NO_MARK)
        if known != told.marked and store.checks_seen:
            return False
        if node not in store.positions.get(sku, {}):
            store.put_in(store.positions, sku, node, StockDelta(sku=sku, node_id=node))
        store.put_in(store.marks, (sku, node), source, told.mark)
        return True

    def taken(self, source: str, row_ids: Iterable[str]) -> frozenset[str]:
        """See the port."""
        wanted = tuple(dict.fromkeys(row_ids))
        return self.owned(source, wanted) if wanted else frozenset()

    @step("feed.taken")
    def owned(self, source: str, row_ids: tuple[str, ...]) -> frozenset[str]:
        """Of ids that are named once."""
        return frozenset(each for each in row_ids if taken_key(source, each) in self.store.owners)


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
