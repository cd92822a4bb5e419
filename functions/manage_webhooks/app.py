"""/webhook-subscriptions…: who is sent which events, tried out and sent again"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import http, outbound_api

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.get("/webhook-subscriptions")
def list_all() -> Response[str]:
    return outbound_api.list_all(app)


@app.post("/webhook-subscriptions")
def create() -> Response[str]:
    return outbound_api.create(app)


@app.get("/webhook-subscriptions/<subscription_id>")
def show(subscription_id: str) -> Response[str]:
    return outbound_api.show(app, subscription_id)


@app.put("/webhook-subscriptions/<subscription_id>")
def change(subscription_id: str) -> Response[str]:
    return outbound_api.change(app, subscription_id)


@app.post("/webhook-subscriptions/<subscription_id>/enable")
def enable(subscription_id: str) -> Response[str]:
    return outbound_api.enable(app, subscription_id)


@app.post("/webhook-subscriptions/<subscription_id>/disable")
def disable(subscription_id: str) -> Response[str]:
    return outbound_api.disable(app, subscription_id)


@app.post("/webhook-subscriptions/<subscription_id>/secret")
def rotate(subscription_id: str) -> Response[str]:
    return outbound_api.rotate(app, subscription_id)


@app.post("/webhook-subscriptions/<subscription_id>/ping")
def ping(subscription_id: str) -> Response[str]:
    return outbound_api.ping(app, subscription_id)


@app.post("/webhook-subscriptions/<subscription_id>/replays")
def ask_replay(subscription_id: str) -> Response[str]:
    return outbound_api.ask_replay(app, subscription_id)


@app.get("/webhook-subscriptions/<subscription_id>/replays/<replay_id>")
def show_replay(subscription_id: str, replay_id: str) -> Response[str]:
    return outbound_api.show_replay(app, subscription_id, replay_id)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
