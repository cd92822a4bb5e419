"""What is not there, or not yet."""

from __future__ import annotations

from oms.domain.errors.base import OmsError


class NotFoundError(OmsError):
    """What was asked for does not exist, or may not be seen by the one who asks."""

    code = "not_found"


class OrderNotFoundError(NotFoundError):
    """No such order (yet)."""

    code = "order_not_found"
    retryable = True


class FulfillmentOrderNotFoundError(NotFoundError):
    """No such fulfillment order."""

    code = "fulfillment_order_not_found"


class ParcelNotFoundError(NotFoundError):
    """No parcel carries this tracking number (yet)."""

    code = "parcel_not_found"
    retryable = True


class CaptureNotFoundError(NotFoundError):
    """No shipment of the order was paid with this capture (yet): it was made by somebody else."""

    code = "capture_not_found"
    retryable = True


class QuarantineNotFoundError(NotFoundError):
    """No such quarantined input."""

    code = "quarantine_not_found"


class DisputeNotFoundError(NotFoundError):
    """The order has no such dispute."""

    code = "dispute_not_found"


class FeedGoneError(NotFoundError):
    """The file of a stock feed is not there any more, or another one is in its place."""

    code = "feed_gone"


class StockHoldNotFoundError(NotFoundError):
    """No such hold of stock."""

    code = "stock_hold_not_found"


class DraftNotFoundError(NotFoundError):
    """No such draft."""

    code = "draft_not_found"


class InvoiceNotFoundError(NotFoundError):
    """No invoice, credit note or debit note has this number."""

    code = "invoice_not_found"


class SupplyNotFoundError(NotFoundError):
    """Nobody has told (yet) that this supply is expected."""

    code = "supply_not_found"
    retryable = True


class PolicyVersionNotFoundError(NotFoundError):
    """No such version of a policy was saved."""

    code = "policy_version_not_found"


class WebhookNotFoundError(NotFoundError):
    """No such subscription to webhooks, or none such replay of one."""

    code = "webhook_not_found"


class ReturnNotFoundError(NotFoundError):
    """No such return."""

    code = "return_not_found"
