"""Streams that are too long to be read whole: years of a series of invoices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.adapters import keys
from oms.adapters.commit_item import commit_from_item
from oms.adapters.dynamodb_log import DynamoLog
from oms.domain.history import History

if TYPE_CHECKING:
    from oms.domain.commit import Commit


class DynamoSeriesLog(DynamoLog):
    """SeriesLog port."""

    def newest(self, stream: str) -> History:
        """By a consistent Query from the end; parts of a long commit stand behind it."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": {":pk": {"S": stream}, ":prefix": {"S": keys.COMMIT_PREFIX}},
            "ScanIndexForward": False,
            "Limit": 1,
            "ConsistentRead": True,
        }
        while True:
            page = self._client.query(**query)
            found = next((item for item in page["Items"] if keys.is_commit_sk(item["sk"]["S"])), None)
            if found is not None:
                return History(stream=stream, commits=(commit_from_item(self.whole(found)),), head=found["h"]["S"])
            if "LastEvaluatedKey" not in page:
                return History(stream=stream)
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def one(self, stream: str, number: int) -> Commit | None:
        """By a consistent GetItem."""
        item = self.image(stream, keys.commit_sk(number))
        return commit_from_item(self.whole(item)) if item else None
