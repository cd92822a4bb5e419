"""Ring-fenced pools: units of a position that only some channels or accounts may take.

The policy `pools` is {"rules": [{"pool", "channel", "account", "until", "only"}]}. A rule lets a channel, or an account
of it, draw from a pool; a field that is absent, or `*`, stands for all. From `until` on, an instant, the pool is for
all, by the clock and without a job: what is left in it is offered to everybody until somebody releases it. `only`:
who the rule is for takes nothing else where the position has this pool.

Which units a pool has is no policy, but stock: a row of its own, filled and released by movements. Whoever binds units
of a pool lowers that row, on the condition that it has them; so no policy that is seconds old can sell a unit twice.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import InvalidInputError
from oms.domain.frozen import frozen
from oms.domain.segments import POOL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALL: Final = "*"
POLICY: Final = "pools"
MAX_RULES: Final = 1000
_NAME: Final = re.compile(r"[a-z0-9_-]{1,60}", re.ASCII)
_FIELDS: Final = frozenset({"pool", "channel", "account", "until", "only"})


def pool_segment(pool: str) -> str:
    """The segment of a pool; raises InvalidInputError for what is no name of one."""
    if not _NAME.fullmatch(pool):
        raise InvalidInputError("a pool is named by 1 to 60 of a-z, 0-9, _ and -", pool=pool[:60])
    return f"{POOL}{pool}"


@frozen
class PoolRule:
    """Who may draw from a pool."""

    segment: str
    channel: str = ALL
    account: str = ALL
    until: datetime | None = None
    only: bool = False

    def lets(self, channel: str, account: str) -> bool:
        """It is for this account of this channel."""
        return self.channel in (ALL, channel) and self.account in (ALL, account)


@frozen
class Access:
    """What somebody may draw from at an instant: `pools` in the order in which they are drawn from."""

    pools: tuple[str, ...] = ()
    only: frozenset[str] = frozenset()
    """Of these pools, those that leave their positions' other units to others."""


NO_ACCESS: Final = Access()


@frozen(kw_only=False)
class Pools:
    """The rules, as they were written."""

    rules: tuple[PoolRule, ...]

    def access(self, channel: str, account: str, now: datetime) -> Access:
        """What an account of a channel may draw from: pools of its own before those that are for all by now."""
        own = [each for each in self.rules if each.lets(channel, account) and not _over(each, now)]
        over = [each.segment for each in self.rules if _over(each, now)]
        return Access(
            pools=tuple(dict.fromkeys([*[each.segment for each in own], *over])),
            only=frozenset(each.segment for each in own if each.only),
        )


NO_POOLS: Final = Pools(())


def _over(rule: PoolRule, now: datetime) -> bool:
    return rule.until is not None and now >= rule.until


def read_pools(document: Mapping[str, Any]) -> Pools:
    """The policy's document; raises InvalidInputError for one that is not."""
    rules = document.get("rules", [])
    if not isinstance(rules, list) or len(rules) > MAX_RULES:
        raise InvalidInputError("the policy of pools is a list of rules", limit=MAX_RULES)
    return Pools(tuple(_rules(rules))) if rules else NO_POOLS


def _rules(rules: list[Any]) -> Iterable[PoolRule]:
    for number, rule in enumerate(rules, start=1):
        if not isinstance(rule, dict) or not set(rule) <= _FIELDS:
            raise InvalidInputError("a rule has pool, channel, account, until and only", rule=number)
        names = [rule.get(name) or ALL for name in ("channel", "account")]
        pool, only = rule.get("pool"), rule.get("only", False)
        if not isinstance(pool, str) or not all(isinstance(each, str) for each in names) or type(only) is not bool:
            raise InvalidInputError("a rule names its pool, and whom it is for", rule=number)
        yield PoolRule(
            segment=pool_segment(pool),
            channel=str(names[0]),
            account=str(names[1]),
            until=_instant(rule.get("until"), number),
            only=only,
        )


def _instant(told: object, number: int) -> datetime | None:
    if told is None:
        return None
    try:
        at = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidInputError("a pool ends at an instant with its zone", rule=number)
    return at
