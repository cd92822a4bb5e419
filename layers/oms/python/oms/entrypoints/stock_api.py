"""The stock API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.canonical import MAX_TEXT
from oms.domain.codec import to_plain
from oms.domain.errors import InvalidInputError
from oms.domain.stock import COMPONENTS, MovementKind, StockMovement
from oms.entrypoints import http, wiring
from oms.entrypoints.requests import MovementsBody

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response


def show(app: APIGatewayHttpResolver, sku: str) -> Response[str]:
    """Every node's position of a SKU."""
    http.require(app, "warehouse", "service", "sales", "shop")
    if len(sku) > MAX_TEXT:
        raise InvalidInputError("no SKU is as long", limit=MAX_TEXT)
    positions = [
        {"node_id": each.node_id, **{name: getattr(each, name) for name in COMPONENTS}}
        for each in wiring.stock().positions([sku])
    ]
    return http.answer({"sku": sku, "available": sum(each["available"] for each in positions), "positions": positions})


def move(app: APIGatewayHttpResolver) -> Response[str]:
    """Movements that happen together, or not at all."""
    role = http.require(app, "warehouse")
    key = http.idempotency_key(app)
    asked = http.body(app, MovementsBody)
    movements = [
        StockMovement(
            sku=each.sku,
            node_id=each.node_id,
            kind=MovementKind(each.kind),
            quantity=each.quantity,
            reason=each.reason,
        )
        for each in asked.movements
    ]
    done = wiring.move_stock()(key, movements, http.api_cause(app, key, role))
    return http.answer({**done, "movements": to_plain(movements)}, 200 if done["replayed"] else 201)
