"""Every refusal the system makes on purpose. Knows nothing of HTTP, AWS or Step Functions.

OmsError
├── NotFoundError
│   ├── OrderNotFoundError           (retryable: the event may have overtaken the order)
│   ├── FulfillmentOrderNotFoundError
│   ├── ParcelNotFoundError          (retryable: the scan may have overtaken the shipment)
│   ├── CaptureNotFoundError         (retryable: the provider's event may have overtaken the shipment)
│   ├── QuarantineNotFoundError
│   ├── FeedGoneError
│   ├── StockHoldNotFoundError
│   ├── DraftNotFoundError
│   ├── InvoiceNotFoundError
│   ├── SupplyNotFoundError          (retryable: its receipt may have overtaken it)
│   ├── PolicyVersionNotFoundError
│   └── WebhookNotFoundError
├── InvalidInputError
│   ├── MalformedPayloadError
│   ├── UnknownCurrencyError
│   ├── TotalsMismatchError
│   ├── TooManyLinesError
│   ├── CommitTooLargeError
│   ├── TooManyPositionsError
│   ├── NoSuchNodeError
│   ├── NoSuchSkuError
│   ├── KitWithoutStockError
│   ├── InvalidCursorError
│   ├── MalformedRowError
│   ├── InvalidPolicyError
│   ├── SerialsDoNotFitError
│   ├── EndpointRefusedError
│   └── SourcingInputError
│       ├── SourcingRangeError
│       ├── UnknownSkuError
│       ├── UnknownNodeError
│       ├── NaiveTimeError
│       ├── EmptyPolicyError
│       └── RecordAlteredError
├── AuthenticationError
│   ├── SignatureError
│   ├── ReplayWindowError
│   └── InvalidTokenError
├── ForbiddenError
│   └── OwnDraftError
├── PayloadTooLargeError
├── IdempotencyKeyError
│   ├── IdempotencyKeyMissingError
│   └── IdempotencyKeyReusedError
├── RefusedError                     (the state of the order forbids it)
│   ├── InvalidTransitionError
│   ├── NothingToCancelError
│   ├── RefundExceedsCapturedError
│   │   └── RefundBeforePaymentError (retryable: a channel's refund overtook its payment)
│   ├── CurrencyMismatchError
│   ├── DuplicateOrderNumberError
│   ├── PaymentAlreadyUsedError
│   ├── SerialInUseError
│   ├── SerialNotShippedError
│   ├── CountOutdatedError
│   ├── StaleRowError
│   ├── HoldExpiredError
│   ├── PolicyOutdatedError
│   ├── ApprovalNeededError
│   ├── DraftOutdatedError
│   ├── DraftExpiredError
│   ├── SellerNotFoundError
│   ├── WebhookOutdatedError
│   ├── WebhookDisabledError
│   ├── NotMasterError
│   └── LedgerImbalanceError
├── InsufficientStockError
├── VersionConflictError             (retryable)
│   └── StockChangedError            (retryable)
├── ContentionError                  (retryable)
├── RateLimitedError                 (retryable)
├── UpstreamError                    (retryable: a vendor is down, slow or limiting)
│   ├── UpstreamRefusedError         (not retryable: the vendor said no)
│   └── OutboundInDoubtError         (not retryable: nobody can tell whether it arrived)
└── UnknownEventError                (stored by newer code than this)

The class name is a contract too: Lambda reports it to Step Functions as the error name.
"""

from __future__ import annotations

from typing import ClassVar


class OmsError(Exception):
    """Base of everything this system raises on purpose."""

    code: ClassVar[str] = "oms_error"
    """Stable: part of the public API contract."""
    retryable: ClassVar[bool] = False
    """Could the same call succeed later, unchanged?"""

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.context = context


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


class InvalidInputError(OmsError):
    """The input breaks its contract; the same input will always be refused."""

    code = "invalid_input"


class MalformedPayloadError(InvalidInputError):
    """The body is not what its sender's contract says."""

    code = "malformed_payload"


class UnknownCurrencyError(InvalidInputError):
    """The currency is not an ISO 4217 code that this system knows."""

    code = "unknown_currency"


class TotalsMismatchError(InvalidInputError):
    """The parts of an order do not add up to its total."""

    code = "totals_mismatch"


class TooManyLinesError(InvalidInputError):
    """More lines than one order may have."""

    code = "too_many_lines"


class CommitTooLargeError(InvalidInputError):
    """More text than is stored at once: very many lines with very long titles and ids."""

    code = "commit_too_large"


class TooManyPositionsError(InvalidInputError):
    """More SKUs at more nodes than one call answers for."""

    code = "too_many_positions"


class NoSuchNodeError(InvalidInputError):
    """There is no such node."""

    code = "unknown_node"


class NoSuchSkuError(InvalidInputError):
    """The catalogue has no such SKU."""

    code = "unknown_sku"


class KitWithoutStockError(InvalidInputError):
    """A kit has no stock of its own: its components have."""

    code = "kit_without_stock"


class InvalidCursorError(InvalidInputError):
    """A paging cursor that this system did not issue."""

    code = "invalid_cursor"


class MalformedRowError(InvalidInputError):
    """A row of a stock feed cannot be read, or says what no row may say."""

    code = "malformed_row"


class SerialsDoNotFitError(InvalidInputError):
    """Serial numbers are missing, too many, named twice, or of something else than the line."""

    code = "serials_do_not_fit"


class SourcingInputError(InvalidInputError):
    """No plan can be made of this: an id twice, a calendar or tariff that cannot be read."""

    code = "sourcing_input"


class SourcingRangeError(SourcingInputError):
    """A quantity, weight, cost or distance that is negative, zero, no number, or too large."""

    code = "sourcing_range"


class UnknownSkuError(SourcingInputError):
    """A line asks for no SKU, or for another than its units."""

    code = "sourcing_sku"


class UnknownNodeError(SourcingInputError):
    """A node that is no candidate, has no id, or is there twice."""

    code = "sourcing_node"


class NaiveTimeError(SourcingInputError):
    """A time that does not say its zone."""

    code = "sourcing_naive_time"


class EmptyPolicyError(SourcingInputError):
    """A policy without a name, or in which nothing counts."""

    code = "sourcing_policy"


class RecordAlteredError(SourcingInputError):
    """A decision record whose inputs or outcome are not what they were when it was made."""

    code = "sourcing_record"


class InvalidPolicyError(InvalidInputError):
    """A document of rules with problems; `problems` are all of them, each with its rules' names."""

    code = "invalid_policy"


class EndpointRefusedError(InvalidInputError):
    """Webhooks are not sent there: not https, another port than 443, an address that is not of the public internet."""

    code = "endpoint_refused"


class AuthenticationError(OmsError):
    """The sender is not who it says, or cannot prove it."""

    code = "unauthenticated"


class SignatureError(AuthenticationError):
    """The signature is missing or does not match the raw body."""

    code = "bad_signature"


class ReplayWindowError(AuthenticationError):
    """The signed timestamp lies outside the accepted window."""

    code = "outside_replay_window"


class InvalidTokenError(AuthenticationError):
    """A status link or session that is forged, altered or expired."""

    code = "invalid_token"


class ForbiddenError(OmsError):
    """The caller's role does not allow this."""

    code = "forbidden"


class OwnDraftError(ForbiddenError):
    """A draft is approved by somebody else than who saved it."""

    code = "own_draft"


class PayloadTooLargeError(OmsError):
    """The body is over the size limit."""

    code = "payload_too_large"


class IdempotencyKeyError(OmsError):
    """The Idempotency-Key cannot be honoured."""

    code = "idempotency_key"


class IdempotencyKeyMissingError(IdempotencyKeyError):
    """A write came without an Idempotency-Key."""

    code = "idempotency_key_missing"


class IdempotencyKeyReusedError(IdempotencyKeyError):
    """The same key came with another request."""

    code = "idempotency_key_reused"


class RefusedError(OmsError):
    """The present state forbids the command."""

    code = "refused"


class InvalidTransitionError(RefusedError):
    """The lifecycle has no such step from here."""

    code = "invalid_transition"


class NothingToCancelError(RefusedError):
    """The quantity asked for has left, or was cancelled before."""

    code = "nothing_to_cancel"


class RefundExceedsCapturedError(RefusedError):
    """The refunds together would be more than was captured."""

    code = "refund_exceeds_captured"


class RefundBeforePaymentError(RefundExceedsCapturedError):
    """A channel told of a refund before it told of the payment."""

    code = "refund_before_payment"
    retryable = True


class CurrencyMismatchError(RefusedError):
    """Amounts of two currencies met."""

    code = "currency_mismatch"


class DuplicateOrderNumberError(RefusedError):
    """Another order of this account carries this number."""

    code = "duplicate_order_number"


class PaymentAlreadyUsedError(RefusedError):
    """The payment given with an order pays for another one."""

    code = "payment_already_used"


class SerialInUseError(RefusedError):
    """A unit of this serial number has shipped and has not come back."""

    code = "serial_in_use"


class SerialNotShippedError(RefusedError):
    """A unit of this serial number did not leave with the order, or is back."""

    code = "serial_not_shipped"


class CountOutdatedError(RefusedError):
    """The position was counted after the counter looked at it, or more has left since than was found: count again."""

    code = "count_outdated"


class StaleRowError(RefusedError):
    """A row of a stock feed is not newer than what its source said of the position before."""

    code = "stale_row"


class HoldExpiredError(RefusedError):
    """The time of a hold of stock is over."""

    code = "hold_expired"


class PolicyOutdatedError(RefusedError):
    """The policy was saved by somebody else since its author saw it."""

    code = "policy_outdated"


class ApprovalNeededError(RefusedError):
    """The prices of a draft need somebody's approval."""

    code = "approval_needed"


class DraftOutdatedError(RefusedError):
    """The draft was saved by somebody else since it was seen."""

    code = "draft_outdated"


class DraftExpiredError(RefusedError):
    """The time of a draft is over."""

    code = "draft_expired"


class SellerNotFoundError(RefusedError):
    """The legal entity that issued an order's first invoice is no longer among the entities."""

    code = "seller_not_found"


class WebhookOutdatedError(RefusedError):
    """The subscription was changed by somebody else since its author saw it."""

    code = "webhook_outdated"


class WebhookDisabledError(RefusedError):
    """Nothing is sent to a disabled subscription: enable it first."""

    code = "webhook_disabled"


class NotMasterError(RefusedError):
    """Another integration is declared to be master of this field."""

    code = "not_master"


class LedgerImbalanceError(RefusedError):
    """Units would appear or vanish."""

    code = "ledger_imbalance"


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


class RateLimitedError(OmsError):
    """Too many attempts in the window."""

    code = "rate_limited"
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
