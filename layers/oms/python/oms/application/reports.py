"""Scheduled reports."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from oms.domain.frozen import frozen
from oms.domain.money import format_minor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from oms.application.gateways import Documents
    from oms.application.ports import Clock, Views

PAGE: Final = 100
CSV: Final = "text/csv; charset=utf-8"
COLUMNS: Final = ("day", "channel", "currency", "orders", "cancelled_orders", "units", "revenue")


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """The instants between which it is `day` in `zone`: 23 to 25 hours apart."""
    here = ZoneInfo(zone)
    start = datetime.combine(day, time.min, here).astimezone(UTC)
    return start, datetime.combine(day + timedelta(days=1), time.min, here).astimezone(UTC)


def summarize_sales(day: date, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per channel and currency; revenue in minor units, of orders that were not cancelled."""
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        sums_of = sums.setdefault(
            (row["channel"], row["currency"]), {"orders": 0, "cancelled_orders": 0, "units": 0, "revenue": 0}
        )
        sums_of["orders"] += 1
        if row["stage"] == "cancelled":
            sums_of["cancelled_orders"] += 1
        else:
            sums_of["units"] += int(row.get("units", 0))
            sums_of["revenue"] += int(row["total"])
    return [
        {"day": day.isoformat(), "channel": channel, "currency": currency, **sums[(channel, currency)]}
        for channel, currency in sorted(sums)
    ]


def sales_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The report as CSV, revenue in major units."""
    shown = [{**row, "revenue": format_minor(row["revenue"], row["currency"])} for row in rows]
    return to_csv(COLUMNS, [[row[name] for name in COLUMNS] for row in shown])


def to_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table for spreadsheets and their like. A cell that a spreadsheet would run is quoted as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([_inert(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig", "backslashreplace")


def _inert(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "@", "\t", "\r")) else cell


@frozen(kw_only=False)
class ReportSales:
    """Yesterday's orders, units and revenue by channel and currency, to a file and to the views.

    Run again, it writes the same file with what is known now.
    """

    views: Views
    documents: Documents
    zone: str
    now: Clock

    def __call__(self, day: date | None = None) -> dict[str, Any]:
        """{'day', 'rows', 'key'}; `day` in the merchant's zone, by default yesterday."""
        day = day or (self.now().astimezone(ZoneInfo(self.zone)) - timedelta(days=1)).date()
        since, until = day_bounds(day, self.zone)
        rows: list[Mapping[str, Any]] = []
        cursor = ""
        while True:
            found, cursor = self.views.list_orders("all", "", since, until, PAGE, cursor)
            rows.extend(row for row in found if since <= datetime.fromisoformat(row["placed_at"]) < until)
            if not cursor:
                break
        report = summarize_sales(day, rows)
        key = f"reports/sales/{day:%Y/%m}/sales-{day.isoformat()}.csv"
        self.documents.put(key, sales_csv(report), CSV)
        for row in report:
            key_of_row = f"sales#{day.isoformat()}#{row['channel']}#{row['currency']}"
            self.views.put_row("report", key_of_row, row, replace=True)
        return {"day": day.isoformat(), "rows": len(report), "key": key}
