"""What is known of an order's risk. Part of `events`, by whose name it is known."""

from __future__ import annotations

from enum import StrEnum

from oms.domain.frozen import frozen


class Verdict(StrEnum):
    """What is done with an order that was scored."""

    APPROVE = "approve"
    REVIEW = "review"
    """It waits for a person, or for the provider's later word."""
    DECLINE = "decline"


class ScoredBy(StrEnum):
    """Who said so."""

    PROVIDER = "provider"
    RULE = "rule"
    """The provider could not be asked: the screening rules that are marked for that said it."""


@frozen
class OrderScored:
    """The order's risk was asked for, once: what was answered, or that nobody could be asked (`problem`)."""

    verdict: Verdict
    by: ScoredBy = ScoredBy.PROVIDER
    score: int | None = None
    """0 to 100, the higher the worse."""
    reference: str = ""
    """The provider's own name of its answer."""
    model: str = ""
    """By which of its models it answered."""
    policy: int = 0
    """Version of the policy whose thresholds were applied."""
    problem: str = ""
    """unreachable, limited, refused, left_alone, unreadable."""
