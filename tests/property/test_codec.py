from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oms.domain.codec import EVENT_TYPES, event_from_plain, event_to_plain
from tests.support.samples import values

EVENTS: st.SearchStrategy[Any] = st.one_of(*(values(kind) for kind in EVENT_TYPES.values()))
NEWER = st.dictionaries(st.text(min_size=1).map("new_{}".format), st.integers(), min_size=1, max_size=2)


@given(EVENTS)
def test_an_event_comes_back_as_it_was(event: Any) -> None:
    stored = json.dumps(event_to_plain(event))
    again = event_from_plain(json.loads(stored))
    assert type(again) is type(event)
    assert again == event
    assert json.dumps(event_to_plain(again)) == stored


@given(EVENTS, NEWER)
def test_what_newer_code_added_is_passed_over(event: Any, newer: dict[str, int]) -> None:
    assert event_from_plain({**event_to_plain(event), **newer}) == event
