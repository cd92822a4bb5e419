"""The connectors by source name, imported when first asked for: a function pays for the channels it meets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

from oms.domain.errors import NotFoundError

if TYPE_CHECKING:
    from oms.channels.base import Connector
    from oms.channels.listing import Lister

_MODULES: Final = {
    "shopify": "oms.channels.shopify",
    "woocommerce": "oms.channels.woocommerce",
    "tiktok-shop": "oms.channels.tiktok_shop",
    "amazon": "oms.channels.amazon",
    "bigcommerce": "oms.channels.bigcommerce",
    "magento": "oms.channels.magento",
    "ebay": "oms.channels.ebay",
    "walmart": "oms.channels.walmart",
    "etsy": "oms.channels.etsy",
    "mercadolibre": "oms.channels.mercadolibre",
    "meta-commerce": "oms.channels.meta_commerce",
}


_OWN: Final = {"webhook": "oms.channels.webhook"}
"""Channels without a vendor: nobody's API lists their orders."""


class _Connectors(Mapping[str, "Connector"]):
    def __getitem__(self, source: str) -> Connector:
        return cast("Connector", import_module(_MODULES[source]))

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


CONNECTORS: Final[Mapping[str, Connector]] = _Connectors()
"""Every channel of a vendor, by the name that its deliveries, orders and settings carry."""
SOURCES: Final = (*_MODULES, *_OWN)
"""Every channel that delivers."""


def connector(source: str) -> Connector:
    """The connector of a channel; raises NotFoundError."""
    if source in _OWN:
        return cast("Connector", import_module(_OWN[source]))
    if source not in _MODULES:
        raise NotFoundError("no such channel", source=source[:40])
    return CONNECTORS[source]


def lister(source: str) -> Lister:
    """How a channel lists its orders; raises NotFoundError."""
    if source not in _MODULES:
        raise NotFoundError("no such channel", source=source[:40])
    return cast("Lister", import_module(f"{_MODULES[source]}_list"))
