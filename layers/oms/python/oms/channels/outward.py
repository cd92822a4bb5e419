"""How a channel is told: which calls are made of a message, and what their answers mean. Pure; adapters make the calls.

First what has to be known is asked (`asks`), then the message becomes one call, or turns out to be known to the channel
already (`tell`), then the answer is read (`read`). What the channel will never take raises UpstreamRefusedError.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from oms.domain.channel_dues import Kind
from oms.domain.errors import MalformedPayloadError, OutboundInDoubtError, UpstreamRefusedError
from oms.domain.frozen import frozen
from oms.domain.money import format_minor, to_minor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.domain.channel_message import Message
    from oms.domain.gate import Limit

_OK: Final = range(200, 300)


class Again(StrEnum):
    """Why a message that may have arrived can be sent again."""

    KEY = "key"
    """The vendor takes the same key, or the same words, once."""
    QUERY = "query"
    """What is asked first tells whether it arrived."""
    NEVER = "never"
    """It cannot: a person looks."""


@frozen
class Call:
    """A call to the vendor's API; `name` is for its answer, `path` relative to the vendor's base URL."""

    name: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@frozen
class Reply:
    """An answer: `document` is empty for a body that is no JSON, a list is its `items`, a number or text its `value`.

    `wait_s` as the vendor said.
    """

    status: int
    document: Mapping[str, Any]
    wait_s: float | None = None

    @property
    def ok(self) -> bool:
        """2xx."""
        return self.status in _OK


@frozen
class Done:
    """The channel knows. `ref` is its name for what was done; `already`: it knew before.

    A refund without a `ref` is done with when the channel names it with the order.
    """

    ref: str = ""
    already: bool = False


@frozen
class Later:
    """The vendor, within an answer that says 200, asks to come again; None: it does not say when."""

    wait_s: float | None = None
    alone: bool = False
    """With this message alone: others of the account need not wait."""


class Outward(Protocol):
    """One channel. Raises UpstreamRefusedError for what answers say, OutboundInDoubtError where they say too little."""

    limit: Limit
    """Calls that one account may make."""

    def again(self, message: Message) -> Again:
        """Whether it can be sent when it may have arrived."""

    def asks(self, message: Message, settings: Mapping[str, Any]) -> Sequence[Call]:
        """What has to be known first; nothing is changed by it. Raises for what the channel cannot be told."""

    def tell(self, message: Message, settings: Mapping[str, Any], answers: Mapping[str, Reply]) -> Call | Done | Later:
        """The call, or that the channel knows already, or cannot be told yet."""

    def read(self, message: Message, reply: Reply) -> Done | Later:
        """What the answer to the call means; of the 4xx all but 401, 403, 408 and 429 come here."""


@frozen
class Level:
    """Units of a SKU that the account may sell; `key` is the same for the same read of the same SKUs."""

    sku: str
    units: int


class Levels(Protocol):
    """How a channel is told its stock."""

    most: int
    """SKUs of one message."""

    def asks_levels(self, levels: Sequence[Level], settings: Mapping[str, Any]) -> Sequence[Call]:
        """By which ids the channel knows them."""

    def tell_levels(
        self, levels: Sequence[Level], settings: Mapping[str, Any], answers: Mapping[str, Reply], key: str
    ) -> Sequence[Call]:
        """The calls that set them, each safe to make twice; SKUs that the channel does not have are left out."""

    def read_levels(self, reply: Reply) -> Later | None:
        """Raises UpstreamRefusedError when they were not set."""


_SHIPS: Final = frozenset({Kind.FULFILLMENT, Kind.CANCELLATION})
_ALL: Final = _SHIPS | {Kind.REFUND, Kind.STOCK}
_MODULES: Final[Mapping[str, tuple[str, frozenset[Kind]]]] = {
    "shopify": ("oms.channels.shopify_out", _ALL),
    "woocommerce": ("oms.channels.woocommerce_out", _ALL),
    "bigcommerce": ("oms.channels.bigcommerce_out", _ALL),
    "magento": ("oms.channels.magento_out", _ALL),
    "ebay": ("oms.channels.ebay_out", _ALL),
    "walmart": ("oms.channels.walmart_out", _ALL | {Kind.ACKNOWLEDGEMENT}),
    "etsy": ("oms.channels.etsy_out", frozenset({Kind.FULFILLMENT})),
    "amazon": ("oms.channels.amazon_out", frozenset({Kind.FULFILLMENT, Kind.STOCK})),
    "tiktok-shop": ("oms.channels.tiktok_shop_out", _SHIPS | {Kind.STOCK}),
    "mercadolibre": ("oms.channels.mercadolibre_out", frozenset({Kind.FULFILLMENT, Kind.STOCK})),
    "meta-commerce": ("oms.channels.meta_commerce_out", _SHIPS | {Kind.ACKNOWLEDGEMENT, Kind.REFUND}),
}
"""By the name that orders carry: the module, and what the channel has words for."""


def kinds(source: str) -> frozenset[Kind]:
    """What a channel can be told; nothing of one that nobody can tell."""
    return _MODULES[source][1] if source in _MODULES else frozenset()


def sources() -> tuple[str, ...]:
    """Every channel that can be told something."""
    return tuple(_MODULES)


def outward(source: str) -> Outward:
    """How a channel is told; only of those with `kinds`."""
    return cast("Outward", import_module(_MODULES[source][0]))


def levels(source: str) -> Levels:
    """How a channel is told its stock; only of those with Kind.STOCK."""
    return cast("Levels", import_module(_MODULES[source][0]))


_SKU_BY_SKU: Final = {"ebay": 2, "amazon": 2, "tiktok-shop": 2, "walmart": 1}
"""Calls for each SKU, of channels that are told one by one."""


def calls_of(source: str, skus: int) -> int:
    """Calls that the levels of so many SKUs take: one asks and one tells all, or each has its own."""
    return max(2, skus * _SKU_BY_SKU.get(source, 0))


def refuse(why: str, reply: Reply | None = None, **context: object) -> UpstreamRefusedError:
    """The channel will not take it."""
    told = {} if reply is None else {"vendor_status": reply.status}
    return UpstreamRefusedError(why, **told, **context)


def doubt(why: str, **context: object) -> OutboundInDoubtError:
    """What the channel shows does not tell whether the message arrived."""
    return OutboundInDoubtError(why, **context)


def number(amount: int, currency: str) -> float:
    """Minor units as the JSON number that some vendors want: its digits are those of the amount."""
    return float(format_minor(amount, currency))


def minor(amount: Any, currency: str) -> int:
    """An amount of an answer in minor units; raises UpstreamRefusedError for what is none."""
    try:
        return to_minor(amount, currency)
    except MalformedPayloadError:
        raise refuse("an amount of the channel's cannot be read", currency=currency) from None


def found(answers: Mapping[str, Reply], name: str) -> Mapping[str, Any]:
    """The document of an answer that has to be there; raises UpstreamRefusedError."""
    reply = answers[name]
    if not reply.ok:
        raise refuse("the channel does not know what is spoken of", reply, asked=name)
    return reply.document


def rows(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects of a list; empty when there is none."""
    value = document.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def part(document: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The object at a path; empty when there is none."""
    for name in path:
        value = document.get(name)
        if not isinstance(value, dict):
            return {}
        document = value
    return document
