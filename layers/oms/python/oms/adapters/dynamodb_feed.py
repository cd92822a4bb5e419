"""Positions for the rows of a feed, a hundred a request, and what they remember of its source."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.adapters.feed_marks import from_text, mark_name, only_mark
from oms.adapters.shards import Shards, row_from_item, rows_of
from oms.domain.feed import NO_MARK, Fed, taken_key
from oms.domain.shards import total
from oms.domain.stock import StockDelta

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from oms.domain.feed import Told

    Place = tuple[str, str]
    Item = Mapping[str, Any]

BATCH: Final = 100
"""Keys of a BatchGetItem."""
ABREAST: Final = 8
_TRIES: Final = 8
_BACKOFF_S: Final = 0.05


class DynamoFeed:
    """FedStock port."""

    def __init__(self, client: Any, events_table: str, stock_table: str) -> None:
        self._client = client
        self._events = events_table
        self._stock = stock_table
        self._shards = Shards(client, stock_table)

    def fed(self, source: str, places: Iterable[Place]) -> dict[Place, Fed]:
        """See the port."""
        found = {place: Fed(position=StockDelta(sku=place[0], node_id=place[1]), known=False) for place in places}
        wanted = [{"pk": {"S": sku}, "sk": {"S": keys.position_sk(node)}} for sku, node in found]
        name = mark_name(source)
        for item in self._get(self._stock, wanted):
            place = (item["pk"]["S"], item["sk"]["S"].rpartition("#")[0])
            mark = from_text(item[name]["S"]) if name in item else NO_MARK
            at = row_from_item(item) if rows_of(item) == 1 else total(self._shards.read(item))
            found[place] = Fed(position=at, mark=mark)
        return found

    def taken(self, source: str, row_ids: Iterable[str]) -> frozenset[str]:
        """See the port."""
        wanted = {keys.unique_pk(taken_key(source, each)): each for each in row_ids}
        found = self._get(self._events, [{"pk": {"S": pk}, "sk": {"S": keys.OWNER}} for pk in wanted])
        return frozenset(wanted[item["pk"]["S"]] for item in found)

    def tell(self, source: str, told: Sequence[Told]) -> list[bool]:
        """See the port. `ABREAST` updates at a time."""
        if len(told) <= 1:
            return [self._tell(source, each) for each in told]
        with ThreadPoolExecutor(ABREAST) as threads:
            return list(threads.map(lambda each: self._tell(source, each), told))

    def _tell(self, source: str, told: Told) -> bool:
        key = {"pk": {"S": told.row.sku}, "sk": {"S": keys.position_sk(told.row.place)}}
        for attempt in range(_TRIES):
            try:
                self._client.update_item(TableName=self._stock, Key=key, **only_mark(source, told))
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
            except self._client.exceptions.TransactionConflictException:
                time.sleep(_BACKOFF_S * 2**attempt)
            else:
                return True
        return False

    def _get(self, table: str, wanted: Sequence[Item]) -> Iterator[Item]:
        batches = [wanted[start : start + BATCH] for start in range(0, len(wanted), BATCH)]
        if len(batches) < 2:  # noqa: PLR2004 - a thread takes longer to start than it saves
            yield from (item for batch in batches for item in self._batch(table, batch))
            return
        with ThreadPoolExecutor(ABREAST) as threads:
            for items in threads.map(lambda batch: self._batch(table, batch), batches):
                yield from items

    def _batch(self, table: str, wanted: Sequence[Item]) -> list[Item]:
        found: list[Item] = []
        request: Any = {table: {"Keys": wanted, "ConsistentRead": True}}
        for attempt in range(_TRIES):
            answer = self._client.batch_get_item(RequestItems=request)
            found.extend(answer["Responses"].get(table, []))
            request = answer.get("UnprocessedKeys")
            if not request:
                return found
            time.sleep(_BACKOFF_S * 2**attempt)
        raise TimeoutError("a table kept giving less than was asked for")
