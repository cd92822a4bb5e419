"""Labels for the way back, as a carrier sells them. They name people: neither is kept in events, or shown in logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.canonical import PostalAddress


@frozen(show=False)
class Label:
    """A label that was bought. `url`: where its file is at the vendor."""

    carrier: str
    tracking_number: str
    url: str


@frozen(show=False)
class ToLabel:
    """What a label is bought for. `reference` is the return's id; `node` the row of the node that it goes to."""

    reference: str
    sender: PostalAddress
    node: Mapping[str, Any]
    grams: int
