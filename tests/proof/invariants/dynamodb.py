"""Evidence out of DynamoDB items, as a Scan gives them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from oms.adapters.commit_item import in_parts, joined, stored_commit, unpacked
from oms.adapters.keys import COMMIT_PREFIX
from oms.domain.errors import UnknownEventError
from oms.domain.stock import COMPONENTS, StockDelta
from tests.proof.invariants.evidence import Parked, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from oms.domain.commit import StoredCommit


def streams_of(items: Iterable[Mapping[str, Any]]) -> tuple[dict[str, list[StoredCommit]], set[str]]:
    """(commits by stream in order of their keys, streams with an event that nobody knows)."""
    found: dict[str, list[tuple[str, StoredCommit]]] = {}
    unknown: set[str] = set()
    for item in commits_of(items):
        stream = item["pk"]["S"]
        try:
            stored = stored_commit(item)
        except UnknownEventError:
            unknown.add(stream)
            continue
        found.setdefault(stream, []).append((item["sk"]["S"], stored))
    by_key = {stream: sorted(each, key=lambda pair: pair[0]) for stream, each in found.items()}
    return {stream: [stored for _, stored in each] for stream, each in by_key.items()}, unknown


def commits_of(items: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The commits among them, by their keys, each with its parts put back."""
    mine = [item for item in items if item["sk"]["S"].startswith(COMMIT_PREFIX)]
    return joined(sorted(mine, key=lambda item: (item["pk"]["S"], item["sk"]["S"])))


def readable(item: Mapping[str, Any]) -> str:
    """The item as text, what is packed in it unpacked."""
    plain = {name: value for name, value in item.items() if "B" not in value}
    held = unpacked(item) if "h" in item and not in_parts(item) else {}
    return json.dumps([plain, held], ensure_ascii=False)


def positions_of(items: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], StockDelta]:
    """Positions by SKU and node; shards of one position are summed."""
    found: dict[tuple[str, str], StockDelta] = {}
    for item in items:
        if "due" in item:  # a lot that is to come
            continue
        node_id, _, shard = item["sk"]["S"].rpartition("#")
        sku = item["pk"]["S"].removesuffix("" if shard == "0" else f"#{shard}")
        counts = {name: int(item[name]["N"]) for name in COMPONENTS if name in item}
        one = StockDelta(sku=sku, node_id=node_id, **counts)
        found[sku, node_id] = found[sku, node_id].plus(one) if (sku, node_id) in found else one
    return found


def rows_of(items: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows of the views."""
    return [
        Row(
            pk=item["pk"]["S"],
            sk=item["sk"]["S"],
            number=int(item["n"]["N"]) if "n" in item else 0,
            row=json.loads(item["row"]["S"]) if "row" in item else {},
            listed=item.get("lpk", {}).get("S", ""),
            open=item.get("wpk", {}).get("S", ""),
            due=item.get("dsk", item.get("du", {})).get("S", ""),
        )
        for item in items
    ]


def quarantine_of(rows: Iterable[Row]) -> dict[str, Parked]:
    """Entries of the quarantine, as the views list them."""
    return {
        row.sk: Parked(
            code=str(row.row.get("code", "")),
            reason=str(row.row.get("reason", "")),
            source=str(row.row.get("source", "")),
        )
        for row in rows
        if row.pk == "quarantine"
    }


def contacts_of(items: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Keys under which personal data is, or its tombstone; not those from where it was taken back."""
    return {(item["pk"]["S"], item["sk"]["S"]) for item in items if "body" in item or "erased_at" in item}


def bodies_of(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Personal data, where there is any, by order id."""
    return {item["sk"]["S"].rpartition("#")[2]: item["body"]["S"] for item in items if "body" in item}
