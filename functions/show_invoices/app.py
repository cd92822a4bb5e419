"""/orders/{order_id}/invoices, /invoices/{number}: invoices, credit notes and debit notes as they were issued"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import http, invoice_api

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.get("/orders/<order_id>/invoices")
def list_of_order(order_id: str) -> Response[str]:
    return invoice_api.list_of_order(app, order_id)


@app.get("/invoices/<number>")
def show(number: str) -> Response[Any]:
    return invoice_api.show(app, number)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
