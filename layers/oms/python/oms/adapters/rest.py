"""One bounded HTTP call to a vendor: explicit timeouts, a size limit, no redirects, no hidden retries.

urllib3 because botocore has loaded it already in every function; the callers retry, with the same idempotency key.
"""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import urllib3

from oms.domain.errors import UpstreamError
from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES: Final = 6_000_000
_CHUNK: Final = 65_536
_MAX_WAIT: Final = 3600.0
_NEVER_SENT: Final = (
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.NameResolutionError,
)
"""There was no connection on which anything could have gone out."""
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)
"""Whole by the RFC; Shopify writes `2.0`."""


@frozen
class Timeouts:
    """Seconds to connect, between two pieces of the answer, and for the whole answer."""

    connect: float = 2.0
    read: float = 20.0
    total: float = 25.0


def within(seconds: float) -> Timeouts:
    """The whole answer within so many seconds; as long as that between two pieces of it, but for a tail."""
    return Timeouts(read=0.8 * seconds, total=seconds)


@frozen
class Answer:
    """What the vendor sent back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> dict[str, Any]:
        """The JSON object of the body, fractions as `Decimal`; raises ValueError."""
        document = self._parsed()
        if not isinstance(document, dict):
            raise ValueError("not an object")  # noqa: TRY004 - one exception for everything unreadable
        return document

    def array(self) -> list[Any]:
        """The JSON array of the body, as `document`; raises ValueError."""
        items = self._parsed()
        if not isinstance(items, list):
            raise ValueError("not an array")  # noqa: TRY004 - as in `document`
        return items

    def value(self) -> Any:
        """The JSON of the body, whatever it is; raises ValueError."""
        return self._parsed()

    def _parsed(self) -> Any:
        try:
            return json.loads(self.body, parse_float=Decimal)
        except RecursionError:
            raise ValueError("nested too deeply") from None

    def document_or_empty(self) -> dict[str, Any]:
        """As `document`, but empty for what cannot be read: proxies answer errors in HTML."""
        try:
            return self.document()
        except ValueError:
            return {}

    def retry_after(self) -> float | None:
        """The seconds that `Retry-After` (RFC 9110, number or date) asks to wait, bounded to an hour."""
        value = self.headers.get("retry-after", "").strip()
        if not value:
            return None
        try:
            wait = float(value) if _SECONDS.fullmatch(value) else _until(value)
        except (ValueError, OverflowError):
            return None
        return min(max(wait, 0.0), _MAX_WAIT)


class RestClient:
    """HTTP calls to one vendor. Thread-safe; keep one per process."""

    def __init__(self, vendor: str, base_url: str, timeouts: Timeouts, max_bytes: int = MAX_BYTES) -> None:
        self.vendor = vendor
        self._base_url = base_url.rstrip("/")
        self._timeouts = timeouts
        self._max_bytes = max_bytes
        self._pool = urllib3.PoolManager(num_pools=2, maxsize=4)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Call once and read the whole answer, whatever its status; UpstreamError when there is none in time."""
        url = f"{self._base_url}{path}" + (f"?{urlencode(query)}" if query else "")
        deadline = time.monotonic() + self._timeouts.total
        timeout = urllib3.Timeout(connect=self._timeouts.connect, read=self._timeouts.read)
        try:
            response = self._pool.request(
                method,
                url,
                body=body,
                headers=dict(headers or {}),
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                content = self._read(response, deadline)
            except BaseException:
                response.close()  # what is left of the answer must not meet the next call
                raise
            response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            # the exception's text holds the URL, and with it credentials: name its kind only, and do not chain it
            context = {"cause": type(error).__name__, "sent": not isinstance(error, _NEVER_SENT)}
            raise UpstreamError("no answer from the vendor", vendor=self.vendor, **context) from None
        names = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status=response.status, headers=names, body=content)

    def close(self) -> None:
        """Close the pooled connections."""
        self._pool.clear()

    def _read(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        content = bytearray()
        for piece in response.stream(_CHUNK):
            content += piece
            if len(content) > self._max_bytes:
                raise UpstreamError("the vendor's answer is too large", vendor=self.vendor, limit=self._max_bytes)
            if time.monotonic() > deadline:
                raise UpstreamError("the vendor's answer took too long", vendor=self.vendor)
        return bytes(content)


def _until(date: str) -> float:
    moment = parsedate_to_datetime(date)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()
