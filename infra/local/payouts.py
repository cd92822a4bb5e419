"""`make payouts PROVIDER=adyen|paypal|stripe FILE=…`: a payout's report, held to the orders that it is made of.

FILE is Adyen's settlement details report (CSV, one batch), PayPal's settlement report (CSV, one currency), or of Stripe
a JSON document {"payout": …, "balance_transactions": […]} as its API gives them, sources expanded. The result is
printed and kept in the bucket of reports; the same file again writes the same.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.local.system import System, SystemMissingError, find
from oms.adapters.dynamodb_log import DynamoLog
from oms.adapters.dynamodb_views import DynamoViews
from oms.adapters.s3 import S3Documents
from oms.application.orders import Orders
from oms.application.payouts import ReconcilePayout
from oms.domain.errors import OmsError
from oms.entrypoints.wiring import now
from oms.payments.payout_reports import adyen_settlement, paypal_settlement, stripe_payout

if TYPE_CHECKING:
    from oms.domain.payouts import Payout

PROVIDERS: Final = ("adyen", "paypal", "stripe")
NOT_SOUND: Final = 1
WRONG: Final = 2


def read(provider: str, file: Path) -> Payout:
    """The report of a file; raises MalformedPayloadError."""
    text = file.read_text(encoding="utf-8-sig")
    if provider == "stripe":
        document = json.loads(text)
        return stripe_payout(document["payout"], document["balance_transactions"])
    return (
        adyen_settlement(text.splitlines()) if provider == "adyen" else paypal_settlement(text.splitlines(), file.stem)
    )


def use_case(system: System) -> ReconcilePayout:
    """Over a running system."""
    dynamodb, outputs = system.client("dynamodb"), system.outputs
    views = DynamoViews(dynamodb, outputs["ViewsTable"], outputs["ContactsTable"], outputs["EventsTable"])
    orders = Orders(DynamoLog(dynamodb, outputs["EventsTable"], outputs["StockTable"]), now)
    return ReconcilePayout(orders, views, S3Documents(system.client("s3"), outputs["ReportsBucket"]))


def main(arguments: list[str]) -> int:
    """0 when all fits, 1 when something does not, 2 when the report or the command is wrong."""
    if len(arguments) != 2 or arguments[0] not in PROVIDERS:  # noqa: PLR2004 - provider and file
        print(f"usage: make payouts PROVIDER={'|'.join(PROVIDERS)} FILE=report", file=sys.stderr)
        return WRONG
    try:
        told = use_case(find())(read(arguments[0], Path(arguments[1])))
    except (OmsError, SystemMissingError, OSError, ValueError, KeyError) as error:
        print(f"payouts: {error}", file=sys.stderr)
        return WRONG
    for name, value in told.items():
        print(f"{name}: {value}")
    return NOT_SOUND if told["off"] or told["differs"] or told["unknown"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
