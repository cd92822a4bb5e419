"""TikTok Shop's open API: signed calls.

Rules: https://partner.tiktokshop.com/docv2/page/sign-your-api-request (signature; timestamp within 5 minutes),
https://partner.tiktokshop.com/docv2/page/common-errors (codes). Errors come as `code` != 0, with status 200 or not.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from oms.domain.errors import OrderNotFoundError, UpstreamError, UpstreamRefusedError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oms.adapters.rest import Answer, RestClient
    from oms.adapters.shop_api import Sent

_OK: Final = 200
_NOT_FOUND: Final = 404
_SERVER_ERROR: Final = 500
_TRY_LATER_STATUS: Final = frozenset({408, 429})
_STATUS_OF: Final = {36009002: 429, 36009003: 500, 36009007: 504}
"""Too many requests, internal error, request timeout: what other vendors say by the status."""
_TRY_LATER_CODES: Final = frozenset(_STATUS_OF)


def sign(path: str, query: Mapping[str, str], body: bytes, app_secret: str) -> str:
    """Hex HMAC-SHA256 of secret + path + sorted key/value pairs + body + secret, keyed with the secret."""
    pairs = "".join(f"{key}{query[key]}" for key in sorted(query) if key not in {"sign", "access_token"})
    secret = app_secret.encode()
    return hmac.new(secret, secret + f"{path}{pairs}".encode() + body + secret, "sha256").hexdigest()


class TikTokApi:
    """The API of `tiktok-shop`."""

    def __init__(self, rest: RestClient, clock: Callable[[], float]) -> None:
        self._rest = rest
        self._clock = clock

    def open(self, credentials: Mapping[str, str], paths: Sequence[str]) -> TikTokSession:  # noqa: ARG002 - Amazon's need
        """A session with these credentials; raises UpstreamRefusedError when one is missing."""
        missing = [name for name in ("app_key", "app_secret", "access_token") if not credentials.get(name)]
        if missing:
            raise UpstreamRefusedError("the credentials are incomplete", vendor="tiktok-shop", missing=missing)
        return TikTokSession(self._rest, self._clock, credentials)


@frozen(kw_only=False, show=False)
class TikTokSession:
    """Calls under one seller's authorization."""

    rest: RestClient
    clock: Callable[[], float]
    credentials: Mapping[str, str]

    def ask(self, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None) -> dict[str, Any]:
        """The whole answer (`code`, `message`, `data`)."""
        sent = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        document = _read(self._made("GET" if body is None else "POST", path, query, sent))
        data = document.get("data")
        if path.endswith("/orders") and (not isinstance(data, dict) or not data.get("orders")):
            raise OrderNotFoundError("the vendor knows no such order", vendor="tiktok-shop")
        return document

    def send(self, call: Sent) -> Answer:
        """The answer; of one that asks to try later, with the status that says so, whatever its own is."""
        answer = self._made(call.method, call.path, call.query, call.body or b"")
        code = answer.document_or_empty().get("code")
        status = _STATUS_OF.get(code) if isinstance(code, int) else None
        return replace(answer, status=status) if status else answer

    def _made(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Answer:
        """One signed call."""
        signed = {**query, "app_key": self.credentials["app_key"], "timestamp": str(int(self.clock()))}
        if cipher := self.credentials.get("shop_cipher"):
            signed["shop_cipher"] = cipher
        signed["sign"] = sign(path, signed, body, self.credentials["app_secret"])
        headers = {"x-tts-access-token": self.credentials["access_token"], "content-type": "application/json"}
        return self.rest.send(method, path, query=signed, headers=headers, body=body or None)


def _read(answer: Answer) -> dict[str, Any]:
    context = {"vendor": "tiktok-shop", "vendor_status": answer.status}
    try:
        document = answer.document()
        code = document.get("code")
    except ValueError:
        if answer.status == _OK:
            raise UpstreamError("the vendor's answer cannot be read", **context) from None
        document, code = {}, None
    code = code if isinstance(code, int) else None
    if answer.status == _OK and code == 0:
        return document
    later = answer.status in _TRY_LATER_STATUS or answer.status >= _SERVER_ERROR or code in _TRY_LATER_CODES
    if later or (answer.status == _OK and code is None):
        raise UpstreamError(
            "the vendor asks to try later", retry_after=answer.retry_after(), vendor_code=code, **context
        )
    if answer.status == _NOT_FOUND:
        raise OrderNotFoundError("the vendor knows no such order", vendor_code=code, **context)
    raise UpstreamRefusedError("the vendor refused", vendor_code=code, **context)
