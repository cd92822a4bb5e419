"""What the sandbox saw and what it did: the independent oracle of the tests."""

from __future__ import annotations

import json
import threading
from copy import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_SECRET_FIELDS = frozenset({"sign", "app_key", "client_secret", "refresh_token", "appsecret_proof"})


class Record:
    """Calls, money movements and webhook deliveries in order; also appended to a file, one JSON object a line."""

    def __init__(self, now: Callable[[], float], file: Path | None = None) -> None:
        self._now = now
        self._file = file
        self._lock = threading.Lock()
        self.account = ""
        self._lists: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("calls", "effects", "webhooks", "receipts", "told")
        }

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every call: vendor, method, path, query, form, key, status, fault, replayed, and whose account it was.

        `fault`: `limited` of one that its vendor refused as one too many, else what was made to happen.
        """
        return self._copy("calls")

    @property
    def effects(self) -> list[dict[str, Any]]:
        """Every money movement, in the provider's units: authorize, capture, release, refund, …_failed."""
        return self._copy("effects")

    @property
    def webhooks(self) -> list[dict[str, Any]]:
        """Every delivery attempt of a webhook: id, type, status, early."""
        return self._copy("webhooks")

    @property
    def told(self) -> list[dict[str, Any]]:
        """Everything that a channel was told and took, once: vendor, kind, account, and what it was about."""
        return self._copy("told")

    def tell(self, **facts: object) -> None:
        """Note what a channel was told."""
        self._add("told", {**facts, **({"account": self.account} if self.account else {})})

    def of(self, account: str) -> Record:
        """The same record: what is told by way of it says whose channel it was; the first account's says nothing."""
        other = copy(self)
        other.account = account
        return other

    @property
    def receipts(self) -> list[dict[str, Any]]:
        """Every message to the merchant's other systems: system, id, type, event_id, order_id, status."""
        return self._copy("receipts")

    def receipt(self, **facts: object) -> None:
        """Note a message to one of the merchant's other systems."""
        self._add("receipts", facts)

    def call(self, **facts: object) -> None:
        """Note a call."""
        self._add("calls", facts)

    def effect(self, **facts: object) -> None:
        """Note a money movement."""
        self._add("effects", facts)

    def webhook(self, **facts: object) -> None:
        """Note a delivery."""
        self._add("webhooks", facts)

    def _add(self, name: str, facts: Mapping[str, object]) -> None:
        with self._lock:
            entry = {"at": round(self._now(), 3), **facts}
            self._lists[name].append(entry)
            if self._file:
                with self._file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"record": name, **entry}) + "\n")

    def _copy(self, name: str) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(entry) for entry in self._lists[name]]


def public(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields of a call without those that authenticate it."""
    return {key: value for key, value in fields.items() if key not in _SECRET_FIELDS}
