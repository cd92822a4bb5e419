"""What became of what channels were told: a row for each message, and a few for each account."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys

if TYPE_CHECKING:
    from collections.abc import Mapping

KEEP: Final = timedelta(days=400)
"""Longer than any queue, dead letter or quarantine can bring a message back."""


class DynamoOutbox:
    """Outbox port. A row is compared as text: the same values are the same text."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def load(self, name: str) -> Mapping[str, Any] | None:
        """Read consistently."""
        answer = self._client.get_item(TableName=self._table, Key=_key(name), ConsistentRead=True)
        return json.loads(answer["Item"]["row"]["S"]) if "Item" in answer else None

    def save(self, name: str, row: Mapping[str, Any], seen: Mapping[str, Any] | None) -> bool:
        """Conditional on what was seen. What an earlier try of this call has kept is kept."""
        if seen is None:
            condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        else:
            condition = {
                "ConditionExpression": "#row = :seen",
                "ExpressionAttributeNames": {"#row": "row"},
                "ExpressionAttributeValues": {":seen": {"S": _text(seen)}},
            }
        ends = str(int((datetime.now(UTC) + KEEP).timestamp()))
        item = {**_key(name), "row": {"S": _text(row)}, "ttl": {"N": ends}}
        try:
            self._client.put_item(TableName=self._table, Item=item, **condition)
        except self._client.exceptions.ConditionalCheckFailedException:
            return self.load(name) == row
        return True


def _key(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}, "sk": {"S": keys.ONLY}}


def _text(row: Mapping[str, Any]) -> str:
    return json.dumps(row, sort_keys=True, ensure_ascii=False)
