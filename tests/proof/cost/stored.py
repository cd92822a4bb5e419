"""Orders that have been there for long: copies of one that was delivered, put straight into the engine's memory.

Every item that the order left, in every table, is copied with ids of its own; all copies share a day, a channel, a
customer and SKUs with it, so that partitions which orders share are as large as they can get.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import urllib3

from oms.domain import ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.proof.cost.path import Journey

APP: Final = "cost-store"
"""The application that asks the tapped engine to store copies."""
PART: Final = 5000
PATIENCE: Final = urllib3.Timeout(connect=5, read=300)

Item = dict[str, dict[str, Any]]


def ask(endpoint: str, journey: Journey, first: int, count: int) -> int:
    """Store the copies `first` to `first + count` of a delivered order; how many items that were."""
    credential = "Credential=test/20261125/us-east-1/dynamodb/aws4_request"
    headers = {
        "user-agent": f"app/{APP}",
        "x-amz-target": "DynamoDB_20120810.ListTables",
        "content-type": "application/x-amz-json-1.0",
        "authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=none",
    }
    tokens = [journey.order_id.removeprefix("ord_"), journey.external_id, journey.tracking, f"#C{journey.number}"]
    stored = 0
    with urllib3.PoolManager(timeout=PATIENCE) as pool:
        for start in range(first, first + count, PART):
            asked = {"tokens": tokens, "first": start, "count": min(PART, first + count - start)}
            answer = pool.request("POST", endpoint, body=json.dumps(asked), headers=headers, retries=False)
            if answer.status != 200:
                raise RuntimeError(f"{answer.status} {answer.data[:300]!r}")
            stored += int(json.loads(answer.data)["items"])
    return stored


def store(dynamodb: Any, asked: Mapping[str, Any]) -> int:
    """In the engine: do what `ask` asks for."""
    stored = 0
    tokens = tuple(asked["tokens"])
    for table in list(dynamodb._tables.values()):
        kept = [item for rows in table["items"].values() for item in rows.values()]
        samples = [item for item in kept if tokens[0] in _text(item)] if asked["first"] == 0 else table["oms_samples"]
        table["oms_samples"] = samples
        for item in copies(samples, tokens, range(asked["first"], asked["first"] + asked["count"])):
            sort = table["sk_name"]
            sk = dynamodb._extract_key_val(item[sort]) if sort else "__no_sort__"
            dynamodb._set_item(table, dynamodb._extract_key_val(item[table["pk_name"]]), sk, item)
            stored += 1
    return stored


def copies(samples: Iterable[Item], tokens: tuple[str, ...], numbers: Iterable[int]) -> Iterator[Item]:
    """Each sample once for each number, its tokens replaced; what holds none is shared, to save memory."""
    shapes = []
    for item in samples:
        own = {name: typed["S"] for name, typed in item.items() if any(each in typed.get("S", "") for each in tokens)}
        shapes.append((item, own))
    for number in numbers:
        body = ids.derive("ord", "copy", str(number)).removeprefix("ord_")
        new = (body, str(8_100_000_000_000 + number), f"OLD{number:09d}", f"#OLD{number}")
        for item, own in shapes:
            changed = dict(item)
            for name, text in own.items():
                for old, replacement in zip(tokens, new, strict=True):
                    text = text.replace(old, replacement)  # noqa: PLW2901 - one token after the other
                changed[name] = {"S": text}
            yield changed


def _text(item: Item) -> str:
    return " ".join(str(typed.get("S", "")) for typed in item.values())
