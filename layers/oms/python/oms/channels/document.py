"""The canonical order as others read it: the JSON document of infra/schemas/canonical_order.v1.json.

Amounts are integers in minor units of `currency`, instants ISO 8601 in UTC. Every field is there, at its default too.
Fields are added, never changed or taken away: a reader leaves alone what it does not know. No personal data is in it.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oms.domain.canonical import CanonicalOrder


def document_of(order: CanonicalOrder) -> dict[str, Any]:
    """The document."""
    document: dict[str, Any] = _plain(order)
    return document


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value
