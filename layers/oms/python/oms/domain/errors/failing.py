"""What others were quicker at, or did not answer."""

from __future__ import annotations

from oms.domain.errors.base import OmsError


class InsufficientStockError(OmsError):
    """A position has fewer units than the movement needs."""

    code = "insufficient_stock"


class VersionConflictError(OmsError):
    """The stream moved on since it was read."""

    code = "version_conflict"
    retryable = True


class StockChangedError(VersionConflictError):
    """Units came to a position or left it since it was read."""

    code = "stock_changed"


class ContentionError(OmsError):
    """Too many writers met; nothing was written."""

    code = "contention"
    retryable = True


class UpstreamError(OmsError):
    """A vendor did not answer, answered late, or limits the rate."""

    code = "upstream_unavailable"
    retryable = True


class UpstreamRefusedError(UpstreamError):
    """A vendor understood the call and refused it."""

    code = "upstream_refused"
    retryable = False


class OutboundInDoubtError(UpstreamError):
    """A channel did not answer what it was told, and neither takes it twice nor says whether it took it."""

    code = "outbound_in_doubt"
    retryable = False


class UnknownEventError(OmsError):
    """A stored event that this version of the code cannot read."""

    code = "unknown_event"
