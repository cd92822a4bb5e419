"""Drafts of sales representatives over the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.application.drafts import document_of
from oms.domain import drafts, ids
from oms.domain.codec import to_plain
from oms.domain.drafts import DraftStatus
from oms.domain.errors import DraftNotFoundError, ForbiddenError, InvalidInputError
from oms.entrypoints import http, use_cases, wiring
from oms.entrypoints.documents import order_document
from oms.entrypoints.requests.drafts import read_draft, read_new_draft, read_rejection, read_seen
from oms.entrypoints.telemetry import correlate

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.domain.drafts import Draft, DraftEvent

READERS: Final = ("sales", "finance", "service")
MAX_PAGE: Final = 25


def make(app: APIGatewayHttpResolver) -> Response[str]:
    """A new draft; the same key again answers with it."""
    role = http.require(app, "sales")
    key = http.idempotency_key(app)
    order = read_new_draft(http.raw_body(app))
    draft_id = ids.derive("drf", key)
    cause = http.api_cause(app, key, role)
    draft, made = use_cases.save_draft()(draft_id, key, order, 0, _person(app), cause)
    return http.answer(_document(draft), 201 if made else 200)


def save(app: APIGatewayHttpResolver, draft_id: str) -> Response[str]:
    """Another document in its place; what was approved is approved no longer."""
    role = http.require(app, "sales")
    key = http.idempotency_key(app)
    order, seen = read_draft(http.raw_body(app))
    if not seen:
        raise InvalidInputError("a draft's first revision is 1")
    cause = http.api_cause(app, key, role)
    use = use_cases.save_draft()
    draft, _ = use(_known_form(draft_id), key, order, seen, _person(app), cause)
    return http.answer(_document(draft))


def show(app: APIGatewayHttpResolver, draft_id: str) -> Response[str]:
    """A draft with what it orders."""
    http.require(app, *READERS)
    draft = wiring.drafts().get(_known_form(draft_id))
    return http.answer({**_document(draft), "order": document_of(wiring.claims(), draft, wiring.now())})


def list_all(app: APIGatewayHttpResolver) -> Response[str]:
    """Drafts, those begun last first, each as it stands; `?status=` leaves out others of a page."""
    http.require(app, *READERS)
    asked = http.query(app)
    wanted = asked.get("status", "")
    if wanted and wanted not in set(DraftStatus):
        raise InvalidInputError("unknown status", allowed=[each.value for each in DraftStatus])
    rows, cursor = wiring.views().list_rows("draft", MAX_PAGE, asked.get("cursor", ""))
    found = [_document(wiring.drafts().get(str(row["draft_id"]))) for row in rows]
    shown = [each for each in found if not wanted or each["status"] == wanted]
    return http.answer({"drafts": shown, "next_cursor": cursor or None})


def approve(app: APIGatewayHttpResolver, draft_id: str) -> Response[str]:
    """Agree to the prices of somebody else's draft."""
    role = http.require(app, "finance")
    seen, person = read_seen(http.raw_body(app)), _person(app)
    return _decide(app, draft_id, "approve", role, lambda known, now: drafts.approve(known, seen, person, now))


def reject(app: APIGatewayHttpResolver, draft_id: str) -> Response[str]:
    """Do not agree, and say why."""
    role = http.require(app, "finance")
    (seen, reason), person = read_rejection(http.raw_body(app)), _person(app)

    def decide(known: Draft | None, now: datetime) -> tuple[DraftEvent, ...]:
        return drafts.reject(known, seen, person, reason, now)

    return _decide(app, draft_id, "reject", role, decide)


def discard(app: APIGatewayHttpResolver, draft_id: str) -> Response[str]:
    """Let go of it."""
    role = http.require(app, "sales")
    http.no_body(app)
    return _decide(app, draft_id, "discard", role, drafts.discard)


def place(app: APIGatewayHttpResolver, draft_id: str) -> Response[str]:
    """201 with the order that it became, 200 when it had become one before."""
    role = http.require(app, "sales")
    seen = read_seen(http.raw_body(app))
    order, made = use_cases.place_draft()(_known_form(draft_id), seen, role)
    correlate(order.order_id)
    number = wiring.orders().load(order.order_id).history.number
    return http.answer(order_document(order, number), 201 if made else 200)


def _decide(
    app: APIGatewayHttpResolver,
    draft_id: str,
    what: str,
    role: str,
    decide: Callable[[Draft | None, datetime], tuple[DraftEvent, ...]],
) -> Response[str]:
    key = http.idempotency_key(app)
    command_id = ids.command_id(f"{what}_draft", _known_form(draft_id), key)
    draft, _ = wiring.drafts().execute(draft_id, command_id, http.api_cause(app, key, role), decide)
    return http.answer(_document(draft))


def _known_form(draft_id: str) -> str:
    if not ids.is_draft_id(draft_id):
        raise DraftNotFoundError("no such draft")
    return draft_id


def _person(app: APIGatewayHttpResolver) -> str:
    """A pseudonym of whoever calls: nobody approves what is his own."""
    subject = http.subject(app)
    if not subject:
        raise ForbiddenError("the token names nobody")
    return ids.derive("stf", subject)


def _document(draft: Draft) -> dict[str, Any]:
    saved = draft.saved
    status = draft.status_at(wiring.now())
    return {
        "draft_id": saved.draft_id,
        "revision": draft.revision,
        "status": status.value,
        "currency": saved.currency,
        "total": saved.total,
        "tax": saved.tax,
        "taxes": to_plain(saved.taxes) if saved.taxes else None,
        "units": saved.units,
        "needs_approval": saved.needs_approval,
        "overrides": [{"list_price": None, "discount": 0, **to_plain(each)} for each in saved.overrides],
        "saved_at": saved.saved_at.isoformat(),
        "expires_at": saved.expires_at.isoformat(),
        "reason": draft.reason,
        "order_id": draft.order_id or None,
    }
