"""Promise 1 on the engine: any number of deliveries, in any order, at the same time, end in the same business facts."""

from __future__ import annotations

import json
import os
import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from infra.local import recorded as rec
from infra.local.connect import connect
from infra.local.play import learn
from infra.local.sandbox import adobe, etsy
from infra.local.sandbox.accounts import credentials
from infra.local.sandbox.mercadolibre import SELLER as MERCADOLIBRE_SELLER
from oms.adapters.secrets_manager import LOOK_AGAIN_S
from oms.channels.registry import CONNECTORS
from tests.e2e.facts import moved, orders_of, stock_of
from tests.e2e.support import at_once, sample_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.e2e.support import Oms

SEED = int(os.environ.get("OMS_SEED", "20261122"))
"""Another one shuffles the deliveries in another way."""
COPIES = 3
SELLER = "A2NORTHWHARF00"
UNKNOWN = "TEE-RED-XL"
TOTALS = "11-orders-create-us-totals-do-not-add-up.json"
UNKNOWN_SKU = "10-orders-create-gb-unknown-sku.json"


@dataclass(frozen=True, slots=True)
class World:
    """Accounts of their own in one system, and what the samples did there."""

    oms: Oms
    name: str

    @property
    def accounts(self) -> dict[str, str]:
        """Account by channel."""
        return dict.fromkeys(CONNECTORS, self.name) | {"amazon": f"SELLER{self.name.upper()}"}

    def connect(self) -> None:
        """Each channel's account, with credentials for the vendor's API."""
        settings = self.oms.sandbox.settings
        tiktok = {
            "app_key": settings.tiktok_app_key,
            "app_secret": settings.tiktok_app_secret,
            "access_token": settings.tiktok_access_token,
        }
        amazon = {
            "client_id": settings.amazon_client_id,
            "client_secret": settings.amazon_client_secret,
            "refresh_token": settings.amazon_refresh_token,
            "marketplace_ids": "ATVPDKIKX0DER",
        }
        api = {"tiktok-shop": tiktok, "amazon": amazon, **credentials(settings, self.oms.sandbox.base_url)}
        for channel, account in self.accounts.items():
            connect(self.oms.system, channel, account, secret(channel), api.get(channel))
        time.sleep(LOOK_AGAIN_S)

    def deliveries(self) -> list[rec.Recorded]:
        """Every sample of every channel, as these accounts' senders deliver it."""
        found = [rec.read(channel, file) for channel in CONNECTORS for file in sample_files(channel)]
        seller = self.accounts["amazon"].encode()
        return [replace(each, body=each.body.replace(SELLER.encode(), seller)) for each in found]

    def send(self, recorded: rec.Recorded) -> None:
        """Deliver; it must be acknowledged."""
        status, outcome = rec.send(self.oms.system, recorded, self.accounts[recorded.source], secret(recorded.source))
        assert status == 200, (recorded.name, status, outcome)

    def foresee(self, recorded: rec.Recorded) -> rec.Expected:
        """Where it may end."""
        return rec.foresee(recorded, self.accounts[recorded.source])

    def named(self, name: str) -> rec.Recorded:
        """One delivery by its file's name."""
        return next(each for each in self.deliveries() if each.name == name)

    def facts(self) -> dict[str, dict[str, Any]]:
        """Of every order."""
        return orders_of(self.oms, self.accounts)

    def parked(self) -> dict[str, dict[str, Any]]:
        """Quarantined deliveries of these accounts."""
        mine = set(self.accounts.items())
        return {key: row for key, row in self.oms.parked().items() if (row["source"], row["account"]) in mine}


def secret(channel: str) -> str:
    fixed = {
        "tiktok-shop": "sandbox_app:demo-tiktok",
        "magento": adobe.CLIENT_ID,
        "etsy": etsy.SIGNING_SECRET,
        "mercadolibre": f"{MERCADOLIBRE_SELLER}:demo-token",
    }
    return fixed.get(channel, f"demo-{channel}")


def disordered(recorded: Sequence[rec.Recorded]) -> list[rec.Recorded]:
    """From the newest to the oldest, since what comes first decides the most; then copies at random."""
    copies = [each for each in recorded for _ in range(COPIES - 1)]
    random.Random(SEED).shuffle(copies)
    return [*reversed(recorded), *copies]


@pytest.fixture(scope="module")
def worlds(oms: Oms) -> tuple[World, World, dict[str, Any]]:
    """(clean, chaos, what each did to stock): the same samples, once in order, and many times in disorder."""
    clean, chaos = World(oms, "clean"), World(oms, "chaos")
    stock: dict[str, Any] = {}
    for world in (clean, chaos):
        world.connect()
        oms.quiet()  # what tests before this one left moving is not of this world
        started, before = time.monotonic(), stock_of(oms)
        if world is clean:
            for each in world.deliveries():
                world.send(each)
                oms.quiet()
        else:
            at_once(world.send, disordered(world.deliveries()), threads=8)
        oms.quiet(seconds=120)
        stock[world.name] = moved(before, stock_of(oms))
        print(f"\n[e2e] {world.name}: {time.monotonic() - started:.1f} s")
    return clean, chaos, stock


def test_chaos_ends_in_the_facts_of_one_clean_delivery(worlds: tuple[World, World, dict[str, Any]]) -> None:
    clean, chaos, stock = worlds
    expected, found = clean.facts(), chaos.facts()
    assert len(expected) >= 14
    assert found.keys() == expected.keys()
    for order, facts in expected.items():
        assert found[order] == facts, order
    assert stock["chaos"] == stock["clean"]


def test_no_delivery_is_lost(worlds: tuple[World, World, dict[str, Any]]) -> None:
    """Each is an order, or one entry in quarantine, or asks for nothing."""
    for world in worlds[:2]:
        orders = {facts["number"] for facts in world.facts().values()}
        parked = world.parked()
        for each in world.deliveries():
            expected = world.foresee(each)
            is_order = bool(expected.order_id) and bool(world.oms.order(expected.order_id))
            is_parked = expected.parked_id in parked
            assert is_order != is_parked or not expected.order_id, (world.name, each.name)
        assert len(orders) == len(world.facts())


def test_what_cannot_be_processed_is_one_entry_with_its_reason(worlds: tuple[World, World, dict[str, Any]]) -> None:
    for world in worlds[:2]:
        entry = world.foresee(world.named(TOTALS)).parked_id
        assert {key: row["code"] for key, row in world.parked().items()} == {entry: "totals_mismatch"}
        row = world.parked()[entry]
        assert (row["detail"]["difference"], row["detail"]["currency"]) == (100, "USD")
        shown = world.oms.get(f"/quarantine/{entry}").document
        assert json.loads(shown["message"]["body"]) == json.loads(world.named(TOTALS).body)


def test_an_unknown_sku_holds_its_line_until_the_product_is_imported(
    oms: Oms, worlds: tuple[World, World, dict[str, Any]]
) -> None:
    ids = [world.foresee(world.named(UNKNOWN_SKU)).order_id for world in worlds[:2]]
    for order_id in ids:
        held = oms.order(order_id)
        lines = {line["sku"]: line["units"] for line in held["lines"]}
        assert lines[UNKNOWN] == {"open": next(iter(lines[UNKNOWN].values()))}
        assert [hold["kind"] for hold in held["holds"] if hold["active"]] == ["unknown_sku"]
        assert all("allocated" in units for sku, units in lines.items() if sku != UNKNOWN)
    learn(oms.system, frozenset({UNKNOWN}))
    oms.receive(UNKNOWN, "de-main", 20)
    assert oms.watch(*ids)["driven"] >= 2
    for order_id in ids:
        released = oms.until(order_id, stage="released")
        assert not [hold for hold in released["holds"] if hold["active"]]
    oms.quiet()
    clean, chaos, _ = worlds
    assert chaos.facts() == clean.facts()


def test_a_refused_fetch_is_quarantined_and_taken_when_the_cause_is_gone(oms: Oms) -> None:
    world = World(oms, "mended")
    world.connect()
    delivery = world.named("02-order-change-us-unshipped.json")
    expected = world.foresee(delivery)
    refusal: dict[str, Any] = {"match": "amazon GET /orders", "status": 403, "times": 2}  # it logs in anew once
    oms.sandbox.add_fault(**refusal)
    world.send(delivery)
    ended = rec.follow(oms.system, expected)
    assert ended.get("code") == "upstream_refused", ended
    assert not oms.order(expected.order_id)

    oms.sandbox.add_fault(**refusal)
    refused = oms.post(f"/quarantine/{expected.parked_id}/replay")
    assert (refused.status, refused.document["code"]) == (502, "upstream_refused")
    assert expected.parked_id in world.parked()

    taken = oms.post(f"/quarantine/{expected.parked_id}/replay", role="service")
    assert (taken.status, taken.document["order_id"]) == (200, expected.order_id)
    assert oms.post(f"/quarantine/{expected.parked_id}/replay").status == 404
    assert not world.parked()
    order = oms.until(expected.order_id, stage="released")
    world.send(delivery)
    oms.quiet(order["order_id"])
    assert oms.order(expected.order_id)["lines"] == order["lines"]
    assert len(oms.events(expected.order_id, "OrderPlaced")) == 1
