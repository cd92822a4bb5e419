"""Exchanges: the order that a return pays for is placed once, and gives back to what paid for it.

A return is known to that order as a payment of the provider `exchange`: it is asked, and refunded, as any provider is.
"""
# ruff: noqa: ARG002 - the port's arguments

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.channels import site
from oms.domain import ids
from oms.domain.canonical import (
    CanonicalLine,
    CanonicalOrder,
    ChannelPayment,
    Contact,
    Normalized,
    PaymentState,
    check_order,
)
from oms.domain.commit import Cause
from oms.domain.errors import InvalidInputError, UpstreamRefusedError
from oms.domain.frozen import frozen
from oms.domain.order.events import PaymentPlan
from oms.domain.order.exchange_commands import GiveBackExchange, RecordReplacement
from oms.domain.order.exchange_facts import ReturnExchanged
from oms.domain.order.exchanging import ACCOUNT, out_of
from oms.domain.order.payment_facts import Tender
from oms.domain.order.return_state import find
from oms.domain.payment_events import RefundState
from oms.domain.payments import EXCHANGE, AuthorizationResult, AuthorizationState, RefundResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.application.intake import SyncSnapshot
    from oms.application.orders import Loaded, Orders
    from oms.application.return_labels import LabelContacts
    from oms.domain.order.return_state import Exchange, Return
    from oms.domain.order.state import Order
    from oms.domain.payments import CaptureResult

CAUSE_ACTOR: Final = "exchange"


@frozen(kw_only=False)
class PlaceReplacements:
    """The workflow step: the orders that an order's returns pay for, then the order says so.

    Everything of such an order follows from the log, its time too: placed again, whoever died, it is the same one.
    """

    orders: Orders
    contacts: LabelContacts
    sync: SyncSnapshot

    def __call__(self, order_id: str, cause: Cause) -> dict[str, Any]:
        """{'replaced': how many}. Raises InvalidInputError when nobody knows (any more) where the goods go."""
        loaded = self.orders.load(order_id)
        order = loaded.order
        due = [known for known in order.returns.values() if known.replacement_due] if order else []
        for known in due:
            if order is not None and known.exchange is not None:
                self._place(loaded, order, known, known.exchange, cause)
        return {"replaced": len(due)}

    def _place(self, loaded: Loaded, order: Order, known: Return, exchange: Exchange, cause: Cause) -> None:
        contact = self.contacts.get(order.contact_key)
        if contact is None:
            raise InvalidInputError("nobody knows whom the exchange is for", return_id=known.return_id)
        normalized = Normalized(order=_order(loaded, order, known, exchange), contact=_of(contact))
        tender = Tender(provider=EXCHANGE, reference=known.return_id, amount=exchange.amount)
        plan = PaymentPlan(provider=EXCHANGE, reference=known.return_id)
        digest = hashlib.sha256(f"exchange {known.return_id}".encode()).hexdigest()[:32]
        self.sync(normalized, cause, plan, digest, (tender,) if tender.amount else ())
        command_id = ids.command_id("replaced", known.return_id)
        self.orders.execute(order.order_id, RecordReplacement(command_id=command_id, return_id=known.return_id), cause)


def _of(contact: Contact) -> Contact:
    return Contact(
        name=contact.name,
        email=contact.email,
        phone=contact.phone,
        shipping=contact.shipping,
        billing=contact.billing,
    )


def _order(loaded: Loaded, order: Order, known: Return, exchange: Exchange) -> CanonicalOrder:
    at = next(
        commit.at
        for commit in loaded.history.commits
        for event in commit.events
        if isinstance(event, ReturnExchanged) and event.return_id == known.return_id
    )
    lines = tuple(
        CanonicalLine(
            line_ref=each.line_id,
            sku=each.sku,
            quantity=each.quantity,
            unit_price=each.unit_price,
            discount=each.discount,
            tax=each.tax,
            title=each.title,
        )
        for each in exchange.lines
    )
    included = order.placed.tax_included
    return check_order(
        CanonicalOrder(
            source=site.source,
            account=ACCOUNT,
            external_id=known.return_id,
            number=f"{known.number}-X",
            revision=at,
            placed_at=at,
            currency=order.placed.currency,
            lines=lines,
            total=sum(x.unit_price * x.quantity - x.discount + (0 if included else x.tax) for x in lines),
            tax_included=included,
            ship_to=order.placed.ship_to,
            payment=ChannelPayment(state=PaymentState.PENDING),
        )
    )


class ExchangePayments:
    """Returns as a provider of payments: what one pays for was taken before; what is given back goes back to it."""

    key_life: timedelta = timedelta(days=36500)

    def __init__(self, orders: Orders) -> None:
        self.orders = orders

    def verify_authorization(
        self, payment_ref: str, amount: int, currency: str, idempotency_key: str
    ) -> AuthorizationResult:
        """What moved of the return, whatever is needed."""
        order, known = self._return(payment_ref)
        if known.exchange is None or order.placed.currency != currency:
            return AuthorizationResult(state=AuthorizationState.DECLINED, amount=0, reason="no_exchange")
        return AuthorizationResult(state=AuthorizationState.CAPTURED, amount=known.exchange.amount)

    def capture(
        self,
        payment_ref: str,
        amount: int,
        currency: str,
        idempotency_key: str,
        *,
        final: bool,
        metadata: Mapping[str, str],
    ) -> CaptureResult:
        """Never asked: it was taken."""
        raise UpstreamRefusedError("what a return pays for was taken before", return_id=payment_ref)

    def void(self, payment_ref: str, idempotency_key: str) -> None:
        """What was taken goes back as a refund."""
        raise UpstreamRefusedError("what a return pays for was taken before", return_id=payment_ref)

    def refund(
        self,
        payment_ref: str,
        amount: int,
        currency: str,
        *,
        refund_id: str,
        order_id: str,
        reason: str,
        idempotency_key: str,
    ) -> RefundResult:
        """It goes back from the tenders that took it, once by the refund."""
        command = GiveBackExchange(
            command_id=ids.command_id("give_back", refund_id),
            return_id=payment_ref,
            refund_id=refund_id,
            amount=amount,
        )
        cause = Cause(kind="workflow", ref=order_id, actor=CAUSE_ACTOR)
        self.orders.execute(ids.order_of_return(payment_ref), command, cause)
        return self._made(refund_id, amount)

    def find_refund(self, payment_ref: str, refund_id: str) -> RefundResult | None:
        """From the log."""
        order, known = self._return(payment_ref)
        amount = out_of(order, known, refund_id)
        return self._made(refund_id, amount) if amount else None

    def list_refunds(self, payment_ref: str) -> list[RefundResult]:
        """Each is known to the order that asked for it."""
        return []

    @staticmethod
    def _made(refund_id: str, amount: int) -> RefundResult:
        return RefundResult(refund_ref=refund_id, amount=amount, state=RefundState.SUCCEEDED)

    def _return(self, return_id: str) -> tuple[Order, Return]:
        order = self.orders.get(ids.order_of_return(return_id))
        return order, find(order, return_id)
