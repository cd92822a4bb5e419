"""Who is master of which field: declared in one document, one master each, and held where stock is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from oms.application.feed import Feed, TakeStockFeed
from oms.application.policies import ManageIntegrations
from oms.application.stock import CountStock
from oms.domain.commit import Cause
from oms.domain.counting import PositionCount
from oms.domain.errors import InvalidPolicyError, NotMasterError, PolicyOutdatedError
from oms.domain.masters import Masters, mastered, problems, read_masters
from tests.proof.memory import MemoryFeed, MemoryLog, MemoryPolicies, MemoryReference, MemoryStock, Store

NODES = ("us-east", "de-main")
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


def integration(name: str, *claims: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "master_of": list(claims), **more}


def on_hand(*nodes: str) -> dict[str, Any]:
    return {"field": "stock.on_hand", **({"nodes": list(nodes)} if nodes else {})}


def read(*integrations: dict[str, Any]) -> Masters:
    return read_masters({"document": {"integrations": list(integrations)}})


# ---------------------------------------------------------------- who it is


def test_a_node_that_is_named_has_its_own_master_all_others_have_the_one_of_all() -> None:
    masters = read(integration("erp", on_hand(), {"field": "invoice"}), integration("wms", on_hand("us-east")))
    assert masters.of("stock.on_hand", "us-east") == "wms"
    assert masters.of("stock.on_hand", "de-main") == "erp"
    assert masters.of("invoice") == "erp"
    assert masters.of("customer") == ""
    masters.check("wms", "stock.on_hand", "us-east")
    masters.check("anybody", "customer")
    with pytest.raises(NotMasterError) as told:
        masters.check("erp", "stock.on_hand", "us-east")
    assert told.value.context == {"field": "stock.on_hand", "node_id": "us-east", "master": "wms"}


def test_while_nothing_is_declared_nobody_is_refused() -> None:
    read_masters({}).check("anybody", "stock.on_hand", "us-east")
    assert mastered({}, "erp") == []
    assert mastered({"document": {"integrations": [integration("erp", on_hand())]}}, "erp") == [on_hand()]


WRONG: dict[str, tuple[Any, list[tuple[str, tuple[str, ...]]]]] = {
    "no object": ([], [("field", ())]),
    "another field": ({"integrations": [], "more": 1}, [("field", ())]),
    "no list": ({"integrations": {}}, [("field", ())]),
    "too many": ({"integrations": [integration(f"i{number}") for number in range(51)]}, [("field", ())]),
    "no name": ({"integrations": [{"master_of": []}]}, [("name", ())]),
    "a name that no source can have": ({"integrations": [integration("ERP 1")]}, [("name", ())]),
    "an integration that is none": ({"integrations": ["erp"]}, [("name", ())]),
    "a field of nobody": ({"integrations": [integration("erp", colour="red")]}, [("unknown", ("erp",))]),
    "a description that is none": ({"integrations": [integration("erp", description=1)]}, [("field", ("erp",))]),
    "claims that are none": ({"integrations": [{"name": "erp", "master_of": {}}]}, [("field", ("erp",))]),
    "a claim that is none": ({"integrations": [{"name": "erp", "master_of": ["stock"]}]}, [("field", ("erp",))]),
    "an unknown field": ({"integrations": [integration("erp", {"field": "soul"})]}, [("field", ("erp",))]),
    "a claim with more": (
        {"integrations": [integration("erp", {"field": "invoice", "since": 1})]},
        [("unknown", ("erp",))],
    ),
    "nodes of what has none": (
        {"integrations": [integration("erp", {"field": "invoice", "nodes": ["us-east"]})]},
        [("contradiction", ("erp",))],
    ),
    "no nodes": ({"integrations": [integration("erp", {**on_hand(), "nodes": []})]}, [("field", ("erp",))]),
    "nodes that are none": ({"integrations": [integration("erp", {**on_hand(), "nodes": [1]})]}, [("field", ("erp",))]),
    "an unknown node": ({"integrations": [integration("erp", on_hand("mars"))]}, [("no_node", ("erp",))]),
    "two of one name": ({"integrations": [integration("erp"), integration("erp")]}, [("name", ("erp",))]),
    "two masters": (
        {"integrations": [integration("erp", on_hand("us-east")), integration("wms", on_hand("de-main", "us-east"))]},
        [("contradiction", ("erp", "wms"))],
    ),
    "two masters everywhere": (
        {"integrations": [integration("erp", {"field": "customer"}), integration("crm", {"field": "customer"})]},
        [("contradiction", ("erp", "crm"))],
    ),
}


@pytest.mark.parametrize(("document", "found"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(document: Any, found: list[tuple[str, tuple[str, ...]]]) -> None:
    assert [(each.code, each.rules) for each in problems(document, NODES)] == found


def test_a_sound_document_has_no_problem() -> None:
    document = {
        "integrations": [integration("erp", on_hand(), description="SAP"), integration("wms", on_hand("us-east"))]
    }
    assert problems(document, NODES) == ()


# ---------------------------------------------------------------- where it is held


class Shop:
    """A shop with two nodes and an SKU."""

    def __init__(self) -> None:
        store = Store()
        self.reference = MemoryReference(store)
        self.manage = ManageIntegrations(MemoryPolicies(store), self.reference, lambda: NOW)
        for node in NODES:
            self.reference.put("node", node, {"node_id": node, "country": "DE"})
        self.reference.put("product", "MUG", {"sku": "MUG"})
        self.feed = TakeStockFeed(MemoryLog(store), MemoryFeed(store), self.reference, lambda: NOW)
        self.count = CountStock(MemoryLog(store), MemoryStock(store), self.reference, lambda: NOW)
        self.store = store

    def declare(self, *integrations: dict[str, Any]) -> None:
        seen = self.manage.show()["version"]
        self.manage.save(f"k{seen}", {"integrations": list(integrations)}, seen, "admin")


def test_the_stock_of_a_node_is_told_by_its_master_alone() -> None:
    shop = Shop()
    shop.declare(integration("erp", on_hand("us-east")))
    rows = [
        (n, {"sku": "MUG", "node_id": node, "on_hand": 5, "as_of": NOW.isoformat()}) for n, node in enumerate(NODES, 1)
    ]
    told = shop.feed.said(Feed(source="wms", feed_id="f1"), rows).document(10)
    assert (told["accepted"], told["errors"], told["rows"][0]["code"]) == (1, 1, "not_master")
    assert {node: at.on_hand for node, at in shop.store.positions["MUG"].items()} == {"de-main": 5}
    assert shop.feed.said(Feed(source="erp", feed_id="f2"), rows[:1]).document(10)["accepted"] == 1
    assert shop.store.positions["MUG"]["us-east"].on_hand == 5


def test_staff_count_where_no_integration_is_master_or_staff_are() -> None:
    shop = Shop()
    cause = Cause(kind="api", ref="r", actor="warehouse")
    here, there = (PositionCount(sku="MUG", node_id=node, counted=3) for node in NODES)
    shop.declare(integration("erp", on_hand("us-east")))
    with pytest.raises(NotMasterError):
        shop.count("c1", [there, here], cause)
    assert shop.count("c2", [there], cause)["counts"][0].on_hand == 3
    shop.declare(integration("erp", on_hand("de-main")), integration("staff", on_hand("us-east")))
    assert shop.count("c3", [here], cause)["counts"][0].on_hand == 3


def test_what_is_declared_is_checked_and_stands_on_what_its_author_saw() -> None:
    shop = Shop()
    assert shop.manage.show() == {"version": 0, "document": {"integrations": []}}
    shop.declare(integration("erp", on_hand()))
    with pytest.raises(PolicyOutdatedError):
        shop.manage.save("other", {"integrations": []}, 0, "admin")
    with pytest.raises(InvalidPolicyError) as told:
        shop.declare(integration("erp", on_hand("mars")))
    assert [each["code"] for each in told.value.context["problems"]] == ["no_node"]  # type: ignore[attr-defined]
