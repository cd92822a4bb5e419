"""Keep authorizations alive until what they are for has left, and notice those that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.application.gateways import Extends
from oms.domain import ids
from oms.domain.frozen import frozen
from oms.domain.order.commands import RecordAuthorization
from oms.domain.order.tender_commands import RecordExtension, RecordLapse, RecordTenderCheck
from oms.domain.order.tendering import ending
from oms.domain.order.tenders import RENEW_BEFORE, left_of, tender_at
from oms.domain.payments import AuthorizationState, ExtensionResult, ExtensionState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.application.gateways import PaymentProvider
    from oms.application.orders import Orders
    from oms.application.ports import Clock
    from oms.domain.commit import Cause
    from oms.domain.order.commands import Command
    from oms.domain.order.state import Order
    from oms.domain.order.tenders import Tendered


@frozen(kw_only=False)
class RenewTenders:
    """A part of the step that settles: the providers of added tenders, and of those that end, are asked."""

    orders: Orders
    providers: Mapping[str, PaymentProvider]
    now: Clock

    def check(self, order: Order, number: int, cause: Cause) -> None:
        """Ask for a tender that was named after the order was placed; what is pending, an event tells later."""
        tender = tender_at(order.payment, number)
        if tender is None:
            return
        result = self.providers[tender.provider].verify_authorization(
            tender.reference, tender.amount, order.placed.currency, f"authorize:{order.order_id}:{number}"
        )
        command_id = ids.command_id("check", order.order_id, str(number))
        pending = result.state is AuthorizationState.PENDING
        command: Command = RecordAuthorization(command_id=command_id, authorization=result, tender=number)
        if pending:
            command = RecordTenderCheck(command_id=command_id, tender=number)
        self.orders.execute(order.order_id, command, cause)

    def due(self, order: Order) -> tuple[Tendered, ...]:
        """Tenders that end soon, or have ended."""
        now = self.now()
        return tuple(each for each in ending(order) if each.look_at and each.look_at <= now)

    def __call__(self, order: Order, tender: Tendered, cause: Cause) -> None:
        """Ask for more time, once for each renewal; of what has ended, whether that is so."""
        if tender.expires_at is None:
            return
        if tender.expires_at > self.now():
            self._extend(order, tender, cause)
        else:
            self._lapse(order, tender, cause)

    def _extend(self, order: Order, tender: Tendered, cause: Cause) -> None:
        provider, renewal = self.providers[tender.provider], tender.renewals + 1
        key = f"reauthorize:{order.order_id}:{tender.number}:{renewal}"
        result = ExtensionResult(state=ExtensionState.REFUSED, reason="not_supported")
        if isinstance(provider, Extends):
            result = provider.extend(tender.reference, left_of(order.payment, tender), order.placed.currency, key)
        if result.expires_at and tender.expires_at and result.expires_at <= tender.expires_at:
            result = ExtensionResult(state=ExtensionState.REFUSED, reason="no_longer")
        self._record(order, tender, renewal, result, cause)

    def _lapse(self, order: Order, tender: Tendered, cause: Cause) -> None:
        """What the table says of a provider's habits may be too short: who can be asked is asked before."""
        now, left = self.now(), left_of(order.payment, tender)
        key = f"authorize:{order.order_id}:{tender.number}"
        told = self.providers[tender.provider].verify_authorization(tender.reference, left, order.placed.currency, key)
        if told.state is AuthorizationState.AUTHORIZED:
            longer = ExtensionResult(
                state=ExtensionState.EXTENDED, expires_at=told.expires_at or now + 2 * RENEW_BEFORE
            )
            if longer.expires_at and longer.expires_at > now:
                self._record(order, tender, tender.renewals + 1, longer, cause)
                return
        ended = tender.expires_at.isoformat() if tender.expires_at else ""
        command_id = ids.command_id("lapse", order.order_id, str(tender.number), ended)
        self.orders.execute(order.order_id, RecordLapse(command_id=command_id, tender=tender.number, at=now), cause)

    def _record(self, order: Order, tender: Tendered, renewal: int, result: ExtensionResult, cause: Cause) -> None:
        command = RecordExtension(
            command_id=ids.command_id("extend", order.order_id, str(tender.number), str(renewal), result.state.value),
            tender=tender.number,
            renewal=renewal,
            result=result,
        )
        self.orders.execute(order.order_id, command, cause)
