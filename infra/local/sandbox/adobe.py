"""An imitation of Adobe I/O Events: the key that it signs with, known to everybody, and the place that publishes it.

The key signs events of nothing but this sandbox.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any

from infra.local.sandbox.core import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from infra.local.sandbox.core import Request

CLIENT_ID = "sandbox_adobe_client"
"""Whom the events of the samples are for."""
KEY_PATH = "/prod/keys/pub-key-sandbox1.pem"
_P = int(
    "cf7eeaabebcaf20b1ccbe679d7a6e00d89e1cb8950d7af0ee995cc11fe7465d4246fb0a3e489fb5f4d506be3562cafbc"
    "3e9ebd46761085e3f81a528fc92ba5f404292a8f2efc44da7b09c9c0a5fe3e8501767b7a853d92c84f6a2455e86d1397"
    "08900e3d4435188585a4f1b32cd1f98385ad3668f5601af1c6d0f122f2d04421",
    16,
)
_Q = int(
    "bdfd2cd8b2da7bb57c90cc95aaa11f41eab806d24ed9aed097029b57515e3bb585ee6561bf939068d02e94800e807eab"
    "6a24a97be8cd4cc23f4d046dc1ce2e5e2d55eb1a39615726327c6e821f2a0c89862c5c6686f1b5ebf75483c7f043ea5b"
    "0cc8768fb3294c7d42a373d6ee8099144e11812fb092c7b394dc3e2268210fff",
    16,
)
_E = 65537
_N = _P * _Q
_BYTES = 256
_SHORT = 0x7F
"""A length up to it is one byte."""
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
"""What RFC 8017, 9.2 puts before a SHA-256."""
_RSA = bytes.fromhex("300d06092a864886f70d0101010500")
"""Name of the algorithm in a public key (RFC 3279)."""


def sign(body: bytes) -> str:
    """base64 of RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2)."""
    digest = _SHA256 + hashlib.sha256(body).digest()
    padded = b"\x00\x01" + b"\xff" * (_BYTES - len(digest) - 3) + b"\x00" + digest
    private = pow(_E, -1, (_P - 1) * (_Q - 1))
    return base64.b64encode(pow(int.from_bytes(padded, "big"), private, _N).to_bytes(_BYTES, "big")).decode()


def private_key() -> RSAPrivateKey:
    """The key, for what makes certificates of it."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = pow(_E, -1, (_P - 1) * (_Q - 1))
    parts = (rsa.rsa_crt_dmp1(private, _P), rsa.rsa_crt_dmq1(private, _Q), rsa.rsa_crt_iqmp(_P, _Q))
    return rsa.RSAPrivateNumbers(_P, _Q, private, *parts, rsa.RSAPublicNumbers(_E, _N)).private_key()


def public_key() -> str:
    """The public key in PEM (RFC 7468)."""
    numbers = _der(0x30, _integer(_N) + _integer(_E))
    key = _der(0x30, _RSA + _der(0x03, b"\x00" + numbers))
    lines = re.findall(".{1,64}", base64.b64encode(key).decode())
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size <= _SHORT:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


class AdobeVendor:
    """The place of keys."""

    name = "adobe"

    def handles(self, path: str) -> bool:
        """Everything under /prod/keys."""
        return path.startswith("/prod/keys/")

    def answer(self, request: Request) -> Reply:
        """The key."""
        if request.path != KEY_PATH or request.method != "GET":
            return Reply(status=404, document={"message": "no such key"})
        headers = {"content-type": "application/x-pem-file"}
        return Reply(document={}, raw=public_key().encode(), headers=headers)

    def problem(self, status: int) -> Mapping[str, Any]:
        """A message."""
        return {"message": f"sandbox answers {status}"}
