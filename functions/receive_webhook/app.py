"""POST /webhooks/{source}/{account}: verify, queue durably, answer. GET: a sender asks whether it may deliver here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import http, webhooks

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.post("/webhooks/<source>/<account>")
def receive(source: str, account: str) -> Response[str]:
    # Exactly 200: not every sender takes another 2xx for success.
    return http.answer(webhooks.receive(app, source, account))


@app.get("/webhooks/<source>/<account>")
def challenge(source: str, account: str) -> Response[str]:
    return webhooks.challenge(app, source, account)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return webhooks.flushed(app.resolve(event, context))
