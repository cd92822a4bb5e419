"""The measured calls, one record each: who called what, for how many units and billed requests, and for what.

Records are JSON lines, so that the engine and the workers can write them while they run. See docs/cost.md for what
counts as a billed request.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Self

from oms.adapters.commit_item import unpacked
from oms.domain.errors import UnknownEventError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.proof.cost.units import Charge

BROKEN: Final = "broken"
"""The call of a record that says that the measuring itself failed, and how."""
CHUNK: Final = 64 * 1024
"""SQS and EventBridge bill a payload by this many bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one item of a call cost."""

    table: str
    what: str
    write: float = 0
    index: float = 0
    read: float = 0
    bytes: int = 0
    failed: bool = False
    transaction: bool = False
    key: str = ""
    """Partition and sort key of what was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One call, or one invocation of a function (`call` is `lambda.Invoke`).

    `requests` are billed requests by service; `trigger` and `size` are an invocation's event source and records; `told`
    are the write units that the engine itself says (ReturnConsumedCapacity=INDEXES), none of what it refuses.
    """

    call: str
    by: str = ""
    at: float = 0.0
    step: str = ""
    requests: Mapping[str, int] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    told: float = 0.0
    trigger: str = ""
    size: int = 1
    cpu_ms: float = 0.0
    wall_ms: float = 0.0
    cold: bool = False
    transitions: int = 0

    def dump(self) -> str:
        """As a line."""
        return json.dumps({name: value for name, value in asdict(self).items() if value}, separators=(",", ":"))

    def during(self, step: str) -> Self:
        """The same, known to belong to a step."""
        return replace(self, step=step)

    @classmethod
    def load(cls, line: str) -> Self:
        """From a line."""
        document = json.loads(line)
        return cls(**{**document, "lines": tuple(Line(**each) for each in document.get("lines", ()))})


def line_of(charge: Charge) -> Line:
    """A charge with words for what it was for."""
    return Line(
        table=charge.table,
        what=f"{charge.kind}: {describe(charge)}",
        write=charge.write,
        index=sum(charge.indexes.values()),
        read=charge.read,
        bytes=charge.bytes,
        failed=charge.failed,
        transaction=charge.transaction,
        key="|".join(str(value) for typed in charge.key.values() for value in typed.values()) if charge.write else "",
    )


def describe(charge: Charge) -> str:
    """What an item is: of a commit its events, else the kind that its key begins with."""
    item = charge.item
    text = str(next(iter(item.get("pk", {}).values()), ""))
    kind = text.partition("#")[0]
    if charge.table == "events":
        order = str(next(iter(item.get("sk", {}).values()), ""))
        if charge.kind.startswith("Query"):
            return f"{kind} log"
        if order.startswith("c#"):
            return f"{kind} commit {events_of(item)}".rstrip()
        if order.startswith("s#"):
            return f"{kind} scan"
        return f"guard {text.split('#')[1] if text.count('#') > 1 else kind}"
    if charge.table in {"stock", "contacts"}:
        return {"stock": "position", "contacts": "contact"}[charge.table]
    if charge.kind.startswith("Query by_"):
        return "index"
    return f"{kind} row"


def events_of(item: Mapping[str, Any]) -> str:
    """The event types of a stored commit."""
    try:
        return "+".join(str(each["type"]) for each in unpacked(item)["ev"])
    except (UnknownEventError, KeyError):
        return ""


def requests_of(service: str, operation: str, asked: Mapping[str, Any]) -> dict[str, int]:
    """Billed requests of a call that a function makes; DynamoDB bills units instead, and is counted for itself."""
    match service, operation:
        case "dynamodb", _:
            return {"dynamodb_calls": 1}
        case "sqs", "SendMessage":
            return {"sqs": _chunks(asked["MessageBody"])}
        case "sqs", "SendMessageBatch":
            return {"sqs": max(1, _chunks("".join(each["MessageBody"] for each in asked["Entries"])))}
        case "events", "PutEvents":
            return {"events": sum(_chunks(each.get("Detail", "")) for each in asked["Entries"])}
        case "events", _:
            return {}  # asking which rules there are is free
        case "stepfunctions", "StartExecution" | "StartSyncExecution":
            return {"states": 1}
    return {service: 1}


def requests_of_invocation(trigger: str) -> dict[str, int]:
    """Billed requests that bring an invocation about: the API's, or what a poller asks of a queue.

    A batch of a queue is one ReceiveMessage and one DeleteMessageBatch. Streams are read for nothing by Lambda, and a
    workflow's steps were paid for with its execution.
    """
    brought: dict[str, dict[str, int]] = {"http": {"apigateway": 1}, "sqs": {"sqs": 2}}
    return {"lambda": 1, **brought.get(trigger, {})}


def _chunks(text: str) -> int:
    return max(1, math.ceil(len(text.encode("utf-8", "surrogatepass")) / CHUNK))


TRUTH: Final = ("events", "stock", "contacts")


@dataclass(frozen=True, slots=True)
class Tally:
    """Records of `orders` orders, summed. Figures are per order."""

    records: Sequence[Record]
    orders: int

    def wru(self, *tables: str) -> float:
        """Write units in these tables, indexes included."""
        return self._per(sum(line.write + line.index for line in self._lines() if line.table in tables))

    def tables(self) -> list[str]:
        """Every table that was touched."""
        return sorted({line.table for line in self._lines()})

    def rru(self) -> float:
        """Read units of all tables."""
        return self._per(sum(line.read for line in self._lines()))

    def failed(self) -> float:
        """Write units of conditions that failed and transactions that were cancelled."""
        return self._per(sum(line.write for line in self._lines() if line.failed))

    def requests(self) -> dict[str, float]:
        """Billed requests by service; `dynamodb_calls` beside them."""
        found: dict[str, int] = {}
        for record in self.records:
            for service, count in record.requests.items():
                found[service] = found.get(service, 0) + count
        return {service: self._per(count) for service, count in sorted(found.items())}

    def told(self) -> float:
        """Write units by the engine's own count."""
        return self._per(sum(record.told for record in self.records))

    def transitions(self) -> float:
        """States that workflows entered."""
        return self._per(sum(record.transitions for record in self.records))

    def batch_mean(self) -> float:
        """Records per invocation of queues and streams."""
        sizes = [record.size for record in self.records if record.trigger in {"sqs", "stream"}]
        return round(sum(sizes) / len(sizes), 2) if sizes else 0.0

    def invocations(self) -> dict[str, float]:
        """Invocations by function."""
        found: dict[str, int] = {}
        for record in self.records:
            if record.call == "lambda.Invoke":
                found[record.by] = found.get(record.by, 0) + 1
        return {name: self._per(count) for name, count in sorted(found.items())}

    def where(self, *by: str) -> list[dict[str, Any]]:
        """Units grouped by `by`, any of step, function, call, table, what; the dearest first."""
        groups: dict[tuple[str, ...], dict[str, float]] = {}
        for record in self.records:
            for line in record.lines:
                names = {"step": record.step, "function": record.by, "call": record.call.partition(".")[2]}
                names |= {"table": line.table, "what": line.what}
                group = groups.setdefault(tuple(names[each] for each in by), dict.fromkeys(FIGURES, 0.0))
                for name in ("write", "index", "read", "bytes"):
                    group[name] += getattr(line, name)
                group["times"] += 1
                group["failed"] += line.write if line.failed else 0
        shown = [
            {**dict(zip(by, names, strict=True)), **{name: self._per(value) for name, value in sums.items()}}
            for names, sums in groups.items()
        ]
        return sorted(shown, key=lambda each: (-(each["write"] + each["index"]), -each["read"]))

    def _lines(self) -> list[Line]:
        return [line for record in self.records for line in record.lines]

    def _per(self, value: float) -> float:
        return round(value / self.orders, 3) if self.orders else 0.0


FIGURES: Final = ("times", "write", "index", "read", "failed", "bytes")
