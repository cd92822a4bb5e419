"""Rules at work on whole orders, over ports in memory: what ships, what waits, who is asked, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oms.application.decisions import ShowDecisions
from oms.application.policies import ManageSourcing, shown
from oms.domain.errors import (
    IdempotencyKeyReusedError,
    InvalidPolicyError,
    OrderNotFoundError,
    PolicyOutdatedError,
    PolicyVersionNotFoundError,
    VersionConflictError,
)
from oms.domain.order.commands import PlaceHold, ReleaseHold
from oms.domain.order.events import HoldPlaced, LinesBackordered, LinesCancelled, LinesReserved
from oms.domain.order.ledger import Place
from oms.domain.order.status import NextStep, next_step
from oms.domain.order.summary import due_at, wake_at
from tests.proof.interleave.story import SKU, ask, at, placed_in_channel, receive, site_order, take_in
from tests.proof.interleave.world import World
from tests.proof.memory import MemoryPolicies, MemoryReference
from tests.support.builders import line, paid

if TYPE_CHECKING:
    from oms.domain.order.state import Order

OTHER = "SKU-2"


class Shop:
    """One shop with rules."""

    def __init__(self) -> None:
        self.world = World()
        self.reference = MemoryReference(self.world.store)
        self.policies = MemoryPolicies(self.world.store)
        self.manage = ManageSourcing(self.policies, self.reference, self.world.now)
        self.show = ShowDecisions(self.world.calm.orders, self.policies, self.reference)
        self.reference.keep_network()

    def node(self, node_id: str, **fields: Any) -> None:
        known = next(row for row in self.reference.node_rows() if row["node_id"] == node_id)
        self.reference.put("node", node_id, {**known, **fields})
        self.reference.keep_network()

    def product(self, sku: str, **fields: Any) -> None:
        self.reference.put("product", sku, {"sku": sku, **fields})

    def rules(self, *rules: dict[str, Any], **more: Any) -> None:
        expected = self.manage.show()["version"]
        self.manage.save(f"k{expected}", {"rules": list(rules), **more}, expected, "admin")

    def rest(self, then: dict[str, Any] | None = None, **after: Any) -> None:
        self.rules({"name": "rest", "then": then or {"policy": "cheapest"}, "after": after})

    def order(self, *lines: Any, number: str = "1001") -> Order:
        order_id = placed_in_channel(self.world, *lines, number=number)
        self.world.drive(order_id)
        return self.world.order(order_id)

    def nodes_of(self, order: Order) -> dict[str, str]:
        """Node by line; all of a line at one."""
        return {line_id: known.node_id for known in order.fulfillment_orders.values() for line_id in known.remaining}

    def last(self, order: Order) -> tuple[object, ...]:
        return self.world.commits(order.order_id)[-1].events

    def decision(self, order: Order) -> dict[str, Any]:
        return self.show(order.order_id)[0]


@pytest.fixture
def shop() -> Shop:
    return Shop()


def two(quantity: int = 1) -> Any:
    return line("1", quantity, sku=SKU), line("2", quantity, sku=OTHER)


class TestWhatCounts:
    """Berlin orders; WH1 is near it, WH2 in Munich, WH3 far south."""

    def test_without_rules_it_is_as_it_was(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 5)
        receive(shop.world, SKU, "WH2", 5)
        order = shop.order(line("1", 1, sku=SKU))
        assert shop.nodes_of(order) == {"1": "WH1"}
        told = shop.decision(order)
        assert (told["decision"]["policy"], told["decision"]["rule"], told["decision"]["rules"]) == (
            "nearest-complete/1", "default", 0,
        )  # fmt: skip
        assert told["recomputed"] == "same"
        assert "From WH1, " in told["explained"]

    def test_costs_decide_under_cheapest_and_not_under_nearest(self, shop: Shop) -> None:
        for node in ("WH1", "WH2"):
            receive(shop.world, SKU, node, 5)
        shop.node("WH1", per_parcel=900)
        shop.rest({"policy": "cheapest"})
        assert shop.nodes_of(shop.order(line("1", 1, sku=SKU))) == {"1": "WH2"}
        shop.rest({"policy": "nearest"})
        assert shop.nodes_of(shop.order(line("1", 1, sku=SKU), number="1002")) == {"1": "WH1"}

    def test_what_a_unit_costs_at_a_node(self, shop: Shop) -> None:
        for node in ("WH1", "WH2"):
            receive(shop.world, SKU, node, 5)
        shop.node("WH1", per_unit=300)
        shop.node("WH2", per_parcel=500)
        shop.rest()
        assert shop.nodes_of(shop.order(line("1", 1, sku=SKU))) == {"1": "WH1"}
        assert shop.nodes_of(shop.order(line("1", 2, sku=SKU), number="1002")) == {"1": "WH2"}

    def test_freight_by_weight_and_zone(self, shop: Shop) -> None:
        for node in ("WH1", "WH3"):
            receive(shop.world, SKU, node, 5)
        shop.node("WH1", per_parcel=500)
        zones = [
            {"name": "near", "up_to_km": 300, "transit_days": 1, "base": 100, "per_kg": [[0, 100]]},
            {"name": "far", "up_to_km": 21000, "transit_days": 4, "base": 100, "per_kg": [[0, 900]]},
        ]
        shop.reference.put("tariff", "main", {"zones": zones})
        shop.reference.keep_network()
        shop.rest()
        shop.product(SKU, weight_g=100)
        assert shop.nodes_of(shop.order(line("1", 1, sku=SKU))) == {"1": "WH3"}
        shop.product(SKU, weight_g=1000)
        order = shop.order(line("1", 1, sku=SKU), number="1002")
        assert shop.nodes_of(order) == {"1": "WH1"}
        assert order.promised_by == shop.world.now() + timedelta(days=2)
        told = shop.decision(order)
        assert (told["recomputed"], told["decision"]["lines"]) == ("same", {"1": [1, 1000, 0]})
        assert "freight 200, handling 500" in told["explained"]

    def test_a_node_without_the_capability_gives_nothing(self, shop: Shop) -> None:
        for node in ("WH1", "WH2"):
            receive(shop.world, SKU, node, 5)
        shop.product(SKU, needs=["hazmat"])
        shop.node("WH2", capabilities=["hazmat"])
        order = shop.order(line("1", 1, sku=SKU))
        assert shop.nodes_of(order) == {"1": "WH2"}
        assert "cannot handle hazmat" in shop.decision(order)["explained"]

    def test_a_calendar_moves_the_date(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 5)
        shop.node("WH1", time_zone="Europe/Berlin", cut_off="14:00", holidays=["2026-03-02"], handling_days=0)
        order = shop.order(line("1", 1, sku=SKU))  # a Sunday, 13:00 UTC; Monday is a holiday; local transit is a day
        assert order.promised_by is not None
        assert order.promised_by.isoformat() == "2026-03-04T13:00:00+00:00"

    def test_a_node_gets_no_more_than_its_day(self, shop: Shop) -> None:
        for node in ("WH1", "WH2"):
            receive(shop.world, SKU, node, 5)
        shop.node("WH1", daily_orders=1)
        first = shop.order(line("1", 1, sku=SKU))
        assert shop.nodes_of(first) == {"1": "WH1"}
        for commit in shop.world.commits(first.order_id):
            shop.world.calm.project(commit)
        second = shop.order(line("1", 1, sku=SKU), number="1002")
        assert shop.nodes_of(second) == {"1": "WH2"}
        told = shop.decision(second)
        assert (told["decision"]["left"], told["recomputed"]) == ({"WH1": [0, 1000]}, "same")

    def test_a_node_that_cannot_be_read_is_left_out(self, shop: Shop) -> None:
        for node in ("WH1", "WH2"):
            receive(shop.world, SKU, node, 5)
        shop.node("WH1", time_zone="Moon/Crater")
        order = shop.order(line("1", 1, sku=SKU))
        assert shop.nodes_of(order) == {"1": "WH2"}
        assert shop.decision(order)["decision"]["excluded"] == {"WH1": "its reference data cannot be read"}

    def test_rules_choose_nodes(self, shop: Shop) -> None:
        for node in ("WH1", "WH2"):
            receive(shop.world, SKU, node, 5)
        shop.rest({"policy": "nearest", "not_nodes": ["WH1"]})
        order = shop.order(line("1", 1, sku=SKU))
        assert shop.nodes_of(order) == {"1": "WH2"}
        assert shop.decision(order)["decision"]["excluded"] == {"WH1": "not in the rule"}

    def test_firms_are_customers_of_the_accounts_that_the_rules_name(self, shop: Shop) -> None:
        for node in ("WH1", "WH2"):
            receive(shop.world, SKU, node, 5)
        firms = {"name": "firms", "when": {"customers": ["b2b"]}, "then": {"policy": "nearest", "nodes": ["WH2"]}}
        rest = {"name": "rest", "then": {"policy": "nearest"}}
        shop.rules(firms, rest, b2b=["shopify/wholesale"])
        assert shop.nodes_of(shop.order(line("1", 1, sku=SKU))) == {"1": "WH1"}
        shop.rules(firms, rest, b2b=["shopify/wholesale", "shopify/shop-1"])
        assert shop.nodes_of(shop.order(line("1", 1, sku=SKU), number="1002")) == {"1": "WH2"}


class TestWhatBecomesOfTheRest:
    def test_backorder_ships_whole_lines(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 3)
        receive(shop.world, OTHER, "WH1", 2)
        shop.rest(short="backorder")
        order = shop.order(*two(3))
        assert (at(order, Place.ALLOCATED), at(order, Place.BACKORDERED)) == (3, 3)

    def test_split_ships_what_there_is(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 3)
        receive(shop.world, OTHER, "WH1", 1)
        receive(shop.world, OTHER, "WH2", 1)
        shop.rest(short="split")
        order = shop.order(*two(3))
        assert (at(order, Place.ALLOCATED), at(order, Place.BACKORDERED)) == (5, 1)
        assert shop.decision(order)["recomputed"] == "same"
        receive(shop.world, OTHER, "WH1", 1, key="later")
        shop.world.calm.burst({"order_id": order.order_id, "step": "promise", "cause": "supply"})
        assert at(shop.world.order(order.order_id), Place.ALLOCATED) == 6

    def test_split_counts_no_node_that_may_not_ship(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 2)
        receive(shop.world, SKU, "WH2", 2)
        shop.product(SKU, needs=["cold"])
        shop.node("WH2", capabilities=["cold"])
        shop.rest(short="split")
        order = shop.order(line("1", 5, sku=SKU))
        assert (at(order, Place.ALLOCATED), at(order, Place.BACKORDERED)) == (2, 3)

    def test_wait_ships_nothing_until_all_can(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 3)
        shop.rest(short="wait", wait_minutes=30)
        order = shop.order(*two(3))
        assert (at(order, Place.ALLOCATED), at(order, Place.BACKORDERED)) == (0, 6)
        now = shop.world.now()
        assert due_at(order, now) == wake_at(order, now) == now + timedelta(minutes=30)
        assert next_step(order) is NextStep.NONE
        again = {"order_id": order.order_id, "step": "promise", "cause": "look again"}
        shop.world.calm.burst(again)
        assert shop.world.order(order.order_id) == order, "still short: nothing is written"
        receive(shop.world, OTHER, "WH1", 3)
        shop.world.calm.burst(again)
        order = shop.world.order(order.order_id)
        assert (at(order, Place.ALLOCATED), order.retry_at) == (6, None)

    def test_a_person_is_asked_once(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 3)
        shop.rest(short="person")
        order = shop.order(*two(3))
        (hold,) = order.active_holds
        assert (hold.kind, hold.lines) == ("sourcing", ("1", "2"))
        assert hold.reason == "rule rest of version 1: no node has all of SKU-2"
        assert at(order, Place.OPEN) == 6
        (placed,) = [event for event in shop.last(order) if isinstance(event, HoldPlaced)]
        assert (placed.decision["rule"], shop.decision(order)["recomputed"]) == ("rest", "same")
        ask(shop.world.calm, order.order_id, ReleaseHold(command_id="go on", hold_id=hold.hold_id))
        order = shop.world.drive(order.order_id) or order
        assert (at(order, Place.ALLOCATED), at(order, Place.BACKORDERED)) == (3, 3)

    def test_waiting_ends_after_its_days_once(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 3)
        shop.rest(short="backorder", cancel_after_days=3)
        order = shop.order(*two(3))
        (event,) = [each for each in shop.last(order) if isinstance(each, LinesBackordered)]
        assert event.cancel_at == shop.world.now() + timedelta(days=3)
        again = {"order_id": order.order_id, "step": "promise", "cause": "look again"}
        shop.world.clock += timedelta(days=3) - timedelta(seconds=1)
        shop.world.calm.burst(again)
        assert shop.world.order(order.order_id) == order
        shop.world.clock += timedelta(seconds=1)
        shop.world.calm.burst(again)
        done = shop.world.order(order.order_id)
        assert (at(done, Place.CANCELLED), at(done, Place.ALLOCATED)) == (3, 3)
        (cancelled,) = [each for each in shop.last(done) if isinstance(each, LinesCancelled)]
        assert (cancelled.origin, cancelled.reason) == ("oms", "backordered for too long")
        shop.world.calm.burst(again)
        assert shop.world.order(order.order_id) == done

    def test_a_hold_stops_the_end_of_waiting(self, shop: Shop) -> None:
        shop.rest(cancel_after_days=2)
        order = shop.order(line("1", 3, sku=SKU))
        ask(shop.world.calm, order.order_id, PlaceHold(command_id="wait", hold_id="hld_1", kind="manual"))
        shop.world.clock += timedelta(days=3)
        again = {"order_id": order.order_id, "step": "promise", "cause": "look again"}
        shop.world.calm.burst(again)
        assert at(shop.world.order(order.order_id), Place.BACKORDERED) == 3
        ask(shop.world.calm, order.order_id, ReleaseHold(command_id="go on", hold_id="hld_1"))
        shop.world.calm.burst(again)
        assert at(shop.world.order(order.order_id), Place.CANCELLED) == 3

    def test_the_watchdog_sees_to_it_in_time(self, shop: Shop) -> None:
        shop.rest(short="backorder", cancel_after_days=2)
        order = shop.order(line("1", 3, sku=SKU))
        began = shop.world.now()
        shop.world.recover()
        while at(shop.world.order(order.order_id), Place.BACKORDERED) and shop.world.now() < began + timedelta(days=4):
            shop.world.recover()
        assert at(shop.world.order(order.order_id), Place.CANCELLED) == 3
        (at_,) = [each.at for each in shop.world.commits(order.order_id) if any(isinstance(e, LinesCancelled) for e in each.events)]  # fmt: skip  # noqa: E501
        assert began + timedelta(days=2) <= at_ <= began + timedelta(days=2, hours=2)

    def test_supply_on_the_last_day_still_ships(self, shop: Shop) -> None:
        shop.rest(short="backorder", cancel_after_days=2)
        order = shop.order(line("1", 3, sku=SKU))
        receive(shop.world, SKU, "WH1", 3)
        shop.world.clock += timedelta(days=5)
        shop.world.calm.burst({"order_id": order.order_id, "step": "promise", "cause": "late"})
        assert at(shop.world.order(order.order_id), Place.ALLOCATED) == 3
        assert isinstance(shop.last(order)[-1], LinesReserved)


class TestVersions:
    def test_each_save_is_a_version_and_the_newest_holds(self, shop: Shop) -> None:
        assert shown(shop.manage.show())["version"] == 0
        shop.rest({"policy": "nearest"})
        shop.rest({"policy": "balance"})
        assert shop.manage.show()["version"] == 2
        assert shop.manage.version(1)["document"]["rules"][0]["then"] == {"policy": "nearest"}
        assert "key" not in shown(shop.manage.show())
        with pytest.raises(PolicyVersionNotFoundError):
            shop.manage.version(3)

    def test_what_is_built_in_can_be_saved_as_it_is_shown(self, shop: Shop) -> None:
        done = shop.manage.save("k", shop.manage.show()["document"], 0, "admin")
        assert (done["version"], done["replayed"]) == (1, False)

    def test_a_key_saves_once(self, shop: Shop) -> None:
        document = shop.manage.show()["document"]
        shop.manage.save("k", document, 0, "admin")
        assert shop.manage.save("k", document, 0, "admin")["replayed"]
        with pytest.raises(IdempotencyKeyReusedError):
            shop.manage.save("k", {"rules": []}, 0, "admin")
        with pytest.raises(PolicyOutdatedError):
            shop.manage.save("other", document, 0, "admin")
        with pytest.raises(PolicyOutdatedError):
            shop.manage.save("other", document, 7, "admin")
        assert shop.manage.show()["version"] == 1

    def test_an_answer_that_was_lost_is_given_again(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        save = MemoryPolicies.save

        def lost(port: MemoryPolicies, name: str, saved: dict[str, Any]) -> None:
            save(port, name, saved)
            raise VersionConflictError("sent again by the client, it met itself")

        monkeypatch.setattr(MemoryPolicies, "save", lost)
        assert shop.manage.save("k", shop.manage.show()["document"], 0, "admin")["replayed"]

    def test_rolling_back_saves_the_old_document_as_the_newest(self, shop: Shop) -> None:
        shop.rest({"policy": "nearest"})
        shop.rest({"policy": "balance"})
        done = shop.manage.roll_back("back", 1, 2, "admin")
        assert (done["version"], done["rolled_back_to"]) == (3, 1)
        assert shop.manage.show()["document"] == shop.manage.version(1)["document"]
        assert shop.manage.roll_back("back", 1, 2, "admin")["replayed"]
        with pytest.raises(PolicyVersionNotFoundError):
            shop.manage.roll_back("back", 9, 3, "admin")

    def test_a_document_with_problems_is_not_saved(self, shop: Shop) -> None:
        with pytest.raises(InvalidPolicyError) as refused:
            shop.rules({"name": "rest", "then": {"policy": "nearest", "nodes": ["moon"]}})
        problems: Any = refused.value.context["problems"]
        (problem,) = problems
        assert problem == {
            "code": "no_node", "rules": ["rest"], "at": "then.nodes", "message": "there is no node moon",
        }  # fmt: skip
        shop.node("WH1", active=False)
        with pytest.raises(InvalidPolicyError):
            shop.rules({"name": "rest", "then": {"policy": "nearest", "nodes": ["WH1"]}})
        many = {"name": "a", "when": {"skus": [f"{n:0200}" for n in range(900)]}, "then": {"policy": "nearest"}}
        with pytest.raises(InvalidPolicyError):
            shop.rules(many, {"name": "rest", "then": {"policy": "nearest"}})
        with pytest.raises(InvalidPolicyError) as refused:
            shop.rules(*({"name": f"r{n}", "what": 1, "then": {}} for n in range(90)))
        assert (len(refused.value.context["problems"]), refused.value.context["more"]) == (200, 69)  # type: ignore[arg-type]
        assert shop.manage.show()["version"] == 0


class TestDecisions:
    def test_an_order_names_the_version_it_was_decided_by(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 5)
        shop.rest({"policy": "nearest"})
        order = shop.order(line("1", 1, sku=SKU))
        shop.rest({"policy": "cheapest"})
        told = shop.decision(order)
        assert (told["decision"]["rules"], told["recomputed"]) == (1, "same")
        assert told["commit"] == 2

    def test_what_was_not_kept_is_said(self, shop: Shop) -> None:
        receive(shop.world, SKU, "WH1", 5)
        row = dict(shop.reference.node_rows()[0], handling_days=7)
        shop.reference.put("node", row["node_id"], row)  # and nobody keeps the network
        order = shop.order(line("1", 1, sku=SKU))
        assert (shop.decision(order)["recomputed"], shop.decision(order)["explained"]) == ("not_kept", "")
        shop.reference.keep_network()
        assert shop.decision(order)["recomputed"] == "same"

    def test_what_does_not_follow_is_said(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        receive(shop.world, SKU, "WH1", 5)
        receive(shop.world, SKU, "WH2", 5)
        order = shop.order(line("1", 1, sku=SKU))
        (event,) = [each for each in shop.last(order) if isinstance(each, LinesReserved)]
        monkeypatch.setitem(event.decision, "have", {"WH2": [5]})
        assert shop.decision(order)["recomputed"] == "different"
        monkeypatch.setitem(event.decision, "have", {"WH1": [5, 5]})
        assert shop.decision(order)["recomputed"] == "not_kept"

    def test_an_order_that_there_is_not(self, shop: Shop) -> None:
        with pytest.raises(OrderNotFoundError):
            shop.show("ord_none")

    def test_an_order_that_nobody_sourced_has_none(self, shop: Shop) -> None:
        order = take_in(shop.world.calm, paid(site_order("k", line("1", 1, sku=SKU))), "w")
        assert shop.show(order.order_id) == []
