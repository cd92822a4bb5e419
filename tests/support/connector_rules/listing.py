"""Rules of the list: what is asked, how pages follow, and that there is an end."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from oms.channels.listing import LISTING, By, Span
from oms.channels.payload import Fields
from oms.domain.errors import InvalidInputError
from tests.support.connector_rules.rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oms.channels.base import FetchRequest
    from tests.support.connector_rules.kit import Kit

SPAN = Span(since=datetime(2026, 11, 25, 9, tzinfo=UTC), until=datetime(2026, 11, 25, 10, tzinfo=UTC))
MOST = 1000
"""Pages after which a list is without end."""
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*", re.ASCII)
ODD: tuple[dict[str, Any], ...] = (
    {},
    {"zz": 1},
    {"orders": 1},
    {"data": []},
    {"payload": {"NextToken": 1}},
    {"list": {"meta": []}},
    {"paging": 1},
)

ANYTHING: tuple[Any, ...] = (None, [], {}, "x", -1, 10**30, True)


@rule
def a_list_is_asked_for_by_either_time(kit: Kit) -> Iterator[str]:
    """By the last change and by the placing: paths of plain letters, texts in the query, the span in it."""
    if not kit.lister:
        return
    asked = {by: list(kit.lister.requests(by, SPAN)) for by in By}
    for by, requests in asked.items():
        if not requests:
            yield f"nothing is asked by {by}"
        for request in requests:
            if not request.name.startswith(LISTING) or not _PATH.fullmatch(request.path):
                yield f"{by}: {request.name} {request.path}"
            if not all(isinstance(value, str) for value in request.query.values()):
                yield f"{by}: a value of the query is no text"
        other = list(kit.lister.requests(by, Span(since=SPAN.since - timedelta(days=9), until=SPAN.until)))
        if other == requests:
            yield f"{by}: the span is not asked for"
    if asked[By.UPDATED] == asked[By.PLACED] and not kit.one_time:
        yield "both times are asked for the same way"
    if kit.lister.longest < timedelta(minutes=1):
        yield f"the longest span is {kit.lister.longest}"


@rule
def a_list_ends(kit: Kit) -> Iterator[str]:
    """Behind the last page is none; pages that do not advance, and what is no page, are refused or end it."""
    if not kit.lister:
        return
    if not {"last", "stuck"} <= kit.pages.keys():
        yield "no pages to try it on"
        return
    for first in kit.lister.requests(By.UPDATED, SPAN):
        if _follow(kit, first, kit.pages["last"]) != 0:
            yield "there is a page behind the last one"
        end = _follow(kit, first, kit.pages["stuck"])
        if end == 0 or (end is None and not kit.full):
            yield f"a list that does not advance is read {'for ever' if end is None else 'as one page'}"
        for document in ODD:
            if _follow(kit, first, document) is None:
                yield f"{document} is followed for ever"


def _follow(kit: Kit, request: FetchRequest, page: Any) -> int | None:
    """How many pages follow when every answer is this one; None without an end."""
    for count in range(MOST):
        try:
            following = kit.lister.next_page(request, page)
        except InvalidInputError:
            return count
        if following is None:
            return count
        request = following
    return None


@rule
def an_entry_says_what_the_order_says(kit: Kit) -> Iterator[str]:
    """Each entry of the last page has an id, aware times, and its money, or a refusal with a type of ours."""
    if not kit.lister or "last" not in kit.pages:
        return
    entries = list(kit.lister.entries(kit.pages["last"]))
    if not entries:
        yield "the last page holds no entry"
    for entry in entries:
        listed, told = kit.lister.listed(entry), kit.lister.told(entry)
        if listed is None or not listed.external_id or listed.updated_at.tzinfo is None:
            yield f"{listed}"
        if told.total is not None and (not told.currency or told.total < 0):
            yield f"{told}"
        for name in entry.values:
            for value in ANYTHING:
                yield from _odd(kit, Fields({**entry.values, name: value}), f"{name}={value!r}")


def _odd(kit: Kit, entry: Fields, what: str) -> Iterator[str]:
    for read in (kit.lister.listed, kit.lister.told):
        try:
            read(entry)
        except InvalidInputError:
            continue
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            yield f"{what}: {type(error).__name__}: {error}"
