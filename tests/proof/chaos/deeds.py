"""What people do with orders of channels: parcels that leave, cancellations, refunds. Each is to be told, once.

A deed is done as soon as its order is ready for it, whatever else is still on its way.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from oms.domain import ids
from oms.domain.order.state import FulfillmentOrderStatus
from oms.domain.order.summary import open_fulfillment_orders
from tests.proof.invariants.log import lives

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from oms.domain.commit import StoredCommit
    from oms.domain.order.state import Order
    from tests.e2e.support import Oms
    from tests.proof.chaos.cast import World

SHIP, CANCEL, REFUND = "ship", "cancel", "refund"
DEEDS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "shopify": {"6301000000109": (SHIP,), "6302000000102": (SHIP, REFUND), "6303000000103": (CANCEL,)},
    "woocommerce": {"211": (SHIP, REFUND)},
    "bigcommerce": {"4001": (SHIP, REFUND), "4002": (CANCEL,)},
    "magento": {"2001": (SHIP, REFUND), "2002": (CANCEL,)},
    "ebay": {"26-20002-10002": (SHIP, REFUND), "26-20001-10001": (CANCEL,)},
    "walmart": {"1796200000101": (SHIP,), "1796200000102": (CANCEL,)},
    "etsy": {"3400000101": (SHIP,), "3400000102": (SHIP,)},
    "amazon": {"112-4400101-5500101": (SHIP,), "302-4400102-5500102": (SHIP,)},
    "tiktok-shop": {"576700000000000101": (SHIP,), "576700000000000102": (CANCEL,)},
    "mercadolibre": {"2000009100000101": (SHIP,), "2000009100000103": (SHIP,)},
    "meta-commerce": {"3565497390170101": (SHIP,), "3565497390170102": (CANCEL,)},
}
"""By channel and its own number of the order. Nothing else ships, cancels or gives back these orders here."""
AT_A_TIME: Final = 3
"""Orders that are looked at in one turn while everything else goes on."""


@dataclass(slots=True)
class Deeds:
    """Those of one world that are still to be done."""

    oms: Oms
    world: World
    left: dict[str, list[str]] = field(init=False)
    """By order id."""

    def __post_init__(self) -> None:
        self.left = deeds_of(self.world)

    def do(self, streams: Callable[[Iterable[str]], Mapping[str, Sequence[StoredCommit]]], *, some: bool) -> bool:
        """Do what can be done now, of some of the orders or of all; whether anything was."""
        looked = list(self.left)
        if some:
            looked = random.sample(looked, min(AT_A_TIME, len(looked)))  # nosec B311 # no secret
        done = False
        for order_id, life in lives(streams(looked)).items():
            deeds = self.left[order_id]
            if life.order is not None and self._did(deeds[0], life.order):
                done = True
                deeds.pop(0)
                if not deeds:
                    del self.left[order_id]
        return done

    def _did(self, deed: str, order: Order) -> bool:
        path, key = f"/orders/{order.order_id}", f"chaos-{deed}-{order.order_id}"
        work = [
            each for each in order.fulfillment_orders.values() if each.status is not FulfillmentOrderStatus.CANCELLED
        ]
        if not work:
            return False
        if deed == SHIP:
            return all(self._ship(order, each) for each in open_fulfillment_orders(order))
        if deed == CANCEL:
            return self.oms.post(f"{path}/cancel", {"reason": "not there"}, "service", key).status in (200, 202)
        line_id, line = next(iter(order.lines.items()))
        body = {"lines": [{"line_id": line_id, "quantity": line.placed.quantity}], "reason": "damaged"}
        return self.oms.post(f"{path}/refunds", body, "finance", key).status in (200, 201)

    def _ship(self, order: Order, work_id: str) -> bool:
        remaining = order.fulfillment_orders[work_id].remaining
        lines = [{"line_id": line_id, "quantity": units} for line_id, units in remaining.items()]
        tracking = tracking_of(self.world.name, order.placed.channel, order.placed.external_id)
        parcel = {"carrier": "UPS", "tracking_number": tracking, "lines": lines}
        path, key = f"/fulfillment-orders/{work_id}", f"chaos-{work_id}"
        self.oms.post(f"{path}/accept", {}, "warehouse", key)
        return self.oms.post(f"{path}/shipments", {"parcels": [parcel]}, "warehouse", key).status == 200


def deeds_of(world: World) -> dict[str, list[str]]:
    """What is done in a world, by order id."""
    return {
        ids.order_id(source, world.account(source), number): list(deeds)
        for source, orders in DEEDS.items()
        for number, deeds in orders.items()
    }


def tracking_of(world: str, source: str, number: str) -> str:
    """The tracking number of an order's one parcel."""
    return f"TRK{world}" + f"{source}{number}".replace("-", "").upper()
