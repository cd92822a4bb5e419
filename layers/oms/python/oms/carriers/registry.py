"""The carriers (and carrier aggregators) whose webhooks this system understands, by source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from oms.carriers.easypost import EasyPost
from oms.domain.errors import NotFoundError
from oms.domain.inbound import Sender

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.inbound import InboundRequest
    from oms.domain.tracking import TrackingUpdate


class Carrier(Sender, Protocol):
    """A sender of tracking news."""

    def read_tracking(self, request: InboundRequest) -> TrackingUpdate:
        """Read what the delivery (kind TRACKING) says of its parcel; raises MalformedPayloadError."""


_CARRIERS: Final[Mapping[str, Carrier]] = {known.source: known for known in (EasyPost(),)}


def carrier(source: str) -> Carrier:
    """The carrier behind `source`; raises NotFoundError."""
    try:
        return _CARRIERS[source]
    except KeyError:
        raise NotFoundError("no such carrier", source=source[:32]) from None


def sources() -> tuple[str, ...]:
    """Every known source, in order."""
    return tuple(sorted(_CARRIERS))
