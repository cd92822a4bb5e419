"""Delivery options for a cart, over the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.entrypoints import http, use_cases
from oms.entrypoints.requests.promises import read_cart

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response


def quote(app: APIGatewayHttpResolver) -> Response[str]:
    """What the cart's order would be promised now. What it costs the merchant is not told to a shop."""
    role = http.require(app, "sales", "service", "shop")
    told = use_cases.quote_promises()(read_cart(http.raw_body(app)))
    hidden = {"cost"} if role == "shop" else set()
    options = [{name: value for name, value in each.items() if name not in hidden} for each in told["options"]]
    return http.answer({**told, "options": options})
