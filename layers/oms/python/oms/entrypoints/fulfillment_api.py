"""The warehouse's API."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.application.orders import loaded_after
from oms.domain import ids
from oms.domain.errors import FulfillmentOrderNotFoundError, InvalidInputError
from oms.domain.order.commands import (
    AcceptFulfillmentOrder,
    ParcelToShip,
    RejectFulfillmentOrder,
    ShipFulfillmentOrder,
)
from oms.domain.order.events import LineUnits
from oms.entrypoints import http, wiring
from oms.entrypoints.documents import fulfillment_document
from oms.entrypoints.named import by_line
from oms.entrypoints.requests.fulfillment import RejectBody, ShipmentBody
from oms.entrypoints.telemetry import correlate

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.application.orders import Loaded
    from oms.domain.order.commands import Command
    from oms.domain.order.state import Order

OPEN: Final = ("released", "accepted")
PLANNED: Final = "planned"
"""Bound, and on its way to the warehouse: it may be looked at, and not worked on."""
MAX_PAGE: Final = 100
MAX_NODE: Final = 100


def list_open(app: APIGatewayHttpResolver) -> Response[str]:
    """What a node has to do: `?node=…&status=released|accepted|planned`, the earliest promise first."""
    http.require(app, "warehouse", "service")
    asked = http.query(app)
    status = asked.get("status", "released")
    node = asked.get("node", "")
    if not 0 < len(node) <= MAX_NODE or status not in (*OPEN, PLANNED):
        raise InvalidInputError("name a node, and a status that is open", allowed=[*OPEN, PLANNED])
    rows, cursor = wiring.views().list_fulfillment_orders(node, status, MAX_PAGE, asked.get("cursor", ""))
    return http.answer({"fulfillment_orders": rows, "next_cursor": cursor or None})


def _loaded(fulfillment_order_id: str) -> tuple[Loaded, Order]:
    if not ids.is_fulfillment_order_id(fulfillment_order_id):
        raise FulfillmentOrderNotFoundError("no such fulfillment order")
    order_id = ids.order_of_fulfillment_order(fulfillment_order_id)
    loaded = wiring.orders().load(order_id)
    if loaded.order is None or fulfillment_order_id not in loaded.order.fulfillment_orders:
        raise FulfillmentOrderNotFoundError("no such fulfillment order")
    return loaded, loaded.order


def show(app: APIGatewayHttpResolver, fulfillment_order_id: str) -> Response[str]:
    """One, with the address that the parcel goes to."""
    http.require(app, "warehouse", "service")
    _, order = _loaded(fulfillment_order_id)
    document = fulfillment_document(order, order.fulfillment_orders[fulfillment_order_id])
    contact = wiring.contacts().get(order.address_key)
    address = contact.shipping if contact else None
    shown = None
    if address:
        shown = {
            "name": address.name,
            "company": address.company,
            "lines": list(address.lines),
            "city": address.city,
            "region": address.region,
            "postal_code": address.postal_code,
            "country": address.country,
            "phone": address.phone,
        }
    return http.answer({**document, "deliver_to": shown})


def _run(
    app: APIGatewayHttpResolver, verb: str, fulfillment_order_id: str, make: type[Command], **fields: object
) -> Response[str]:
    role = http.require(app, "warehouse")
    key = http.idempotency_key(app)
    loaded, order = _loaded(fulfillment_order_id)
    correlate(order.order_id)
    command = make(
        command_id=ids.command_id("api", verb, fulfillment_order_id, key),
        fulfillment_order_id=fulfillment_order_id,  # type: ignore[call-arg]  # every command given here has it
        **fields,
    )
    cause = http.api_cause(app, key, role)
    outcome = wiring.orders().execute(order.order_id, command, cause, loaded=loaded)
    round_ = 0
    while make is RejectFulfillmentOrder and _rest(outcome.order, fulfillment_order_id):
        round_ += 1  # what one transaction cannot free is freed by the next
        again = replace(command, command_id=ids.command_id(command.command_id, str(round_)))
        outcome = wiring.orders().execute(order.order_id, again, cause, loaded=loaded_after(outcome))
    after = outcome.order
    return http.answer(fulfillment_document(after, after.fulfillment_orders[fulfillment_order_id]))


def _rest(order: Order, fulfillment_order_id: str) -> bool:
    return order.fulfillment_orders[fulfillment_order_id].status.value in OPEN


def accept(app: APIGatewayHttpResolver, fulfillment_order_id: str) -> Response[str]:
    """The warehouse takes the work."""
    http.no_body(app)
    return _run(app, "accept", fulfillment_order_id, AcceptFulfillmentOrder)


def reject(app: APIGatewayHttpResolver, fulfillment_order_id: str) -> Response[str]:
    """The warehouse cannot: the units are sourced elsewhere."""
    asked = http.body(app, RejectBody)
    return _run(app, "reject", fulfillment_order_id, RejectFulfillmentOrder, reason=asked.reason)


def ship(app: APIGatewayHttpResolver, fulfillment_order_id: str) -> Response[str]:
    """Parcels were handed to the carrier; part of the fulfillment order is enough."""
    asked = http.body(app, ShipmentBody)
    parcels = tuple(
        ParcelToShip(
            carrier=parcel.carrier,
            tracking_number=parcel.tracking_number,
            lines=tuple(LineUnits(line_id=line.line_id, quantity=line.quantity) for line in parcel.lines),
            serials=by_line(parcel.lines),
        )
        for parcel in asked.parcels
    )
    return _run(app, "ship", fulfillment_order_id, ShipFulfillmentOrder, parcels=parcels)
