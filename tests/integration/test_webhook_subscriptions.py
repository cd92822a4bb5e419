"""Mercado Libre's token in the URL, and Meta's subscription, through the real entry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from infra.local import recorded as rec
from infra.local.sandbox.mercadolibre import SELLER
from oms.entrypoints import wiring
from tests.proof.sweep.events import http_event
from tests.proof.sweep.people import parked
from tests.proof.sweep.vendors import MORE
from tests.proof.sweep.world import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proof.sweep.world import World

URL = "/webhooks/mercadolibre/main"
SUBSCRIBE = "/webhooks/meta-commerce/main?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="


@pytest.fixture
def w() -> Iterator[World]:
    with world() as made:
        made.connect(MORE)
        yield made


def notice(number: int, order_id: str = "2000009100000101", user_id: str = SELLER) -> bytes:
    named = {"topic": "orders_v2", "resource": f"/orders/{order_id}", "user_id": int(user_id)}
    return json.dumps({"_id": f"n-{number}", **named, "sent": "2026-11-25T09:00:00.000Z"}).encode()


def deliver(w: World, body: bytes, url: str) -> tuple[int, str]:
    reply = w.http("POST", url, headers={"content-type": "application/json"}, body=body, role="")
    return reply.status, str(reply.document.get("code") or reply.document.get("outcome"))


def numbers(w: World, channel: str) -> list[str]:
    span = "since=2026-11-20T00:00:00Z&until=2026-11-30T00:00:00Z"
    return [each["number"] for each in w.get(f"/orders?channel={channel}&{span}")["orders"]]


def test_a_notice_with_the_token_of_the_url_is_taken_however_often_it_comes(w: World) -> None:
    for number in (1, 1, 2):
        assert deliver(w, notice(number), f"{URL}?token=s-token") == (200, "queued")
    w.settle()
    assert parked(w) == []
    assert numbers(w, "mercadolibre") == ["2000009100000101"]
    asked = [call["path"] for call in w.vendors.sandbox.calls if call["vendor"] == "mercadolibre"]
    assert {"/orders/2000009100000101", "/shipments/44100000101"} <= set(asked)


def test_a_notice_without_the_token_or_for_another_seller_is_refused(w: World) -> None:
    for url in (URL, f"{URL}?token=", f"{URL}?token=wrong", f"{URL}?token={SELLER}", f"{URL}?s-token"):
        assert deliver(w, notice(1), url) == (401, "bad_signature")
    assert deliver(w, notice(1, user_id="5566"), f"{URL}?token=s-token") == (401, "bad_signature")
    assert deliver(w, notice(1), "/webhooks/mercadolibre/nobody?token=s-token") == (401, "bad_signature")


def test_the_token_goes_no_further_than_the_entry(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(wiring, "requeue", sent.append)
    assert deliver(w, notice(1), f"{URL}?token=s-token") == (200, "queued")
    assert len(sent) == 1
    assert "s-token" not in json.dumps(sent)


def test_meta_subscribes_with_the_verify_token_alone_and_reads_its_challenge_back(w: World) -> None:
    def ask(url: str) -> dict[str, Any]:
        parts = urlsplit(url)
        function, route = w.routes.find("GET", parts.path)
        event = http_event(route, "GET", parts.path, dict(parse_qsl(parts.query)), {}, b"", "")
        answer: dict[str, Any] = w.invoke(function, event)
        return answer

    answer = ask(f"{SUBSCRIBE}s-verify")
    assert (answer["statusCode"], answer["body"]) == (200, "1158201444")
    kind = {name.lower(): value for name, value in answer["headers"].items()}["content-type"]
    assert str(kind).startswith("text/plain")
    for token in ("", "wrong", "s-meta"):
        assert ask(f"{SUBSCRIBE}{token}")["statusCode"] == 404
    for change in (("subscribe", "unsubscribe"), ("1158201444", "%3Cscript%3E")):
        assert ask(f"{SUBSCRIBE}s-verify".replace(*change))["statusCode"] == 404


def test_an_order_of_meta_is_taken_with_its_edges(w: World) -> None:
    value = {"order_id": "3565497390170102"}
    entry = {"id": "e-1", "time": 1795284600, "changes": [{"field": "orders", "value": value}]}
    delivery = rec.Recorded(
        name="", source="meta-commerce", headers={}, body=json.dumps({"object": "page", "entry": [entry]}).encode()
    )
    signed = rec.sign(delivery, MORE["meta-commerce"])
    url = "/webhooks/meta-commerce/main"
    assert w.http("POST", url, headers=signed, body=delivery.body + b" ", role="").status == 401
    assert w.http("POST", url, headers=signed, body=delivery.body, role="").status == 200
    w.settle()
    assert parked(w) == []
    assert numbers(w, "meta-commerce") == ["3565497390170102"]
