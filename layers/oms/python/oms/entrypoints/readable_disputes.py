"""What happens to an order's disputes, in words that staff can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from oms.domain.disputes import AnswerKind
from oms.domain.order import dispute_facts as facts
from oms.entrypoints.pages import money, words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


def _because(reason: str) -> str:
    return f": {words(reason.lower())}" if reason else ""


def _until(day: datetime | None) -> str:
    return f", to be answered by {day:%d %b %Y}" if day else ""


def _asked(event: facts.DisputeAnswerRequested, _currency: str) -> str:
    if event.kind is AnswerKind.ACCEPT:
        return f"Dispute {event.dispute_id} is to be let be"
    return f"Evidence is to be given in dispute {event.dispute_id}"


SAYS: Final[Mapping[type[Any], Callable[[Any, str], str]]] = {
    facts.DisputeOpened: lambda e, c: (
        f"{words(e.word.stage.value).capitalize()} over {money(e.word.amount, c)} as {e.dispute_id}"
        f"{_because(e.word.reason)}{_until(e.respond_by)}"
    ),
    facts.DisputeAdvanced: lambda e, _c: (
        f"Dispute {e.dispute_id}: {words(e.word.stage.value)}, {words(e.word.status.value)}{_until(e.respond_by)}"
    ),
    facts.DisputeClosed: lambda e, c: f"Dispute {e.dispute_id} {words(e.word.status.value)}: {money(e.word.amount, c)}",
    facts.DisputeFundsWithdrawn: lambda e, c: f"{money(e.amount, c)} taken by the provider for a dispute",
    facts.DisputeFundsReinstated: lambda e, c: f"{money(e.amount, c)} given back by the provider",
    facts.DisputeFeeCharged: lambda e, _c: (
        f"Dispute fee {'of' if e.amount > 0 else 'given back,'} {money(abs(e.amount), e.currency)}"
    ),
    facts.DisputeAnswerRequested: _asked,
    facts.DisputeAnswered: lambda e, _c: f"The provider has our answer in dispute {e.dispute_id}",
    facts.DisputeAnswerRefused: lambda e, _c: f"The provider refused our answer{_because(e.reason)}",
    facts.FraudReported: lambda e, c: f"The issuer reports {money(e.amount, c)} as fraud{_because(e.reason)}",
}
