"""What was found of a system, what was sent to it, and what is said of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from oms.domain.commit import StoredCommit
    from oms.domain.stock import StockDelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An invariant that does not hold, and where."""

    invariant: str
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.detail}"


class InvariantError(AssertionError):
    """Invariants do not hold. `findings` has them all."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        shown = "\n".join(str(each) for each in findings[:30])
        super().__init__(f"{len(findings)} findings\n{shown}")
        self.findings = tuple(findings)


def require(findings: Iterable[Finding]) -> None:
    """Raises InvariantError unless there are none."""
    found = list(findings)
    if found:
        raise InvariantError(found)


# ---- what was found


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An item of the views: `row` is what it shows.

    `listed` and `open` are its places in the indexes of stages and of open work; `due` is when somebody looks at it.
    """

    pk: str
    sk: str
    number: int = 0
    row: Mapping[str, Any] = field(default_factory=dict)
    listed: str = ""
    open: str = ""
    due: str = ""

    @property
    def order_id(self) -> str:
        """The order whose row this is; '' for other rows."""
        return self.sk.rpartition("#")[2] if self.pk.startswith("day#") else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """An entry of the quarantine."""

    code: str
    reason: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An event on the bus."""

    event_id: str
    kind: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer to a client. `document` is its parsed JSON body, None when it is none."""

    method: str
    path: str
    status: int
    content_type: str = ""
    document: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A read by a client that had been told of commit `acked`; `version` is the one it saw, 0 for no order."""

    order_id: str
    acked: int
    version: int


# ---- what was sent, and what others recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class SentOrder:
    """An order as its sender words it: units by SKU, money in minor units."""

    order_id: str
    units: Mapping[str, int]
    currency: str
    total: int
    number: str = ""
    acked: bool = True
    contact: bool = False
    """Personal data came with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A delivery: as which order it can end, or under which id in quarantine; neither when it asks for nothing."""

    name: str
    order_id: str = ""
    parked_id: str = ""
    acked: bool = True
    refused: bool = False
    """Its sender was told not to send it again, and it is genuine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A write of a client that was answered with 2xx, and that must have left a commit."""

    stream: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRecord:
    """A refund at the provider. `counts`: it has taken money back, or still may."""

    ref: str
    amount: int
    counts: bool = True
    our_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRecord:
    """A payment as its provider recorded it, in minor units. `captures` are (idempotency key, amount)."""

    reference: str
    currency: str
    authorized: int
    captures: tuple[tuple[str, int], ...] = ()
    refunds: tuple[RefundRecord, ...] = ()
    taken: int = 0
    """For disputes, and not given back."""

    @property
    def captured(self) -> int:
        """What was taken."""
        return sum(amount for _, amount in self.captures)

    @property
    def refunded(self) -> int:
        """What went back or may still."""
        return sum(each.amount for each in self.refunds if each.counts)


@dataclass(slots=True, kw_only=True)
class Oracle:
    """What the driver sent and others recorded, apart from the system. What is None or empty is not compared."""

    orders: dict[str, SentOrder] = field(default_factory=dict)
    """By order id."""
    deliveries: list[Sent] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    payments: Mapping[str, PaymentRecord] = field(default_factory=dict)
    """By the provider's reference."""
    received: Mapping[tuple[str, str], int] | None = None
    """Units by SKU and node that receipts and adjustments brought; None when it is not known."""
    poison: Mapping[str, str] = field(default_factory=dict)
    """Code by the id under which it must be in quarantine."""
    complete: bool = False
    """Nothing else was sent: whatever else is found was invented."""


@dataclass(slots=True, kw_only=True)
class Evidence:
    """A system at rest. What is left out is not checked."""

    streams: Mapping[str, Sequence[StoredCommit]] = field(default_factory=dict)
    """Commits by stream, in order."""
    positions: Mapping[tuple[str, str], StockDelta] | None = None
    """By SKU and node."""
    contacts: Collection[tuple[str, str]] | None = None
    """Keys under which personal data is, or its tombstone."""
    rows: Sequence[Row] | None = None
    quarantine: Mapping[str, Parked] | None = None
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    """Messages that nobody looks at any more, by queue."""
    started: Sequence[Mapping[str, Any]] = ()
    """Inputs of the workflows that were started."""
    pending: Mapping[str, int] = field(default_factory=dict)
    """What is still to be worked on, by queue or workflow."""
    published: Sequence[Published] | None = None
    answers: Sequence[Answer] = ()
    reads: Sequence[Seen] = ()
    texts: Mapping[str, Iterable[str]] = field(default_factory=dict)
    """What stands in stores, logs, queues and workflow inputs that may name nobody."""
    canaries: Sequence[str] = ()
    """Texts that name somebody, or are secret."""
    heads: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """(number, hash) of a commit that was seen earlier, by stream: it must still be there."""
    idle: bool = True
    """The system has come to rest: what it could do by itself is done."""
    faults: bool = False
    """Dependencies failed meanwhile: a client may have been told to come again (429, 503)."""
    broken: Collection[str] = ()
    """Streams that were broken on purpose."""
    waiting: Collection[str] = ()
    """Orders that may wait for the system."""
    oracle: Oracle = field(default_factory=Oracle)
