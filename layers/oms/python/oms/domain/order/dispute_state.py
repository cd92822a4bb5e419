"""An order's disputes as its events leave them: everything in it only grows, so that no order of arrival matters."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from oms.domain.disputes import GONE, AnswerKind, DisputeStage, DisputeStatus, DisputeWord
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class AnswerStatus(StrEnum):
    """How far an answer has come."""

    REQUESTED = "requested"
    SENT = "sent"
    REFUSED = "refused"


@frozen
class Answer:
    """An answer of ours to a dispute."""

    answer_id: str
    kind: AnswerKind
    defense: str = ""
    status: AnswerStatus = AnswerStatus.REQUESTED
    reference: str = ""
    reason: str = ""


@frozen
class Dispute:
    """A dispute; `word` is the highest that was heard."""

    dispute_id: str
    word: DisputeWord
    stage: DisputeStage
    """The furthest that was heard of: some words do not say it."""
    capture_ref: str = ""
    respond_by: datetime | None = None
    tender: int = 1
    answers: Mapping[str, Answer] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """It has not ended."""
        return self.word.is_open

    @property
    def given_up(self) -> bool:
        """We let it be, or are about to."""
        return any(
            each.kind is AnswerKind.ACCEPT and each.status is not AnswerStatus.REFUSED for each in self.answers.values()
        )

    @property
    def status(self) -> DisputeStatus:
        """As the provider says; lost by our own word is accepted."""
        accepted = self.word.status is DisputeStatus.LOST and self.given_up
        return DisputeStatus.ACCEPTED if accepted else self.word.status

    @property
    def gone(self) -> bool:
        """The customer keeps the money."""
        return self.word.status in GONE

    @property
    def holds(self) -> bool:
        """What has not left is not to leave."""
        return self.is_open or self.gone

    @property
    def waits_for_us(self) -> bool:
        """The provider waits for an answer, and none is on its way."""
        answered = any(each.status is not AnswerStatus.REFUSED for each in self.answers.values())
        return self.word.status is DisputeStatus.NEEDS_RESPONSE and not answered


@frozen
class Movement:
    """Money taken for a dispute; negative when it was given back."""

    amount: int
    dispute_id: str = ""
    capture_ref: str = ""
    tender: int = 1


@frozen
class Fee:
    """What a provider took beside."""

    amount: int
    currency: str
    dispute_id: str = ""
    tender: int = 1


@frozen
class Disputes:
    """All of an order. Movements and fees by the provider's id of the movement; reports of fraud by theirs."""

    known: Mapping[str, Dispute] = field(default_factory=dict)
    movements: Mapping[str, Movement] = field(default_factory=dict)
    fees: Mapping[str, Fee] = field(default_factory=dict)
    reports: Mapping[str, str] = field(default_factory=dict)

    @property
    def open(self) -> tuple[Dispute, ...]:
        """Those that have not ended."""
        return tuple(each for each in self.known.values() if each.is_open)

    @property
    def due_answers(self) -> tuple[tuple[Dispute, Answer], ...]:
        """Answers to be sent, oldest first. Once a dispute ends or is let be, nobody waits for evidence."""
        return tuple(
            (known, each)
            for known in self.open
            for each in known.answers.values()
            if each.status is AnswerStatus.REQUESTED and (each.kind is AnswerKind.ACCEPT or not known.given_up)
        )

    @property
    def respond_by(self) -> datetime | None:
        """The first day by which a provider waits for an answer that nobody has given."""
        return min((each.respond_by for each in self.open if each.waits_for_us and each.respond_by), default=None)
