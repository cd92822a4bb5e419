"""Bodies of drafts. The contract is ours.

order               required, an object: an order as `POST /orders` takes it
expected_revision   integer 0 to 1,000,000, required unless a draft is begun: the revision that was seen
reason              text of 500 characters at most, required: why a draft is rejected

Everything raises MalformedPayloadError with the path of the field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.channels.contract import only
from oms.channels.payload import clean, parse_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.channels.payload import Fields

NEW_DRAFT: Final = frozenset({"order"})
SEEN_DRAFT: Final = frozenset({"expected_revision"})
DRAFT: Final = NEW_DRAFT | SEEN_DRAFT
REJECT_DRAFT: Final = SEEN_DRAFT | {"reason"}
_MOST: Final = 1_000_000
_MAX_REASON: Final = 500


def read_new_draft(raw: bytes) -> Mapping[str, Any]:
    """The order that a draft begins with."""
    return _order(_body(raw, NEW_DRAFT))


def read_draft(raw: bytes) -> tuple[Mapping[str, Any], int]:
    """The order, and in place of which revision."""
    body = _body(raw, DRAFT)
    return _order(body), _seen(body)


def read_seen(raw: bytes) -> int:
    """The revision that was seen."""
    return _seen(_body(raw, SEEN_DRAFT))


def read_rejection(raw: bytes) -> tuple[int, str]:
    """The revision that was seen, and the reason."""
    body = _body(raw, REJECT_DRAFT)
    reason = body.values.get("reason")
    if not isinstance(reason, str) or len(reason) > _MAX_REASON:
        raise body.refuse("reason", f"a reason is a text of {_MAX_REASON} characters at most")
    return _seen(body), clean(reason)


def _body(raw: bytes, known: frozenset[str]) -> Fields:
    body = parse_object(raw or b"{}")
    only(body, known)
    return body


def _order(body: Fields) -> Mapping[str, Any]:
    if not isinstance(body.values.get("order"), dict):
        raise body.refuse("order", "a required field is missing")
    return body.child("order").values


def _seen(body: Fields) -> int:
    seen = body.integer("expected_revision")
    if not 0 <= seen <= _MOST:
        raise body.refuse("expected_revision", f"a revision is 0 to {_MOST}")
    return seen
