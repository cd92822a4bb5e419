"""Every page: escaped, self-contained, guarded by its headers, accessible in its basics."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, get_args

import pytest

from functions.show_console import app as console_app
from functions.show_status import app as status_app
from oms.domain.canonical import CanonicalLine, ShipTo
from oms.domain.commit import Cause
from oms.domain.order import commands as cmd
from oms.domain.order.events import LineUnits, OrderEvent
from oms.domain.tracking import ParcelStatus
from oms.entrypoints import pages, readable, sessions
from tests.support.staff import NOW, Answer, Shop, call, id_token

if TYPE_CHECKING:
    from types import ModuleType

XSS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "</textarea></pre></title></style><svg/onload=alert(1)>",
    "javascript:alert(1)//",
    "{{ 7 * 7 }}{% for x in y %}",
    "<!-- --><iframe src=//evil.example></iframe>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "</script><base href=//evil.example/>",
    "\u202egnp.exe\u0000\ud800\u2028",
    "=cmd|' /C calc'!A0",
]
_TAGS = """html head meta title style body a header div nav form span button main h1 h2 p input label select option ul
ol li table caption thead tbody tr th td section dl dt dd strong time details summary pre br"""
_ATTRIBUTES = """lang charset name content class href id method action type value for autocomplete autocapitalize
spellcheck required maxlength minlength autofocus role aria-label aria-labelledby aria-describedby aria-current
tabindex scope datetime title rel data-label selected step reversed"""
TAGS = frozenset(_TAGS.split())
ATTRIBUTES = frozenset(_ATTRIBUTES.split())


@dataclass
class Page(HTMLParser):
    """What a browser would make of a page, roughly."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def parsed(answer: Answer) -> Page:
    page = Page()
    page.feed(answer.body)
    page.close()
    return page


def evil_shop(shop: Shop, text: str) -> tuple[str, str, str]:
    """An order, a hold on it and a parked input, with `text` wherever anybody may write."""
    line = CanonicalLine(line_ref=text, sku=text, quantity=3, unit_price=100, title=text)
    place = ShipTo(country=text, region=text, postal_code=text)
    order_id = shop.place(text, lines=(line,), account=text, external_id=text, ship_to=place)
    shop.promise(order_id, {text: 2}, {text: 1})
    shop.ship(order_id, {text: 1}, tracking=text)
    shop.track(order_id, ParcelStatus.IN_TRANSIT, text)
    shop.do(
        order_id,
        cmd.CancelLines,
        Cause(kind=text, ref=text, actor=text),
        reason=text,
        lines=(LineUnits(line_id=text, quantity=1),),
    )
    shop.do(order_id, cmd.PlaceHold, hold_id="hld_1", kind=text, reason=text, lines=(text,))
    shop.views.rows["alert"] = [
        {"order_id": text, "number": text, "kind": text, "stage": text, "raised_at": text},
        {"sku": text, "node_id": text, "kind": text, "missing": text, "raised_at": text},
    ]
    parked_id = shop.park(
        source=text,
        account=text,
        topic=text,
        code=text,
        reason=text,
        waits_for=text,
        detail={text: text, "nested": {text: [text]}, "currency": text, "total": 1},
        message={"headers": {text: text}, "received_at": text, "body": json.dumps({text: [text, 1.10]})},
    )
    return order_id, "hld_1", parked_id


def every_page(shop: Shop, text: str) -> dict[str, Answer]:
    order_id, _, parked_id = evil_shop(shop, text)
    plain = shop.park(message={"headers": {}, "body": text})
    encoded = shop.park(message={"headers": {}, "body_b64": text}, account="2")
    cookies = [f"{sessions.COOKIE}={id_token('admin', **{'cognito:username': text})}"]
    html = {"accept": "text/html"}
    ours = {"sec-fetch-site": "same-origin"}
    form = {**html, "content-type": "application/x-www-form-urlencoded"}

    asked = text.encode("utf-8", "replace").decode()  # what a URL can carry

    def get(path: str, **query: str) -> Answer:
        return call(console_app, "GET", path, cookies=cookies, query=query)

    link = f"/status/{shop.links.sign(order_id, shop.at)}"
    return {
        "login": call(console_app, "GET", "/console/login", query={"next": asked}),
        "login refused": call(console_app, "POST", "/console/login", headers=ours, body=asked),
        "orders": get("/console/orders"),
        "orders by number": get("/console/orders", number=asked, since=""),
        "orders by customer": get("/console/orders", by="customer", value=asked),
        "orders by a wrong status": get("/console/orders", status=asked),
        "orders of a wrong day": get("/console/orders", number=asked, since=asked),
        "order": get(f"/console/orders/{order_id}", done=asked),
        "order then": get(f"/console/orders/{order_id}", at=shop.at.isoformat()),
        "no order": get("/console/orders/" + asked.replace("/", "")),
        "alerts": get("/console/alerts"),
        "quarantine": get("/console/quarantine"),
        "parked": get(f"/console/quarantine/{parked_id}"),
        "parked text": get(f"/console/quarantine/{plain}"),
        "parked base64": get(f"/console/quarantine/{encoded}"),
        "forbidden": call(console_app, "GET", "/console/orders", cookies=[f"{sessions.COOKIE}={id_token(text)}"]),
        "nowhere": get("/console/" + asked),
        "status": call(status_app, "GET", link, headers=html),
        "no status": call(status_app, "GET", "/status/" + asked.replace("/", ""), headers=html),
        "look-up": call(status_app, "GET", "/status", query={"number": asked}),
        "look-up failed": call(
            status_app, "POST", "/status/lookup", headers=form, body=f"number={asked}&email=a%40b.c"
        ),
    }


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop().install(monkeypatch)


@pytest.mark.parametrize("text", XSS)
def test_whatever_is_written_stays_text(shop: Shop, text: str) -> None:
    for name, answer in every_page(shop, text).items():
        assert answer.status in (200, 401, 403, 404, 422), name
        page = parsed(answer)
        for tag, attributes in page.tags:
            assert tag in TAGS, (name, tag)
            assert set(attributes) <= ATTRIBUTES, (name, tag, attributes)
            for target in ("href", "action"):
                if target in attributes:
                    assert re.match(r"/(console|status)\b|#main$", attributes[target] or ""), (name, attributes)
        assert len(page.all("style")) == 1
        assert not any(tag == "script" for tag, _ in page.tags)


@pytest.mark.parametrize("text", [each for each in XSS if "\u0000" not in each])
def test_what_is_written_can_be_read(shop: Shop, text: str) -> None:
    answers = every_page(shop, text)
    for name in ("orders by number", "order", "parked", "parked text", "quarantine", "alerts", "status"):
        assert text in "".join(parsed(answers[name]).text), name


def test_half_a_surrogate_pair_reaches_no_client(shop: Shop) -> None:
    for answer in every_page(shop, "x\ud800y").values():
        answer.body.encode()


@pytest.mark.parametrize("text", ["harmless"])
def test_every_page_is_guarded(shop: Shop, text: str) -> None:
    for name, answer in every_page(shop, text).items():
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy.pop("style-src").startswith("'sha256-")
        assert policy == {
            "default-src": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
            "base-uri": "'none'",
        }
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.headers["x-robots-tag"]
        public = "status" in name or "look-up" in name
        expected = "no-referrer" if public and "orders" not in name else "same-origin"
        assert answer.headers["referrer-policy"] == expected, name
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("module", "method", "path"),
    [
        (status_app, "GET", "/status/x"),
        (status_app, "POST", "/status/lookup"),
        (status_app, "GET", "/status/x/y"),
        (console_app, "GET", "/console/orders"),
        (console_app, "POST", "/console/login"),
    ],
)
def test_other_answers_are_guarded_too(shop: Shop, module: ModuleType, method: str, path: str) -> None:
    answer = call(module, method, path)
    assert set(pages.GUARDED) <= set(answer.headers)


def test_the_policy_allows_the_stylesheet_of_the_page_and_no_other(shop: Shop) -> None:
    answer = call(status_app, "GET", "/status")
    [sheet] = re.findall(r"<style>(.*?)</style>", answer.body, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]


def test_nothing_comes_from_elsewhere(shop: Shop) -> None:
    assert not re.search(r"url\(|@import|https?:|//", pages.CSS)
    for answer in every_page(shop, "harmless").values():
        assert not re.search(r"https?://|\bsrc=|style=", answer.body)


def test_every_page_can_be_used_by_everybody(shop: Shop) -> None:
    for name, answer in every_page(shop, "harmless").items():
        page = parsed(answer)
        assert page.all("html") == [{"lang": "en"}], name
        assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1, name
        labelled = {each["for"] for each in page.all("label")}
        fields = [each for tag in ("input", "select") for each in page.all(tag) if each.get("type") != "hidden"]
        assert {each["id"] for each in fields} == labelled, name
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(ids) == len(set(ids)), name
        assert len(page.all("table")) == len(page.all("caption")), name
        assert all("scope" in each for each in page.all("th")), name
        assert all(each.get("type") == "submit" for each in page.all("button")), name


def test_every_event_is_told() -> None:
    assert set(readable._SAYS) == set(get_args(OrderEvent))


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (0, "EUR", "0.00\u00a0EUR"),
        (5, "EUR", "0.05\u00a0EUR"),
        (-150, "USD", "\u22121.50\u00a0USD"),
        (123456789, "USD", "1,234,567.89\u00a0USD"),
        (1234, "JPY", "1,234\u00a0JPY"),
        (1234567, "KWD", "1,234.567\u00a0KWD"),
        (5, "???", "5 minor units of ???"),
    ],
)
def test_amounts(minor: int, currency: str, text: str) -> None:
    assert pages.money(minor, currency) == text


def test_instants_are_utc() -> None:
    assert "22 Nov 2026, 14:05 UTC" in pages.instant(NOW)
    there = datetime(2026, 11, 23, 1, 5, tzinfo=timezone(timedelta(hours=11)))
    assert 'datetime="2026-11-22T14:05:00.000Z"' in pages.instant(there)
    assert pages.instant("<not a time>") == "<not a time>"
    assert "Sunday 22 November 2026" in pages.day(NOW.astimezone(UTC).isoformat())
    assert pages.day("<x>") == "<x>"


def test_a_json_body_is_indented_and_otherwise_as_it_came() -> None:
    text = '{"a" : 1.10,"b":[ ],"c":{},"d":[1e400,{"e":"x,\\"y\\": {"}],"a":null, "n": 12345678901234567890}'
    assert readable.body(text) == (
        '{\n  "a": 1.10,\n  "b": [],\n  "c": {},\n  "d": [\n    1e400,\n    {\n      "e": "x,\\"y\\": {"\n    }\n  ],\n'
        '  "a": null,\n  "n": 12345678901234567890\n}'
    )


@pytest.mark.parametrize(
    "text", ["", "<xml/>", "a=b&c=d", '{"a":', "[" * 100_000, '{"a": ' + "9" * 5000 + "}", "NaN x"]
)
def test_any_other_body_is_shown_as_it_is(text: str) -> None:
    assert readable.body(text) == text


def test_what_is_too_long_is_cut() -> None:
    shown = readable.body("x" * (readable.MAX_BODY_SHOWN + 1234))
    assert shown.endswith("\n… 1,234 more characters")
    nested = "[" * 900 + "1," * 500 + "1" + "]" * 900
    assert len(readable.body(nested)) < 1_000_000


@pytest.mark.parametrize(
    "record", [{}, {"candidates": "x", "chosen": 1, "excluded": [], "short": {}}, {"candidates": [1]}]
)
def test_a_decision_of_another_form_is_still_shown(shop: Shop, record: dict[str, Any]) -> None:
    order_id = shop.place()
    order = shop.orders.get(order_id)
    shop.do(
        order_id,
        cmd.PromiseOrder,
        units=(),
        short=tuple(LineUnits(line_id=line, quantity=known.ledger.open) for line, known in order.lines.items()),
        promised_by=NOW,
        decision={**record, "policy": "another/2"},
    )
    cookies = [f"{sessions.COOKIE}={id_token('sales')}"]
    assert "another/2" in call(console_app, "GET", f"/console/orders/{order_id}", cookies=cookies).body
