"""The merchant's other systems, told by outbound webhooks: they check the signature, and write down what came.

Written after the specification of Standard Webhooks, with nothing of the code that signs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from typing import TYPE_CHECKING, Final

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.sandbox.core import Clock, Request
    from infra.local.sandbox.record import Record

PATH: Final = "/merchant/"
BUSY_EVERY: Final = 5
"""Every n-th message is refused once, and taken when it comes again."""
TOLERANCE_S: Final = 300


class MerchantVendor:
    """Every system under a path of its own; `secrets` are what each was given, by `POST /_sandbox/merchant`."""

    name = "merchant"

    def __init__(self, clock: Clock, record: Record) -> None:
        self._clock = clock
        self._record = record
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self.secrets: dict[str, str] = {}

    def handles(self, path: str) -> bool:
        """Everything below the one path."""
        return path.startswith(PATH)

    def answer(self, request: Request) -> Reply:
        """Take a message that is signed for this system; now and then, not at first."""
        system = request.path.removeprefix(PATH)
        if request.method != "POST" or not self._is_signed(request, self.secrets.get(system, "")):
            return Reply(status=401, document=self.problem(401))
        message_id, body = request.headers["webhook-id"], request.json()
        with self._lock:
            first = message_id not in self._seen
            self._seen.add(message_id)
            busy = first and len(self._seen) % BUSY_EVERY == 0
        status = 503 if busy else 200
        data = body.get("data", {})
        self._record.receipt(
            system=system,
            id=message_id,
            type=body.get("type", ""),
            event_id=data.get("event_id", ""),
            order_id=data.get("order_id", ""),
            status=status,
        )
        return Reply(status=status, document=self.problem(status) if busy else {})

    def problem(self, status: int) -> Mapping[str, str]:
        """A message."""
        return {"message": f"the merchant's system answers {status}"}

    def _is_signed(self, request: Request, secret: str) -> bool:
        message_id, signed_at = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        if not secret or not signed_at.isdigit() or abs(self._clock.now() - int(signed_at)) > TOLERANCE_S:
            return False
        signed = f"{message_id}.{signed_at}.".encode() + request.body
        digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
        wanted = f"v1,{base64.b64encode(digest).decode()}"
        return any(hmac.compare_digest(wanted, each) for each in request.headers.get("webhook-signature", "").split())
