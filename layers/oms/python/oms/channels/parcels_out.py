"""What channels that are told of parcels have in common: asked which the order has, they are given the missing one.

None of them takes a key. A parcel is known by its tracking number, so one that may have arrived is looked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.channels.outward import Done, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from oms.channels.outward import Reply
    from oms.domain.channel_message import Message


def among(message: Message, parcels: Iterable[Mapping[str, Any]], number: str, ref: str) -> Done | None:
    """The message's parcel, if it is among those that the channel has; the fields that hold its number and id."""
    for each in parcels:
        if same(str(each.get(number) or ""), message.tracking_number):
            return Done(ref=str(each.get(ref) or ""), already=True)
    return None


def same(one: str, other: str) -> bool:
    """Two spellings of one tracking number: channels leave out what is no letter or digit, and change the case."""
    return bool(one) and plain(one) == plain(other)


def plain(number: str) -> str:
    """A tracking number without what channels leave out."""
    return "".join(each for each in number if each.isalnum()).upper()


def taken(reply: Reply, ref: Callable[[Mapping[str, Any]], Any]) -> Done:
    """2xx: it was taken. Raises UpstreamRefusedError for all else."""
    if not reply.ok:
        raise refuse("the channel refused", reply, vendor_code=_code(reply.document))
    return Done(ref=str(ref(reply.document) or ""))


def _code(document: Mapping[str, Any]) -> str:
    """The vendor's own code, where it stands first; prose is not read."""
    listed = document.get("errors") or document.get("items") or [document]
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else document
    found = first.get("errorId") or first.get("code") or first.get("error") or first.get("status")
    return str(found)[:60] if isinstance(found, (str, int)) else ""
