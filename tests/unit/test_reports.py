"""The sales report without AWS: days that are shorter and longer, sums, cells that spreadsheets would run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from oms.application.reports import ReportSales, day_bounds, sales_csv, summarize_sales


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("America/New_York", date(2026, 7, 1), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Asia/Tokyo", date(2026, 12, 31), 24),
        ("Etc/UTC", date(2028, 2, 29), 24),
    ],
)
def test_a_day_is_as_long_as_its_zone_says(zone: str, day: date, hours: float) -> None:
    since, until = day_bounds(day, zone)
    assert until - since == timedelta(hours=hours)
    assert day_bounds(day + timedelta(days=1), zone)[0] == until


def test_a_day_begins_at_midnight_of_its_zone() -> None:
    assert day_bounds(date(2026, 3, 8), "America/New_York")[0] == datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert day_bounds(date(2026, 3, 9), "America/New_York")[0] == datetime(2026, 3, 9, 4, tzinfo=UTC)


def _row(at: datetime, total: int = 100, **changes: Any) -> dict[str, Any]:
    row = {"order_id": "o", "channel": "site", "currency": "USD", "stage": "released", "units": 1, "total": total}
    return {**row, "placed_at": at.isoformat(), **changes}


def test_sums_are_by_channel_and_currency_and_leave_cancelled_orders_out() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        _row(at, 100, units=2),
        _row(at, 150),
        _row(at, 900, stage="cancelled", units=0),
        _row(at, 70, currency="JPY"),
        _row(at, 80, channel="amazon"),
    ]
    found = [(row["channel"], row["currency"], row["orders"], row["cancelled_orders"], row["units"], row["revenue"])
             for row in summarize_sales(date(2026, 1, 1), rows)]  # fmt: skip
    assert found == [("amazon", "USD", 1, 0, 1, 80), ("site", "JPY", 1, 0, 1, 70), ("site", "USD", 3, 1, 3, 250)]


def test_a_cell_that_a_spreadsheet_would_run_is_text() -> None:
    rows = summarize_sales(date(2026, 1, 1), [_row(datetime(2026, 1, 1, tzinfo=UTC), channel='=HYPERLINK("x")')])
    assert b"'=HYPERLINK" in sales_csv(rows)


class _Views:
    """Lists of one page each, all of them overlapping the day by an hour at either end."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.kept: dict[str, Any] = {}

    def list_orders(self, by: str, value: str, since: datetime, until: datetime, limit: int, cursor: str) -> Any:
        assert (by, value) == ("all", "")
        near = self.rows
        start = int(cursor or 0)
        after = start + 2
        return near[start:after], str(after) if after < len(near) else ""

    def delete_row(self, kind: str, key: str) -> None:
        self.kept.pop(key, None)

    def put_row(self, kind: str, key: str, row: dict[str, Any], *, keep_days: int = 0, replace: bool = False) -> bool:
        assert replace, "run again, it shows what is known then"
        self.kept[key] = row
        return True


class _Documents(dict[str, bytes]):
    def put(self, key: str, body: bytes, content_type: str) -> None:
        self[key] = body


def test_by_default_it_is_yesterday_where_the_merchant_is() -> None:
    """At 03:15 in New York on the day after the clocks went forward: a day of 23 hours, to the second."""
    since, until = day_bounds(date(2026, 3, 8), "America/New_York")
    second = timedelta(seconds=1)
    rows = [_row(at) for at in (since - second, since, since + timedelta(hours=5), until - second, until)]
    views, documents = _Views(rows), _Documents()
    now = datetime(2026, 3, 9, 7, 15, tzinfo=UTC)
    report = ReportSales(views, documents, "America/New_York", lambda: now)  # type: ignore[arg-type]
    for _ in range(2):
        assert report() == {"day": "2026-03-08", "rows": 1, "key": "reports/sales/2026/03/sales-2026-03-08.csv"}
    assert views.kept["sales#2026-03-08#site#USD"]["orders"] == 3
    assert documents["reports/sales/2026/03/sales-2026-03-08.csv"].endswith(b"2026-03-08,site,USD,3,0,3,3.00\r\n")
