"""Returns, for service: asked for, approved or not, settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.application.returns import Asked
from oms.domain import ids
from oms.domain.order.exchange_facts import WantedLine
from oms.domain.order.return_commands import (
    ApproveReturn,
    AskedLine,
    CancelReturn,
    LabelReturn,
    RejectReturn,
    SettleReturn,
)
from oms.domain.order.return_facts import Resolution, ReturnUnits
from oms.domain.order.return_state import find
from oms.entrypoints import http, use_cases_returns, wiring
from oms.entrypoints.order_api import known_form
from oms.entrypoints.requests.returns import SettleReturnBody, StaffReturnBody, TravelsBody, WhyBody
from oms.entrypoints.return_documents import return_document
from oms.entrypoints.telemetry import correlate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.domain.order.commands import Command
    from oms.entrypoints.requests.returns import AskedLineBody, WantedBody

PEOPLE = ("service", "finance")


def asked_lines(lines: Sequence[AskedLineBody]) -> tuple[AskedLine, ...]:
    """Of a body."""
    return tuple([AskedLine(line_id=each.line_id, quantity=each.quantity, reason=each.reason) for each in lines])


def wanted_lines(lines: Sequence[WantedBody]) -> tuple[WantedLine, ...]:
    """Of a body."""
    return tuple([WantedLine(line_id=each.line_id, sku=each.sku, quantity=each.quantity) for each in lines])


def ask(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Units are to come back, of any order."""
    role = http.require(app, "service", "shop")
    asked = http.body(app, StaffReturnBody)
    if asked.override:
        http.require(app, "service")
    key = http.idempotency_key(app)
    correlate(order_id)
    what = Asked(
        lines=asked_lines(asked.lines),
        resolution=Resolution(asked.resolution),
        override=asked.override,
        wanted=wanted_lines(asked.wanted),
    )
    command_id = ids.command_id("api", "return", order_id, key)
    outcome, return_id = use_cases_returns.ask_for_return()(
        known_form(order_id), command_id, what, http.api_cause(app, key, role)
    )
    return http.answer(return_document(outcome.order, outcome.order.returns[return_id]), 201)


def _run(app: APIGatewayHttpResolver, order_id: str, return_id: str, command: Command, role: str) -> Response[str]:
    correlate(order_id)
    cause = http.api_cause(app, http.idempotency_key(app), role)
    outcome = wiring.orders().execute(known_form(order_id), command, cause)
    return http.answer(return_document(outcome.order, find(outcome.order, return_id)))


def _command_id(app: APIGatewayHttpResolver, verb: str, return_id: str) -> str:
    return ids.command_id("api", verb, return_id, http.idempotency_key(app))


def approve(app: APIGatewayHttpResolver, order_id: str, return_id: str) -> Response[str]:
    """It may come, or what has come is taken."""
    role = http.require(app, *PEOPLE)
    http.no_body(app)
    command_id = _command_id(app, "approve-return", return_id)
    command = ApproveReturn(command_id=command_id, return_id=return_id, at=wiring.now())
    return _run(app, order_id, return_id, command, role)


def reject(app: APIGatewayHttpResolver, order_id: str, return_id: str) -> Response[str]:
    """It may not."""
    role = http.require(app, *PEOPLE)
    asked = http.body(app, WhyBody)
    command_id = _command_id(app, "reject-return", return_id)
    command = RejectReturn(command_id=command_id, return_id=return_id, reason=asked.reason)
    return _run(app, order_id, return_id, command, role)


def cancel(app: APIGatewayHttpResolver, order_id: str, return_id: str) -> Response[str]:
    """It will not come."""
    role = http.require(app, *PEOPLE)
    asked = http.body(app, WhyBody)
    command_id = _command_id(app, "cancel-return", return_id)
    command = CancelReturn(command_id=command_id, return_id=return_id, reason=asked.reason)
    return _run(app, order_id, return_id, command, role)


def label(app: APIGatewayHttpResolver, order_id: str, return_id: str) -> Response[str]:
    """The parcel that it travels in, where the customer sends it."""
    role = http.require(app, *PEOPLE)
    asked = http.body(app, TravelsBody)
    command_id = _command_id(app, "label-return", return_id)
    command = LabelReturn(
        command_id=command_id, return_id=return_id, carrier=asked.carrier, tracking_number=asked.tracking_number
    )
    return _run(app, order_id, return_id, command, role)


def settle(app: APIGatewayHttpResolver, order_id: str, return_id: str) -> Response[str]:
    """A person decides, and that ends it."""
    role = http.require(app, *PEOPLE)
    asked = http.body(app, SettleReturnBody)
    lines = tuple([ReturnUnits(line_id=each.line_id, quantity=each.quantity) for each in asked.lines])
    command_id = _command_id(app, "settle-return", return_id)
    command = SettleReturn(
        command_id=command_id, return_id=return_id, reason=asked.reason, lines=lines, amount=asked.amount
    )
    return _run(app, order_id, return_id, command, role)
