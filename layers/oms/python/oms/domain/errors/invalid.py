"""What was sent cannot be meant."""

from __future__ import annotations

from oms.domain.errors.base import OmsError


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
