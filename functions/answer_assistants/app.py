"""POST /mcp: order look-up for assistants, by the Model Context Protocol; reads only"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import http, mcp_http

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.post("/mcp")
def answer() -> Response[str]:
    return mcp_http.answer(app)


@app.get("/mcp")
def stream() -> Response[str]:
    return mcp_http.no_stream(app)


@app.delete("/mcp")
def end() -> Response[str]:
    return mcp_http.no_stream(app)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
