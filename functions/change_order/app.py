"""POST /orders/{order_id}/…: edit, cancel, hold, release, pay, refund, return, answer disputes, share"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import dispute_api, http, order_changes, order_edits, return_api

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.post("/orders/<order_id>/cancel")
def cancel(order_id: str) -> Response[str]:
    return order_changes.cancel(app, order_id)


@app.post("/orders/<order_id>/edits/preview")
def preview(order_id: str) -> Response[str]:
    return order_edits.preview(app, order_id)


@app.post("/orders/<order_id>/edits")
def edit(order_id: str) -> Response[str]:
    return order_edits.apply(app, order_id)


@app.post("/orders/<order_id>/holds")
def hold(order_id: str) -> Response[str]:
    return order_changes.hold(app, order_id)


@app.post("/orders/<order_id>/holds/<hold_id>/release")
def release(order_id: str, hold_id: str) -> Response[str]:
    return order_changes.release(app, order_id, hold_id)


@app.post("/orders/<order_id>/payments")
def payment(order_id: str) -> Response[str]:
    return order_changes.payment(app, order_id)


@app.post("/orders/<order_id>/refunds")
def refund(order_id: str) -> Response[str]:
    return order_changes.refund(app, order_id)


@app.post("/orders/<order_id>/disputes/<dispute_id>/evidence")
def evidence(order_id: str, dispute_id: str) -> Response[str]:
    return dispute_api.give_evidence(app, order_id, dispute_id)


@app.post("/orders/<order_id>/disputes/<dispute_id>/accept")
def accept(order_id: str, dispute_id: str) -> Response[str]:
    return dispute_api.accept(app, order_id, dispute_id)


@app.post("/orders/<order_id>/returned-serials")
def returned_serials(order_id: str) -> Response[str]:
    return order_changes.returned_serials(app, order_id)


@app.post("/orders/<order_id>/status-link")
def status_link(order_id: str) -> Response[str]:
    return order_changes.status_link(app, order_id)


@app.post("/orders/<order_id>/returns")
def ask_return(order_id: str) -> Response[str]:
    return return_api.ask(app, order_id)


@app.post("/orders/<order_id>/returns/<return_id>/approve")
def approve_return(order_id: str, return_id: str) -> Response[str]:
    return return_api.approve(app, order_id, return_id)


@app.post("/orders/<order_id>/returns/<return_id>/reject")
def reject_return(order_id: str, return_id: str) -> Response[str]:
    return return_api.reject(app, order_id, return_id)


@app.post("/orders/<order_id>/returns/<return_id>/cancel")
def cancel_return(order_id: str, return_id: str) -> Response[str]:
    return return_api.cancel(app, order_id, return_id)


@app.post("/orders/<order_id>/returns/<return_id>/label")
def label_return(order_id: str, return_id: str) -> Response[str]:
    return return_api.label(app, order_id, return_id)


@app.post("/orders/<order_id>/returns/<return_id>/settle")
def settle_return(order_id: str, return_id: str) -> Response[str]:
    return return_api.settle(app, order_id, return_id)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
