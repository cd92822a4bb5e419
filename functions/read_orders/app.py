"""GET /orders…: lists, one order, its timeline, decisions, ledger and disputes, alerts and reports"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import dispute_api, http, order_api

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.get("/orders")
def list_all() -> Response[str]:
    return order_api.list_all(app)


@app.get("/orders/<order_id>")
def show(order_id: str) -> Response[str]:
    return order_api.show(app, order_id)


@app.get("/orders/<order_id>/timeline")
def timeline(order_id: str) -> Response[str]:
    return order_api.timeline(app, order_id)


@app.get("/orders/<order_id>/decision")
def decision(order_id: str) -> Response[str]:
    return order_api.decision(app, order_id)


@app.get("/orders/<order_id>/ledger")
def ledger(order_id: str) -> Response[str]:
    return order_api.ledger(app, order_id)


@app.get("/orders/<order_id>/disputes")
def disputes(order_id: str) -> Response[str]:
    return dispute_api.show(app, order_id)


@app.get("/alerts")
def alerts() -> Response[str]:
    return order_api.alerts(app)


@app.get("/reports/sales")
def sales() -> Response[str]:
    return order_api.sales(app)


@app.get("/reports/returns")
def returned() -> Response[str]:
    return order_api.returned(app)


@app.get("/reports/reoptimizations")
def reoptimizations() -> Response[str]:
    return order_api.reoptimizations(app)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
