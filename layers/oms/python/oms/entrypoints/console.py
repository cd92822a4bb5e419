"""The staff console: orders with their whole history, and the quarantine. Rendered here, works without scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

from oms.domain import ids
from oms.domain.commit import Cause
from oms.domain.errors import (
    AuthenticationError,
    InvalidInputError,
    InvalidTokenError,
    NotFoundError,
    OmsError,
    OrderNotFoundError,
    QuarantineNotFoundError,
    UpstreamError,
)
from oms.domain.order.commands import ReleaseHold
from oms.domain.order.status import Stage
from oms.entrypoints import http, pages, readable, sessions, wiring
from oms.entrypoints.documents import order_document
from oms.entrypoints.order_api import DEFAULT_DAYS, FILTERS, READERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
    from aws_lambda_powertools.shared.cookies import Cookie

PAGE: Final = 25
MAX_FORM: Final = 16_000
MAX_VALUE: Final = 200
YEARS: Final = range(2000, 9000)
RECENT_DAYS: Final = 2
"""How far the list goes back when nothing is asked for."""
KEEPERS: Final = ("service",)
"""Who may see and replay the quarantine."""
RELEASERS: Final = ("service", "finance", "sales")
LABELS: Final[Mapping[str, str]] = {
    "number": "Order number",
    "tracking": "Tracking number",
    "sku": "SKU",
    "customer": "Customer id",
    "channel": "Channel",
    "status": "Status",
}
DONE: Final[Mapping[str, str]] = {"released": "The hold was released."}
"""What a page may say after a form, by the word in its address: nothing of the address itself is shown."""
_ORDER_ID: Final = re.compile(r"ord_[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)
_PARKED_ID: Final = re.compile(r"qrn_[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)
_SEEN: Final = re.compile(r"[0-9]{1,8}", re.ASCII)
# With 'no-referrer', browsers hide the origin of forms too, and forms could not be told from forged ones.
_HEADERS: Final = {"referrer-policy": "same-origin"}


@dataclass(frozen=True, slots=True)
class Route:
    """A page: who may see it ('' in `roles`: anybody), and how it is made."""

    method: str
    path: str
    make: Callable[..., Response[str]]
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """A request whose sender is known."""

    app: APIGatewayHttpResolver
    session: sessions.Session

    @property
    def query(self) -> dict[str, str]:
        """Query parameters."""
        return http.query(self.app)

    def page(self, template: str, status: int = 200, *, nav: str, **context: Any) -> Response[str]:
        """A page with the navigation of this session."""
        return _page(template, status, session=self.session, nav=nav, **context)


def resolver() -> APIGatewayHttpResolver:
    """All routes, and refusals as pages."""
    app = http.resolver()
    app.exception_handler(OmsError)(partial(_refused, app))
    app.exception_handler(Exception)(partial(_failed, app))
    app.not_found(lambda _: _refused(app, NotFoundError("there is no such page")))
    for route in ROUTES:
        app.route(route.path, method=route.method)(_guarded(app, route) if route.roles else _open(app, route))
    return app


def _open(app: APIGatewayHttpResolver, route: Route) -> Callable[[], Response[str]]:
    """The page, for anybody."""

    def make() -> Response[str]:
        return route.make(app)

    return make


def _guarded(app: APIGatewayHttpResolver, route: Route) -> Callable[..., Response[str]]:
    """The page for those who may see it; others sign in first."""

    def make(**arguments: str) -> Response[str]:
        session = sessions.current(app)
        if session is None:
            return _see_other(sessions.login_path(app))
        app.context["session"] = session
        session.require(*route.roles)
        visit = Visit(app, session)
        if route.method == "POST":
            sessions.require_same_origin(app)
            form = _form(app)
            sessions.require_form_token(session, app.current_event.raw_event["rawPath"], form.get("form_token", ""))
            return route.make(visit, form, **arguments)
        return route.make(visit, **arguments)

    return make


def _page(template: str, status: int = 200, cookies: list[Cookie] | None = None, **context: Any) -> Response[str]:
    headers = {**_HEADERS, **context.pop("headers", {})}
    return pages.page(template, status, headers=headers, cookies=cookies, **context)


def _see_other(path: str, cookies: list[Cookie] | None = None) -> Response[str]:
    answer = pages.see_other(path, cookies)
    answer.headers.update(_HEADERS)
    return answer


def _refused(app: APIGatewayHttpResolver, error: OmsError) -> Response[str]:
    status = http.status_of(error)
    context: dict[str, Any] = {
        "heading": status.phrase,
        "message": str(error),
        "code": error.code,
        "again": error.retryable,
    }
    headers = pages.refusal_headers(error)
    return _page("error.html", status, headers=headers, session=app.context.get("session"), nav="", **context)


def _failed(app: APIGatewayHttpResolver, error: Exception) -> Response[str]:
    pages.failed(error)
    context: dict[str, Any] = {"heading": "Something went wrong", "message": "unexpected failure", "again": True}
    return _page("error.html", 500, session=app.context.get("session"), nav="", code="internal_error", **context)


def _form(app: APIGatewayHttpResolver) -> dict[str, str]:
    try:
        return dict(parse_qsl(http.raw_body(app, MAX_FORM).decode(), keep_blank_values=True, max_num_fields=20))
    except ValueError as error:
        raise InvalidInputError("not a form") from error


# ---------------------------------------------------------------- sign-in


def login_form(app: APIGatewayHttpResolver) -> Response[str]:
    """Who are you?"""
    return _login(sessions.safe_next(http.query(app).get("next", "")))


def _login(
    following: str, message: str = "", status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[str]:
    context: dict[str, Any] = {"following": following, "message": message, "headers": headers or {}}
    return _page("login.html", status, session=None, nav="", **context)


def login(app: APIGatewayHttpResolver) -> Response[str]:
    """Check the password with Cognito and hand out the cookie."""
    sessions.require_same_origin(app)
    form = _form(app)
    following = sessions.safe_next(form.get("next", ""))
    username, password = form.get("username", "").strip(), form.get("password", "")
    try:
        if not username or not password:
            raise AuthenticationError("user name and password do not match")
        session = _verified(sessions.sign_in(username, password))
    except OmsError as error:
        return _login(following, str(error), http.status_of(error), pages.refusal_headers(error))
    http.logger.info("signed in", extra={"roles": sorted(session.roles)})
    return _see_other(following, [sessions.cookie(session.token)])


def _verified(token: str) -> sessions.Session:
    try:
        return sessions.verify(token)
    except InvalidTokenError as error:
        raise UpstreamError("the sign-in service gave a session that cannot be used here") from error


def logout(app: APIGatewayHttpResolver) -> Response[str]:
    """Forget the session. Needs no form token: whoever sends this only loses a cookie."""
    sessions.require_same_origin(app)
    return _see_other(sessions.LOGIN, [sessions.cookie("")])


# ---------------------------------------------------------------- orders


def home(visit: Visit) -> Response[str]:  # noqa: ARG001 - as every other page
    """The console begins with orders."""
    return _see_other(sessions.HOME)


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
    from oms.channels.registry import CONNECTORS

    until = wiring.now() + timedelta(minutes=5)
    since = until - timedelta(days=RECENT_DAYS)
    rows: list[Mapping[str, Any]] = []
    for channel in (*CONNECTORS, "site"):
        rows += wiring.views().list_orders("channel", channel, since, until, PAGE, "")[0]
    return sorted(rows, key=lambda row: str(row["placed_at"]), reverse=True)[:PAGE]


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
    if not _ORDER_ID.fullmatch(order_id):
        raise OrderNotFoundError("there is no such order")
    asked = visit.query.get("at", "")
    at = _instant(asked, wiring.now()) if asked else None
    loaded = wiring.orders().load(order_id, at)
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
        facts=readable.facts(wiring.log().facts(loaded.history.stream)),
        done=DONE.get(visit.query.get("done", ""), ""),
    )


def release(visit: Visit, form: Mapping[str, str], order_id: str, hold_id: str) -> Response[str]:
    """Let the order go on. Sending the form twice is sending it once."""
    role = visit.session.require(*RELEASERS)
    seen = form.get("seen", "")
    if not _ORDER_ID.fullmatch(order_id) or not _SEEN.fullmatch(seen):
        raise InvalidInputError("not a form of this page")
    http.logger.set_correlation_id(order_id)
    command = ReleaseHold(command_id=ids.command_id("console", "release", order_id, hold_id, seen), hold_id=hold_id)
    wiring.orders().execute(order_id, command, Cause(kind="api", ref=f"console:release:{hold_id}", actor=role))
    return _see_other(f"/console/orders/{order_id}?done=released")


def alerts(visit: Visit) -> Response[str]:
    """What a person has to look at."""
    rows, cursor = wiring.views().list_rows("alert", PAGE, visit.query.get("cursor", ""))
    older = f"/console/alerts?{urlencode({'cursor': cursor})}" if cursor else ""
    return visit.page("alerts.html", nav="alerts", rows=rows, older=older)


# ---------------------------------------------------------------- quarantine


def quarantine(visit: Visit) -> Response[str]:
    """What could not be processed."""
    rows, cursor = wiring.quarantine().list(PAGE, visit.query.get("cursor", ""))
    older = f"/console/quarantine?{urlencode({'cursor': cursor})}" if cursor else ""
    newest = sorted(rows, key=lambda row: str(row.get("parked_at", "")), reverse=True)
    return visit.page("quarantine.html", nav="quarantine", rows=newest, older=older)


def parked(visit: Visit, parked_id: str) -> Response[str]:
    """One input with its reason and its raw body."""
    return _parked(visit, parked_id)


def _parked(visit: Visit, parked_id: str, refusal: OmsError | None = None) -> Response[str]:
    entry = wiring.quarantine().get(_known_parked(parked_id))
    message = dict(entry.message)
    path = f"/console/quarantine/{parked_id}/replay"
    encoded = message.get("body") is None
    return visit.page(
        "parked.html",
        http.status_of(refusal) if refusal else 200,
        nav="quarantine",
        parked=entry,
        detail=readable.context(entry.detail),
        received_at=str(message.get("received_at", "")),
        sent_headers=message["headers"] if isinstance(message.get("headers"), dict) else {},
        body=readable.body(str(message.get("body_b64", "") if encoded else message["body"])),
        encoded=encoded,
        refusal=refusal,
        action=path,
        form_token=visit.session.form_token(path),
    )


def _known_parked(parked_id: str) -> str:
    if not _PARKED_ID.fullmatch(parked_id):
        raise QuarantineNotFoundError("there is no such quarantined input")
    return parked_id


def replay(visit: Visit, form: Mapping[str, str], parked_id: str) -> Response[str]:  # noqa: ARG001 - as other forms
    """Process it again, and show how that ended."""
    try:
        taken = wiring.replay_parked()(_known_parked(parked_id))
    except QuarantineNotFoundError:
        raise
    except OmsError as error:
        return _parked(visit, parked_id, error)
    return visit.page("replayed.html", HTTPStatus.OK, nav="quarantine", taken=taken, parked_id=parked_id)


ROUTES: Final = (
    Route("GET", "/console/login", login_form, ()),
    Route("POST", "/console/login", login, ()),
    Route("POST", "/console/logout", logout, ()),
    Route("GET", "/console", home, READERS),
    Route("GET", "/console/orders", orders, READERS),
    Route("GET", "/console/orders/<order_id>", order, READERS),
    Route("POST", "/console/orders/<order_id>/holds/<hold_id>/release", release, RELEASERS),
    Route("GET", "/console/alerts", alerts, READERS),
    Route("GET", "/console/quarantine", quarantine, KEEPERS),
    Route("GET", "/console/quarantine/<parked_id>", parked, KEEPERS),
    Route("POST", "/console/quarantine/<parked_id>/replay", replay, KEEPERS),
)
"""Every page. Those without roles are for people who have not signed in."""
