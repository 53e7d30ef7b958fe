"""Small files that want much: each is refused, or decoded within bounds, and costs no decoder."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from satseek.assemble import Assembly
from satseek.errors import ImageTooLarge, UnreadableImage
from satseek.service.application import create_application
from satseek.service.decoding import Decoders
from satseek.settings import Settings
from satseek.types import Preprocessing

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PEAK_KIB = 400 * 1024


@pytest.fixture(scope="module")
def pool() -> Iterator[Decoders]:
    pool = Decoders(1, seconds=60, max_pixels=4_000_000)
    pool.warm_up()
    yield pool
    pool.close()


def chunk(kind: bytes, content: bytes) -> bytes:
    ends = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + ends


def zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(megabytes)) + packer.flush()


def png(*chunks: bytes, width: int = 8, height: int = 8) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress((b"\0" + bytes(3 * 8)) * 8)) + chunk(b"IEND", b"")
    return SIGNATURE + head + b"".join(chunks) + rows


def tiff(*more: tuple[int, int, int, int], following: int = 0, **tags: int) -> bytes:
    """Write a TIFF of one strip of 8-bit grey; ``more`` are entries (tag, type, count, value)."""
    width, height = tags.get("width", 8), tags.get("height", 8)
    entries = {256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 8), 259: (3, 1, 1)}
    entries |= {262: (3, 1, 1), 273: (4, 1, 400), 277: (3, 1, 1), 278: (4, 1, height)}
    entries |= {279: (4, 1, min(width * height, 2**32 - 1))}
    entries |= {tag: rest for tag, *rest in more}  # type: ignore[misc]
    packed = [struct.pack("<HHII", tag, *rest) for tag, rest in sorted(entries.items())]
    listed = struct.pack("<H", len(packed)) + b"".join(packed) + struct.pack("<I", following)
    return b"II*\0" + struct.pack("<I", 8) + listed + bytes(800)


def tags(count: int) -> bytes:
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, 1) for tag in range(count))
    return b"II*\0" + struct.pack("<IH", 8, count) + entries + bytes(100)


def directories(count: int) -> bytes:
    """Write a TIFF whose directories, of one tag each, point to one another in a row."""
    one = struct.pack("<HHHII", 1, 256, 4, 1, 8)
    return b"II*\0" + b"".join(
        struct.pack("<I", at) + (one if at else b"") for at in range(8, 8 + 18 * count, 18)
    )


def gif(frames: int) -> bytes:
    images = [Image.fromarray(np.full((8, 8), at % 256, np.uint8)) for at in range(frames)]
    file = io.BytesIO()
    images[0].save(file, "GIF", save_all=True, append_images=images[1:])
    return file.getvalue()


def screen(content: bytes) -> bytes:
    return content[:6] + struct.pack("<HH", 65535, 65535) + content[10:]


def bmp(width: int, height: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54) + head


ENTITY = b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
VRT = (
    b'<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="Byte" band="1">'
    b"<SimpleSource><SourceFilename>/etc/hostname</SourceFilename></SimpleSource>"
    b"</VRTRasterBand></VRTDataset>"
)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (lambda: png(width=2**31 - 1, height=2**31 - 1), ImageTooLarge),
        (lambda: png(width=2001, height=2000), ImageTooLarge),
        (lambda: png(chunk(b"zTXt", b"a\0\0" + zeros(256))), UnreadableImage),
        (lambda: png(chunk(b"iCCP", b"a\0\0" + zeros(256))), UnreadableImage),
        (lambda: png(chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(256))), UnreadableImage),
        (lambda: png(*[chunk(b"zTXt", b"a\0\0" + zeros(1))] * 100), UnreadableImage),
        (lambda: tiff(width=2**31 - 1, height=2**31 - 1), ImageTooLarge),
        (lambda: tiff(width=10**6, height=10**6), ImageTooLarge),
        (lambda: tags(65_535), UnreadableImage),
        (lambda: directories(500_000), UnreadableImage),
        (lambda: screen(gif(2)), ImageTooLarge),
        (lambda: bmp(30_000, 30_000), ImageTooLarge),
        (lambda: ENTITY + b"<svg>&x;</svg>", UnreadableImage),
        (lambda: VRT, UnreadableImage),
        (lambda: b"II*\0" + VRT, UnreadableImage),
        (lambda: b"/vsicurl/http://127.0.0.1/a.tif", UnreadableImage),
        (lambda: b"%PDF-1.7\n", UnreadableImage),
    ],
)
def test_what_wants_too_much_or_is_no_image_is_refused(
    pool: Decoders, content: object, kind: type[Exception]
) -> None:
    before = pool.processes
    with pytest.raises(kind) as caught:
        pool.decode(content(), size=16, how=Preprocessing())  # type: ignore[operator]
    assert kind is caught.type
    assert before == pool.processes
    assert peak_kib(before[0]) < PEAK_KIB


@pytest.mark.parametrize(
    "content",
    [
        lambda: tiff(following=8),  # its directory follows itself
        lambda: tiff((330, 4, 1, 8)),  # and is its own child
        lambda: tiff((33550, 12, 2**32 - 1, 8)),  # a pixel size of 4 thousand million numbers
        lambda: gif(2000),
        lambda: png(*[chunk(b"tEXt", b"a\0b")] * 5000),
    ],
)
def test_what_only_seems_to_want_much_is_decoded(pool: Decoders, content: object) -> None:
    before = pool.processes
    assert (16, 16, 3) == pool.decode(content(), size=16, how=Preprocessing()).shape  # type: ignore[operator]
    assert before == pool.processes
    assert peak_kib(before[0]) < PEAK_KIB


def test_no_frame_but_the_first_is_read(pool: Decoders) -> None:
    content = gif(50)
    broken = content[: len(content) // 2]
    whole = pool.decode(content, size=8, how=Preprocessing())
    np.testing.assert_array_equal(whole, pool.decode(broken, size=8, how=Preprocessing()))


PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\nx\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nx\r\n'
LAST = b'Content-Disposition: form-data; name="text"\r\n\r\nx\r\n--b--\r\n'


@pytest.mark.parametrize(
    "body",
    [
        lambda: b"".join(PART % str(at).encode() for at in range(20_000)) + b"--b--\r\n",
        lambda: FILE * 20_000 + b"--b--\r\n",
        lambda: b"--b\r\n" + b"X: y\r\n" * 500_000 + LAST,
        lambda: b"--b\r\nX: " + b"y" * 5_000_000 + b"\r\n" + LAST,
        lambda: b"--b\r\n" + LAST.replace(b"x", b"y" * 2_000_000),
        lambda: b"--b\r\n" * 1_000_000,
    ],
)
def test_forms_of_many_parts_or_headers_are_refused(http: TestClient, body: object) -> None:
    media = {"content-type": "multipart/form-data; boundary=b"}
    answer = http.post("/v1/similarity", content=body(), headers=media)  # type: ignore[operator]
    assert 400 == answer.status_code, answer.text


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"))
    with TestClient(create_application(Assembly(settings))) as http:
        yield http


def peak_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])  # proc(5): the most it ever had
