"""Stories of what goes wrong by itself: inputs that come too early, outages, lost starts, a stream that gives up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from oms.adapters.compact import pack
from oms.domain import ids
from oms.entrypoints import wiring
from tests.proof.sweep.people import (
    EAST,
    MAIN,
    Api,
    Console,
    cancel,
    hold,
    parked,
    pay,
    place,
    scan,
    ship,
    site,
    spread,
    work,
)

if TYPE_CHECKING:
    from tests.proof.sweep.world import World

BIG = "x" * 950_000
"""What makes a message too large for its queue."""


def replayed_by_api(w: World) -> None:
    """See `_replayed`."""
    _replayed(w, Api(w))


def replayed_at_the_console(w: World) -> None:
    """See `_replayed`."""
    _replayed(w, Console(w))


def _replayed(w: World, by: Api | Console) -> None:
    """One of each kind of input is parked; what it lacked is mended; a person tries it again."""
    w.product("SCARF-WOOL", "BOTTLE-750", "TEE-WHT-M")
    w.receive("opening", SCARF_WOOL=(MAIN, 5), BOTTLE_750=(MAIN, 5))
    w.deliver("shopify", "11")
    w.disconnect("tiktok-shop/main")
    w.deliver("tiktok-shop", "01")
    w.settle()
    w.connect()
    for parked_id in parked(w):
        assert by.replay(parked_id) in (200, 404, 422)  # 404: an answer was lost, and it is there no longer
    w.settle()
    w.deliver("shopify", "07")
    w.settle()
    with w.outage("dynamodb.Query"):
        w.deliver("shopify", "08")
        w.settle()
    for parked_id in parked(w):
        assert by.replay(parked_id) in (200, 422, 404)
    w.settle()


def hot_position_replayed_by_api(w: World) -> None:
    """See `_hot`."""
    _hot(w, Api(w))


def hot_position_replayed_at_the_console(w: World) -> None:
    """See `_hot`."""
    _hot(w, Console(w))


def _hot(w: World, by: Api | Console) -> None:
    """A cancellation that frees units of positions of several rows is parked, and a person tries it again."""
    w.product("SCARF-WOOL", "BOTTLE-750")
    w.receive("opening", SCARF_WOOL=(MAIN, 40), BOTTLE_750=(MAIN, 40))
    spread(w, "SCARF-WOOL", "BOTTLE-750")
    w.deliver("shopify", "07")
    w.settle()
    with w.outage("dynamodb.Query"):
        w.deliver("shopify", "08")
        w.settle()
    for parked_id in parked(w):
        assert by.replay(parked_id) in (200, 404)
    w.settle()


def scans_and_refunds_replayed_by_api(w: World) -> None:
    """See `_late`."""
    _late(w, Api(w))


def scans_and_refunds_replayed_at_the_console(w: World) -> None:
    """See `_late`."""
    _late(w, Console(w))


def _late(w: World, by: Api | Console) -> None:
    """A scan and a refund come so long before what they speak of that both are parked; a person replays them."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    scan(w, "EZ1", "02")
    payment = pay(w, 1000, capture_method="automatic")
    w.vendors.post("/v1/refunds", {"payment_intent": payment["reference"], "amount": "400"})
    w.settle()
    place(w, "s-1", {"MUG-01": 1}, payment)
    w.settle()
    ship(w, work(w, MAIN), "EZ1")
    w.settle()
    for parked_id in parked(w):
        assert by.replay(parked_id) in (200, 404)
    scan(w, "EZ1", "02", created_at="2026-11-24T21:00:00Z", id="evt_again")
    w.settle()


def waited_for(w: World) -> None:
    """The watchdog replays what was parked, when what it waited for has come; one waits in vain."""
    w.product("TEE-BLK-M", "MUG-01")
    w.receive("opening", TEE_BLK_M=(EAST, 5), MUG_01=(EAST, 5))
    w.deliver("shopify", "09")
    scan(w, "EZ1", "02")
    scan(w, "EZ2", "04")
    payment = pay(w, 1000, capture_method="automatic")
    w.vendors.post("/v1/refunds", {"payment_intent": payment["reference"], "amount": "400"})
    w.settle()
    w.deliver("shopify", "01")
    place(w, "s-1", {"MUG-01": 1}, payment)
    w.settle()
    w.watch(timedelta(minutes=6))
    ship(w, work(w, EAST), "EZ1")
    w.settle()
    w.watch(timedelta(minutes=6))


def large_bodies(w: World) -> None:
    """Bodies that no queue takes, of a channel, a carrier and a provider; one of them comes too early and is parked."""
    w.product("TEE-BLK-M", "MUG-01")
    w.receive("opening", TEE_BLK_M=(EAST, 5), MUG_01=(EAST, 5))
    w.deliver("shopify", "01", padding=BIG)
    scan(w, "EZ1", "02", padding=BIG)
    w.settle()
    ship(w, work(w, EAST), "EZ1")
    w.settle()
    w.watch(timedelta(minutes=6))
    scan(w, "EZ1", "04", padding=BIG)
    payment = pay(w, 1000)
    source, event = w.vendors.untold.pop()
    w.vendors.untold.append((source, {**event, "padding": BIG}))
    w.settle()
    place(w, "s-1", {"MUG-01": 1}, payment)
    w.settle()


def dead_letters(w: World) -> None:
    """The tables answer nobody for as long as messages are tried: they are parked, small and large, and replayed."""
    w.product("TEE-BLK-M", "MUG-01")
    w.receive("opening", TEE_BLK_M=(EAST, 5), MUG_01=(EAST, 5))
    with w.outage("dynamodb.Query"):
        w.deliver("shopify", "01", padding=BIG)
        w.deliver("amazon", "03")
        w.settle()
    for parked_id in parked(w):
        assert Api(w).replay(parked_id) in (200, 404)
    w.settle()


def relay_again_by_api(w: World) -> None:
    """See `_relay_again`."""
    _relay_again(w, Api(w))


def relay_again_at_the_console(w: World) -> None:
    """See `_relay_again`."""
    _relay_again(w, Console(w))


def _relay_again(w: World, by: Api | Console) -> None:
    """The bus is down: commits go round by the retry queue, then to quarantine, and are relayed at last."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    w.settle()
    with w.outage("events.PutEvents"):
        place(w, "s-1", {"MUG-01": 1})
        w.drain()
    w.settle()
    with w.outage("events.PutEvents"):
        cancel(w, site("s-1"), "cancel")
        w.settle()
    for parked_id in parked(w):
        assert by.replay(parked_id) in (200, 404)
    w.settle()


def stream_gives_up(w: World) -> None:
    """A batch of the stream is never taken: its commits are read back and relayed from the log."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    w.settle()
    place(w, "s-1", {"MUG-01": 1})
    place(w, "s-2", {"MUG-01": 1})
    w.stream.give_up()
    w.settle()


def lost_starts(w: World) -> None:
    """Executions that die before their first step: the watchdog starts them, and tells a person when that is no use."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    place(w, "s-1", {"MUG-01": 1}, pay(w, 1000))
    w.drain_stream()
    w.executions.clear()
    w.watch(timedelta(minutes=3))
    ship(w, work(w, MAIN), "EZ1")
    w.drain_stream()
    w.executions.clear()
    w.watch(timedelta(minutes=3))
    w.watch(timedelta(days=9))


def missed_commits(w: World) -> None:
    """Commits that the views never heard of: the watchdog finds them in the log."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    for key in ("s-1", "s-2"):
        place(w, key, {"MUG-01": 1})
        w.drain_stream()
        w.executions.clear()
    hold_id = hold(w, site("s-1"), "hold")
    cancel(w, site("s-2"), "cancel")
    w.stream.lose()
    w.watch(timedelta(minutes=3))
    w.post(f"/orders/{site('s-1')}/holds/{hold_id}/release", key="release", role="service")
    w.settle()


def unreadable_order(w: World) -> None:
    """A commit that today's code cannot read: a person is told, and other orders are driven."""
    w.product("MUG-01")
    w.receive("opening", MUG_01=(MAIN, 5))
    place(w, "s-1", {"MUG-01": 1})
    place(w, "s-2", {"MUG-01": 1})
    w.drain_stream()
    w.executions.clear()
    table, pk = w.cloud.names["EventsTable"], f"order#{ids.order_id('site', 'main', 's-1')}"
    item = wiring.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": pk}, "sk": {"S": "c#00000001"}})["Item"]
    poison = {**item, "z": {"B": pack({"ev": [{"type": "FromTheFuture", "v": 1}]})}}
    wiring.client("dynamodb").put_item(TableName=table, Item=poison)
    w.watch(timedelta(minutes=3))
    wiring.client("dynamodb").put_item(TableName=table, Item=item)
    for parked_id in parked(w):  # what could not be relayed meanwhile: mended now, and replayed by a person
        stream = w.get(f"/quarantine/{parked_id}", role="service")["message"]["pk"]
        w.shown.add((stream.removeprefix("order#"), "unreadable"))
        assert Api(w).replay(parked_id) in (200, 404)
    w.watch(timedelta(hours=7))  # longer than the watchdog's longest wait, whatever went wrong before
