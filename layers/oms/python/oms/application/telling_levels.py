"""Tell a channel how much of its SKUs can be sold: what is so when it is told, not what was so when it was asked for.

Many movements become one level. A message names SKUs and when their movement was seen; a SKU whose level was read after
that is told already. One worker at a time tells an account, from the read to the answer: a level that was read before
another one cannot arrive behind it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from oms.application.telling import LONGEST_DELAY_S, AskedToWaitError, Outcome, made, not_yet, park_outbound
from oms.channels.outward import Level, calls_of, kinds, levels, outward
from oms.domain import ids
from oms.domain.channel_dues import POLICY, Kind, read_accounts
from oms.domain.errors import UpstreamError, UpstreamRefusedError
from oms.domain.frozen import frozen
from oms.domain.outbox import LEASE, MAX_TRIES, wait_s

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oms.application.availability import ShowAvailability
    from oms.application.gates import Gates
    from oms.application.gateways import Told
    from oms.application.ports import Clock, Outbox, Quarantine, Reference
    from oms.domain.channel_dues import Account

SKEW: Final = timedelta(seconds=2)
"""Clocks differ by less, and so old may be what a look at stock gives."""
AGAIN: Final = timedelta(days=1)
"""A level that has not changed is told again after so long: whoever edits stock in the channel is put right."""
BUSY_S: Final = 2.0


@frozen(kw_only=False)
class TellLevels:
    """One message, of SKUs of one account."""

    reference: Reference
    availability: ShowAvailability
    api: Told
    outbox: Outbox
    gates: Gates
    quarantine: Quarantine
    later: Callable[[Mapping[str, Any], int], None]
    now: Clock

    def __call__(self, message: Mapping[str, Any], by: str) -> Outcome:
        """As `TellChannel`; `known` when all was told by a later read."""
        source, account = message["source"], message["account"]
        how = read_accounts(self.reference.policy(POLICY)).get((source, account))
        if how is None or Kind.STOCK.value not in how.tell or Kind.STOCK not in kinds(source):
            return Outcome(word="nothing")
        if not message.get("kits"):
            message = {**message, "kits": True}
            self._kits(message)
        outcome = self._told(message, by, how)
        if outcome.word == "waiting":
            tries = message.get("tries", 0) + (1 if outcome.code else 0)
            wait = min(max(1, int(outcome.wait_s + 0.999)), LONGEST_DELAY_S)
            self.later({**message, "tries": tries}, wait)
        age = self.now() - datetime.fromisoformat(message["at"])
        return replace(outcome, age_s=age.total_seconds())

    def _kits(self, message: Mapping[str, Any]) -> None:
        """What is for sale of a kit follows its components: kits of these SKUs are told by messages of their own."""
        skus = sorted(self.reference.kits_of(message["skus"]) - set(message["skus"]))
        most = levels(message["source"]).most
        for start in range(0, len(skus), most):
            self.later({**message, "skus": skus[start : start + most]}, 1)

    def _told(self, message: Mapping[str, Any], by: str, how: Account) -> Outcome:
        source, account = message["source"], message["account"]
        seen_at = datetime.fromisoformat(message["seen_at"])
        rows = {sku: self.outbox.load(_name(source, account, sku)) for sku in message["skus"]}
        open_ = [sku for sku, row in rows.items() if row is None or _read_at(row) < seen_at + SKEW]
        known = self.reference.made_of(open_)
        skus = [sku for sku in open_ if sku in known]
        if not skus:
            return Outcome(word="known")
        lease, row = f"levels#{source}#{account}", None
        row = self.outbox.load(lease)
        now = self.now()
        if row is not None and row["by"] and now < datetime.fromisoformat(row["at"]) + LEASE:
            return Outcome(word="waiting", wait_s=BUSY_S)
        wait = self.gates.enter(source, account, outward(source).limit, calls_of(source, len(skus)))
        if wait:
            return Outcome(word="waiting", wait_s=wait / 1000)
        mine = {"by": by, "at": now.isoformat()}
        if not self.outbox.save(lease, mine, row):
            return Outcome(word="waiting", wait_s=BUSY_S)
        outcome = self._set(message, how, skus, rows)
        self.outbox.save(lease, {"by": "", "at": self.now().isoformat()}, mine)
        return outcome

    def _set(
        self,
        message: Mapping[str, Any],
        how: Account,
        skus: Sequence[str],
        rows: Mapping[str, Mapping[str, Any] | None],
    ) -> Outcome:
        source, account, read_at = message["source"], message["account"], self.now()
        found = self.availability(skus, channel=source, account=account)
        now = [Level(sku=each["sku"], units=each["available"]) for each in found]
        changed = [each for each in now if _differs(rows[each.sku], each.units, read_at)]
        if changed:
            key = ids.derive("lvl", source, account, read_at.isoformat(), *(f"{each.sku}={each.units}" for each in now))
            failed = self._send(message, how, changed, key)
            if failed is not None:
                return failed
        for each in changed:
            kept = {"units": each.units, "read_at": read_at.isoformat()}
            self.outbox.save(_name(source, account, each.sku), kept, rows[each.sku])
        return Outcome(word="sent" if changed else "known", count=len(changed))

    def _send(self, message: Mapping[str, Any], how: Account, changed: Sequence[Level], key: str) -> Outcome | None:
        """None when all are set; each call may be made twice."""
        source, account, channel = message["source"], message["account"], levels(message["source"])
        tries = message.get("tries", 0) + 1
        try:
            asks = channel.asks_levels(changed, how.settings)
            answers = {call.name: made(self.api, source, account, call) for call in asks}
            for call in channel.tell_levels(changed, how.settings, answers, key):
                later = channel.read_levels(made(self.api, source, account, call))
                if later is not None:
                    raise not_yet(later)
        except AskedToWaitError as asked:
            wait = asked.wait_s or wait_s(tries)
            if not asked.alone:
                self.gates.told_to_wait(source, account, outward(source).limit, wait)
            return Outcome(word="waiting", wait_s=wait)
        except UpstreamError as error:
            if not isinstance(error, UpstreamRefusedError):
                self.gates.failed(source, account)
                if tries < MAX_TRIES:
                    return Outcome(word="waiting", wait_s=wait_s(tries), code=error.code)
            park_outbound(self.quarantine, {**message, "tries": 0}, error, self.now(), tries=tries)
            return Outcome(word="parked", code=error.code)
        self.gates.answered(source, account)
        return None


def _name(source: str, account: str, sku: str) -> str:
    return f"level#{source}#{account}#{sku}"


def _read_at(row: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(row["read_at"])


def _differs(row: Mapping[str, Any] | None, units: int, read_at: datetime) -> bool:
    """It is not what the channel was told last, or was told long ago."""
    return row is None or row["units"] != units or read_at - _read_at(row) > AGAIN
