"""Delivery of payment providers' webhooks: signed, sometimes before the call is answered, sometimes twice, retried."""

from __future__ import annotations

import hmac
import http.client
import json
import queue
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from infra.local.sandbox.core import Settings
    from infra.local.sandbox.record import Record

_ATTEMPTS = 3
_TIMEOUT = 10.0
_OK = range(200, 300)


class Teller(Protocol):
    """How a provider says what happened."""

    def headers(self, body: bytes, secret: str, at: int) -> Mapping[str, str]:
        """What proves who sends, where the body does not."""

    def names(self, event: Mapping[str, Any]) -> tuple[str, str]:
        """(id, type) of an event."""


class StripeTeller:
    """`Stripe-Signature`."""

    def headers(self, body: bytes, secret: str, at: int) -> Mapping[str, str]:
        """Over the time and the body."""
        return {"stripe-signature": sign(secret, body, at)}

    def names(self, event: Mapping[str, Any]) -> tuple[str, str]:
        """As the event says."""
        return event["id"], event["type"]


class Webhooks:
    """One endpoint of one provider. With no URL, events are only recorded."""

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], float],
        record: Record,
        teller: Teller | None = None,
        *,
        url: str | None = None,
        secret: str = "",
    ) -> None:
        self.url = settings.webhook_url if url is None else url
        self.secret = secret or settings.webhook_secret
        self._teller = teller or StripeTeller()
        self.early_every = settings.early_every
        self.twice_every = settings.twice_every
        self._delay = settings.webhook_delay
        self._now = now
        self._record = record
        self._count = 0
        self._lock = threading.Lock()
        self._waiting: queue.Queue[tuple[Mapping[str, Any], float] | None] = queue.Queue()
        self._worker: threading.Thread | None = None

    def send(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Deliver the events: the early ones before this returns, the others soon after."""
        for event in events:
            with self._lock:
                self._count += 1
                count = self._count
            if not self.url:
                self._note(event, 0, early=False)
                continue
            copies = 2 if self.twice_every and count % self.twice_every == 0 else 1
            for _ in range(copies):
                if self.early_every and count % self.early_every == 0:
                    self._deliver(event, early=True)
                else:
                    self._enqueue(event)

    def drain(self) -> None:
        """Wait until everything was delivered or given up."""
        self._waiting.join()

    def close(self) -> None:
        """Stop the worker; what is waiting is delivered first."""
        if self._worker:
            self._waiting.put(None)
            self._worker.join()
            self._worker = None

    def _enqueue(self, event: Mapping[str, Any]) -> None:
        with self._lock:
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, daemon=True, name="sandbox-webhooks")
                self._worker.start()
        self._waiting.put((event, time.monotonic() + self._delay))

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            event, due = item
            time.sleep(max(0.0, due - time.monotonic()))
            for attempt in range(_ATTEMPTS):
                if self._deliver(event, early=False) in _OK:
                    break
                time.sleep(self._delay * 2**attempt)
            self._waiting.task_done()
        self._waiting.task_done()

    def _deliver(self, event: Mapping[str, Any], *, early: bool) -> int:
        body = json.dumps(event).encode()
        proof = self._teller.headers(body, self.secret, int(self._now()))
        status = _post(self.url, {"content-type": "application/json", **proof}, body)
        self._note(event, status, early=early)
        return status

    def _note(self, event: Mapping[str, Any], status: int, *, early: bool) -> None:
        event_id, kind = self._teller.names(event)
        self._record.webhook(id=event_id, type=kind, status=status, early=early)


def sign(secret: str, body: bytes, at: int) -> str:
    """The `Stripe-Signature` header of a body."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, "sha256").hexdigest()
    return f"t={at},v1={digest}"


def _post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """The status that the endpoint answers; 0 when it does not."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body=body, headers=dict(headers))
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
