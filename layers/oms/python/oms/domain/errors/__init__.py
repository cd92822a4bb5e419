"""Every refusal the system makes on purpose. Knows nothing of HTTP, AWS or Step Functions.

OmsError
├── NotFoundError
│   ├── OrderNotFoundError           (retryable: the event may have overtaken the order)
│   ├── FulfillmentOrderNotFoundError
│   ├── ParcelNotFoundError          (retryable: the scan may have overtaken the shipment)
│   ├── CaptureNotFoundError         (retryable: the provider's event may have overtaken the shipment)
│   ├── QuarantineNotFoundError
│   ├── DisputeNotFoundError
│   ├── FeedGoneError
│   ├── StockHoldNotFoundError
│   ├── DraftNotFoundError
│   ├── InvoiceNotFoundError
│   ├── ReturnNotFoundError
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
│   ├── OwnDraftError
│   ├── HoldApprovalError
│   └── GoodwillLimitError
├── PayloadTooLargeError
├── IdempotencyKeyError
│   ├── IdempotencyKeyMissingError
│   └── IdempotencyKeyReusedError
├── RefusedError                     (the state of the order forbids it)
│   ├── InvalidTransitionError
│   ├── NothingToCancelError
│   ├── EditOutdatedError
│   ├── EditInChannelError
│   ├── InWorkError
│   ├── RefundExceedsCapturedError
│   │   ├── AmountDisputedError      (a chargeback may take the money)
│   │   └── RefundBeforePaymentError (retryable: a channel's refund overtook its payment)
│   ├── DisputeClosedError
│   ├── CurrencyMismatchError
│   ├── DuplicateOrderNumberError
│   ├── PaymentAlreadyUsedError
│   ├── PaymentExceedsInvoiceError
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
│   ├── NoTaxRatesError
│   ├── WebhookOutdatedError
│   ├── WebhookDisabledError
│   ├── NotMasterError
│   ├── NotExchangeableError
│   ├── NotReturnableError
│   │   └── ReturnWindowClosedError
│   ├── ReturnExceedsShippedError
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

from oms.domain.errors.access import (
    AuthenticationError,
    ForbiddenError,
    GoodwillLimitError,
    HoldApprovalError,
    IdempotencyKeyError,
    IdempotencyKeyMissingError,
    IdempotencyKeyReusedError,
    InvalidTokenError,
    OwnDraftError,
    PayloadTooLargeError,
    RateLimitedError,
    ReplayWindowError,
    SignatureError,
)
from oms.domain.errors.base import (
    OmsError,
)
from oms.domain.errors.failing import (
    ContentionError,
    InsufficientStockError,
    OutboundInDoubtError,
    StockChangedError,
    UnknownEventError,
    UpstreamError,
    UpstreamRefusedError,
    VersionConflictError,
)
from oms.domain.errors.invalid import (
    CommitTooLargeError,
    EmptyPolicyError,
    EndpointRefusedError,
    InvalidCursorError,
    InvalidInputError,
    InvalidPolicyError,
    KitWithoutStockError,
    MalformedPayloadError,
    MalformedRowError,
    NaiveTimeError,
    NoSuchNodeError,
    NoSuchSkuError,
    RecordAlteredError,
    SerialsDoNotFitError,
    SourcingInputError,
    SourcingRangeError,
    TooManyLinesError,
    TooManyPositionsError,
    TotalsMismatchError,
    UnknownCurrencyError,
    UnknownNodeError,
    UnknownSkuError,
)
from oms.domain.errors.missing import (
    CaptureNotFoundError,
    DisputeNotFoundError,
    DraftNotFoundError,
    FeedGoneError,
    FulfillmentOrderNotFoundError,
    InvoiceNotFoundError,
    NotFoundError,
    OrderNotFoundError,
    ParcelNotFoundError,
    PolicyVersionNotFoundError,
    QuarantineNotFoundError,
    ReturnNotFoundError,
    StockHoldNotFoundError,
    SupplyNotFoundError,
    WebhookNotFoundError,
)
from oms.domain.errors.refused import (
    AmountDisputedError,
    ApprovalNeededError,
    CountOutdatedError,
    CurrencyMismatchError,
    DisputeClosedError,
    DraftExpiredError,
    DraftOutdatedError,
    DuplicateOrderNumberError,
    EditInChannelError,
    EditOutdatedError,
    HoldExpiredError,
    InvalidTransitionError,
    InWorkError,
    LedgerImbalanceError,
    NoTaxRatesError,
    NotExchangeableError,
    NothingToCancelError,
    NotMasterError,
    NotReturnableError,
    PaymentAlreadyUsedError,
    PaymentExceedsInvoiceError,
    PolicyOutdatedError,
    RefundBeforePaymentError,
    RefundExceedsCapturedError,
    RefusedError,
    ReturnExceedsShippedError,
    ReturnWindowClosedError,
    SellerNotFoundError,
    SerialInUseError,
    SerialNotShippedError,
    StaleRowError,
    WebhookDisabledError,
    WebhookOutdatedError,
)

__all__ = [
    "AmountDisputedError",
    "ApprovalNeededError",
    "AuthenticationError",
    "CaptureNotFoundError",
    "CommitTooLargeError",
    "ContentionError",
    "CountOutdatedError",
    "CurrencyMismatchError",
    "DisputeClosedError",
    "DisputeNotFoundError",
    "DraftExpiredError",
    "DraftNotFoundError",
    "DraftOutdatedError",
    "DuplicateOrderNumberError",
    "EditInChannelError",
    "EditOutdatedError",
    "EmptyPolicyError",
    "EndpointRefusedError",
    "FeedGoneError",
    "ForbiddenError",
    "FulfillmentOrderNotFoundError",
    "GoodwillLimitError",
    "HoldApprovalError",
    "HoldExpiredError",
    "IdempotencyKeyError",
    "IdempotencyKeyMissingError",
    "IdempotencyKeyReusedError",
    "InWorkError",
    "InsufficientStockError",
    "InvalidCursorError",
    "InvalidInputError",
    "InvalidPolicyError",
    "InvalidTokenError",
    "InvalidTransitionError",
    "InvoiceNotFoundError",
    "KitWithoutStockError",
    "LedgerImbalanceError",
    "MalformedPayloadError",
    "MalformedRowError",
    "NaiveTimeError",
    "NoSuchNodeError",
    "NoSuchSkuError",
    "NoTaxRatesError",
    "NotExchangeableError",
    "NotFoundError",
    "NotMasterError",
    "NotReturnableError",
    "NothingToCancelError",
    "OmsError",
    "OrderNotFoundError",
    "OutboundInDoubtError",
    "OwnDraftError",
    "ParcelNotFoundError",
    "PayloadTooLargeError",
    "PaymentAlreadyUsedError",
    "PaymentExceedsInvoiceError",
    "PolicyOutdatedError",
    "PolicyVersionNotFoundError",
    "QuarantineNotFoundError",
    "RateLimitedError",
    "RecordAlteredError",
    "RefundBeforePaymentError",
    "RefundExceedsCapturedError",
    "RefusedError",
    "ReplayWindowError",
    "ReturnExceedsShippedError",
    "ReturnNotFoundError",
    "ReturnWindowClosedError",
    "SellerNotFoundError",
    "SerialInUseError",
    "SerialNotShippedError",
    "SerialsDoNotFitError",
    "SignatureError",
    "SourcingInputError",
    "SourcingRangeError",
    "StaleRowError",
    "StockChangedError",
    "StockHoldNotFoundError",
    "SupplyNotFoundError",
    "TooManyLinesError",
    "TooManyPositionsError",
    "TotalsMismatchError",
    "UnknownCurrencyError",
    "UnknownEventError",
    "UnknownNodeError",
    "UnknownSkuError",
    "UpstreamError",
    "UpstreamRefusedError",
    "VersionConflictError",
    "WebhookDisabledError",
    "WebhookNotFoundError",
    "WebhookOutdatedError",
]
