"""Ask channels for their orders: what was never delivered is found, and taken in as if it had been.

Per account a mark says until when everything was taken. A poll lists what changed from a little before the mark until
`LAG` ago, and puts every order whose state we do not have on the intake. Only when all of a span is durably there the
mark moves to its end. Whatever breaks off before that is done again, and does nothing twice: an order is taken by its
state, not by how often it was found.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.application.messages import listed_message
from oms.application.relay import KEEP_ALERT_DAYS
from oms.channels.listing import By, Span
from oms.channels.registry import lister
from oms.domain import ids
from oms.domain.errors import InvalidInputError, OmsError, UnknownEventError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from oms.application.compare_day import CompareDay
    from oms.application.gateways import VendorApi
    from oms.application.orders import Orders
    from oms.application.ports import Clock, Marks, Views
    from oms.channels.listing import Listed, Lister

EVERY: Final = timedelta(minutes=10)
"""The schedule's rate. With `LAG` an order that was never delivered is found within 13 minutes of its last change."""
LAG: Final = timedelta(minutes=3)
"""A delivery has so long to come by itself; Amazon lists changes two minutes late."""
OVERLAP: Final = timedelta(minutes=6)
"""Listed again each time: lists are not exact to the second, and clocks differ by minutes at most."""
FIRST_LOOK: Final = timedelta(hours=1)
"""How far back an account is listed that was never polled: older orders were somebody else's."""
MOST: Final = 300
"""Orders that one span may have for the intake, or the next poll begins with a shorter one: fetching them must not use
up what the vendor allows."""
SHORTEST: Final = timedelta(minutes=1)
"""A span that is taken to its end however much it holds, so that there is always an end."""
PACE_S: Final = 2
"""Seconds between two of them: Amazon gives one order every two seconds."""
LONGEST_DELAY_S: Final = 900
"""A queue keeps a message back no longer."""
PATIENCE: Final = 6
"""Polls of an account that fail one after the other until somebody is told: an hour."""
LONGEST_WAIT: Final = timedelta(minutes=30)
COMPARED_AT: Final = timedelta(hours=2)
"""After the end of a UTC day it is compared, one day by one poll."""
SETTLED: Final = timedelta(hours=1)
"""So far beyond the day an earlier poll must have come: what it found has been taken in by now."""


@frozen
class Mark:
    """Where an account stands. `compared` is the last day that was compared, `width_s` the length of the next span."""

    until: datetime
    compared: str
    width_s: int
    failures: int = 0
    not_before: datetime | None = None

    def document(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "until": self.until.isoformat(),
            "compared": self.compared,
            "width_s": self.width_s,
            "failures": self.failures,
            "not_before": self.not_before.isoformat() if self.not_before else "",
        }


def read_mark(document: Mapping[str, Any]) -> Mark:
    """The mark of `document`."""
    wait = document["not_before"]
    return Mark(
        until=datetime.fromisoformat(document["until"]),
        compared=document["compared"],
        width_s=document["width_s"],
        failures=document["failures"],
        not_before=datetime.fromisoformat(wait) if wait else None,
    )


@frozen(kw_only=False)
class _Account:
    """`met` are the states that this poll has looked at: spans overlap."""

    source: str
    account: str
    lists: Lister
    met: set[tuple[str, datetime]]


@frozen(kw_only=False)
class PollChannel:
    """One account."""

    orders: Orders
    vendors: VendorApi
    marks: Marks
    views: Views
    take_in: Callable[[Mapping[str, Any], int], None]
    """Has a message taken in so many seconds later; returns when it is durably queued."""
    compare: CompareDay
    now: Clock

    def __call__(self, source: str, account: str, more: Callable[[], bool] = lambda: True) -> dict[str, int]:
        """Counts: `listed`, `missed` (we had no such order), `behind` (an older state), `unreadable`, `compared`.

        And one of `waiting` (the vendor asked to), `failed`, `stuck` (failed for long, or refused: somebody is told).
        """
        name, now, lists = f"poll#{source}#{account}", self.now(), lister(source)
        seen = self.marks.load(name)
        mark = read_mark(seen) if seen else _first(now, lists)
        counts: dict[str, int] = {}
        if mark.not_before and now < mark.not_before:
            return {"waiting": 1}
        try:
            for moved in self._steps(_Account(source, account, lists, set()), mark, counts, more):
                if moved == mark and seen is not None:
                    continue
                if not self.marks.save(name, moved.document(), seen):
                    return counts  # another poll of this account is further than this one
                mark, seen = moved, moved.document()
        except OmsError as error:
            failed = _failed(mark, error, now)
            self.marks.save(name, failed.document(), seen)
            counts["failed"] = 1
            if failed.failures >= PATIENCE or not error.retryable:
                counts["stuck"] = 1
                self._tell(source, account, failed, error)
        return counts

    def _steps(self, of: _Account, mark: Mark, counts: dict[str, int], more: Callable[[], bool]) -> Iterator[Mark]:
        """How the mark moves."""
        now, listed_before = self.now(), mark.until
        until = (now - LAG).replace(microsecond=0)
        while mark.until < until:
            width = timedelta(seconds=mark.width_s)
            end = min(mark.until + width, until)
            done = self._take(of, Span(since=mark.until - OVERLAP, until=end), counts, more, may_stop=width > SHORTEST)
            if not done:
                shorter = max(SHORTEST, min(width, until - mark.until) / 2)
                yield replace(mark, width_s=int(shorter.total_seconds()), not_before=None)
                return
            wider = min(2 * width, of.lists.longest)
            mark = replace(mark, until=end, width_s=int(wider.total_seconds()), not_before=None)
            yield mark
            if not more():
                return
        day = _next_day(mark.compared)
        if day + timedelta(days=1) <= min(now - COMPARED_AT, listed_before - SETTLED):
            counts["differences"] = self.compare(of.source, of.account, f"{day:%Y-%m-%d}")
            counts["compared"] = 1
            mark = replace(mark, compared=f"{day:%Y-%m-%d}")
        yield replace(mark, failures=0, not_before=None)

    def _take(
        self, of: _Account, span: Span, counts: dict[str, int], more: Callable[[], bool], *, may_stop: bool
    ) -> bool:
        """Put on the intake what the span holds and we do not have; False when that was too much for one poll."""
        new = 0
        for listed in self._listed(of, span, counts):
            key = (listed.external_id, listed.updated_at)
            if key in of.met or listed.updated_at > span.until:
                continue
            what = self._lacks(of, listed)
            if what:
                # Of what lies before the mark, the poll before has had what it could.
                new += listed.updated_at > span.since + OVERLAP
                if may_stop and (new > MOST or not more()):
                    return False
                found = counts.get("missed", 0) + counts.get("behind", 0)
                message = listed_message(of.source, of.account, listed, self.now())
                self.take_in(message, min(found * PACE_S, LONGEST_DELAY_S))
                _count(counts, what)
            of.met.add(key)
            _count(counts, "listed")
        return True

    def _lacks(self, of: _Account, listed: Listed) -> str:
        """`missed` when we have no such order, `behind` when an older state of it; '' when there is nothing to do."""
        try:
            order = self.orders.load(ids.order_id(of.source, of.account, listed.external_id)).order
        except UnknownEventError:
            return ""  # newer code wrote it: this one cannot take anything into it
        if order is None:
            return "missed"
        return "" if order.revision is not None and order.revision[0] >= listed.updated_at else "behind"

    def _listed(self, of: _Account, span: Span, counts: dict[str, int]) -> Iterator[Listed]:
        """An entry that cannot be read holds up no other: it is counted."""
        requests = of.lists.requests(By.UPDATED, span)
        for page in self.vendors.pages(of.source, of.account, of.lists, requests):
            for entry in of.lists.entries(page):
                try:
                    listed = of.lists.listed(entry)
                except InvalidInputError:
                    _count(counts, "unreadable")
                    continue
                if listed is not None:
                    yield listed

    def _tell(self, source: str, account: str, mark: Mark, error: OmsError) -> None:
        """Once a day and account, as it stands now."""
        now = self.now()
        alert = {
            "alert_id": f"poll:{source}:{account}:{now:%Y-%m-%d}",
            "kind": "channel_not_polled",
            "raised_at": now.isoformat(),
            "source": source,
            "account": account,
            "code": error.code,
            "reason": str(error),
            "polled_until": mark.until.isoformat(),
        }
        key = f"{now:%Y-%m-%d}#poll#{source}#{account}"
        self.views.put_row("alert", key, alert, keep_days=KEEP_ALERT_DAYS, replace=True)


def _count(counts: dict[str, int], what: str) -> None:
    counts[what] = counts.get(what, 0) + 1


def _next_day(day: str) -> datetime:
    """When the day after `day` begins."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)


def _first(now: datetime, lists: Lister) -> Mark:
    """Of an account that was never polled: the day that has begun is not compared, it was not wholly ours."""
    begin = (now - LAG - FIRST_LOOK).replace(microsecond=0)
    return Mark(until=begin, compared=f"{now:%Y-%m-%d}", width_s=int(lists.longest.total_seconds()))


def _failed(mark: Mark, error: OmsError, now: datetime) -> Mark:
    """The first failure waits for the next poll, later ones longer; as long as the vendor asks at least."""
    wait = timedelta(seconds=float(str(error.context.get("retry_after") or 0)))
    if mark.failures:
        wait = max(wait, min(EVERY * 2 ** (min(mark.failures, PATIENCE) - 1), LONGEST_WAIT))
    return replace(mark, failures=mark.failures + 1, not_before=now + wait if wait else None)


@frozen(kw_only=False)
class PollChannels:
    """Every account that can be called, each by itself."""

    accounts: Callable[[], list[tuple[str, str]]]
    poll: PollChannel
    sources: frozenset[str]
    """Those that list orders."""
    failed: Callable[[str, str, Exception], None]
    """Told of an account whose poll broke off for a reason of ours."""
    now: Clock

    def __call__(self, more: Callable[[], bool] = lambda: True) -> dict[str, int]:
        """The sums of what the polls counted, `polls`, and `broken` for those that broke off."""
        sums = {"polls": 0}
        found = [each for each in self.accounts() if each[0] in self.sources]
        # Each time another one is first: one that takes all the time there is must not keep the others waiting.
        turn = int(self.now().timestamp() // EVERY.total_seconds()) % len(found) if found else 0
        for source, account in found[turn:] + found[:turn]:
            try:
                counts = self.poll(source, account, more)
            except Exception as error:  # noqa: BLE001 - whatever it is, the other accounts are not at fault
                self.failed(source, account, error)
                counts = {"broken": 1}
            for name, value in counts.items():
                sums[name] = sums.get(name, 0) + value
            sums["polls"] += 1
        return sums
