"""Messages to channels: one at a time, each failing alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from oms.application.telling import park_outbound
from oms.domain.channel_dues import Kind
from oms.domain.errors import MalformedPayloadError
from oms.entrypoints import use_cases, wiring
from oms.entrypoints.telemetry import correlate, count, logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.application.telling import Outcome
    from oms.entrypoints.queues import Message

LATE_S: Final = 3600
"""From what happened until a channel that has not been told of it is worth an alarm."""


def tell(received: Message) -> Outcome:
    """Tell a channel what the message names; raises whatever the stores raise: the message comes again."""
    message = json.loads(received.body)
    correlate(message.get("order_id"))
    stock = message["kind"] == Kind.STOCK.value
    use_case = use_cases.tell_levels() if stock else use_cases.tell_channel()
    outcome = use_case(message, f"{received.message_id}:{received.receives}")
    what = {"source": message["source"], "kind": message["kind"], "outcome": outcome.word, "code": outcome.code}
    logger.info("told", extra={**what, "wait_s": round(outcome.wait_s, 1), "age_s": round(outcome.age_s, 1)})
    _measure(outcome, stock=stock)
    return outcome


def _measure(outcome: Outcome, *, stock: bool) -> None:
    done = outcome.word in ("sent", "already")
    if stock and done:
        count("StockLevelsTold", outcome.count)
        count("StockLevelAgeMs", int(outcome.age_s * 1000) * outcome.count)
    elif done:
        count("ChannelsTold", 1)
        count("ChannelsToldAgeMs", int(outcome.age_s * 1000))
    if outcome.word == "parked":
        count("OutboundParked")
    if outcome.word == "waiting" and outcome.age_s > LATE_S:
        count("OutboundLate")


def park(message: Mapping[str, Any], queue: str) -> None:
    """A message that could not be dealt with at all, put where people look."""
    error = MalformedPayloadError("its consumer failed on every try", queue=queue)
    park_outbound(wiring.quarantine(), message, error, wiring.now())
    count("OutboundParked")
