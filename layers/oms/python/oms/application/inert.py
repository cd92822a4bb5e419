"""Text that others wrote, made safe to stand before a language model: data, bounded, and nothing to act on.

Names of products, carriers and numbers come from channels and carriers, so anybody may have written them. No filter
tells an instruction from a name; what can be taken away is what makes text more than text: hidden characters, markup,
the marks of chat templates, links, and length. What is left stays what it says, in the field that says what it is.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_TEXT: Final = 200
"""Characters of one text."""
MAX_ROWS: Final = 100
"""Entries of one list; how many more there are is said beside it."""
CUT: Final = "…"
NO_LINK: Final = "(link)"

_HIDDEN: Final = frozenset({"Cf", "Cs", "Co", "Cn"})
"""Unicode categories that nobody sees: direction marks, joiners, tags, surrogates, private and unassigned ones."""
_BLANK: Final = frozenset({"Cc", "Zl", "Zp", "Zs"})
_SELECTORS: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters of other categories that nobody sees either, and that can carry bytes."""
_LINK: Final = re.compile(
    r"(?:[a-z][a-z0-9+.-]{0,15}:)?//\S*|\b(?:javascript|data|vbscript|mailto|tel|file):\S*|\bwww\.\S*", re.IGNORECASE
)
_MARKUP: Final = str.maketrans(
    {
        **dict.fromkeys("<＜", "‹"),
        **dict.fromkeys(">＞", "›"),
        **dict.fromkeys("[{［｛", "("),
        **dict.fromkeys("]}］｝", ")"),
        **dict.fromkeys("`｀", "'"),
        **dict.fromkeys("|｜", "¦"),
        **dict.fromkeys("\\＼", "/"),
    }
)


def inert(text: str, most: int = MAX_TEXT) -> str:
    """The text without hidden characters, line breaks, markup and links, cut to `most` characters."""
    seen = unicodedata.normalize("NFC", text[: most * 8])
    kept = "".join(_plain(each) for each in _SELECTORS.sub("", seen))
    words = " ".join(_LINK.sub(NO_LINK, kept.translate(_MARKUP)).split())
    return words if len(words) <= most and len(text) <= most * 8 else words[: most - 1] + CUT


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    return "" if category in _HIDDEN else " " if category in _BLANK else character


def inert_document(value: Any) -> Any:
    """A document of JSON with every text in it inert. Names of fields are ours and stay."""
    match value:
        case str():
            return inert(value)
        case dict():
            return {name: inert_document(each) for name, each in value.items()}
        case list() | tuple():
            return [inert_document(each) for each in value]
    return value


def bounded(view: Mapping[str, Any], lists: Sequence[str], most: int = MAX_ROWS) -> dict[str, Any]:
    """The document with the first `most` entries of each of these lists, and `<list>_left` for how many more it has."""
    cut = {name: view[name][:most] for name in lists}
    left = {f"{name}_left": len(view[name]) - len(cut[name]) for name in lists}
    return {**view, **cut, **left}
