"""Master data on DynamoDB: products, nodes, policies, connected accounts."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from oms.adapters import keys
from oms.domain.kits import Components, read_components
from oms.domain.serials import read_serialized
from oms.domain.sourcing.network import PLAIN, network_id, read_network, read_nodes, read_product

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from oms.domain.sourcing.network import KnownNode, Network, Product
    from oms.domain.sourcing.request import Candidate

KITS_OF: Final = "kits_of"
"""By component, the kits that it is in."""
KEEP_S: Final = 5.0
"""How long a warm function may use what it read: changes of master data take effect within it."""
KNOWN: Final = 100_000
"""SKUs that are remembered, some ten megabytes; then it begins anew."""
KEEP_PRODUCTS_S: Final = 60.0
"""The same for weights, needs and components of products: there are many, and they hardly ever change."""
_BATCH: Final = 100
_MOST_PRODUCTS: Final = 20_000
_NEVER: Final = (float("-inf"), PLAIN)
_UNKNOWN: Final[tuple[float, Components, bool]] = (float("-inf"), (), False)


def _by_component(kits: Mapping[str, Components]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kit in sorted(kits):
        for part in kits[kit]:
            found.setdefault(part.sku, []).append(kit)
    return found


class DynamoReference:
    """Reference port."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
        self._known: dict[str, tuple[float, Components, bool]] = {}
        self._kept: dict[str, tuple[float, Any]] = {}
        self._products: dict[str, tuple[float, Product]] = {}

    def made_of(self, skus: Iterable[str]) -> dict[str, Components]:
        """By BatchGet, of those not known in the last `KEEP_PRODUCTS_S`."""
        return {sku: known[1] for sku, known in self._catalogue(skus).items()}

    def serialized(self, skus: Iterable[str]) -> frozenset[str]:
        """The same rows: what `made_of` was asked for a moment ago costs no request."""
        return frozenset(sku for sku, known in self._catalogue(skus).items() if known[2])

    def _catalogue(self, skus: Iterable[str]) -> dict[str, tuple[float, Components, bool]]:
        now = time.monotonic()
        wanted = [sku for sku in dict.fromkeys(skus) if sku]
        if len(self._known) + len(wanted) > KNOWN:
            self._known.clear()
        stale = [sku for sku in wanted if now - self._known.get(sku, _UNKNOWN)[0] > KEEP_PRODUCTS_S]
        for start in range(0, len(stale), _BATCH):
            for item in self._batch(stale[start : start + _BATCH], "pk, body"):
                sku = item["pk"]["S"].removeprefix("product#")
                row = json.loads(item["body"]["S"])
                self._known[sku] = (now, read_components(row), read_serialized(row))
        return {sku: self._known[sku] for sku in wanted if sku in self._known}

    def kits(self) -> dict[str, Components]:
        """Every kit there is: reads all master data, for the command that imports kits."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "FilterExpression": "begins_with(pk, :product) AND contains(body, :components)",
            "ExpressionAttributeValues": {":product": {"S": "product#"}, ":components": {"S": '"components"'}},
        }
        found: dict[str, Components] = {}
        while True:
            page = self._client.scan(**query)
            for item in page["Items"]:
                components = read_components(json.loads(item["body"]["S"]))
                if components:
                    found[item["pk"]["S"].removeprefix("product#")] = components
            if "LastEvaluatedKey" not in page:
                return found
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _batch(self, skus: list[str], what: str, kind: str = "product") -> list[dict[str, Any]]:
        """The SKUs' items of a kind that are there."""
        request: Any = {
            self._table: {
                "Keys": [{"pk": {"S": f"{kind}#{sku}"}, "sk": {"S": keys.ONLY}} for sku in skus],
                "ProjectionExpression": what,
            }
        }
        found: list[dict[str, Any]] = []
        while request:
            answer = self._client.batch_get_item(RequestItems=request)
            found.extend(answer["Responses"].get(self._table, []))
            request = answer.get("UnprocessedKeys")
        return found

    def kits_of(self, skus: Iterable[str]) -> frozenset[str]:
        """By BatchGet of what `keep_kits` kept, each time."""
        return frozenset([kit for _, row in self._rows(skus, KITS_OF) for kit in row["kits"]])

    def keep_kits(self, before: Mapping[str, Components]) -> None:
        """Keep of each component which kits it is in; of those in `before` that are in none any more, none.

        All are put, whatever changed: an import that died before this is made good by importing again.
        """
        was, now = _by_component(before), _by_component(self.kits())
        for sku in sorted(was.keys() | now.keys()):
            self.put(KITS_OF, sku, {"kits": now.get(sku, [])})

    def network(self) -> Network:
        """Nodes and freight as they were at most `KEEP_S` ago."""
        network: Network = self._remember("network", self._network)
        return network

    def _network(self) -> Network:
        return read_network(self.node_rows(), self._remember("tariff#main", lambda: self._document("tariff#main")))

    def keep_network(self) -> str:
        """Keep nodes and freight as they are now under the id of their content; decisions name it."""
        rows, tariff = self._node_rows(), self._document("tariff#main")
        name = network_id(rows, tariff)
        self.put("network", name, {"nodes": rows, "tariff": tariff or {}})
        return name

    def kept_network(self, name: str) -> Network | None:
        """Nodes and freight as they were kept under this id."""
        kept = self._document(f"network#{name}")
        return read_network(kept["nodes"], kept["tariff"]) if kept else None

    def products(self, skus: Iterable[str]) -> dict[str, Product]:
        """By BatchGet, of those not read in the last `KEEP_PRODUCTS_S`."""
        now = time.monotonic()
        wanted = list(dict.fromkeys(skus))
        stale = [sku for sku in wanted if now - self._products.get(sku, _NEVER)[0] > KEEP_PRODUCTS_S]
        if len(self._products) + len(stale) > _MOST_PRODUCTS:
            self._products.clear()
            stale = wanted
        for start in range(0, len(stale), _BATCH):
            part = stale[start : start + _BATCH]
            self._products.update(dict.fromkeys(part, (now, PLAIN)))
            for item in self._batch(part, "pk, body"):
                sku = item["pk"]["S"].removeprefix("product#")
                self._products[sku] = (now, read_product(json.loads(item["body"]["S"])))
        return {sku: self._products[sku][1] for sku in wanted}

    def list_prices(self, skus: Iterable[str], currency: str) -> dict[str, int]:
        """By BatchGet, each time: nobody asks often."""
        listed = {sku: row.get("list_prices", {}).get(currency) for sku, row in self._rows(skus)}
        return {sku: int(price) for sku, price in listed.items() if price is not None}

    def tax_classes(self, skus: Iterable[str]) -> dict[str, str]:
        """By BatchGet, each time: they are asked for once an order, by some."""
        return {sku: str(row["tax_class"]) for sku, row in self._rows(skus) if row.get("tax_class")}

    def _rows(self, skus: Iterable[str], kind: str = "product") -> Iterator[tuple[str, dict[str, Any]]]:
        """Products as imported, or what is kept of SKUs under another kind."""
        wanted = list(dict.fromkeys(each for each in skus if each))
        for start in range(0, len(wanted), _BATCH):
            for item in self._batch(wanted[start : start + _BATCH], "pk, body", kind):
                yield item["pk"]["S"].removeprefix(f"{kind}#"), json.loads(item["body"]["S"])

    def categories(self, skus: Iterable[str]) -> dict[str, str]:
        """By BatchGet, each time: returns are few."""
        named = {sku: row.get("category") for sku, row in self._rows(skus)}
        return {sku: category for sku, category in named.items() if isinstance(category, str) and category}

    def nodes(self, skus: Mapping[str, Mapping[str, int]]) -> tuple[Candidate, ...]:
        """Every node with what it has; inactive ones are excluded. For those who need no freight."""
        known: tuple[KnownNode, ...] = self._remember("read nodes", lambda: read_nodes(self.node_rows()))
        return tuple(each.having(skus.get(each.candidate.node_id, {})) for each in known)

    def node_rows(self) -> list[dict[str, Any]]:
        """Nodes as imported."""
        rows: list[dict[str, Any]] = self._remember("nodes", self._node_rows)
        return rows

    def _node_rows(self) -> list[dict[str, Any]]:
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": "node"}},
        }
        rows: list[dict[str, Any]] = []
        while True:
            page = self._client.query(**query)
            rows.extend(json.loads(item["body"]["S"]) for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return rows
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def policy(self, name: str) -> Mapping[str, Any]:
        """The policy's document. Read consistently: what was saved takes effect within `KEEP_S`, and no later."""
        pk = keys.policy_pk(name)
        document: Mapping[str, Any] = self._remember(pk, lambda: self._document(pk, consistent=True) or {})
        return document

    def account(self, source: str, account: str) -> Mapping[str, Any] | None:
        """The connected account's document."""
        key = f"account#{source}#{account}"
        document: Mapping[str, Any] | None = self._remember(key, lambda: self._document(key))
        return document

    def _document(self, pk: str, *, consistent: bool = False) -> dict[str, Any] | None:
        key = {"pk": {"S": pk}, "sk": {"S": keys.ONLY}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=consistent).get("Item")
        return json.loads(item["body"]["S"]) if item else None

    def put(self, kind: str, key: str, item: Mapping[str, Any]) -> bool:
        """Keep a product, node, tariff, policy or account; False when the same is stored."""
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
