"""A connector that says something else in each process, and loads what it may not: two faults to be seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import jsonschema  # noqa: F401 - what it may not

from tests.support.corner_shop import shop
from tests.support.corner_shop.shop import assemble, fetches, next_page, normalize, verify

if TYPE_CHECKING:
    from oms.domain.inbound import InboundRequest, Notice

__all__ = ["assemble", "fetches", "identify", "next_page", "normalize", "source", "verify"]

source = shop.source


def identify(request: InboundRequest) -> Notice:
    """Its id is a hash of this process."""
    return replace(shop.identify(request), event_id=str(hash(request.body)))
