"""A connector with all that its rules are tried on: its samples, how its sender signs, how its API pages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from oms.channels.files import NoOrderError, read_orders
from oms.domain.errors import InvalidInputError
from oms.domain.inbound import InboundRequest, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from oms.channels.layouts import Layout
    from oms.domain.canonical import CanonicalOrder, Normalized, NormalizedRefund
    from oms.domain.inbound import Notice

NOW: Final = datetime(2026, 11, 26, 12, tzinfo=UTC)
ACCOUNT: Final = "main"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A sample: its headers in lower case without a signature, and its body as it is sent."""

    name: str
    headers: Mapping[str, str]
    body: bytes

    def request(self, account: str = ACCOUNT, **headers: str) -> InboundRequest:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return InboundRequest(account=account, headers={**self.headers, **more}, body=self.body)


@dataclass(frozen=True, kw_only=True)
class Kit:
    """What the rules are told of a connector. `connector` and `lister` are its modules."""

    name: str
    connector: Any
    lister: Any = None
    layouts: Sequence[Layout] = ()
    deliveries: Sequence[Delivery]
    orders: Sequence[tuple[str, bytes]]
    """Files of orders: deliveries that carry one, or what would be fetched."""
    secrets: Sequence[str]
    """As the account is connected with, and the keys that the sender publishes."""
    strangers: Sequence[str]
    """The same of somebody else."""
    sign: Callable[[bytes, int], Mapping[str, str]]
    """The headers with which the sender signs a body at a time."""
    sealed: bool = True
    """The body is signed, or else only who sends it is known: by a token, by a queue's policy."""
    respelled: bool = False
    """The sender lets its body be written again, blanks left out."""
    strict: bool = False
    """The contract is ours: fields that it does not know are refused."""
    minor: bool = False
    """Amounts come in minor units."""
    totalled: bool = True
    """An order tells its total."""
    one_time: bool = False
    """The list knows the time of the last change alone."""
    full: bool = False
    """A full page is followed by another, whatever it holds: the adapter that reads pages has a limit."""
    pages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`last`: a page of the list with nothing behind it; `stuck`: one that would go on for ever if it were believed."""

    def signed(self, delivery: Delivery, at: datetime = NOW) -> InboundRequest:
        """The delivery with its signature."""
        headers = {**delivery.headers, **self.sign(delivery.body, int(at.timestamp()))}
        return InboundRequest(account=ACCOUNT, headers=headers, body=delivery.body)

    @cached_property
    def sound(self) -> list[tuple[str, bytes]]:
        """The files that become orders."""
        return [(name, raw) for name, raw in self.orders if isinstance(read(self, raw), list)]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A typed one."""

    code: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Crash:
    """Anything else that was raised."""

    kind: str


def read(kit: Kit, raw: bytes) -> list[CanonicalOrder] | Refusal | Crash:
    """What becomes of a file."""
    try:
        return read_orders(kit.connector, kit.layouts, raw)
    except (InvalidInputError, NoOrderError) as error:
        return Refusal(code=error.code, text=_spelled(error))
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return Crash(kind=f"{type(error).__name__}: {error}"[:200])


def take(kit: Kit, request: InboundRequest) -> tuple[Notice, Normalized | NormalizedRefund | None] | Refusal | Crash:
    """What becomes of a delivery; its order only where it carries one."""
    try:
        notice = kit.connector.identify(request)
        carries = notice.kind in {NoticeKind.ORDER, NoticeKind.REFUND}
        read_ = kit.connector.normalize(request, notice) if carries else None
        list(kit.connector.fetches(notice))
    except InvalidInputError as error:
        return Refusal(code=error.code, text=_spelled(error))
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return Crash(kind=f"{type(error).__name__}: {error}"[:200])
    return notice, read_


def _spelled(error: InvalidInputError | NoOrderError) -> str:
    """All that is told of it, as the quarantine keeps it."""
    return json.dumps({"detail": str(error), **error.context})
