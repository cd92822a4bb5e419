"""Console pages about orders: lists, one order with its whole history, holds, alerts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from oms.domain import ids
from oms.domain.commit import Cause
from oms.domain.errors import InvalidInputError, OrderNotFoundError
from oms.domain.order.commands import ReleaseHold
from oms.domain.order.status import Stage
from oms.entrypoints import readable, sessions, use_cases, wiring
from oms.entrypoints.console_visit import PAGE, see_other
from oms.entrypoints.documents import order_document
from oms.entrypoints.order_api import DEFAULT_DAYS, FILTERS
from oms.entrypoints.telemetry import correlate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.event_handler import Response

    from oms.entrypoints.console_visit import Visit

RELEASERS: Final = ("service", "finance", "sales")
RECENT_DAYS: Final = 2
"""How far the list goes back when nothing is asked for."""
MAX_VALUE: Final = 200
YEARS: Final = range(2000, 9000)
LABELS: Final[Mapping[str, str]] = {
    "number": "Order number",
    "tracking": "Tracking number",
    "serial": "Serial number",
    "lot": "SKU~lot",
    "sku": "SKU",
    "customer": "Customer id",
    "channel": "Channel",
    "status": "Status",
}
DONE: Final[Mapping[str, str]] = {"released": "The hold was released."}
"""What a page may say after a form, by the word in its address: nothing of the address itself is shown."""
_SEEN: Final = re.compile(r"[0-9]{1,8}", re.ASCII)


def orders(visit: Visit) -> Response[str]:
    """Orders by one attribute and a date range, newest first; the most recent ones when nothing is asked for."""
    asked = _canonical(visit.query)
    by, value = next(((name, asked[name]) for name in FILTERS if asked.get(name)), ("", ""))
    if by:
        rows, cursor = _filtered(by, value, asked)
    else:
        rows, cursor = _recent(), ""
    older = f"{sessions.HOME}?{urlencode({**asked, 'cursor': cursor})}" if cursor else ""
    return visit.page(
        "orders.html",
        nav="orders",
        rows=rows,
        older=older,
        paged="cursor" in asked,
        by=by or "number",
        value=value,
        asked=asked,
        labels=LABELS,
        stages=[each.value for each in Stage],
        recent_days=RECENT_DAYS,
        filtered=bool(by),
    )


def _canonical(query: dict[str, str]) -> dict[str, str]:
    """The attribute asked for under its own name, whether a link or the form (`by`, `value`) asks."""
    asked = {name: query[name].strip() for name in (*FILTERS, "since", "until", "cursor") if query.get(name)}
    if query.get("by") in FILTERS and query.get("value", "").strip():
        asked[query["by"]] = query["value"].strip()
    if any(len(value) > MAX_VALUE for name, value in asked.items() if name != "cursor"):
        raise InvalidInputError("too long to be found")
    if len([name for name in FILTERS if name in asked]) > 1:
        raise InvalidInputError("filter by exactly one attribute", allowed=list(FILTERS))
    return asked


def _filtered(by: str, value: str, asked: Mapping[str, str]) -> tuple[list[Mapping[str, Any]], str]:
    until = _instant(asked.get("until", ""), wiring.now() + timedelta(minutes=5), end=True)
    since = _instant(asked.get("since", ""), until - timedelta(days=DEFAULT_DAYS))
    if by == "status" and value not in set(Stage):
        raise InvalidInputError("unknown status", allowed=[each.value for each in Stage])
    kind = "stage" if by == "status" else by
    return wiring.views().list_orders(kind, value, since, until, PAGE, asked.get("cursor", ""))


def _recent() -> list[Mapping[str, Any]]:
    until = wiring.now() + timedelta(minutes=5)
    since = until - timedelta(days=RECENT_DAYS)
    return wiring.views().list_orders("all", "", since, until, PAGE, "")[0]


def _instant(text: str, default: datetime, *, end: bool = False) -> datetime:
    """An instant; without a zone it is UTC, and a day alone means its start, or its `end`."""
    if not text:
        return default
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError("not a date or time", value=text[:40]) from error
    if at.year not in YEARS:
        raise InvalidInputError("not a date or time", value=text[:40])
    whole_day = len(text) == len("2026-11-22")
    return at + timedelta(days=1, microseconds=-1) if end and whole_day else at


def order(visit: Visit, order_id: str) -> Response[str]:
    """An order with its whole history; `?at=` shows it as it was known at an instant."""
    if not ids.is_order_id(order_id):
        raise OrderNotFoundError("there is no such order")
    asked = visit.query.get("at", "")
    at = _instant(asked, wiring.now()) if asked else None
    loaded = use_cases.show_order()(order_id, at)
    if loaded.order is None:
        raise OrderNotFoundError("there is no such order, or not yet at that time")
    document = order_document(loaded.order, loaded.history.number)
    here = f"/console/orders/{order_id}"
    may_release = at is None and visit.session.may(*RELEASERS)
    releases = {
        hold["hold_id"]: (path := f"{here}/holds/{hold['hold_id']}/release", visit.session.form_token(path))
        for hold in document["holds"]
        if hold["active"] and may_release
    }
    return visit.page(
        "order.html",
        nav="orders",
        order=document,
        here=here,
        at=at,
        releases=releases,
        decisions=readable.decisions(loaded.history, at),
        timeline=readable.timeline(loaded.history, document["currency"], at),
        # When a scan became known is not kept: a look back does without them.
        facts=[] if at else readable.facts(wiring.log().facts(loaded.history.stream)),
        done=DONE.get(visit.query.get("done", ""), ""),
    )


def release(visit: Visit, form: Mapping[str, str], order_id: str, hold_id: str) -> Response[str]:
    """Let the order go on. Sending the form twice is sending it once."""
    role = visit.session.require(*RELEASERS)
    seen = form.get("seen", "")
    if not ids.is_order_id(order_id) or not _SEEN.fullmatch(seen):
        raise InvalidInputError("not a form of this page")
    correlate(order_id)
    command = ReleaseHold(
        command_id=ids.command_id("console", "release", order_id, hold_id, seen),
        hold_id=hold_id,
        reason=form.get("reason", "").strip()[:MAX_VALUE],
        role=role,
        by=ids.derive("stf", visit.session.subject) if visit.session.subject else "",
    )
    wiring.orders().execute(order_id, command, Cause(kind="api", ref=f"console:release:{hold_id}", actor=role))
    return see_other(f"/console/orders/{order_id}?done=released")


def alerts(visit: Visit) -> Response[str]:
    """What a person has to look at."""
    rows, cursor = wiring.views().list_rows("alert", PAGE, visit.query.get("cursor", ""))
    older = f"/console/alerts?{urlencode({'cursor': cursor})}" if cursor else ""
    return visit.page("alerts.html", nav="alerts", rows=rows, older=older)
