"""The staff console: orders with their whole history, and the quarantine. Rendered here, works without scripts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from oms.domain.errors import (
    AuthenticationError,
    InvalidInputError,
    InvalidTokenError,
    NotFoundError,
    OmsError,
    UpstreamError,
)
from oms.domain.frozen import frozen
from oms.entrypoints import console_orders, console_quarantine, http, pages, sessions
from oms.entrypoints.console_visit import Visit, page, see_other
from oms.entrypoints.order_api import READERS
from oms.entrypoints.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

MAX_FORM: Final = 16_000


@frozen(kw_only=False)
class Route:
    """A page: who may see it ('' in `roles`: anybody), and how it is made."""

    method: str
    path: str
    make: Callable[..., Response[str]]
    roles: tuple[str, ...]


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
            return see_other(sessions.login_path(app))
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


def _refused(app: APIGatewayHttpResolver, error: OmsError) -> Response[str]:
    status = http.status_of(error)
    context: dict[str, Any] = {
        "heading": status.phrase,
        "message": str(error),
        "code": error.code,
        "again": error.retryable,
    }
    headers = pages.refusal_headers(error)
    return page("error.html", status, headers=headers, session=app.context.get("session"), nav="", **context)


def _failed(app: APIGatewayHttpResolver, error: Exception) -> Response[str]:
    pages.failed(error)
    context: dict[str, Any] = {"heading": "Something went wrong", "message": "unexpected failure", "again": True}
    return page("error.html", 500, session=app.context.get("session"), nav="", code="internal_error", **context)


def _form(app: APIGatewayHttpResolver) -> dict[str, str]:
    try:
        return dict(parse_qsl(http.raw_body(app, MAX_FORM).decode(), keep_blank_values=True, max_num_fields=20))
    except ValueError as error:
        raise InvalidInputError("not a form") from error


def login_form(app: APIGatewayHttpResolver) -> Response[str]:
    """Who are you?"""
    return _login(sessions.safe_next(http.query(app).get("next", "")))


def _login(
    following: str, message: str = "", status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[str]:
    context: dict[str, Any] = {"following": following, "message": message, "headers": headers or {}}
    return page("login.html", status, session=None, nav="", **context)


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
    logger.info("signed in", extra={"roles": sorted(session.roles)})
    return see_other(following, [sessions.cookie(session.token)])


def _verified(token: str) -> sessions.Session:
    try:
        return sessions.verify(token)
    except InvalidTokenError as error:
        raise UpstreamError("the sign-in service gave a session that cannot be used here") from error


def logout(app: APIGatewayHttpResolver) -> Response[str]:
    """Forget the session. Needs no form token: whoever sends this only loses a cookie."""
    sessions.require_same_origin(app)
    return see_other(sessions.LOGIN, [sessions.cookie("")])


def home(visit: Visit) -> Response[str]:  # noqa: ARG001 - as every other page
    """The console begins with orders."""
    return see_other(sessions.HOME)


ROUTES: Final = (
    Route("GET", "/console/login", login_form, ()),
    Route("POST", "/console/login", login, ()),
    Route("POST", "/console/logout", logout, ()),
    Route("GET", "/console", home, READERS),
    Route("GET", "/console/orders", console_orders.orders, READERS),
    Route("GET", "/console/orders/<order_id>", console_orders.order, READERS),
    Route(
        "POST", "/console/orders/<order_id>/holds/<hold_id>/release", console_orders.release, console_orders.RELEASERS
    ),
    Route("GET", "/console/alerts", console_orders.alerts, READERS),
    Route("GET", "/console/quarantine", console_quarantine.quarantine, console_quarantine.KEEPERS),
    Route("GET", "/console/quarantine/<parked_id>", console_quarantine.parked, console_quarantine.KEEPERS),
    Route("POST", "/console/quarantine/<parked_id>/replay", console_quarantine.replay, console_quarantine.KEEPERS),
)
"""Every page. Those without roles are for people who have not signed in."""
