"""Messages of the queue of stock feeds: what they may be, and when they come again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from oms.application.feed import Feed, Problem, Tally
from oms.entrypoints import feeds, use_cases, wiring
from oms.entrypoints.queues import Message

if TYPE_CHECKING:
    from oms.domain.parked import Parked

ROW = {"sku": "A", "node_id": "N", "on_hand": 1, "as_of": "2026-03-01T11:00:00Z"}
S3 = {"Records": [{"s3": {"object": {"key": "stock-feeds/erp/a+b%3D.csv", "eTag": "e", "size": 5}}}]}


class Context:
    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 100_000


class Sqs:
    """A client of SQS; `said` are the times that were set."""

    class exceptions:  # noqa: N801 - as a client names them
        class ReceiptHandleIsInvalid(Exception):  # noqa: N818
            pass

    def __init__(self, *, lost: bool = False) -> None:
        self.said: list[int] = []
        self.lost = lost

    def change_message_visibility(self, **asked: Any) -> None:
        if self.lost:
            raise self.exceptions.ReceiptHandleIsInvalid
        self.said.append(asked["VisibilityTimeout"])


class Place:
    """Everything that a message may lead to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, lost: bool = False) -> None:
        self.sqs = Sqs(lost=lost)
        self.parked: list[Parked] = []
        self.files: list[tuple[str, str, int]] = []
        self.rows: list[Any] = []
        self.told: list[Feed] = []
        self.state = "finished"
        self.tally = Tally(accepted=1)
        monkeypatch.setenv("STOCK_FEED_QUEUE", "https://made.up/queue")
        monkeypatch.setattr(wiring, "client", lambda _: self.sqs)
        monkeypatch.setattr(wiring, "quarantine", lambda: self)
        monkeypatch.setattr(wiring, "feed_file", lambda *where: where)
        monkeypatch.setattr(use_cases, "take_feed_file", lambda: self.file)
        monkeypatch.setattr(use_cases, "take_stock_feed", lambda: self)
        monkeypatch.setattr(use_cases, "feed_reports", lambda: self)

    def park(self, parked: Parked) -> None:
        self.parked.append(parked)

    def file(self, where: tuple[str, str, int], more: Any) -> dict[str, Any]:
        self.files.append(where)
        assert more() is False
        return {"state": self.state, "accepted": 1, "unchanged": 0, "stale": 0, "errors": 0}

    def said(self, _feed: Feed, rows: Any) -> Tally:
        self.rows.extend(rows)
        return self.tally

    def of_message(self, feed: Feed, _tally: Tally) -> None:
        self.told.append(feed)

    def take(self, body: Any) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        message = Message(message_id="m", body=text, queue="q", receives=1, receipt_handle="r")
        feeds.take(message, Context())  # type: ignore[arg-type]


def test_rows_are_taken_and_what_was_wrong_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(monkeypatch)
    place.take({"source": "erp", "rows": [ROW, "no row"]})
    assert place.rows == [(1, ROW), (2, {})]
    assert (place.told, place.parked) == ([], [])
    place.tally = Tally(errors=1, problems=[Problem(row=1, code="malformed_row", detail="x")])
    place.take({"source": "erp", "rows": [ROW]})
    place.take({"rows": [ROW], "source": "erp"})
    assert [each.source for each in place.told] == ["erp", "erp"]
    assert place.told[0].feed_id == place.told[1].feed_id


@pytest.mark.parametrize(
    "body",
    [
        "no JSON",
        [],
        {},
        {"rows": []},
        {"source": "erp", "rows": {}},
        {"source": "erp", "rows": [ROW] * 501},
        {"source": "E|P", "rows": [ROW]},
        {"Records": [{"s3": {}}]},
        {"Records": [{"s3": {"object": {"key": "k", "eTag": "e", "size": "many"}}}]},
    ],
    ids=lambda body: str(body)[:40],
)
def test_what_can_never_be_read_is_parked_and_not_tried_again(monkeypatch: pytest.MonkeyPatch, body: Any) -> None:
    place = Place(monkeypatch)
    place.take(body)
    assert (place.rows, place.files) == ([], [])
    (parked,) = place.parked
    assert parked.source == "stock_feed"
    assert parked.message["body"] == (body if isinstance(body, str) else json.dumps(body))


def test_a_file_is_named_as_s3_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(monkeypatch)
    place.take(S3)
    place.take({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"})
    assert place.files == [("stock-feeds/erp/a b=.csv", "e", 5)]
    assert place.sqs.said == [160, 160]


def test_a_file_that_is_not_at_its_end_comes_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(monkeypatch)
    place.state = "unfinished"
    with pytest.raises(feeds.UnfinishedError):
        place.take(S3)
    assert place.sqs.said == [160, feeds.AGAIN_S]


def test_a_message_that_somebody_else_has_by_now_is_taken_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(monkeypatch, lost=True)
    place.take({"source": "erp", "rows": [ROW]})
    assert len(place.rows) == 1
