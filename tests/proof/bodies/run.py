"""Read damaged bodies and judge what becomes of each."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final

from oms.carriers.registry import carrier
from oms.channels.files import NoOrderError, read_orders
from oms.domain.canonical import Normalized, NormalizedRefund
from oms.domain.errors import AuthenticationError, InvalidInputError
from oms.domain.inbound import InboundRequest, NoticeKind
from oms.payments.registry import provider
from tests.proof.bodies.corpus import SECRET, Seed, Way, seeds
from tests.proof.bodies.mutate import damaged
from tests.support.connector_rules.kit import ACCOUNT, NOW, Kit
from tests.support.connector_rules.kits import kit
from tests.support.connector_rules.seen import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oms.domain.canonical import CanonicalOrder
    from oms.domain.inbound import Notice

NORMALIZED, REFUSED, IGNORED, NAMED, CRASHED = "normalized", "refused", "ignored", "named", "crashed"
"""`named`: a delivery that names an order, which would be fetched."""
SLOWEST_S: Final = 2.0
"""CPU time of one body, beyond which reading it is a fault."""
_KEPT: Final = 500
"""Bodies of one sender that ended in a new way, to be damaged further."""
_LONGEST: Final = 40_000
"""Bytes of a body that is damaged further, or bodies would grow and grow."""
_TOLD: Final = 20
_DIGITS: Final = re.compile(r"[0-9]+")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a body ended; `like` is the same for bodies that ended alike."""

    kind: str
    like: str


@dataclass(kw_only=True)
class Tally:
    """What was counted."""

    kinds: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    endings: set[str] = field(default_factory=set)
    slowest_s: float = 0.0
    crashes: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """That of another process too."""
        self.kinds += other.kinds
        self.sources += other.sources
        self.endings |= other.endings
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.crashes.extend(other.crashes)


def outcome(seed: Seed, body: bytes, kits: Callable[[str], Kit] = kit) -> Outcome:
    """What becomes of a body in the place of a seed's."""
    try:
        return _read(seed, body, kits)
    except (InvalidInputError, NoOrderError) as refusal:
        try:
            json.dumps(refusal.context)
        except (TypeError, ValueError) as error:
            return Outcome(kind=CRASHED, like=f"a refusal that cannot be told: {error}")
        where = _DIGITS.sub("#", str(refusal.context.get("path", "")))[:80]
        return Outcome(kind=REFUSED, like=f"{refusal.code} {refusal} {where}")
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return Outcome(kind=CRASHED, like=f"{type(error).__name__}: {error}"[:300])


def _read(seed: Seed, body: bytes, kits: Callable[[str], Kit]) -> Outcome:
    request = InboundRequest(account=ACCOUNT, headers=seed.headers, body=body)
    if seed.way is Way.TRACKING or seed.way is Way.PAYMENT:
        return _other_sender(seed, request)
    of = kits(seed.source)
    if seed.way is Way.FILE:
        return _judged(read_orders(of.connector, of.layouts, body))
    _verified(of.connector, request, of.secrets)
    notice = of.connector.identify(request)
    fetched = list(of.connector.fetches(notice))
    if notice.kind is NoticeKind.FETCH:
        return Outcome(kind=NAMED, like=f"{len(fetched)}")
    if notice.kind not in {NoticeKind.ORDER, NoticeKind.REFUND}:
        return _ignored(notice)
    return _normalized(of.connector.normalize(request, notice))


def _other_sender(seed: Seed, request: InboundRequest) -> Outcome:
    who: Any = carrier(seed.source) if seed.way is Way.TRACKING else provider(seed.source)
    _verified(who, request, [SECRET])
    notice = who.identify(request)
    if notice.kind not in {NoticeKind.TRACKING, NoticeKind.PAYMENT}:
        return _ignored(notice)
    found = [who.read_tracking(request)] if seed.way is Way.TRACKING else who.read_events(request)
    repr(found).encode()
    return Outcome(kind=NORMALIZED, like=" ".join(type(each).__name__ for each in found))


def _verified(who: Any, request: InboundRequest, secrets: Sequence[str]) -> None:
    """That it is not signed, as a damaged body is not, must not keep it from being read."""
    try:
        who.verify(request, list(secrets), NOW)
    except AuthenticationError:
        return


def _ignored(notice: Notice) -> Outcome:
    return Outcome(kind=IGNORED, like=notice.kind)  # topics are texts: a damaged one is no other ending


def _normalized(found: Normalized | NormalizedRefund) -> Outcome:
    if isinstance(found, Normalized):
        repr(found.contact).encode()
        return _judged([found.order])
    if found.refund.amount < 0:
        return Outcome(kind=CRASHED, like="a negative refund")
    return Outcome(kind=NORMALIZED, like=f"refund {len(found.refund.lines)}")


def _judged(orders: Sequence[CanonicalOrder]) -> Outcome:
    wrong = [fault for order in orders for fault in faults(order)]
    if wrong:
        return Outcome(kind=CRASHED, like=wrong[0])
    if not orders:
        return Outcome(kind=CRASHED, like="neither an order nor a refusal")
    return Outcome(kind=NORMALIZED, like=_shape(orders[0]))


def _shape(order: CanonicalOrder) -> str:
    """What there is of it, not how much."""
    amounts = (
        order.shipping,
        order.shipping_tax,
        order.fees,
        order.fee_tax,
        order.tips,
        order.duties,
        order.gift_cards,
    )
    shape = (
        *(len(order.lines), order.payment.state, order.tax_included, order.cancelled, bool(order.on_hold)),
        *(bool(amount) for amount in (*amounts, order.gift_cards)),
        *(bool(order.ship_to), len(order.refunds), any(line.cancelled for line in order.lines)),
    )
    return repr(shape)


def campaign(bodies: int, salt: str, source: str = "", kits: Callable[[str], Kit] = kit) -> Tally:
    """So many damaged bodies, of all senders or one; the same for the same salt."""
    random, tally = Random(salt), Tally()
    whole = [seed for seed in seeds() if source in {"", seed.source}]
    kept: dict[str, list[tuple[Seed, bytes]]] = {seed.source: [] for seed in whole}
    for _ in range(bodies):
        seed = random.choice(whole)
        before, body = kept[seed.source], seed.body
        if before and random.random() < 0.5:
            seed, body = random.choice(before)
        body = damaged(body, random)
        if counted(tally, seed, body, kits) and len(body) <= _LONGEST:
            _keep(before, (seed, body), random)
    return tally


def counted(tally: Tally, seed: Seed, body: bytes, kits: Callable[[str], Kit] = kit) -> bool:
    """Count how a body ended; did none end so before?"""
    began = time.thread_time()
    found = outcome(seed, body, kits)
    took = time.thread_time() - began
    tally.slowest_s = max(tally.slowest_s, took)
    if took > SLOWEST_S:
        found = Outcome(kind=CRASHED, like="too slow")
    tally.kinds[found.kind] += 1
    tally.sources[seed.source] += 1
    like = f"{seed.source} {seed.way} {found.kind} {found.like}"
    if like in tally.endings:
        return False
    tally.endings.add(like)
    if found.kind == CRASHED and len(tally.crashes) < _TOLD:
        tally.crashes.append(f"{like}\n  {seed.name} {dict(seed.headers)}\n  {body[:3000]!r}")
    return True


def _keep(kept: list[tuple[Seed, bytes]], found: tuple[Seed, bytes], random: Random) -> None:
    if len(kept) < _KEPT:
        kept.append(found)
    else:
        kept[random.randrange(_KEPT)] = found
