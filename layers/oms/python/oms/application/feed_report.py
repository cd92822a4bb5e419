"""What became of a feed: a file that holds all of it, a row of a list, and an alert when somebody has to look."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from oms.application.relay import KEEP_ALERT_DAYS
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.application.feed import Feed, Problem, Tally
    from oms.application.gateways import Documents
    from oms.application.ports import Clock, Views

KIND: Final = "stock_feed"
SHOWN: Final = 100
"""Problems in the report; all are in its files."""
KEEP_DAYS: Final = 90


@frozen(kw_only=False)
class FeedReports:
    """Reports, in folders of the reports bucket."""

    views: Views
    documents: Documents
    now: Clock

    def problems(self, began: str, feed_id: str, part: int, problems: Sequence[Problem]) -> list[dict[str, Any]]:
        """Write a file of problems, and give them as JSON values. The same part again is the same file."""
        plain = [{"row": each.row, "code": each.code, "detail": each.detail} for each in problems]
        text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in plain)
        self.documents.put(errors_key(began, feed_id, part), text.encode(), "application/jsonl")
        return plain

    def __call__(self, began: str, feed_id: str, report: Mapping[str, Any]) -> dict[str, Any]:
        """Tell of a feed that was begun then; the report as it is kept."""
        told = {**report, "feed_id": feed_id, "began_at": began, "finished_at": self.now().isoformat()}
        key = f"{_folder(began, feed_id)}/report.json"
        text = json.dumps(told, ensure_ascii=False, indent=1)
        self.documents.put(key, text.encode(), "application/json")
        row = {name: value for name, value in told.items() if not isinstance(value, list)}
        self.views.put_row(KIND, f"{began[:19]}#{feed_id}", {**row, "document": key}, keep_days=KEEP_DAYS, replace=True)
        if told["errors"] or told["refused"]:
            alert = {
                "alert_id": f"stock_feed:{feed_id}",
                "kind": KIND,
                "raised_at": told["finished_at"],
                "source": told["source"],
                "errors": told["errors"],
                "document": key,
            }
            key = f"{began[:10]}#feed#{feed_id}"
            self.views.put_row("alert", key, alert, keep_days=KEEP_ALERT_DAYS, replace=True)
        return told

    def of_message(self, feed: Feed, tally: Tally) -> None:
        """Tell of a message's rows that were not taken."""
        began = self.now().isoformat()
        shown = self.problems(began, feed.feed_id, 1, tally.problems)[:SHOWN]
        counts = {"accepted": tally.accepted, "unchanged": tally.unchanged, "stale": tally.stale}
        about = {"state": "finished", "source": feed.source, "file": "", "refused": ""}
        files = [errors_key(began, feed.feed_id, 1)]
        self(
            began,
            feed.feed_id,
            {**about, **counts, "errors": tally.errors - tally.stale, "error_files": files, "rows": shown},
        )


def _folder(began: str, feed_id: str) -> str:
    """Of one run: the same file dropped again has a report of its own."""
    return f"reports/stock-feeds/{began[:19].replace(':', '')}-{feed_id}"


def errors_key(began: str, feed_id: str, part: int) -> str:
    """Where problems are written."""
    return f"{_folder(began, feed_id)}/errors-{part:04d}.jsonl"
