"""POST /orders: the merchant's own site places an order"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import http, order_api

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.post("/orders")
def place() -> Response[str]:
    return order_api.place(app)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
