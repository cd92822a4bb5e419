"""What is stored compactly is read as it was written, for ever."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.adapters import compact
from oms.adapters.commit_item import commit_from_item, commit_to_item, stored_commit
from oms.domain.commit import GENESIS, Cause, Commit, chain_hash
from oms.domain.errors import UnknownEventError
from oms.domain.movements import MovementKind
from oms.domain.stock import StockMoved, StockMovement
from tests.support.builders import T0

if TYPE_CHECKING:
    from collections.abc import Mapping

DIGESTS: Final[Mapping[int, str]] = {1: "d7b58da43ea63f09cde88dc2e1488c63acd1e0f162705cfdefbcf5c90072b1e3"}
"""Of each dictionary: one that changes could not read any more what was stored with it."""
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def _commit() -> Commit:
    movement = StockMovement(sku="Tee \u00e9", node_id="n", kind=MovementKind.RECEIPT, quantity=3)
    return Commit(
        stream="stock#m",
        number=7,
        command_id="cmd_1",
        cause=Cause(kind="api", ref="a|b", actor="warehouse"),
        at=T0,
        events=(StockMoved(movements=(movement,)),),
        previous=GENESIS,
        summary={"order_id": "o"},
    )


@given(_JSON)
def test_any_document_comes_back(document: Any) -> None:
    assert compact.unpack(compact.pack(document)) == document


def test_lone_surrogates_come_back() -> None:
    assert compact.unpack(compact.pack({"a": "\ud800"})) == {"a": "\ud800"}


def test_dictionaries_never_change() -> None:
    found = {number: hashlib.sha256(words).hexdigest() for number, words in compact.DICTIONARIES.items()}
    assert found == DIGESTS


def test_what_was_packed_with_the_first_dictionary_is_read() -> None:
    stored = base64.b64decode("ASOtjQNuKiHSIzRBmNbWAgA=")
    assert compact.unpack(stored) == {"ev": [{"type": "OrderPlaced", "v": 1, "channel": "site"}], "sm": {"total": 5}}


@pytest.mark.parametrize("packed", [b"", b"\x00abc", b"\xffabc", b"\x01\xff\xff\xff", b"\x01"])
def test_bytes_of_somebody_else_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"pack|Expecting"):
        compact.unpack(packed)


def test_a_commit_comes_back_from_a_table_and_from_a_stream() -> None:
    commit = _commit()
    item = commit_to_item(commit)
    assert commit_from_item(item) == commit
    streamed = {**item, "z": {"B": base64.b64encode(item["z"]["B"]).decode()}}
    assert commit_from_item(json.loads(json.dumps(streamed))) == commit
    stored = stored_commit(item)
    assert stored.hash == chain_hash(commit, stored.plain_events)


@pytest.mark.parametrize("broken", [{}, {"B": b""}, {"B": b"\x02abc"}, {"S": "x"}, {"B": "no base64"}])
def test_a_commit_that_cannot_be_read_is_named(broken: dict[str, Any]) -> None:
    with pytest.raises(UnknownEventError) as refused:
        commit_from_item({**commit_to_item(_commit()), "z": broken})
    assert refused.value.context == {"stream": "stock#m"}
