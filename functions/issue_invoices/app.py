"""Queue of orders whose invoices are due, and POST /orders/{order_id}/invoices"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import http, invoice_api, queues

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.post("/orders/<order_id>/invoices")
def issue(order_id: str) -> Response[str]:
    return invoice_api.issue(app, order_id)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    if "Records" in event:
        return queues.run_sqs(event, invoice_api.take)
    return app.resolve(event, context)
