"""The interface that every channel connector implements."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from oms.domain.frozen import frozen
from oms.domain.inbound import Sender

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oms.domain.canonical import Normalized, NormalizedRefund
    from oms.domain.inbound import InboundRequest, Notice


@frozen
class FetchRequest:
    """A question to the vendor's API: a GET, or with a `body` a POST of that JSON object. Nothing is changed by it.

    `name` keys the answer in the documents given to `assemble`; `path` is relative to the vendor's base URL.
    """

    name: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


class Connector(Sender, Protocol):
    """One channel. Raises the InvalidInputError family for what cannot be normalized, never anything else."""

    def normalize(self, request: InboundRequest, notice: Notice) -> Normalized | NormalizedRefund:
        """Read the order (kind ORDER) or the refund (kind REFUND) that the delivery carries; totals checked."""

    def fetches(self, notice: Notice) -> Sequence[FetchRequest]:
        """What to fetch for a notice of kind FETCH; empty for full-payload channels."""

    def next_page(self, request: FetchRequest, document: Mapping[str, Any]) -> FetchRequest | None:
        """The request for the next page of a paged answer, or None."""

    def assemble(
        self, account: str, notice: Notice, documents: Mapping[str, Sequence[Mapping[str, Any]]]
    ) -> Normalized:
        """Normalize an order from the fetched documents (pages in order, by FetchRequest.name); totals checked."""
