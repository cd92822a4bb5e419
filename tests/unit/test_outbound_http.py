"""The way out: what is connected to is what was looked at, TLS proves the name, no answer takes long or much."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from oms.adapters.outbound_http import OutboundHttp, resolve
from oms.domain.errors import EndpointRefusedError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Answer = Callable[[socket.socket, bytes], None]

NAME = "erp.example.com"
URL = f"https://{NAME}/hook?x=1"
PUBLIC = "8.8.8.8"
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


def certificate(folder: Path, name: str) -> tuple[str, ssl.SSLContext]:
    """(a certificate that is its own authority, a server's context with it)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    file = folder / f"{name}.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain) + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(str(file))
    return pem.decode(), server


class Endpoint:
    """A server of one thread; `seen` are the requests that it got."""

    def __init__(self, answer: Answer | bytes, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[bytes] = []
        self.names: list[str | None] = []
        self._answer = answer
        self._tls = tls
        if tls is not None:
            tls.sni_callback = lambda _, name, __: self.names.append(name)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                opened, _ = self._socket.accept()
                with contextlib.suppress(OSError), opened:
                    secured = self._tls.wrap_socket(opened, server_side=True) if self._tls else opened
                    self._one(secured)
                    secured.close()

    def _one(self, opened: socket.socket) -> None:
        request = b""
        while not request.endswith(b"{}"):
            request += opened.recv(65_536)
        self.seen.append(request)
        if callable(self._answer):
            self._answer(opened, request)
        else:
            opened.sendall(self._answer)

    def close(self) -> None:
        """No more connections."""
        self._socket.close()


@contextlib.contextmanager
def endpoint(answer: Answer | bytes, tls: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
    """A server while it is needed."""
    server = Endpoint(answer, tls)
    try:
        yield server
    finally:
        server.close()


def local(server: Endpoint, total_s: float = 5.0) -> tuple[OutboundHttp, str]:
    """(a sender that may send to it over plain HTTP, its URL)."""
    return OutboundHttp(f"127.0.0.1:{server.port}", total_s=total_s), f"http://127.0.0.1:{server.port}/hook"


# ---------------------------------------------------------------- the address


def test_it_connects_to_the_address_that_was_checked_and_tls_proves_the_name(tmp_path: Path) -> None:
    """As in DNS rebinding the name stands for another address at its second look-up: of one attempt there is none."""
    trusted, server_side = certificate(tmp_path, NAME)
    answers = iter([[PUBLIC], ["169.254.169.254"], ["127.0.0.1"]])
    connected = []
    with endpoint(OK, server_side) as server:

        def connect(address: str, port: int, timeout: float) -> socket.socket:
            connected.append((address, port))
            return socket.create_connection(("127.0.0.1", server.port), timeout)

        tls = ssl.create_default_context(cadata=trusted)
        sender = OutboundHttp(tls=tls, resolver=lambda *_: next(answers), connector=connect)
        assert sender.send(URL, {"webhook-id": "whm_1"}, b"{}").status == 204
        assert connected == [(PUBLIC, 443)]
        assert server.names == [NAME]
        head = server.seen[0].decode().lower()
        assert head.startswith("post /hook?x=1 http/1.1\r\n")
        assert f"\r\nhost: {NAME}\r\n" in head
        assert "\r\nwebhook-id: whm_1\r\n" in head
        assert "\r\ncontent-length: 2\r\n" in head
        with pytest.raises(EndpointRefusedError):
            sender.send(URL, {}, b"{}")
    assert len(connected) == 1, "nothing was connected to once the name stood for the metadata"


@pytest.mark.parametrize("name", ["other.example.com", "example.com"])
def test_a_certificate_of_another_name_is_no_answer(tmp_path: Path, name: str) -> None:
    trusted, server_side = certificate(tmp_path, name)
    with endpoint(OK, server_side) as server:
        sender = OutboundHttp(
            tls=ssl.create_default_context(cadata=trusted),
            resolver=lambda *_: [PUBLIC],
            connector=lambda _, __, timeout: socket.create_connection(("127.0.0.1", server.port), timeout),
        )
        with pytest.raises(UpstreamError) as told:
            sender.send(URL, {}, b"{}")
        assert told.value.context["cause"] == "SSLCertVerificationError"
        assert server.seen == []


def test_a_certificate_of_nobody_we_trust_is_no_answer(tmp_path: Path) -> None:
    _, server_side = certificate(tmp_path, NAME)
    with endpoint(OK, server_side) as server:
        sender = OutboundHttp(
            resolver=lambda *_: [PUBLIC],
            connector=lambda _, __, timeout: socket.create_connection(("127.0.0.1", server.port), timeout),
        )
        with pytest.raises(UpstreamError):
            sender.send(URL, {}, b"{}")


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::ffff:10.0.0.1"], [PUBLIC, "fd00:ec2::254"], []]
)
def test_nothing_is_connected_to_unless_every_address_is_public(addresses: list[str]) -> None:
    def connect(*_: object) -> socket.socket:
        raise AssertionError("it connected")

    with pytest.raises(EndpointRefusedError):
        OutboundHttp(resolver=lambda *_: addresses, connector=connect).send(URL, {}, b"{}")


def test_an_address_that_takes_no_connection_is_followed_by_the_next(tmp_path: Path) -> None:
    """Each of them was checked; a function without IPv6 has no way to the first."""
    trusted, server_side = certificate(tmp_path, NAME)
    tried = []
    with endpoint(OK, server_side) as server:

        def connect(address: str, _: int, timeout: float) -> socket.socket:
            tried.append(address)
            if ":" in address:
                raise OSError(101, "Network is unreachable")
            return socket.create_connection(("127.0.0.1", server.port), timeout)

        tls = ssl.create_default_context(cadata=trusted)
        sender = OutboundHttp(tls=tls, resolver=lambda *_: ["2606:4700::1", PUBLIC], connector=connect)
        assert sender.send(URL, {}, b"{}").status == 204
    assert tried == ["2606:4700::1", PUBLIC]


def test_a_local_host_is_reached_only_where_the_deployment_says_so() -> None:
    with endpoint(OK) as server:
        sender, url = local(server)
        assert sender.send(url, {}, b"{}").status == 204
        with pytest.raises(EndpointRefusedError):
            OutboundHttp().send(url, {}, b"{}")
        assert len(server.seen) == 1


def test_a_name_that_nobody_knows_is_no_answer() -> None:
    def unknown(*_: object) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(UpstreamError):
        OutboundHttp(resolver=unknown).send(URL, {}, b"{}")


def test_the_system_resolves_numbers_that_stand_for_addresses() -> None:
    """Why the address is checked, and not the text of the host."""
    assert resolve("0x7f.1", 443) == ["127.0.0.1"]


# ---------------------------------------------------------------- the answer


def test_a_redirect_is_not_followed() -> None:
    with endpoint(OK) as elsewhere:
        answer = f"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:{elsewhere.port}/\r\n\r\n".encode()
        with endpoint(answer) as server:
            sender, url = local(server)
            assert sender.send(url, {}, b"{}").status == 307
        assert elsewhere.seen == []


def test_a_failure_is_told_by_its_beginning_and_the_time_it_asks_for() -> None:
    head = b"HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: 10000000\r\n\r\n"
    with endpoint(head + b"out of\r\n order " * 1000) as server:
        sender, url = local(server)
        told = sender.send(url, {}, b"{}")
    assert (told.status, told.retry_after, len(told.excerpt)) == (503, 120.0, 160)
    assert told.excerpt.startswith("out of order out of order")


@pytest.mark.parametrize("value", ["-1", "1.5", "soon", "Fri, 27 Nov 2026 09:00:00 GMT", "٣", ""])
def test_a_time_that_cannot_be_read_is_not_heeded(value: str) -> None:
    with endpoint(f"HTTP/1.1 429 Slow\r\nretry-after: {value}\r\n\r\n".encode()) as server:
        sender, url = local(server)
        assert sender.send(url, {}, b"{}").retry_after is None


def _trickle(piece: bytes, before: bytes = b"") -> Answer:
    def answer(opened: socket.socket, _: bytes) -> None:
        opened.sendall(before)
        for _n in range(200):
            opened.sendall(piece)
            time.sleep(0.02)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        _trickle(b"H"),
        _trickle(b"x-more: 1\r\n", b"HTTP/1.1 200 OK\r\n"),
        _trickle(b"HTTP/1.1 100 Continue\r\n\r\n"),
        lambda *_: time.sleep(1),
    ],
    ids=["a status line", "headers", "continues", "silence"],
)
def test_who_answers_slowly_is_left(answer: Answer) -> None:
    with endpoint(answer) as server:
        sender, url = local(server, total_s=0.15)
        began = time.monotonic()
        with pytest.raises(UpstreamError):
            sender.send(url, {}, b"{}")
        assert time.monotonic() - began < 1


def test_the_body_of_a_success_cannot_make_it_a_failure() -> None:
    with endpoint(_trickle(b"a", b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")) as server:
        sender, url = local(server, total_s=0.3)
        assert sender.send(url, {}, b"{}").status == 200


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x16\x03\x01", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200],
    ids=["nothing", "another protocol", "a greeting", "no status", "many headers"],
)
def test_what_is_no_answer_is_none(answer: bytes) -> None:
    with endpoint(answer) as server:
        sender, url = local(server)
        with pytest.raises(UpstreamError) as told:
            sender.send(url, {}, b"{}")
    assert told.value.__cause__ is None, "the text of what was sent must not reach a log"


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(UpstreamError):
        OutboundHttp(f"127.0.0.1:{port}").send(f"http://127.0.0.1:{port}/", {}, b"{}")
