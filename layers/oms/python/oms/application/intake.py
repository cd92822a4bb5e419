"""Take in what was delivered: orders and refunds of channels, scans of carriers, events of payment providers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from oms.application.messages import fingerprint, from_message, listed_notice
from oms.application.orders import loaded_after
from oms.application.senders import sender
from oms.channels.registry import connector
from oms.domain import ids
from oms.domain.canonical import Contact, ContactKey, Normalized
from oms.domain.codec import to_plain
from oms.domain.commit import Cause
from oms.domain.errors import (
    DuplicateOrderNumberError,
    OmsError,
    OrderNotFoundError,
    ParcelNotFoundError,
    PaymentAlreadyUsedError,
)
from oms.domain.frozen import frozen
from oms.domain.inbound import NoticeKind
from oms.domain.kits import kits_of, stock_skus
from oms.domain.order.commands import RecordChannelRefund, SyncOrder
from oms.domain.order.events import PaymentPlan
from oms.domain.parked import Parked
from oms.domain.places import place
from oms.domain.serials import serialized_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oms.application.customers import Customers
    from oms.application.gateways import VendorApi
    from oms.application.orders import Loaded, Orders, Outcome
    from oms.application.payment_events import TakePaymentEvent
    from oms.application.ports import Clock, Contacts, Gazetteer, Quarantine, Reference
    from oms.application.tracking import TakeTracking
    from oms.domain.canonical import CanonicalOrder
    from oms.domain.inbound import InboundRequest, Notice
    from oms.domain.order.events import OrderEvent
    from oms.domain.order.payment_facts import Tender
    from oms.domain.order.state import Order

IN_CHANNEL: Final = PaymentPlan(provider="in_channel")
OUTBOUND: Final = "outbound"
"""Source of a parked message to a channel."""
RELAY: Final = "relay"
"""Source of a parked commit that could not be relayed."""
MAX_ROUNDS: Final = 250
"""Commits that one snapshot may need: each frees what fits into one transaction."""


class _KeepContact:
    """Keeps the personal data that came with one snapshot, before each try to commit it.

    The contact of an order that is there belongs under the order's own customer and time, whatever the snapshot says of
    both. A first snapshot does not know these yet and keeps it under its own, `mine`; when another one places the order
    meanwhile, it is kept anew in the order's place, and what was left under `mine` is taken back.
    """

    def __init__(self, contacts: Contacts, contact: Contact, revision: str, mine: ContactKey, *, once: bool) -> None:
        self._contacts = contacts
        self._contact = contact
        self._revision = revision
        self._mine = mine
        # An Idempotency-Key that comes back with another body must not change what is kept of its order.
        self._once = once
        self._put = False

    def before(self, order: Order | None) -> None:
        """Whatever is decided on this order, its contact is there first."""
        if self._contact == Contact():
            return
        if order is None:
            self._contacts.put(self._mine, self._revision, self._contact)
            self._put = True
            return
        where = order.contact_key
        if not self._once:
            self._contacts.put(where, self._revision, self._contact)
        # What a channel tells again may have left something under `mine` before it crashed.
        if where != self._mine and (self._put or not self._once):
            self._contacts.take_back(self._mine, self._revision)

    def refused(self) -> None:
        """The order will never be."""
        if self._put:
            self._contacts.take_back(self._mine, self._revision)


@frozen(kw_only=False)
class SyncSnapshot:
    """Take in a channel's snapshot of an order, however often, late or early it comes."""

    orders: Orders
    contacts: Contacts
    reference: Reference
    customers: Customers
    gazetteer: Gazetteer

    def __call__(
        self,
        normalized: Normalized,
        cause: Cause,
        payment: PaymentPlan = IN_CHANNEL,
        request_hash: str = "",
        tenders: tuple[Tender, ...] = (),
    ) -> Outcome:
        """Move the order, its personal data kept first. Raises the refusals of `placing.sync`.

        `tenders` of an order that is paid by several are all of them, `payment` the first.
        """
        snapshot = normalized.order
        order_id = ids.order_id(snapshot.source, snapshot.account, snapshot.external_id)
        plain = json.dumps(to_plain(snapshot), sort_keys=True, ensure_ascii=False)
        digest = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        # After the digest: which snapshot this is must not depend on the gazetteer of the day.
        snapshot = self._placed(normalized)
        skus = frozenset(line.sku for line in snapshot.lines)
        own = [f"number#{snapshot.account}#{snapshot.number}"] if request_hash else []
        made_of = self.reference.made_of(skus)
        serialized = serialized_of(made_of, self.reference.serialized(stock_skus(made_of)))
        customer_id = self.customers.identify(normalized.contact.email)
        keep = _KeepContact(
            self.contacts,
            normalized.contact,
            revision=f"{snapshot.revision:%Y-%m-%dT%H:%M:%S.%fZ}#{digest}",
            mine=ContactKey(customer_id=customer_id, placed_at=snapshot.placed_at, order_id=order_id),
            once=bool(request_hash),
        )
        events: tuple[OrderEvent, ...] = ()

        def command(round_: int) -> SyncOrder:
            return SyncOrder(
                command_id=ids.command_id("sync", snapshot.source, cause.ref, digest, str(round_)),
                snapshot=snapshot,
                payment=payment,
                tenders=tenders,
                digest=digest,
                customer_id=customer_id,
                unknown_skus=skus - made_of.keys(),
                request_hash=request_hash,
                serialized=serialized,
                kits=kits_of(made_of),
            )

        def first(loaded: Loaded) -> SyncOrder:
            keep.before(loaded.order)
            return command(0)

        try:
            outcome = self.orders.execute(order_id, first, cause, unique=own)
        except (DuplicateOrderNumberError, PaymentAlreadyUsedError):
            keep.refused()
            raise
        events += outcome.events
        # A large order is cancelled in several commits: each frees what fits into one transaction.
        for round_ in range(1, MAX_ROUNDS if snapshot.cancelled else 1):
            more = self.orders.execute(order_id, command(round_), cause, loaded=loaded_after(outcome))
            if not more.events:
                break
            outcome, events = more, events + more.events
        return replace(outcome, events=events)

    def _placed(self, normalized: Normalized) -> CanonicalOrder:
        """The order with the point of its destination: only here are its city and the log at hand together."""
        order, address = normalized.order, normalized.contact.shipping
        if order.ship_to is None:
            return order
        return replace(order, ship_to=place(order.ship_to, address.city if address else "", self.gazetteer))


@frozen(kw_only=False)
class Taken:
    """How a delivery ended: taken, ignored or quarantined; `order_id` when it is known."""

    outcome: str
    topic: str = ""
    order_id: str = ""
    code: str = ""


@frozen(kw_only=False)
class TakeDelivery:
    """One queued delivery.

    What will never be processable is quarantined at once; what may pass is raised, so that the queue brings it again,
    and quarantined on its last try.
    """

    sync: SyncSnapshot
    orders: Orders
    tracking: TakeTracking
    payment_events: TakePaymentEvent
    vendors: VendorApi
    quarantine: Quarantine
    now: Clock

    def __call__(self, message: Mapping[str, Any], *, last_try: bool) -> Taken:
        """Process, or park with the reason."""
        try:
            return self.process(message)
        except OmsError as error:
            if error.retryable and not last_try:
                raise
            return self.park(message, error)

    def process(self, message: Mapping[str, Any]) -> Taken:
        """Process a delivery; raises typed errors and parks nothing."""
        source, request = from_message(message)
        who = sender(source)
        listed = listed_notice(message)
        if listed is not None:
            return Taken("taken", listed.topic, self._channel(source, request, listed, kind="poll"))
        notice = who.identify(request)
        if notice.kind in (NoticeKind.PING, NoticeKind.IGNORED):
            return Taken("ignored", notice.topic)
        if notice.kind is NoticeKind.TRACKING:
            return Taken("taken", notice.topic, self.tracking(source, request))
        if notice.kind is NoticeKind.PAYMENT:
            return Taken("taken", notice.topic, self.payment_events(source, request))
        if notice.kind is NoticeKind.RISK:
            return Taken("taken", notice.topic, self._decided(source, request, notice))
        return Taken("taken", notice.topic, self._channel(source, request, notice))

    def _decided(self, source: str, request: InboundRequest, notice: Notice) -> str:
        from oms.application.fraud import TakeFraudDecision  # few merchants have their orders scored
        from oms.payments.fraud import read_word

        cause = Cause(kind="webhook", ref=notice.event_id, actor=source)
        return TakeFraudDecision(self.orders)(notice.event_id, read_word(request), cause)

    def _channel(self, source: str, request: InboundRequest, notice: Notice, kind: str = "webhook") -> str:
        who = connector(source)
        cause = Cause(kind=kind, ref=notice.event_id, actor=source)
        if notice.kind is NoticeKind.FETCH:
            documents = self.vendors.fetch(source, request.account, who, notice)
            return self.sync(who.assemble(request.account, notice, documents), cause).order.order_id
        read = who.normalize(request, notice)
        if isinstance(read, Normalized):
            return self.sync(read, cause).order.order_id
        order_id = ids.order_id(read.source, read.account, read.external_id)
        command = RecordChannelRefund(
            command_id=ids.command_id("channel_refund", source, request.account, read.refund.refund_ref),
            refund=read.refund,
            currency=read.currency,
        )
        self.orders.execute(order_id, command, cause)
        return order_id

    def park(self, message: Mapping[str, Any], error: OmsError) -> Taken:
        """Keep the delivery with its reason; the same delivery again is the same entry."""
        source, account = str(message.get("source", "")), str(message.get("account", ""))
        topic, event_id = "", ""
        try:
            _, request = from_message(message)
            event_id = fingerprint(request)
            notice = listed_notice(message) or sender(source).identify(request)
            topic, event_id = notice.topic, notice.event_id
        except OmsError:
            event_id = event_id or hashlib.sha256(json.dumps(message, sort_keys=True).encode()).hexdigest()
        parked_id = ids.derive("qrn", source, account, event_id)
        self.quarantine.park(
            Parked(
                parked_id=parked_id,
                source=source,
                account=account,
                topic=topic,
                code=error.code,
                reason=str(error),
                parked_at=self.now(),
                message=message,
                detail=to_plain(error.context),
                waits_for=_waits_for(error),
            )
        )
        return Taken("quarantined", topic, code=error.code)


def _waits_for(error: OmsError) -> str:
    """What has to come first: an order (its id), or `<kind>#<value>` as `Views.orders_with` takes it."""
    if isinstance(error, ParcelNotFoundError):
        return f"tracking#{error.context['tracking_number']}" if "tracking_number" in error.context else ""
    if not isinstance(error, OrderNotFoundError):
        return ""
    payment = error.context.get("payment")
    return f"payment#{payment}" if payment else str(error.context.get("order_id", ""))


@frozen(kw_only=False)
class ReplayParked:
    """Process a quarantined input again, after a fix. It leaves the quarantine only when it was processed."""

    take: TakeDelivery
    quarantine: Quarantine
    relay_later: Callable[[str, str], None]
    """Has a commit relayed again, from the log."""
    tell_again: Callable[[Mapping[str, Any]], None]
    """Has a channel told once more."""

    def __call__(self, parked_id: str) -> Taken:
        """Raises QuarantineNotFoundError; a refusal keeps the entry, with its new reason."""
        parked = self.quarantine.get(parked_id)
        if parked.source == RELAY:
            self.relay_later(parked.message["pk"], parked.message["sk"])
        elif parked.source == OUTBOUND:
            self.tell_again(parked.message)
        if parked.source in (RELAY, OUTBOUND):
            self.quarantine.remove(parked_id)
            return Taken("taken", parked.topic)
        try:
            taken = self.take.process(parked.message)
        except OmsError as error:
            self.take.park(parked.message, error)
            raise
        self.quarantine.remove(parked_id)
        return taken
