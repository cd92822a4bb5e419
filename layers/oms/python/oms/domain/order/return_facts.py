"""What can happen to a return (RMA). Part of `events`, by whose name they are known.

None of these holds personal data: of a label only its carrier and tracking number, as of a parcel that left.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - the codec resolves these annotations at run time
from enum import StrEnum

from oms.domain.frozen import frozen
from oms.domain.movements import Disposition  # noqa: TC001 - the same
from oms.domain.order.exchange_facts import ExchangeEvent, WantedLine


class Resolution(StrEnum):
    """What the customer is to have for what comes back."""

    REFUND = "refund"
    EXCHANGE = "exchange"
    """Other goods; where nobody says which, nothing moves by itself."""


class RefundAt(StrEnum):
    """When the money of a return goes back, without a person."""

    APPROVAL = "approval"
    SCAN = "scan"
    """With the first carrier scan that says it moves."""
    RECEIPT = "receipt"
    INSPECTION = "inspection"
    """Unit by unit, of those that are found as they should be."""


class LabelBy(StrEnum):
    """Who pays for its way back."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"


class Condition(StrEnum):
    """How a unit was found."""

    OK = "ok"
    DAMAGED = "damaged"
    """It is here, and not as it was sold: a person decides on its money."""
    WRONG_ITEM = "wrong_item"
    """Something else came: nothing enters stock, and a person decides."""
    MISSING = "missing"


@frozen
class ReturnTerms:
    """What the policy said when the return was asked for; later versions change nothing of it."""

    version: int = 0
    fee: int = 0
    """Once per return, in minor units of the order's currency."""
    refund_at: RefundAt = RefundAt.INSPECTION
    keep: bool = False
    """The customer keeps the goods."""
    shipping: bool = False
    """Shipping goes back too, when all that was shipped came back."""
    label: LabelBy = LabelBy.CUSTOMER
    send_within_days: int = 30
    label_account: str = ""
    """Of the carrier that is asked for a label: `easypost/main`."""
    return_node: str = ""
    """Where a label sends it; '' where nothing is said."""
    ask: str = ""
    """Why a person must approve it; '' when nobody has to."""
    exchange_at: RefundAt | None = None
    """When the value of an exchange pays for other goods; None: as `refund_at`."""


@frozen
class ReturnedLine:
    """Units of a line that are to come back, why, and the rule that says on what terms."""

    line_id: str
    quantity: int
    reason: str
    rule: str = ""
    fee_basis_points: int = 0
    """Of what the units are worth: 250 are 2.5 %."""


@frozen
class ReturnUnits:
    """Units of a line of a return."""

    line_id: str
    quantity: int


@frozen
class InspectedUnits:
    """How units were found, and what becomes of those that are here."""

    line_id: str
    quantity: int
    condition: Condition = Condition.OK
    disposition: Disposition | None = None


@frozen
class ReturnRequested:
    """Units are to come back. `origin`: customer, staff, or node (it came without having been asked for)."""

    return_id: str
    number: str
    lines: tuple[ReturnedLine, ...]
    terms: ReturnTerms
    resolution: Resolution = Resolution.REFUND
    origin: str = "staff"
    wanted: tuple[WantedLine, ...] = ()


@frozen
class ReturnApproved:
    """It may be sent, until `expires_at`. `by`: the policy, or a person."""

    return_id: str
    expires_at: datetime
    by: str = "policy"


@frozen
class ReturnRejected:
    """It may not."""

    return_id: str
    reason: str


@frozen
class ReturnLabelled:
    """It travels under this number."""

    return_id: str
    carrier: str
    tracking_number: str


@frozen
class ReturnInTransit:
    """The carrier has it."""

    return_id: str
    occurred_at: datetime


@frozen
class ReturnReceived:
    """It is at a node, whichever that is; nobody has looked at it yet."""

    return_id: str
    node_id: str


@frozen
class ReturnInspected:
    """Somebody looked at units of it. What is for stock comes back with the same commit."""

    return_id: str
    node_id: str
    lines: tuple[InspectedUnits, ...]


@frozen
class ReturnCredited:
    """Money of the return is to go back as `refund_id`: what `lines` are worth, less `fee` and `withheld`.

    `withheld` is what does not go back because it did before, or was never taken. `refund_id` is '' when that is all.
    """

    return_id: str
    refund_id: str
    amount: int
    lines: tuple[ReturnUnits, ...] = ()
    fee: int = 0
    withheld: int = 0
    shipping: int = 0
    """Of what shipping cost; it goes back as a refund of its own."""
    shipping_refund_id: str = ""


@frozen
class ReturnSettled:
    """Nothing is left to do. `reason`: why a person decided as they did; '' when nobody had to."""

    return_id: str
    reason: str = ""


@frozen
class ReturnCancelled:
    """It will not come."""

    return_id: str
    reason: str = ""


@frozen
class ReturnExpired:
    """It was not sent in time."""

    return_id: str


@frozen
class ReturnShrunk:
    """Units of it came back otherwise, with a refund of the channel for one."""

    return_id: str
    lines: tuple[ReturnUnits, ...]


ReturnEvent = (
    ReturnRequested
    | ReturnApproved
    | ReturnRejected
    | ReturnLabelled
    | ReturnInTransit
    | ReturnReceived
    | ReturnInspected
    | ReturnCredited
    | ReturnSettled
    | ReturnCancelled
    | ReturnExpired
    | ReturnShrunk
    | ExchangeEvent
)
