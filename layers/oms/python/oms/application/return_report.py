"""Why units came back, day by day."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from oms.application.reports import CSV, PAGE, day_bounds, to_csv
from oms.domain.frozen import frozen
from oms.domain.ids import derive
from oms.domain.order.return_reasons import reasons

if TYPE_CHECKING:
    from datetime import date

    from oms.application.gateways import Documents
    from oms.application.orders import Orders
    from oms.application.ports import Clock, Views
    from oms.domain.order.return_reasons import Why

ROWS: Final = "returns_report"
"""The partition of the views that lists them, newest day first."""
COLUMNS: Final = ("day", "reason", "sku", "lot", "carrier", "channel", "condition", "disposition", "units")


@frozen(kw_only=False)
class ReportReturns:
    """What nodes looked at yesterday, to a file and to the views. Run again, it writes the same."""

    views: Views
    orders: Orders
    documents: Documents
    zone: str
    now: Clock

    def __call__(self, day: date | None = None) -> dict[str, Any]:
        """{'day', 'rows', 'key'}; `day` in the merchant's zone, by default yesterday."""
        day = day or (self.now().astimezone(ZoneInfo(self.zone)) - timedelta(days=1)).date()
        since, until = day_bounds(day, self.zone)
        found: Counter[Why] = Counter()
        # The day of the zone lies in at most two days of UTC, by which orders with returns are kept.
        days = dict.fromkeys((since.date(), (until - timedelta(microseconds=1)).date()))
        for order_id in dict.fromkeys(each for utc in days for each in self._orders(utc)):
            found.update(reasons(order_id, self.orders.load(order_id).history.commits, since, until))
        told = [
            {"day": day.isoformat(), **{name: str(getattr(why, name)) for name in COLUMNS[1:-1]}, "units": units}
            for why, units in found.items()
        ]
        key = f"reports/returns/{day:%Y/%m}/returns-{day.isoformat()}.csv"
        self.documents.put(key, to_csv(COLUMNS, sorted([str(row[name]) for name in COLUMNS] for row in told)), CSV)
        for row in told:
            name = derive("why", *(str(row[column]) for column in COLUMNS[1:-1]))
            self.views.put_row(ROWS, f"{day.isoformat()}#{name}", row, replace=True)
        return {"day": day.isoformat(), "rows": len(told), "key": key}

    def _orders(self, utc: date) -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            rows, cursor = self.views.list_rows(f"returned#{utc.isoformat()}", PAGE, cursor)
            found += [row["order_id"] for row in rows]
            if not cursor:
                return found
