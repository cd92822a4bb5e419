"""/status…: where is my order, for customers"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import pages, return_status_api, status_api

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = status_api.resolver()


@app.get("/status/<token>")
def show(token: str) -> Response[str]:
    return status_api.show(app, token)


@app.get("/status")
def form() -> Response[str]:
    return status_api.form(app)


@app.post("/status/lookup")
def look_up() -> Response[str]:
    return status_api.look_up(app)


@app.get("/status/<token>/returns")
def returns(token: str) -> Response[str]:
    return return_status_api.show(app, token)


@app.post("/status/<token>/returns")
def ask(token: str) -> Response[str]:
    return return_status_api.ask(app, token)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return pages.guard(app.resolve(event, context))
