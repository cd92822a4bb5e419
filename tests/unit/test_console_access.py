"""Who may see and do what at the console, how people sign in, and which forms are taken."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from botocore.exceptions import ClientError

from functions.show_console import app
from oms.entrypoints import console, sessions
from oms.entrypoints.order_api import READERS
from tests.support.console import OURS, cookie, get, held_order, hidden, post
from tests.support.staff import HOST, Shop, call, id_token
from tests.unit.test_sessions import FORGED, OUTSIDE

ROLES = (*READERS, "admin", "somebody")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop().install(monkeypatch)


@pytest.fixture
def order_id(shop: Shop) -> str:
    return held_order(shop)


# ---------------------------------------------------------------- who may enter


def paths(shop: Shop, order_id: str) -> dict[str, str]:
    return {
        "<order_id>": order_id,
        "<hold_id>": "hld_1",
        "<parked_id>": next(iter(shop.quarantine.of), "") or shop.park(),
    }


def filled(path: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        path = path.replace(name, value)
    return path


GUARDED = [route for route in console.ROUTES if route.roles]


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.parametrize("role", ROLES)
def test_a_role_sees_and_does_what_it_may(shop: Shop, order_id: str, route: console.Route, role: str) -> None:
    path = filled(route.path, paths(shop, order_id))
    cookies = cookie(role)
    if route.method == "GET":
        answer = call(app, "GET", path, cookies=cookies)
    else:
        session = sessions.verify(cookies[0].partition("=")[2])
        seen = {"form_token": session.form_token(path), "seen": "5"}
        answer = post(path, seen, cookies)
    allowed = role == "admin" or role in route.roles
    assert answer.status in ((200, 303) if allowed else (403,)), answer.body
    if not allowed:
        assert "#1001" not in answer.body


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route.method} {route.path}")
def test_without_a_session_every_page_leads_to_the_sign_in(shop: Shop, order_id: str, route: console.Route) -> None:
    path = filled(route.path, paths(shop, order_id))
    answer = call(app, route.method, path, headers=OURS)
    assert answer.status == 303
    assert answer.headers["location"].startswith("/console/login")
    assert answer.body == ""


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_session_sees_nothing(shop: Shop, order_id: str, name: str) -> None:
    answer = call(app, "GET", f"/console/orders/{order_id}", cookies=[f"{sessions.COOKIE}={FORGED[name]}"])
    assert answer.status == 303
    assert answer.body == ""


def test_two_sessions_in_one_request_are_none(shop: Shop) -> None:
    assert call(app, "GET", "/console/orders", cookies=cookie("admin") + cookie("admin")).status == 303


def test_a_cookie_header_serves_where_there_is_no_list(shop: Shop) -> None:
    sent = {"cookie": f"theme=dark; {cookie('sales')[0]}; x=y"}
    assert call(app, "GET", "/console/orders", headers=sent).status == 200


def test_the_sign_in_comes_back_to_the_page(shop: Shop, order_id: str) -> None:
    for path, query in ((f"/console/orders/{order_id}", None), ("/console/orders", {"number": "#1001"})):
        location = get(path, query=query).headers["location"]
        following = parse_qs(urlsplit(location).query)["next"][0]
        assert following == path + (f"?{urlencode(query)}" if query else "")
        assert sessions.safe_next(following) == following
    answer = post("/console/quarantine/qrn_1/replay", {})
    assert parse_qs(urlsplit(answer.headers["location"]).query)["next"] == ["/console/quarantine/qrn_1"]
    assert get("/console/orders").headers["location"] == "/console/login"


def test_a_role_reads_only_its_part_of_the_navigation(shop: Shop) -> None:
    assert "/console/quarantine" in get("/console/orders", "service").body
    assert "/console/quarantine" not in get("/console/orders", "finance").body


# ---------------------------------------------------------------- sign-in


def test_signing_in_and_out(shop: Shop) -> None:
    page = get("/console/login", query={"next": "/console/alerts"})
    assert hidden(page) == {"next": "/console/alerts"}
    answer = post("/console/login", {"username": " anna ", "password": "secret", "next": "/console/alerts"})
    assert (answer.status, answer.headers["location"]) == (303, "/console/alerts")
    [made] = answer.cookies
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/console"} <= set(made.split("; "))
    asked = shop.cognito.asked[0]
    assert asked["AuthFlow"] == "USER_PASSWORD_AUTH"
    assert asked["AuthParameters"] == {"USERNAME": "anna", "PASSWORD": "secret"}
    assert call(app, "GET", "/console/alerts", cookies=[made.split("; ")[0]]).status == 200
    out = post("/console/logout", {}, [made.split("; ")[0]])
    assert (out.status, out.headers["location"]) == (303, "/console/login")
    assert out.cookies[0].startswith("oms_session=; ")
    assert "Max-Age=0" in out.cookies[0]


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_sign_in_leads_nowhere_else(shop: Shop, path: str) -> None:
    assert hidden(get("/console/login", query={"next": path})) == {"next": "/console/orders"}
    answer = post("/console/login", {"username": "anna", "password": "x", "next": path})
    assert (answer.status, answer.headers["location"]) == (303, "/console/orders")


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("NotAuthorizedException", 401, "User name and password do not match."),
        ("UserNotFoundException", 401, "User name and password do not match."),
        ("PasswordResetRequiredException", 401, "set a new password"),
        ("TooManyRequestsException", 429, "Too many tries"),
        ("InternalErrorException", 503, "does not answer"),
    ],
)
def test_a_refused_sign_in_says_why(shop: Shop, code: str, status: int, says: str) -> None:
    shop.cognito.error = ClientError({"Error": {"Code": code, "Message": "a detail"}}, "InitiateAuth")
    answer = post("/console/login", {"username": "anna", "password": "wrong", "next": ""})
    assert answer.status == status
    assert says in answer.body
    assert "a detail" not in answer.body
    assert "wrong" not in answer.body
    assert not answer.cookies


def test_an_account_that_needs_another_step_is_told_so(shop: Shop) -> None:
    shop.cognito.answer = {"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s"}
    answer = post("/console/login", {"username": "anna", "password": "x"})
    assert answer.status == 401
    assert "ask an administrator" in answer.body


def test_a_token_of_another_pool_makes_no_session(shop: Shop) -> None:
    shop.cognito.token = FORGED["another pool"]
    answer = post("/console/login", {"username": "anna", "password": "x"})
    assert answer.status == 503
    assert not answer.cookies


@pytest.mark.parametrize("form", [{}, {"username": "anna"}, {"password": "x"}, {"username": " ", "password": "x"}])
def test_an_empty_sign_in_asks_nobody(shop: Shop, form: dict[str, str]) -> None:
    assert post("/console/login", form).status == 401
    assert not shop.cognito.asked


# ---------------------------------------------------------------- forged forms

FOREIGN: list[dict[str, str]] = [
    {"x-nothing": "sent"},
    {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
    {"sec-fetch-site": "same-site", "origin": f"https://evil.{HOST}"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "cross-site", "origin": f"https://{HOST}"},
    {"origin": "https://evil.example"},
    {"origin": f"https://{HOST}.evil.example"},
    {"origin": f"https://evil.example/{HOST}"},
    {"origin": "null"},
    {"referer": f"https://{HOST}/console/orders"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_form_of_another_site_is_refused(shop: Shop, order_id: str, headers: dict[str, str]) -> None:
    page = get(f"/console/orders/{order_id}", "service")
    path = f"/console/orders/{order_id}/holds/hld_1/release"
    assert page.body.count(path) == 1
    forms: list[tuple[str, dict[str, str]]] = [
        (path, hidden(page)),
        ("/console/login", {"username": "mallory", "password": "x"}),
        ("/console/logout", {}),
    ]
    for target, form in forms:
        answer = post(target, form, cookie("service"), **headers)
        assert answer.status == 403
        assert not answer.cookies
    assert shop.orders.get(order_id).active_holds
    assert not shop.cognito.asked


def test_an_older_browser_proves_itself_by_its_origin(shop: Shop) -> None:
    assert post("/console/logout", {}, origin=f"http://{HOST}").status == 303


def test_a_form_needs_the_token_of_its_session_and_path(shop: Shop, order_id: str) -> None:
    path = f"/console/orders/{order_id}/holds/hld_1/release"
    mine, theirs = cookie("service"), [f"{sessions.COOKIE}={id_token('service', sub='ben')}"]
    page = call(app, "GET", f"/console/orders/{order_id}", cookies=theirs)
    for form in ({}, {"seen": "5"}, {"form_token": "0" * 64, "seen": "5"}, hidden(page)):
        answer = post(path, form, mine)
        assert answer.status == 403
        assert "out of date" in answer.body
    assert shop.orders.get(order_id).active_holds
