"""eBay, Walmart and Etsy through the real entry: keys fetched, URLs proved, orders fetched and taken in once."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.local import recorded as rec
from infra.local.engine import ROOT
from infra.local.sandbox import ebay
from tests.proof.sweep.people import parked
from tests.proof.sweep.vendors import MORE
from tests.proof.sweep.world import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proof.sweep.world import World

SAMPLES = {
    "ebay": ("01-order-confirmation-us", "26-20001-10001"),
    "walmart": ("01-order-updates-po-created-us", "2000200000101"),
    "etsy": ("01-order-paid-us", "3400000101"),
}


@pytest.fixture(scope="module")
def w() -> Iterator[World]:
    with world() as made:
        made.connect(MORE)
        yield made


def sample(source: str, **changes: Any) -> rec.Recorded:
    found = rec.read(source, ROOT / "events" / "channels" / source / f"{SAMPLES[source][0]}.json")
    body = json.loads(found.body) | changes
    return rec.Recorded(name=found.name, source=source, headers=found.headers, body=json.dumps(body).encode())


def deliver(w: World, recorded: rec.Recorded, account: str = "main", **headers: str) -> tuple[int, str]:
    signed = {**rec.sign(recorded, MORE[recorded.source], w.now.timestamp()), **headers}
    reply = w.http("POST", f"/webhooks/{recorded.source}/{account}", headers=signed, body=recorded.body, role="")
    return reply.status, str(reply.document.get("code") or reply.document.get("outcome"))


@pytest.mark.parametrize("source", SAMPLES)
def test_an_order_is_taken_in_once_however_often_it_is_told(w: World, source: str) -> None:
    for _ in range(3):
        assert deliver(w, sample(source)) == (200, "queued")
    w.settle()
    assert parked(w) == []
    found = w.get(f"/orders?channel={source}&since=2026-11-20T00:00:00Z&until=2026-11-30T00:00:00Z")["orders"]
    assert [each["number"] for each in found] == [SAMPLES[source][1]]


@pytest.mark.parametrize("source", SAMPLES)
def test_a_delivery_that_was_altered_or_is_nobodys_is_refused(w: World, source: str) -> None:
    recorded = sample(source)
    signed = rec.sign(recorded, MORE[source], w.now.timestamp())
    altered = rec.Recorded(name="", source=source, headers=signed, body=recorded.body + b" \n{")
    reply = w.http("POST", f"/webhooks/{source}/main", headers=signed, body=altered.body, role="")
    assert (reply.status, reply.document["code"]) == (401, "bad_signature")
    assert deliver(w, recorded, account="nobody") == (401, "bad_signature")


def test_ebays_keys_are_asked_for_where_somebody_is_connected_alone(w: World) -> None:
    def asked() -> int:
        return sum("public_key" in call["path"] for call in w.vendors.sandbox.calls)

    before = asked()
    assert deliver(w, sample("ebay"), account="nobody") == (401, "bad_signature")
    assert asked() == before
    w.vendors.sandbox.add_fault(match="ebay GET /commerce", status=503, times=1)
    assert deliver(w, sample("ebay")) == (200, "queued")  # at its second try


def test_ebays_challenge_is_proved_with_the_token_and_the_very_url(w: World) -> None:
    url = "https://api.example/webhooks/ebay/main"
    reply = w.http("GET", "/webhooks/ebay/main?challenge_code=a8628072-3d33", role="")
    expected = hashlib.sha256(f"a8628072-3d33{ebay.VERIFICATION_TOKEN}{url}".encode()).hexdigest()
    assert (reply.status, reply.document) == (200, {"challengeResponse": expected})
    for path in (
        "/webhooks/ebay/main",
        "/webhooks/ebay/main?challenge=a",
        "/webhooks/ebay/nobody?challenge_code=a",
        "/webhooks/etsy/main?challenge_code=a",
    ):
        assert w.http("GET", path, role="").status == 404
