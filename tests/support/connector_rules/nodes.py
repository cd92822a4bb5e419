"""The places of a JSON document, and copies of it that differ in one."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

GONE = object()
"""In place of a value: the field, or the item, is taken away."""
Path = tuple["str | int", ...]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place of a document, the containers too, but the document itself."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def put(document: Any, path: Path, value: Any) -> Any:
    """A copy with another value at one place."""
    done = copy.copy(document)
    node = done
    for key in path[:-1]:
        node[key] = copy.copy(node[key])
        node = node[key]
    if value is GONE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return done


def each(document: Any, change: Callable[[Any], Any]) -> Any:
    """A copy with `change` of every object and leaf, from the inside."""
    if isinstance(document, dict):
        return change({key: each(item, change) for key, item in document.items()})
    if isinstance(document, list):
        return [each(item, change) for item in document]
    return change(document)


def some(paths: Sequence[Path], most: int) -> list[Path]:
    """No more than `most` of them, evenly."""
    step = max(1, -(-len(paths) // most))
    return list(paths[::step])
