"""/drafts…: orders in the making of sales representatives, and who agrees to their prices"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import draft_api, http

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.get("/drafts")
def list_all() -> Response[str]:
    return draft_api.list_all(app)


@app.post("/drafts")
def make() -> Response[str]:
    return draft_api.make(app)


@app.get("/drafts/<draft_id>")
def show(draft_id: str) -> Response[str]:
    return draft_api.show(app, draft_id)


@app.put("/drafts/<draft_id>")
def save(draft_id: str) -> Response[str]:
    return draft_api.save(app, draft_id)


@app.post("/drafts/<draft_id>/approve")
def approve(draft_id: str) -> Response[str]:
    return draft_api.approve(app, draft_id)


@app.post("/drafts/<draft_id>/reject")
def reject(draft_id: str) -> Response[str]:
    return draft_api.reject(app, draft_id)


@app.post("/drafts/<draft_id>/discard")
def discard(draft_id: str) -> Response[str]:
    return draft_api.discard(app, draft_id)


@app.post("/drafts/<draft_id>/place")
def place(draft_id: str) -> Response[str]:
    return draft_api.place(app, draft_id)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
