"""Comparing signatures: in constant time, over bytes, against every secret that is valid now."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final

from oms.domain.errors import ReplayWindowError, SignatureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

TOLERANCE_SECONDS: Final = 300
"""Of Standard Webhooks' own libraries."""
_SIGNED_AT: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_MAX_HEADER: Final = 4096
_PREFIX: Final = "whsec_"


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


def standard_keys(secrets: Sequence[str]) -> Iterator[bytes]:
    """What stands behind `whsec_`, in base64; a secret that is spelled otherwise is none."""
    for secret in secrets:
        try:
            yield base64.b64decode(secret.removeprefix(_PREFIX).encode("ascii"), validate=True)
        except (UnicodeEncodeError, binascii.Error):
            continue


def sign_standard(message_id: str, signed_at: int, body: bytes, keys: Sequence[bytes]) -> str:
    """The `webhook-signature` of Standard Webhooks: one by each key, so that a rotation is seamless."""
    signed = _standard(message_id, str(signed_at), body, keys)
    return " ".join(f"v1,{each.decode()}" for each in signed)


def _standard(message_id: str, signed_at: str, body: bytes, keys: Sequence[bytes]) -> list[bytes]:
    """base64(HMAC-SHA256(id.timestamp.body)) by each key."""
    message = f"{message_id}.{signed_at}.".encode("utf-8", "surrogatepass") + body
    return [base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()) for key in keys if key]


def check_standard(headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: datetime) -> None:
    """Standard Webhooks: `webhook-signature` holds `v1,<base64 HMAC-SHA256 of id.timestamp.body>`, several by blanks.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. Raises
    SignatureError, ReplayWindowError.
    """
    signed_at, message_id = headers.get("webhook-timestamp", ""), headers.get("webhook-id", "")
    given = headers.get("webhook-signature", "")
    if not message_id or not _SIGNED_AT.fullmatch(signed_at) or len(given) > _MAX_HEADER:
        raise SignatureError("the signature is missing")
    expected = _standard(message_id, signed_at, body, keys)
    presented = [
        part.removeprefix("v1,").encode("utf-8", "surrogatepass") for part in given.split(" ") if part[:3] == "v1,"
    ]
    matches = [hmac.compare_digest(mine, theirs) for mine in expected for theirs in presented]
    if not any(matches):
        raise SignatureError("the signature does not match the body")
    if abs(now.timestamp() - int(signed_at)) > TOLERANCE_SECONDS:
        raise ReplayWindowError("the signature is too old or from the future")
