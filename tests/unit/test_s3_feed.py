"""A file of a feed on S3: line by line, from any line on, packed or not, and only while it is the one that is meant."""

from __future__ import annotations

import gzip
import io
from typing import Any

import pytest
from botocore.exceptions import ClientError

from oms.adapters import s3_feed
from oms.adapters.s3_feed import S3FeedFile
from oms.domain.errors import FeedGoneError, MalformedPayloadError


class Bucket:
    """A client of S3 with one object. `asked` are the ranges that were asked for."""

    def __init__(self, body: bytes, etag: str = "e1") -> None:
        self.body = body
        self.etag = etag
        self.asked: list[str] = []

    def get_object(self, **asked: Any) -> Any:
        self.asked.append(asked["Range"])
        if asked["IfMatch"] != self.etag:
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": "other"}}, "GetObject")
        first, last = asked["Range"].removeprefix("bytes=").split("-")
        return {"Body": io.BytesIO(self.body[int(first) : int(last) + 1])}


def file(bucket: Bucket, name: str = "erp/a.csv", etag: str = "e1") -> S3FeedFile:
    return S3FeedFile(bucket, "feeds", f"stock-feeds/{name}", etag, len(bucket.body))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_feed, "PIECE", 7)
    monkeypatch.setattr(s3_feed, "_UNPACKED", 5)
    monkeypatch.setattr(s3_feed, "MAX_LINE", 40)


LINES = [b"one", b"", b"three", "fünf".encode(), b"a longer line than a piece\r", b"last"]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_every_line_is_read_from_any_line_on(packed: bool, end: bytes) -> None:  # noqa: FBT001 - a case
    text = b"\n".join(LINES) + end
    bucket = Bucket(gzip.compress(text) if packed else text)
    name = "erp/a.csv.gz" if packed else "erp/a.csv"
    read = list(file(bucket, name).lines(0))
    assert [line for line, _ in read] == LINES
    assert read[-1][1] == len(text)
    for place, (_, offset) in enumerate(read, start=1):
        assert list(file(bucket, name).lines(offset)) == read[place:]


def test_what_lies_behind_is_not_read_again() -> None:
    bucket = Bucket(b"\n".join(LINES))
    list(file(bucket).lines(10))
    assert bucket.asked[0] == "bytes=10-16"


def test_members_of_a_packed_file_are_one_text() -> None:
    bucket = Bucket(gzip.compress(b"one\ntw") + gzip.compress(b"o\nthree\n"))
    assert [line for line, _ in file(bucket, "erp/a.jsonl.gz").lines(0)] == [b"one", b"two", b"three"]


def test_nothing_of_what_unpacks_to_much_is_left_in_between() -> None:
    rows = [b"%d,%s" % (number % 3, b"a" * 20) for number in range(3000)]
    bucket = Bucket(gzip.compress(b"\n".join(rows)))
    assert [line for line, _ in file(bucket, "erp/a.csv.gz").lines(0)] == rows


def test_an_empty_file_has_no_lines() -> None:
    bucket = Bucket(b"")
    assert list(file(bucket).lines(0)) == []
    assert bucket.asked == []


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"x" * 60, "erp/a.csv"),
        (gzip.compress(b"0" * 10_000_000, mtime=0), "erp/a.csv.gz"),
        (gzip.compress(b"one\ntwo\n", mtime=0)[:-9], "erp/a.csv.gz"),
        (b"no gzip at all", "erp/a.csv.gz"),
    ],
    ids=["long line", "long line, packed", "cut off", "not packed"],
)
def test_what_cannot_be_read_is_refused_in_little_memory(body: bytes, name: str) -> None:
    with pytest.raises(MalformedPayloadError):
        list(file(Bucket(body), name).lines(0))


def test_another_file_in_its_place_is_another_feed() -> None:
    bucket = Bucket(b"one\n", etag="e2")
    with pytest.raises(FeedGoneError):
        list(file(bucket).lines(0))
    assert file(bucket).feed_id != file(bucket, etag="e2").feed_id
    assert file(bucket).feed_id != file(bucket, "erp/b.csv").feed_id
    assert file(bucket).name == "erp/a.csv"


def test_other_errors_are_not_the_files() -> None:
    class Down(Bucket):
        def get_object(self, **asked: Any) -> Any:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "later"}}, "GetObject")

    with pytest.raises(ClientError):
        list(file(Down(b"one\n")).lines(0))
