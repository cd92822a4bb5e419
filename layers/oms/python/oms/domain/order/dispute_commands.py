"""What may be asked of an order's disputes. As `commands`: each carries the id of its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.frozen import frozen
from oms.domain.order.commands import Command

if TYPE_CHECKING:
    from oms.domain.disputes import AnswerKind


@frozen
class AnswerDispute(Command):
    """Answer a dispute: with what the log knows of the order, or by letting it be."""

    dispute_id: str
    kind: AnswerKind
    defense: str = ""


@frozen
class RecordDisputeAnswer(Command):
    """What the provider said to an answer: it has it (`refused` is empty), or would not take it."""

    dispute_id: str
    answer_id: str
    reference: str = ""
    refused: str = ""
