"""Links that show one order to whoever holds them: signed, expiring, unguessable.

A token is `base64url(key id | order id | expiry) . base64url(HMAC-SHA256)`. The key id lets keys be rotated: links
signed with a retired key stop working.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from oms.domain.errors import InvalidTokenError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LIFE: Final = timedelta(days=90)
_MAX_TOKEN: Final = 512


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


@frozen(kw_only=False)
class StatusLinks:
    """`keys` gives {"current": key id, "key:<key id>": secret, …}."""

    keys: Callable[[], Mapping[str, str]]

    def sign(self, order_id: str, now: datetime, life: timedelta = LIFE) -> str:
        """A token for the order that ends after `life`."""
        document = self.keys()
        key_id = document["current"]
        payload = f"{key_id}|{order_id}|{int((now + life).timestamp())}".encode()
        return f"{_encode(payload)}.{_encode(self._mac(document[f'key:{key_id}'], payload))}"

    def verify(self, token: str, now: datetime) -> str:
        """The order id; raises InvalidTokenError for anything that this system did not sign, or signed too long ago."""
        refusal = InvalidTokenError("this link is not valid, or no longer")
        if len(token) > _MAX_TOKEN or not token.isascii():
            raise refusal
        try:
            head, mac = token.split(".")
            payload, given = _decode(head), _decode(mac)
            key_id, order_id, expiry = payload.decode("ascii").split("|")
            expires_at = datetime.fromtimestamp(int(expiry), UTC)
        except (ValueError, binascii.Error, OverflowError, OSError) as error:
            raise refusal from error
        secret = self.keys().get(f"key:{key_id}", "")
        # One spelling per token: unused bits of the encoding must not give a second one.
        canonical = _encode(payload) == head and _encode(given) == mac
        genuine = hmac.compare_digest(self._mac(secret, payload), given) and bool(secret)
        if not (genuine and canonical) or now >= expires_at:
            raise refusal
        return order_id

    @staticmethod
    def _mac(secret: str, payload: bytes) -> bytes:
        return hmac.new(secret.encode(), b"status-link/1|" + payload, hashlib.sha256).digest()
