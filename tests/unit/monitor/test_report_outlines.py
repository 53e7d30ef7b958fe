"""The line on both images lies where the finding does."""

from __future__ import annotations

import numpy as np
import pytest
from reportmaking import gone_image, plain_pixels, square

from satseek.errors import UnreadableImage
from satseek.monitor.findings.surrounding import frame_around
from satseek.monitor.reports.images import pixels_image
from satseek.monitor.reports.outlining_images import CASING, LINE, outlined

EDGE = 256


def test_the_outline_of_a_finding_lies_in_the_middle_of_what_is_kept_of_it() -> None:
    footprint = square(12.0, 60.0, 0.01)
    around = frame_around(footprint)
    assert around is not None
    image = pixels_image(plain_pixels(90, EDGE), alt="ground")

    shown = outlined(image, footprint=footprint, bounds=around.bounds).read()

    assert shown is not None
    rows, columns = np.nonzero((shown == LINE).all(axis=2))
    assert (rows.min() + rows.max()) / 2 == pytest.approx(EDGE / 2, abs=1.5)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(EDGE / 2, abs=1.5)
    # at 60 degrees north a degree of latitude is as long as two of longitude
    high, wide = np.ptp(rows), np.ptp(columns)
    assert high / wide == pytest.approx(2.0, rel=0.05)
    assert high == pytest.approx(EDGE / 2, rel=0.05)
    assert (shown == CASING).all(axis=2).any()
    assert (shown[EDGE // 2, EDGE // 2] == 90).all()


def test_what_was_kept_stays_as_it_was() -> None:
    pixels = plain_pixels(90, EDGE)
    image = pixels_image(pixels, alt="ground")

    outlined(image, footprint=square(12.0, 50.0, 0.01), bounds=(11.9, 49.9, 12.1, 50.1)).read()

    assert (pixels == 90).all()


def test_another_outline_is_another_image() -> None:
    image = pixels_image(plain_pixels(90), alt="ground")
    bounds = (11.9, 49.9, 12.1, 50.1)

    names = {
        image.identity,
        *(
            outlined(image, footprint=square(lon, 50.0, 0.01), bounds=bounds).identity
            for lon in (12.0, 12.01, 12.0)
        ),
    }

    assert 3 == len(names)


def test_gone_is_gone() -> None:
    bounds = (11.9, 49.9, 12.1, 50.1)
    image = outlined(gone_image(), footprint=square(12.0, 50.0, 0.01), bounds=bounds)

    with pytest.raises(UnreadableImage):
        image.read()
