"""Bodies of the customer's status page."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from oms.entrypoints.requests.common import Body


class LookUpBody(Body):
    """POST /status/lookup."""

    number: Annotated[str, Field(min_length=1, max_length=100)]
    email: Annotated[str, Field(min_length=3, max_length=320)]
