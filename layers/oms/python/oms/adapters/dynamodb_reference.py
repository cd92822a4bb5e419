"""Master data on DynamoDB: products, nodes, policies, connected accounts."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.domain.sourcing.request import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEEP_S: Final = 5.0
"""How long a warm function may use what it read: changes of master data take effect within it."""
KNOWN: Final = 100_000
"""SKUs that are remembered, some ten megabytes; then it begins anew."""
_BATCH: Final = 100


class DynamoReference:
    """Reference port. Known SKUs are remembered while the function is warm: a product is never un-known again."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
        self._known: set[str] = set()
        self._kept: dict[str, tuple[float, Any]] = {}

    def known_skus(self, skus: Iterable[str]) -> frozenset[str]:
        """By BatchGet, of those not known before."""
        wanted = [sku for sku in dict.fromkeys(skus) if sku]
        if len(self._known) + len(wanted) > KNOWN:
            self._known.clear()
        missing = [sku for sku in wanted if sku not in self._known]
        for start in range(0, len(missing), _BATCH):
            self._known.update(self._existing(missing[start : start + _BATCH]))
        return frozenset(sku for sku in wanted if sku in self._known)

    def _existing(self, skus: list[str]) -> list[str]:
        request: Any = {
            self._table: {
                "Keys": [{"pk": {"S": f"product#{sku}"}, "sk": {"S": keys.ONLY}} for sku in skus],
                "ProjectionExpression": "pk",
            }
        }
        found: list[str] = []
        while request:
            answer = self._client.batch_get_item(RequestItems=request)
            found.extend(item["pk"]["S"].removeprefix("product#") for item in answer["Responses"].get(self._table, []))
            request = answer.get("UnprocessedKeys")
        return found

    def nodes(self, skus: Mapping[str, Mapping[str, int]]) -> tuple[Candidate, ...]:
        """Active nodes with what they have."""
        rows = self._remember("nodes", self._node_rows)
        return tuple(
            Candidate(
                node_id=row["node_id"],
                country=row.get("country", ""),
                latitude=float(row["latitude"]),
                longitude=float(row["longitude"]),
                handling_days=int(row.get("handling_days", 1)),
                available=skus.get(row["node_id"], {}),
                excluded="" if row.get("active", True) else "inactive",
                located_by=row.get("located_by", ""),
            )
            for row in rows
        )

    def node_rows(self) -> list[dict[str, Any]]:
        """Nodes as imported."""
        rows: list[dict[str, Any]] = self._remember("nodes", self._node_rows)
        return rows

    def _node_rows(self) -> list[dict[str, Any]]:
        page = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "node"}},
        )
        return [json.loads(item["body"]["S"]) for item in page["Items"]]

    def policy(self, name: str) -> Mapping[str, Any]:
        """The policy's document."""
        document: Mapping[str, Any] = self._remember(f"policy#{name}", lambda: self._document(f"policy#{name}") or {})
        return document

    def account(self, source: str, account: str) -> Mapping[str, Any] | None:
        """The connected account's document."""
        key = f"account#{source}#{account}"
        document: Mapping[str, Any] | None = self._remember(key, lambda: self._document(key))
        return document

    def _document(self, pk: str) -> dict[str, Any] | None:
        item = self._client.get_item(TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": keys.ONLY}}).get("Item")
        return json.loads(item["body"]["S"]) if item else None

    def put(self, kind: str, key: str, item: Mapping[str, Any]) -> bool:
        """Keep a product, node, policy or account; False when the same is stored."""
        pk, sk = ("node", key) if kind == "node" else (f"{kind}#{key}", keys.ONLY)
        body = json.dumps(item, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        try:
            self._client.put_item(
                TableName=self._table,
                Item={"pk": {"S": pk}, "sk": {"S": sk}, "body": {"S": body}},
                ConditionExpression="attribute_not_exists(pk) OR body <> :body",
                ExpressionAttributeValues={":body": {"S": body}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _remember(self, key: str, read: Any) -> Any:
        kept = self._kept.get(key)
        now = time.monotonic()
        if kept is None or now - kept[0] > KEEP_S:
            kept = (now, read())
            self._kept[key] = kept
        return kept[1]
