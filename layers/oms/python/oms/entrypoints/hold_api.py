"""Holds of stock over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from oms.application.holds import HoldRequest, WantedUnits
from oms.domain.canonical import ShipTo
from oms.domain.codec import to_plain
from oms.domain.errors import StockHoldNotFoundError
from oms.domain.holding import HoldKind, HoldStatus
from oms.domain.ids import is_stock_hold_id
from oms.entrypoints import http, use_cases, wiring
from oms.entrypoints.requests.holds import ExtendBody, StockHoldBody

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.domain.holding import StockHold
    from oms.entrypoints.requests.common import ShipToBody


def make(app: APIGatewayHttpResolver) -> Response[str]:
    """Hold units for a buyer: all that are asked for, or none."""
    role = http.require(app, "shop")
    key = http.idempotency_key(app)
    asked = http.body(app, StockHoldBody)
    request = HoldRequest(
        kind=HoldKind(asked.kind),
        channel=asked.channel,
        account=asked.account,
        wanted=tuple(WantedUnits(sku=each.sku, quantity=each.quantity, node_id=each.node_id) for each in asked.lines),
        lasts=timedelta(seconds=asked.ttl_s),
        ship_to=_ship_to(asked.ship_to) if asked.ship_to else None,
    )
    hold, made = use_cases.hold_stock()(key, request, http.api_cause(app, key, role))
    return http.answer(_document(hold), 201 if made else 200)


def show(app: APIGatewayHttpResolver, hold_id: str) -> Response[str]:
    """A hold; one whose time is over is told as expired."""
    http.require(app, "shop", "sales", "service", "warehouse")
    return http.answer(_document(wiring.stock_holds().get(_known_form(hold_id))))


def extend(app: APIGatewayHttpResolver, hold_id: str) -> Response[str]:
    """Give the buyer more time."""
    role = http.require(app, "shop")
    key = http.idempotency_key(app)
    asked = http.body(app, ExtendBody)
    cause = http.api_cause(app, key, role)
    hold, _ = use_cases.extend_hold()(_known_form(hold_id), key, timedelta(seconds=asked.ttl_s), cause)
    return http.answer(_document(hold))


def release(app: APIGatewayHttpResolver, hold_id: str) -> Response[str]:
    """Let go of it."""
    role = http.require(app, "shop")
    http.no_body(app)
    key = http.idempotency_key(app)
    hold, _ = use_cases.release_hold()(_known_form(hold_id), key, http.api_cause(app, key, role))
    return http.answer(_document(hold))


def _known_form(hold_id: str) -> str:
    if not is_stock_hold_id(hold_id):
        raise StockHoldNotFoundError("no such hold")
    return hold_id


def _ship_to(asked: ShipToBody) -> ShipTo:
    return ShipTo(
        country=asked.country,
        region=asked.region,
        postal_code=asked.postal_code.upper(),
        latitude=asked.latitude,
        longitude=asked.longitude,
    )


def _document(hold: StockHold) -> dict[str, Any]:
    status = hold.status_at(wiring.now())
    document = {
        "hold_id": hold.hold_id,
        "kind": hold.kind.value,
        "channel": hold.channel,
        "status": status.value,
        "units": to_plain(hold.units),
        "held_at": hold.held_at.isoformat(),
        "expires_at": hold.expires_at.isoformat(),
    }
    return {**document, "order_id": hold.order_id} if status is HoldStatus.CLAIMED else document
