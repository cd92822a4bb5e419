"""/stock…, /availability: positions, movements, counts, feeds, holds"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import hold_api, http, stock_api

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.get("/stock/<sku>")
def show(sku: str) -> Response[str]:
    return stock_api.show(app, sku)


@app.post("/stock/movements")
def move() -> Response[str]:
    return stock_api.move(app)


@app.post("/stock/counts")
def count() -> Response[str]:
    return stock_api.count(app)


@app.put("/stock/feed")
def feed() -> Response[str]:
    return stock_api.feed(app)


@app.post("/stock/inbound")
def tell_supply() -> Response[str]:
    return stock_api.tell_supply(app)


@app.post("/stock/holds")
def hold() -> Response[str]:
    return hold_api.make(app)


@app.get("/stock/holds/<hold_id>")
def show_hold(hold_id: str) -> Response[str]:
    return hold_api.show(app, hold_id)


@app.post("/stock/holds/<hold_id>/extend")
def extend_hold(hold_id: str) -> Response[str]:
    return hold_api.extend(app, hold_id)


@app.post("/stock/holds/<hold_id>/release")
def release_hold(hold_id: str) -> Response[str]:
    return hold_api.release(app, hold_id)


@app.post("/availability")
def availability() -> Response[str]:
    return stock_api.availability(app)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
