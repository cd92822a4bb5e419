"""Move the money that is due: captures for what shipped, voids for what will not, refunds that were asked for.

Each is asked of its tender's provider. Authorizations that end are renewed here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.application.renewing import RenewTenders
from oms.domain import ids
from oms.domain.errors import UpstreamRefusedError
from oms.domain.frozen import frozen
from oms.domain.order.charging import due_captures, due_checks, due_refunds, due_voids
from oms.domain.order.commands import RecordAuthorization, RecordCapture, RecordRefundOutcome, RecordVoid
from oms.domain.order.events import RefundRequested
from oms.domain.order.exchange_facts import ExchangeGivenBack
from oms.domain.order.promising import needed
from oms.domain.order.settling import refund_outcome_word
from oms.domain.order.tenders import FIRST, capture_key
from oms.domain.payments import AuthorizationState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from oms.application.gateways import PaymentProvider
    from oms.application.orders import Loaded, Orders
    from oms.application.ports import Clock
    from oms.domain.commit import Cause
    from oms.domain.order.charging import DueCapture
    from oms.domain.order.commands import Command
    from oms.domain.order.dispute_evidence import Evidence
    from oms.domain.order.state import Order, Refund
    from oms.domain.order.tenders import Tendered


def _no_document(told: Evidence) -> bytes:
    """Plain text, for whoever renders nothing."""
    from oms.domain.order.dispute_evidence import sentences

    return "\n".join(sentences(told)).encode()


@frozen(kw_only=False)
class SettlePaymentStep:
    """Every movement has a key derived from what it is for: made twice, it moves money once."""

    orders: Orders
    providers: Mapping[str, PaymentProvider]
    now: Clock
    render: Callable[[Evidence], bytes] = _no_document
    """Evidence in a dispute as a PDF, for providers that want one."""

    def __call__(self, order_id: str, cause: Cause) -> dict[str, Any]:
        """{'moved': how many movements were recorded}. Raises UpstreamError when the provider does not answer."""
        loaded = self.orders.load(order_id)
        order = loaded.order
        if order is None or order.placed.payment.in_channel:
            return {"moved": 0}
        moved = 0
        for number in due_checks(order):
            self.renew.check(order, number, cause)
            moved += 1
        for number in due_voids(order):
            self._void(order, order.payment.tenders[number - 1], cause)
            moved += 1
        for capture in due_captures(order):
            self._capture(order, capture, cause)
            moved += 1
        for refund in due_refunds(order):
            self._refund(loaded, order, refund, cause)
            moved += 1
        if order.disputes.due_answers:
            from oms.application.dispute_answers import send_answers

            moved += send_answers(self.orders, self.providers, loaded, self.render, cause)
        if self.renew.due(order):
            # What is left of an authorization is what the captures above have left of it.
            order = self.orders.get(order_id)
            for tender in self.renew.due(order):
                self.renew(order, tender, cause)
                moved += 1
        return {"moved": moved}

    @property
    def renew(self) -> RenewTenders:
        """What is done for authorizations that end."""
        return RenewTenders(self.orders, self.providers, self.now)

    def _void(self, order: Order, tender: Tendered, cause: Cause) -> None:
        provider, reference, key = self.providers[tender.provider], tender.reference, _key(order, tender.number)
        command: Command = RecordVoid(command_id=ids.command_id("void", *key), tender=tender.number)
        try:
            provider.void(reference, f"void:{':'.join(key)}")
        except UpstreamRefusedError:
            # Taken meanwhile, by the provider itself: what was taken is recorded, and goes back as a refund.
            result = provider.verify_authorization(
                reference, needed(order, tender), order.placed.currency, f"authorize:{':'.join(key)}"
            )
            if result.state is not AuthorizationState.CAPTURED:
                raise
            command = RecordAuthorization(
                command_id=ids.command_id("void-refused", *key), authorization=result, tender=tender.number
            )
        self.orders.execute(order.order_id, command, cause)

    def _capture(self, order: Order, due: DueCapture, cause: Cause) -> None:
        tender, key = order.payment.tenders[due.tender - 1], capture_key(due.shipment_id, due.tender)
        result = self.providers[tender.provider].capture(
            tender.reference,
            due.amount,
            order.placed.currency,
            f"capture:{order.order_id}:{key}",
            final=due.final,
            metadata={"oms_order_id": order.order_id, "oms_shipment_id": key},
        )
        command = RecordCapture(
            command_id=ids.command_id("capture", order.order_id, key),
            shipment_id=due.shipment_id,
            capture_id=result.capture_ref,
            amount=result.amount,
            state=result.state,
            reason=result.reason,
            tender=due.tender,
        )
        self.orders.execute(order.order_id, command, cause)

    def _refund(self, loaded: Loaded, order: Order, refund: Refund, cause: Cause) -> None:
        tender = order.payment.tenders[refund.tender - 1]
        provider, reference = self.providers[tender.provider], tender.reference
        # Of a key that may be forgotten, the provider says what was made; one that cannot leaves it to a person.
        old = self._age(loaded, refund) > provider.key_life
        result = provider.find_refund(reference, refund.refund_id) if old else None
        try:
            if result is None or result.amount < refund.amount:
                result = provider.refund(
                    reference,
                    refund.amount,
                    order.placed.currency,
                    refund_id=refund.refund_id,
                    order_id=order.order_id,
                    reason=refund.reason,
                    idempotency_key=refund.refund_id,
                )
        except UpstreamRefusedError as refusal:
            self._record(
                order, refund, cause, state="failed", reason=str(refusal.context.get("vendor_code", refusal.code))
            )
            return
        word = refund_outcome_word(result.state)
        self._record(order, refund, cause, state=word, refund_ref=result.refund_ref, reason=result.reason)

    def _record(
        self, order: Order, refund: Refund, cause: Cause, *, state: str, refund_ref: str = "", reason: str = ""
    ) -> None:
        command = RecordRefundOutcome(
            command_id=ids.command_id("refund", refund.refund_id, state),
            refund_id=refund.refund_id,
            state=state,
            refund_ref=refund_ref,
            reason=reason,
        )
        self.orders.execute(order.order_id, command, cause)

    def _age(self, loaded: Loaded, refund: Refund) -> timedelta:
        asked = next(
            commit.at for commit in loaded.history.commits for event in commit.events if _asks_for(event, refund)
        )
        return self.now() - asked


def _key(order: Order, tender: int) -> tuple[str, ...]:
    """What calls about a whole tender are known by: the order alone, of the first."""
    return (order.order_id,) if tender == FIRST else (order.order_id, str(tender))


def _asks_for(event: object, refund: Refund) -> bool:
    if isinstance(event, ExchangeGivenBack):
        return any(part.refund_id == refund.refund_id for part in event.parts)
    return isinstance(event, RefundRequested) and event.refund_id == refund.refund_id
