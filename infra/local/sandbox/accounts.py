"""What leads a deployed system to the sandbox: the template's parameters, and what accounts need to call it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.local.sandbox.mercadolibre import SELLER

if TYPE_CHECKING:
    from infra.local.sandbox.core import Settings

URL_PARAMETERS: Final = (
    *(
        "StripeUrl",
        "AdyenUrl",
        "PayPalUrl",
        "PayPalCertsUrl",
        "TikTokUrl",
        "AmazonUrl",
        "AmazonAuthUrl",
        "BigCommerceUrl",
        "AdobeKeysUrl",
    ),
    *("EbayUrl", "WalmartUrl", "EtsyUrl", "MercadoLibreUrl", "MercadoPagoUrl", "MetaUrl", "EasyPostUrl"),
)


def credentials(settings: Settings, base_url: str = "") -> dict[str, dict[str, str]]:
    """What accounts need to be called; without a URL of Magento's shop where that is not known yet."""
    return {
        "adyen": {"api_key": settings.adyen_key, "merchant_account": settings.adyen_merchant},
        "paypal": {"client_id": settings.paypal_client_id, "client_secret": settings.paypal_client_secret},
        "bigcommerce": {"store_hash": settings.bigcommerce_store, "access_token": settings.bigcommerce_token},
        "magento": {
            "url": base_url,
            "consumer_key": settings.magento_consumer_key,
            "consumer_secret": settings.magento_consumer_secret,
            "access_token": settings.magento_token,
            "access_token_secret": settings.magento_token_secret,
        },
        "ebay": {
            "client_id": settings.ebay_client_id,
            "client_secret": settings.ebay_client_secret,
            "refresh_token": settings.ebay_refresh_token,
        },
        "walmart": {"client_id": settings.walmart_client_id, "client_secret": settings.walmart_client_secret},
        "easypost": {"api_key": settings.easypost_key},
        "etsy": {
            "shop_id": settings.etsy_shop,
            "client_id": settings.etsy_client_id,
            "shared_secret": settings.etsy_shared_secret,
            "refresh_token": settings.etsy_refresh_token,
        },
        "mercadolibre": {
            "user_id": SELLER,
            "client_id": settings.mercadolibre_client_id,
            "client_secret": settings.mercadolibre_client_secret,
        },
        "meta-commerce": {
            "account_id": settings.meta_account,
            "access_token": settings.meta_token,
            "app_secret": settings.meta_app_secret,
        },
    }
