from __future__ import annotations

import io
import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from oms.entrypoints import telemetry
from oms.entrypoints.telemetry import correlate, count, flush, logger

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = logger.level
    correlate(None)
    logger.setLevel(logging.INFO)
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    monkeypatch.setattr(telemetry.metrics, "_counts", {})
    yield
    correlate(None)
    logger.setLevel(before)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_json_with_what_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    logger.info("delivery of %s", "ünits", extra={"outcome": "taken", "at": NOW})
    [line] = _lines(capsys)
    told = datetime.fromisoformat(line.pop("timestamp"))
    assert told.utcoffset() == NOW.utcoffset()
    assert line.pop("location").startswith("test_a_line_is_json_with_what_was_given:")
    assert line == {
        "level": "INFO",
        "message": "delivery of ünits",
        "service": "oms",
        "outcome": "taken",
        "at": str(NOW),
    }


def test_lines_are_about_one_order_until_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    correlate("ord_1")
    logger.info("one")
    correlate(None)
    logger.info("none")
    assert [line.get("correlation_id") for line in _lines(capsys)] == ["ord_1", None]


def test_a_failure_is_told_with_its_trace(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3f;Parent=53995c3f;Sampled=1")
    try:
        {"number": "1001"}["sku"]
    except KeyError:
        logger.exception("it broke")
    [line] = _lines(capsys)
    assert (line["level"], line["exception_name"], line["xray_trace_id"]) == (
        "ERROR",
        "KeyError",
        "1-5759e988-bd862e3f",
    )
    assert "KeyError: 'sku'" in line["exception"]


def test_less_than_information_is_not_written_and_nothing_is_written_twice(capsys: pytest.CaptureFixture[str]) -> None:
    logger.debug("detail")
    logger.info("once")
    assert len(_lines(capsys)) == 1
    assert not logger.propagate


def test_a_line_that_cannot_be_written_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[logging.LogRecord] = []
    monkeypatch.setattr(logger.handlers[0], "handleError", told.append)
    monkeypatch.setattr("sys.stdout", _Closed())
    logger.info("lost")
    assert [record.message for record in told] == ["lost"]


class _Closed(io.StringIO):
    def write(self, _: str, /) -> int:
        raise BrokenPipeError


def test_counts_leave_in_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    count("DeliveriesTaken")
    count("DeliveriesTaken", 2)
    count("CommitsRelayed", 0)
    flush()
    flush()
    [line] = _lines(capsys)
    about = line.pop("_aws")
    assert line == {"service": "oms", "DeliveriesTaken": 3, "CommitsRelayed": 0}
    assert abs(about["Timestamp"] / 1000 - datetime.now(UTC).timestamp()) < 60
    assert about["CloudWatchMetrics"] == [
        {
            "Namespace": "OMS",
            "Dimensions": [["service"]],
            "Metrics": [{"Name": "DeliveriesTaken", "Unit": "Count"}, {"Name": "CommitsRelayed", "Unit": "Count"}],
        }
    ]
