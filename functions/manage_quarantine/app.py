"""/quarantine…: what could not be processed, shown and replayed"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import http, quarantine_api

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.get("/quarantine")
def list_parked() -> Response[str]:
    return quarantine_api.list_parked(app)


@app.get("/quarantine/<parked_id>")
def show(parked_id: str) -> Response[str]:
    return quarantine_api.show(app, parked_id)


@app.post("/quarantine/<parked_id>/replay")
def replay(parked_id: str) -> Response[str]:
    return quarantine_api.replay(app, parked_id)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
