"""Where is my order: what customers may see, and what nobody may find out."""

from __future__ import annotations

import random
from datetime import timedelta
from statistics import median
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

import pytest

from functions.show_status import app
from oms.application.status import PER_NUMBER, PER_SENDER, WORDS
from oms.application.status_links import LIFE, StatusLinks
from oms.domain.errors import InvalidTokenError
from oms.domain.order import commands as cmd
from oms.domain.order.events import LineUnits
from oms.domain.order.ledger import Place
from oms.domain.tracking import ParcelStatus
from oms.entrypoints import status_api
from tests.support.staff import EMAIL, LINK_KEYS, NOW, PERSONAL, Answer, Shop, call

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FORM = {"content-type": "application/x-www-form-urlencoded", "accept": BROWSER}


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop().install(monkeypatch)


@pytest.fixture
def order_id(shop: Shop) -> str:
    """Partly shipped, one line cancelled, a refund under way."""
    order_id = shop.place()
    shop.promise(order_id)
    shop.ship(order_id, {"1": 2})
    shop.track(order_id, ParcelStatus.IN_TRANSIT)
    shop.do(order_id, cmd.CancelLines, reason="changed her mind", lines=(LineUnits(line_id="2", quantity=1),))
    shop.do(order_id, cmd.PlaceHold, hold_id="hld_1", kind="fraud", reason="an internal note", lines=())
    return order_id


def look_up(number: str, email: str, sender: str = "203.0.113.7") -> Answer:
    body = f'{{"number": "{number}", "email": "{email}"}}'
    return call(app, "POST", "/status/lookup", body=body, sender=sender)


def look_up_form(number: str, email: str, sender: str = "203.0.113.7") -> Answer:
    body = urlencode({"number": number, "email": email})
    return call(app, "POST", "/status/lookup", headers=FORM, body=body, sender=sender)


def page(shop: Shop, order_id: str) -> Answer:
    return call(app, "GET", f"/status/{shop.links.sign(order_id, shop.at)}", headers={"accept": BROWSER})


# ---------------------------------------------------------------- what is shown

ALLOWED = {
    "": {"number", "status", "placed_at", "promised_by", "total", "currency", "lines", "parcels", "refunds"},
    "lines": {"title", "quantity", *(place.value for place in Place)},
    "parcels": {"carrier", "tracking_number", "status", "updated_at", "estimated_delivery_at"},
    "refunds": {"amount", "status"},
}


def test_a_link_shows_what_is_allowed_and_nothing_else(shop: Shop, order_id: str) -> None:
    answer = call(app, "GET", f"/status/{shop.links.sign(order_id, shop.at)}")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    view = answer.document
    assert set(view) == ALLOWED[""]
    for name in ("lines", "parcels", "refunds"):
        assert view[name]
        assert all(set(each) <= ALLOWED[name] for each in view[name])
    assert view["status"] == "partly_shipped"
    assert view["refunds"] == [{"amount": "6.50", "status": "on_its_way"}]


def test_the_page_tells_the_story(shop: Shop, order_id: str) -> None:
    answer = page(shop, order_id)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for text in (
        "#1001",
        "Part of your order is on its way",
        "Tuesday 24 November 2026",
        "3 × Stoneware mug, blue",
        "1 being packed, 2 on the way",
        "cancelled",
        "DHL",
        "00340434161094042557",
        "On its way",
        "6.50 EUR",
    ):
        assert text in answer.body, text


def test_no_answer_holds_personal_data_or_notes(shop: Shop, order_id: str) -> None:
    for answer in (page(shop, order_id), call(app, "GET", f"/status/{shop.links.sign(order_id, shop.at)}")):
        for canary in (*PERSONAL, "10115", "an internal note", "fraud", "cus_", "changed her mind", order_id):
            assert canary not in answer.body


@pytest.mark.parametrize("word", sorted(set(WORDS.values())))
def test_every_status_has_its_saying(word: str) -> None:
    saying = status_api.SAYINGS[word]
    assert saying.heading
    assert 0 <= saying.done <= saying.at <= len(status_api.STEPS)


def test_every_place_and_parcel_status_has_words() -> None:
    assert set(status_api.PLACES) == {place.value for place in Place}
    assert set(status_api.PARCELS) == {status.value for status in ParcelStatus}


def test_a_cancelled_order_has_no_progress_line(shop: Shop) -> None:
    order_id = shop.place()
    shop.do(order_id, cmd.CancelLines, reason="", lines=())
    answer = page(shop, order_id)
    assert "Your order was cancelled" in answer.body
    assert 'class="steps"' not in answer.body


def test_a_date_is_not_promised_for_what_waits_for_stock(shop: Shop) -> None:
    order_id = shop.place()
    shop.promise(order_id, {"2": 1}, {"1": 3})
    answer = page(shop, order_id)
    assert "Waiting for new stock" in answer.body
    assert "Expected by" not in answer.body


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("TEXT/HTML ; q=0.9, application/json;q=0.8", True),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/html;q=0.5", False),
        ("text/html;q=0", False),
        ("text/html;q=x, ;;,", False),
        ("application/json, text/html", False),
    ],
)
def test_browsers_get_pages_and_programs_documents(shop: Shop, order_id: str, accept: str, *, html: bool) -> None:
    for path, status in ((f"/status/{shop.links.sign(order_id, shop.at)}", 200), ("/status/nothing", 404)):
        answer = call(app, "GET", path, headers={"accept": accept} if accept else {})
        assert answer.status == status
        assert answer.headers["content-type"].startswith("text/html") is html


# ---------------------------------------------------------------- links


def test_a_link_ends(shop: Shop, order_id: str) -> None:
    token = shop.links.sign(order_id, shop.at)
    shop.at += LIFE - timedelta(seconds=1)
    assert call(app, "GET", f"/status/{token}").status == 200
    shop.at += timedelta(seconds=1)
    assert call(app, "GET", f"/status/{token}").status == 404


def test_every_bad_link_answers_alike(shop: Shop, order_id: str) -> None:
    expired = shop.links.sign(order_id, NOW - LIFE - timedelta(days=30))
    retired = StatusLinks(lambda: {"current": "k0", "key:k0": "retired"}).sign(order_id, shop.at)
    nothing = shop.links.sign("ord_none", shop.at)
    for accept in (BROWSER, "application/json"):
        answers = [
            call(app, "GET", f"/status/{token}", headers={"accept": accept})
            for token in ("nothing", expired, retired, nothing, shop.links.sign("ord_ZZ", shop.at))
        ]
        assert {each.status for each in answers} == {404}
        assert len({(each.body, str(each.headers)) for each in answers}) == 1


def _mutants(token: str, luck: random.Random) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    kind = luck.randrange(6)
    at = luck.randrange(len(token))
    if kind == 0:
        return token[:at] + luck.choice(alphabet) + token[at + 1 :]
    if kind == 1:
        return token[:at] + token[at + 1 :]
    if kind == 2:
        return token[:at] + luck.choice(alphabet) + token[at:]
    if kind == 3:
        other = luck.randrange(len(token))
        return token[: min(at, other)] + token[max(at, other) :]
    if kind == 4:
        return chr(ord(token[at]) ^ (1 << luck.randrange(7))).join((token[:at], token[at + 1 :]))
    return "".join(luck.choice(alphabet) for _ in range(len(token)))


def test_ten_thousand_forged_links_open_nothing(shop: Shop, order_id: str) -> None:
    luck = random.Random(2026)
    other = StatusLinks(lambda: {"current": "k2", "key:k2": "another secret"})
    token = shop.links.sign(order_id, shop.at)
    tried = accepted = 0
    for number in range(10_000):
        forged = (
            other.sign(order_id, shop.at + timedelta(seconds=number)) if number % 10 == 0 else _mutants(token, luck)
        )
        if forged == token:
            continue
        tried += 1
        try:
            shop.links.verify(forged, shop.at)
        except InvalidTokenError:
            continue
        accepted += 1
    assert tried > 9_000
    assert accepted == 0


def test_parts_of_two_links_do_not_make_a_third(shop: Shop, order_id: str) -> None:
    mine, theirs = shop.links.sign(order_id, shop.at), shop.links.sign(shop.place("#1002"), shop.at)
    for forged in (
        f"{mine.split('.')[0]}.{theirs.split('.')[1]}",
        f"{mine}.{theirs.split('.')[1]}",
        mine + "=",
        mine + "\n",
        " " + mine,
        mine.replace(".", ".."),
        mine.split(".")[0] + ".",
        "." + mine.split(".")[1],
    ):
        with pytest.raises(InvalidTokenError):
            shop.links.verify(forged, shop.at)


def test_a_link_of_the_previous_key_works_until_the_key_goes(shop: Shop, order_id: str) -> None:
    token = StatusLinks(lambda: {**LINK_KEYS, "current": "k1"}).sign(order_id, shop.at)
    assert call(app, "GET", f"/status/{token}").status == 200
    without = StatusLinks(lambda: {"current": "k2", "key:k2": LINK_KEYS["key:k2"]})
    with pytest.raises(InvalidTokenError):
        without.verify(token, shop.at)


# ---------------------------------------------------------------- look-up


@pytest.mark.parametrize("number", ["#1001", "1001", " 1001 "])
@pytest.mark.parametrize("email", [EMAIL, EMAIL.upper(), f" {EMAIL} "])
def test_number_and_address_lead_to_the_page(shop: Shop, order_id: str, number: str, email: str) -> None:
    answer = look_up(number, email)
    assert answer.status == 200
    assert call(app, "GET", answer.document["path"]).document["number"] == "#1001"
    form = look_up_form(number, email)
    assert form.status == 303
    assert call(app, "GET", form.headers["location"]).document["number"] == "#1001"


def test_the_form_is_a_page() -> None:
    answer = call(app, "GET", "/status")
    assert answer.status == 200
    assert '<form class="card" method="post" action="/status/lookup">' in answer.body


@pytest.mark.parametrize("ask", [look_up, look_up_form])
def test_unknown_number_and_wrong_address_are_one_answer(shop: Shop, order_id: str, ask: Any) -> None:
    unknown, wrong = ask("#9999", EMAIL), ask("#1001", "someone@example.com")
    assert unknown == wrong
    assert unknown.status == 404


def test_both_failures_do_the_same_work(shop: Shop, order_id: str) -> None:
    def reads(number: str, email: str) -> int:
        before = shop.contacts.reads
        look_up(number, email)
        return int(shop.contacts.reads - before)

    assert reads("#9999", EMAIL) == reads("#1001", "someone@example.com") == 1


def test_both_failures_take_the_same_time(shop: Shop, order_id: str) -> None:
    taken: dict[str, list[float]] = {"#9999": [], "#1001": []}
    for number in range(600):
        for asked, times in taken.items():
            shop.views.hits.clear()
            start = perf_counter()
            look_up(asked, f"someone{number}@example.com")
            times.append(perf_counter() - start)
    assert abs(median(taken["#9999"]) - median(taken["#1001"])) < 0.005


def test_the_21st_try_of_a_sender_waits(shop: Shop, order_id: str) -> None:
    for number in range(PER_SENDER[0]):
        assert look_up(f"#{number}", EMAIL).status == 404
    refused = look_up("#1001", EMAIL)
    assert refused.status == 429
    assert refused.headers["retry-after"] == str(PER_SENDER[1])
    form = look_up_form("#1001", EMAIL)
    assert (form.status, form.headers["retry-after"]) == (429, str(PER_SENDER[1]))
    assert "Too many tries" in form.body
    assert look_up("#1001", EMAIL, sender="203.0.113.8").status == 200


def test_the_11th_try_of_a_number_waits_from_wherever_it_comes(shop: Shop, order_id: str) -> None:
    for number in range(PER_NUMBER[0]):
        assert look_up("1001" if number % 2 else "#1001", "x@example.com", sender=f"198.51.100.{number}").status == 404
    assert look_up("#1001", EMAIL, sender="198.51.100.99").status == 429


def test_all_addresses_of_one_ipv6_line_are_one_sender(shop: Shop, order_id: str) -> None:
    for number in range(PER_SENDER[0]):
        look_up(f"#{number}", EMAIL, sender=f"2001:db8:1:2::{number:x}")
    assert look_up("#1001", EMAIL, sender="2001:db8:1:2:ffff::1").status == 429
    assert look_up("#1001", EMAIL, sender="2001:db8:1:3::1").status == 200
    assert look_up("#1001", EMAIL, sender="::ffff:203.0.113.7").status == 200
    assert "lookup#sender#203.0.113.7" in shop.views.hits


@pytest.mark.parametrize(
    "body",
    ["", "{}", "[]", "no", '{"number": "1"}', '{"number": 1, "email": "a@b"}', '{"number":"1","email":"a@b","x":1}'],
)
def test_a_document_that_breaks_the_contract_is_refused(shop: Shop, body: str) -> None:
    answer = call(app, "POST", "/status/lookup", body=body)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", ["", "number=1", "number=&email=", "number=1&email=a@b&x=1", "%ff", "a=b&" * 9])
def test_an_incomplete_form_comes_back(shop: Shop, body: str) -> None:
    answer = call(app, "POST", "/status/lookup", headers=FORM, body=body)
    assert answer.status == 422
    assert 'role="alert"' in answer.body


def test_a_form_that_is_too_large_is_refused(shop: Shop) -> None:
    answer = call(app, "POST", "/status/lookup", headers=FORM, body="number=" + "1" * status_api.MAX_FORM)
    assert answer.status == 413
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("accept", [BROWSER, "*/*"])
def test_a_failure_tells_nothing_of_itself(shop: Shop, monkeypatch: pytest.MonkeyPatch, accept: str) -> None:
    def broken() -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("oms.entrypoints.use_cases.look_up_order", broken)
    body = '{"number": "1", "email": "a@b.c"}'
    answer = call(app, "POST", "/status/lookup", headers={"accept": accept}, body=body)
    assert answer.status == 500
    assert "secret" not in answer.body
    assert "Traceback" not in answer.body


def test_an_unknown_path_is_not_found(shop: Shop) -> None:
    assert call(app, "GET", "/status/a/b").status == 404
    assert call(app, "POST", "/status").status == 404
