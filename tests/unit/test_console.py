"""What the staff console shows and does: lists, an order's history, the quarantine."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.show_console import app
from oms.application.orders import stream_of
from oms.domain.errors import MalformedPayloadError, OrderNotFoundError
from oms.domain.ids import order_id as id_of
from oms.domain.order.status import Stage
from oms.entrypoints import sessions, use_cases
from tests.support.console import OURS, cookie, get, held_order, hidden, post
from tests.support.returns import Returning, unit
from tests.support.staff import NOW, PERSONAL, Shop, call
from tests.unit.test_domain_tenders import CARD, PAYPAL, bound, capture

if TYPE_CHECKING:
    from tests.support.builders import Story


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop().install(monkeypatch)


@pytest.fixture
def order_id(shop: Shop) -> str:
    return held_order(shop)


# ---------------------------------------------------------------- orders


def test_home_is_the_list_of_orders(shop: Shop) -> None:
    assert get("/console", "sales").headers["location"] == "/console/orders"


def test_the_newest_orders_of_all_channels(shop: Shop) -> None:
    shop.place("#1", at=NOW - timedelta(hours=2))
    shop.place("W-2", source="woocommerce", at=NOW - timedelta(hours=1))
    shop.place("S-3", source="site", at=NOW - timedelta(days=9))
    shop.at = NOW
    body = get("/console/orders", "sales").body
    assert body.index(">W-2<") < body.index(">#1<")
    assert ">S-3<" not in body


@pytest.mark.parametrize("by", ["number", "tracking", "sku", "customer", "channel", "status"])
@pytest.mark.parametrize("spelling", ["name", "form"])
def test_orders_by_one_attribute(shop: Shop, by: str, spelling: str) -> None:
    value = "placed" if by == "status" else "x-1"
    query = {by: value} if spelling == "name" else {"by": by, "value": f" {value} "}
    answer = get("/console/orders", "warehouse", query=query)
    assert answer.status == 200
    [(kind, asked, since, until, _, cursor)] = shop.views.asked
    assert (kind, asked, cursor) == ("stage" if by == "status" else by, value, "")
    assert until == NOW + timedelta(minutes=5)
    assert since == until - timedelta(days=31)


def test_a_date_range_is_whole_days(shop: Shop) -> None:
    get("/console/orders", "sales", query={"number": "x", "since": "2026-11-01", "until": "2026-11-02"})
    [(_, _, since, until, _, _)] = shop.views.asked
    assert since.isoformat() == "2026-11-01T00:00:00+00:00"
    assert until.isoformat() == "2026-11-02T23:59:59.999999+00:00"


@pytest.mark.parametrize(
    "query",
    [
        {"number": "1", "sku": "2"},
        {"number": "1", "by": "sku", "value": "2"},
        {"status": "lost"},
        {"number": "1", "since": "yesterday"},
        {"number": "1", "until": "0001-01-01"},
        {"number": "1", "since": "9999-12-31T23:59:59-23:00"},
        {"sku": "x" * 201},
    ],
)
def test_what_cannot_be_listed_is_refused(shop: Shop, query: dict[str, str]) -> None:
    assert get("/console/orders", "sales", query=query).status == 422


def test_older_orders_are_a_page_away(shop: Shop) -> None:
    for number in range(30):
        shop.place(f"#{number}", at=NOW - timedelta(minutes=number))
    shop.at = NOW
    first = get("/console/orders", "sales", query={"channel": "shopify"})
    [older] = re.findall(r'href="([^"]+)" rel="next"', first.body)
    parts = urlsplit(older.replace("&amp;", "&"))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert query == {"channel": "shopify", "cursor": "25"}
    second = get(parts.path, "sales", query=query)
    assert first.body.count('<th scope="row"') == 25
    assert second.body.count('<th scope="row"') == 5
    assert 'rel="next"' not in second.body


@pytest.mark.parametrize("stage", list(Stage))
def test_each_status_is_a_link(shop: Shop, stage: Stage) -> None:
    body = get("/console/orders", "sales", query={"status": stage.value}).body
    assert f'href="/console/orders?status={stage.value}" aria-current="page"' in body


def test_an_order_with_its_whole_history(shop: Shop, order_id: str) -> None:
    answer = get(f"/console/orders/{order_id}", "finance")
    for text in (
        "Order #1001",
        "54.09\u00a0EUR",
        "Stoneware mug, blue",
        "Put on hold (address): moved house",
        "carrier scan from easypost",
        "webhook from shopify",
        "Reserved and released to the warehouse: 3 × MUG-01 at berlin, 1 × NOTE-A5 at berlin",
        "nearest-complete/1",
        "vienna was left out: closed for stock-taking",
        "Scans that changed nothing",
        "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "5 commits, newest first",
    ):
        assert text in answer.body, text
    for canary in PERSONAL:
        assert canary not in answer.body


def test_an_order_by_several_payments_of_which_goods_came_back(
    shop: Shop, order_id: str, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its payments, and its returns with what became of them."""
    bound(story, CARD, PAYPAL)
    story.ship()
    capture(story)
    story.deliver_all()
    back = Returning(story)
    asked = back.ask()
    back.label("RET77")
    back.receive("WH1")
    back.inspect(unit())
    known = shop.orders.load(order_id)
    shown = replace(known, order=story.order)
    monkeypatch.setattr(use_cases, "show_order", lambda: lambda _order_id, _at: shown)
    body = get(f"/console/orders/{order_id}", "service").body
    assert story.order.returns[asked.return_id].refunds
    for text in (
        "<caption>Payments</caption>",
        "6.00\u00a0EUR",
        "14.00\u00a0EUR",
        "PP2",
        "<caption>Returns</caption>",
        asked.number,
        "RET77",
        "1 × SKU-1",
        "10.00\u00a0EUR",
    ):
        assert text in body, text


def test_an_order_as_it_was_known(shop: Shop, order_id: str) -> None:
    page = get(f"/console/orders/{order_id}", "service")
    links = re.findall(rf'href="/console/orders/{order_id}\?at=([^"]+)"', page.body)
    assert len(links) == 5
    first = parse_qs(f"at={links[-1]}")["at"][0]
    then = get(f"/console/orders/{order_id}", "service", query={"at": first})
    assert "You see the order as it was known on" in then.body
    assert "Release this hold" in page.body
    assert "Release this hold" not in then.body
    assert "Parcels" not in then.body
    assert "Scans that changed nothing" not in then.body
    assert then.body.count('class="later"') == 4
    typed = get(f"/console/orders/{order_id}", "service", query={"at": "2026-11-22T14:05:10"})
    assert typed.body.count('class="later"') == 4
    assert get(f"/console/orders/{order_id}", "service", query={"at": "2026-11-21"}).status == 404
    assert get(f"/console/orders/{order_id}", "service", query={"at": "then"}).status == 422


@pytest.mark.parametrize("order", ["ord_1", "ord_" + "Z" * 26, "x' OR 1", "ord_" + "I" * 26])
def test_an_unknown_order_is_not_found(shop: Shop, order: str) -> None:
    assert get(f"/console/orders/{order}", "admin").status == 404


def test_releasing_a_hold_once_however_often_it_is_sent(shop: Shop, order_id: str) -> None:
    cookies = cookie("sales")
    form = hidden(call(app, "GET", f"/console/orders/{order_id}", cookies=cookies))
    path = f"/console/orders/{order_id}/holds/hld_1/release"
    for _ in range(2):
        answer = post(path, form, cookies)
        assert (answer.status, answer.headers["location"]) == (303, f"/console/orders/{order_id}?done=released")
    commits = shop.log.read(stream_of(order_id)).commits
    assert [type(event).__name__ for event in commits[-1].events] == ["HoldReleased"]
    assert (len(commits), commits[-1].cause.actor) == (6, "sales")
    done = call(app, "GET", f"/console/orders/{order_id}", cookies=cookies, query={"done": "released"})
    assert "The hold was released." in done.body


def test_a_hold_that_is_not_there_is_not_released(shop: Shop, order_id: str) -> None:
    cookies = cookie("service")
    path = f"/console/orders/{order_id}/holds/hld_9/release"
    token = sessions.verify(cookies[0].partition("=")[2]).form_token(path)
    assert post(path, {"form_token": token, "seen": "5"}, cookies).status == 409
    assert post(path, {"form_token": token, "seen": "five"}, cookies).status == 422


def test_alerts_lead_to_their_orders(shop: Shop, order_id: str) -> None:
    row = {"order_id": order_id, "number": "#1001", "kind": "overdue", "stage": "placed", "raised_at": "2026-11-22"}
    shop.views.rows["alert"] = [row] * 26
    body = get("/console/alerts", "warehouse").body
    assert f'href="/console/orders/{order_id}"' in body
    assert 'href="/console/alerts?cursor=25" rel="next"' in body
    missing = {"sku": "MUG-01", "node_id": "de-main", "kind": "stock_missing", "missing": 3, "raised_at": "2026-11-22"}
    shop.views.rows["alert"] = [missing]
    body = get("/console/alerts", "warehouse").body
    assert "MUG-01 at de-main" in body
    assert "missing: 3" in body
    drift = {"kind": "stock_drift", "raised_at": "2026-11-22", "drift": 2, "broken": 1, "document": "reports/r.json"}
    shop.views.rows["alert"] = [drift]
    assert "stock drift: 2 positions, 1 streams, named in reports/r.json" in get("/console/alerts", "warehouse").body
    fed = {"kind": "stock_feed", "raised_at": "2026-11-22", "source": "erp", "errors": 4, "document": "reports/f.json"}
    shop.views.rows["alert"] = [fed]
    assert "stock feed: 4 rows of erp, named in reports/f.json" in get("/console/alerts", "warehouse").body
    of = {"raised_at": "2026-11-22T09:00:00+00:00", "source": "shopify", "account": "main"}
    counts = {"missing": 0, "phantom": 2, "differing": 1}
    differs = {**of, "alert_id": "c", "kind": "channel_differs", "day": "2026-11-21", "orders": counts}
    unheard = {**of, "alert_id": "p", "kind": "channel_not_polled", "reason": "refused", "polled_until": "2026-11-22"}
    shop.views.rows["alert"] = [differs, unheard]
    body = get("/console/alerts", "warehouse").body
    assert "channel differs: shopify/main, 2026-11-21, 2 phantom, 1 differing" in body
    assert "channel not polled: shopify/main, refused" in body
    told = {"raised_at": "2026-11-22", "kind": "webhook_stopped", "subscription_id": "whs_1", "problem": "given_up"}
    shop.views.rows["alert"] = [{**told, "event_id": "order#1:1:0", "detail": "HTTP 500: <script>"}]
    body = get("/console/alerts", "warehouse").body
    assert "webhook stopped: given up, order#1:1:0, HTTP 500: &lt;script&gt;" in body
    shop.views.rows["alert"] = []
    assert "Nothing needs you." in get("/console/alerts", "warehouse").body


# ---------------------------------------------------------------- quarantine


def test_the_quarantine_with_reason_code_source_topic_and_time(shop: Shop) -> None:
    assert "The quarantine is empty." in get("/console/quarantine", "service").body
    parked_id = shop.park()
    body = get("/console/quarantine", "service").body
    for text in (
        "the parts do not add up to the total",
        "totals_mismatch",
        "shopify / berlin",
        "orders/create",
        "22 Nov",
    ):
        assert text in body
    assert f'href="/console/quarantine/{parked_id}"' in body


def test_a_parked_input_with_its_context_and_body(shop: Shop) -> None:
    body = get(f"/console/quarantine/{shop.park()}", "service").body
    for text in ("53.40\u00a0EUR", "1.00\u00a0EUR", "x-shopify-topic", "&#34;price&#34;: &#34;14.50&#34;"):
        assert text in body


def test_a_body_that_is_not_text(shop: Shop) -> None:
    message = {"source": "x", "account": "", "headers": {}, "body_b64": "AAEC/w=="}
    body = get(f"/console/quarantine/{shop.park(message=message)}", "service").body
    assert "AAEC/w==" in body
    assert "not text: base64" in body


MESSAGES: list[dict[str, Any]] = [
    {},
    {"pk": "p", "sk": "s"},
    {"headers": "none", "body": None},
    {"body": "x", "received_at": 5},
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_that_is_none_can_be_seen(shop: Shop, message: dict[str, Any]) -> None:
    assert get(f"/console/quarantine/{shop.park(message=message)}", "service").status == 200


def test_replaying_after_a_fix(shop: Shop) -> None:
    cookies = cookie("service")
    path = f"/console/quarantine/{shop.park()}"
    shop.take.order_id = id_of("shopify", "berlin", "5501")
    form = hidden(call(app, "GET", path, cookies=cookies))
    answer = post(f"{path}/replay", form, cookies)
    assert answer.status == 200
    assert f'href="/console/orders/{shop.take.order_id}"' in answer.body
    assert not shop.quarantine.of
    assert post(f"{path}/replay", form, cookies).status == 404


@pytest.mark.parametrize(
    ("refusal", "status"), [(MalformedPayloadError("no lines"), 422), (OrderNotFoundError("no lines"), 404)]
)
def test_a_replay_that_is_refused_shows_the_new_reason(shop: Shop, refusal: Exception, status: int) -> None:
    cookies = cookie("service")
    parked_id = shop.park()
    shop.take.refusal = refusal
    path = f"/console/quarantine/{parked_id}"
    answer = post(f"{path}/replay", hidden(call(app, "GET", path, cookies=cookies)), cookies)
    assert answer.status == status
    assert "<strong>Refused again</strong>: no lines" in answer.body
    assert shop.quarantine.of[parked_id].reason == "no lines"


@pytest.mark.parametrize("parked", ["qrn_1", "../x", "qrn_" + "Z" * 26])
def test_an_unknown_parked_input_is_not_found(shop: Shop, parked: str) -> None:
    assert get(f"/console/quarantine/{parked}", "service").status == 404


# ---------------------------------------------------------------- failures


def test_unknown_pages_and_methods_are_not_found(shop: Shop) -> None:
    assert get("/console/nothing", "admin").status == 404
    assert post("/console/orders", {}, cookie("admin")).status == 404
    assert get("/console/logout", "admin").status == 404


def test_a_failure_tells_nothing_of_itself(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("oms.entrypoints.wiring.views", broken)
    answer = get("/console/orders", "admin")
    assert answer.status == 500
    assert "secret" not in answer.body
    assert "Traceback" not in answer.body


def test_a_form_that_is_none_is_refused(shop: Shop, order_id: str) -> None:
    path = f"/console/orders/{order_id}/holds/hld_1/release"
    for body in ("%ff", "x" * 17_000, "&".join(f"a{number}=b" for number in range(21))):
        answer = call(app, "POST", path, headers=OURS, cookies=cookie("service"), body=body)
        assert answer.status in (403, 413, 422)
