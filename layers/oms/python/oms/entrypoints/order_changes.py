"""The orders API: cancel, hold, release, pay, refund, and the link that shows an order to its customer."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from oms.application.order_holds import HoldAsked, PlaceOrderHold
from oms.domain import ids
from oms.domain.errors import InvalidInputError
from oms.domain.order.commands import CancelLines, NameReturned, ReleaseHold, RequestRefund
from oms.domain.order.events import Disposition, LineUnits, OnExpiry
from oms.domain.order.goodwill import GoodwillCode, read_limits
from oms.domain.order.payment_facts import Tender
from oms.domain.order.tender_commands import AddTender, RecordPayment
from oms.domain.order.tenders import ON_INVOICE
from oms.domain.return_policy import POLICY
from oms.entrypoints import http, wiring
from oms.entrypoints.documents import order_document
from oms.entrypoints.named import by_line
from oms.entrypoints.order_api import known_form
from oms.entrypoints.requests.orders import (
    CancelBody,
    HoldBody,
    PaymentBody,
    RefundBody,
    ReleaseBody,
    ReturnedSerialsBody,
)
from oms.entrypoints.telemetry import correlate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.application.orders import Outcome
    from oms.domain.order.commands import Command
    from oms.domain.order.goodwill import GoodwillLimit
    from oms.entrypoints.requests.common import LineQuantity

MAX_NAMED: Final = 90


def _units(lines: Sequence[LineQuantity]) -> tuple[LineUnits, ...]:
    return tuple(LineUnits(line_id=line.line_id, quantity=line.quantity) for line in lines)


def _run(app: APIGatewayHttpResolver, order_id: str, command: Command, actor: str, key: str) -> Response[str]:
    correlate(order_id)
    return _shown(order_id, wiring.orders().execute(known_form(order_id), command, http.api_cause(app, key, actor)))


def _shown(order_id: str, outcome: Outcome) -> Response[str]:
    loaded = wiring.orders().load(order_id)
    return http.answer({**order_document(loaded.order or outcome.order, loaded.history.number)})


def _command_id(app: APIGatewayHttpResolver, verb: str, order_id: str) -> tuple[str, str]:
    key = http.idempotency_key(app)
    return key, ids.command_id("api", verb, order_id, key)


def cancel(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Cancel units that have not been handed over; without lines, all of them.

    What one transaction cannot free of a large order is cancelled behind this answer; the order is on hold until then.
    """
    role = http.require(app, "service", "sales", "shop")
    asked = http.body(app, CancelBody)
    key, command_id = _command_id(app, "cancel", order_id)
    command = CancelLines(command_id=command_id, reason=asked.reason, lines=_units(asked.lines))
    return _run(app, order_id, command, role, key)


def hold(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Stop the order, or lines of it."""
    role = http.require(app, "service", "finance", "sales")
    asked = http.body(app, HoldBody)
    key = http.idempotency_key(app)
    if asked.expires_in and asked.expires_at:
        raise InvalidInputError("say either expires_in or expires_at")
    wanted = HoldAsked(
        kind=asked.kind,
        reason=asked.reason,
        lines=tuple(asked.lines),
        expires_at=asked.expires_at.astimezone(UTC) if asked.expires_at else None,
        expires_in=timedelta(seconds=asked.expires_in) if asked.expires_in else None,
        on_expiry=OnExpiry(asked.on_expiry) if asked.on_expiry else None,
        by=_person(app),
    )
    place = PlaceOrderHold(wiring.orders(), wiring.reference(), wiring.now)
    correlate(order_id)
    outcome = place(known_form(order_id), key, wanted, http.api_cause(app, key, role))
    return _shown(order_id, outcome)


def release(app: APIGatewayHttpResolver, order_id: str, hold_id: str) -> Response[str]:
    """Let it go on. Some kinds are released by certain roles only, or by somebody else than who placed the hold."""
    role = http.require(app, "service", "finance", "sales")
    asked = http.body(app, ReleaseBody)
    key, command_id = _command_id(app, f"release {hold_id}", order_id)
    command = ReleaseHold(command_id=command_id, hold_id=hold_id, reason=asked.reason, role=role, by=_person(app))
    return _run(app, order_id, command, role, key)


def _person(app: APIGatewayHttpResolver) -> str:
    """A pseudonym of whoever calls; '' when the token names nobody."""
    subject = http.subject(app)
    return ids.derive("stf", subject) if subject else ""


def _disposition(asked: RefundBody) -> Disposition | None:
    """`restock` is short for one of them; raises InvalidInputError when the two differ."""
    told = Disposition(asked.disposition) if asked.disposition else None
    if not asked.restock:
        return told
    if told not in (None, Disposition.RESTOCK):
        raise InvalidInputError("units cannot be for sale again and something else", disposition=asked.disposition)
    return Disposition.RESTOCK


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
        serials=by_line(asked.lines),
        disposition=_disposition(asked),
        goodwill=GoodwillCode(asked.goodwill) if asked.goodwill else None,
        limit=_limit_of(role) if asked.goodwill else None,
    )
    return _run(app, order_id, command, role, key)


def _limit_of(role: str) -> GoodwillLimit | None:
    """What a role may give out of goodwill."""
    return read_limits(wiring.reference().policy(POLICY)).get(role)


def payment(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Name one more payment, or record money that came for an invoice. Credit and its payment are finance's."""
    role = http.require(app, "service", "finance", "sales", "shop")
    asked = http.body(app, PaymentBody)
    if asked.kind == "received" or asked.provider == ON_INVOICE:
        role = http.require(app, "finance")
    key, command_id = _command_id(app, "payment", order_id)
    if asked.kind == "received":
        if asked.provider != ON_INVOICE or asked.terms_days:
            raise InvalidInputError("what a provider takes is recorded when it tells", provider=asked.provider)
        command: Command = RecordPayment(
            command_id=command_id, amount=asked.amount, reference=asked.reference, currency=asked.currency
        )
        return _run(app, order_id, command, role, key)
    tender = Tender(
        provider=asked.provider, reference=asked.reference, amount=asked.amount, terms_days=asked.terms_days
    )
    command = AddTender(command_id=command_id, tender=tender, currency=asked.currency)
    return _run(app, order_id, command, role, key)


def returned_serials(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Say which units came back."""
    role = http.require(app, "service", "warehouse")
    asked = http.body(app, ReturnedSerialsBody)
    key, command_id = _command_id(app, "returned-serials", order_id)
    named = by_line(asked.lines)
    if sum(len(serials) for _, serials in named) > MAX_NAMED:
        raise InvalidInputError("name fewer units at a time", limit=MAX_NAMED)
    return _run(app, order_id, NameReturned(command_id=command_id, serials=named), role, key)


def status_link(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """A link that shows the order to its customer, without a login."""
    http.require(app, "service", "sales", "shop")
    http.idempotency_key(app)
    http.no_body(app)
    order = wiring.orders().get(known_form(order_id))
    token = wiring.status_links().sign(order.order_id, wiring.now())
    host = http.headers(app).get("host", "")
    return http.answer({"path": f"/status/{token}", "url": f"https://{host}/status/{token}" if host else None})
