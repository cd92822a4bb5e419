"""Prove that stock is the fold of the log, the log as it was written, and money balanced, while orders are taken.

First look: every row of stock, then every commit of the log. A row must be what the log says as of the instant at which
the row was read, and each stream must be a chain. What does not agree is looked at again: its rows are read several
times, then the whole log once more, and only the same difference at each reading is a drift. A stream that seemed
broken is read by itself.

Returned, and put into the report: counts, every drift by position and component, every broken stream by commit, every
order whose ledger drifts. Beside it the ledger's entries of the day before are written, for accounting.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from oms.application.books import COLUMNS, TOTALS, Books, Day
from oms.application.reconcile_run import Run, taken_up
from oms.application.relay import KEEP_ALERT_DAYS
from oms.application.reports import CSV, day_bounds, to_csv
from oms.domain.audit import Fold, broken_at
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from oms.application.gateways import Documents
    from oms.application.ports import Checkpoint, Clock, Everything, Views
    from oms.domain.audit import Position

LOOKS: Final = 3
READINGS: Final = 5
"""Of a row that is looked at again."""
APART_S: Final = 1.0
"""Seconds between them: longer than a commit takes from its time to the table."""
PAGES: Final = 200
"""After so many the run is put down as it is: whoever is throttled or dies then is not far behind. About 200 MB."""
KIND: Final = "reconciliation"
LINES: Final = 20_000
"""Entries of a file of the ledger: some 3 MB."""


@frozen(kw_only=False)
class Reconcile:
    """A run may be longer than a function lives: it is put down when `more` says so, and taken up by the next call."""

    everything: Everything
    views: Views
    documents: Documents
    checkpoint: Checkpoint
    wait: Callable[[float], None]
    zone: str
    """In which days of the ledger begin and end."""
    now: Clock

    def __call__(self, *, begin: bool, more: Callable[[], bool] = lambda: True) -> dict[str, Any]:
        """{'state': 'finished'} and the report, or {'state': 'unfinished'} when it was put down.

        {'state': 'idle'} when nothing is to be taken up, nor to `begin`. Each call reads a page of the log at least.
        """
        run = taken_up(self.checkpoint.load()) or (self._first_look() if begin else None)
        if run is None:
            return {"state": "idle"}
        while True:
            if not self._read_log(run, more):
                self.checkpoint.save(run.document())
                return {"state": "unfinished", "look": run.look, "commits": run.commits}
            if run.look == 1:
                run.broken = self._broken(run)
                self._end_books(run.books)
            moving = run.sift()
            if not moving or run.look == LOOKS:
                break
            run.look_again(self._readings(run, moving))
        report = self._report(run, moving)
        self._publish(report)
        self.checkpoint.clear()
        return {"state": "finished", **report}

    def _first_look(self) -> Run:
        at = begun = self.now()
        fold = Fold(begun)
        for rows in self.everything.stock_pages():
            fold.read(at, rows)
            at = self.now()
        return Run(fold, Books(self._day_before(begun)))

    def _day_before(self, begun: datetime) -> Day:
        day = begun.astimezone(ZoneInfo(self.zone)).date() - timedelta(days=1)
        since, until = day_bounds(day, self.zone)
        return Day(name=day.isoformat(), since=since, until=until)

    def _readings(self, run: Run, positions: Sequence[Position]) -> Fold:
        """The rows of these positions, several times."""
        fold = Fold(run.fold.begun, positions)
        for reading in range(READINGS):
            if reading:
                self.wait(APART_S)
            at = self.now()
            fold.read_again(at, self.everything.positions(sku for sku, _ in positions))
        return fold

    def _read_log(self, run: Run, more: Callable[[], bool]) -> bool:
        """False when it was interrupted."""
        for count, page in enumerate(self.everything.log_pages(run.marks, len(run.chains)), start=1):
            run.take(page)
            self._write_lines(run.books, LINES)
            if run.marks and not more():
                return False
            if count % PAGES == 0:
                self.checkpoint.save(run.document())
        return True

    def _end_books(self, books: Books) -> None:
        """The orders that came in pieces, and the files."""
        for stream in sorted(books.again):
            books.read(stream, self.everything.stream(stream))
            self._write_lines(books, LINES)
        self._write_lines(books, 1)
        self.documents.put(_ledger_key(books, "totals"), to_csv(TOTALS, books.totals()), CSV)

    def _write_lines(self, books: Books, enough: int) -> None:
        """A further file of the day's entries, if there are enough for one."""
        if len(books.lines) >= enough:
            books.files += 1
            self.documents.put(_ledger_key(books, f"{books.files:04d}"), to_csv(COLUMNS, books.lines), CSV)
            books.lines = []

    def _broken(self, run: Run) -> list[dict[str, Any]]:
        found = (broken_at(stream, self.everything.stream(stream)) for stream in sorted(run.streams))
        return [each for each in found if each is not None]

    def _report(self, run: Run, moving: Sequence[Position]) -> dict[str, Any]:
        begun = run.fold.begun
        return {
            "day": f"{begun:%Y-%m-%d}",
            "started_at": begun.isoformat(),
            "finished_at": self.now().isoformat(),
            "looks": run.look,
            "commits": run.commits,
            "positions": run.positions,
            "drift": len(run.drifts),
            "broken": len(run.broken),
            "unsettled": len(moving),
            "not_looked_at": run.further,
            **run.books.report(),
            "drifts": sorted(run.drifts, key=lambda each: (each["sku"], each["node"])),
            "broken_streams": run.broken,
            "moving": [{"sku": sku, "node": node} for sku, node in moving],
        }

    def _publish(self, report: dict[str, Any]) -> None:
        """A second run of a day takes the place of the first."""
        day = report["day"]
        key = f"reports/reconcile/{day[:4]}/{day[5:7]}/reconcile-{day}.json"
        text = json.dumps(report, ensure_ascii=False, indent=1)
        self.documents.put(key, text.encode("utf-8", "surrogatepass"), "application/json")
        row = {name: value for name, value in report.items() if not isinstance(value, list)}
        self.views.put_row(KIND, day, {**row, "document": key}, replace=True)
        wrong = {"stock_drift": report["drift"], "broken_log": report["broken"], "ledger_drift": report["ledger_wrong"]}
        if any(wrong.values()):
            alert = {
                "alert_id": f"reconcile:{day}",
                "kind": next(kind for kind, count in wrong.items() if count),
                "raised_at": report["finished_at"],
                "drift": report["drift"],
                "broken": report["broken"],
                "ledger_wrong": report["ledger_wrong"],
                "document": key,
            }
            self.views.put_row("alert", f"{day}#reconcile", alert, keep_days=KEEP_ALERT_DAYS, replace=True)


def _ledger_key(books: Books, part: str) -> str:
    day = books.day.name
    return f"reports/ledger/{day[:4]}/{day[5:7]}/ledger-{day}-{part}.csv"
