"""Holds of orders: what applies to each kind, who may release one, and what happens when nobody decides in time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from oms.application.order_holds import HoldAsked, PlaceOrderHold
from oms.domain import ids
from oms.domain.errors import HoldApprovalError, InvalidInputError
from oms.domain.hold_kinds import BUILT_IN, read_kinds
from oms.domain.order import commands as cmd
from oms.domain.order import events as ev
from oms.domain.order.events import OnExpiry
from oms.domain.order.holding_back import due_holds, hold_expiry
from oms.domain.order.ledger import Place
from oms.domain.order.status import Stage, stage, units_at
from oms.domain.order.summary import due_at, is_patient, wake_at
from oms.domain.stock import MAX_POSITIONS
from tests.proof.interleave.story import SKU, ask, receive
from tests.proof.interleave.world import cause
from tests.support.builders import Story, line, minutes
from tests.unit.test_sourcing_applied import Shop

if TYPE_CHECKING:
    from oms.domain.order.state import Order


def held(story: Story, *lines: str, at: int | None = 10, **changes: Any) -> str:
    hold_id = f"hld_{story.count}"
    expires_at = None if at is None else minutes(at)
    story.do(
        cmd.PlaceHold(
            command_id=story.id("hold"), hold_id=hold_id, kind="payment", lines=lines, expires_at=expires_at, **changes
        )
    )
    return hold_id


def expire(story: Story, hold_id: str, at: int = 10) -> tuple[ev.OrderEvent, ...]:
    return story.do(cmd.ExpireHold(command_id=story.id("expire"), hold_id=hold_id, at=minutes(at)))


class TestWhenNobodyDecides:
    def test_nothing_happens_before_its_time(self, story: Story) -> None:
        story.place(line())
        hold_id = held(story, on_expiry=OnExpiry.RELEASE)
        assert expire(story, hold_id, 9) == ()
        assert expire(story, "another") == ()
        assert story.order.holds[hold_id].active

    def test_the_order_goes_on(self, story: Story) -> None:
        story.place(line())
        hold_id = held(story, on_expiry=OnExpiry.RELEASE)
        assert expire(story, hold_id) == (ev.HoldReleased(hold_id=hold_id, reason="expired"),)
        assert expire(story, hold_id, 11) == ()
        assert not story.order.active_holds

    def test_a_person_is_told_once_and_it_stays(self, story: Story) -> None:
        story.place(line())
        hold_id = held(story, on_expiry=OnExpiry.ESCALATE)
        assert expire(story, hold_id) == (ev.HoldEscalated(hold_id=hold_id),)
        assert expire(story, hold_id, 11) == ()
        assert story.order.holds[hold_id].active
        assert hold_expiry(story.order) is None
        assert story.release(hold_id) == (ev.HoldReleased(hold_id=hold_id),)

    def test_what_it_stopped_is_cancelled_and_nothing_else(self, story: Story) -> None:
        story.place(line("1", 2), line("2", 1))
        hold_id = held(story, "1", on_expiry=OnExpiry.CANCEL)
        cancelled, released = expire(story, hold_id)
        assert isinstance(cancelled, ev.LinesCancelled)
        assert [(each.line_id, each.quantity) for each in cancelled.lines] == [("1", 2)]
        assert (cancelled.reason, released) == ("payment", ev.HoldReleased(hold_id=hold_id, reason="expired"))
        assert story.order.lines["2"].ledger.open == 1

    def test_the_whole_order_is_cancelled_and_bound_stock_comes_back(self, story: Story) -> None:
        story.place(line("1", 2))
        story.promise({"WH1": {"1": 2}})
        hold_id = held(story, on_expiry=OnExpiry.CANCEL)
        expire(story, hold_id)
        assert stage(story.order) is Stage.CANCELLED
        assert not story.order.active_holds
        assert story.stock.of[SKU, "WH1"].reserved == 0

    def test_of_what_has_left_nothing_is_cancelled(self, story: Story) -> None:
        story.place(line("1", 2))
        story.promise({"WH1": {"1": 2}})
        story.ship({"1": 2})
        hold_id = held(story, on_expiry=OnExpiry.CANCEL)
        assert expire(story, hold_id) == (ev.HoldReleased(hold_id=hold_id, reason="expired"),)

    def test_what_one_transaction_cannot_free_is_cancelled_by_the_next(self, story: Story) -> None:
        count = MAX_POSITIONS + 1
        story.place(*(line(str(n), 1, sku=f"S{n}") for n in range(count)))
        lines = [str(n) for n in range(count)]
        story.promise({"WH1": dict.fromkeys(lines[:60], 1)})
        story.promise({"WH1": dict.fromkeys(lines[60:], 1)})
        hold_id = held(story, *lines, on_expiry=OnExpiry.CANCEL)
        assert not any(isinstance(each, ev.HoldReleased) for each in expire(story, hold_id))
        assert units_at(story.order, Place.ALLOCATED) == 1
        assert isinstance(expire(story, hold_id)[-1], ev.HoldReleased)
        assert stage(story.order) is Stage.CANCELLED

    def test_an_order_that_is_being_cancelled_goes_on_being_cancelled(self, story: Story) -> None:
        count = MAX_POSITIONS + 1
        story.place(*(line(str(n), 1, sku=f"S{n}") for n in range(count)))
        lines = [str(n) for n in range(count)]
        story.promise({"WH1": dict.fromkeys(lines[:60], 1)})
        story.promise({"WH1": dict.fromkeys(lines[60:], 1)})
        hold_id, other = held(story, on_expiry=OnExpiry.CANCEL), held(story, "0", on_expiry=OnExpiry.CANCEL)
        expire(story, hold_id)
        assert story.order.cancelling is not None
        assert expire(story, other) == (ev.HoldReleased(hold_id=other, reason="expired"),)
        story.do(cmd.CancelRest(command_id=story.id("rest")))
        assert stage(story.order) is Stage.CANCELLED


class TestWhenItIsSeen:
    def test_the_next_of_several(self, story: Story) -> None:
        story.place(line("1"), line("2"))
        for at, lines in ((30, ("1",)), (20, ("2",)), (None, ())):
            held(story, *lines, at=at, on_expiry=OnExpiry.RELEASE)
        assert hold_expiry(story.order) == minutes(20)
        assert due_at(story.order, minutes(5)) == wake_at(story.order, minutes(5)) == minutes(20)
        assert due_at(story.order, minutes(25)) == minutes(25)
        assert [hold.expires_at for hold in due_holds(story.order, minutes(25))] == [minutes(20)]

    def test_an_order_at_its_warehouse_is_looked_at_when_its_hold_ends(self, story: Story) -> None:
        story.place(line("1", 2))
        story.promise({"WH1": {"1": 2}})
        assert is_patient(story.order)
        held(story, on_expiry=OnExpiry.RELEASE)
        assert not is_patient(story.order)


class TestWhoMayReleaseIt:
    def release(self, story: Story, hold_id: str, role: str, by: str = "") -> tuple[ev.OrderEvent, ...]:
        command = cmd.ReleaseHold(command_id=story.id("release"), hold_id=hold_id, reason="paid", role=role, by=by)
        return story.do(command)

    def test_a_role_that_its_kind_names_or_an_admin(self, story: Story) -> None:
        story.place(line())
        hold_id = held(story, release_by=("finance",))
        with pytest.raises(HoldApprovalError):
            self.release(story, hold_id, "sales")
        assert self.release(story, hold_id, "finance") == (ev.HoldReleased(hold_id=hold_id, reason="paid"),)
        again = held(story, release_by=("finance",))
        assert self.release(story, again, "admin")

    @pytest.mark.parametrize("by", ["", "stf_1"])
    def test_somebody_else_than_who_placed_it(self, story: Story, by: str) -> None:
        story.place(line())
        hold_id = held(story, second_person=True, by="stf_1")
        with pytest.raises(HoldApprovalError):
            self.release(story, hold_id, "admin", by)
        self.release(story, hold_id, "sales", "stf_2")
        known = story.order.holds[hold_id]
        assert (known.active, known.by, known.released_by, known.release_reason) == (False, "stf_1", "stf_2", "paid")


class TestKinds:
    def test_those_of_the_policy_count_before_the_built_in_ones(self) -> None:
        kinds = read_kinds({"kinds": {"fraud": {}, "gift": {"expires_in": 60, "on_expiry": "release"}}})
        assert kinds["fraud"].lasts is None
        assert (kinds["gift"].lasts, kinds["gift"].on_expiry) == (timedelta(minutes=1), OnExpiry.RELEASE)
        assert kinds["address"] == BUILT_IN["address"]
        assert read_kinds({}) == BUILT_IN


def placed(shop: Shop, order: Order, key: str = "k", **asked: Any) -> Any:
    use = PlaceOrderHold(shop.world.calm.orders, shop.reference, shop.world.now)
    return use(order.order_id, key, HoldAsked(**asked), cause(key, "api"))


@pytest.fixture
def shop() -> Shop:
    made = Shop()
    receive(made.world, SKU, "WH1", 5)
    return made


def relayed(shop: Shop, order: Order) -> None:
    for commit in shop.world.commits(order.order_id):
        shop.world.calm.project(commit)


class TestPlacedByPeople:
    def test_what_is_left_out_the_kind_says(self, shop: Shop) -> None:
        order = shop.order(line())
        (hold,) = placed(shop, order, kind="payment", by="stf_1").order.active_holds
        assert (hold.expires_at, hold.on_expiry) == (shop.world.now() + timedelta(days=3), OnExpiry.ESCALATE)
        asked = {"expires_in": timedelta(hours=1), "on_expiry": OnExpiry.CANCEL}
        *_, other = placed(shop, order, "k2", kind="payment", **asked).order.active_holds
        assert (other.expires_at, other.on_expiry) == (shop.world.now() + timedelta(hours=1), OnExpiry.CANCEL)

    def test_asked_again_later_it_is_the_same_hold(self, shop: Shop) -> None:
        order = shop.order(line())
        until = shop.world.now() + timedelta(minutes=1)
        first = placed(shop, order, kind="payment", expires_at=until)
        shop.world.clock += timedelta(hours=1)
        assert placed(shop, order, kind="payment", expires_at=until).order == first.order

    @pytest.mark.parametrize("asked", [{"kind": "whim"}, {"lines": ("9",)}, {"expires_at": minutes(-1)}])
    def test_what_does_not_fit_is_refused(self, shop: Shop, asked: dict[str, Any]) -> None:
        order = shop.order(line())
        with pytest.raises(InvalidInputError):
            placed(shop, order, **({"kind": "payment"} | asked))


class TestTheWatchdog:
    @pytest.mark.parametrize(
        ("on_expiry", "then"),
        [(OnExpiry.RELEASE, Stage.RELEASED), (OnExpiry.CANCEL, Stage.CANCELLED), (OnExpiry.ESCALATE, Stage.ON_HOLD)],
    )
    def test_it_ends_what_is_over_once(self, shop: Shop, on_expiry: OnExpiry, then: Stage) -> None:
        order = shop.order(line())
        placed(shop, order, kind="payment", expires_in=timedelta(minutes=5), on_expiry=on_expiry)
        relayed(shop, order)
        assert shop.world.calm.watchdog()["expired"] == 0
        shop.world.clock += timedelta(minutes=5)
        assert shop.world.calm.watchdog()["expired"] == 1
        number = len(shop.world.commits(order.order_id))
        relayed(shop, order)
        assert shop.world.calm.watchdog()["expired"] == 0
        assert len(shop.world.commits(order.order_id)) == number
        assert stage(shop.world.calm.orders.get(order.order_id)) is then
        alerts, _ = shop.world.calm.views.list_rows("alert", 10, "")
        assert [row["kind"] for row in alerts] == (["hold_overdue"] if on_expiry is OnExpiry.ESCALATE else [])

    def test_several_end_one_by_one(self, shop: Shop) -> None:
        order = shop.order(line("1"), line("2"))
        for key, name in (("a", "1"), ("b", "2")):
            asked = {"expires_in": timedelta(minutes=5), "on_expiry": OnExpiry.CANCEL}
            placed(shop, order, key, kind="payment", lines=(name,), **asked)
        shop.world.clock += timedelta(minutes=6)
        for _ in range(2):
            relayed(shop, order)
            shop.world.calm.watchdog()
        assert stage(shop.world.calm.orders.get(order.order_id)) is Stage.CANCELLED

    def test_a_person_who_was_first_has_decided(self, shop: Shop) -> None:
        order = shop.order(line())
        placed(shop, order, kind="payment", expires_in=timedelta(minutes=5), on_expiry=OnExpiry.CANCEL)
        relayed(shop, order)
        shop.world.clock += timedelta(minutes=5)
        (hold,) = shop.world.calm.orders.get(order.order_id).active_holds
        ask(shop.world.calm, order.order_id, cmd.ReleaseHold(command_id=ids.command_id("r"), hold_id=hold.hold_id))
        shop.world.calm.watchdog()
        assert stage(shop.world.calm.orders.get(order.order_id)) is Stage.RELEASED
