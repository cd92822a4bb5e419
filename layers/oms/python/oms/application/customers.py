"""Pseudonyms of customers: the same e-mail gives the same id, and nobody without the key can go back or guess."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

from oms.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable


def normalize_email(email: str) -> str:
    """An e-mail address as it is compared: without surrounding space, case folded."""
    return email.strip().casefold()


@frozen(kw_only=False)
class Customers:
    """`key` gives the secret of the pseudonyms."""

    key: Callable[[], str]

    def identify(self, email: str) -> str:
        """`cus_…` for an e-mail address, '' for none."""
        plain = normalize_email(email)
        if not plain:
            return ""
        digest = hmac.new(self.key().encode(), plain.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        return f"cus_{base64.b32encode(digest[:15]).decode()}"
