"""A stream as it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.domain.commit import GENESIS
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from oms.domain.commit import Commit


@frozen
class History:
    """Commits in order, and the hash of the last one."""

    stream: str
    commits: tuple[Commit, ...] = ()
    head: str = GENESIS

    @property
    def number(self) -> int:
        """Number of the last commit; 0 for an empty stream."""
        return self.commits[-1].number if self.commits else 0

    def find(self, command_id: str) -> Commit | None:
        """The commit that a command made, if it has run."""
        return next((commit for commit in self.commits if commit.command_id == command_id), None)

    def events(self, until: datetime | None = None) -> Iterator[Any]:
        """All events, or those committed up to an instant."""
        for commit in self.commits:
            if until is None or commit.at <= until:
                yield from commit.events
