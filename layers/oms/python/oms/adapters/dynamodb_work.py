"""How much work is open at a node, counted in the index that warehouses read their lists from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

INDEX_WORK: Final = "by_work"
KEEP_S: Final = 5.0
"""How long a warm function may use a count."""
OPEN: Final = ("planned", "released", "accepted")


class DynamoOpenWork:
    """OpenWork port. A count is as old as the views are behind, and kept a few seconds."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
        self._kept: dict[str, tuple[float, int]] = {}

    def open_orders(self, node_ids: Iterable[str]) -> dict[str, int]:
        """By node, those with a limit only: nobody else is counted."""
        now = time.monotonic()
        counts = {}
        for node_id in node_ids:
            kept = self._kept.get(node_id)
            if kept is None or now - kept[0] > KEEP_S:
                kept = (now, sum(self._count(keys.open_work_pk(node_id, status)) for status in OPEN))
                self._kept[node_id] = kept
            counts[node_id] = kept[1]
        return counts

    def owed(self, sku: str, placed_at: datetime, order_id: str, limit: int) -> int | None:
        """Read in the waiting list of the SKU, up to the order's own place."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk < :own",
            "FilterExpression": "attribute_exists(waiting)",
            "ExpressionAttributeValues": {
                ":pk": {"S": keys.waiting_pk(sku)},
                ":own": {"S": keys.at_sk(keys.instant(placed_at), order_id)},
            },
        }
        units = orders = 0
        while True:
            page = self._client.query(**query)
            units += sum(int(item["waiting"]["S"]) for item in page["Items"])
            orders += len(page["Items"])
            if orders > limit:
                return None
            if "LastEvaluatedKey" not in page:
                return units
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _count(self, pk: str) -> int:
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": INDEX_WORK,
            "KeyConditionExpression": "wpk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
            "Select": "COUNT",
        }
        count: int = 0
        while True:
            page = self._client.query(**query)
            count += int(page["Count"])
            if "LastEvaluatedKey" not in page:
                return count
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
