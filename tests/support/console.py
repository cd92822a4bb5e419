"""A browser at the console, roughly."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlencode

from functions.show_console import app
from oms.domain.order import commands as cmd
from oms.domain.tracking import ParcelStatus
from oms.entrypoints import sessions
from tests.support.staff import HOST, Answer, Shop, call, id_token

OURS: Final = {"sec-fetch-site": "same-origin", "origin": f"https://{HOST}"}


def held_order(shop: Shop) -> str:
    """An order of two lines, partly shipped, on hold: five commits."""
    order_id = shop.place()
    shop.promise(order_id)
    shop.ship(order_id, {"1": 2})
    shop.track(order_id, ParcelStatus.IN_TRANSIT)
    shop.do(order_id, cmd.PlaceHold, hold_id="hld_1", kind="address", reason="moved house", lines=())
    return order_id


def get(path: str, *roles: str, query: dict[str, str] | None = None) -> Answer:
    """GET, signed in with these roles if any."""
    return call(app, "GET", path, query=query, cookies=cookie(*roles) if roles else None)


def cookie(*roles: str) -> list[str]:
    """The cookie of a session with these roles."""
    return [f"{sessions.COOKIE}={id_token(*roles)}"]


def post(path: str, form: dict[str, str], cookies: list[str] | None = None, **headers: str) -> Answer:
    """Send a form, from a page of ours unless `headers` say otherwise."""
    sent = {"content-type": "application/x-www-form-urlencoded", **(headers or OURS)}
    return call(app, "POST", path, headers=sent, cookies=cookies, body=urlencode(form))


def hidden(page: Answer) -> dict[str, str]:
    """The hidden fields of a page's form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.body))
