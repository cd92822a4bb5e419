"""The imitated channels of one account: each account has shops of its own, whatever their orders are called.

All accounts of a channel are at one place, as they are at the vendors': whose call it is, its credentials say. Those of
all but the first account end in `~` and its name (`of_account`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

from infra.local.sandbox.amazon import AmazonVendor
from infra.local.sandbox.bigcommerce import BigCommerceVendor
from infra.local.sandbox.ebay import EbayVendor
from infra.local.sandbox.etsy import EtsyVendor
from infra.local.sandbox.magento import MagentoVendor
from infra.local.sandbox.mercadolibre import MercadoLibreVendor
from infra.local.sandbox.meta import MetaVendor
from infra.local.sandbox.shops import ShopifyVendor, WooCommerceVendor
from infra.local.sandbox.tiktok import TikTokVendor
from infra.local.sandbox.tokens import marked
from infra.local.sandbox.walmart import WalmartVendor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.local.sandbox.core import Clock, Settings
    from infra.local.sandbox.record import Record

_MARKED: Final = (
    *("tiktok_access_token", "amazon_refresh_token", "shopify_access_token", "woocommerce_secret"),
    *("bigcommerce_token", "magento_consumer_key", "ebay_client_secret", "ebay_refresh_token"),
    *("walmart_client_secret", "etsy_shared_secret", "etsy_refresh_token", "mercadolibre_client_secret", "meta_token"),
)
"""Of each channel those credentials that every call, or the login, carries."""


def of_account(settings: Settings, account: str) -> Settings:
    """The same vendors, as another account than the first knows them; its name is of small letters and digits."""
    if not account:
        return settings
    own: dict[str, Any] = {name: marked(getattr(settings, name), account) for name in _MARKED}
    return replace(settings, account=account, **own)


@dataclass(frozen=True, slots=True)
class Channels:
    """One account's. Some paths of Mercado Libre lie among those that others have all of: it is asked first."""

    mercadolibre: MercadoLibreVendor
    tiktok: TikTokVendor
    amazon: AmazonVendor
    shopify: ShopifyVendor
    woocommerce: WooCommerceVendor
    bigcommerce: BigCommerceVendor
    magento: MagentoVendor
    ebay: EbayVendor
    walmart: WalmartVendor
    etsy: EtsyVendor
    meta: MetaVendor

    def __iter__(self) -> Iterator[Channel]:
        """Every one."""
        return (getattr(self, each.name) for each in fields(self))

    def named(self, vendor: str) -> Channel:
        """By the name that orders carry; raises KeyError."""
        return {each.name: each for each in self}[vendor]


Channel = (
    MercadoLibreVendor
    | TikTokVendor
    | AmazonVendor
    | ShopifyVendor
    | WooCommerceVendor
    | BigCommerceVendor
    | MagentoVendor
    | EbayVendor
    | WalmartVendor
    | EtsyVendor
    | MetaVendor
)


def open_channels(settings: Settings, clock: Clock, record: Record) -> Channels:
    """The account of these settings, with its samples and nothing told yet."""
    record = record.of(settings.account)
    return Channels(
        mercadolibre=MercadoLibreVendor(settings, clock, record),
        tiktok=TikTokVendor(settings, clock, record),
        amazon=AmazonVendor(settings, clock, record),
        shopify=ShopifyVendor(settings, record),
        woocommerce=WooCommerceVendor(settings, record),
        bigcommerce=BigCommerceVendor(settings, record),
        magento=MagentoVendor(settings, clock, record),
        ebay=EbayVendor(settings, clock, record),
        walmart=WalmartVendor(settings, clock, record),
        etsy=EtsyVendor(settings, clock, record),
        meta=MetaVendor(settings, record),
    )
