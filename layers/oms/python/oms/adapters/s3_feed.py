"""A file of a stock feed on S3, read in pieces: never whole in memory, and from any line on."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from oms.domain.errors import FeedGoneError, MalformedPayloadError

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER: Final = "stock-feeds/"
PIECE: Final = 4 * 1024 * 1024
"""Bytes of a request: one that lasts as long as a file would be cut by the other side."""
MAX_LINE: Final = 64 * 1024
_UNPACKED: Final = 1024 * 1024
_GONE: Final = ("NoSuchKey", "PreconditionFailed", "412", "404", "InvalidRange")
_GZIP: Final = 16 + zlib.MAX_WBITS


class S3FeedFile:
    """FeedFile port. `etag` tells the content that is meant: what replaced it is another feed."""

    def __init__(self, client: Any, bucket: str, key: str, etag: str, size: int) -> None:
        self._client = client
        self._where = {"Bucket": bucket, "Key": key, "IfMatch": etag}
        self._size = size
        self.name = key.removeprefix(FOLDER)
        self.feed_id = hashlib.sha256(f"{key}\n{etag}".encode()).hexdigest()[:32]

    def lines(self, offset: int) -> Iterator[tuple[bytes, int]]:
        """See the port. What is packed is unpacked from its beginning, which takes a second per 100 MB."""
        packed = self.name.endswith(".gz")
        chunks = _unpacked(self._pieces(0)) if packed else self._pieces(offset)
        return _lines(chunks, offset, offset if packed else 0)

    def _pieces(self, start: int) -> Iterator[bytes]:
        for begin in range(start, self._size, PIECE):
            span = "-".join(str(each) for each in (begin, min(begin + PIECE, self._size) - 1))
            try:
                answer = self._client.get_object(**self._where, Range=f"bytes={span}")
            except ClientError as error:
                if error.response["Error"]["Code"] in _GONE:
                    raise FeedGoneError("the file is not there any more, or was replaced") from error
                raise
            yield answer["Body"].read()


def _unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Of one gzip member after the other, a megabyte at most at a time: a small file may hold a very large one."""
    inflate = zlib.decompressobj(_GZIP)
    begun = False
    try:
        for piece in pieces:
            data = piece
            while data:
                begun = True
                yield inflate.decompress(data, _UNPACKED)
                data = inflate.unconsumed_tail
                if inflate.eof:
                    data, inflate, begun = inflate.unused_data, zlib.decompressobj(_GZIP), False
    except zlib.error as error:
        raise MalformedPayloadError("the file is not packed as its name says") from error
    if begun:
        raise MalformedPayloadError("the file ends in the middle")


def _lines(chunks: Iterator[bytes], offset: int, skip: int) -> Iterator[tuple[bytes, int]]:
    """Lines with the offset behind each; the first `skip` bytes are left out."""
    rest = b""
    for chunk in chunks:
        if skip >= len(chunk):
            skip -= len(chunk)
            continue
        rest += chunk[skip:]
        skip = 0
        *whole, rest = rest.split(b"\n")
        for line in whole:
            offset += len(line) + 1
            yield line, offset
        if len(rest) > MAX_LINE:
            raise MalformedPayloadError("a line is too long", limit=MAX_LINE)
    if rest:
        yield rest, offset + len(rest)
