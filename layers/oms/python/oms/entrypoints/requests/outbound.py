"""Bodies of subscriptions to outbound webhooks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from oms.entrypoints.requests.common import Body, Name, Text


class WebhookBody(Body):
    """POST /webhook-subscriptions: where to, and what."""

    url: Annotated[str, Field(min_length=1, max_length=1000)]
    event_types: Annotated[list[Name], Field(min_length=1, max_length=100)]
    channels: Annotated[list[Name], Field(max_length=50)] = []
    node_ids: Annotated[list[Name], Field(max_length=500)] = []
    description: Text = ""
    integration: Annotated[str, Field(pattern="^([a-z0-9][a-z0-9-]{0,39})?$")] = ""


class ChangedWebhookBody(WebhookBody):
    """PUT /webhook-subscriptions/{subscription_id}: all of it, on top of the version that its author saw."""

    expected_version: Annotated[int, Field(ge=1, le=99_999_998)]


class RotationBody(Body):
    """POST …/secret: how long the secret before stays valid."""

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24


class ReplayBody(Body):
    """POST …/replays: from an instant on, or from an event on; one of the two."""

    since: Annotated[str, Field(max_length=40)] = ""
    event_id: Annotated[str, Field(max_length=200)] = ""
