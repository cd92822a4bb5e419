"""Take in what a payment provider tells by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from oms.application.gateways import PaymentLookup
from oms.domain import ids
from oms.domain.commit import Cause
from oms.domain.errors import OmsError, OrderNotFoundError
from oms.domain.frozen import frozen
from oms.domain.order.commands import RecordProviderEvent
from oms.domain.order.settling import meant
from oms.domain.order.tenders import refunding_of
from oms.domain.payment_events import PaymentEvent, PaymentEventKind, RefundState
from oms.payments.registry import provider

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.application.gateways import PaymentProvider
    from oms.application.orders import Orders
    from oms.application.ports import Views
    from oms.domain.inbound import InboundRequest
    from oms.domain.order.state import Order

_WAITS: Final = frozenset(
    {
        PaymentEventKind.REFUND,
        PaymentEventKind.REFUND_TOTAL,
        PaymentEventKind.CAPTURE,
        PaymentEventKind.DISPUTE,
        PaymentEventKind.FRAUD_REPORT,
    }
)
"""Of a payment that an order must have named before."""


@frozen(kw_only=False)
class TakePaymentEvent:
    """A provider's delivery. It may come before the answer of the call that caused it, and before the order."""

    orders: Orders
    views: Views
    providers: Mapping[str, PaymentProvider]

    def __call__(self, source: str, request: InboundRequest) -> str:
        """The order it was for (of several the last), '' when it is for none of ours.

        The promise step asks the provider itself, so an event about a payment that no order names yet needs no waiting;
        a refund of such a payment raises OrderNotFoundError, which may pass, and so does what a provider tells that
        cannot be asked. One of several events that raises does not keep the others from being taken in.
        """
        taken, refused = "", None
        for event in provider(source).read_events(request):
            try:
                taken = self._take(source, event) or taken
            except OmsError as error:
                refused = refused or error
        if refused is not None:
            raise refused
        return taken

    def _take(self, source: str, event: PaymentEvent) -> str:
        if event.kind is PaymentEventKind.OTHER:
            return ""
        event = self._placed(source, event)
        # Shops keep a number of their own under the same name: only an id of our form is ours.
        own = event.order_ref if ids.is_order_id(event.order_ref) else ""
        order_id = own or next(iter(self._orders_of(source, event)), "")
        if not order_id:
            if event.kind in _WAITS or (event.kind is PaymentEventKind.AUTHORIZED and not provider(source).answers):
                raise OrderNotFoundError("no order was paid with this payment", payment=event.payment_ref)
            return ""
        for each in self._specific(source, order_id, event):
            command = RecordProviderEvent(
                command_id=ids.command_id("payment", source, each.event_id, each.refund_ref), event=each
            )
            self.orders.execute(order_id, command, Cause(kind="payment", ref=event.event_id, actor=source))
        return order_id

    def _placed(self, source: str, event: PaymentEvent) -> PaymentEvent:
        """The event with its payment: one that names a capture alone is looked up at the provider."""
        if event.payment_ref or not event.charge_ref:
            return event
        asked = self.providers[source]
        found = asked.payment_of(event.charge_ref) if isinstance(asked, PaymentLookup) else ""
        return replace(event, payment_ref=found)

    def _orders_of(self, source: str, event: PaymentEvent) -> list[str]:
        """Orders that name the payment, or its charge; of several providers' equal references those of this one."""
        for reference in (event.payment_ref, event.charge_ref):
            found = self.views.orders_with("payment", reference) if reference else []
            if len(found) > 1:
                found = [each for each in found if self._pays(self.orders.get(each), source, reference)]
            if found:
                return found
        return []

    @staticmethod
    def _pays(order: Order, source: str, reference: str) -> bool:
        """It names this payment of this provider."""
        return any((each.provider, each.reference) == (source, reference) for each in order.payment.tenders)

    def _whole(self, source: str, order: Order, event: PaymentEvent) -> list[PaymentEvent]:
        ours = order.payment.refunds[event.our_refund_id]
        paid = order.payment.tenders[ours.tender - 1]
        found = self.providers[source].find_refund(paid.reference, event.our_refund_id)
        if found is None or found.amount < ours.amount:
            return []  # parts are missing, and are made by the step that made these
        return [replace(event, amount=found.amount, refund_state=found.state, refund_ref=found.refund_ref)]

    def _specific(self, source: str, order_id: str, event: PaymentEvent) -> list[PaymentEvent]:
        """A total of refunds that is more than the order knows of is resolved into the refunds themselves.

        So is a refund that is a part of one of ours: how that stands, the provider is asked.
        """
        if event.kind not in (PaymentEventKind.REFUND_TOTAL, PaymentEventKind.REFUND):
            return [event]
        if event.kind is PaymentEventKind.REFUND and not event.our_refund_id:
            return [event]
        order = self.orders.get(order_id)
        if event.kind is PaymentEventKind.REFUND:
            ours = order.payment.refunds.get(event.our_refund_id)
            whole = ours is None or ours.amount == event.amount
            return [event] if whole else self._whole(source, order, event)
        tender = meant(order, event)
        if tender is None or event.amount <= refunding_of(order.payment, tender.number):
            return []
        listed = self.providers[source].list_refunds(tender.reference)
        return [
            PaymentEvent(
                source=source,
                account=event.account,
                event_id=event.event_id,
                kind=PaymentEventKind.REFUND,
                occurred_at=event.occurred_at,
                payment_ref=event.payment_ref,
                currency=event.currency,
                amount=refund.amount,
                refund_ref=refund.refund_ref,
                refund_state=refund.state or RefundState.PENDING,
                our_refund_id=refund.our_refund_id,
                reason=refund.reason,
            )
            for refund in listed
        ]
