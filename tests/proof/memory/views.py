"""Lists, search and due work: a table and its sparse indexes, filled by the product's own projection."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.adapters.dynamodb_views import MOST_FOUND, walked_at
from oms.adapters.dynamodb_work import OPEN
from oms.adapters.order_lists import LOOKUPS, days
from oms.adapters.projection import ATTENTION, rows_of
from oms.domain.errors import InvalidCursorError
from tests.proof.memory.store import Port, step, through_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from oms.domain.canonical import ContactKey
    from oms.domain.commit import Commit

Item = Mapping[str, Any]
INDEXES: Final = ("l", "d", "w")
"""First letters of the keys of the indexes: `lpk`, `lsk`."""
_FITS: Final[Mapping[str, Callable[[Item, str], bool]]] = {
    "channel": lambda item, value: item.get("ch") == value,
    "stage": lambda item, value: item["st"] == value,
    "sku": lambda item, value: value in item.get("skus", ()),
    "all": lambda item, value: True,
}


class MemoryViews(Port):
    """Views port."""

    __slots__ = ()

    @step("views.project")
    def project(self, commit: Commit, *, late: bool = False) -> None:
        """See the port."""
        for row in rows_of(commit, late=late):
            pk, sk = str(row["pk"]), str(row["sk"])
            known = self._get(pk, sk)
            if known is None or known["n"] < commit.number or not self.store.checks_row:
                self._put(pk, sk, _item(row, commit.number))

    def row_of(self, order_id: str) -> Mapping[str, Any]:
        """The row that lists show of an order; raises KeyError when there is none."""
        placed = self.store.streams[f"order#{order_id}"].history.commits[0].summary["placed_at"]
        return _order_row(self._at(_row_key(order_id, datetime.fromisoformat(placed))))

    @step("views.unlisted")
    def unlisted(self, orders: Mapping[str, datetime]) -> list[str]:
        """See the port."""
        return [order_id for order_id, placed_at in orders.items() if not self._get(*_row_key(order_id, placed_at))]

    @step("views.list_orders")
    def list_orders(
        self, by: str, value: str, since: datetime, until: datetime, limit: int, cursor: str
    ) -> tuple[list[Mapping[str, Any]], str]:
        """See the port; raises InvalidCursorError. Every page is full but the last."""
        low, high = keys.instant(since), keys.instant(until) + "~"
        if by == "customer":
            found = set(self.store.contacts.get(value, {}))
        elif by == "number":
            found = set(self.store.numbers.get(value, {}))
        elif by in LOOKUPS:
            found = set(self.store.items.get(keys.lookup_pk(by, value), {}))
        elif by == "stage" and value in ATTENTION:
            found = {sk for day in days(low, high) for sk in self._index("l", keys.stage_pk(value, day))}
        else:
            found = {sk for day in days(low, high) for sk in self._walked(day, by, value)}
        listed = sorted([sk for sk in found if low <= sk <= high], reverse=True)
        chosen, after = page(listed, limit, cursor, of=f"{by}#{value}", newest=True)
        there = [self._get(keys.day_pk(sk, _order_id(sk)), sk) for sk in chosen]
        rows = [_order_row(row) for row in there if row]
        return [row for row in rows if by != "customer" or row.get("customer") == value], after

    def _walked(self, day: str, by: str, value: str) -> Iterator[str]:
        """Keys of a day's orders that fit."""
        for pk in keys.day_pks(day):
            for sk, item in self.store.items.get(pk, {}).items():
                if _FITS[by](item, value):
                    yield sk

    @step("views.list_fulfillment_orders")
    def list_fulfillment_orders(
        self, node_id: str, status: str, limit: int, cursor: str
    ) -> tuple[list[Mapping[str, Any]], str]:
        """See the port; raises InvalidCursorError."""
        pk = keys.open_work_pk(node_id, status)
        found = self._index("w", pk)
        chosen, after = page(sorted(found), limit, cursor, of=pk)
        return [json.loads(self._at(found[each])["row"])["fulfillment_order"] for each in chosen], after

    @step("views.orders_with")
    def orders_with(self, kind: str, value: str) -> list[str]:
        """See the port."""
        found = self.store.items.get(keys.lookup_pk(kind, value), {})
        return [_order_id(sk) for sk in sorted(found, reverse=True)[:MOST_FOUND]]

    @step("views.contacts_of")
    def contacts_of(self, number: str) -> list[ContactKey]:
        """See the port."""
        found = self.store.numbers.get(number, {})
        return [found[sk] for sk in sorted(found, reverse=True)[:MOST_FOUND]]

    @step("views.waiting_orders")
    def waiting_orders(self, sku: str, limit: int) -> list[str]:
        """See the port."""
        found = self.store.items.get(keys.waiting_pk(sku), {})
        return [_order_id(sk) for sk in sorted(sk for sk, item in found.items() if item.get("waiting"))[:limit]]

    @step("views.overdue")
    def overdue(self, now: datetime, limit: int) -> list[Mapping[str, Any]]:
        """See the port."""
        until = keys.instant(now)
        due = [_order_row(item) for pk in keys.due_pks() for item in self._due(pk, until, limit)]
        walked = self.store.items.get(walked_at(now), {})
        unkept = [walked[sk] for sk in sorted(walked) if "dpk" not in walked[sk] and "du" in walked[sk]]
        return due + [_order_row(item) for item in unkept if item["du"] <= until]

    def _due(self, pk: str, until: str, limit: int) -> list[Item]:
        found = self._index("d", pk)
        due = sorted(each for each in found if self._at(found[each])["dsk"] <= until)
        return [self._at(found[each]) for each in due[:limit]]

    @step("views.postpone")
    def postpone(self, order_id: str, placed_at: datetime, commit: int, until: datetime | None, attempts: int) -> None:
        """See the port."""
        pk, sk = _row_key(order_id, placed_at)
        known = self._get(pk, sk)
        if known is None or known["n"] != commit:
            return
        due = {} if until is None else {"dpk": keys.due_pk(order_id), "dsk": keys.instant(until)}
        gone = ("dpk", "dsk") if due else ("dpk", "dsk", "du")
        rest = {name: value for name, value in known.items() if name not in gone}
        self._put(pk, sk, {**rest, **due, "tries": attempts})

    @step("views.put_row")
    def put_row(
        self, kind: str, key: str, row: Mapping[str, Any], *, keep_days: int = 0, replace: bool = False
    ) -> bool:
        """See the port. Nothing is swept."""
        if self._get(kind, key) and not replace:
            return False
        self._put(kind, key, {"row": through_json(row) if self.faithful else row})
        return True

    @step("views.get_row")
    def get_row(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """See the port."""
        item = self._get(kind, key)
        return item["row"] if item else None

    @step("views.list_rows")
    def list_rows(self, kind: str, limit: int, cursor: str) -> tuple[list[Mapping[str, Any]], str]:
        """See the port; raises InvalidCursorError."""
        rows = self.store.items.get(kind, {})
        chosen, after = page(sorted(rows, reverse=True), limit, cursor, of=kind, newest=True)
        return [rows[key]["row"] for key in chosen], after

    @step("views.delete_row")
    def delete_row(self, kind: str, key: str) -> None:
        """See the port."""
        if known := self._get(kind, key):
            self._unlist(kind, key, known)
            self.store.drop_in(self.store.items, kind, key)

    @step("views.hit")
    def hit(self, key: str, window_s: int, now: datetime) -> int:
        """See the port."""
        window = (key, int(now.timestamp()) // window_s)
        count = self.store.hits.get(window, 0) + 1
        self.store.put(self.store.hits, window, count)
        return count

    # ---- the table

    def _put(self, pk: str, sk: str, item: Item) -> None:
        """Write an item, and list it in the indexes whose keys it has."""
        store = self.store
        if known := self._get(pk, sk):
            self._unlist(pk, sk, known)
        for index, listed, place in _listed(pk, sk, item):
            store.put_in(store.listed, (index, listed), place, (pk, sk))
        store.put_in(store.items, pk, sk, item)

    def _unlist(self, pk: str, sk: str, item: Item) -> None:
        for index, listed, place in _listed(pk, sk, item):
            self.store.drop_in(self.store.listed, (index, listed), place)

    def _index(self, index: str, pk: str) -> Mapping[str, tuple[str, str]]:
        """The keys of what stands in a partition of an index, by their place in it."""
        return self.store.listed.get((index, pk), {})

    def _get(self, pk: str, sk: str) -> Item | None:
        return self.store.items.get(pk, {}).get(sk)

    def _at(self, key: tuple[str, str]) -> Item:
        return self.store.items[key[0]][key[1]]


class MemoryMarks(Port):
    """Marks port."""

    __slots__ = ()

    @step("marks.load")
    def load(self, name: str) -> Mapping[str, Any] | None:
        """See the port."""
        item = self.store.items.get(keys.MARK, {}).get(name)
        return item["row"] if item else None

    @step("marks.save")
    def save(self, name: str, mark: Mapping[str, Any], seen: Mapping[str, Any] | None) -> bool:
        """See the port."""
        known = self.store.items.get(keys.MARK, {}).get(name)
        if (known["row"] if known else None) != seen:
            return known is not None and bool(known["row"] == mark)
        self.store.put_in(self.store.items, keys.MARK, name, {"row": through_json(mark) if self.faithful else mark})
        return True


def _listed(pk: str, sk: str, item: Item) -> Iterator[tuple[str, str, str]]:
    """Index, its partition, and the item's place there: its sort key, made its own when it does not end with an id."""
    for index in INDEXES:
        if listed := item.get(f"{index}pk"):
            at = item[f"{index}sk"]
            yield index, listed, f"{at}#{pk}#{sk}" if index == "d" else at


def _item(row: Mapping[str, Any], number: int) -> Item:
    """A row of the projection as it is kept, beside its keys."""
    kept = {name: value for name, value in row.items() if value and name not in ("pk", "sk")}
    return {**kept, "n": number} if kept else _bare(number)


@cache
def _bare(number: int) -> Item:
    # Most rows are look-ups, which hold nothing: they share one item.
    return {"n": number}


def page(keys_: Sequence[str], limit: int, cursor: str, *, of: str, newest: bool = False) -> tuple[Sequence[str], str]:
    """`limit` of the sorted keys behind the one where `cursor` ended, and the next cursor.

    The key itself may be gone by then. Raises InvalidCursorError for what is no cursor of this list.
    """
    if cursor:
        last = _open(cursor, of)
        keys_ = [key for key in keys_ if (key < last if newest else key > last)]
    chosen = keys_[:limit]
    return chosen, _close(of, chosen[-1]) if len(keys_) > limit else ""


def _close(of: str, key: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([of, key]).encode()).decode()


def _open(cursor: str, of: str) -> str:
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor))
    except ValueError as error:
        raise InvalidCursorError("not a cursor of this system") from error
    if not (isinstance(parts, list) and len(parts) == 2 and parts[0] == of and isinstance(parts[1], str)):
        raise InvalidCursorError("not a cursor of this list")
    return parts[1]


def _row_key(order_id: str, placed_at: datetime) -> tuple[str, str]:
    at = keys.instant(placed_at)
    return keys.day_pk(at, order_id), keys.at_sk(at, order_id)


def _order_id(sk: str) -> str:
    return sk.rpartition("#")[2]


def _order_row(item: Item) -> Mapping[str, Any]:
    row = json.loads(item["row"])
    row.pop("fulfillment_order", None)
    return {**row, "commit": item["n"], "tries": item.get("tries", 0)}


class MemoryOpenWork(Port):
    """OpenWork port, over the rows of the views. What is projected is counted at once."""

    __slots__ = ()

    @step("work.open_orders")
    def open_orders(self, node_ids: Iterable[str]) -> dict[str, int]:
        """See the port."""
        listed = self.store.listed
        return {
            node: sum(len(listed.get(("w", keys.open_work_pk(node, status)), ())) for status in OPEN)
            for node in node_ids
        }

    @step("work.owed")
    def owed(self, sku: str, placed_at: datetime, order_id: str, limit: int) -> int | None:
        """See the port."""
        own = keys.at_sk(keys.instant(placed_at), order_id)
        rows = self.store.items.get(keys.waiting_pk(sku), {})
        ahead = [int(item["waiting"]) for sk, item in rows.items() if sk < own and item.get("waiting")]
        return None if len(ahead) > limit else sum(ahead)
