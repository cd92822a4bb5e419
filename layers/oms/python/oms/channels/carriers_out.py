"""Carriers by the names that a channel knows them by: what the account's setting `carriers` says of ours.

Each vendor has a list of its own, some of them one for each shop, none of them in our words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_CARRIERS: Final = "carriers"


def known_as(carrier: str, settings: Mapping[str, Any]) -> str:
    """The channel's name for a carrier of ours, whatever its case; empty when the account does not say."""
    names = settings.get(_CARRIERS)
    for ours, theirs in names.items() if isinstance(names, dict) else ():
        if str(ours).casefold() == carrier.casefold() and isinstance(theirs, (str, int)):
            return str(theirs)
    return ""
