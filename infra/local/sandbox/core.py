"""What every part of the sandbox shares: a request, a reply, a clock that can be moved, the settings."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call; header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    def form(self) -> dict[str, str]:
        """The fields of a form-encoded body."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> dict[str, Any]:
        """The JSON object of the body; empty when it is none."""
        try:
            document = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, sent as JSON."""

    status: int = 200
    document: Mapping[str, Any] | list[Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """The body itself, where it is no JSON."""

    def body(self) -> bytes:
        """What is sent."""
        return json.dumps(self.document).encode() if self.raw is None else self.raw


class Vendor(Protocol):
    """One imitated API."""

    name: str

    def handles(self, path: str) -> bool:
        """Is this path of this API?"""

    def answer(self, request: Request) -> Reply:
        """Answer as the vendor does."""

    def problem(self, status: int) -> Mapping[str, Any]:
        """The body with which the vendor sends an error of this status."""


class Clock:
    """The time of the sandbox: the machine's, moved by what a test added."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Unix seconds."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock; forward only makes sense."""
        self._offset += seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The accounts that the sandbox knows, and how it behaves. None of these is a secret of anything real."""

    samples: Path | None = None
    record_file: Path | None = None
    stripe_key: str = "sk_test_sandbox"
    webhook_url: str = ""
    webhook_secret: str = "whsec_sandbox"  # noqa: S105 - known to everybody
    early_every: int = 0
    """Every n-th webhook is delivered before the API call that caused it is answered; 0: none."""
    twice_every: int = 0
    """Every n-th webhook is delivered twice; 0: none."""
    webhook_delay: float = 0.02
    """Seconds until the others are delivered."""
    settle_after: float | None = None
    """Seconds until a pending refund is decided; None: when told to."""
    adyen_key: str = "sandbox_adyen_key"
    adyen_merchant: str = "NorthWharfECOM"
    adyen_hmac_key: str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
    adyen_webhook_url: str = ""
    paypal_client_id: str = "sandbox_paypal_client"
    paypal_client_secret: str = "sandbox_paypal_secret"  # noqa: S105 - known to everybody
    paypal_webhook_url: str = ""
    tiktok_app_key: str = "sandbox_app"
    tiktok_app_secret: str = "sandbox_app_secret"  # noqa: S105 - known to everybody
    tiktok_access_token: str = "sandbox_tiktok_token"  # noqa: S105 - known to everybody
    amazon_client_id: str = "sandbox_client"
    amazon_client_secret: str = "sandbox_client_secret"  # noqa: S105 - known to everybody
    amazon_refresh_token: str = "sandbox_refresh_token"  # noqa: S105 - known to everybody
    shopify_access_token: str = "sandbox_shopify_token"  # noqa: S105 - known to everybody
    woocommerce_key: str = "ck_sandbox"
    woocommerce_secret: str = "cs_sandbox"  # noqa: S105 - known to everybody
    bigcommerce_store: str = "sandboxstore"
    bigcommerce_token: str = "sandbox_bigcommerce_token"  # noqa: S105 - known to everybody
    magento_consumer_key: str = "sandbox_magento_key"
    magento_consumer_secret: str = "sandbox_magento_secret"  # noqa: S105 - known to everybody
    magento_token: str = "sandbox_magento_token"  # noqa: S105 - known to everybody
    magento_token_secret: str = "sandbox_magento_token_secret"  # noqa: S105 - known to everybody
    ebay_client_id: str = "sandbox_ebay_client"
    ebay_client_secret: str = "sandbox_ebay_secret"  # noqa: S105 - known to everybody
    ebay_refresh_token: str = "sandbox_ebay_refresh"  # noqa: S105 - known to everybody
    walmart_client_id: str = "sandbox_walmart_client"
    walmart_client_secret: str = "sandbox_walmart_secret"  # noqa: S105 - known to everybody
    easypost_key: str = "sandbox_easypost_key"
    etsy_shop: str = "4200042"
    etsy_client_id: str = "sandbox_etsy_key"
    etsy_shared_secret: str = "sandbox_etsy_secret"  # noqa: S105 - known to everybody
    etsy_refresh_token: str = "42.sandbox_etsy_refresh"  # noqa: S105 - known to everybody
    mercadolibre_client_id: str = "8899001122334455"
    mercadolibre_client_secret: str = "sandbox_mercadolibre_secret"  # noqa: S105 - known to everybody
    meta_account: str = "2233445566"
    meta_token: str = "sandbox_meta_token"  # noqa: S105 - known to everybody
    meta_app_secret: str = "sandbox_meta_app_secret"  # noqa: S105 - known to everybody
    amazon_list_delay: float = 120.0
    """Seconds that the end of a list must lie back; a test whose clock is not the machine's sets less."""
    list_page: int = 50
    """Orders on a page of a list, where the vendor may give fewer than asked for."""
    limits: float = 0.0
    """How many times faster time runs in what vendors allow an account (`limits`); 0: they allow everything."""
    account: str = ""
    """Whose channels these are; the credentials of all but the first account end in `~` and its name."""
