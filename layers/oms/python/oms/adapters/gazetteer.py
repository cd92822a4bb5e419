"""The gazetteer that is packaged with the code: a sorted table of hashed keys, looked up where it lies on disk.

    8 bytes           OMSGEO1 and a line feed
    10 bytes per key  6: BLAKE2b of the key (UTF-8), ascending; 2: latitude, 2: longitude, signed, in 1/100 degree

Nothing is read into memory but the pages that a search touches: 19 steps, of which the first are shared.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from oms.domain.geo import Point

FILE: Final = Path(__file__).parent.parent / "gazetteer" / "places.bin"
MAGIC: Final = b"OMSGEO1\n"
HASH: Final = 6
POINT: Final = struct.Struct(">hh")
RECORD: Final = HASH + POINT.size


def hashed(key: str) -> bytes:
    """What stands for a key. Of half a million keys none of the packaged ones share one: the build refuses it."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=HASH).digest()


class PackagedGazetteer:
    """The Gazetteer port: opened when it is first asked, and kept open while the function is warm."""

    def __init__(self, file: Path = FILE) -> None:
        self._file = file
        self._table: mmap.mmap | None = None

    def __call__(self, key: str) -> Point | None:
        """The point kept under `key`, to 1/100 degree."""
        table = self._table
        if table is None:
            table = self._table = self._open()
        wanted = hashed(key)
        low, high = 0, (len(table) - len(MAGIC)) // RECORD
        while low < high:
            middle = (low + high) // 2
            at = len(MAGIC) + middle * RECORD
            here = table[at : at + HASH]
            if here == wanted:
                latitude, longitude = POINT.unpack_from(table, at + HASH)
                return latitude / 100, longitude / 100
            if here < wanted:
                low = middle + 1
            else:
                high = middle
        return None

    def _open(self) -> mmap.mmap:
        with self._file.open("rb") as file:
            table = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if table[: len(MAGIC)] != MAGIC or (len(table) - len(MAGIC)) % RECORD:
            raise ValueError("not a gazetteer")
        return table
