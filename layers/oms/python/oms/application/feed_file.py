"""Take in a file of a stock feed, of a million rows and more: in pieces, put down and taken up again.

What is remembered of a file is where it was read to, and what became of the rows until there. Whoever dies in between
reads the rows since then once more, which changes nothing. Problems are written beside the report, part by part.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from oms.application.feed import Feed, Problem, Tally
from oms.application.feed_report import SHOWN, errors_key
from oms.domain.errors import FeedGoneError, InvalidInputError, MalformedPayloadError, MalformedRowError, OmsError
from oms.domain.feed import COLUMNS, check_source, read_row
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from oms.application.feed import TakeStockFeed
    from oms.application.feed_report import FeedReports
    from oms.application.ports import Checkpoint, Clock, FeedFile
    from oms.domain.feed import FeedRow

FORM: Final = 1
"""Of what is put down: of another form, it is not taken up."""
CHUNK: Final = 4000
"""Rows that are decided together: forty reads of a hundred."""
CHUNKS: Final = 5
"""After so many, how far the file was read is put down."""
PART: Final = 10_000
"""Problems of a file of them."""
_FORMATS: Final = {"csv": "csv", "jsonl": "jsonl", "ndjson": "jsonl"}


class Run:
    """What is remembered of a file while it is taken in."""

    __slots__ = ("began", "columns", "offset", "parts", "row", "shown", "tally", "times")

    def __init__(self, began: str) -> None:
        self.began = began
        self.offset = 0
        self.row = 0
        """Rows read: a CSV's header is none."""
        self.columns: list[str] = []
        self.tally = Tally()
        self.shown: list[dict[str, Any]] = []
        self.parts = 0
        """Files of problems that are written."""
        self.times = 1
        """How often it was begun, or taken up."""

    def document(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "form": FORM,
            "began": self.began,
            "offset": self.offset,
            "row": self.row,
            "columns": self.columns,
            "tally": asdict(self.tally) | {"problems": [[*vars(each).values()] for each in self.tally.problems]},
            "shown": self.shown,
            "parts": self.parts,
            "times": self.times,
        }


def taken_up(document: Mapping[str, Any] | None) -> Run | None:
    """The run that was put down; None when there is none, or it is of another form."""
    if document is None or document.get("form") != FORM:
        return None
    run = Run(document["began"])
    run.offset, run.row, run.columns = document["offset"], document["row"], document["columns"]
    told = document["tally"]
    problems = [Problem(row=row, code=code, detail=detail) for row, code, detail in told["problems"]]
    run.tally = Tally(**{**told, "problems": problems})
    run.shown, run.parts, run.times = document["shown"], document["parts"], document["times"] + 1
    return run


@frozen(kw_only=False)
class TakeFeedFile:
    """A file may take longer than a function lives: it is put down when `more` says so, and the next call goes on."""

    take: TakeStockFeed
    reports: FeedReports
    checkpoint: Callable[[str], Checkpoint]
    now: Clock

    def __call__(self, file: FeedFile, more: Callable[[], bool] = lambda: True) -> dict[str, Any]:
        """{'state': 'finished'} and the report, or {'state': 'unfinished'} when it was put down.

        {'state': 'gone'} when the file is not there any more, {'state': 'refused'} when it cannot be read at all.
        Each call takes at least one piece.
        """
        checkpoint = self.checkpoint(file.feed_id)
        run = taken_up(checkpoint.load()) or Run(self.now().isoformat())
        refused: OmsError | None = None
        try:
            source, form = _named(file.name)
            feed = Feed(source=source, feed_id=file.feed_id)
            if not self._read(feed, form, file, run, checkpoint, more):
                checkpoint.save(run.document())
                return {"state": "unfinished", "file": file.name, "rows": run.row}
        except FeedGoneError as error:
            refused = error
        except MalformedPayloadError as error:
            refused = error
        except InvalidInputError as error:
            refused = MalformedPayloadError(str(error))
        report = self._report(file, run, refused)
        checkpoint.clear()
        return report

    def _read(
        self, feed: Feed, form: str, file: FeedFile, run: Run, checkpoint: Checkpoint, more: Callable[[], bool]
    ) -> bool:
        """False when it was interrupted."""
        lines = file.lines(run.offset)
        if form == "csv" and not run.columns:
            run.columns, run.offset = _header(lines)
        read = _csv_reader(run.columns) if form == "csv" else _json
        for count, pieces in enumerate(iter(lambda: list(islice(lines, CHUNK)), []), start=1):
            rows = self._rows(pieces, read, run)
            self.take(feed, rows, run.tally, remember=False)
            run.offset = pieces[-1][1]
            self._flush(file, run, PART)
            if len(pieces) == CHUNK and not more():
                return False
            if count % CHUNKS == 0:
                checkpoint.save(run.document())
        return True

    def _rows(
        self, pieces: Sequence[tuple[bytes, int]], read: Callable[[str], Mapping[str, Any]], run: Run
    ) -> list[FeedRow]:
        rows = []
        now = self.now()
        for line, _ in pieces:
            if not line.strip():
                continue
            run.row += 1
            try:
                rows.append(read_row(run.row, read(line.decode("utf-8")), now))
            except UnicodeDecodeError:
                run.tally.refuse(run.row, MalformedRowError("the line is not UTF-8"))
            except OmsError as error:
                run.tally.refuse(run.row, error)
        return rows

    def _flush(self, file: FeedFile, run: Run, least: int) -> None:
        """Write the problems that were gathered to a file of their own, once they are so many."""
        problems = sorted(run.tally.problems, key=lambda each: each.row)
        if len(problems) < least:
            return
        run.parts += 1
        plain = self.reports.problems(run.began, file.feed_id, run.parts, problems)
        run.shown = [*run.shown, *plain][:SHOWN]
        run.tally.problems = []

    def _report(self, file: FeedFile, run: Run, refused: OmsError | None) -> dict[str, Any]:
        self._flush(file, run, 1)
        state = "finished" if refused is None else "gone" if isinstance(refused, FeedGoneError) else "refused"
        report = {
            "state": state,
            "source": file.name.partition("/")[0],
            "file": file.name,
            "times_begun": run.times,
            "rows_read": run.row,
            "accepted": run.tally.accepted,
            "unchanged": run.tally.unchanged,
            "stale": run.tally.stale,
            "errors": run.tally.errors - run.tally.stale,
            "refused": "" if refused is None else f"{refused.code}: {refused}",
            "error_files": [errors_key(run.began, file.feed_id, part) for part in range(1, run.parts + 1)],
            "rows": run.shown,
        }
        return self.reports(run.began, file.feed_id, report)


def _named(name: str) -> tuple[str, str]:
    """(source, format) of `<source>/<…>.<format>[.gz]`; raises InvalidInputError."""
    source, _, rest = name.partition("/")
    form = _FORMATS.get(rest.removesuffix(".gz").rpartition(".")[2].lower())
    if form is None or not rest:
        raise MalformedPayloadError("a feed is called <source>/<name>.csv or .jsonl, with .gz when it is packed")
    return check_source(source), form


def _header(lines: Iterator[tuple[bytes, int]]) -> tuple[list[str], int]:
    """(columns, offset behind them); raises MalformedPayloadError."""
    line, offset = next(lines, (b"", 0))
    try:
        columns = [each.strip().lower() for each in next(csv.reader([line.decode("utf-8-sig").rstrip("\r")]), [])]
    except (UnicodeDecodeError, csv.Error):
        columns = []
    missing = {"sku", "node_id", "as_of"} - set(columns)
    if missing or not {"on_hand", "change"} & set(columns) or len(columns) != len(set(columns)):
        raise MalformedPayloadError("the first line names the columns: sku, node_id, as_of, on_hand or change, row_id")
    return [each if each in COLUMNS else "" for each in columns], offset


def _csv_reader(columns: Sequence[str]) -> Callable[[str], Mapping[str, Any]]:
    """A line of a CSV file; columns that no row has are left out. Raises MalformedRowError."""

    def read(line: str) -> Mapping[str, Any]:
        try:
            values = next(csv.reader([line.rstrip("\r")], strict=True)) if '"' in line else line.rstrip("\r").split(",")
        except csv.Error as error:
            raise MalformedRowError("the line is no CSV") from error
        if len(values) != len(columns):
            raise MalformedRowError("the line has another number of columns than the first")
        return dict(zip(columns, values, strict=True))

    return read


def _json(line: str) -> Mapping[str, Any]:
    """A line of a JSONL file; raises MalformedRowError."""
    try:
        said = json.loads(line.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise MalformedRowError("the line is no JSON") from error
    if not isinstance(said, dict):
        raise MalformedRowError("the line is no JSON object")
    return said
