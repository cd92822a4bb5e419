"""Values of any type that an event is made of, by its annotations."""

from __future__ import annotations

import types
import typing
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any

from hypothesis import strategies as st

from tests.support.builders import T0

_INSTANTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))]))
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=20),
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    datetime: _INSTANTS,
    Any: _JSON,
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return st.lists(values(args[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(max_size=8), values(args[1]), max_size=3)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(*(st.none() if each is types.NoneType else values(each) for each in args))
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    assert isinstance(kind, type)
    assert is_dataclass(kind)
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{each.name: values(hints[each.name]) for each in fields(kind)})


def sample(kind: Any, name: str = "x") -> Any:
    """One value of a type in which no field has its default: what the corpus is made of."""
    if kind in _PLAIN:
        return {str: f"{name}-é", int: len(name) + 1, bool: False, float: 1.5, datetime: T0, Any: {"why": [1, None]}}[
            kind
        ]
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return (sample(args[0], name),)
    if origin is dict:
        return {f"{name}-key": sample(args[1], name)}
    if origin in (types.UnionType, typing.Union):
        return sample(next(each for each in args if each is not types.NoneType), name)
    if issubclass(kind, Enum):
        return list(kind)[-1]
    hints = typing.get_type_hints(kind)
    made = {each.name: sample(hints[each.name], each.name) for each in fields(kind)}
    for each in fields(kind):
        if made[each.name] == each.default:
            made[each.name] = next(iter(type(each.default))) if isinstance(each.default, Enum) else not each.default
    return kind(**made)
