"""Every event that was ever stored can be read for ever.

`corpus/v<n>.jsonl` holds stored events as they were written by version n. Lines are only ever added: for a new event, a
new field, a new word of an enumeration.
"""

from __future__ import annotations

import json
import typing
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from oms.domain.codec import EVENT_TYPES, event_from_plain, event_to_plain, to_plain

CORPUS: dict[str, dict[str, Any]] = {
    f"{path.stem}-{number}": json.loads(text)
    for path in sorted((Path(__file__).parent / "corpus").glob("v*.jsonl"))
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
}
EVENTS = [event_from_plain(stored) for stored in CORPUS.values()]


@pytest.mark.parametrize("stored", CORPUS.values(), ids=list(CORPUS))
def test_a_stored_event_is_read_with_every_field_it_had(stored: dict[str, Any]) -> None:
    event = event_from_plain(stored)
    assert type(event).__name__ == stored["type"]
    if stored["v"] == 1:  # later versions change names; what they must keep is tested with their upcaster
        assert event_to_plain(event) == stored


def test_every_event_is_in_the_corpus() -> None:
    assert {type(event).__name__ for event in EVENTS} == set(EVENT_TYPES)


def parts(value: Any) -> list[Any]:
    """The dataclasses and enumerations inside a value, itself included."""
    if is_dataclass(value) and not isinstance(value, type):
        return [value, *(part for each in fields(value) for part in parts(getattr(value, each.name)))]
    if isinstance(value, tuple):
        return [part for each in value for part in parts(each)]
    return [value] if isinstance(value, Enum) else []


def test_every_field_is_somewhere_in_the_corpus() -> None:
    """A field added later needs a line of its own, or renaming it would go unnoticed."""
    seen: dict[type, set[str]] = {}
    for event in EVENTS:
        for part in parts(event):
            if is_dataclass(part):
                seen.setdefault(type(part), set()).update(to_plain(part))
    assert {kind: {each.name for each in fields(kind)} for kind in seen} == seen


def test_every_word_of_every_enumeration_is_in_the_corpus() -> None:
    words = [part for event in EVENTS for part in parts(event) if isinstance(part, Enum)]
    kinds = {type(word) for word in words}
    assert set(words) == {word for kind in kinds for word in kind}
    named = {
        hint
        for kind in EVENT_TYPES.values()
        for hint in typing.get_type_hints(kind).values()
        if isinstance(hint, type) and issubclass(hint, Enum)
    }
    assert named <= kinds
