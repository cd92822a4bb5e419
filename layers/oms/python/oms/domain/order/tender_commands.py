"""What may be asked of an order's tenders. Part of `commands`, kept apart from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.frozen import frozen
from oms.domain.order.commands import Command

if TYPE_CHECKING:
    from datetime import datetime

    from oms.domain.order.payment_facts import Tender
    from oms.domain.payments import ExtensionResult


@frozen
class AddTender(Command):
    """Name one more payment, used after those that are there. Its provider is asked for it in the next step."""

    tender: Tender
    currency: str = ""


@frozen
class RecordTenderCheck(Command):
    """The provider of an added tender was asked, and says later."""

    tender: int


@frozen
class RecordPayment(Command):
    """Money came for what was sold on invoice. `reference` is the bank's or the bookkeeper's."""

    amount: int
    reference: str
    currency: str = ""


@frozen
class RecordExtension(Command):
    """The answer of a provider that was asked, for the `renewal`-th time, to hold the money longer."""

    tender: int
    renewal: int
    result: ExtensionResult


@frozen
class RecordLapse(Command):
    """The time of what a tender holds is over at `at`, and its provider does not say otherwise."""

    tender: int
    at: datetime
