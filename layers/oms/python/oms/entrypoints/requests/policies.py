"""Bodies of the rules of sourcing, and of integrations."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from oms.entrypoints.requests.common import Body

Version = Annotated[int, Field(ge=0, le=99_999_998)]


class SourcingPolicyBody(Body):
    """PUT /policies/sourcing: a document on top of the version that its author saw, 0 when there was none."""

    expected_version: Version
    document: dict[str, Any]


class IntegrationsBody(Body):
    """PUT /policies/integrations: a document on top of the version that its author saw, 0 when there was none."""

    expected_version: Version
    document: dict[str, Any]


class ReturnPolicyBody(Body):
    """PUT /policies/returns: a document on top of the version that its author saw, 0 when there was none."""

    expected_version: Version
    document: dict[str, Any]


class RollBackBody(Body):
    """POST /policies/sourcing/rollback: an earlier version's document, saved again."""

    expected_version: Version
    to_version: Version
