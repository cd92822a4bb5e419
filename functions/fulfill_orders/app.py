"""/fulfillment-orders…, /returns…: what a warehouse has to do, and what it did"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import fulfillment_api, http, return_work_api

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


@app.get("/returns/unmatched")
def unmatched() -> Response[str]:
    return return_work_api.unmatched(app)


@app.post("/returns/arrivals")
def arrive() -> Response[str]:
    return return_work_api.arrive(app)


@app.post("/returns/unmatched/<unmatched_id>/match")
def match(unmatched_id: str) -> Response[str]:
    return return_work_api.match(app, unmatched_id)


@app.get("/returns/<return_id>")
def show_return(return_id: str) -> Response[str]:
    return return_work_api.show(app, return_id)


@app.post("/returns/<return_id>/receive")
def receive(return_id: str) -> Response[str]:
    return return_work_api.receive(app, return_id)


@app.post("/returns/<return_id>/inspect")
def inspect(return_id: str) -> Response[str]:
    return return_work_api.inspect(app, return_id)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
