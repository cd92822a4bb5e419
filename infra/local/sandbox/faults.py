"""Faults on purpose: delays, errors, dropped connections, before the vendor acted or after.

One fault is `{"match": "stripe POST /v1/refunds", "times": 1, ...}`; `match` is a regular expression searched in
"<vendor> <METHOD> <path>". What it does: `delay` (seconds), `status` (answer that instead of acting; with
`"when": "after"` act and then answer that), `retry_after` (seconds, as a header; alone: a 429), `drop` (close the
connection: "after" acting, the lost acknowledgement, or "before"), `stored` (Stripe: the error is what the
idempotency key remembers). `times` 0 means always; with `chance` (0 to 1) only some of the calls that match meet it.
"""

from __future__ import annotations

import random
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_RULE = re.compile(r"([a-z-]+):((?:every=\d+|outage=\d+-\d+)(?:,(?:every=\d+|outage=\d+-\d+))*)")
_LIMITED, _DOWN = 429, 503


class FaultSpecError(ValueError):
    """A fault that cannot be understood."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """What to do to the calls that match, and how often yet."""

    match: re.Pattern[str]
    times: int = 1
    chance: float = 1.0
    status: int = 0
    after: bool = False
    delay: float = 0.0
    drop: str = ""
    retry_after: float | None = None
    stored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A standing fault of one vendor: every n-th call is limited, or all are down in a window since the start."""

    vendor: str
    every: int = 0
    outage: tuple[float, float] | None = None


class FaultPlan:
    """The faults that are still to happen."""

    def __init__(self, now: Callable[[], float], rules: Iterable[Rule] = ()) -> None:
        self._now = now
        self._started = now()
        self._rules = list(rules)
        self._faults: list[Fault] = []
        self._counts: dict[str, int] = {}
        self._dice = random.Random(0)  # noqa: S311 # nosec B311 # no secret
        self._lock = threading.Lock()

    def add(self, specs: Iterable[Mapping[str, Any]]) -> None:
        """Add faults; raises FaultSpecError."""
        parsed = [parse_fault(spec) for spec in specs]
        with self._lock:
            self._faults += parsed

    def clear(self) -> None:
        """Forget all faults and rules."""
        with self._lock:
            self._faults.clear()
            self._rules.clear()

    def pick(self, vendor: str, method: str, path: str) -> Fault | None:
        """The fault that this call meets, used up by one."""
        line = f"{vendor} {method} {path}"
        with self._lock:
            self._counts[vendor] = self._counts.get(vendor, 0) + 1
            for fault in self._faults:
                if fault.match.search(line) and (fault.chance >= 1 or self._dice.random() < fault.chance):
                    if fault.times:
                        fault.times -= 1
                        if not fault.times:
                            self._faults.remove(fault)
                    return fault
            return self._by_rule(vendor)

    def _by_rule(self, vendor: str) -> Fault | None:
        elapsed = self._now() - self._started
        for rule in self._rules:
            if rule.vendor != vendor:
                continue
            if rule.outage and rule.outage[0] <= elapsed < rule.outage[1]:
                return Fault(match=re.compile(""), status=_DOWN)
            if rule.every and self._counts[vendor] % rule.every == 0:
                return Fault(match=re.compile(""), status=_LIMITED, retry_after=1.0)
        return None


def parse_fault(spec: Mapping[str, Any]) -> Fault:
    """A fault from its JSON form; raises FaultSpecError."""
    known = {"match", "times", "chance", "status", "when", "delay", "drop", "retry_after", "stored"}
    if unknown := set(spec) - known:
        raise FaultSpecError(f"unknown fields of a fault: {sorted(unknown)}")
    try:
        retry_after = None if spec.get("retry_after") is None else float(spec["retry_after"])
        drop = spec.get("drop", "")
        return Fault(
            match=re.compile(str(spec.get("match", ""))),
            times=int(spec.get("times", 1)),
            chance=float(spec.get("chance", 1)),
            status=int(spec.get("status", 0)) or (_LIMITED if retry_after is not None else 0),
            after=spec.get("when") == "after",
            delay=float(spec.get("delay", 0)),
            drop="after" if drop is True else str(drop or ""),
            retry_after=retry_after,
            stored=bool(spec.get("stored")),
        )
    except (TypeError, ValueError, re.error) as error:
        raise FaultSpecError(f"a fault cannot be read: {error}") from error


def parse_rule(text: str) -> Rule:
    """A rule from the command line: `amazon:every=20` or `stripe:every=50,outage=30-45`; raises FaultSpecError."""
    match = _RULE.fullmatch(text)
    if not match:
        raise FaultSpecError(f"not a fault rule: {text!r} (try amazon:every=20,outage=30-45)")
    parts = dict(part.split("=") for part in match[2].split(","))
    start, _, end = parts.get("outage", "").partition("-")
    outage = (float(start), float(end)) if end else None
    return Rule(vendor=match[1], every=int(parts.get("every", 0)), outage=outage)
