"""Invoices issued: what an order needs and does not have yet, each under the next number of its seller's series."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol
from zoneinfo import ZoneInfo

from oms.application.exactly_once import next_commit
from oms.application.orders import stream_of
from oms.domain.billing import documents_due
from oms.domain.commit import Cause
from oms.domain.entities import POLICY, read_entities, seller
from oms.domain.errors import (
    ContentionError,
    InvoiceNotFoundError,
    OrderNotFoundError,
    SellerNotFoundError,
    VersionConflictError,
)
from oms.domain.frozen import frozen
from oms.domain.invoices import (
    DocumentIssued,
    DocumentNumbered,
    billing_stream,
    document_number,
    drawn_up,
    place_of_number,
    series_stream,
)
from oms.domain.order.evolve import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.application.ports import Clock, Reference
    from oms.domain.billing import Due
    from oms.domain.commit import Commit
    from oms.domain.entities import Entity
    from oms.domain.history import History
    from oms.domain.order.state import Order

ATTEMPTS: Final = 24
"""Each lost race means that somebody else's document got the number."""
ISSUER: Final = "issue_invoices"


class SeriesLog(Protocol):
    """What of the event log invoices need. A year of a series is long: only its end is read, or one of it."""

    def read(self, stream: str) -> History:
        """All commits of a stream."""

    def newest(self, stream: str) -> History:
        """The last commit alone, read consistently; empty when there is none."""

    def one(self, stream: str, number: int) -> Commit | None:
        """One commit."""

    def append(self, commit: Commit, *, beside: Sequence[Commit] = ()) -> None:
        """All or nothing; raises VersionConflictError when a number is taken, ContentionError."""


@frozen(kw_only=False)
class IssueInvoices:
    """Whoever does it, however often and at once: each document gets one number, and no number goes to waste."""

    log: SeriesLog
    reference: Reference
    now: Clock

    def __call__(self, order_id: str) -> int:
        """Issue what the order needs; how many documents that were. Nothing for an order that no entity sells.

        Raises OrderNotFoundError, ContentionError, SellerNotFoundError when the entity that issued the order's first
        document is no longer among them.
        """
        history = self.log.read(stream_of(order_id))
        order = fold(order_id, history.events())
        if order is None:
            raise OrderNotFoundError("no such order", order_id=order_id)
        due = documents_due(order_id, history.commits)
        return self._issue(order, due) if due else 0

    def _issue(self, order: Order, due: Sequence[Due]) -> int:
        issued = lost = 0
        while lost < ATTEMPTS:
            billing = self.log.read(billing_stream(order.order_id))
            before = numbered(billing)
            wanted = next((each for each in due if each.document_id not in before), None)
            entity = self._seller(order, before) if wanted else None
            if wanted is None or entity is None:
                return issued
            try:
                self._append(order, wanted, entity, billing, tuple(before.values()))
                issued += 1
                lost = 0
            except VersionConflictError:
                lost += 1
        raise ContentionError("too many writers on one series of invoices", order_id=order.order_id)

    def _append(
        self, order: Order, due: Due, entity: Entity, billing: History, before: Sequence[DocumentNumbered]
    ) -> None:
        now = self.now()
        year = now.astimezone(ZoneInfo(entity.time_zone)).year
        series = self.log.newest(series_stream(entity.series, year))
        cause = Cause(kind="workflow", ref=order.order_id, actor=ISSUER)
        commit = next_commit(series, due.document_id, cause, now, ())
        number = document_number(entity.series, year, commit.number)
        document = drawn_up(due, order, entity, number, commit.at, before)
        listed = DocumentNumbered(
            document_id=due.document_id,
            number=number,
            kind=due.kind,
            of=due.of,
            entity_id=entity.entity_id,
            currency=document.currency,
            gross=document.gross,
            issued_at=commit.at,
        )
        beside = next_commit(billing, due.document_id, cause, now, (listed,))
        self.log.append(replace(commit, events=(document,)), beside=[beside])

    def _seller(self, order: Order, before: Mapping[str, DocumentNumbered]) -> Entity | None:
        """Who issued the order's first document issues all of them."""
        entities = read_entities(self.reference.policy(POLICY))
        first = next(iter(before.values()), None)
        if first is not None:
            known = next((each for each in entities if each.entity_id == first.entity_id), None)
            if known is None:
                raise SellerNotFoundError("the order's seller is no longer known", entity=first.entity_id)
            return known
        placed = order.placed
        return seller(entities, placed.channel, placed.account, placed.ship_to.country if placed.ship_to else "")


@frozen(kw_only=False)
class ShowInvoices:
    """Documents as they were issued."""

    log: SeriesLog

    def of_order(self, order_id: str) -> tuple[DocumentNumbered, ...]:
        """The order's, oldest first; none of an order that has none."""
        return tuple(numbered(self.log.read(billing_stream(order_id))).values())

    def document(self, number: str) -> DocumentIssued:
        """One by its number; raises InvoiceNotFoundError."""
        place = place_of_number(number)
        commit = self.log.one(*place) if place else None
        found = next((each for each in commit.events if isinstance(each, DocumentIssued)), None) if commit else None
        if found is None:
            raise InvoiceNotFoundError("no document has this number")
        return found


def numbered(billing: History) -> dict[str, DocumentNumbered]:
    """By its id, which number a document of the order has."""
    return {each.document_id: each for each in billing.events() if isinstance(each, DocumentNumbered)}
