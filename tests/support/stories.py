"""A story's events as the commits that they would be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.domain.commit import Cause, Commit
from tests.support.builders import minutes

if TYPE_CHECKING:
    from tests.support.builders import Story


def commits_of(story: Story) -> list[Commit]:
    """One for each event, a minute apart."""
    cause = Cause(kind="test", ref="", actor="")
    return [
        Commit(
            stream=f"order#{story.order_id}",
            number=number,
            command_id=f"cmd_{number}",
            cause=cause,
            at=minutes(number),
            events=(event,),
            previous="",
        )
        for number, event in enumerate(story.events, start=1)
    ]
