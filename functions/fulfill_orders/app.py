"""/fulfillment-orders…: what a warehouse has to do, and what it did"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import fulfillment_api, http

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.get("/fulfillment-orders")
def list_open() -> Response[str]:
    return fulfillment_api.list_open(app)


@app.get("/fulfillment-orders/<fulfillment_order_id>")
def show(fulfillment_order_id: str) -> Response[str]:
    return fulfillment_api.show(app, fulfillment_order_id)


@app.post("/fulfillment-orders/<fulfillment_order_id>/accept")
def accept(fulfillment_order_id: str) -> Response[str]:
    return fulfillment_api.accept(app, fulfillment_order_id)


@app.post("/fulfillment-orders/<fulfillment_order_id>/reject")
def reject(fulfillment_order_id: str) -> Response[str]:
    return fulfillment_api.reject(app, fulfillment_order_id)


@app.post("/fulfillment-orders/<fulfillment_order_id>/shipments")
def ship(fulfillment_order_id: str) -> Response[str]:
    return fulfillment_api.ship(app, fulfillment_order_id)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
