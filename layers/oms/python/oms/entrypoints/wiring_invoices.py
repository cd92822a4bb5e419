"""What `wiring` is to all else, to invoices: their ports and use cases."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from oms.entrypoints import wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from oms.adapters.dynamodb_series import DynamoSeriesLog
    from oms.application.invoices import IssueInvoices, ShowInvoices


@cache
def series_log() -> DynamoSeriesLog:
    """The log, as series of documents are kept in it."""
    from oms.adapters.dynamodb_series import DynamoSeriesLog

    return DynamoSeriesLog(
        wiring.client("dynamodb"), os.environ["EVENTS_TABLE"], os.environ["STOCK_TABLE"], wiring.shards()
    )


@cache
def issue_invoices() -> IssueInvoices:
    """Use case."""
    from oms.application.invoices import IssueInvoices

    return IssueInvoices(series_log(), wiring.reference(), wiring.now)


@cache
def show_invoices() -> ShowInvoices:
    """Use case."""
    from oms.application.invoices import ShowInvoices

    return ShowInvoices(series_log())


def issuer() -> Callable[[str], None] | None:
    """What has an order's invoices issued; None where the merchant wants none."""
    return issue_later if os.environ["ISSUE_INVOICES"] == "true" else None


def issue_later(order_id: str) -> None:
    """Have the order's invoices issued."""
    wiring.queue("INVOICES_QUEUE").send({"invoice": order_id}, 0)
