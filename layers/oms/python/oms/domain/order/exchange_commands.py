"""What may be asked of exchanges. Part of `commands`."""

from __future__ import annotations

from oms.domain.frozen import frozen
from oms.domain.order.commands import Command


@frozen
class RecordReplacement(Command):
    """The order that a return pays for was placed."""

    return_id: str


@frozen
class GiveBackExchange(Command):
    """That order gives `amount` back, by its refund `refund_id`."""

    return_id: str
    refund_id: str
    amount: int
