"""The orders API: placing and reading. What changes an order is in `order_changes`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from oms.channels import site
from oms.channels.payload import parse_object
from oms.domain import ids
from oms.domain.commit import Cause
from oms.domain.errors import InvalidInputError, OrderNotFoundError
from oms.domain.order.events import PaymentPlan
from oms.domain.order.status import Stage
from oms.entrypoints import http, use_cases, wiring, wiring_taxes
from oms.entrypoints.documents import ledger_document, order_document, timeline_document
from oms.entrypoints.telemetry import correlate

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.domain.canonical import Normalized

FILTERS: Final = ("status", "channel", "customer", "sku", "tracking", "number", "serial", "lot")
MAX_PAGE: Final = 100
DEFAULT_DAYS: Final = 31
MAX_VALUE: Final = 300
"""A SKU and a lot."""
BOOKKEEPERS: Final = ("finance", "service")
READERS: Final = ("service", "warehouse", "finance", "sales", "shop")
MAX_ORDER: Final = 4_000_000
"""Bytes of an order: ten thousand lines, with room in what a function takes."""
ACCOUNT: Final = "main"
"""The merchant's own site has one account."""


def place(app: APIGatewayHttpResolver) -> Response[str]:
    """201 with the new order, 200 with the one that this key placed before."""
    http.require(app, "shop", "sales")
    key = http.idempotency_key(app)
    document = parse_object(http.raw_body(app, MAX_ORDER)).values
    normalized, payment = site.read_order(document, account=ACCOUNT, external_id=key, now=wiring.now())
    normalized = _with_taxes(normalized)
    canonical = json.dumps(document, sort_keys=True, ensure_ascii=False, default=str)
    request_hash = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    cause = Cause(kind="api", ref=f"{request_hash[:16]}:{key}", actor="shop")
    plan = PaymentPlan(provider=payment.provider, reference=payment.reference)
    asked = normalized.taxes
    again = asked is not None and asked.reckon and normalized.order.taxes is None  # its total was reckoned then
    tenders = () if again else payment.over(normalized.order)
    outcome = use_cases.sync_snapshot()(normalized, cause, plan, request_hash, tenders)
    correlate(outcome.order.order_id)
    if outcome.events and not outcome.replayed:
        return http.answer(order_document(outcome.order, 1), 201)
    loaded = wiring.orders().load(outcome.order.order_id)
    return http.answer(order_document(outcome.order, loaded.history.number), 200)


def _with_taxes(normalized: Normalized) -> Normalized:
    """With its taxes, if they are to be reckoned here and it is not there already: of one that is, nothing changes."""
    order, asked = normalized.order, normalized.taxes
    if asked is None or not asked.reckon:
        return normalized
    if wiring.orders().load(ids.order_id(order.source, order.account, order.external_id)).order is not None:
        return normalized
    return replace(normalized, order=wiring_taxes.reckon_taxes()(order, asked))


def list_all(app: APIGatewayHttpResolver) -> Response[str]:
    """Orders by one attribute and a date range, newest first."""
    http.require(app, *READERS)
    asked = http.query(app)
    chosen = [name for name in FILTERS if asked.get(name)]
    if len(chosen) != 1:
        raise InvalidInputError("filter by exactly one attribute", allowed=list(FILTERS))
    if len(asked[chosen[0]]) > MAX_VALUE:
        raise InvalidInputError("the value to filter by is too long", limit=MAX_VALUE)
    until = _instant(asked.get("until"), wiring.now() + timedelta(minutes=5))
    since = _instant(asked.get("since"), until - timedelta(days=DEFAULT_DAYS))
    if since > until:
        raise InvalidInputError("since is after until")
    by = "stage" if chosen[0] == "status" else chosen[0]
    if by == "stage" and asked["status"] not in set(Stage):
        raise InvalidInputError("unknown status", allowed=[each.value for each in Stage])
    rows, cursor = wiring.views().list_orders(
        by, asked[chosen[0]], since, until, _limit(asked), asked.get("cursor", "")
    )
    return http.answer({"orders": rows, "next_cursor": cursor or None})


def _instant(text: str | None, default: datetime) -> datetime:
    return http.instant(text) if text else default


def _limit(asked: dict[str, str]) -> int:
    text = asked.get("limit", "25")
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_PAGE)) or not 0 < int(text) <= MAX_PAGE:
        raise InvalidInputError("limit must be 1 to 100")
    return int(text)


def known_form(order_id: str) -> str:
    """The id, when it is one; raises OrderNotFoundError."""
    if not ids.is_order_id(order_id):
        raise OrderNotFoundError("no such order")
    return order_id


def show(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """One order; `?at=` shows it as it was known at an instant."""
    http.require(app, *READERS)
    at = http.query(app).get("at")
    loaded = use_cases.show_order()(known_form(order_id), _instant(at, wiring.now()) if at else None)
    if loaded.order is None:
        raise OrderNotFoundError("no such order, or not yet", order_id=order_id)
    return http.answer(order_document(loaded.order, loaded.history.number))


def timeline(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Every commit with its cause."""
    http.require(app, *READERS)
    history = wiring.orders().load(known_form(order_id)).history
    if not history.commits:
        raise OrderNotFoundError("no such order", order_id=order_id)
    return http.answer(timeline_document(history, wiring.log().facts(history.stream)))


def decision(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Why it ships from where it does."""
    http.require(app, *READERS)
    return http.answer({"decisions": use_cases.show_decisions()(known_form(order_id))})


def ledger(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Its money in double entry."""
    http.require(app, *BOOKKEEPERS)
    loaded = wiring.orders().load(known_form(order_id))
    if loaded.order is None:
        raise OrderNotFoundError("no such order", order_id=order_id)
    return http.answer(ledger_document(loaded.order, loaded.history))


def alerts(app: APIGatewayHttpResolver) -> Response[str]:
    """What a person has to look at."""
    http.require(app, *READERS)
    asked = http.query(app)
    rows, cursor = wiring.views().list_rows("alert", _limit(asked), asked.get("cursor", ""))
    return http.answer({"alerts": rows, "next_cursor": cursor or None})


def reoptimizations(app: APIGatewayHttpResolver) -> Response[str]:
    """What looking again at planned orders has saved, run by run."""
    http.require(app, "finance", "sales")
    asked = http.query(app)
    rows, cursor = wiring.views().list_rows("reoptimization", _limit(asked), asked.get("cursor", ""))
    shown = [{name: value for name, value in row.items() if name != "next"} for row in rows]
    return http.answer({"reoptimizations": shown, "next_cursor": cursor or None})


def returned(app: APIGatewayHttpResolver) -> Response[str]:
    """Why units came back, day by day."""
    http.require(app, "finance", "sales", "service", "warehouse")
    asked = http.query(app)
    rows, cursor = wiring.views().list_rows("returns_report", _limit(asked), asked.get("cursor", ""))
    return http.answer({"returns": rows, "next_cursor": cursor or None})


def sales(app: APIGatewayHttpResolver) -> Response[str]:
    """Rows of the daily sales report."""
    http.require(app, "finance", "sales")
    asked = http.query(app)
    rows, cursor = wiring.views().list_rows("report", _limit(asked), asked.get("cursor", ""))
    return http.answer({"sales": rows, "next_cursor": cursor or None})
