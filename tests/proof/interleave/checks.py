"""What must hold at the end of every schedule. Cheap: they run a million times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from oms.domain.commit import verify_chain
from oms.domain.errors import OmsError
from oms.domain.order.status import LIFECYCLE, NextStep, OrderStatus, order_status
from oms.domain.order.tenders import captured_of, refunding_of
from oms.domain.stock import COMPONENTS, stock_deltas
from tests.proof.interleave.remember import MOST, remembered_fold, remembered_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oms.domain.commit import StoredCommit
    from oms.domain.order.state import Order
    from oms.domain.order.tenders import Tendered
    from oms.domain.stock import StockDelta
    from tests.proof.interleave.kernel import Ended
    from tests.proof.interleave.world import World

_MONEY: Final = ("authorize", "capture", "refund")
Counts = tuple[int, ...]


class Violation(AssertionError):  # noqa: N818 - the field's word
    """An invariant does not hold."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")


class Told(NamedTuple):
    """What a sound stream says: its order, and what it moved by SKU and node."""

    order: Order | None
    moved: Mapping[tuple[str, str], Counts]


_TOLD: Final[dict[tuple[str, ...], Told]] = {}


def must(holds: bool, invariant: str, detail: str) -> None:  # noqa: FBT001
    """Raises Violation."""
    if not holds:
        raise Violation(invariant, detail)


def told(stream: str, stored: tuple[StoredCommit, ...]) -> Told:
    """What a stream says; raises Violation when it is not sound. Looked at once for the hashes of all its commits."""
    key = tuple([each.hash for each in stored])
    found = _TOLD.get(key)
    if found is None:
        if len(_TOLD) >= MOST:
            _TOLD.clear()
        chained(stream, stored)
        kind, _, order_id = stream.partition("#")
        order = lives_legally(order_id, stored) if kind == "order" else None
        found = _TOLD[key] = Told(order, _summed(stored))
    return found


def chained(stream: str, stored: tuple[StoredCommit, ...]) -> None:
    """I7: numbered without gaps, each commit names the hash before it. I5: no command ran twice."""
    broken = verify_chain(stream, stored)
    must(broken == 0, "I7", f"{stream} forks at {broken}")
    commands = [each.commit.command_id for each in stored]
    must(len(set(commands)) == len(commands), "I5", f"a command ran twice in {stream}: {commands}")


def lives_legally(order_id: str, stored: tuple[StoredCommit, ...]) -> Order | None:
    """I6: the order's status moves along its graph only. Units are in one place each, or folding would have refused."""
    state: Order | None = None
    status: OrderStatus | None = None
    for each in stored:
        try:
            state = remembered_fold(order_id, each.commit.events, state)
        except (OmsError, KeyError) as error:
            raise Violation("I6", f"{order_id} cannot be folded at {each.commit.number}: {error!r}") from error
        if state is None:
            continue
        now = order_status(state)
        must(status in (None, now) or now in LIFECYCLE[status or now], "I6", f"{order_id} went from {status} to {now}")
        status = now
    return state


def _counts(delta: StockDelta) -> Counts:
    return tuple([getattr(delta, name) for name in COMPONENTS])


def _summed(stored: Iterable[StoredCommit]) -> Mapping[tuple[str, str], Counts]:
    moved: dict[tuple[str, str], Counts] = {}
    for each in stored:
        for delta in stock_deltas(each.commit.events):
            _add(moved, (delta.sku, delta.node_id), _counts(delta))
    return moved


def _add(moved: dict[tuple[str, str], Counts], key: tuple[str, str], more: Counts) -> None:
    known = moved.get(key)
    moved[key] = more if known is None else tuple([one + other for one, other in zip(known, more, strict=True)])


def stock_balances(world: World, streams: Iterable[Told]) -> None:
    """I1: nothing below zero, on hand is the sum of its parts, and positions are the fold of all movements."""
    moved: dict[tuple[str, str], Counts] = {}
    for each in streams:
        for key, counts in each.moved.items():
            _add(moved, key, counts)
    for sku, at in world.store.positions.items():
        for node, position in at.items():
            counts = _counts(position)
            must(min(counts) >= 0 and position.balanced, "I1", f"{position}")
            folded = moved.get((sku, node))
            must(folded == counts, "I1", f"{sku} at {node} is {counts}, its movements sum to {folded}")


def money_agrees(world: World, order: Order) -> None:
    """I2: at the provider refunds <= captured <= authorized, and our books say what its record says."""
    plan = order.placed.payment
    if plan.in_channel:
        must(order.payment.refunded <= order.payment.captured, "I2", "more refunded than was captured")
        return
    for tender in order.payment.tenders:
        _tender_agrees(world, order, tender)


def _tender_agrees(world: World, order: Order, tender: Tendered) -> None:
    effects = [each for each in world.store.effects.values() if each.payment_ref == tender.reference]
    held, taken, given = [sum([each.amount for each in effects if each.kind == kind]) for kind in _MONEY]
    must(given <= taken <= held, "I2", f"{held} held, {taken} taken, {given} given back")
    ours = (captured_of(order.payment, tender.number), refunding_of(order.payment, tender.number))
    must(ours == (taken, given), "I2", f"captured and refunded: {ours} in our books, {(taken, given)} at the provider")
    for kind in ("capture", "refund", "extend"):
        keys = [each.key for each in effects if each.kind == kind and each.key]
        must(len(keys) == len(set(keys)), "I5", f"one {kind} made twice: {keys}")


def ended_by_name(ended: Iterable[Ended], allowed: frozenset[str] = frozenset()) -> None:
    """Every worker ended with its answer or with a refusal that has a name, and none gave up but those `allowed`."""
    for each in ended:
        if each.error is None:
            continue
        must(isinstance(each.error, OmsError), "I8", f"{each.name} ended with {each.error!r}")
        name = type(each.error).__name__
        retryable = isinstance(each.error, OmsError) and each.error.retryable
        must(not retryable or name in allowed, "I8", f"{each.name} gave up: {each.error!r}")


def at_rest(order: Order) -> None:
    """I8: once faults have stopped nothing is left that the system itself could do."""
    step = remembered_step(order)
    must(step is NextStep.NONE, "I8", f"{order.order_id} is stuck before {step.value}")


def everything(world: World) -> dict[str, Order]:
    """All of the above that needs no scenario; the orders by their ids."""
    streams = [told(stream, known.stored) for stream, known in world.store.streams.items()]
    stock_balances(world, streams)
    orders: dict[str, Order] = {}
    for each in streams:
        if each.order is not None:
            at_rest(each.order)
            money_agrees(world, each.order)
            orders[each.order.order_id] = each.order
    return orders
