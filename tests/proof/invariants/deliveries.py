"""What was sent, and what became of it (I4, I5): nothing lost, nothing invented, nothing twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from oms.adapters.keys import contact_key
from oms.domain import ids
from oms.domain.canonical import ContactKey
from oms.domain.order.events import OrderPlaced
from oms.domain.public_events import public_events
from tests.proof.invariants.evidence import Finding
from tests.proof.invariants.log import order_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from oms.domain.commit import StoredCommit
    from tests.proof.invariants.evidence import Oracle, Parked, Published, SentOrder


def placings(streams: Mapping[str, Sequence[StoredCommit]]) -> dict[str, OrderPlaced]:
    """The first event of every order, by order id."""
    found = {}
    for stream, stored in streams.items():
        order_id = order_of(stream)
        first = stored[0].commit.events if order_id and stored else ()
        if first and isinstance(first[0], OrderPlaced):
            found[order_id] = first[0]
    return found


def kept(placed: Mapping[str, OrderPlaced], sent: Mapping[str, SentOrder]) -> Iterator[Finding]:
    """I4: every order that was acknowledged is in the log as it was sent."""
    for order_id, order in sent.items():
        found = placed.get(order_id)
        if found is None:
            if order.acked:
                yield Finding(invariant="I4", detail=f"{order_id} ({order.number}) was acknowledged and is not stored")
            continue
        units: Counter[str] = Counter()
        for line in found.lines:
            units[line.sku] += line.quantity
        stored = (dict(units), found.currency, found.total)
        if stored != (dict(order.units), order.currency, order.total):
            yield Finding(invariant="I4", detail=f"{order_id} is stored as {stored}, it was sent as {order}")


def with_contacts(
    placed: Mapping[str, OrderPlaced], sent: Mapping[str, SentOrder], contacts: Collection[tuple[str, str]]
) -> Iterator[Finding]:
    """I4: personal data is in the order's own place before the order is, so that no order is ever without."""
    for order_id, event in placed.items():
        where = ContactKey(customer_id=event.customer_id, placed_at=event.placed_at, order_id=order_id)
        if order_id in sent and sent[order_id].contact and contact_key(where) not in contacts:
            yield Finding(invariant="I4", detail=f"{order_id} is stored without its contact")


def invented(placed: Iterable[str], quarantine: Iterable[str], oracle: Oracle) -> Iterator[Finding]:
    """I4: there is no order and no entry in quarantine that nobody sent."""
    orders = set(oracle.orders) | {each.order_id for each in oracle.deliveries}
    parked = {each.parked_id for each in oracle.deliveries} | set(oracle.poison)
    for order_id in placed:
        if order_id not in orders:
            yield Finding(invariant="I4", detail=f"nobody sent {order_id}")
    for parked_id in quarantine:
        if parked_id not in parked:
            yield Finding(invariant="I4", detail=f"nobody sent what is in quarantine as {parked_id}")


def ended(streams: Collection[str], quarantine: Mapping[str, Parked], oracle: Oracle) -> Iterator[Finding]:
    """I4: what is genuine is acknowledged, and is in an order's log, or in quarantine, or asked for nothing."""
    for each in oracle.deliveries:
        if each.refused:
            yield Finding(invariant="I4", detail=f"{each.name} is genuine and was refused")
        stored = bool(each.order_id) and f"order#{each.order_id}" in streams
        parked = each.parked_id in quarantine
        if each.acked and each.order_id and not stored and not parked:
            yield Finding(invariant="I4", detail=f"{each.name} was acknowledged and is nowhere ({each.order_id})")


def written(streams: Mapping[str, Sequence[StoredCommit]], oracle: Oracle) -> Iterator[Finding]:
    """I4 and I5: each write that was answered left a commit of its own key; one only."""
    for each in oracle.writes:
        refs = Counter(
            one.commit.cause.ref
            for one in streams.get(each.stream, ())
            if one.commit.cause.kind == "api" and one.commit.cause.ref.endswith(f":{each.key}")
        )
        if not refs:
            yield Finding(invariant="I4", detail=f"{each.stream} knows nothing of {each.key}, which was answered")
        if len(refs) > 1:
            yield Finding(invariant="I5", detail=f"{each.stream}: {each.key} was used for {len(refs)} requests")


def one_order_each(placed: Mapping[str, OrderPlaced]) -> Iterator[Finding]:
    """I5 by natural key: one order per channel, account and external id, under the id that these give."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for order_id, each in placed.items():
        natural = (each.channel, each.account, each.external_id)
        seen[natural] += 1
        if seen[natural] > 1:
            yield Finding(invariant="I5", detail=f"{natural} is more than one order, {order_id} among them")
        if ids.order_id(*natural) != order_id:
            yield Finding(invariant="I5", detail=f"{order_id} is not the id of {natural}")


def announced(
    streams: Mapping[str, Sequence[StoredCommit]], published: Sequence[Published], broken: Collection[str] = ()
) -> Iterator[Finding]:
    """I4 and I5: each public event of the log was published, each time the same; and nothing else was."""
    wanted = {
        event_id: (kind, detail)
        for stream, stored in streams.items()
        for each in stored
        for event_id, kind, detail in public_events(each.commit)
    }
    told: dict[str, tuple[str, Mapping[str, object]]] = {}
    for each in published:
        said = (each.kind, each.detail)
        if told.setdefault(each.event_id, said) != said:
            yield Finding(invariant="I5", detail=f"{each.event_id} was published with two contents")
        stream = each.event_id.rsplit(":", 2)[0]
        if each.event_id not in wanted and stream not in broken:
            yield Finding(invariant="I4", detail=f"{each.event_id} was published and is not in the log")
    for event_id in wanted.keys() - told.keys():
        yield Finding(invariant="I4", detail=f"{event_id} was never published")
