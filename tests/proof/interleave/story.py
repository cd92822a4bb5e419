"""What scenarios are told in: goods received, orders placed, deliveries as senders make them, and small questions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from oms.domain import ids
from oms.domain.canonical import CanonicalOrder, Contact, Normalized
from oms.domain.movements import MovementKind
from oms.domain.order import commands as cmd
from oms.domain.order.events import PaymentPlan
from oms.domain.order.payment_facts import Tender
from oms.domain.order.status import units_at
from oms.domain.stock import StockDelta, StockMovement
from tests.proof.interleave.checks import must
from tests.proof.interleave.kernel import Worker
from tests.proof.interleave.world import World, cause, webhook
from tests.support.builders import paid, snapshot, units_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from oms.domain.order.commands import Command
    from oms.domain.order.ledger import Place
    from oms.domain.order.state import Order
    from oms.domain.payments import RefundResult
    from tests.proof.interleave.kernel import Ended
    from tests.proof.interleave.world import Uses

SKU: Final = "SKU-1"
WEB: Final = ids.order_id("shopify", "shop-1", "1001")
"""The order that a channel's snapshots speak of."""
CARD: Final = PaymentPlan(provider="stripe", reference="pi_1")


def receive(world: World, sku: str, node: str, units: int, key: str = "") -> None:
    """Goods came in."""
    moved = StockMovement(sku=sku, node_id=node, kind=MovementKind.RECEIPT, quantity=units)
    world.calm.move(key or f"receipt {sku} {node}", [moved], cause("goods in", "api"))


def take_in(uses: Uses, order: CanonicalOrder, ref: str, email: str = "") -> Order:
    """A channel's snapshot, without personal data but this e-mail address."""
    return uses.sync(Normalized(order=order, contact=Contact(email=email)), cause(ref)).order


def site_order(key: str, *lines: Any, **changes: Any) -> CanonicalOrder:
    """An order of the merchant's own site."""
    fields = {"source": "site", "account": "main", "external_id": key, "number": key, **changes}
    return snapshot(*lines, **fields)


def site_id(key: str) -> str:
    """Its id."""
    return ids.order_id("site", "main", key)


def post(uses: Uses, order: CanonicalOrder, plan: PaymentPlan = CARD) -> Order:
    """`POST /orders`."""
    request_hash = f"hash of {order.external_id}"
    asked = cause(f"{request_hash}:{order.external_id}", "api")
    return uses.sync(Normalized(order=order, contact=Contact()), asked, plan, request_hash).order


def placed_on_card(world: World, *lines: Any, key: str = "K1", reference: str = "pi_1", **changes: Any) -> str:
    """A site order, its payment authorized at the provider; its id."""
    order = site_order(key, *lines, **changes)
    world.payments.open(reference, order.total)
    return post(world.calm, order, replace(CARD, reference=reference)).order_id


def placed_on_two_cards(world: World, *lines: Any, first: int, key: str = "K1") -> str:
    """A site order by two cards, `first` on pi_1 and the rest on pi_2; its id."""
    order = site_order(key, *lines)
    tenders = (
        Tender(provider="stripe", reference="pi_1", amount=first),
        Tender(provider="stripe", reference="pi_2", amount=order.total - first),
    )
    for each in tenders:
        world.payments.open(each.reference, each.amount)
    asked = cause(f"hash of {key}:{key}", "api")
    placed = Normalized(order=order, contact=Contact())
    return world.calm.sync(placed, asked, CARD, f"hash of {key}", tenders).order.order_id


def placed_in_channel(world: World, *lines: Any, number: str = "1001", **changes: Any) -> str:
    """A channel's order, paid there; its id."""
    order = paid(snapshot(*lines, external_id=number, number=f"#{number}", **changes))
    return take_in(world.calm, order, f"create {number}").order_id


def ask(uses: Uses, order_id: str, command: Command) -> Order:
    """A command over the API."""
    return uses.orders.execute(order_id, command, cause(command.command_id, "api")).order


def cancel(order_id: str, key: str, lines: Mapping[str, int] | None = None) -> Command:
    """Cancel units, all that can be when nothing is said."""
    return cmd.CancelLines(command_id=ids.command_id("cancel", order_id, key), reason=key, lines=units_of(lines or {}))


def work(order_id: str, number: int = 1) -> str:
    """The order's fulfillment order by its ordinal."""
    return ids.fulfillment_order_id(order_id, number)


def ship(order_id: str, key: str, lines: Mapping[str, int], number: int = 1) -> Command:
    """A parcel out of a fulfillment order."""
    parcel = cmd.ParcelToShip(carrier="dhl", tracking_number=f"T-{key}", lines=units_of(lines))
    return cmd.ShipFulfillmentOrder(
        command_id=ids.command_id("ship", order_id, key),
        fulfillment_order_id=work(order_id, number),
        parcels=(parcel,),
    )


def refund(order_id: str, key: str, amount: int) -> Command:
    """Money back."""
    return cmd.RequestRefund(command_id=ids.command_id("refund", order_id, key), reason=key, amount=amount)


def api(world: World, name: str, order_id: str, command: Command) -> Worker:
    """A client that repeats its request with the same key until it is answered."""
    return Worker(name=name, body=lambda _try, _last: ask(world.racing, order_id, command))


def workflow(
    world: World, name: str, order_id: str, step: str = "promise", when: Callable[[], bool] | None = None
) -> Worker:
    """An execution of the workflow, tried again by its own retries or by the watchdog."""
    payload = {"order_id": order_id, "step": step, "cause": name}
    return Worker(name=name, body=lambda _try, _last: world.racing.burst(payload), when=when)


def delivery(world: World, name: str, message: Mapping[str, Any], **fields: Any) -> Worker:
    """A message of a queue, parked on its last try."""
    return Worker(name=name, body=lambda _try, last: world.racing.take(message, last_try=last), **fields)


def shopify(topic: str, event: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A Shopify delivery."""
    headers = {"x-shopify-topic": topic, "x-shopify-event-id": event}
    return {**webhook(body, "shopify", **headers), "account": "shop-1"}


def shopify_order(updated: str, *, cancelled: bool = False, state: str = "paid") -> dict[str, Any]:
    """Order 1001 as Shopify words it: three units at 10.00."""
    item = {"id": 1, "sku": SKU, "quantity": 3, "price": "10.00", "requires_shipping": True}
    return {
        "id": 1001,
        "name": "#1001",
        "currency": "EUR",
        "created_at": "2026-03-01T12:00:00Z",
        "updated_at": updated,
        "total_price": "30.00",
        "financial_status": state,
        "line_items": [item],
        "shipping_address": {"country_code": "DE", "zip": "10115"},
        **({"cancelled_at": updated, "cancel_reason": "customer"} if cancelled else {}),
    }


def shopify_refund(refund_id: int, amount: str) -> dict[str, Any]:
    """Money back for order 1001, no units."""
    moved = {"kind": "refund", "status": "success", "amount": amount, "currency": "EUR"}
    return {"id": refund_id, "order_id": 1001, "transactions": [moved], "refund_line_items": []}


def parcel_scan(event: str, tracking: str, status: str, at: datetime) -> dict[str, Any]:
    """A carrier's word."""
    seen = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    result = {"tracking_code": tracking, "status": status, "carrier": "DHL", "updated_at": seen}
    body = {"id": event, "description": "tracker.updated", "created_at": seen, "result": result}
    return webhook(body, "easypost")


def has(world: World, order_id: str, event: str) -> bool:
    """The order's log holds such an event."""
    return any(type(each).__name__ == event for each in events_of(world, order_id))


def events_of(world: World, order_id: str) -> list[Any]:
    """All events of the order, in order."""
    return [each for commit in world.commits(order_id) for each in commit.events]


def position(world: World, node: str = "WH1", sku: str = SKU) -> StockDelta:
    """As it stands."""
    return world.store.positions[sku][node]


def moved(world: World, kind: str) -> list[int]:
    """Amounts that the provider moved, in order: authorize, capture, release or refund."""
    return [each.amount for each in world.store.effects.values() if each.kind == kind]


def refund_event(payment_ref: str, refund: RefundResult, order_id: str) -> dict[str, Any]:
    """The webhook that tells of a refund, as Stripe words it."""
    ours = {"oms_refund_id": refund.our_refund_id} if refund.our_refund_id else {}
    subject = {
        "object": "refund",
        "id": refund.refund_ref,
        "amount": refund.amount,
        "currency": "eur",
        "status": refund.state.value,
        "payment_intent": payment_ref,
        "metadata": {"oms_order_id": order_id, **ours},
    }
    return stripe_event(f"evt_{refund.refund_ref}", "refund.updated", subject)


def intent_event(event_id: str, kind: str, payment_ref: str, order_id: str, **facts: Any) -> dict[str, Any]:
    """The webhook that tells of a payment."""
    subject = {
        "object": "payment_intent",
        "id": payment_ref,
        "currency": "eur",
        "metadata": {"oms_order_id": order_id},
        **facts,
    }
    return stripe_event(event_id, f"payment_intent.{kind}", subject)


def stripe_event(event_id: str, kind: str, subject: Mapping[str, Any]) -> dict[str, Any]:
    """A webhook's body."""
    return {"id": event_id, "type": kind, "created": 1_772_366_400, "data": {"object": subject}}


def at(order: Order, place: Place) -> int:
    """Units in a place."""
    return units_at(order, place)


def expect(invariant: str, holds: bool, detail: str) -> None:  # noqa: FBT001
    """What an invariant says of this very story."""
    must(holds, invariant, detail)


def refusal(ended: Mapping[str, Ended], name: str) -> str:
    """The name of the refusal that a worker ended with, '' for an answer."""
    error = ended[name].error
    return type(error).__name__ if error else ""
