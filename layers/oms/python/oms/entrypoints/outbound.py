"""The queue of outbound webhooks in: events of the bus, deliveries, replays. Each message fails alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from oms.application.outbound_deliver import Outcome
from oms.domain.outbound import delivery_from_plain
from oms.entrypoints import use_cases_outbound, wiring
from oms.entrypoints.telemetry import count, flush, logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

RESERVE_MS: Final = 25_000
"""Kept to end the page of a replay that was begun, and to put the replay down."""


def take(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """A batch of messages, several at a time: one slow endpoint keeps none of the others waiting.

    Without records it is the schedule: what the bus is asked for is put right, whatever became of the rule.
    """
    if "Records" not in event:
        return {"asked_for": use_cases_outbound.keep_rule()()}

    def more() -> bool:
        return context.get_remaining_time_in_millis() > RESERVE_MS

    outcomes = list(wiring.abreast(lambda record: _isolated(record, more), event["Records"]))
    count("WebhooksDelivered", outcomes.count(Outcome.DELIVERED))
    count("WebhooksFailed", outcomes.count(Outcome.FAILED))
    count("WebhooksWaiting", outcomes.count(Outcome.WAITING))
    count("WebhooksGivenUp", outcomes.count(Outcome.GIVEN_UP))
    count("WebhooksDisabled", outcomes.count(Outcome.DISABLED))
    count("WebhooksDropped", outcomes.count(Outcome.DROPPED))
    flush()
    again = [record["messageId"] for record, outcome in zip(event["Records"], outcomes, strict=True) if not outcome]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in again]}


def _isolated(record: Mapping[str, Any], more: Callable[[], bool]) -> str:
    """What became of a message; '' when it is to come again."""
    try:
        return _message(json.loads(record["body"]), more)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other messages are not at fault
        logger.warning("message failed", extra={"id": record["messageId"], "error": type(error).__name__})
        return ""


def _message(said: Mapping[str, Any], more: Callable[[], bool]) -> str:
    if "deliver" in said:
        delivery = delivery_from_plain(said["deliver"])
        outcome = use_cases_outbound.deliver_webhook()(delivery).value
        about = {"subscription": delivery.subscription_id, "attempt": delivery.attempt, "outcome": outcome}
        logger.info("webhook", extra=about)
        return outcome
    if "replay" in said:
        row = use_cases_outbound.replay_webhooks()(said["replay"]["replay_id"], said["replay"]["mark"], more)
        logger.info("replay", extra={"replay": row["replay_id"], "state": row["state"], "sent": row["sent"]})
        return "replay"
    use_cases_outbound.fan_out()(said["detail-type"], said["detail"])
    return "event"
