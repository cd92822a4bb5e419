"""A file of a stock feed that is made while it is read: of any length, in no memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(slots=True)
class MadeFile:
    """FeedFile port: a CSV. `line` gives each row, all of one length, so that an offset tells where to go on."""

    name: str
    feed_id: str
    rows: int
    width: int
    line: Callable[[int], bytes]
    header: bytes = b"sku,node_id,on_hand,as_of"

    def lines(self, offset: int) -> Iterator[tuple[bytes, int]]:
        """See the port."""
        head = len(self.header) + 1
        if offset < head:
            yield self.header, head
        for number in range(max(0, offset - head) // self.width, self.rows):
            yield self.line(number), head + (number + 1) * self.width
