"""The orders API: edits, previewed and then applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from oms.domain import ids
from oms.domain.canonical import PostalAddress, ShipTo
from oms.domain.errors import InvalidInputError
from oms.domain.order.events import LineUnits
from oms.entrypoints import http, use_cases_edits, wiring
from oms.entrypoints.documents import order_document
from oms.entrypoints.order_api import known_form
from oms.entrypoints.requests.edits import ApplyBody, EditBody
from oms.entrypoints.telemetry import correlate

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

    from oms.application.edit_prices import AskedEdit

EDITORS: Final = ("finance", "sales", "service")
"""The first that somebody has decides which prices he may give."""


def preview(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """What an edit would come to; nothing is written."""
    role = http.require(app, *EDITORS)
    asked = _asked(http.body(app, EditBody))
    return http.answer(use_cases_edits.propose_edit()(_known(order_id), asked, role))


def apply(app: APIGatewayHttpResolver, order_id: str) -> Response[str]:
    """Exactly what was previewed, or nothing."""
    role = http.require(app, *EDITORS)
    body = http.body(app, ApplyBody)
    key = http.idempotency_key(app)
    command_id = ids.command_id("api", "edit", order_id, key)
    known, cause = _known(order_id), http.api_cause(app, key, role)
    outcome = use_cases_edits.edit_orders()(known, _asked(body), body.basis, role, command_id, cause)
    loaded = wiring.orders().load(known)
    return http.answer(order_document(loaded.order or outcome.order, loaded.history.number))


def _known(order_id: str) -> str:
    correlate(order_id)
    return known_form(order_id)


def _asked(body: EditBody) -> AskedEdit:
    from oms.application.edit_prices import AskedEdit, AskedLine  # most calls edit nothing

    if (body.ship_to is None) != (body.address is None):
        raise InvalidInputError("where an order goes, and its address, change together")
    if body.ship_to and body.address and body.ship_to.country != body.address.country:
        raise InvalidInputError("the address is in another country than where the order goes")
    if any(bool(line.sku) == bool(line.line_id) for line in body.add):
        raise InvalidInputError("what is added names a SKU, or the line that there is more of")
    address = body.address
    return AskedEdit(
        add=tuple(
            AskedLine(
                sku=line.sku,
                adds_to=line.line_id,
                quantity=line.quantity,
                unit_price=line.unit_price,
                discount=line.discount,
                tax=line.tax,
                title=line.title,
            )
            for line in body.add
        ),
        remove=tuple(LineUnits(line_id=each.line_id, quantity=each.quantity) for each in body.remove),
        ship_to=ShipTo(**body.ship_to.model_dump()) if body.ship_to else None,
        address=PostalAddress(**{**address.model_dump(), "lines": tuple(address.lines)}) if address else None,
        shipping_method=body.shipping_method,
        shipping=body.shipping,
        shipping_tax=body.shipping_tax,
        reason=body.reason,
        allow_backorder=body.allow_backorder,
    )
