"""Everything together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.proof.invariants import answers, deliveries, log, money, privacy, progress, serials, stock, views

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from oms.domain.commit import StoredCommit
    from tests.proof.invariants.evidence import Evidence, Finding
    from tests.proof.invariants.log import Life


def check(evidence: Evidence) -> list[Finding]:
    """Every finding; none when all is well."""
    sound = {stream: stored for stream, stored in evidence.streams.items() if stream not in evidence.broken}
    lives = log.lives(sound)
    return [
        *_log(evidence, sound),
        *_orders(evidence, lives),
        *_stock(evidence, lives),
        *serials.out_once(sound),
        *_deliveries(evidence),
        *_lists(evidence, lives),
        *_around(evidence),
    ]


def check_orders(evidence: Evidence, order_ids: Iterable[str]) -> list[Finding]:
    """What can be said of these orders alone, without the rest of the system: cheap enough for after each test."""
    wanted = set(order_ids)
    streams = {f"order#{each}" for each in wanted} - set(evidence.broken)
    sound = {stream: stored for stream, stored in evidence.streams.items() if stream in streams}
    lives = log.lives(sound)
    return [
        *_log(evidence, sound),
        *_orders(evidence, lives),
        *stock.entries_balance(sound),
        *serials.out_once(sound),
        *deliveries.kept(deliveries.placings(sound), {k: v for k, v in evidence.oracle.orders.items() if k in wanted}),
        *deliveries.one_order_each(deliveries.placings(sound)),
        *(_contacts(evidence, sound)),
        *(
            views.rows_show(lives, evidence.rows, evidence.broken)
            if evidence.rows is not None and evidence.idle
            else ()
        ),
        *_around(evidence),
    ]


def _log(evidence: Evidence, sound: Mapping[str, Iterable[object]]) -> Iterator[Finding]:
    for stream in sound:
        yield from log.chained(stream, evidence.streams[stream])
        yield from log.once(stream, evidence.streams[stream])
    yield from log.unchanged(evidence.streams, evidence.heads, evidence.broken)


def _orders(evidence: Evidence, lives: Mapping[str, Life]) -> Iterator[Finding]:
    for life in lives.values():
        yield from life.findings
    books = {order_id: life.books for order_id, life in lives.items() if life.books is not None}
    calm = evidence.idle and not evidence.waiting
    yield from money.accounts(books, evidence.oracle.payments, idle=calm)
    if evidence.idle:
        orders = (life.order for life in lives.values() if life.order is not None)
        yield from progress.all_at_rest(orders, evidence.waiting)
    yield from progress.driven(evidence.started, lives)


def _stock(evidence: Evidence, lives: Mapping[str, Life]) -> Iterator[Finding]:
    if evidence.positions is None:
        return
    yield from stock.entries_balance(evidence.streams)
    yield from stock.ended_once(evidence.streams)
    yield from stock.balanced(evidence.positions)
    yield from stock.positions_of_history(evidence.streams, evidence.positions)
    yield from stock.unheard(evidence.streams, evidence.positions)
    if not evidence.broken:
        books = (life.books for life in lives.values() if life.books is not None)
        yield from stock.bound(books, evidence.positions, stock.held(evidence.streams))
    if evidence.oracle.received is not None:
        yield from stock.received(evidence.streams, evidence.oracle.received)


def _deliveries(evidence: Evidence) -> Iterator[Finding]:
    oracle = evidence.oracle
    placed = deliveries.placings(evidence.streams)
    yield from deliveries.kept(placed, oracle.orders)
    yield from deliveries.one_order_each(placed)
    yield from deliveries.written(evidence.streams, oracle)
    yield from _contacts(evidence, evidence.streams)
    if evidence.quarantine is not None:
        yield from deliveries.ended(evidence.streams.keys(), evidence.quarantine, oracle)
        yield from progress.set_aside(evidence.quarantine, oracle.poison, evidence.dead_letters)
    if oracle.complete:
        yield from deliveries.invented(placed, evidence.quarantine or (), oracle)
    if evidence.published is not None:
        yield from deliveries.announced(evidence.streams, evidence.published, evidence.broken)


def _contacts(evidence: Evidence, streams: Mapping[str, Sequence[StoredCommit]]) -> Iterator[Finding]:
    if evidence.contacts is not None:
        placed = deliveries.placings(streams)
        yield from deliveries.with_contacts(placed, evidence.oracle.orders, evidence.contacts)


def _lists(evidence: Evidence, lives: Mapping[str, Life]) -> Iterator[Finding]:
    if evidence.rows is not None and evidence.idle:
        yield from views.rows_show(lives, evidence.rows, evidence.broken)
        known = {log.order_of(stream) for stream in evidence.streams}
        yield from views.none_without_order(known, evidence.rows)


def _around(evidence: Evidence) -> Iterator[Finding]:
    yield from views.seen(evidence.reads)
    yield from answers.well_answered(evidence.answers, faults=evidence.faults)
    for store, texts in evidence.texts.items():
        yield from privacy.named(store, texts, evidence.canaries)
    if evidence.idle:
        yield from progress.drained(evidence.pending)
