"""Schedule: hold stock against the log, the log and its money against themselves; go on with a run that was put down"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.entrypoints import use_cases
from oms.entrypoints.telemetry import count, flush

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

RESERVE_MS: Final = 120_000
"""Kept to put a run down, or to end it."""


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    done = use_cases.reconcile()(
        begin=not event.get("continue"), more=lambda: context.get_remaining_time_in_millis() > RESERVE_MS
    )
    if done["state"] == "finished":
        count("StockReconciled")
        count("StockDrifts", done["drift"])
        count("StreamsBroken", done["broken"])
        count("LedgerDrift", done["ledger_drift"])
        flush()
    return {name: value for name, value in done.items() if not isinstance(value, list)}
