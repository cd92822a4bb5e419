"""A small sale in virtual time: each unit is sold once, and nobody is sent away while there is one."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.bench.hot_sku import ROW_PER_S, sound
from tests.proof.hot.limits import Bucket
from tests.proof.hot.sale import Sale

BUYERS: Final = 300
UNITS: Final = 120
AT_A_TIME: Final = 60


def sell(seed: int, *, spreads: bool = True) -> dict[str, Any]:
    return Sale(BUYERS, UNITS, seed, spreads=spreads, concurrency=AT_A_TIME).run()


@pytest.mark.parametrize("seed", [1, 2])
def test_each_unit_is_sold_once_and_nobody_is_sent_away_for_nothing(seed: int) -> None:
    found = sell(seed)
    assert (found["sold"], found["oversold"], found["refused"]) == (UNITS, 0, BUYERS - UNITS)
    assert (found["stranded"], found["gave_up"]) == (0, 0)
    assert found["shards"] > 1
    assert found["conflicts"] > 0


def test_one_row_takes_no_more_than_it_can() -> None:
    found = sell(1, spreads=False)
    assert found["shards"] == 1
    assert found["sold"] == UNITS
    assert found["reservations_per_s"] <= ROW_PER_S
    assert found["reservations_per_s"] < sell(1)["reservations_per_s"]


def test_the_same_seed_gives_the_same_sale() -> None:
    assert sell(3) == sell(3)


def test_a_bucket_gives_what_flows_into_it() -> None:
    bucket = Bucket(1000, 0.0)
    taken = sum(bucket.take(2, step / 10_000) for step in range(20_000))  # two seconds
    assert 1000 <= taken <= 1000 + 51


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({}, True),
        ({"sold": 9}, False),
        ({"oversold": 1}, False),
        ({"stranded": 2}, False),
        ({"single_shard_per_s": 501}, False),
    ],
)
def test_what_the_bench_calls_sound(changes: dict[str, int], right: bool) -> None:  # noqa: FBT001
    found = {"sold": 10, "oversold": 0, "stranded": 1, "refused": 1000, "single_shard_per_s": 500, **changes}
    assert sound(found, 10) is right
