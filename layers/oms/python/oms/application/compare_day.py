"""Hold a day's orders against its channel's own list: what we lack is fetched, what it does not know is told.

A day is one of UTC, by when its orders were placed. Money is compared order by order, as both sides have it now, in
minor units; where a list does not say (Amazon: refunds), nothing is compared. An order that has changed in the channel
since we took it is taken again, and compared no further: another delivery of it is on its way.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.application.messages import listed_message
from oms.application.relay import KEEP_ALERT_DAYS
from oms.channels.listing import By, Span, Told
from oms.channels.registry import connector, lister
from oms.domain import ids
from oms.domain.errors import InvalidInputError, OrderNotFoundError, UnknownEventError
from oms.domain.frozen import frozen
from oms.domain.inbound import Notice, NoticeKind
from oms.domain.order.status import OrderStatus, order_status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oms.application.gateways import VendorApi
    from oms.application.orders import Orders
    from oms.application.ports import Clock, Views
    from oms.channels.listing import Listed
    from oms.domain.order.state import Order

KIND: Final = "channel_day"
"""Of the rows that hold the reports."""
NAMED: Final = 100
"""Orders of each kind that are named; of more, only how many is said."""
PAGE: Final = 100
PACE_S: Final = 2
LONGEST_DELAY_S: Final = 900


@frozen(kw_only=False)
class CompareDay:
    """One account's day. Repeated, it replaces its report."""

    orders: Orders
    vendors: VendorApi
    views: Views
    take_in: Callable[[Mapping[str, Any], int], None]
    now: Clock

    def __call__(self, source: str, account: str, day: str) -> int:
        """How many orders differ, after the report and, when any does, the alert are written."""
        since = datetime.fromisoformat(day).replace(tzinfo=UTC)
        theirs, unreadable = self._theirs(source, account, since)
        ours = self._ours(source, account, since)
        self._look_up(source, account, set(theirs) - set(ours), ours)
        missing = sorted(set(theirs) - set(ours))
        both = sorted(set(theirs) & set(ours))
        behind = [each for each in both if _is_behind(ours[each], theirs[each][0])]
        differing = _differing(theirs, ours, sorted(set(both) - set(behind)))
        phantoms = [
            {"external_id": external_id, "order_id": ours[external_id].order_id}
            for external_id in sorted(set(ours) - set(theirs))
            if self._is_unknown(source, account, external_id)
        ]
        report: dict[str, Any] = {
            "day": day,
            "source": source,
            "account": account,
            "compared_at": self.now().isoformat(),
            "channel": _sums([told for _, told in theirs.values()]),
            "oms": _sums([_told(order) for order in ours.values()]),
            "missing": len(missing),
            "behind": len(behind),
            "phantom": len(phantoms),
            "differing": len(differing),
            "unreadable": unreadable,
        }
        named: dict[str, list[Any]] = {
            "missing": missing,
            "behind": behind,
            "phantoms": phantoms,
            "differing": differing,
        }
        self._publish(report, {name: found[:NAMED] for name, found in named.items()})
        # Told before it is mended: whoever breaks off here finds it missing again.
        for number, external_id in enumerate([*missing, *behind]):
            message = listed_message(source, account, theirs[external_id][0], self.now())
            self.take_in(message, min(number * PACE_S, LONGEST_DELAY_S))
        return len(missing) + len(phantoms) + len(differing) + unreadable

    def _theirs(self, source: str, account: str, since: datetime) -> tuple[dict[str, tuple[Listed, Told]], int]:
        """The day's orders as the channel lists them, and how many entries cannot be read."""
        lists = lister(source)
        until = since + timedelta(days=1)
        found: dict[str, tuple[Listed, Told]] = {}
        unreadable = 0
        requests = lists.requests(By.PLACED, Span(since=since, until=until))
        for page in self.vendors.pages(source, account, lists, requests):
            for entry in lists.entries(page):
                try:
                    listed = lists.listed(entry)
                    if listed is not None and since <= listed.placed_at < until:
                        found[listed.external_id] = (listed, lists.told(entry))
                except InvalidInputError:
                    unreadable += 1
        return found, unreadable

    def _ours(self, source: str, account: str, since: datetime) -> dict[str, Order]:
        """The day's orders of the account as we have them: the list names them, the log says what they are."""
        until = since + timedelta(days=1)
        found: dict[str, Order] = {}
        cursor = ""
        while True:
            rows, cursor = self.views.list_orders("channel", source, since, until, PAGE, cursor)
            for row in rows:
                if row.get("account") != account:
                    continue
                try:
                    order = self.orders.get(str(row["order_id"]))
                except UnknownEventError:
                    continue
                if since <= order.placed.placed_at < until:
                    found[order.placed.external_id] = order
            if not cursor:
                return found

    def _look_up(self, source: str, account: str, wanted: set[str], ours: dict[str, Order]) -> None:
        """Those of `wanted` that the log has and the list has not: a list may be behind, the log is the truth."""
        for external_id in wanted:
            try:
                order = self.orders.load(ids.order_id(source, account, external_id)).order
            except UnknownEventError:
                continue
            if order is not None:
                ours[external_id] = order

    def _is_unknown(self, source: str, account: str, external_id: str) -> bool:
        """The channel has no such order, asked for by its id: a list may leave one out."""
        notice = Notice(kind=NoticeKind.FETCH, topic="listed", event_id=f"asked:{external_id}", external_id=external_id)
        try:
            self.vendors.fetch(source, account, connector(source), notice)
        except OrderNotFoundError:
            return True
        return False

    def _publish(self, report: dict[str, Any], named: Mapping[str, Any]) -> None:
        key = f"{report['day']}#{report['source']}#{report['account']}"
        self.views.put_row(KIND, key, {**report, "named": named}, replace=True)
        what = {name: report[name] for name in ("missing", "phantom", "differing", "unreadable")}
        if any(what.values()):
            alert = {
                "alert_id": f"channel_day:{key}",
                "kind": "channel_differs",
                "raised_at": report["compared_at"],
                **{name: report[name] for name in ("day", "source", "account")},
                "orders": what,
                "named": named,
            }
            alert_key = f"{self.now():%Y-%m-%d}#channel_day#{key}"
            self.views.put_row("alert", alert_key, alert, keep_days=KEEP_ALERT_DAYS, replace=True)


def _told(order: Order) -> Told:
    """An order of ours in the terms of a list."""
    return Told(
        currency=order.placed.currency,
        total=order.placed.total,
        cancelled=order_status(order) is OrderStatus.CANCELLED,
        refunded=order.payment.refunded,
    )


def _is_behind(order: Order, listed: Listed) -> bool:
    return order.revision is None or order.revision[0] < listed.updated_at


def _differing(
    theirs: Mapping[str, tuple[Listed, Told]], ours: Mapping[str, Order], of: Sequence[str]
) -> list[dict[str, Any]]:
    """Those of these orders of which the two sides say different things."""
    found = ((each, _differences(theirs[each][1], ours[each])) for each in of)
    return [{"external_id": each, "order_id": ours[each].order_id, **fields} for each, fields in found if fields]


def _differences(told: Told, order: Order) -> dict[str, Any]:
    """What the channel says and what we have, where they are not the same."""
    mine = _told(order)
    pairs: dict[str, tuple[Any, Any]] = {"cancelled": (told.cancelled, mine.cancelled)}
    if told.total is not None:
        pairs["currency"] = (told.currency, mine.currency)
        pairs["total"] = (told.total, mine.total)
    if told.refunded is not None:
        pairs["refunded"] = (told.refunded, mine.refunded)
    return {name: {"channel": theirs, "oms": ours} for name, (theirs, ours) in pairs.items() if theirs != ours}


def _sums(found: list[Told]) -> dict[str, Any]:
    """Counts, and amounts by currency; an amount that the list does not say is in none of them."""
    amounts: dict[str, dict[str, int]] = defaultdict(lambda: {"total": 0, "cancelled": 0, "refunded": 0})
    for told in found:
        if told.total is not None:
            amounts[told.currency]["total"] += told.total
            amounts[told.currency]["cancelled"] += told.total if told.cancelled else 0
        if told.refunded:
            amounts[told.currency]["refunded"] += told.refunded
    return {
        "orders": len(found),
        "cancelled": sum(told.cancelled for told in found),
        "refunded": sum(bool(told.refunded) for told in found),
        "amounts": dict(sorted(amounts.items())),
    }
