"""Races for money."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from oms.domain.errors import UpstreamRefusedError
from oms.domain.order.ledger import Place
from oms.domain.order.state import RefundStatus
from tests.proof.interleave import guards
from tests.proof.interleave.kernel import Worker
from tests.proof.interleave.scenario import Scenario
from tests.proof.interleave.story import (
    SKU,
    api,
    ask,
    at,
    cancel,
    events_of,
    expect,
    intent_event,
    moved,
    placed_on_card,
    placed_on_two_cards,
    receive,
    refund,
    refund_event,
    refusal,
    ship,
    site_id,
    workflow,
)
from tests.proof.interleave.world import webhook
from tests.proof.memory.payments import EXTENDED_UNTIL
from tests.support.builders import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.order.state import Order
    from tests.proof.interleave.kernel import Ended
    from tests.proof.interleave.world import World

ORDER: Final = site_id("K1")
CARD: Final = "pi_1"


def _authorized(world: World) -> None:
    receive(world, SKU, "WH1", 2)
    placed_on_card(world, line(quantity=2))


def _shipped(world: World) -> None:
    """Two units in two parcels of 10.00, not yet captured."""
    _authorized(world)
    world.drive(ORDER)
    for key in ("1", "2"):
        ask(world.calm, ORDER, ship(ORDER, key, {"1": 1}))


def _captured(world: World) -> None:
    """... and captured."""
    _shipped(world)
    world.drive(ORDER)


def _refund_asked(world: World) -> None:
    """... and 6.00 of it to be given back."""
    _captured(world)
    ask(world.calm, ORDER, refund(ORDER, "R1", 600))


# capture-twice


def _two_runs(world: World) -> list[Worker]:
    return [workflow(world, "workflow", ORDER, "settle"), workflow(world, "watchdog's", ORDER, "settle")]


def _taken_once(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    expect("I5", moved(world, "capture") == [1000, 1000], f"captured {moved(world, 'capture')}")
    expect("I4", len(orders[ORDER].payment.captures) == 2, f"{orders[ORDER].payment.captures}")


# refund-refund


def _two_refunds(world: World) -> list[Worker]:
    return [
        api(world, "service", ORDER, refund(ORDER, "R1", 1200)),
        api(world, "finance", ORDER, refund(ORDER, "R2", 1200)),
        workflow(world, "workflow", ORDER, "settle"),
    ]


def _one_refund(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    expect("I2", moved(world, "refund") == [1200], f"given back: {moved(world, 'refund')}")
    told = sorted(refusal(ended, name) for name in ("service", "finance"))
    expect("I2", told == ["", "RefundExceedsCapturedError"], f"they were told {told}")
    states = [each.status for each in orders[ORDER].payment.refunds.values()]
    expect("I8", states == [RefundStatus.SUCCEEDED], f"{states}")


# refund-webhook


def _refund_told(world: World, name: str, event_id: str) -> Worker:
    """The provider tells of its refund, once there is one."""

    def body(_try: int, last: bool) -> object:  # noqa: FBT001
        made = world.store.payments[CARD].refunds[-1]
        told = made if world.without.own_ids else replace(made, our_refund_id="")
        return world.racing.take(webhook({**refund_event(CARD, told, ORDER), "id": event_id}), last_try=last)

    return Worker(name=name, body=body, when=lambda: bool(world.store.payments[CARD].refunds))


def _refund_and_webhooks(world: World) -> list[Worker]:
    return [
        workflow(world, "workflow", ORDER, "settle"),
        _refund_told(world, "refund.created", "evt_1"),
        _refund_told(world, "refund.updated", "evt_2"),
    ]


def _known_once(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    known = [(each.amount, each.status) for each in orders[ORDER].payment.refunds.values()]
    expect("I5", known == [(600, RefundStatus.SUCCEEDED)], f"{known}")
    expect("I5", moved(world, "refund") == [600], f"given back: {moved(world, 'refund')}")


# expiry-confirm: the card's authorization ends while the promise is being made on it


def _ends(world: World) -> Worker:
    def body(_try: int, last: bool) -> object:  # noqa: FBT001
        world.racing.payments.expire(CARD)
        told = intent_event("evt_9", "canceled", CARD, ORDER, amount=2000, cancellation_reason="automatic")
        return world.racing.take(webhook(told), last_try=last)

    return Worker(name="provider", body=body)


def _expiry(world: World) -> list[Worker]:
    return [workflow(world, "workflow", ORDER), workflow(world, "watchdog's", ORDER), _ends(world)]


def _nothing_on_dead_money(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    order = orders[ORDER]
    names = [type(each).__name__ for each in events_of(world, ORDER)]
    gone = names.index("PaymentVoided") if "PaymentVoided" in names else -1
    expect("I4", gone >= 0 or order.payment.declined != "", f"nobody knows that the money is gone: {names}")
    expect("I2", "LinesReserved" not in names[gone:] if gone >= 0 else True, f"promised on money that is gone: {names}")
    expect("I5", names.count("LinesReserved") <= 1 and at(order, Place.ALLOCATED) in (0, 2), f"{names}")


# void-capture: an order is cancelled while its provider captures by itself


def _cancelled(world: World) -> None:
    _authorized(world)
    ask(world.calm, ORDER, cancel(ORDER, "all"))


def _takes(world: World) -> Worker:
    def body(_try: int, last: bool) -> object:  # noqa: FBT001
        try:
            world.racing.payments.capture(CARD, 2000, "EUR", "auto", final=True, metadata={})
        except UpstreamRefusedError:
            return "let go before"
        told = intent_event("evt_8", "succeeded", CARD, ORDER, amount_received=2000)
        return world.racing.take(webhook(told), last_try=last)

    return Worker(name="provider", body=body)


def _void_and_capture(world: World) -> list[Worker]:
    return [workflow(world, "workflow", ORDER, "settle"), workflow(world, "watchdog's", ORDER, "settle"), _takes(world)]


def _nothing_kept(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    taken, given = sum(moved(world, "capture")), sum(moved(world, "refund"))
    expect("I2", taken == given, f"{taken} taken and {given} given back for a cancelled order")
    expect("I2", world.store.payments[CARD].capturable == 0, "the card still holds the money")
    expect("I2", orders[ORDER].payment.voided == (taken == 0), f"{orders[ORDER].payment}")


# refund-refund-two-tenders


def _on_two_cards(world: World) -> None:
    """Two units, 8.00 on one card and 12.00 on another, shipped in one parcel and captured of both."""
    receive(world, SKU, "WH1", 2)
    placed_on_two_cards(world, line(quantity=2), first=800)
    world.drive(ORDER)
    ask(world.calm, ORDER, ship(ORDER, "1", {"1": 2}))
    world.drive(ORDER)


def _two_refunds_of_parts(world: World) -> list[Worker]:
    return [
        api(world, "service", ORDER, refund(ORDER, "R1", 1100)),
        api(world, "finance", ORDER, refund(ORDER, "R2", 1100)),
        workflow(world, "workflow", ORDER, "settle"),
    ]


def _one_refund_in_parts(world: World, orders: Mapping[str, Order], ended: Mapping[str, Ended]) -> None:
    given = sorted((each.payment_ref, each.amount) for each in world.store.effects.values() if each.kind == "refund")
    expect("I2", given == [("pi_1", 800), ("pi_2", 300)], f"given back: {given}")
    told = sorted(refusal(ended, name) for name in ("service", "finance"))
    expect("I2", told == ["", "RefundExceedsCapturedError"], f"they were told {told}")
    states = [each.status for each in orders[ORDER].payment.refunds.values()]
    expect("I8", states == [RefundStatus.SUCCEEDED] * 2, f"{states}")


# capture-renew: an authorization is held longer while a part of it is captured


def _ends_soon(world: World) -> None:
    """Two units at one node, one of them in a parcel; the authorization ends within a day."""
    _authorized(world)
    world.drive(ORDER)
    ask(world.calm, ORDER, ship(ORDER, "1", {"1": 1}))
    world.clock += timedelta(days=6, hours=12)


def _renewals(world: World) -> list[Worker]:
    return [workflow(world, "workflow", ORDER, "settle"), workflow(world, "watchdog's", ORDER, "settle")]


def _captured_and_renewed_once(world: World, orders: Mapping[str, Order], _ended: Mapping[str, Ended]) -> None:
    (tender,) = orders[ORDER].payment.tenders
    expect("I5", moved(world, "capture") == [1000], f"captured {moved(world, 'capture')}")
    expect("I5", len(moved(world, "extend")) <= 1, f"extended {moved(world, 'extend')}")
    extended = [each for each in events_of(world, ORDER) if type(each).__name__ == "AuthorizationExtended"]
    expect("I5", len(extended) == 1, f"{tender}")
    expect("I8", tender.expires_at == EXTENDED_UNTIL, f"{tender}")


SCENARIOS: Final = (
    Scenario(
        name="refund-refund-two-tenders",
        about="Two people each give back more than half of what two cards paid.",
        prelude=_on_two_cards,
        workers=_two_refunds_of_parts,
        expect=_one_refund_in_parts,
        guard="condition on the commit number: whose the parts are is decided on all refunds before",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="capture-renew",
        about="Two runs capture a part of an authorization that ends within a day, and have the rest held longer.",
        prelude=_ends_soon,
        workers=_renewals,
        expect=_captured_and_renewed_once,
        guard="idempotency keys of the capture and of the renewal",
        without=guards.no_provider_keys,
    ),
    Scenario(
        name="capture-twice",
        about="Two runs of the workflow capture what two parcels are worth.",
        prelude=_shipped,
        workers=_two_runs,
        expect=_taken_once,
        guard="idempotency key of the capture, made of the shipment",
        without=guards.no_provider_keys,
    ),
    Scenario(
        name="refund-refund",
        about="Two people each give back more than half.",
        prelude=_captured,
        workers=_two_refunds,
        expect=_one_refund,
        guard="condition on the commit number: a refund is decided on all refunds before it",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="refund-webhook",
        about="The provider tells twice of a refund that the workflow is making.",
        prelude=_refund_asked,
        workers=_refund_and_webhooks,
        expect=_known_once,
        guard="our id of the refund, carried by the provider's event",
        without=guards.anonymous_refunds,
    ),
    Scenario(
        name="expiry-confirm",
        about="A card's authorization ends while two runs promise on it. What ends of stock is in `hold-claim-expire`.",
        prelude=_authorized,
        workers=_expiry,
        expect=_nothing_on_dead_money,
        guard="condition on the commit number: the promise is decided on the payment as the log has it",
        without=guards.no_commit_condition,
    ),
    Scenario(
        name="void-capture",
        about="A cancelled order's authorization is let go while its provider captures by itself.",
        prelude=_cancelled,
        workers=_void_and_capture,
        expect=_nothing_kept,
        guard="condition on the commit number",
        without=guards.no_commit_condition,
    ),
)
