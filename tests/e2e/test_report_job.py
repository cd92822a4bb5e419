"""The nightly report: yesterday in the merchant's time zone, summed by channel and currency."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from oms.application.reports import day_bounds
from tests.e2e.conftest import PARAMETERS
from tests.e2e.support import at_once

if TYPE_CHECKING:
    from tests.e2e.support import Oms

ZONE = PARAMETERS["MerchantTimeZone"]


def _place(oms: Oms, sku: str, at: datetime, currency: str, price: int) -> str:
    return oms.place({sku: 2}, price, currency=currency, placed_at=at.isoformat())


def test_a_day_is_summed_by_channel_and_currency(oms: Oms) -> None:
    """Orders just before midnight in New York are of the day before, though it is the next day in UTC."""
    sku = oms.sku("report", us_east=100)
    day = (datetime.now(UTC) - timedelta(days=40)).astimezone(ZoneInfo(ZONE)).date()
    since, until = day_bounds(day, ZONE)
    assert since.hour in (4, 5)
    moment = timedelta(microseconds=1)
    orders = [
        (since, "USD", 1000),
        (until - moment, "USD", 1050),
        (since + timedelta(hours=9), "JPY", 700),
        (since + timedelta(hours=10), "KWD", 1234),
        (since - moment, "USD", 99_000),
        (until, "USD", 88_000),
    ]
    placed = at_once(lambda each: _place(oms, sku, *each), orders)
    cancelled = _place(oms, sku, since + timedelta(hours=1), "USD", 5_000)
    assert oms.post(f"/orders/{cancelled}/cancel").status == 200
    oms.quiet()
    assert len(set(placed)) == len(orders)

    for _ in range(2):
        answer = oms.invoke("ReportSales", {"day": day.isoformat()})
        body = oms.system.client("s3").get_object(Bucket=oms.system.outputs["ReportsBucket"], Key=answer["key"])["Body"]
        rows = list(csv.DictReader(io.StringIO(body.read().decode("utf-8-sig"))))
        assert [tuple(row.values()) for row in rows] == [
            (day.isoformat(), "site", "JPY", "1", "0", "2", "1400"),
            (day.isoformat(), "site", "KWD", "1", "0", "2", "2.468"),
            (day.isoformat(), "site", "USD", "3", "1", "4", "41.00"),
        ]
    shown = [
        row for row in oms.get("/reports/sales?limit=100", "finance").document["sales"] if row["day"] == day.isoformat()
    ]
    assert [(row["currency"], row["revenue"]) for row in shown] == [("USD", 4100), ("KWD", 2468), ("JPY", 1400)]


def test_a_day_without_orders_is_a_report_without_rows(oms: Oms) -> None:
    answer = oms.invoke("ReportSales", {"day": "2020-02-29"})
    day = "2020-02-29"
    returns = {"day": day, "rows": 0, "key": f"reports/returns/2020/02/returns-{day}.csv"}
    assert answer == {"day": day, "rows": 0, "key": f"reports/sales/2020/02/sales-{day}.csv", "returns": returns}
