"""Tiles as bytes, what describes them, and what is kept of what was costly to make."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from satseek.imagery.keeping import Kept
from satseek.service.access.policy import RULES, THUMBNAILS, TILES, rule
from satseek.service.tiling_documents import MapShown, capabilities, tilejson
from satseek.service.tiling_drawing import Extent
from satseek.service.tiling_pictures import JPEG, PNG, WEBP, encode, picturing

EXTENT = Extent(bbox=(-10.0, -89.0, 20.0, 30.0), maxzoom=12)
SHOWN = MapShown(
    id="heat",
    title="heat map of a & b",
    addresses=(("image/png", "http://h/{z}/{x}/{y}.png?text=a%26b&generation=1"),),
)


@pytest.mark.parametrize("how", [PNG, WEBP, JPEG])
def test_a_picture_comes_back(how: object) -> None:
    assert how in {PNG, WEBP, JPEG}
    shades = np.zeros((256, 256, 4), np.uint8)
    shades[:128] = (200, 100, 50, 255)
    content = encode(shades, how)  # type: ignore[arg-type]
    image = Image.open(io.BytesIO(content))
    assert image.format == how.format  # type: ignore[attr-defined]
    found = np.asarray(image.convert("RGBA")).astype(int)
    assert np.abs(found[:120, :, :3] - (200, 100, 50)).max() < 4
    below = (255, 255, 255, 255) if how is JPEG else (0, 0, 0, 0)
    assert np.abs(found[140:] - below).max() < 4 if how is JPEG else not found[140:, :, 3].any()


@pytest.mark.parametrize(
    ("path", "accept", "wanted"),
    [
        ("/5.png", "image/webp", PNG),
        ("/5@2x.webp", "*/*", WEBP),
        ("/5.jpeg", "", JPEG),
        ("/5", "", PNG),
        ("/5", "image/avif,image/webp,*/*;q=0.8", WEBP),
        ("/5", "application/json", PNG),
    ],
)
def test_the_suffix_goes_before_the_header(path: str, accept: str, wanted: object) -> None:
    assert picturing(path, accept) is wanted


def test_tilejson_keeps_to_what_the_map_can_show() -> None:
    told = tilejson(SHOWN, EXTENT, generation=7)
    assert [-10, -85.0511287798066, 20, 30] == pytest.approx(told["bounds"])
    assert [SHOWN.addresses[0][1]] == told["tiles"]
    assert 7 == told["satseek:generation"]
    assert "legend" not in told


def test_capabilities_are_well_formed_whatever_is_asked() -> None:
    written = capabilities([SHOWN], EXTENT, title="<&>", address="http://h/?a=1&b=2")
    root = ET.fromstring(written)  # noqa: S314 (our own)
    names = {"w": "http://www.opengis.net/wmts/1.0"}
    (url,) = root.findall(".//w:ResourceURL", names)
    assert "http://h/{TileMatrix}/{TileCol}/{TileRow}.png?text=a%26b&generation=1" == url.get(
        "template"
    )
    assert 13 == len(root.findall(".//w:TileMatrix", names))


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/v1/collections/a/scenes/tiles/1/2/3.png", TILES),
        ("/v1/collections/a/heat/1/2/3@2x.webp", TILES),
        ("/v1/collections/a%2Fb/classes/1/2/3", TILES),
        ("/v1/collections/a/thumbnail", THUMBNAILS),
        ("/v1/collections/a/heat/tilejson.json", RULES["/v1/collections"]),
        ("/v1/collections/a/heat/1/2/3/4.png", RULES["/v1/collections"]),
        ("/v1/collections/a/other/1/2/3.png", RULES["/v1/collections"]),
    ],
)
def test_tiles_do_not_count_and_what_describes_them_does(path: str, wanted: object) -> None:
    assert rule(path) is wanted


def test_many_who_ask_at_once_have_it_made_once() -> None:
    kept: Kept[int] = Kept(10)
    made, begun = [], threading.Event()

    def make() -> int:
        made.append(1)
        begun.wait(5)
        return 42

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(kept.get, "it", make) for _ in range(8)]
        begun.set()
        assert [42] * 8 == [one.result() for one in asked]
    assert [1] == made


def test_what_was_asked_for_last_stays() -> None:
    kept: Kept[str] = Kept(10, size=len)
    for name in ("aaaa", "bbbb"):
        kept.get(name, lambda name=name: name)  # type: ignore[misc]
    kept.get("aaaa", lambda: "never")
    kept.get("cccc", lambda: "cccc")
    assert ["aaaa", None, "cccc"] == [kept.peek(name) for name in ("aaaa", "bbbb", "cccc")]
    kept.get("large", lambda: "x" * 20)
    assert [None, None, "x" * 20] == [kept.peek(name) for name in ("aaaa", "cccc", "large")]
    kept.forget("large")
    assert kept.peek("large") is None


def test_what_fails_is_tried_again() -> None:
    kept: Kept[int] = Kept(10)

    def fail() -> int:
        raise ValueError("once")

    with pytest.raises(ValueError, match="once"):
        kept.get("it", fail)
    assert 1 == kept.get("it", lambda: 1)
