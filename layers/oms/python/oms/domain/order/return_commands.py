"""What may be asked of returns. Part of `commands`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.frozen import frozen
from oms.domain.order.commands import Command
from oms.domain.order.exchange_facts import WantedLine  # noqa: TC001 - beside the others
from oms.domain.order.return_facts import InspectedUnits, Resolution, ReturnUnits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from oms.domain.return_policy import ReturnRules
    from oms.domain.serials import ByLine
    from oms.domain.tracking import ParcelStatus


@frozen
class AskedLine:
    """Units of a line that somebody wants to return, and why: a code of the policy's."""

    line_id: str
    quantity: int
    reason: str


@frozen
class RequestReturn(Command):
    """Ask to return units. `rules` decide, as they stand `at` that time; `categories` are those of SKUs.

    `override`: a person allows what the rules do not. `origin` is customer, staff or node; from a node the units are
    there already, at `node_id`.
    """

    lines: tuple[AskedLine, ...]
    at: datetime
    rules: ReturnRules
    categories: Mapping[str, str]
    resolution: Resolution = Resolution.REFUND
    origin: str = "staff"
    override: bool = False
    node_id: str = ""
    wanted: tuple[WantedLine, ...] = ()


@frozen
class ApproveReturn(Command):
    """A person lets it come."""

    return_id: str
    at: datetime


@frozen
class RejectReturn(Command):
    """A person does not."""

    return_id: str
    reason: str


@frozen
class CancelReturn(Command):
    """It will not come."""

    return_id: str
    reason: str = ""


@frozen
class LabelReturn(Command):
    """It travels under this number: a label was bought, or the customer told."""

    return_id: str
    carrier: str
    tracking_number: str


@frozen
class RecordReturnScan(Command):
    """The carrier's word on a return."""

    tracking_number: str
    status: ParcelStatus
    occurred_at: datetime


@frozen
class ReceiveReturn(Command):
    """It is at a node."""

    return_id: str
    node_id: str


@frozen
class InspectReturn(Command):
    """Units of it were looked at. `last`: what was not named is missing."""

    return_id: str
    node_id: str
    lines: tuple[InspectedUnits, ...]
    serials: ByLine = ()
    last: bool = False


@frozen
class SettleReturn(Command):
    """A person decides on what is doubtful, or on what never came: `lines` are paid for, for `amount` if it is said."""

    return_id: str
    reason: str
    lines: tuple[ReturnUnits, ...] = ()
    amount: int | None = None


@frozen
class ExpireReturns(Command):
    """What was not sent by `at` does not come any more."""

    at: datetime
