"""Adobe's events through the real entry: its published keys are fetched, and not being able to is no refusal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.local import recorded as rec
from infra.local.sandbox import adobe
from tests.proof.sweep.people import parked
from tests.proof.sweep.vendors import MORE
from tests.proof.sweep.world import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proof.sweep.world import World

URL = "/webhooks/magento/main"


@pytest.fixture
def w() -> Iterator[World]:
    with world() as made:
        made.connect(MORE)
        yield made


def event(number: int, **changes: Any) -> rec.Recorded:
    body = {
        "id": f"evt-{number}",
        "type": "com.adobe.commerce.observer.sales_order_save_commit_after",
        "recipient_client_id": adobe.CLIENT_ID,
        "data": {"value": {"entity_id": 2001}},
        **changes,
    }
    return rec.Recorded(name="", source="magento", headers={}, body=json.dumps(body).encode())


def deliver(w: World, recorded: rec.Recorded, url: str = URL, **headers: str) -> tuple[int, str]:
    signed = {**rec.sign(recorded, ""), **headers}
    reply = w.http("POST", url, headers=signed, body=recorded.body, role="")
    return reply.status, str(reply.document.get("code") or reply.document.get("outcome"))


def asked(w: World) -> int:
    return sum(call["vendor"] == "adobe" for call in w.vendors.sandbox.calls)


def test_an_event_is_taken_however_often_it_comes(w: World) -> None:
    for number in (1, 1, 2):
        assert deliver(w, event(number)) == (200, "queued")
    w.settle()
    assert parked(w) == []
    found = w.get("/orders?channel=magento&since=2026-11-20T00:00:00Z&until=2026-11-30T00:00:00Z")["orders"]
    assert [each["number"] for each in found] == ["000002001"]


def test_an_event_of_another_client_or_key_is_refused(w: World) -> None:
    assert deliver(w, event(1, recipient_client_id="a-stranger")) == (401, "bad_signature")
    missing = "/prod/keys/pub-key-unknown.pem"
    for _ in range(3):
        assert deliver(w, event(2), **{"x-adobe-public-key1-path": missing}) == (401, "bad_signature")
    before = asked(w)
    assert before == 4  # one for each delivery: each meets a cold function
    assert deliver(w, event(3), "/webhooks/magento/nobody") == (401, "bad_signature")
    assert asked(w) == before


def test_keys_that_cannot_be_read_now_have_the_sender_come_again(w: World) -> None:
    w.vendors.sandbox.add_fault(match="adobe", status=503, times=1)
    assert deliver(w, event(1)) == (200, "queued")  # at its second try
    statuses = [call["status"] for call in w.vendors.sandbox.calls if call["vendor"] == "adobe"]
    assert statuses == [503, 200]


def test_a_challenge_is_answered_by_whom_it_is_for_alone(w: World) -> None:
    reply = w.http("GET", f"{URL}?challenge=8ec8d794-e0ab", role="")
    assert (reply.status, reply.document) == (200, {"challenge": "8ec8d794-e0ab"})
    for url in (URL, f"{URL}?challenge=%3Cb%3E", "/webhooks/shopify/main?challenge=a", "/webhooks/nobody/main"):
        assert w.http("GET", url, role="").status == 404
    assert w.http("GET", "/webhooks/amazon/main?challenge=a", role="").status == 404
