"""Sales representatives' drafts: saved, approved by somebody else, placed once.

What a draft orders, and for whom, is a document beside the log, kept under its digest: what was approved is what is
placed. The order's id is derived from the draft's, so that placing it again, whoever does, finds the order.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from oms.application.exactly_once import Aggregate, Asked, Read, run_once
from oms.channels import site
from oms.channels.payload import parse_object
from oms.domain import drafts, ids
from oms.domain.commit import Cause
from oms.domain.drafts import KEPT, LASTS, Draft, DraftSaved, fold_draft
from oms.domain.errors import DraftNotFoundError, DraftOutdatedError
from oms.domain.frozen import frozen
from oms.domain.order.events import PaymentPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from oms.application.intake import SyncSnapshot
    from oms.application.orders import Orders
    from oms.application.ports import Clock, Log, Reference
    from oms.application.taxes import ReckonTaxes
    from oms.domain.commit import Commit
    from oms.domain.drafts import DraftEvent
    from oms.domain.history import History
    from oms.domain.order.state import Order

ACCOUNT: Final = "sales"
"""Of the channel `site`: orders that representatives place."""


class DraftDocuments(Protocol):
    """Where documents of drafts are kept, for as long as drafts live and some days more."""

    def put(self, key: str, body: bytes) -> None:
        """Keep it; the same key again replaces it with the same bytes."""

    def get(self, key: str) -> bytes:
        """As it was kept."""


@frozen(kw_only=False)
class Drafts:
    """Drafts over the log."""

    log: Log
    now: Clock

    def load(self, draft_id: str) -> tuple[Draft | None, History]:
        """As it stands, and its stream."""
        history = self.log.read(f"draft#{draft_id}")
        return fold_draft(history.events()), history

    def get(self, draft_id: str) -> Draft:
        """Raises DraftNotFoundError."""
        draft, _ = self.load(draft_id)
        if draft is None:
            raise DraftNotFoundError("no such draft", draft_id=draft_id)
        return draft

    def execute(
        self,
        draft_id: str,
        command_id: str,
        cause: Cause,
        decide: Callable[[Draft | None, datetime], tuple[DraftEvent, ...]],
    ) -> tuple[Draft, bool]:
        """The draft after a command, and whether it changed anything now; once by the command's id.

        Raises what `decide` raises, DraftNotFoundError, IdempotencyKeyReusedError, ContentionError.
        """

        def read() -> Read[Draft]:
            draft, history = self.load(draft_id)
            return Read(state=draft, history=history)

        def append(commit: Commit, _before: Draft | None, _after: Draft) -> Commit:
            self.log.append(commit, stock=())
            return commit

        aggregate = Aggregate(
            read=read,
            fold=fold_draft,
            append=append,
            now=self.now,
            missing=DraftNotFoundError,
            named={"draft_id": draft_id},
        )
        ran = run_once(aggregate, lambda _: Asked(command_id=command_id, decide=decide), cause)
        return ran.state, ran.commit is not None


@frozen(kw_only=False)
class SaveDraft:
    """Read what a draft orders as `POST /orders` would, and compare its prices with the catalogue's."""

    drafts: Drafts
    documents: DraftDocuments
    reference: Reference
    free_percent: int
    """What a representative may take off all lines together without asking."""
    reckon: ReckonTaxes

    def __call__(
        self, draft_id: str, key: str, document: Mapping[str, Any], seen: int, author: str, cause: Cause
    ) -> tuple[Draft, bool]:
        """The draft, and whether it was saved now. `seen` is the revision that is replaced; 0: a new draft.

        Raises the InvalidInputError family, naming the path of the field; DraftOutdatedError, DraftExpiredError,
        InvalidTransitionError (placed, discarded), IdempotencyKeyReusedError, and what reckoning its taxes raises.
        """
        now = self.drafts.now()
        normalized, payment = site.read_order(document, account=ACCOUNT, external_id=draft_id, now=now)
        order = self.reckon.of_draft(normalized).order
        payment.over(order)
        listed = self.reference.list_prices((line.sku for line in order.lines), order.currency)
        text = json.dumps(document, sort_keys=True, ensure_ascii=False, default=float)
        body = text.encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(body).hexdigest()[:32]
        self.documents.put(_key(draft_id, digest), body)

        def decide(draft: Draft | None, now: datetime) -> tuple[DraftEvent, ...]:
            saved = DraftSaved(
                draft_id=draft_id,
                digest=digest,
                currency=order.currency,
                total=order.total,
                units=sum(line.quantity for line in order.lines),
                overrides=drafts.overrides_of(order.lines, listed),
                needs_approval=drafts.needs_approval(order.lines, listed, self.free_percent),
                author=author,
                saved_at=now,
                expires_at=now + LASTS,
                tax=sum(line.tax for line in order.lines) + order.shipping_tax + order.fee_tax,
                taxes=order.taxes,
            )
            return drafts.save(draft, saved, seen)

        return self.drafts.execute(draft_id, ids.command_id("save_draft", draft_id, key), cause, decide)


@frozen(kw_only=False)
class PlaceDraft:
    """Make an order of a draft: the order first, then the draft says so."""

    drafts: Drafts
    documents: DraftDocuments
    orders: Orders
    sync: SyncSnapshot
    reckon: ReckonTaxes

    def __call__(self, draft_id: str, seen: int, actor: str) -> tuple[Order, bool]:
        """The order, and whether it was placed now.

        Whoever calls again is answered with the order. Raises ApprovalNeededError, DraftOutdatedError,
        DraftExpiredError, InvalidTransitionError, and what `POST /orders` raises.
        """
        order_id = ids.order_id(site.source, ACCOUNT, draft_id)
        draft, placed = self.drafts.get(draft_id), self.orders.load(order_id).order
        made = placed is None
        if placed is None:
            known = drafts.check_placeable(draft, seen, self.drafts.now())
            placed = self._place(draft_id, known, actor)
        digest = draft.saved.digest

        def decide(found: Draft | None, _: datetime) -> tuple[DraftEvent, ...]:
            return drafts.placed(found, digest, order_id)

        cause = Cause(kind="workflow", ref=order_id, actor="place_draft")
        self.drafts.execute(draft_id, ids.command_id("draft_placed", draft_id), cause, decide)
        return placed, made

    def _place(self, draft_id: str, draft: Draft, actor: str) -> Order:
        digest = draft.saved.digest
        document = parse_object(self.documents.get(_key(draft_id, digest))).values
        now = self.drafts.now()
        normalized, payment = site.read_order(document, account=ACCOUNT, external_id=draft_id, now=now)
        normalized = self.reckon.of_draft(normalized)
        if normalized.order.total != draft.saved.total:
            raise DraftOutdatedError("taxes have changed since the draft was saved", revision=draft.revision)
        cause = Cause(kind="api", ref=f"{digest[:16]}:{draft_id}", actor=actor)
        plan = PaymentPlan(provider=payment.provider, reference=payment.reference)
        return self.sync(normalized, cause, plan, digest, payment.over(normalized.order)).order


def document_of(documents: DraftDocuments, draft: Draft, now: datetime) -> Any:
    """What it orders, as it was saved; None when that is kept no longer."""
    if now >= draft.saved.saved_at + KEPT:
        return None
    return json.loads(documents.get(_key(draft.saved.draft_id, draft.saved.digest)))


def _key(draft_id: str, digest: str) -> str:
    return f"drafts/{draft_id}/{digest}.json"
