"""/policies/…: the rules of sourcing, their versions, and the way back; integrations"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import http, policy_api

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.get("/policies/sourcing")
def show() -> Response[str]:
    return policy_api.show(app)


@app.put("/policies/sourcing")
def save() -> Response[str]:
    return policy_api.save(app)


@app.get("/policies/sourcing/versions")
def versions() -> Response[str]:
    return policy_api.versions(app)


@app.post("/policies/sourcing/rollback")
def roll_back() -> Response[str]:
    return policy_api.roll_back(app)


@app.get("/policies/integrations")
def show_integrations() -> Response[str]:
    return policy_api.show_integrations(app)


@app.put("/policies/integrations")
def save_integrations() -> Response[str]:
    return policy_api.save_integrations(app)


@app.get("/policies/returns")
def show_returns() -> Response[str]:
    return policy_api.show_returns(app)


@app.put("/policies/returns")
def save_returns() -> Response[str]:
    return policy_api.save_returns(app)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
