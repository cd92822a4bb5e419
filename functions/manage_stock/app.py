"""/stock…: positions and movements"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import http, stock_api

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.get("/stock/<sku>")
def show(sku: str) -> Response[str]:
    return stock_api.show(app, sku)


@app.post("/stock/movements")
def move() -> Response[str]:
    return stock_api.move(app)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
