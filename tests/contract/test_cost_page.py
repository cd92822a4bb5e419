"""docs/cost.md says what an order costs now: its writes and billed requests are those that the path makes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.proof.cost import page
from tests.proof.cost.inprocess import drive, shop
from tests.proof.cost.ledger import Tally
from tests.proof.cost.path import Journey
from tests.proof.cost.report import figures

if TYPE_CHECKING:
    from collections.abc import Sequence

STALE = "docs/cost.md is out of date: make bench NAME=order_path ARGS=--write-doc"
BY_CLOCK = "secretsmanager"
"""A secret is read again by the clock, not by the order."""
ORDERS = 2


@pytest.fixture(scope="module")
def tally() -> Tally:
    """Orders alone on their way, over moto."""
    with shop() as (w, accounts):
        drive(w, accounts, [Journey(0)], bursts=False)
        return Tally(drive(w, accounts, [Journey(number) for number in range(1, ORDERS + 1)], bursts=False), ORDERS)


def rows(block: str, text: str | None = None) -> list[list[str]]:
    """The rows of a block's table."""
    text = text if text is not None else page.PAGE.read_text(encoding="utf-8")
    found = re.search(rf"<!-- generated: {block} -->\n(.*?)<!-- end: {block} -->", text, re.DOTALL)
    assert found
    lines = [line for line in found[1].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def written(found: Sequence[Sequence[Any]]) -> list[tuple[str, ...]]:
    """Rows of writes without their sizes, which differ by a few bytes from order to order."""
    return sorted((*row[:4], *row[5:]) for row in found)


def test_every_write_of_an_order_stands_on_the_page_with_its_units(tally: Tally) -> None:
    now = f"<!-- generated: writes -->\n{page.writes(tally)}<!-- end: writes -->"
    assert written(rows("writes")) == written(rows("writes", now)), STALE


def test_billed_requests_are_those_on_the_page(tally: Tally) -> None:
    now = figures(tally)["requests_by_service"]
    told = {row[0]: float(row[1]) for row in rows("requests")}
    assert {name: told.get(name) for name in now if name != BY_CLOCK} == {
        name: count for name, count in now.items() if name != BY_CLOCK
    }, STALE


def test_a_write_more_would_be_seen(tally: Tally) -> None:
    more = Tally([*tally.records, *(each for each in tally.records if "commit" in str(each.lines))], ORDERS)
    now = f"<!-- generated: writes -->\n{page.writes(more)}<!-- end: writes -->"
    assert written(rows("writes", now)) != written(
        rows("writes", f"<!-- generated: writes -->\n{page.writes(tally)}<!-- end: writes -->")
    )


def test_the_part_that_people_wrote_is_there() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert text.count("## What was tried to lower it") == 1
    assert "<!-- generated" not in text.split("## What was tried to lower it")[1]
