"""Returns, for customers: what may come back of the order that a signed link is for, and asking for it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from oms.domain import ids
from oms.domain.commit import Cause
from oms.domain.errors import InvalidTokenError, RateLimitedError
from oms.domain.return_policy import WINDOW_DAYS
from oms.entrypoints import http, use_cases_returns, wiring
from oms.entrypoints.return_documents import customer_return

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.domain.order.return_state import Return
    from oms.domain.order.state import Order

MOST = (20, 3600)
"""Requests of one order within so many seconds."""


def _order(token: str) -> Order:
    order = wiring.orders().load(wiring.status_links().verify(token, wiring.now())).order
    if order is None:
        raise InvalidTokenError("this link is not valid, or no longer")
    return order


def show(app: APIGatewayHttpResolver, token: str) -> Response[str]:
    """Lines with units that may be returned, the reasons there are, and the order's returns.

    Which rule decides may depend on the reason: `?reason=` shows what may be returned for it.
    """
    order = _order(token)
    rules, found = use_cases_returns.ask_for_return().may_be(order, http.query(app).get("reason", ""))
    lines = [
        {
            "line_id": line_id,
            "title": order.lines[line_id].placed.title or order.lines[line_id].placed.sku,
            "returnable": each["units"],
            "window_days": each["rule"].get("then", {}).get("window_days", WINDOW_DAYS),
            "final": each["rule"].get("then", {}).get("returnable", "yes") != "yes",
        }
        for line_id, each in found.items()
    ]
    known = [{**customer_return(order, each), "label_url": _label(order, each)} for each in order.returns.values()]
    return http.answer({"reasons": list(rules.reasons), "lines": lines, "returns": known})


def _label(order: Order, known: Return) -> str | None:
    """Where its file is. It is kept with the order's contact, of returns that a label was bought for."""
    bought = bool(known.terms.label_account and known.tracking_number)
    return wiring.contacts().label(order.contact_key, known.return_id) or None if bought else None


def ask(app: APIGatewayHttpResolver, token: str) -> Response[str]:
    """A return of what the link's order brought. Its number is on the answer, and its label once it is bought."""
    from oms.application.returns import Asked
    from oms.domain.order.return_facts import Resolution
    from oms.entrypoints.requests.returns import AskReturnBody
    from oms.entrypoints.return_api import asked_lines, wanted_lines

    order_id = _order(token).order_id
    key = http.idempotency_key(app)
    most, window = MOST
    if wiring.views().hit(f"return#{order_id}", window, wiring.now()) > most:
        raise RateLimitedError("too many requests; try again later", retry_after=window)
    asked = http.body(app, AskReturnBody)
    what = Asked(
        lines=asked_lines(asked.lines),
        resolution=Resolution(asked.resolution),
        origin="customer",
        wanted=wanted_lines(asked.wanted),
    )
    command_id = ids.command_id("status", "return", order_id, key)
    cause = _cause(app, key)
    outcome, return_id = use_cases_returns.ask_for_return()(order_id, command_id, what, cause)
    return http.answer(customer_return(outcome.order, outcome.order.returns[return_id]), 201)


def _cause(app: APIGatewayHttpResolver, key: str) -> Cause:
    """As of any API write, but for the token: it is a secret, and may have been signed anew between two tries."""
    asked = hashlib.sha256(b"status return\n" + http.raw_body(app)).hexdigest()
    return Cause(kind="api", ref=f"{asked[:16]}:{key}", actor="customer")
