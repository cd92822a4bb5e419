"""docs/channels.md: what becomes of each collected payload of each channel. `python -m tests.support.channels_page`."""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from oms.channels.__main__ import main
from oms.channels.registry import CONNECTORS
from tests.support.template import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE: Final = ROOT / "docs" / "channels.md"
COLLECTED: Final = ROOT.parent / "shared" / "payloads"
MARK: Final = "<!-- generated from here on: python -m tests.support.channels_page -->\n"
_SKIPPED: Final = {"code", "detail", "paths"}


def told(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """(status, what was printed) of a command."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = main(arguments)
    return status, [json.loads(line) for line in out.getvalue().splitlines()]


def outcome(source: str, file: Path) -> str:
    """In a few words."""
    status, printed = told("normalize", source, str(file))
    if not status:
        totals = ", ".join(f"{order['total']} {order['currency']}" for order in printed)
        return f"normalized: {totals}"
    (refusal,) = printed
    where = ", ".join(f"{name} {value}" for name, value in refusal.items() if name not in _SKIPPED)
    return f"`{refusal['code']}`: {refusal['detail']}" + (f" ({where})" if where else "")


def generated() -> str:
    """The part of the page that is."""
    parts = []
    for source in CONNECTORS:
        rows = {file.name: outcome(source, file) for file in sorted((COLLECTED / source).iterdir())}
        words = [each.split("`")[1] if each.startswith("`") else "normalized" for each in rows.values()]
        counts = Counter(words)
        summed = ", ".join(f"{count} {name}" for name, count in counts.most_common())
        parts.append(f"\n## {source}\n\n{summed}\n\n| file | what becomes of it |\n|---|---|\n")
        parts.extend(f"| {name} | {each.replace('|', '/')} |\n" for name, each in rows.items())
    return "".join(parts)


if __name__ == "__main__":
    head = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    PAGE.write_text(head + MARK + generated(), encoding="utf-8")
