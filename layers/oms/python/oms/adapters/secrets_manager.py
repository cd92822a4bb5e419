"""Secrets, read from Secrets Manager and kept for a short while in a warm function.

One secret holds one JSON document. `oms/<stack>/connections`: source/account to
`{"current": …, "previous": …, …}`; `oms/<stack>/keys`: our own signing keys.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

KEEP_S: Final = 300.0
"""How long a warm function may use what it read, as AWS's own extension does: so long a revoked secret still counts."""
LOOK_AGAIN_S: Final = 2.0
"""What is missing, or proved wrong, is looked for again, but not more often: an account that was connected or rotated a
moment ago must not be refused, and whoever sends nonsense must not make us read."""


class SecretDocument:
    """A JSON secret, refreshed when it is older than `KEEP_S`."""

    def __init__(self, client: Any, secret_id: str) -> None:
        self._client = client
        self._secret_id = secret_id
        self._read_at = float("-inf")
        self._document: Mapping[str, Any] = {}

    def read(self, max_age: float = KEEP_S) -> Mapping[str, Any]:
        """The document, not older than `max_age` seconds."""
        now = time.monotonic()
        if now - self._read_at > max_age:
            answer = self._client.get_secret_value(SecretId=self._secret_id)
            self._document = json.loads(answer["SecretString"])
            self._read_at = now
        return self._document


class Connections:
    """What each connected account signs with and calls with."""

    def __init__(self, document: SecretDocument) -> None:
        self._document = document

    def signing_secrets(self, source: str, account: str, *, look_again: bool = False) -> list[str]:
        """Secrets that may sign this account's webhooks: the current one, and the previous one during a rotation."""
        entry = self._entry(source, account, look_again=look_again)
        return [entry[name] for name in ("current", "previous") if entry.get(name)]

    def credentials(self, source: str, account: str) -> Mapping[str, str]:
        """What calls to the vendor's API need."""
        credentials: Mapping[str, str] = self._entry(source, account).get("api", {})
        return credentials

    def accounts(self) -> list[tuple[str, str]]:
        """(source, account) of those that can be called, in order of their names."""
        document = self._document.read(LOOK_AGAIN_S)
        found = [name.partition("/") for name, entry in document.items() if entry.get("api")]
        return sorted((source, account) for source, _, account in found)

    def _entry(self, source: str, account: str, *, look_again: bool = False) -> Mapping[str, Any]:
        name = f"{source}/{account}"
        entry: Mapping[str, Any] | None = self._document.read().get(name)
        if entry is None or look_again:
            entry = self._document.read(LOOK_AGAIN_S).get(name)
        return entry or {}
