"""What `wiring` is to all else, to outbound webhooks: the ports of them, made real when first asked for."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from oms.domain.errors import RefusedError
from oms.entrypoints import wiring

if TYPE_CHECKING:
    from oms.adapters.dynamodb_outbound import DynamoLogSince, DynamoSubscriptions
    from oms.adapters.messaging import EventBridgeRule
    from oms.adapters.outbound_http import OutboundHttp
    from oms.adapters.outbound_queue import SqsDeliveries


@cache
def subscriptions() -> DynamoSubscriptions:
    """Who wants which events."""
    from oms.adapters.dynamodb_outbound import DynamoSubscriptions

    return DynamoSubscriptions(wiring.client("dynamodb"), os.environ["REFERENCE_TABLE"], os.environ["VIEWS_TABLE"])


@cache
def log_since() -> DynamoLogSince:
    """The log by time."""
    from oms.adapters.dynamodb_outbound import DynamoLogSince

    return DynamoLogSince(wiring.client("dynamodb"), os.environ["EVENTS_TABLE"], os.environ["STOCK_TABLE"])


@cache
def deliveries() -> SqsDeliveries:
    """The queue of deliveries."""
    from oms.adapters.outbound_queue import SqsDeliveries

    return SqsDeliveries(wiring.client("sqs"), os.environ["WEBHOOKS_QUEUE"])


@cache
def rule() -> EventBridgeRule:
    """The rule of the bus."""
    from oms.adapters.messaging import EventBridgeRule
    from oms.domain.public_events import SOURCE

    return EventBridgeRule(wiring.client("events"), os.environ["EVENT_BUS"], os.environ["WEBHOOKS_RULE"], SOURCE)


@cache
def sender() -> OutboundHttp:
    """The way out."""
    from oms.adapters.outbound_http import OutboundHttp

    return OutboundHttp(allowed())


def allowed() -> str:
    """The one `host:port` that plain HTTP is sent to; none on AWS."""
    return os.environ["WEBHOOKS_LOCAL_HOST"]


def master() -> str:
    """The key that secrets are derived from; raises RefusedError."""
    found = wiring.keys().read().get("webhook_key")
    if not found:
        raise RefusedError("there is no key yet that secrets are derived from: `make connect` makes it")
    return str(found)
