"""Versions of policies on DynamoDB: each is written once, and the current one is a copy of the newest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.domain.errors import ContentionError, VersionConflictError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FAILED: Final = "ConditionalCheckFailed"


class DynamoPolicies:
    """Policies port. What is saved here, `DynamoReference.policy` gives to those who decide by it."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def current(self, name: str) -> Mapping[str, Any] | None:
        """Read consistently."""
        return self._get(name, keys.ONLY)

    def version(self, name: str, number: int) -> Mapping[str, Any] | None:
        """Read consistently."""
        return self._get(name, keys.version_sk(number))

    def _get(self, name: str, sk: str) -> Mapping[str, Any] | None:
        key = {"pk": {"S": keys.policy_pk(name)}, "sk": {"S": sk}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return json.loads(item["body"]["S"]) if item else None

    def versions(self, name: str, limit: int, before: int | None = None) -> list[Mapping[str, Any]]:
        """Newest first; `before` leaves out this one and those after it."""
        last = keys.version_sk(before - 1) if before is not None else keys.version_sk(keys.LAST_VERSION)
        page = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": {"S": keys.policy_pk(name)},
                ":first": {"S": keys.version_sk(0)},
                ":last": {"S": last},
            },
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit,
        )
        return [json.loads(item["body"]["S"]) for item in page["Items"]]

    def save(self, name: str, saved: Mapping[str, Any]) -> None:
        """One transaction: the version, if nobody has its number, and the current one, if it is the one before."""
        number = saved["version"]
        body = {"S": json.dumps(saved, separators=(",", ":"), sort_keys=True, ensure_ascii=False)}
        pk = {"S": keys.policy_pk(name)}
        version = {"pk": pk, "sk": {"S": keys.version_sk(number)}, "body": body}
        current = {"pk": pk, "sk": {"S": keys.ONLY}, "body": body, "n": {"N": str(number)}}
        is_first = {"ConditionExpression": "attribute_not_exists(pk)"}
        is_next = {"ConditionExpression": "n = :n", "ExpressionAttributeValues": {":n": {"N": str(number - 1)}}}
        puts = [
            {"TableName": self._table, "Item": version, **is_first},
            {"TableName": self._table, "Item": current, **(is_next if number > 1 else is_first)},
        ]
        try:
            self._client.transact_write_items(TransactItems=[{"Put": each} for each in puts])
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = [each.get("Code") for each in error.response.get("CancellationReasons", [])]
            if _FAILED in reasons:
                raise VersionConflictError("another version was saved meanwhile", version=number) from error
            raise ContentionError("this policy is being saved by somebody else") from error
