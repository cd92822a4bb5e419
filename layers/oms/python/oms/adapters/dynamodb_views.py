"""Lists, search and due work on DynamoDB. Derived: every row can be made again from `events`."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.adapters.projection import rows_of
from oms.domain.errors import InvalidCursorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from oms.domain.commit import Commit

INDEX_LIST: Final = "by_list"
INDEX_DUE: Final = "by_due"
_MAX_KEY: Final = 500
MAX_DAYS: Final = 92
"""The longest date range one list request walks."""


class DynamoViews:
    """Views port. `project` is safe to repeat and to reorder: a row refuses a commit older than it shows."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def project(self, commit: Commit) -> None:
        """One guarded put per row."""
        for row in rows_of(commit):
            self._put_guarded(row, commit.number)

    def _put_guarded(self, row: Mapping[str, str], number: int) -> None:
        item = {name: {"S": value} for name, value in row.items() if name != "ttl" and value}
        if row.get("ttl"):
            item["ttl"] = {"N": row["ttl"]}
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
        found: list[str] = []
        skip, last = _open_cursor(cursor)
        if last and not keys.instant(since) <= last <= keys.instant(until) + "~":
            raise InvalidCursorError("not a cursor of this list")
        after = ""
        for pk in self._partitions(by, value, since, until):
            if skip and pk != skip:
                continue
            skip = ""
            for order_id, sk in self._ids(by, pk, since, until, last):
                if len(found) == limit:
                    return self._rows(found), after
                found.append(order_id)
                after = _close_cursor(pk, sk)
            last = ""
        return self._rows(found), ""

    def _partitions(self, by: str, value: str, since: datetime, until: datetime) -> Iterator[str]:
        days = [until - timedelta(days=back) for back in range(min((until.date() - since.date()).days, MAX_DAYS) + 1)]
        texts = [day.strftime("%Y-%m-%d") for day in days]
        if by == "stage":
            yield from (keys.stage_pk(value, day) for day in texts)
        elif by == "channel":
            yield from (keys.channel_pk(value, day) for day in texts)
        elif by == "sku":
            yield from dict.fromkeys(keys.sku_pk(value, day) for day in texts)
        else:
            yield keys.lookup_pk(by, value)

    def _ids(self, by: str, pk: str, since: datetime, until: datetime, last: str) -> Iterator[tuple[str, str]]:
        """(order id, sort key) in a partition, newest first."""
        index = by == "stage"
        names = {"#pk": "lpk" if index else "pk", "#sk": "lsk" if index else "sk"}
        low, high = keys.instant(since), last or keys.instant(until) + "~"
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#pk = :pk AND #sk BETWEEN :low AND :high",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":low": {"S": low}, ":high": {"S": high}},
            "ScanIndexForward": False,
            **({"IndexName": INDEX_LIST} if index else {}),
        }
        while True:
            page = self._client.query(**query)
            for item in page["Items"]:
                sk = item[names["#sk"]]["S"]
                if sk != last:
                    yield sk.rpartition("#")[2], sk
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _rows(self, order_ids: list[str]) -> list[Mapping[str, Any]]:
        """The rows of these orders, in this order."""
        return [_order_row(item) for item in self._get_all([(keys.order_pk(each), keys.ROW) for each in order_ids])]

    def list_fulfillment_orders(
        self, node_id: str, status: str, limit: int, cursor: str
    ) -> tuple[list[Mapping[str, Any]], str]:
        """Open ones, the earliest promise first."""
        page = self._client.query(
            TableName=self._table,
            IndexName=INDEX_LIST,
            KeyConditionExpression="lpk = :pk",
            ExpressionAttributeValues={":pk": {"S": keys.open_work_pk(node_id, status)}},
            Limit=limit,
            **_start(cursor, ("pk", "sk", "lpk", "lsk"), lpk=keys.open_work_pk(node_id, status)),
        )
        ids = [(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"]]
        rows = [json.loads(row["row"]["S"]) for row in self._get_all(ids)]
        return rows, _next(page)

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
        page = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": keys.lookup_pk(kind, value)}},
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=25,
        )
        return [item["sk"]["S"].rpartition("#")[2] for item in page["Items"]]

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
        """Most overdue first within each partition."""
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
        return rows

    def postpone(self, order_id: str, commit: int, until: datetime | None, attempts: int) -> None:
        """Conditional on the row's commit: a row that moved on has its own due time."""
        sets, removes = "SET tries = :tries", " REMOVE dpk, dsk"
        values: dict[str, Any] = {":n": {"N": str(commit)}, ":tries": {"N": str(attempts)}}
        if until is not None:
            sets, removes = sets + ", dpk = :dpk, dsk = :dsk", ""
            values |= {":dpk": {"S": keys.due_pk(order_id)}, ":dsk": {"S": keys.instant(until)}}
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": keys.order_pk(order_id)}, "sk": {"S": keys.ROW}},
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


def _order_row(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        **json.loads(item["row"]["S"]),
        "commit": int(item["n"]["N"]),
        "tries": int(item["tries"]["N"]) if "tries" in item else 0,
    }


def _close_cursor(*parts: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _open_cursor(cursor: str) -> tuple[str, str]:
    if not cursor:
        return "", ""
    parts = _decode_cursor(cursor)
    if not (isinstance(parts, list) and len(parts) == 2 and all(_is_key(each) for each in parts)):  # noqa: PLR2004
        raise InvalidCursorError("not a cursor of this system")
    return parts[0], parts[1]


def _decode_cursor(cursor: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError) as error:
        raise InvalidCursorError("not a cursor of this system") from error


def _start(cursor: str, names: tuple[str, ...], **partition: str) -> dict[str, Any]:
    """Where a page goes on: the key that ended the one before, in this very partition."""
    if not cursor:
        return {}
    key = _decode_cursor(cursor)
    sound = isinstance(key, dict) and set(key) == set(names) and all(_is_key(each) for each in key.values())
    if not sound or any(key[name] != value for name, value in partition.items()):
        raise InvalidCursorError("not a cursor of this list")
    return {"ExclusiveStartKey": {name: {"S": value} for name, value in key.items()}}


def _is_key(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_KEY


def _next(page: Mapping[str, Any]) -> str:
    key = page.get("LastEvaluatedKey")
    if not key:
        return ""
    plain = {name: value["S"] for name, value in key.items()}
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")
