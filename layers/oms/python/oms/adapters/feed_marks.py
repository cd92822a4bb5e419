"""What a position remembers of a feed's source: an attribute of its row, written with it at no item of its own.

`fed#<source>`: `<of its last snapshot>=<what that said>|<of its newest delta>`, each part empty where there was none.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from oms.adapters import keys
from oms.domain.feed import NO_MARK, Mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oms.domain.feed import FedDelta, Told

    Item = Mapping[str, Any]


def mark_name(source: str) -> str:
    """The attribute that holds the mark of a source."""
    return f"fed#{source}"


def add_mark(delta: FedDelta, update: dict[str, Any]) -> None:
    """Have the update of a position write the mark too, while the one that is there is as it was read."""
    condition, values = _while_marked(delta.marked)
    update["ExpressionAttributeNames"]["#fed"] = mark_name(delta.source)
    update["ExpressionAttributeValues"] |= {":fed": {"S": to_text(delta.mark)}, **values}
    update["UpdateExpression"] += ", #fed = :fed"
    update["ConditionExpression"] += f" AND {condition}"


def only_mark(source: str, told: Told) -> dict[str, Any]:
    """The update of a position that writes nothing but the mark, while the one that is there is as it was read."""
    condition, values = _while_marked(told.marked)
    return {
        "UpdateExpression": "SET #fed = :fed",
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#fed": mark_name(source)},
        "ExpressionAttributeValues": {":fed": {"S": to_text(told.mark)}, **values},
    }


def _while_marked(mark: Mark) -> tuple[str, dict[str, Any]]:
    if mark == NO_MARK:
        return "attribute_not_exists(#fed)", {}
    return "#fed = :marked", {":marked": {"S": to_text(mark)}}


def mark_moved(delta: FedDelta, old: Item) -> bool:
    """The mark is not as it was read."""
    held = old.get(mark_name(delta.source), {}).get("S", "")
    return bool(held != (to_text(delta.marked) if delta.marked != NO_MARK else ""))


def to_text(mark: Mark) -> str:
    """A mark as it is stored."""
    at = f"{keys.instant(mark.at)}={mark.said}" if mark.at else ""
    return f"{at}|{keys.instant(mark.moved) if mark.moved else ''}"


def from_text(text: str) -> Mark:
    """The mark that is stored so."""
    snapshot, _, moved = text.partition("|")
    at, _, said = snapshot.partition("=")
    return Mark(
        at=datetime.fromisoformat(at) if at else None,
        said=int(said or 0),
        moved=datetime.fromisoformat(moved) if moved else None,
    )
