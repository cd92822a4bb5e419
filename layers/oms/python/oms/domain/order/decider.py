"""The order's decider: one entry for every command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.domain.errors import OrderNotFoundError
from oms.domain.order import (
    changing,
    fulfilling,
    holding_back,
    placing,
    promising,
    releasing,
    scanning,
    scoring,
    settling,
)
from oms.domain.order import commands as cmd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oms.domain.order.events import OrderEvent
    from oms.domain.order.state import Order

_HANDLERS: Mapping[type[cmd.Command], Callable[[Order, Any], tuple[OrderEvent, ...]]] = {
    cmd.RecordChannelRefund: placing.record_channel_refund,
    cmd.ScreenOrder: changing.screen,
    cmd.PromiseOrder: promising.promise,
    cmd.ReleaseFulfillmentOrders: releasing.release,
    cmd.MoveLines: releasing.move,
    cmd.RecordAuthorization: promising.record_authorization,
    cmd.AcceptFulfillmentOrder: fulfilling.accept,
    cmd.RejectFulfillmentOrder: fulfilling.reject,
    cmd.ShipFulfillmentOrder: fulfilling.ship,
    cmd.RecordTracking: fulfilling.record_tracking,
    cmd.RecordCapture: settling.record_capture,
    cmd.RecordVoid: settling.record_void,
    cmd.RecordRefundOutcome: settling.record_refund_outcome,
    cmd.RecordProviderEvent: settling.record_provider_event,
    cmd.RequestRefund: settling.request_refund,
    cmd.NameReturned: scanning.name_returned,
    cmd.CancelLines: changing.cancel,
    cmd.CancelRest: changing.cancel_rest,
    cmd.PlaceHold: holding_back.place_hold,
    cmd.ReleaseHold: holding_back.release_hold,
    cmd.RecordScore: scoring.record_score,
    cmd.DecideFraud: scoring.decide_fraud,
    cmd.ExpireHold: holding_back.expire_hold,
}


def decide(order_id: str, order: Order | None, command: cmd.Command) -> tuple[OrderEvent, ...]:
    """The events that `command` leads to; empty when it changes nothing. Raises the command's typed refusals.

    Only SyncOrder may begin an order; anything else on an empty log raises OrderNotFoundError, which may pass.
    """
    if isinstance(command, cmd.SyncOrder):
        return placing.sync(order_id, order, command)
    if order is None:
        raise OrderNotFoundError("no such order", order_id=order_id)
    return _HANDLERS[type(command)](order, command)
