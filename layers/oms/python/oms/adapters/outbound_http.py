"""The way out to endpoints that anybody may have named: the address is looked at, and is the one that is connected to.

Between looking at a name's address and connecting lies the gap that DNS rebinding uses, and a client that resolves a
name itself leaves it open. Here the name is resolved once, every address is checked, and the socket is opened to the
checked address; TLS then proves that the name answers there.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from dataclasses import field
from typing import TYPE_CHECKING, Final

from oms.domain.egress import Endpoint, check_addresses, read_endpoint
from oms.domain.errors import UpstreamError
from oms.domain.frozen import frozen
from oms.domain.outbound import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CONNECT_S: Final = 5.0
MOST_ADDRESSES: Final = 3
"""Of a name, that are tried in turn."""
TOTAL_S: Final = 15.0
"""For the whole attempt, of which Standard Webhooks wants 15 to 30."""
MAX_READ: Final = 4096
"""Bytes of a failure's answer that are read."""
FAILURES: Final = 300
MAX_RETRY_AFTER: Final = 86_400


@frozen
class Answered:
    """What an endpoint said."""

    status: int
    excerpt: str = ""
    retry_after: float | None = None
    body: bytes = field(default=b"", repr=False)
    """Of a success, as much as was asked for."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, in the order in which the system would try them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def connect(address: str, port: int, timeout: float) -> socket.socket:
    """A connection to an address; nothing is resolved."""
    return socket.create_connection((address, port), timeout)


class OutboundHttp:
    """Sender port. No redirect is followed, no proxy is used, nothing is kept open."""

    def __init__(
        self,
        allowed: str = "",
        *,
        tls: ssl.SSLContext | None = None,
        resolver: Callable[[str, int], list[str]] = resolve,
        connector: Callable[[str, int, float], socket.socket] = connect,
        total_s: float = TOTAL_S,
        addresses: int = MOST_ADDRESSES,
        reads: int = 0,
    ) -> None:
        self._allowed = allowed
        self._tls = tls or ssl.create_default_context()
        self._resolve = resolver
        self._connect = connector
        self._total_s = total_s
        self._addresses = addresses
        self._reads = reads

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """See the port."""
        endpoint = read_endpoint(url, self._allowed)
        try:
            addresses = self._resolve(endpoint.host, endpoint.port)
        except (OSError, UnicodeError) as error:
            raise UpstreamError("the host's name is unknown", cause=type(error).__name__) from None
        if not endpoint.local:
            check_addresses(addresses)
        try:
            return self._exchange(endpoint, addresses[: self._addresses], headers, body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            # The text of some of these holds what the endpoint sent: its kind says enough.
            raise UpstreamError("no answer from the endpoint", cause=type(error).__name__) from None

    def _open(self, endpoint: Endpoint, addresses: Sequence[str]) -> socket.socket:
        """A connection to the first of these that takes one: a function without IPv6 has no way to some."""
        for address in addresses[:-1]:
            with contextlib.suppress(OSError):
                return self._connect(address, endpoint.port, min(CONNECT_S, self._total_s))
        return self._connect(addresses[-1], endpoint.port, min(CONNECT_S, self._total_s))

    def _exchange(
        self, endpoint: Endpoint, addresses: Sequence[str], headers: Mapping[str, str], body: bytes
    ) -> Answered:
        with self._open(endpoint, addresses) as opened:
            opened.settimeout(self._total_s)
            if not endpoint.tls:
                return self._ask(opened, endpoint, headers, body)
            with self._tls.wrap_socket(opened, server_hostname=endpoint.host, do_handshake_on_connect=False) as secured:
                return self._ask(secured, endpoint, headers, body)

    def _ask(self, opened: socket.socket, endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> Answered:
        # A timeout of the socket is between two pieces: who sends one byte a second is ended by this.
        ended = threading.Event()
        ending = threading.Timer(self._total_s, _end, [opened, ended])
        ending.daemon = True
        ending.start()
        try:
            if isinstance(opened, ssl.SSLSocket):
                opened.do_handshake()
            connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=self._total_s)
            connection.sock = opened
            sent = {"host": endpoint.authority, "connection": "close", **headers}
            connection.request("POST", endpoint.path, body, sent)
            response = connection.getresponse()
            if ended.is_set():  # what looks like the end of its headers is where we cut them off
                raise TimeoutError
            wait = _seconds(response.headers.get("retry-after"))
            body = response.read(self._reads) if self._reads and response.status < FAILURES else b""
            if ended.is_set():
                raise TimeoutError
            return Answered(status=response.status, excerpt=_beginning(response), retry_after=wait, body=body)
        finally:
            ending.cancel()


def _beginning(response: http.client.HTTPResponse) -> str:
    """Of a failure's body; that of a success says nothing to us, and must not make it late."""
    if 200 <= response.status < 300:  # noqa: PLR2004 - HTTP
        return ""
    try:
        return excerpt(response.read(MAX_READ))
    except (OSError, http.client.HTTPException):
        return ""


def _end(opened: socket.socket, ended: threading.Event) -> None:
    """Whoever reads or writes it now is at its end. TLS's own `shutdown` would forget that it was secured."""
    ended.set()
    try:
        socket.socket.shutdown(opened, socket.SHUT_RDWR)
    except OSError:
        return


def _seconds(told: str | None) -> float | None:
    """`Retry-After` in seconds; a date, which few send, is not heeded."""
    if not told or not told.strip().isascii() or not told.strip().isdigit():
        return None
    return float(min(int(told.strip()[:9]), MAX_RETRY_AFTER))
