"""Schedule: ask every connected channel for its orders, and take in what was never delivered"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.entrypoints import use_cases
from oms.entrypoints.telemetry import count, flush

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

RESERVE_MS: Final = 60_000
"""Kept to end what was begun: one page may take half of it."""


class PollBrokeError(Exception):
    """An account's poll broke off: the invocation is tried again."""


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    sums = use_cases.poll_channels()(more=lambda: context.get_remaining_time_in_millis() > RESERVE_MS)
    count("ChannelsPolled", sums["polls"])
    count("OrdersMissed", sums.get("missed", 0))
    count("OrdersBehind", sums.get("behind", 0))
    count("PollsStuck", sums.get("stuck", 0))
    count("ChannelDifferences", sums.get("differences", 0))
    flush()
    if sums.get("broken"):
        raise PollBrokeError
    return sums
