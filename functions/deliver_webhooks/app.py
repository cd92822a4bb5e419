"""Queue of outbound webhooks: events of the bus, deliveries, replays; and each quarter of an hour the bus's rule"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.entrypoints import outbound

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return outbound.take(event, context)
