"""Lists, search and due work on DynamoDB. Derived: every row can be made again from `events`."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.adapters.order_lists import INDEX_LIST, INDEX_NUMBER, OrderLists, decode_cursor, is_key
from oms.adapters.projection import rows_of
from oms.domain.canonical import ContactKey
from oms.domain.errors import InvalidCursorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.adapters.projection import Row
    from oms.domain.commit import Commit

INDEX_DUE: Final = "by_due"
INDEX_WORK: Final = "by_work"
MOST_FOUND: Final = 25
"""What one look-up gives at most."""
WALKED_DAYS: Final = 45
"""Days after which an order that goes its usual way should have arrived, or somebody was told."""
WALK_EVERY: Final = 8
"""Minutes between two slices: 45 days of four partitions are 180 slices, eight minutes each make a day."""


class DynamoViews:
    """Views port. `project` is safe to repeat and to reorder: a row refuses a commit older than it shows."""

    def __init__(self, client: Any, table: str, contacts_table: str, events_table: str) -> None:
        self._client = client
        self._table = table
        self._contacts_table = contacts_table
        self._events_table = events_table

    def project(self, commit: Commit, *, late: bool = False) -> None:
        """One guarded put per row."""
        for row in rows_of(commit, late=late):
            self._put_guarded(row, commit.number)

    def _put_guarded(self, row: Row, number: int) -> None:
        item = {name: _typed(name, value) for name, value in row.items() if value}
        try:
            self._client.put_item(
                TableName=self._table,
                Item={**item, "n": {"N": str(number)}},
                ConditionExpression="attribute_not_exists(pk) OR n < :n",
                ExpressionAttributeValues={":n": {"N": str(number)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def list_orders(
        self, by: str, value: str, since: datetime, until: datetime, limit: int, cursor: str
    ) -> tuple[list[Mapping[str, Any]], str]:
        """`by` is stage, channel, customer, sku, tracking or number. Raises InvalidCursorError."""
        lists = OrderLists(self._client, self._table, self._contacts_table, self._events_table, self._get_all)
        items, after = lists.page(by, value, since, until, limit, cursor)
        return [_order_row(item) for item in items], after

    def unlisted(self, orders: Mapping[str, datetime]) -> list[str]:
        """Those of these orders, with when they were placed, that have no row yet."""
        wanted = {order_id: _row_key(order_id, placed_at) for order_id, placed_at in orders.items()}
        listed = {(item["pk"]["S"], item["sk"]["S"]) for item in self._get_all(list(wanted.values()))}
        return [order_id for order_id, key in wanted.items() if key not in listed]

    def list_fulfillment_orders(
        self, node_id: str, status: str, limit: int, cursor: str
    ) -> tuple[list[Mapping[str, Any]], str]:
        """Open ones, the earliest promise first."""
        page = self._client.query(
            TableName=self._table,
            IndexName=INDEX_WORK,
            KeyConditionExpression="wpk = :pk",
            ExpressionAttributeValues={":pk": {"S": keys.open_work_pk(node_id, status)}},
            Limit=limit,
            **_start(cursor, ("pk", "sk", "wpk", "wsk"), wpk=keys.open_work_pk(node_id, status)),
        )
        ids = [(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"]]
        rows = [json.loads(row["row"]["S"]).get("fulfillment_order") for row in self._get_all(ids)]
        return [row for row in rows if row], _next(page)

    def _get_all(self, ids: list[tuple[str, str]]) -> list[dict[str, Any]]:
        """The items with these keys that are there, in this order."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for start in range(0, len(ids), 100):
            part = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in dict.fromkeys(ids[start : start + 100])]
            request: Any = {self._table: {"Keys": part}}
            while request:
                answer = self._client.batch_get_item(RequestItems=request)
                for item in answer["Responses"].get(self._table, []):
                    found[(item["pk"]["S"], item["sk"]["S"])] = item
                request = answer.get("UnprocessedKeys")
        return [found[each] for each in ids if each in found]

    def orders_with(self, kind: str, value: str) -> list[str]:
        """Newest first."""
        return [item["sk"]["S"].rpartition("#")[2] for item in self._with(kind, value)]

    def contacts_of(self, number: str) -> list[ContactKey]:
        """Newest first."""
        page = self._client.query(
            TableName=self._events_table,
            IndexName=INDEX_NUMBER,
            KeyConditionExpression="npk = :pk",
            ExpressionAttributeValues={":pk": {"S": keys.number_pk(number)}},
            ScanIndexForward=False,
            Limit=MOST_FOUND,
        )
        found = []
        for item in page["Items"]:
            placed_at, _, order_id = item["nsk"]["S"].rpartition("#")
            customer_id = item["cu"]["S"] if "cu" in item else ""
            at = datetime.fromisoformat(placed_at)
            found.append(ContactKey(customer_id=customer_id, placed_at=at, order_id=order_id))
        return found

    def _with(self, kind: str, value: str) -> list[dict[str, Any]]:
        page = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": keys.lookup_pk(kind, value)}},
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=MOST_FOUND,
        )
        items: list[dict[str, Any]] = page["Items"]
        return items

    def waiting_orders(self, sku: str, limit: int) -> list[str]:
        """Longest waiting first."""
        found: list[str] = []
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "FilterExpression": "attribute_exists(waiting)",
            "ExpressionAttributeValues": {":pk": {"S": keys.waiting_pk(sku)}},
        }
        while len(found) < limit:
            page = self._client.query(**query)
            found.extend(item["sk"]["S"].rpartition("#")[2] for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                break
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return found[:limit]

    def overdue(self, now: datetime, limit: int) -> list[Mapping[str, Any]]:
        """Most overdue first within each partition of the index; then those of the slice that is walked now.

        Orders that go their usual way stand in no index: each day's orders are looked through once a day.
        """
        rows: list[Mapping[str, Any]] = []
        for pk in keys.due_pks():
            page = self._client.query(
                TableName=self._table,
                IndexName=INDEX_DUE,
                KeyConditionExpression="dpk = :pk AND dsk <= :now",
                ExpressionAttributeValues={":pk": {"S": pk}, ":now": {"S": keys.instant(now)}},
                Limit=limit,
            )
            ids = [(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"]]
            rows.extend(_order_row(item) for item in self._get_all(ids))
        slice_ = walked_at(now)
        return rows + self._unkept(slice_, now) if slice_ else rows

    def _unkept(self, pk: str, now: datetime) -> list[Mapping[str, Any]]:
        query: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk",
            "FilterExpression": "du <= :now AND attribute_not_exists(dpk)",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":now": {"S": keys.instant(now)}},
        }
        rows: list[Mapping[str, Any]] = []
        while True:
            page = self._client.query(TableName=self._table, **query)
            rows.extend(_order_row(item) for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return rows
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def postpone(self, order_id: str, placed_at: datetime, commit: int, until: datetime | None, attempts: int) -> None:
        """Conditional on the row's commit: a row that moved on has its own due time."""
        sets, removes = "SET tries = :tries", " REMOVE dpk, dsk, du"
        values: dict[str, Any] = {":n": {"N": str(commit)}, ":tries": {"N": str(attempts)}}
        if until is not None:
            sets, removes = sets + ", dpk = :dpk, dsk = :dsk", ""
            values |= {":dpk": {"S": keys.due_pk(order_id)}, ":dsk": {"S": keys.instant(until)}}
        pk, sk = _row_key(order_id, placed_at)
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": pk}, "sk": {"S": sk}},
                UpdateExpression=sets + removes,
                ConditionExpression="n = :n",
                ExpressionAttributeValues=values,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def put_row(
        self,
        kind: str,
        key: str,
        row: Mapping[str, Any],
        *,
        keep_days: int = 0,
        replace: bool = False,
        listed_at: datetime | None = None,
        look_at: datetime | None = None,
    ) -> bool:
        """Conditional on its absence, unless it replaces."""
        item = {"pk": {"S": kind}, "sk": {"S": key}, "row": {"S": json.dumps(row, ensure_ascii=False)}}
        if keep_days:
            item["ttl"] = {"N": str(int((datetime.now(UTC) + timedelta(days=keep_days)).timestamp()))}
        if listed_at is not None:
            item |= {"lpk": {"S": keys.newest_pk(kind)}, "lsk": {"S": keys.at_sk(keys.instant(listed_at), key)}}
        if look_at is not None:
            item |= {"dpk": {"S": keys.look_pk(kind)}, "dsk": {"S": keys.at_sk(keys.instant(look_at), key)}}
        condition = {} if replace else {"ConditionExpression": "attribute_not_exists(pk)"}
        try:
            self._client.put_item(TableName=self._table, Item=item, **condition)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def get_row(self, kind: str, key: str) -> Mapping[str, Any] | None:
        """Read consistently."""
        answer = self._client.get_item(
            TableName=self._table, Key={"pk": {"S": kind}, "sk": {"S": key}}, ConsistentRead=True
        )
        return json.loads(answer["Item"]["row"]["S"]) if "Item" in answer else None

    def list_rows(self, kind: str, limit: int, cursor: str) -> tuple[list[Mapping[str, Any]], str]:
        """Newest key first."""
        page = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": kind}},
            ScanIndexForward=False,
            Limit=limit,
            **_start(cursor, ("pk", "sk"), pk=kind),
        )
        return [json.loads(item["row"]["S"]) for item in page["Items"]], _next(page)

    def list_newest(self, kind: str, limit: int, cursor: str) -> tuple[list[Mapping[str, Any]], str]:
        """Rows of a kind by the time they are listed at, newest first."""
        pk = keys.newest_pk(kind)
        page = self._client.query(
            TableName=self._table,
            IndexName=INDEX_LIST,
            KeyConditionExpression="lpk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            ScanIndexForward=False,
            Limit=limit,
            **_start(cursor, ("pk", "sk", "lpk", "lsk"), lpk=pk),
        )
        ids = [(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"]]
        return [json.loads(item["row"]["S"]) for item in self._get_all(ids)], _next(page)

    def to_look_at(self, kind: str, now: datetime, limit: int) -> list[Mapping[str, Any]]:
        """Rows of a kind that somebody wanted to look at by now, the longest waiting first."""
        page = self._client.query(
            TableName=self._table,
            IndexName=INDEX_DUE,
            KeyConditionExpression="dpk = :pk AND dsk <= :now",
            ExpressionAttributeValues={
                ":pk": {"S": keys.look_pk(kind)},
                ":now": {"S": keys.at_sk(keys.instant(now), "~")},
            },
            Limit=limit,
        )
        ids = [(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"]]
        return [json.loads(item["row"]["S"]) for item in self._get_all(ids)]

    def look_again(self, kind: str, key: str, at: datetime) -> None:
        """Look at a row later; nothing when it is gone."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": kind}, "sk": {"S": key}},
                UpdateExpression="SET dsk = :dsk",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":dsk": {"S": keys.at_sk(keys.instant(at), key)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def delete_row(self, kind: str, key: str) -> None:
        """Idempotent."""
        self._client.delete_item(TableName=self._table, Key={"pk": {"S": kind}, "sk": {"S": key}})

    def hit(self, key: str, window_s: int, now: datetime) -> int:
        """A fixed window's counter. A lost acknowledgement may count twice: that errs on the strict side."""
        window = int(now.timestamp()) // window_s
        answer = self._client.update_item(
            TableName=self._table,
            Key={"pk": {"S": f"hit#{key}"}, "sk": {"S": str(window)}},
            UpdateExpression="ADD hits :one SET #ttl = :ttl",
            ExpressionAttributeNames={"#ttl": "ttl"},
            ExpressionAttributeValues={":one": {"N": "1"}, ":ttl": {"N": str((window + 2) * window_s)}},
            ReturnValues="UPDATED_NEW",
        )
        return int(answer["Attributes"]["hits"]["N"])


def walked_at(now: datetime) -> str:
    """The partition of a day's orders that is looked through in this minute; '' in most minutes.

    In a day every partition of the last `WALKED_DAYS` days has its turn once.
    """
    minute = int(now.timestamp()) // 60
    if minute % WALK_EVERY:
        return ""
    turn = minute // WALK_EVERY % (WALKED_DAYS * keys.DAY_SHARDS)
    back, shard = divmod(turn, keys.DAY_SHARDS)
    return keys.day_pks((now - timedelta(days=back)).strftime("%Y-%m-%d"))[shard]


def _row_key(order_id: str, placed_at: datetime) -> tuple[str, str]:
    at = keys.instant(placed_at)
    return keys.day_pk(at, order_id), keys.at_sk(at, order_id)


def _typed(name: str, value: str | tuple[str, ...]) -> dict[str, Any]:
    if isinstance(value, tuple):
        return {"SS": list(value)}
    return {"N" if name == "ttl" else "S": value}


def _order_row(item: Mapping[str, Any]) -> Mapping[str, Any]:
    row = json.loads(item["row"]["S"])
    row.pop("fulfillment_order", None)
    return {
        **row,
        "commit": int(item["n"]["N"]),
        "tries": int(item["tries"]["N"]) if "tries" in item else 0,
    }


def _start(cursor: str, names: tuple[str, ...], **partition: str) -> dict[str, Any]:
    """Where a page goes on: the key that ended the one before, in this very partition."""
    if not cursor:
        return {}
    key = decode_cursor(cursor)
    sound = isinstance(key, dict) and set(key) == set(names) and all(is_key(each) for each in key.values())
    if not sound or any(key[name] != value for name, value in partition.items()):
        raise InvalidCursorError("not a cursor of this list")
    return {"ExclusiveStartKey": {name: {"S": value} for name, value in key.items()}}


def _next(page: Mapping[str, Any]) -> str:
    key = page.get("LastEvaluatedKey")
    if not key:
        return ""
    plain = {name: value["S"] for name, value in key.items()}
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")
