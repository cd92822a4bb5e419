"""POST /promises: when a cart can be there, and at what price. Reads only"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import http, promise_api

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.post("/promises")
def quote() -> Response[str]:
    return promise_api.quote(app)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
