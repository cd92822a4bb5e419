"""The order's decider: one entry for every command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.domain.errors import OrderNotFoundError
from oms.domain.order import (
    changing,
    covering,
    disputes,
    editing,
    exchanging,
    fulfilling,
    holding_back,
    placing,
    promising,
    releasing,
    returns,
    scanning,
    scoring,
    settling,
    tendering,
)
from oms.domain.order import commands as cmd
from oms.domain.order import dispute_commands as disputed
from oms.domain.order import exchange_commands as exchange
from oms.domain.order import return_commands as ret
from oms.domain.order import tender_commands as tender_cmd
from oms.domain.order.edit_commands import EditOrder
from oms.domain.order.return_inspecting import inspect

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
    tender_cmd.AddTender: tendering.add_tender,
    tender_cmd.RecordTenderCheck: tendering.record_check,
    tender_cmd.RecordPayment: tendering.record_payment,
    tender_cmd.RecordExtension: tendering.record_extension,
    tender_cmd.RecordLapse: tendering.record_lapse,
    cmd.NameReturned: scanning.name_returned,
    cmd.CancelLines: changing.cancel,
    cmd.CancelRest: changing.cancel_rest,
    cmd.PlaceHold: holding_back.place_hold,
    cmd.ReleaseHold: holding_back.release_hold,
    cmd.RecordScore: scoring.record_score,
    cmd.DecideFraud: scoring.decide_fraud,
    cmd.ExpireHold: holding_back.expire_hold,
    EditOrder: editing.edit,
    disputed.AnswerDispute: disputes.answer,
    disputed.RecordDisputeAnswer: disputes.record_answer,
    ret.RequestReturn: returns.request,
    ret.ApproveReturn: returns.approve,
    ret.RejectReturn: returns.reject,
    ret.CancelReturn: returns.cancel,
    ret.LabelReturn: returns.label,
    ret.RecordReturnScan: returns.record_scan,
    ret.ReceiveReturn: returns.receive,
    ret.InspectReturn: inspect,
    ret.SettleReturn: returns.settle,
    ret.ExpireReturns: returns.expire,
    exchange.RecordReplacement: exchanging.record_replacement,
    exchange.GiveBackExchange: exchanging.give_back,
}


def decide(order_id: str, order: Order | None, command: cmd.Command) -> tuple[OrderEvent, ...]:
    """The events that `command` leads to; empty when it changes nothing. Raises the command's typed refusals.

    Only SyncOrder may begin an order; anything else on an empty log raises OrderNotFoundError, which may pass.
    """
    if isinstance(command, cmd.SyncOrder):
        events = placing.sync(order_id, order, command)
    elif order is None:
        raise OrderNotFoundError("no such order", order_id=order_id)
    else:
        events = _HANDLERS[type(command)](order, command)
    if order is not None and order.returns and events:
        events = (*events, *returns.overtaken(order, events))
    return (*events, *covering.released(order, events))
