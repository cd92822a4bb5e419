"""Lists of orders by one attribute and a range of dates, newest first, page by page.

| by | how |
|---|---|
| number | an index of the log over the commits that placed orders |
| tracking, payment, serial, lot | one partition of look-ups per value |
| customer | the keys of the customer's contacts, never what they hold; rows of other customers are dropped |
| a stage that needs attention | an index, one partition per stage and day |
| any other stage, channel, sku, all | the days' partitions, walked with a filter: most pages of these are full soon |
"""

from __future__ import annotations

import base64
import heapq
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.adapters.projection import ATTENTION
from oms.domain.errors import InvalidCursorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

INDEX_LIST: Final = "by_list"
INDEX_NUMBER: Final = "by_number"
LOOKUPS: Final = ("number", "tracking", "payment", "serial", "lot")
MAX_DAYS: Final = 92
"""The longest date range one list request walks."""
PAGES: Final = 40
"""Queries that looked at something, after which a walk ends with the day it is at, and a cursor to go on from."""
FIRST_LOOK: Final = 100
"""Items that the first query of a partition looks at; each next one looks at four times as many."""
MOST_LOOK: Final = 5000
_FILTERS: Final = {"channel": "ch = :value", "stage": "st = :value", "sku": "contains(skus, :value)", "all": ""}
_KEYS: Final = {"stage": ("lpk", "lsk"), "number": ("npk", "nsk")}
_MAX_KEY: Final = 500


class OrderLists:
    """Over the views table; `rows` gives the order rows of these keys that are there, in their order."""

    def __init__(
        self,
        client: Any,
        table: str,
        contacts_table: str,
        events_table: str,
        rows: Callable[[list[tuple[str, str]]], list[dict[str, Any]]],
    ) -> None:
        self._client = client
        self._table = table
        self._contacts_table = contacts_table
        self._events_table = events_table
        self._rows = rows

    def page(
        self, by: str, value: str, since: datetime, until: datetime, limit: int, cursor: str
    ) -> tuple[list[dict[str, Any]], str]:
        """(items, next cursor). A page may be short, or empty, and still have a cursor. Raises InvalidCursorError."""
        low, high = keys.instant(since), keys.instant(until) + "~"
        last = open_cursor(cursor)
        if last and not low <= last <= high:
            raise InvalidCursorError("not a cursor of this list")
        if by == "customer" or by in LOOKUPS or (by == "stage" and value in ATTENTION):
            return self._listed(by, value, (low, last or high), last, limit)
        return self._walked(by, value, (low, last or high), last, limit)

    # ---- by index, look-up or contact: the keys of orders, then their rows

    def _listed(
        self, by: str, value: str, span: tuple[str, str], last: str, limit: int
    ) -> tuple[list[dict[str, Any]], str]:
        found: list[str] = []
        for pk in self._partitions(by, value, span):
            for sk in self._sks(by, pk, span, limit):
                if sk == last:
                    continue
                if len(found) == limit:
                    return self._rows_of(by, value, found), close_cursor(found[-1])
                found.append(sk)
        return self._rows_of(by, value, found), ""

    def _rows_of(self, by: str, value: str, sks: list[str]) -> list[dict[str, Any]]:
        rows = self._rows([_row_key(each) for each in sks])
        if by != "customer":
            return rows
        # A crash may leave a contact under a customer who did not get the order.
        return [row for row in rows if json.loads(row["row"]["S"]).get("customer") == value]

    @staticmethod
    def _partitions(by: str, value: str, span: tuple[str, str]) -> list[str]:
        if by == "stage":
            return [keys.stage_pk(value, day) for day in days(*span)]
        if by == "number":
            return [keys.number_pk(value)]
        return [value if by == "customer" else keys.lookup_pk(by, value)]

    def _sks(self, by: str, pk: str, span: tuple[str, str], limit: int) -> Iterator[str]:
        pk_name, sk_name = _KEYS.get(by, ("pk", "sk"))
        query: dict[str, Any] = {
            **self._source(by),
            "KeyConditionExpression": f"{pk_name} = :pk AND {sk_name} BETWEEN :low AND :high",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":low": {"S": span[0]}, ":high": {"S": span[1]}},
            "ScanIndexForward": False,
            "Limit": limit + 2,  # the one that ended the page before, a page, and whether there is more
        }
        while True:
            answer = self._client.query(**query)
            yield from (item[sk_name]["S"] for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _source(self, by: str) -> dict[str, Any]:
        if by == "stage":
            return {"TableName": self._table, "IndexName": INDEX_LIST}
        if by == "number":
            return {"TableName": self._events_table, "IndexName": INDEX_NUMBER}
        if by == "customer":
            # Who lists orders may ask for the keys of contacts, in these words and no others.
            return {
                "TableName": self._contacts_table,
                "ProjectionExpression": "pk, sk",
                "Select": "SPECIFIC_ATTRIBUTES",
            }
        return {"TableName": self._table}

    # ---- by walking days

    def _walked(
        self, by: str, value: str, span: tuple[str, str], last: str, limit: int
    ) -> tuple[list[dict[str, Any]], str]:
        found: list[dict[str, Any]] = []
        asked: list[str] = []
        for day in days(*span):
            if len(asked) > PAGES:
                return found, close_cursor(f"{day}~")
            shards = [self._day(pk, by, value, span, asked) for pk in keys.day_pks(day)]
            for item in heapq.merge(*shards, key=_sk, reverse=True):
                if _sk(item) == last:
                    continue
                if len(found) == limit:
                    return found, close_cursor(_sk(found[-1]))
                found.append(item)
        return found, ""

    def _day(self, pk: str, by: str, value: str, span: tuple[str, str], asked: list[str]) -> Iterator[dict[str, Any]]:
        query: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":low": {"S": span[0]}, ":high": {"S": span[1]}},
        }
        if _FILTERS[by]:
            query["FilterExpression"] = _FILTERS[by]
            query["ExpressionAttributeValues"][":value"] = {"S": value}
        look = FIRST_LOOK
        while True:
            answer = self._client.query(TableName=self._table, ScanIndexForward=False, Limit=look, **query)
            if answer["ScannedCount"]:
                asked.append(pk)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            look = min(look * 4, MOST_LOOK)


def days(low: str, high: str) -> list[str]:
    """The UTC days between two instants as keys carry them, newest first; `MAX_DAYS` and one at the most."""
    first, newest = (date.fromisoformat(keys.day_of(each)) for each in (low, high))
    count = min((newest - first).days, MAX_DAYS) + 1
    return [(newest - timedelta(days=back)).isoformat() for back in range(count)]


def close_cursor(position: str) -> str:
    """Where a page ended, as callers carry it."""
    return base64.urlsafe_b64encode(json.dumps([position]).encode()).decode().rstrip("=")


def open_cursor(cursor: str) -> str:
    """The position that a cursor carries, '' for none; raises InvalidCursorError."""
    if not cursor:
        return ""
    parts = decode_cursor(cursor)
    if not (isinstance(parts, list) and len(parts) == 1 and is_key(parts[0])):
        raise InvalidCursorError("not a cursor of this system")
    position: str = parts[0]
    return position


def decode_cursor(cursor: str) -> Any:
    """What a cursor holds; raises InvalidCursorError."""
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError) as error:
        raise InvalidCursorError("not a cursor of this system") from error


def is_key(value: object) -> bool:
    """A text that may be a key."""
    return isinstance(value, str) and 0 < len(value) <= _MAX_KEY


def _sk(item: Mapping[str, Any]) -> str:
    sk: str = item["sk"]["S"]
    return sk


def _row_key(sk: str) -> tuple[str, str]:
    placed_at, _, order_id = sk.rpartition("#")
    return keys.day_pk(placed_at, order_id), sk
