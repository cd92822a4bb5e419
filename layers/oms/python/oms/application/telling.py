"""Tell a channel what happened here, once.

A message is known by its place in the log. A worker holds it while it sends (`domain.outbox`), within what the vendor
allows the account (`domain.gate`). A refusal for good, or too many tries, is put before a person; so is a message that
may have arrived where the vendor can neither be asked nor takes the same twice.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.application.intake import OUTBOUND
from oms.channels.outward import Again, Call, Done, Reply, kinds, outward
from oms.domain import ids
from oms.domain.channel_dues import POLICY, Due, Kind, read_accounts
from oms.domain.channel_message import message_of
from oms.domain.commit import Cause
from oms.domain.errors import OmsError, OutboundInDoubtError, UpstreamError, UpstreamRefusedError
from oms.domain.frozen import frozen
from oms.domain.order.commands import RecordRefundOutcome
from oms.domain.outbox import LEASE, MAX_TRIES, State, begin, read_progress, wait_s
from oms.domain.parked import Parked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oms.application.gates import Gates
    from oms.application.gateways import Told
    from oms.application.orders import Orders
    from oms.application.ports import Clock, Outbox, Quarantine, Reference
    from oms.channels.outward import Later, Outward
    from oms.domain.channel_message import Message
    from oms.domain.outbox import Progress

LONGEST_DELAY_S: Final = 900
"""A queue keeps a message back no longer."""
SETTLED_S: Final = 60
"""What nobody answered may still be at work at the vendor for so long: it is not asked before whether it arrived."""
PATIENCE: Final = timedelta(days=3)
"""From what happened to when a person is asked, though the vendor has only ever asked to wait."""
_FRESH: Final = "fresh"
"""In a message that is sent once more: how often it was refused for sure. What may have arrived keeps its key."""
_LIMITED: Final = 429
_UNAUTHORIZED: Final = frozenset({401, 403})
_TIMEOUT: Final = 408
_SERVER_ERROR: Final = 500
_SAID: Final = ("vendor", "vendor_status", "vendor_code", "vendor_field", "units", "missing", "currency", "queue")


class AskedToWaitError(Exception):
    """The vendor asks to come again, and has not acted; `wait_s` when it said when, `alone` with this message."""

    def __init__(self, wait_s: float | None, *, alone: bool = False) -> None:
        super().__init__()
        self.wait_s = wait_s
        self.alone = alone


def made(api: Told, source: str, account: str, call: Call) -> Reply:
    """The answer to a call.

    Raises AskedToWaitError, and UpstreamError where its status says nothing of the outcome, or that we are not let in.
    """
    try:
        status, document, wait = api.tell(source, account, call)
    except UpstreamError as error:
        if error.context.get("vendor_status") != _LIMITED:
            raise
        said = error.context.get("retry_after")  # of the login: the call itself was not made
        raise AskedToWaitError(said if isinstance(said, float) else None) from None
    context = {"vendor": source, "vendor_status": status}
    if status == _LIMITED:
        raise AskedToWaitError(wait)
    if status in _UNAUTHORIZED:
        # People renew credentials: it was not taken, and may be in a while.
        raise UpstreamError("the vendor does not let us in", sent=False, **context)
    if status == _TIMEOUT or status >= _SERVER_ERROR:
        raise UpstreamError("the vendor failed", **context)
    return Reply(status=status, document=document, wait_s=wait)


def not_yet(later: Later) -> AskedToWaitError:
    """The vendor's word within an answer."""
    return AskedToWaitError(later.wait_s, alone=later.alone)


@frozen
class Outcome:
    """`word`: sent, already (the channel knew), known (it was told before), nothing, waiting, parked.

    `age_s`: from what happened to now.
    """

    word: str
    wait_s: float = 0.0
    code: str = ""
    age_s: float = 0.0
    count: int = 1


@frozen
class _Held:
    """A message that this worker holds: as it is kept now, and as it goes on from there."""

    message: Mapping[str, Any]
    said: Message
    progress: Progress
    row: Mapping[str, Any] | None
    channel: Outward
    settings: Mapping[str, Any]


@frozen(kw_only=False)
class TellChannel:
    """One message to one channel."""

    orders: Orders
    reference: Reference
    api: Told
    outbox: Outbox
    gates: Gates
    quarantine: Quarantine
    later: Callable[[Mapping[str, Any], int], None]
    """Has the message brought again so many seconds later; returns when that is durable."""
    now: Clock

    def __call__(self, message: Mapping[str, Any], by: str) -> Outcome:
        """Tell it, or have it come again, or park it. `by` names this delivery of the message, and no other.

        Raises what the stores raise: the queue brings the message again.
        """
        outcome = self._told(message, by)
        if outcome.word == "waiting":
            self.later(message, min(max(1, int(outcome.wait_s + 0.999)), LONGEST_DELAY_S))
        age = self.now() - datetime.fromisoformat(message["at"])
        return replace(outcome, age_s=age.total_seconds())

    def _told(self, message: Mapping[str, Any], by: str) -> Outcome:
        source, account = message["source"], message["account"]
        how = read_accounts(self.reference.policy(POLICY)).get((source, account))
        due = due_of(message)
        if how is None or due.kind.value not in how.tell or due.kind not in kinds(source):
            return Outcome(word="nothing")
        row, now = self.outbox.load(due.message_id), self.now()
        known = read_progress(row)
        progress = begin(known, by, now, message.get("after", -1))
        if progress is None:
            return _not_now(known, now)
        said = message_of(due, self.orders.load(due.order_id).history)
        if said is None:
            return Outcome(word="nothing")
        held = _Held(
            message=message,
            said=replace(
                said, fresh=message.get(_FRESH, 0), doubtful=progress.doubtful and not _vouched(message, progress)
            ),
            progress=progress,
            row=row,
            channel=outward(source),
            settings=how.settings,
        )
        return self._begun(held)

    def _begun(self, held: _Held) -> Outcome:
        said = held.said
        if said.doubtful and held.channel.again(said) is Again.NEVER:
            return self._park(held, OutboundInDoubtError("nobody knows whether it arrived", vendor=said.source))
        try:
            asks = held.channel.asks(said, held.settings)
        except UpstreamRefusedError as refusal:
            return self._park(held, refusal)
        wait = self.gates.enter(said.source, said.account, held.channel.limit, len(asks) + 1)
        if wait:
            return Outcome(word="waiting", wait_s=wait / 1000)
        if not self.outbox.save(said.message_id, held.progress.document(), held.row):
            return Outcome(word="waiting", wait_s=1.0)
        return self._send(replace(held, row=held.progress.document()), asks)

    def _send(self, held: _Held, asks: Sequence[Call]) -> Outcome:
        said, channel, told = held.said, held.channel, False
        try:
            answers = {call.name: made(self.api, said.source, said.account, call) for call in asks}
            answer: Call | Done | Later = channel.tell(said, held.settings, answers)
            if isinstance(answer, Call):
                told = True
                answer = channel.read(said, made(self.api, said.source, said.account, answer))
            if not isinstance(answer, Done):
                raise not_yet(answer)
        except AskedToWaitError as asked:
            wait = asked.wait_s or wait_s(held.progress.tries)
            if not asked.alone:
                self.gates.told_to_wait(said.source, said.account, channel.limit, wait)
            return self._limited(held, wait)
        except (UpstreamRefusedError, OutboundInDoubtError) as refusal:
            return self._park(held, refusal)
        except UpstreamError as error:
            self.gates.failed(said.source, said.account)
            return self._failed(held, error, unsure=told and error.context.get("sent") is not False)
        self.gates.answered(said.source, said.account)
        return self._noted(held, answer)

    def _noted(self, held: _Held, answer: Done) -> Outcome:
        """What the log has to know first; then the message is done with."""
        said = held.said
        if said.kind is Kind.REFUND and answer.ref:
            command = RecordRefundOutcome(
                command_id=ids.command_id("channel-refunded", said.refund_id),
                refund_id=said.refund_id,
                state="succeeded",
                refund_ref=answer.ref,
            )
            self.orders.execute(said.order_id, command, Cause(kind="system", ref=said.message_id, actor=said.source))
        self._keep(held, State.SENT, ref=answer.ref, doubtful=False)
        return Outcome(word="already" if answer.already else "sent")

    def _limited(self, held: _Held, wait: float) -> Outcome:
        """A try that the vendor put off is none, unless it goes on for days."""
        if self.now() - datetime.fromisoformat(held.message["at"]) > PATIENCE:
            return self._park(held, UpstreamError("the vendor has asked to wait for days", vendor=held.said.source))
        self._keep(held, State.WAITING, tries=held.progress.tries - 1)
        return Outcome(word="waiting", wait_s=wait, code=UpstreamError.code)

    def _failed(self, held: _Held, error: UpstreamError, *, unsure: bool) -> Outcome:
        doubtful, wait = held.progress.doubtful or unsure, wait_s(held.progress.tries)
        held = replace(held, progress=replace(held.progress, doubtful=doubtful))
        if held.progress.tries >= MAX_TRIES:
            return self._park(held, error)
        self._keep(held, State.WAITING)
        return Outcome(word="waiting", wait_s=max(SETTLED_S, wait) if unsure else wait, code=error.code)

    def _park(self, held: _Held, error: OmsError) -> Outcome:
        """Before a person first, then out of the way: dying between the two puts it there again, as the same entry."""
        tries, number, message = held.progress.tries, held.said.number, held.message
        if isinstance(error, UpstreamRefusedError) and not held.progress.doubtful:
            message = {**message, _FRESH: message.get(_FRESH, 0) + 1}
        park_outbound(self.quarantine, message, error, self.now(), tries=tries, number=number)
        self._keep(held, State.PARKED)
        return Outcome(word="parked", code=error.code)

    def _keep(self, held: _Held, state: State, **changes: Any) -> None:
        """How far it came. Who has meanwhile lost the message to somebody else keeps nothing."""
        progress = replace(held.progress, state=state, at=self.now(), **changes)
        self.outbox.save(held.said.message_id, progress.document(), held.row)


def due_of(message: Mapping[str, Any]) -> Due:
    """What the message of the queue names."""
    return Due(
        kind=Kind(message["kind"]),
        order_id=message["order_id"],
        commit=message["commit"],
        event=message["event"],
        part=message["part"],
        at=datetime.fromisoformat(message["at"]),
    )


def _vouched(message: Mapping[str, Any], progress: Progress) -> bool:
    """A person has looked and says that it is to be sent: once, not again when that is not answered either."""
    return bool(message.get("after", -1) == progress.tries - 1)


def _not_now(known: Progress | None, now: datetime) -> Outcome:
    if known is not None and known.state is State.SENDING:
        wait = known.at + LEASE - now + timedelta(seconds=1)
        return Outcome(word="waiting", wait_s=wait.total_seconds())
    return Outcome(word="known")


def park_outbound(
    quarantine: Quarantine,
    message: Mapping[str, Any],
    error: OmsError,
    now: datetime,
    *,
    tries: int = 0,
    number: str = "",
) -> None:
    """Put a message to a channel before a person, with how to try it once more."""
    source, account = str(message.get("source", "")), str(message.get("account", ""))
    known = {name: error.context[name] for name in _SAID if error.context.get(name) not in (None, "")}
    order = {name: message[name] for name in ("order_id", "skus") if name in message}
    quarantine.park(
        Parked(
            parked_id=ids.derive(
                "qrn", OUTBOUND, str(message.get("tell", "")), source, account, *message.get("skus", ())
            ),
            source=OUTBOUND,
            account=f"{source}/{account}",
            topic=str(message.get("kind", "")),
            code=error.code,
            reason=str(error),
            parked_at=now,
            message={**message, "after": tries},
            detail={**known, **order, **({"number": number} if number else {}), "tries": tries},
        )
    )
