"""Where workers stop: every operation on what they share is a stop of the schedule.

Master data passes straight through: it does not change during a schedule.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ReadTimeoutError

from oms.domain.errors import OmsError, UpstreamError
from oms.domain.feed import taken_key
from tests.proof.interleave.kernel import Act, CrashedError, Op, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.proof.memory import Step


@dataclass(frozen=True, slots=True)
class Stop:
    """An operation of a port: what its arguments say that it touches, how people read it, and whether it writes."""

    touches: Callable[..., tuple[str, ...]]
    write: bool = False
    about: Callable[..., str] = lambda *_, **__: ""


@dataclass(slots=True)
class Gate:
    """A `Pause`. Without a schedule everything passes."""

    schedule: Schedule | None = None

    def __call__(self, step: Step, call: Callable[[], Any]) -> Any:
        """The operation, the way the schedule says."""
        schedule = self.schedule
        stop = STOPS.get(step.op) if schedule is not None else None
        if schedule is None or stop is None:
            return call()
        args, kwargs = step.args, step.kwargs
        name = step.op if schedule.ops is None else f"{step.op} {stop.about(*args, **kwargs)}"
        act = schedule.reach(Op(name, stop.touches(*args, **kwargs), stop.write))
        return call() if act is Act.GO else _disturbed(act, step.op, call)


def _disturbed(act: Act, op: str, call: Callable[[], Any]) -> Any:
    # Whether it was done or refused, the answer does not arrive.
    with suppress(OmsError):
        call()
    if act is Act.RESENT:
        return call()
    if act is Act.CRASH:
        raise CrashedError
    if op.startswith("payments."):
        raise UpstreamError("the vendor did not answer", vendor="stripe")
    raise ReadTimeoutError(endpoint_url="https://dynamodb.eu-central-1.amazonaws.com/")


def _short(text: object) -> str:
    """An id as people can tell it from another."""
    return str(text)[:16]


def _first(value: object, *_: object, **__: object) -> str:
    return _short(value)


def _events(commit: Any, **_: object) -> str:
    return f"{_short(commit.stream)} #{commit.number} {', '.join(type(event).__name__ for event in commit.events)}"


def _appended(
    commit: Any,
    *,
    stock: Any = (),
    unique: Any = (),
    released: Any = (),
    lots: Any = (),
    due: Any = (),
    beside: Any = (),
) -> tuple[str, ...]:
    skus = [f"stock#{each.sku}" for each in (*stock, *lots)]
    return (
        commit.stream,
        *unique,
        *released,
        *skus,
        *[each.stream for each in beside],
        *(["due holds"] if due else []),
    )


def _contact(where: Any, *_: object) -> tuple[str, ...]:
    return (f"contact of {where.customer_id}",)


def _payment(reference: str, *_: object, **__: object) -> tuple[str, ...]:
    return (reference,)


def _all(name: str) -> Callable[..., tuple[str, ...]]:
    touched = (name,)
    return lambda *_, **__: touched


STOPS: Final[Mapping[str, Stop]] = {
    "log.read": Stop(lambda stream: (stream,), about=_first),
    "log.append": Stop(_appended, write=True, about=_events),
    "log.put_fact": Stop(lambda stream, *_: (f"facts of {stream}",), write=True, about=_first),
    "contacts.put": Stop(_contact, write=True, about=lambda where, *_: where.customer_id),
    "contacts.take_back": Stop(_contact, write=True, about=lambda where, *_: where.customer_id),
    "stock.positions": Stop(lambda skus: tuple([f"stock#{sku}" for sku in skus]), about=", ".join),
    "tables.read": Stop(lambda keys: keys, about=", ".join),
    "tables.write": Stop(lambda keys, _: keys, write=True, about=lambda keys, _: ", ".join(keys)),
    "feed.fed": Stop(lambda _, places: tuple([f"stock#{sku}" for sku, _ in places]), about=lambda source, _: source),
    "feed.tell": Stop(lambda _, told: (f"stock#{told.row.sku}",), write=True, about=lambda source, _: source),
    "feed.taken": Stop(lambda source, ids: tuple([taken_key(source, each) for each in ids]), about=_first),
    "stock.due_holds": Stop(_all("due holds")),
    "payments.verify_authorization": Stop(_payment, about=_first),
    "payments.capture": Stop(_payment, write=True, about=_first),
    "payments.void": Stop(_payment, write=True, about=_first),
    "payments.refund": Stop(_payment, write=True, about=_first),
    "payments.expire": Stop(_payment, write=True, about=_first),
    "payments.find_refund": Stop(_payment, about=_first),
    "payments.list_refunds": Stop(_payment, about=_first),
    "views.project": Stop(_all("views"), write=True, about=_events),
    "views.orders_with": Stop(_all("views"), about=lambda kind, value: f"{kind} {value}"),
    "views.waiting_orders": Stop(_all("views"), about=_first),
    "views.overdue": Stop(_all("views")),
    "views.unlisted": Stop(_all("views")),
    "views.postpone": Stop(_all("views"), write=True, about=_first),
    "views.put_row": Stop(_all("views"), write=True, about=_first),
    "quarantine.park": Stop(_all("quarantine"), write=True, about=lambda parked: parked.code),
    "quarantine.get": Stop(_all("quarantine"), about=_first),
    "quarantine.waiting": Stop(_all("quarantine")),
    "quarantine.look_again": Stop(_all("quarantine"), write=True, about=_first),
    "quarantine.remove": Stop(_all("quarantine"), write=True, about=_first),
    "queue.send": Stop(_all("queue"), write=True),
    "workflows.start": Stop(_all("workflows"), write=True, about=lambda _, payload: payload["step"]),
}
