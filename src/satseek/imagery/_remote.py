"""An ``http(s)`` address on an allowed host → a file that is read by ranges.

Does not know rasters. What was read is kept by blocks, so that a header costs one request and a
window about one for each row of tiles.
"""

from __future__ import annotations

import io
import re
from collections import OrderedDict
from http import HTTPStatus
from typing import TYPE_CHECKING

from satseek.errors import SatseekError, UnreadableImage
from satseek.imagery._asking import Answer, Asked, Connection, ask
from satseek.imagery._open import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

BLOCK_BYTES = 128 * 1024
"""A file is read by blocks of this size: about one compressed tile of 512 x 512 16-bit pixels."""

KEPT_BLOCKS = 96
"""Blocks of one file that are kept, the last read ones; 12 MiB."""

MAX_WHOLE_BYTES = 64 * 1024**2
"""Bytes of a file that is read whole where its host serves no ranges."""

_RANGE = re.compile(r"bytes (?P<first>\d+)-(?P<last>\d+)/(?P<size>\d+)")


class RemoteFile:
    """A file on a web server; to be used by one thread, through `handle`."""

    def __init__(self, address: str, *, hosts: tuple[str, ...]) -> None:
        """Read its first block.

        Raises:
            UnsafeReference: its host may not be read from.
            UnreadableImage: it cannot be read.
        """
        asked = Asked(headers={"Range": f"bytes=0-{BLOCK_BYTES - 1}"})
        first = ask(address, hosts=hosts, max_bytes=MAX_WHOLE_BYTES, asked=asked)
        self.name = address
        self.failure: SatseekError | None = None
        self._connection = Connection(first.address, hosts=hosts)
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._tag = first.headers.get("etag", "")
        self._whole = first.content if first.status == HTTPStatus.OK else None
        if self._whole is None:
            self.size = _size_of(first, shown(address))
            self._blocks[0] = first.content
        else:
            self.size = len(self._whole)

    def handle(self) -> RemoteHandle:
        """Open it once more, at its beginning; what was read is shared."""
        return RemoteHandle(self)

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()

    def read(self, start: int, count: int) -> bytes:
        """Read up to ``count`` bytes from ``start`` on.

        Raises:
            UnreadableImage: the host broke off, or the file is another one by now.
        """
        stop = min(start + count, self.size)
        if stop <= start:
            return b""
        if self._whole is not None:
            return self._whole[start:stop]
        wanted = range(start // BLOCK_BYTES, -(-stop // BLOCK_BYTES))
        pieces = {at: self._blocks.get(at, b"") for at in wanted}
        missing = [at for at, piece in pieces.items() if not piece]
        if missing:
            fetched = self._fetch(missing[0], missing[-1] + 1)
            pieces |= dict(zip(range(missing[0], missing[-1] + 1), fetched, strict=True))
        self._keep(pieces.items())
        offset = start - wanted[0] * BLOCK_BYTES
        return b"".join(pieces[at] for at in wanted)[offset : offset + stop - start]

    def _keep(self, pieces: Iterable[tuple[int, bytes]]) -> None:
        for at, piece in pieces:
            self._blocks[at] = piece
            self._blocks.move_to_end(at)
        while len(self._blocks) > KEPT_BLOCKS:
            self._blocks.popitem(last=False)

    def _fetch(self, first: int, stop: int) -> list[bytes]:
        """Fetch successive blocks by one request, on a connection that is kept."""
        begin, end = first * BLOCK_BYTES, min(stop * BLOCK_BYTES, self.size)
        asked = Asked(headers={"Range": f"bytes={begin}-{end - 1}"})
        try:
            answer = self._connection.answer(asked, max_bytes=end - begin)
            self._check(answer, begin, end)
        except SatseekError as error:
            self.failure = error
            self.close()
            raise
        content = answer.content
        return [content[at : at + BLOCK_BYTES] for at in range(0, len(content), BLOCK_BYTES)]

    def _check(self, answer: Answer, begin: int, end: int) -> None:
        same = answer.status == HTTPStatus.PARTIAL_CONTENT and len(answer.content) == end - begin
        same = same and answer.headers.get("etag", "") == self._tag
        if not same or _size_of(answer, shown(self.name)) != self.size:
            raise UnreadableImage(
                f"{shown(self.name)}: expected bytes {begin} to {end} of the file that was opened, "
                f"came status {answer.status}"
            )


class RemoteHandle(io.RawIOBase):
    """One open file over a `RemoteFile`, as GDAL reads it."""

    def __init__(self, file: RemoteFile) -> None:
        super().__init__()
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        """Read; less than asked for at the end, and where the host fails.

        Nothing is raised, as GDAL, which calls this, knows no exceptions: it finds that bytes are
        lacking, and the file's ``failure`` says why.
        """
        count = self._file.size - self._at if size is None or size < 0 else size
        try:
            content = self._file.read(self._at, count)
        except SatseekError:
            return b""
        self._at += len(content)
        return content


def _size_of(answer: Answer, address: str) -> int:
    """Size of the whole file, as the answer to a request for a part of it says."""
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if answer.status != HTTPStatus.PARTIAL_CONTENT or found is None:
        raise UnreadableImage(f"{address}: expected status 200 or 206, came {answer.status}")
    return int(found["size"])
