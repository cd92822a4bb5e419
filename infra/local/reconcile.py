"""`make reconcile`: prove that stock is the fold of the log, the log as it was written, and money balanced."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.system import System, SystemMissingError, find
from oms.adapters.dynamodb_scan import DynamoScan
from oms.adapters.dynamodb_views import DynamoViews
from oms.adapters.s3 import S3Documents
from oms.application.reconcile import Reconcile
from oms.entrypoints.wiring import now

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class InOneGo:
    """A Checkpoint for a process that nobody ends: the scheduled run's own is left alone."""

    def load(self) -> None:
        """Nothing was put down."""

    def save(self, document: Mapping[str, Any]) -> None:
        """Nothing is."""

    def clear(self) -> None:
        """Nothing is there."""


def reconcile(system: System) -> dict[str, Any]:
    """The report of one run; it is also in the reports bucket and, when something is wrong, among the alerts."""
    dynamodb, out = system.client("dynamodb"), system.outputs
    run = Reconcile(
        DynamoScan(dynamodb, out["EventsTable"], out["StockTable"]),
        DynamoViews(dynamodb, out["ViewsTable"], out["ContactsTable"], out["EventsTable"]),
        S3Documents(system.client("s3"), out["ReportsBucket"]),
        InOneGo(),
        time.sleep,
        system.outputs["MerchantTimeZone"],
        now,
    )
    return run(begin=True)


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """What was found, a line each; the counts last."""
    for each in report["drifts"]:
        parts = (f"{one['component']} log {one['log']} stock {one['stock']}" for one in each["components"])
        yield f"drift   {each['sku']} at {each['node']}: {', '.join(parts) or each['problem']}"
    for each in report["broken_streams"]:
        yield f"broken  {each['stream']}: commit {each['commit']} is {each['problem']}"
    for each in report["unbalanced"]:
        what = each.get("problem") or f"{each['drift']} minor units of {each['currency']}"
        yield f"ledger  order {each['order_id']}: {what}"
    for each in report["moving"]:
        yield f"moving  {each['sku']} at {each['node']}: neither proved nor refuted"
    for what, count in report["not_looked_at"].items():
        if count:
            yield f"further {count} {what} that were too many to be looked at"
    shown = ("commits", "positions", "ledger_orders", "drift", "broken", "ledger_drift", "unsettled")
    yield ", ".join(f"{name} {report[name]}" for name in shown)


def main() -> int:
    """Reconcile; 1 when something is wrong, or nothing runs here."""
    try:
        report = reconcile(find())
    except (SystemMissingError, BotoCoreError, ClientError) as error:
        print(f"nothing was proved: {error}", file=sys.stderr)
        return 1
    for line in lines(report):
        print(line)
    return 1 if report["drift"] or report["broken"] or report["ledger_wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
