"""The orders API."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from oms.channels import site
from oms.channels.payload import parse_object
from oms.domain import ids
from oms.domain.commit import Cause
from oms.domain.errors import InvalidInputError, OrderNotFoundError
from oms.domain.order.commands import CancelLines, PlaceHold, ReleaseHold, RequestRefund
from oms.domain.order.events import LineUnits, PaymentPlan
from oms.domain.order.ledger import Place
from oms.domain.order.status import Stage, units_at
from oms.entrypoints import http, wiring
from oms.entrypoints.documents import order_document, timeline_document
from oms.entrypoints.requests import CancelBody, Empty, HoldBody, RefundBody

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.domain.order.commands import Command
    from oms.entrypoints.requests import LineQuantity

FILTERS: Final = ("status", "channel", "customer", "sku", "tracking", "number")
MAX_PAGE: Final = 100
DEFAULT_DAYS: Final = 31
MAX_VALUE: Final = 200
_OLDEST, _NEWEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
READERS: Final = ("service", "warehouse", "finance", "sales", "shop")
ACCOUNT: Final = "main"
"""The merchant's own site has one account."""


def place(app: APIGatewayHttpResolver) -> Response[str]:
    """201 with the new order, 200 with the one that this key placed before."""
    http.require(app, "shop", "sales")
    key = http.idempotency_key(app)
    document = parse_object(http.raw_body(app)).values
    normalized, payment = site.read_order(document, account=ACCOUNT, external_id=key, now=wiring.now())
    canonical = json.dumps(document, sort_keys=True, ensure_ascii=False, default=str)
    request_hash = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    cause = Cause(kind="api", ref=f"{request_hash[:16]}:{key}", actor="shop")
    plan = PaymentPlan(provider=payment.provider, reference=payment.reference)
    outcome = wiring.sync_snapshot()(normalized, cause, plan, request_hash)
    http.logger.set_correlation_id(outcome.order.order_id)
    if outcome.events and not outcome.replayed:
        return http.answer(order_document(outcome.order, 1), 201)
    loaded = wiring.orders().load(outcome.order.order_id)
    return http.answer(order_document(outcome.order, loaded.history.number), 200)


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
    if not text:
        return default
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
        if at.tzinfo is None:
            raise InvalidInputError("an instant needs its zone", value=text[:40])
        at = at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError("not an ISO 8601 instant", value=text[:40]) from error
    if not _OLDEST <= at <= _NEWEST:
        raise InvalidInputError("an instant that no order can be of", value=text[:40])
    return at


def _limit(asked: dict[str, str]) -> int:
    text = asked.get("limit", "25")
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_PAGE)) or not 0 < int(text) <= MAX_PAGE:
        raise InvalidInputError("limit must be 1 to 100")
    return int(text)


def _known_form(order_id: str) -> str:
    if not ids.is_order_id(order_id):
        raise OrderNotFoundError("no such order")
    return order_id


def show(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """One order; `?at=` shows it as it was known at an instant."""
    http.require(app, *READERS)
    at = http.query(app).get("at")
    loaded = wiring.orders().load(_known_form(order_id), _instant(at, wiring.now()) if at else None)
    if loaded.order is None:
        raise OrderNotFoundError("no such order, or not yet", order_id=order_id)
    return http.answer(order_document(loaded.order, loaded.history.number))


def timeline(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Every commit with its cause."""
    http.require(app, *READERS)
    history = wiring.orders().load(_known_form(order_id)).history
    if not history.commits:
        raise OrderNotFoundError("no such order", order_id=order_id)
    return http.answer(timeline_document(history, wiring.log().facts(history.stream)))


def alerts(app: APIGatewayHttpResolver) -> Response[str]:
    """What a person has to look at."""
    http.require(app, *READERS)
    asked = http.query(app)
    rows, cursor = wiring.views().list_rows("alert", _limit(asked), asked.get("cursor", ""))
    return http.answer({"alerts": rows, "next_cursor": cursor or None})


def sales(app: APIGatewayHttpResolver) -> Response[str]:
    """Rows of the daily sales report."""
    http.require(app, "finance", "sales")
    asked = http.query(app)
    rows, cursor = wiring.views().list_rows("report", _limit(asked), asked.get("cursor", ""))
    return http.answer({"sales": rows, "next_cursor": cursor or None})


def _units(lines: Sequence[LineQuantity]) -> tuple[LineUnits, ...]:
    return tuple(LineUnits(line_id=line.line_id, quantity=line.quantity) for line in lines)


def _run(app: APIGatewayHttpResolver, order_id: str, command: Command, actor: str, key: str) -> Response[str]:
    http.logger.set_correlation_id(order_id)
    outcome = wiring.orders().execute(_known_form(order_id), command, http.api_cause(app, key, actor))
    loaded = wiring.orders().load(order_id)
    return http.answer({**order_document(loaded.order or outcome.order, loaded.history.number)})


def _command_id(app: APIGatewayHttpResolver, verb: str, order_id: str) -> tuple[str, str]:
    key = http.idempotency_key(app)
    return key, ids.command_id("api", verb, order_id, key)


def cancel(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Cancel units that have not been handed over; without lines, all of them."""
    role = http.require(app, "service", "sales", "shop")
    asked = http.body(app, CancelBody)
    key, command_id = _command_id(app, "cancel", order_id)
    command = CancelLines(command_id=command_id, reason=asked.reason, lines=_units(asked.lines))
    answer = _run(app, order_id, command, role, key)
    round_ = 1
    while not asked.lines and _left(order_id):
        # What one transaction cannot free is cancelled by the next.
        again = CancelLines(command_id=ids.command_id(command_id, str(round_)), reason=asked.reason)
        answer = _run(app, order_id, again, role, key)
        round_ += 1
    return answer


def _left(order_id: str) -> bool:
    order = wiring.orders().get(order_id)
    return any(units_at(order, place) for place in (Place.OPEN, Place.BACKORDERED, Place.ALLOCATED))


def hold(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Stop the order, or lines of it."""
    role = http.require(app, "service", "finance", "sales")
    asked = http.body(app, HoldBody)
    key, command_id = _command_id(app, "hold", order_id)
    command = PlaceHold(
        command_id=command_id,
        hold_id=ids.derive("hld", order_id, key),
        kind=asked.kind,
        reason=asked.reason,
        lines=tuple(asked.lines),
    )
    return _run(app, order_id, command, role, key)


def release(app: APIGatewayHttpResolver, order_id: str, hold_id: str) -> Response[str]:
    """Let it go on."""
    role = http.require(app, "service", "finance", "sales")
    http.body(app, Empty)
    key, command_id = _command_id(app, f"release {hold_id}", order_id)
    return _run(app, order_id, ReleaseHold(command_id=command_id, hold_id=hold_id), role, key)


def refund(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Give money back."""
    role = http.require(app, "service", "finance")
    asked = http.body(app, RefundBody)
    key, command_id = _command_id(app, "refund", order_id)
    command = RequestRefund(
        command_id=command_id,
        reason=asked.reason,
        amount=asked.amount,
        currency=asked.currency,
        lines=_units(asked.lines),
        restock=asked.restock,
    )
    return _run(app, order_id, command, role, key)


def status_link(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """A link that shows the order to its customer, without a login."""
    http.require(app, "service", "sales", "shop")
    http.idempotency_key(app)
    http.body(app, Empty)
    order = wiring.orders().get(_known_form(order_id))
    token = wiring.status_links().sign(order.order_id, wiring.now())
    host = http.headers(app).get("host", "")
    return http.answer({"path": f"/status/{token}", "url": f"https://{host}/status/{token}" if host else None})
