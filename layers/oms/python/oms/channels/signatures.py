"""Comparing signatures: in constant time, over bytes, against every secret that is valid now."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

from oms.domain.errors import SignatureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def hmac_sha256(key: str, message: bytes) -> bytes:
    """The raw HMAC-SHA256."""
    return hmac.new(key.encode("utf-8", "surrogatepass"), message, hashlib.sha256).digest()


def check_base64(given: str | None, secrets: Sequence[str], body: bytes) -> None:
    """Raise SignatureError unless `given` is base64(HMAC-SHA256(one of `secrets`, `body`))."""
    check(given, (base64.b64encode(hmac_sha256(secret, body)) for secret in secrets if secret))


def check(given: str | None, expected: Iterable[bytes]) -> None:
    """Raise SignatureError unless `given` is one of `expected`. All are compared, whichever matches."""
    if not given:
        raise SignatureError("the signature is missing")
    presented = given.encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(presented, digest) for digest in expected]
    if not any(matches):
        raise SignatureError("the signature does not match the body")
