"""The log: chains (I7), immutability (I3), commands once (I5), legal lives (I6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain.commit import GENESIS, verify_chain
from oms.domain.errors import OmsError
from oms.domain.order import events as ev
from oms.domain.order.evolve import fold
from oms.domain.order.status import OrderStatus, order_status
from tests.proof.invariants.books import ALLOCATED, BACKORDERED, CANCELLED, DELIVERED, OPEN, RETURNED, SHIPPED, Books
from tests.proof.invariants.books import opened as open_books
from tests.proof.invariants.evidence import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from oms.domain.commit import StoredCommit
    from oms.domain.order.state import Order

_S: Final = OrderStatus
LEGAL: Final = frozenset(
    {
        (_S.PENDING, _S.CONFIRMED),
        (_S.PENDING, _S.CLOSED),
        (_S.PENDING, _S.CANCELLED),
        (_S.CONFIRMED, _S.PENDING),
        (_S.CONFIRMED, _S.CLOSED),
        (_S.CONFIRMED, _S.CANCELLED),
        (_S.CLOSED, _S.CONFIRMED),
    }
)
"""Which order status may follow which, written down apart from the product. Nothing follows `cancelled`."""
PLACES: Final = {
    "open": OPEN,
    "backordered": BACKORDERED,
    "allocated": ALLOCATED,
    "shipped": SHIPPED,
    "delivered": DELIVERED,
    "returned": RETURNED,
    "cancelled": CANCELLED,
}


def order_of(stream: str) -> str:
    """The order whose stream this is, else ''."""
    return stream[6:] if stream.startswith("order#") else ""


def chained(stream: str, stored: Sequence[StoredCommit], *, hashes: bool = True) -> Iterator[Finding]:
    """I7 of one stream. Without `hashes` only numbers and links are looked at, which is cheap."""
    if hashes:
        broken = verify_chain(stream, stored)
        if broken:
            yield Finding(invariant="I7", detail=f"{stream} is broken at commit {broken}")
        return
    previous = GENESIS
    for place, each in enumerate(stored, start=1):
        if each.commit.number != place or each.commit.previous != previous:
            yield Finding(invariant="I7", detail=f"{stream} forks at {place}")
            return
        previous = each.hash


def once(stream: str, stored: Sequence[StoredCommit]) -> Iterator[Finding]:
    """I5: no command ran twice in a stream."""
    seen: set[str] = set()
    for each in stored:
        if each.commit.command_id in seen:
            yield Finding(invariant="I5", detail=f"a command ran twice in {stream}, again at {each.commit.number}")
        seen.add(each.commit.command_id)
        if not each.commit.events:
            yield Finding(invariant="I7", detail=f"{stream} has an empty commit at {each.commit.number}")


def unchanged(
    streams: Mapping[str, Sequence[StoredCommit]], heads: Mapping[str, tuple[int, str]], broken: Collection[str] = ()
) -> Iterator[Finding]:
    """I3: what was once in the log is still there, as it was."""
    for stream, (number, known) in heads.items():
        stored = streams.get(stream, ())
        if stream not in broken and (len(stored) < number or stored[number - 1].hash != known):
            yield Finding(invariant="I3", detail=f"{stream} was rewritten at or before commit {number}")


def heads_of(streams: Mapping[str, Sequence[StoredCommit]]) -> dict[str, tuple[int, str]]:
    """(number, hash) of each stream's newest commit, to be held against it later."""
    return {stream: (len(stored), stored[-1].hash) for stream, stored in streams.items() if stored}


class Life:
    """One order, walked commit by commit: its fold, its books, and what was wrong on the way."""

    __slots__ = ("books", "findings", "order", "stored")

    def __init__(self, order_id: str, stored: Sequence[StoredCommit]) -> None:
        self.stored = stored
        self.findings: list[Finding] = []
        self.order: Order | None = None
        self.books: Books | None = None
        self._walk(order_id)

    def _walk(self, order_id: str) -> None:
        status: OrderStatus | None = None
        for each in self.stored:
            try:
                self.order = fold(order_id, each.commit.events, self.order)
            except (OmsError, KeyError, ValueError, ArithmeticError) as error:
                self._find("I6", f"{order_id} cannot be folded at {each.commit.number}: {error!r}")
                self.order = None
                return
            self._count(each)
            if self.order is None:
                continue
            now = order_status(self.order)
            if status is not None and now is not status and (status, now) not in LEGAL:
                self._find("I6", f"{order_id} went from {status} to {now} at {each.commit.number}")
            status = now
        self._compare(order_id)

    def _count(self, each: StoredCommit) -> None:
        for event in each.commit.events:
            if self.books is None:
                if isinstance(event, ev.OrderPlaced):
                    self.books = open_books(event)
                continue
            self.books.apply(event)
        if self.books is not None:
            self.books.close()

    def _compare(self, order_id: str) -> None:
        """The fold and the books say the same."""
        if self.books is None or self.order is None:
            return
        for invariant, problem in self.books.problems:
            self._find(invariant, f"{order_id}: {problem}")
        for line_id, line in self.order.lines.items():
            ours = self.books.units[line_id]
            theirs = [getattr(line.ledger, place) for place in PLACES]
            if ours != theirs:
                self._find("I6", f"{order_id} line {line_id} is {theirs}, its events say {ours}")
        payment = self.order.payment
        said = (payment.captured, payment.refunding, payment.voided)
        counted = (self.books.captured, self.books.refunding, self.books.voided)
        if said != counted:
            self._find("I3", f"{order_id} says captured, refunded, voided {said}, its events {counted}")

    def _find(self, invariant: str, detail: str) -> None:
        self.findings.append(Finding(invariant=invariant, detail=detail))


def lives(streams: Mapping[str, Sequence[StoredCommit]]) -> dict[str, Life]:
    """Every order's life, by order id."""
    return {
        order_id: Life(order_id, stored)
        for stream, stored in streams.items()
        if (order_id := order_of(stream)) and stored
    }
