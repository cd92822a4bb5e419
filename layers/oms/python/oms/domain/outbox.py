"""How far a message came: whether it may be sent, and whether it may have been sent before.

A worker that sends holds the message for `LEASE`. When that is over and nothing was noted, the worker is dead and
nobody knows what it has done: the message is doubtful from then on, until somebody knows. So it is after a call that
nobody answered. What becomes of a doubtful message is its connector's to say.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

LEASE: Final = timedelta(seconds=200)
"""Longer than the function that sends may live."""
MAX_TRIES: Final = 10
"""Calls of one message that came to nothing before a person is asked; with the waits between, most of two hours."""
FIRST_WAIT_S: Final = 5
LONGEST_WAIT_S: Final = 900
"""A queue keeps a message back no longer."""


class State(StrEnum):
    """Where a message stands."""

    SENDING = "sending"
    WAITING = "waiting"
    SENT = "sent"
    PARKED = "parked"


@frozen
class Progress:
    """`by` is the delivery that holds or last held the message; `ref` what the vendor calls what was done."""

    state: State
    by: str
    at: datetime
    tries: int = 0
    doubtful: bool = False
    ref: str = ""

    def document(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "state": self.state.value,
            "by": self.by,
            "at": self.at.isoformat(),
            "tries": self.tries,
            "doubtful": self.doubtful,
            "ref": self.ref,
        }


def read_progress(document: Mapping[str, Any] | None) -> Progress | None:
    """As it was kept; None for what was never begun."""
    if document is None:
        return None
    return Progress(
        state=State(document["state"]),
        by=document["by"],
        at=datetime.fromisoformat(document["at"]),
        tries=document["tries"],
        doubtful=document["doubtful"],
        ref=document["ref"],
    )


def begin(known: Progress | None, by: str, now: datetime, after: int = -1) -> Progress | None:
    """The message, held by this delivery; None when it is not to be sent now.

    `after` is a person's word that a message that was parked after so many tries is to be sent once more.
    """
    if known is None:
        return Progress(state=State.SENDING, by=by, at=now, tries=1)
    if known.state is State.SENT or (known.state is State.PARKED and after != known.tries):
        return None
    if known.state is State.SENDING and now < known.at + LEASE:
        return None
    doubtful = known.doubtful or known.state is State.SENDING
    return replace(known, state=State.SENDING, by=by, at=now, tries=known.tries + 1, doubtful=doubtful)


def wait_s(tries: int) -> int:
    """Seconds until the next try after so many: each wait three times the one before."""
    wait: int = FIRST_WAIT_S * 3 ** min(max(tries - 1, 0), 6)
    return min(wait, LONGEST_WAIT_S)
