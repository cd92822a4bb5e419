"""How far somebody came, beside the lists: a row that is replaced only by who has seen it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from oms.adapters import keys

if TYPE_CHECKING:
    from collections.abc import Mapping


class DynamoMarks:
    """Marks port. A mark is compared as text: the same values are the same text."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def load(self, name: str) -> Mapping[str, Any] | None:
        """Read consistently."""
        answer = self._client.get_item(TableName=self._table, Key=self._key(name), ConsistentRead=True)
        return json.loads(answer["Item"]["row"]["S"]) if "Item" in answer else None

    def save(self, name: str, mark: Mapping[str, Any], seen: Mapping[str, Any] | None) -> bool:
        """Conditional on what was seen. What an earlier try of this call has noted is noted."""
        if seen is None:
            condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        else:
            condition = {
                "ConditionExpression": "#row = :seen",
                "ExpressionAttributeNames": {"#row": "row"},
                "ExpressionAttributeValues": {":seen": {"S": _text(seen)}},
            }
        try:
            self._client.put_item(
                TableName=self._table,
                Item={**self._key(name), "row": {"S": _text(mark)}, **self._beside()},
                **condition,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return self.load(name) == mark
        return True

    def _key(self, name: str) -> dict[str, Any]:
        return {"pk": {"S": keys.MARK}, "sk": {"S": name}}

    def _beside(self) -> dict[str, Any]:
        """What stands beside a mark, and is not compared."""
        return {}


def _text(mark: Mapping[str, Any]) -> str:
    return json.dumps(mark, sort_keys=True, ensure_ascii=False)
