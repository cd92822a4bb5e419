"""What the state of things forbids."""

from __future__ import annotations

from oms.domain.errors.base import OmsError


class RefusedError(OmsError):
    """The present state forbids the command."""

    code = "refused"


class InvalidTransitionError(RefusedError):
    """The lifecycle has no such step from here."""

    code = "invalid_transition"


class NothingToCancelError(RefusedError):
    """The quantity asked for has left, or was cancelled before."""

    code = "nothing_to_cancel"


class EditOutdatedError(RefusedError):
    """The order, or what its edit would come to, is no longer as it was previewed."""

    code = "edit_outdated"


class EditInChannelError(RefusedError):
    """The order was placed in a channel that has to be asked: what it is of, or what it costs, changes there."""

    code = "edit_in_channel"


class InWorkError(RefusedError):
    """A warehouse has begun to work on what would go elsewhere."""

    code = "in_work"


class RefundExceedsCapturedError(RefusedError):
    """The refunds together would be more than was captured."""

    code = "refund_exceeds_captured"


class AmountDisputedError(RefundExceedsCapturedError):
    """The money may go back by a dispute: as a refund as well it would go twice."""

    code = "amount_disputed"


class RefundBeforePaymentError(RefundExceedsCapturedError):
    """A channel told of a refund before it told of the payment."""

    code = "refund_before_payment"
    retryable = True


class DisputeClosedError(RefusedError):
    """The dispute has ended, or the merchant let it be."""

    code = "dispute_closed"


class CurrencyMismatchError(RefusedError):
    """Amounts of two currencies met."""

    code = "currency_mismatch"


class DuplicateOrderNumberError(RefusedError):
    """Another order of this account carries this number."""

    code = "duplicate_order_number"


class PaymentAlreadyUsedError(RefusedError):
    """The payment given with an order pays for another one."""

    code = "payment_already_used"


class PaymentExceedsInvoiceError(RefusedError):
    """More was paid on invoice than is open on it."""

    code = "payment_exceeds_invoice"


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
    """The draft was saved by somebody else since it was seen, or its taxes are others than when it was saved."""

    code = "draft_outdated"


class DraftExpiredError(RefusedError):
    """The time of a draft is over."""

    code = "draft_expired"


class SellerNotFoundError(RefusedError):
    """The legal entity that issued an order's first invoice is no longer among the entities."""

    code = "seller_not_found"


class NoTaxRatesError(RefusedError):
    """Taxes are to be reckoned here, and nobody imported their rates."""

    code = "no_tax_rates"


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


class NotReturnableError(RefusedError):
    """A rule says that this is not taken back: a final sale, never, or not for what was asked."""

    code = "not_returnable"


class ReturnWindowClosedError(NotReturnableError):
    """The days in which this could be returned are over."""

    code = "return_window_closed"


class NotExchangeableError(RefusedError):
    """This cannot be exchanged: the channel holds its money, or what is wanted has no price."""

    code = "not_exchangeable"


class ReturnExceedsShippedError(RefusedError):
    """More units than were shipped, have not come back and are in no other return."""

    code = "return_exceeds_shipped"
