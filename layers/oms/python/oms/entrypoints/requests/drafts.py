"""Bodies of drafts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from oms.entrypoints.requests.common import Body, Text

Revision = Annotated[int, Field(ge=0, le=1_000_000)]


class NewDraftBody(Body):
    """POST /drafts: an order as `POST /orders` takes it."""

    order: dict[str, Any]


class DraftBody(NewDraftBody):
    """PUT /drafts/{id}: in place of the revision that its author saw."""

    expected_revision: Revision


class SeenDraftBody(Body):
    """POST /drafts/{id}/approve and …/place: of the revision that was seen."""

    expected_revision: Revision


class RejectDraftBody(SeenDraftBody):
    """POST /drafts/{id}/reject: why, for whoever saved it."""

    reason: Text
