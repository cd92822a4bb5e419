"""Returns, for warehouses: received, looked at, and found for goods that nobody announced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.application.returns import FOUND_BY, UNMATCHED
from oms.domain import ids
from oms.domain.errors import InvalidInputError, ReturnNotFoundError
from oms.domain.movements import Disposition
from oms.domain.order.return_facts import Condition, InspectedUnits
from oms.domain.order.return_state import find
from oms.entrypoints import http, use_cases_returns, wiring
from oms.entrypoints.named import by_line
from oms.entrypoints.order_api import known_form
from oms.entrypoints.requests.returns import ArrivalBody, InspectBody, MatchBody, ReceiveBody
from oms.entrypoints.return_api import asked_lines
from oms.entrypoints.return_documents import return_document
from oms.entrypoints.telemetry import correlate

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

MAX_PAGE = 100


def _known(return_id: str) -> str:
    if not ids.is_return_id(return_id):
        raise ReturnNotFoundError("no such return")
    correlate(ids.order_of_return(return_id))
    return return_id


def show(app: APIGatewayHttpResolver, return_id: str) -> Response[str]:
    """One, by what is printed on its label."""
    http.require(app, "warehouse", "service", "finance")
    order = wiring.orders().load(ids.order_of_return(_known(return_id))).order
    if order is None:
        raise ReturnNotFoundError("no such return")
    return http.answer(return_document(order, find(order, return_id)))


def receive(app: APIGatewayHttpResolver, return_id: str) -> Response[str]:
    """It is at a node, any node."""
    role = http.require(app, "warehouse")
    asked = http.body(app, ReceiveBody)
    key = http.idempotency_key(app)
    command_id = ids.command_id("api", "receive-return", return_id, key)
    outcome = use_cases_returns.take_arrival().receive(
        _known(return_id), asked.node_id, command_id, http.api_cause(app, key, role)
    )
    return http.answer(return_document(outcome.order, find(outcome.order, return_id)))


def inspect(app: APIGatewayHttpResolver, return_id: str) -> Response[str]:
    """Units of it were looked at: to stock, and to their money, with one commit."""
    role = http.require(app, "warehouse")
    asked = http.body(app, InspectBody)
    key = http.idempotency_key(app)
    lines = tuple(
        [
            InspectedUnits(
                line_id=each.line_id,
                quantity=each.quantity,
                condition=Condition(each.condition),
                disposition=Disposition(each.disposition) if each.disposition else None,
            )
            for each in asked.lines
        ]
    )
    outcome = use_cases_returns.take_arrival().inspect(
        _known(return_id),
        ids.command_id("api", "inspect-return", return_id, key),
        http.api_cause(app, key, role),
        node_id=asked.node_id,
        lines=lines,
        serials=by_line(asked.lines),
        last=asked.last,
    )
    return http.answer(return_document(outcome.order, find(outcome.order, return_id)))


def arrive(app: APIGatewayHttpResolver) -> Response[str]:
    """Goods without a return: one is made of them, candidates are shown, or they wait to be matched."""
    role = http.require(app, "warehouse")
    asked = http.body(app, ArrivalBody)
    key = http.idempotency_key(app)
    told = [(by, value) for by in FOUND_BY if (value := getattr(asked, by))]
    if len(told) > 1:
        raise InvalidInputError("goods are found by one of these at a time", allowed=list(FOUND_BY))
    use = use_cases_returns.take_arrival()
    found = use.find(*told[0]) if told else []
    if len(found) == 1 and asked.lines:
        correlate(known_form(found[0]))
        command_id = ids.command_id("api", "arrival", asked.node_id, key)
        cause = http.api_cause(app, key, role)
        outcome, return_id = use.arrived(found[0], asked_lines(asked.lines), asked.node_id, command_id, cause)
        return http.answer(return_document(outcome.order, outcome.order.returns[return_id]), 201)
    if found:
        return http.answer({"candidates": found})
    seen: dict[str, Any] = {name: value for name in (*FOUND_BY, "sku") if (value := getattr(asked, name))}
    return http.answer({"unmatched": use.unmatched(asked.node_id, {**seen, "quantity": asked.quantity}, key)}, 202)


def unmatched(app: APIGatewayHttpResolver) -> Response[str]:
    """Goods that wait to be matched."""
    http.require(app, "warehouse", "service")
    rows, cursor = wiring.views().list_rows(UNMATCHED, MAX_PAGE, http.query(app).get("cursor", ""))
    return http.answer({"unmatched": rows, "next_cursor": cursor or None})


def match(app: APIGatewayHttpResolver, unmatched_id: str) -> Response[str]:
    """They are of this order."""
    role = http.require(app, "warehouse", "service")
    asked = http.body(app, MatchBody)
    key = http.idempotency_key(app)
    correlate(known_form(asked.order_id))
    command_id = ids.command_id("api", "match", unmatched_id, key)
    outcome, return_id = use_cases_returns.take_arrival().match(
        unmatched_id, asked.order_id, asked_lines(asked.lines), command_id, http.api_cause(app, key, role)
    )
    return http.answer(return_document(outcome.order, outcome.order.returns[return_id]), 201)
