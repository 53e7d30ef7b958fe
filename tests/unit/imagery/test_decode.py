from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from rasterio._env import get_gdal_config

from satseek.errors import ImageTooLarge, NoValidPixels, UnreadableImage, UnsupportedRaster
from satseek.imagery import decode
from satseek.imagery._open import reading
from satseek.imagery._sources import open_source
from satseek.imagery.decode import decode_image

if TYPE_CHECKING:
    from numpy.typing import NDArray


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def photo() -> Image.Image:
    shades = np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    return Image.fromarray(shades)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP"])
def test_lossless_formats_come_back_exactly(photo: Image.Image, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode_image(encoded(photo, kind, **options), name="named.tif")
    np.testing.assert_array_equal(np.asarray(photo), decoded.pixels)
    assert 1.0 == decoded.valid_fraction


def test_jpeg_comes_in_rgb(photo: Image.Image) -> None:
    for image in (photo, photo.convert("CMYK"), photo.convert("L")):
        pixels = decode_image(encoded(image, "JPEG"), name="a.png").pixels
        assert ((40, 60, 3), np.uint8) == (pixels.shape, pixels.dtype)


def test_exif_orientation_is_applied(photo: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    pixels = decode_image(encoded(photo, "PNG", exif=exif), name="a").pixels
    np.testing.assert_array_equal(np.rot90(np.asarray(photo), -1), pixels)


def test_palette_and_first_frame(photo: Image.Image) -> None:
    still = photo.quantize(16)
    frames = [still, Image.new("P", still.size)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(
        np.asarray(still.convert("RGB")), decode_image(content, name="a").pixels
    )


def test_transparent_pixels_are_not_measured(photo: Image.Image) -> None:
    alpha = np.zeros((40, 60), np.uint8)
    alpha[:20, :30] = 255
    photo.putalpha(Image.fromarray(alpha))
    decoded = decode_image(encoded(photo, "PNG"), name="a")
    assert 0.25 == decoded.valid_fraction
    assert 0 == decoded.pixels[20:].max()
    photo.putalpha(0)
    with pytest.raises(NoValidPixels):
        decode_image(encoded(photo, "PNG"), name="a")


def test_16_bit_grey_is_stretched() -> None:
    values = np.linspace(10_000, 20_000, 10_000).reshape(100, 100).astype(np.uint16)
    pixels = decode_image(encoded(Image.fromarray(values), "PNG"), name="a").pixels
    assert (0, 255) == (pixels.min(), pixels.max())
    assert 128 == pytest.approx(pixels[50, 0, 0], abs=2)


def test_a_geotiff_is_decoded_by_its_bands(make_raster: Any, noise: NDArray[Any]) -> None:
    path = make_raster("a.tif", noise[::-1], colours=("blue", "green", "red"))
    pixels = decode_image(path.read_bytes(), name="a.jpg").pixels
    np.testing.assert_array_equal(np.moveaxis(noise, 0, 2), pixels)


def test_radar_and_complex_uploads_are_refused(make_raster: Any) -> None:
    for values in (np.ones((2, 9, 9), np.float32), np.ones((1, 9, 9), np.complex64)):
        content = make_raster("a.tif", values).read_bytes()
        with pytest.raises(UnsupportedRaster):
            decode_image(content, name="a.tif")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_what_is_cut_short_is_refused(photo: Image.Image, kind: str) -> None:
    content = encoded(photo, kind)
    with pytest.raises(UnreadableImage, match="upload"):
        decode_image(content[: len(content) // 2], name="upload")


@pytest.mark.parametrize("content", [b"", b"words", b"<svg/>", b"II*\x00", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableImage, match="upload"):
        decode_image(content, name="upload")


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_too_many_pixels_are_refused_before_decoding(photo: Image.Image, kind: str) -> None:
    with pytest.raises(ImageTooLarge, match="60 x 40 pixels, at most 2399"):
        decode_image(encoded(photo, kind), name="a", max_pixels=2399)
    assert (40, 60, 3) == decode_image(encoded(photo, kind), name="a", max_pixels=2400).pixels.shape


def stripes(height: int, width: int) -> Image.Image:
    """Left half bright, right half dark."""
    shades = np.zeros((height, width, 3), np.uint8)
    shades[:, : width // 2] = 255
    return Image.fromarray(shades)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "LA", "I;16"])
def test_what_is_larger_than_any_tower_needs_is_thinned_out(mode: str) -> None:
    image = stripes(900, 4200)
    large = Image.fromarray(np.asarray(image)[..., 0].astype(np.uint16)) if mode == "I;16" else None
    decoded = decode_image(encoded(large or image.convert(mode), "PNG"), name="a")
    assert (300, 1400, 3) == decoded.pixels.shape
    assert decoded.pixels[:, 100:600].min() > decoded.pixels[:, 800:1300].max()
    assert 1.0 == decoded.valid_fraction


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_large_image_is_turned_upright_too(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    pixels = decode_image(encoded(stripes(900, 4200), kind, exif=exif), name="a").pixels
    height, width, _ = pixels.shape
    assert height / width == pytest.approx(4200 / 900, rel=0.01)
    assert 1024 <= height <= 2048
    assert pixels[: height // 3].min() > pixels[-height // 3 :].max()


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_a_large_raster_is_thinned_out_in_proportion(make_raster: Any, dtype: type) -> None:
    values = np.moveaxis(np.asarray(stripes(900, 4200)), 2, 0).astype(dtype)
    decoded = decode_image(make_raster("a.tif", values).read_bytes(), name="a")
    assert (300, 1400, 3) == decoded.pixels.shape
    assert decoded.pixels[:, 100:600, 0].min() > decoded.pixels[:, 800:1300, 0].max()


@pytest.mark.parametrize("edge", [2048, None])
def test_every_pixel_is_kept_up_to_the_edge(make_raster: Any, edge: int | None) -> None:
    width = 2049 if edge is None else 2048
    shades = np.random.default_rng(4).integers(1, 256, (3, 30, width), dtype=np.uint8)
    image = Image.fromarray(np.moveaxis(shades, 0, 2))
    for content in (encoded(image, "PNG"), make_raster("a.tif", shades).read_bytes()):
        pixels = decode_image(content, name="a", edge=edge).pixels
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_too_many_bytes_are_refused_before_decoding(
    make_raster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = make_raster("a.tif", np.ones((4, 600, 700), np.float64)).read_bytes()
    monkeypatch.setattr(decode, "MAX_DECODED_BYTES", 4 * 600 * 700 * 8 - 1)
    with pytest.raises(ImageTooLarge, match="700 x 600 pixels of 4 float64 bands, 12 MiB"):
        decode_image(content, name="a")


def test_blocks_are_kept_while_a_raster_is_read(make_raster: Any, noise: NDArray[Any]) -> None:
    with open_source(make_raster("a.tif", noise)), reading():
        assert 128 * 1024**2 == get_gdal_config("GDAL_CACHEMAX")


@pytest.mark.parametrize("content", [b"II*\0" + b"\xff" * 50, b"\xff\x4f\xff\x51" + bytes(50)])
def test_refusals_do_not_name_where_gdal_keeps_a_file(content: bytes) -> None:
    with pytest.raises(UnreadableImage) as caught:
        decode_image(content, name="upload")
    assert not re.search(r"/vsimem|[0-9a-f]{8}-[0-9a-f]{4}", str(caught.value)), caught.value
