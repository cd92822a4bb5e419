"""/console…: pages for staff; `oms.entrypoints.console.ROUTES` lists them"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import console, pages

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = console.resolver()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return pages.guard(app.resolve(event, context))
