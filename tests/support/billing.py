"""A story's commits, and whether its documents agree with its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.billing import DocumentKind, documents_due
from oms.domain.commit import GENESIS, Cause, Commit
from oms.domain.order.accounts import RETURNED_TAX, RETURNS, Ledger, charged
from oms.domain.order.evolve import fold
from tests.support.builders import minutes

if TYPE_CHECKING:
    from oms.domain.billing import Due
    from tests.support.builders import Story


def commits_of(story: Story) -> tuple[Commit, ...]:
    """What the story's commands would have appended."""
    cause = Cause(kind="api", ref="story", actor="test")
    return tuple(
        Commit(
            stream=f"order#{story.order_id}",
            number=number,
            command_id=command_id,
            cause=cause,
            at=minutes(number),
            events=events,
            previous=GENESIS,
        )
        for number, (command_id, events) in enumerate(story.done.items(), start=1)
    )


def agrees_with_the_ledger(story: Story) -> None:
    """After every commit documents say what the ledger says: of tax always, in all once no refund is on its way."""
    commits = commits_of(story)
    due = documents_due(story.order_id, commits)
    ledger, order = Ledger(), None
    for commit in commits:
        order = fold(story.order_id, commit.events, order)
        assert order is not None
        stands = ledger.follow(order, commit)
        so_far = [each for each in due if each.commit <= commit.number]
        told = sum(_sign(each) * each.gross for each in so_far)
        tax = sum(_sign(each) * share.tax for each in so_far for share in each.shares)
        assert tax == -stands.get("tax", 0) - stands.get(RETURNED_TAX, 0)
        taken = sum(charged(order).values())
        if any(each.open and each.amount for each in order.payment.refunds.values()):
            assert 0 <= told <= taken
        else:
            assert told == taken - min(taken, stands.get(RETURNS, 0) + stands.get(RETURNED_TAX, 0))


def _sign(due: Due) -> int:
    return -1 if due.kind is DocumentKind.CREDIT_NOTE else 1
