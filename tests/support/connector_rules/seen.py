"""What must hold of an order, however it was come by."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from oms.channels.document import document_of
from oms.domain.canonical import ShipTo, check_order, sum_parts
from oms.domain.errors import InvalidInputError
from tests.support.template import ROOT

if TYPE_CHECKING:
    from oms.domain.canonical import CanonicalOrder


@cache
def schema() -> Draft202012Validator:
    text = (ROOT / "infra" / "schemas" / "canonical_order.v1.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


def faults(order: CanonicalOrder, *, published: bool = False) -> list[str]:
    """What is wrong with it; `published` holds its document to the published schema too, which takes longer."""
    found = []
    if sum_parts(order) != order.total:
        found.append(f"parts {sum_parts(order)} are not the total {order.total}")
    try:
        check_order(order)
    except InvalidInputError as refusal:
        found.append(f"not sound: {refusal}")
    if order.revision.tzinfo is None or order.placed_at.tzinfo is None:
        found.append("a time has no zone")
    found.extend(_unstorable(order))
    if published:
        found.extend(error.message[:120] for error in schema().iter_errors(document_of(order)))
    return found


def _unstorable(value: Any) -> list[str]:
    """Fractions, and texts that UTF-8 has no form of. Coordinates are the only numbers that may have one."""
    if isinstance(value, ShipTo):
        return _unstorable((value.country, value.region, value.postal_code))
    if is_dataclass(value):
        return [each for name in fields(value) for each in _unstorable(getattr(value, name.name))]
    if isinstance(value, tuple):
        return [each for item in value for each in _unstorable(item)]
    if isinstance(value, float):
        return [f"a fraction: {value}"]
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return ["a text that cannot be stored"]
    return []
