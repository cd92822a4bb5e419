"""Bodies of answers to disputes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from oms.entrypoints.requests.common import Body


class EvidenceBody(Body):
    """POST /orders/{id}/disputes/{id}/evidence: the provider's code of the reason, where it wants one (Adyen)."""

    defense: Annotated[str, Field(max_length=80, pattern=r"^[A-Za-z0-9_.]*$")] = ""
