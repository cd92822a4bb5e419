"""A slice of `make bench NAME=fuzz_bodies`, and that it sees what it looks for."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from oms.carriers.registry import sources as carriers
from oms.channels.registry import SOURCES
from oms.payments.registry import sources as providers
from tests.proof.bodies.corpus import Way, seeds, values_by_name
from tests.proof.bodies.mutate import damaged
from tests.proof.bodies.run import CRASHED, NORMALIZED, Tally, campaign, counted, outcome
from tests.support.connector_rules.kits import kit

if TYPE_CHECKING:
    from tests.support.connector_rules.kit import Kit

BODIES = 1000


def test_no_damaged_body_breaks_what_reads_it() -> None:
    tally = campaign(BODIES, "tests")
    assert tally.crashes == []
    assert sum(tally.kinds.values()) == BODIES
    assert tally.kinds[NORMALIZED] > BODIES // 20
    assert set(tally.sources) >= {*SOURCES, *carriers(), *providers()}
    assert len(tally.endings) > BODIES // 10


def test_whole_bodies_are_read() -> None:
    """Or damage would be done to what ends at once anyway."""
    read = {(seed.source, seed.way) for seed in seeds() if outcome(seed, seed.body).kind == NORMALIZED}
    assert read >= {(source, Way.FILE) for source in SOURCES}
    assert read >= {(source, Way.TRACKING) for source in carriers()}
    assert read >= {(source, Way.PAYMENT) for source in providers()}


def test_the_same_salt_is_the_same_campaign() -> None:
    before = json.dumps(values_by_name(), sort_keys=True)
    first, again, other = (campaign(200, salt) for salt in "112")
    assert first.endings == again.endings != other.endings
    assert json.dumps(values_by_name(), sort_keys=True) == before, "the corpus was damaged"


class Believing:
    """A connector that takes fields to be there."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)

    def assemble(self, account: str, notice: Any, documents: Any) -> Any:
        sale = documents["order"][0]["sale"]
        assert all(str(sale[name]) for name in ("no", "state", "delivery", "customer"))
        return self.module.assemble(account, notice, documents)


def believing(name: str) -> Kit:
    found = kit(name)
    return replace(found, connector=Believing(found.connector)) if name == "corner-shop" else found


def test_a_field_that_is_believed_to_be_there_is_found_out() -> None:
    tally = campaign(1500, "tests", "corner-shop", believing)
    assert tally.kinds[CRASHED] > 0
    assert any(crash.startswith("corner-shop file crashed ") for crash in tally.crashes)


def test_each_ending_is_counted_and_told_once() -> None:
    seed = next(each for each in seeds() if (each.source, each.way) == ("corner-shop", Way.FILE))
    sample = json.loads(seed.body)
    del sample["body"]["sale"]["customer"]
    tally, body = Tally(), json.dumps(sample).encode()
    assert [counted(tally, seed, body, believing) for _ in range(3)] == [True, False, False]
    assert (tally.kinds, len(tally.crashes)) == ({CRASHED: 3}, 1)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b"7", b"\xff", b'{"a": [1, {"b": "c"}]}'])
def test_anything_can_be_damaged(body: bytes) -> None:
    random = Random("damage")
    made = {damaged(body, random) for _ in range(300)}
    assert len(made) > 100
