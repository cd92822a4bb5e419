"""Delivery options for a cart, over the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.application.quoting import Cart
from oms.domain.canonical import ShipTo
from oms.entrypoints import http, use_cases
from oms.entrypoints.requests.promises import CartBody

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response


def quote(app: APIGatewayHttpResolver) -> Response[str]:
    """What the cart's order would be promised now. What it costs the merchant is not told to a shop."""
    role = http.require(app, "sales", "service", "shop")
    asked = http.body(app, CartBody)
    to = asked.ship_to
    told = use_cases.quote_promises()(
        Cart(
            lines=tuple((each.sku, each.quantity) for each in asked.lines),
            ship_to=ShipTo(
                country=to.country,
                region=to.region,
                postal_code=to.postal_code.upper(),
                latitude=to.latitude,
                longitude=to.longitude,
            ),
            city=to.city,
            currency=asked.currency,
            channel=asked.channel,
            account=asked.account,
            total=asked.total,
            methods=tuple(asked.shipping_methods),
        )
    )
    hidden = {"cost"} if role == "shop" else set()
    options = [{name: value for name, value in each.items() if name not in hidden} for each in told["options"]]
    return http.answer({**told, "options": options})
