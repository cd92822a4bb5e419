"""Drafts of sales representatives: an order in the making, whose prices may need somebody else's consent.

A draft is the fold of its own stream. What it orders, and for whom, lies beside the log, because it names a person; the
log has the digest of that document, so that what was approved is what is placed. Prices are compared with the list
prices of the catalogue:

    reduction = 1 - sum(quantity * unit_price - discount) / sum(quantity * list_price), over the lines that have one

A draft needs approval when its reduction is more than is left to representatives, or when a line has no list price in
its currency. Who saved a draft last cannot approve it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from oms.domain.errors import (
    ApprovalNeededError,
    DraftExpiredError,
    DraftNotFoundError,
    DraftOutdatedError,
    InvalidTransitionError,
    OwnDraftError,
)
from oms.domain.frozen import frozen
from oms.domain.priced import TaxesReckoned  # noqa: TC001 - the codec resolves these annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oms.domain.canonical import CanonicalLine

LASTS: Final = timedelta(days=30)
"""From when it was saved last; its document is kept some days longer."""
KEPT: Final = timedelta(days=45)
"""How long a document is there for certain: the bucket's lifecycle ends it at a midnight after that."""
PERCENT: Final = 100


class DraftStatus(StrEnum):
    """Where a draft stands."""

    OPEN = "open"
    """It may be placed."""
    WAITING = "waiting"
    """It needs approval."""
    APPROVED = "approved"
    REJECTED = "rejected"
    PLACED = "placed"
    DISCARDED = "discarded"
    EXPIRED = "expired"


@frozen
class PriceOverride:
    """A line that does not cost its list price, in minor units a unit; None where the catalogue has none."""

    line_ref: str
    sku: str
    quantity: int
    unit_price: int
    discount: int = 0
    list_price: int | None = None


@frozen
class DraftSaved:
    """A document, identified by `digest`, took the place of whatever was there."""

    draft_id: str
    digest: str
    currency: str
    total: int
    units: int
    overrides: tuple[PriceOverride, ...]
    needs_approval: bool
    author: str
    """A pseudonym of whoever saved it."""
    saved_at: datetime
    expires_at: datetime
    tax: int = 0
    """Of lines, shipping and fees, told or reckoned; in the total unless its prices contain it."""
    taxes: TaxesReckoned | None = None
    """How, where it was reckoned here."""


@frozen
class DraftApproved:
    """Somebody else agreed to the prices of the document `digest`."""

    digest: str
    approver: str


@frozen
class DraftRejected:
    """Somebody else did not."""

    digest: str
    approver: str
    reason: str


@frozen
class DraftPlaced:
    """The document `digest` is an order."""

    digest: str
    order_id: str


@frozen
class DraftDiscarded:
    """Nobody wants it any more."""


DraftEvent = DraftSaved | DraftApproved | DraftRejected | DraftPlaced | DraftDiscarded


@frozen
class Draft:
    """A draft as it stands."""

    saved: DraftSaved
    status: DraftStatus
    revision: int = 1
    reason: str = ""
    order_id: str = ""

    def status_at(self, now: datetime) -> DraftStatus:
        """What a reader is told."""
        over = self.status in _LIVE and now >= self.saved.expires_at
        return DraftStatus.EXPIRED if over else self.status


_LIVE: Final = frozenset({DraftStatus.OPEN, DraftStatus.WAITING, DraftStatus.APPROVED, DraftStatus.REJECTED})


def fold_draft(events: Iterable[DraftEvent], draft: Draft | None = None) -> Draft | None:
    """The draft after these events; None when there are none."""
    for event in events:
        draft = _evolve(draft, event)
    return draft


def _evolve(draft: Draft | None, event: DraftEvent) -> Draft:
    if isinstance(event, DraftSaved):
        status = DraftStatus.WAITING if event.needs_approval else DraftStatus.OPEN
        return Draft(saved=event, status=status, revision=draft.revision + 1 if draft else 1)
    if draft is None:
        raise InvalidTransitionError("a draft begins by being saved")
    match event:
        case DraftApproved():
            return replace(draft, status=DraftStatus.APPROVED, reason="")
        case DraftRejected():
            return replace(draft, status=DraftStatus.REJECTED, reason=event.reason)
        case DraftPlaced():
            return replace(draft, status=DraftStatus.PLACED, order_id=event.order_id)
        case DraftDiscarded():
            return replace(draft, status=DraftStatus.DISCARDED)


# ---------------------------------------------------------------- prices


def overrides_of(lines: Iterable[CanonicalLine], listed: Mapping[str, int]) -> tuple[PriceOverride, ...]:
    """The lines that do not cost what the catalogue lists (`listed`: minor units by SKU, in the order's currency)."""
    return tuple(
        PriceOverride(
            line_ref=each.line_ref,
            sku=each.sku,
            quantity=each.quantity,
            unit_price=each.unit_price,
            discount=each.discount,
            list_price=listed.get(each.sku),
        )
        for each in lines
        if each.unit_price != listed.get(each.sku) or each.discount
    )


def needs_approval(lines: Iterable[CanonicalLine], listed: Mapping[str, int], free_percent: int) -> bool:
    """A line has no list price, or all lines together cost less than the list by more than `free_percent`."""
    asked = usual = 0
    for each in lines:
        price = listed.get(each.sku)
        if price is None:
            return True
        asked += each.quantity * each.unit_price - each.discount
        usual += each.quantity * price
    return (usual - asked) * PERCENT > usual * free_percent


# ---------------------------------------------------------------- decisions


def save(draft: Draft | None, saved: DraftSaved, seen: int) -> tuple[DraftEvent, ...]:
    """Put a document in place of revision `seen`; 0 for a new draft."""
    if draft is None:
        if seen:
            raise DraftNotFoundError("no such draft")
        return (saved,)
    _live(draft, saved.saved_at)
    _seen(draft, seen)
    return (saved,)


def approve(draft: Draft | None, seen: int, approver: str, now: datetime) -> tuple[DraftEvent, ...]:
    """Agree to its prices; nothing when somebody did. Raises OwnDraftError, DraftOutdatedError."""
    known = _to_judge(draft, seen, approver, now)
    if known.status is DraftStatus.APPROVED:
        return ()
    return (DraftApproved(digest=known.saved.digest, approver=approver),)


def reject(draft: Draft | None, seen: int, approver: str, reason: str, now: datetime) -> tuple[DraftEvent, ...]:
    """Do not; what was approved may be rejected while it is not placed."""
    known = _to_judge(draft, seen, approver, now)
    if known.status is DraftStatus.REJECTED:
        return ()
    return (DraftRejected(digest=known.saved.digest, approver=approver, reason=reason),)


def _to_judge(draft: Draft | None, seen: int, approver: str, now: datetime) -> Draft:
    known = _live(draft, now)
    _seen(known, seen)
    if not known.saved.needs_approval:
        raise InvalidTransitionError("nobody has to agree to this draft", status=known.status.value)
    if approver == known.saved.author:
        raise OwnDraftError("a draft is approved by somebody else than who saved it")
    return known


def check_placeable(draft: Draft | None, seen: int, now: datetime) -> Draft:
    """The draft, if it may become an order. Raises ApprovalNeededError, DraftOutdatedError, DraftExpiredError."""
    known = _live(draft, now)
    _seen(known, seen)
    if known.status not in (DraftStatus.OPEN, DraftStatus.APPROVED):
        raise ApprovalNeededError("the prices of this draft need approval", status=known.status.value)
    return known


def placed(draft: Draft | None, digest: str, order_id: str) -> tuple[DraftEvent, ...]:
    """It is an order: a fact, whatever became of the draft meanwhile."""
    if draft is None:
        raise DraftNotFoundError("no such draft")
    return () if draft.status is DraftStatus.PLACED else (DraftPlaced(digest=digest, order_id=order_id),)


def discard(draft: Draft | None, now: datetime) -> tuple[DraftEvent, ...]:
    """Let go of it; nothing when that happened before."""
    if draft is not None and draft.status is DraftStatus.DISCARDED:
        return ()
    _live(draft, now)
    return (DraftDiscarded(),)


def _live(draft: Draft | None, now: datetime) -> Draft:
    if draft is None:
        raise DraftNotFoundError("no such draft")
    status = draft.status_at(now)
    if status is DraftStatus.EXPIRED:
        raise DraftExpiredError("the time of this draft is over", expired_at=draft.saved.expires_at.isoformat())
    if status not in _LIVE:
        raise InvalidTransitionError(f"the draft is {status.value}", status=status.value, order_id=draft.order_id)
    return draft


def _seen(draft: Draft, seen: int) -> None:
    if draft.revision != seen:
        raise DraftOutdatedError("the draft was saved by somebody else meanwhile", revision=draft.revision)
