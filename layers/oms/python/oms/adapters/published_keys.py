"""Public keys that senders publish at a place of their own, read once and kept for a day."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from oms.adapters.rest import RestClient, Timeouts
from oms.domain.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable

    from oms.adapters.rest import Answer

KEEP_S: Final = 86_400.0
"""How long Adobe lets a key be kept."""
LOOK_AGAIN_S: Final = 60.0
"""A key that there is none of is asked for again, but not more often: anybody may name one."""
MOST: Final = 64
_MAX_BYTES: Final = 16_384
_OK: Final = 200
_MISSING: Final = frozenset({400, 403, 404, 410})
TIMEOUTS: Final = Timeouts(connect=2.0, read=3.0, total=4.0)
"""A sender waits for its answer."""


def _plain(rest: RestClient, path: str) -> Answer:
    return rest.send("GET", path)


def _text(answer: Answer) -> str:
    return answer.body.decode("ascii", "replace").strip()


class PublishedKeys:
    """Keys by their path, fetched and read as their place wants it. Keep one per process and place."""

    def __init__(
        self,
        vendor: str,
        base_url: str,
        timeouts: Timeouts = TIMEOUTS,
        clock: Callable[[], float] = time.monotonic,
        *,
        fetch: Callable[[RestClient, str], Answer] = _plain,
        read: Callable[[Answer], str] = _text,
        keep_s: float = KEEP_S,
    ) -> None:
        self._rest = RestClient(vendor, base_url, timeouts, max_bytes=_MAX_BYTES)
        self._clock = clock
        self._fetch = fetch
        self._read = read
        self._keep_s = keep_s
        self._known: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def get(self, path: str) -> str:
        """The key, empty when there is none; raises UpstreamError when the place does not answer."""
        with self._lock:
            until, key = self._known.get(path, (float("-inf"), ""))
        if self._clock() < until:
            return key
        answer = self._fetch(self._rest, path)
        if answer.status != _OK and answer.status not in _MISSING:
            raise UpstreamError("the key cannot be read", vendor=self._rest.vendor, vendor_status=answer.status)
        key = self._read(answer) if answer.status == _OK else ""
        with self._lock:
            if path not in self._known and len(self._known) >= MOST:
                # A name that nothing was found under goes first: anybody may make some up.
                none = (known for known, (_, found) in self._known.items() if not found)
                self._known.pop(next(none, next(iter(self._known))))
            self._known[path] = (self._clock() + (self._keep_s if key else LOOK_AGAIN_S), key)
        return key

    def close(self) -> None:
        """Close the pooled connections."""
        self._rest.close()
