"""Evidence in a dispute as pages."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from oms.domain.order.dispute_evidence import sentences
from oms.entrypoints import pdf
from oms.entrypoints.pdf import Rule, Text

if TYPE_CHECKING:
    from oms.domain.order.dispute_evidence import Evidence

_COLUMNS: Final = 100
_ROWS: Final = 46
_TOP: Final = 760.0
_ROW: Final = 15.0


def render(told: Evidence) -> bytes:
    """The same evidence gives the same file."""
    title = f"Order {told.number}, as known on {told.as_of:%Y-%m-%d %H:%M} UTC"
    rows = [row for sentence in sentences(told) for row in textwrap.wrap(sentence, _COLUMNS) or [""]]
    pages: list[list[Text | Rule]] = []
    for start in range(0, len(rows), _ROWS):
        page: list[Text | Rule] = [Text(pdf.MARGIN, 790, title, 11, bold=True), Rule(780)]
        part = rows[start : start + _ROWS]
        page += [Text(pdf.MARGIN, _TOP - _ROW * number, row) for number, row in enumerate(part)]
        pages.append(page)
    return pdf.document(pages, title)
