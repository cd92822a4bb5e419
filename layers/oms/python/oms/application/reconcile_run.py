"""A run of the reconciler: what it has to remember while it reads, and how that is put down and taken up again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from oms.application.books import Books
from oms.application.books import taken_up as books_taken_up
from oms.domain.audit import Account, Chain, Fold, Verdict, describe, describe_unreadable
from oms.domain.commit import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.application.ports import LogPage, Mark
    from oms.domain.audit import Position

FORM: Final = 4
"""Of what is put down: of another form, it is not taken up."""
PARTS: Final = 4
"""Of the log, read in turn, so that the load goes round the table's partitions."""
NAMED: Final = 1000
"""Positions, and streams, that are looked at again and named; of more, only how many is said."""


class Run:
    """`look` 1 reads everything; those after it look again at the positions that did not agree."""

    __slots__ = (
        "books",
        "broken",
        "chains",
        "commits",
        "drifts",
        "fold",
        "further",
        "look",
        "marks",
        "positions",
        "streams",
    )

    def __init__(self, fold: Fold, books: Books) -> None:
        self.fold = fold
        self.books = books
        self.look = 1
        self.commits = 0
        self.positions = 0
        self.marks: dict[int, Mark | None] = dict.fromkeys(range(PARTS))
        """How far the parts were read that are not at their end."""
        self.chains = {part: Chain() for part in range(PARTS)}
        self.streams: dict[str, None] = {}
        """Suspects."""
        self.broken: list[dict[str, Any]] = []
        self.drifts: list[dict[str, Any]] = []
        self.further = {"positions": 0, "streams": 0}
        """Suspects that were too many to be looked at."""

    def take(self, page: LogPage) -> None:
        """Commits of the log."""
        chain = self.chains[page.part]
        for stored in page.commits:
            if self.look == 1:
                self.commits += 1
                self.books.take(page.part, stored)
                if not chain.follows(stored):
                    self._suspect(stored.stream if isinstance(stored, Unreadable) else stored.commit.stream)
            if not isinstance(stored, Unreadable):
                self.fold.add(stored)
        if page.mark is None:
            self.books.end(page.part)
            del self.marks[page.part]
        else:
            self.marks[page.part] = page.mark

    def _suspect(self, stream: str) -> None:
        if stream in self.streams:
            return
        if len(self.streams) < NAMED:
            self.streams[stream] = None
        else:
            self.further["streams"] += 1

    def sift(self) -> list[Position]:
        """Note what certainly drifts; the positions that have to be looked at again."""
        again: list[Position] = []
        self.drifts += [describe_unreadable(position) for position in self.fold.unreadable]
        for position, account in sorted(self.fold.unlike(), key=lambda each: each[0]):
            if self.look > 1 and account.verdict is Verdict.DIFFERS:
                self.drifts.append(describe(position, account))
            elif len(again) < NAMED:
                again.append(position)
            else:
                self.further["positions"] += 1
        if self.look == 1:
            self.positions = len(self.fold.accounts)
        return again

    def look_again(self, fold: Fold) -> None:
        """From the beginning of the log, for what `fold` looks at."""
        self.fold = fold
        self.look += 1
        self.marks = dict.fromkeys(range(PARTS))

    # ---------------------------------------------------------------- put down, taken up

    def document(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "form": FORM,
            "look": self.look,
            "commits": self.commits,
            "positions": self.positions,
            "begun": self.fold.begun.isoformat(),
            "only": None if self.fold.only is None else sorted(self.fold.only),
            "accounts": [[*position, *_put_down(account)] for position, account in self.fold.accounts.items()],
            "unreadable": list(self.fold.unreadable),
            "marks": list(self.marks.items()),
            "tails": [[part, chain.tail] for part, chain in self.chains.items()],
            "streams": list(self.streams),
            "broken": self.broken,
            "drifts": self.drifts,
            "further": self.further,
            "books": self.books.document(),
        }


def taken_up(document: Mapping[str, Any] | None) -> Run | None:
    """The run that was put down; None when there is none, or it is of another form."""
    if document is None or document.get("form") != FORM:
        return None
    only = document["only"]
    begun = datetime.fromisoformat(document["begun"])
    fold = Fold(begun, None if only is None else [(sku, node) for sku, node in only])
    for sku, node, *account in document["accounts"]:
        fold.accounts[sku, node] = _taken_up(account)
    fold.unreadable = dict.fromkeys((sku, node) for sku, node in document["unreadable"])
    run = Run(fold, books_taken_up(document["books"]))
    run.look, run.commits, run.positions = document["look"], document["commits"], document["positions"]
    run.marks = {part: None if mark is None else (mark[0], mark[1]) for part, mark in document["marks"]}
    run.chains = {part: Chain((stream, number, head)) for part, (stream, number, head) in document["tails"]}
    run.streams = dict.fromkeys(document["streams"])
    run.broken, run.drifts, run.further = document["broken"], document["drifts"], document["further"]
    return run


def _put_down(account: Account) -> list[Any]:
    readings = [[at.isoformat(), counts] for at, counts in account.readings]
    return [readings, account.then, account.total]


def _taken_up(plain: Sequence[Any]) -> Account:
    account = Account()
    readings, then, total = plain
    account.readings = [(datetime.fromisoformat(at), tuple(counts)) for at, counts in readings]
    account.then = [tuple(each) for each in then]
    account.total = tuple(total)
    return account
