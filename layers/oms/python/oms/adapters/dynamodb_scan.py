"""The log and stock, read through from one end to the other by Scan."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.adapters.commit_item import readable
from oms.adapters.dynamodb_log import DynamoLog
from oms.adapters.shards import Shards, is_lead, row_from_item, rows_of
from oms.domain.audit import UnreadableRow
from oms.domain.frozen import frozen
from oms.domain.shards import total

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from oms.domain.commit import StoredCommit, Unreadable
    from oms.domain.stock import StockDelta

    Mark = tuple[str, str]

NAMES: Final = {f"#{name}": name for name in ("pk", "sk", "id", "by", "at", "z", "ph", "h", "np")}
"""What the hash of a commit covers; scans on the way and taken keys are not sent."""


@frozen
class Page:
    """A LogPage."""

    part: int
    commits: Sequence[StoredCommit | Unreadable]
    mark: Mark | None


class DynamoScan:
    """Everything port.

    A part of the log is a segment of its table: a range of hashes of `pk`, so that a stream stands together in one.
    """

    def __init__(self, client: Any, events_table: str, stock_table: str) -> None:
        self._client = client
        self._events = events_table
        self._stock = stock_table

    def stock_pages(self) -> Iterator[Sequence[StockDelta | UnreadableRow]]:
        """See the port. A position that is spread is a page of its own: its rows are read together."""
        query: dict[str, Any] = {"TableName": self._stock, "ConsistentRead": True}
        shards = Shards(self._client, self._stock)
        while True:
            page = self._client.scan(**query)
            leads = [item for item in page["Items"] if is_lead(item)]
            yield [self._read(item, shards) for item in leads if "shards" not in item]
            for item in leads:
                if "shards" in item:
                    yield [self._read(item, shards)]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def positions(self, skus: Iterable[str]) -> Sequence[StockDelta | UnreadableRow]:
        """See the port."""
        shards = Shards(self._client, self._stock)
        found: list[StockDelta | UnreadableRow] = []
        for sku in dict.fromkeys(skus):
            found += [self._read(item, shards) for item in self._items(sku) if is_lead(item)]
        return found

    def _items(self, sku: str) -> Iterator[Mapping[str, Any]]:
        query: dict[str, Any] = {
            "TableName": self._stock,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": sku}},
            "ConsistentRead": True,
        }
        while True:
            page = self._client.query(**query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    @staticmethod
    def _read(item: Mapping[str, Any], shards: Shards) -> StockDelta | UnreadableRow:
        """A position by its row 0. Whoever changed a row past the code may have left anything in it."""
        sku, node_id, _ = keys.position_of(item["pk"]["S"], item["sk"]["S"])
        try:
            return row_from_item(item) if rows_of(item) == 1 else total(shards.read_again((sku, node_id)))
        except (KeyError, TypeError, ValueError):
            return UnreadableRow(sku=sku, node_id=node_id)

    def log_pages(self, marks: Mapping[int, Mark | None], parts: int) -> Iterator[Page]:
        """See the port. The next page is on its way while the caller works on one."""
        waiting = deque(marks.items())

        def ask(ahead: ThreadPoolExecutor) -> tuple[int, Future[Mapping[str, Any]]] | None:
            if not waiting:
                return None
            part, mark = waiting.popleft()
            return part, ahead.submit(self._segment, part, mark, parts)

        with ThreadPoolExecutor(1) as ahead:
            asked = ask(ahead)
            while asked is not None:
                part, answer = asked[0], asked[1].result()
                mark = _mark(answer)
                if mark is not None:
                    waiting.append((part, mark))
                asked = ask(ahead)
                yield Page(part=part, commits=[readable(item) for item in self._commits(answer["Items"])], mark=mark)

    def _commits(self, items: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Those of a page: a long one is read again with its parts, which may be on the next page."""
        log = DynamoLog(self._client, self._events, self._stock)
        return (log.whole(item) for item in items if keys.is_commit_sk(item["sk"]["S"]))

    def _segment(self, part: int, mark: Mark | None, parts: int) -> Mapping[str, Any]:
        start = {} if mark is None else {"ExclusiveStartKey": {"pk": {"S": mark[0]}, "sk": {"S": mark[1]}}}
        answer: Mapping[str, Any] = self._client.scan(
            TableName=self._events,
            Segment=part,
            TotalSegments=parts,
            ConsistentRead=True,
            ProjectionExpression=", ".join(NAMES),
            FilterExpression="begins_with(#sk, :commit)",
            ExpressionAttributeNames=NAMES,
            ExpressionAttributeValues={":commit": {"S": keys.COMMIT_PREFIX}},
            **start,
        )
        return answer

    def stream(self, stream: str) -> Sequence[StoredCommit | Unreadable]:
        """See the port."""
        return DynamoLog(self._client, self._events, self._stock).stored(stream)


def _mark(answer: Mapping[str, Any]) -> Mark | None:
    last = answer.get("LastEvaluatedKey")
    return (last["pk"]["S"], last["sk"]["S"]) if last else None
