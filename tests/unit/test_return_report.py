"""Why units came back: by reason, SKU, lot, carrier and channel."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from oms.application.orders import Loaded
from oms.application.return_report import ReportReturns
from oms.domain.commit import Cause, Commit
from oms.domain.history import History
from oms.domain.order.return_reasons import reasons
from tests.support.builders import T0, Story, line
from tests.support.money import shipped
from tests.support.returns import Returning, unit


def commits(story: Story) -> list[Commit]:
    """A commit an hour for each event."""
    return [
        Commit(
            stream=f"order#{story.order_id}",
            number=number,
            command_id=str(number),
            cause=Cause(kind="api", ref="r"),
            at=T0 + timedelta(hours=number),
            events=(event,),
            previous="",
        )
        for number, event in enumerate(story.events, start=1)
    ]


@pytest.fixture
def back(story: Story) -> Returning:
    shipped(story, line("1", 3), line("2", 1))
    story.deliver_all()
    returning = Returning(story)
    returning.ask({"1": 3}, reason="size")
    returning.inspect(unit("1", 2), unit("1", 1, "missing"))
    returning.ask({"2": 1}, reason="defective")
    returning.inspect(unit("2", 1, disposition="scrap"))
    return returning


def test_units_are_counted_by_what_they_have_in_common(back: Returning) -> None:
    story = back.story
    found = reasons(story.order_id, commits(story), T0, T0 + timedelta(days=99))
    told = {
        (why.reason, why.sku, why.carrier, why.channel, why.condition, why.disposition): units
        for why, units in found.items()
    }
    assert told == {
        ("size", "SKU-1", "dhl", "shopify", "ok", "restock"): 2,
        ("size", "SKU-1", "dhl", "shopify", "missing", ""): 1,
        ("defective", "SKU-2", "dhl", "shopify", "ok", "scrap"): 1,
    }
    assert reasons(story.order_id, commits(story), T0, T0) == {}


class Files:
    """What was written."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def put(self, key: str, body: bytes, _kind: str) -> None:
        self.kept[key] = body.decode("utf-8-sig")


def test_a_day_is_a_file_however_many_pages_its_orders_fill(back: Returning) -> None:
    story, files = back.story, Files()
    history = History(stream=f"order#{story.order_id}", commits=tuple(commits(story)))
    days: list[str] = []
    listed: dict[str, dict[str, Any]] = {}

    class Views:
        """The order stands on two pages of each day."""

        def list_rows(self, kind: str, _limit: int, cursor: str) -> tuple[list[Any], str]:
            days.append(kind)
            return [{"order_id": story.order_id}], "" if cursor else "more"

        def put_row(self, kind: str, key: str, row: dict[str, Any], *, replace: bool) -> None:
            assert (kind, replace) == ("returns_report", True)
            listed[key] = row

    class Orders:
        """One."""

        def load(self, _order_id: str) -> Loaded:
            return Loaded(order=story.order, history=history)

    use: Any = ReportReturns(Views(), Orders(), files, "Asia/Tokyo", lambda: T0)  # type: ignore[arg-type]
    last = next(each.at for each in reversed(history.commits) if type(each.events[0]).__name__ == "ReturnInspected")
    day = (last + timedelta(hours=9)).date()
    done = use(day)
    assert done["key"] == f"reports/returns/{day:%Y/%m}/returns-{day.isoformat()}.csv"
    assert len(set(days)) == 2, "a day of Tokyo lies in two of UTC"
    head, *rows = files.kept[done["key"]].split()
    assert head.startswith("day,reason,sku,lot,carrier")
    assert f"{day.isoformat()},defective,SKU-2,,dhl,shopify,ok,scrap,1" in rows
    assert sorted(",".join(map(str, row.values())) for row in listed.values()) == rows
    assert all(key.startswith(f"{day.isoformat()}#") for key in listed), "a list has the newest day first"
    before = dict(listed)
    assert use(day) == done
    assert listed == before
    assert use()["day"] == date(2026, 2, 28).isoformat()
