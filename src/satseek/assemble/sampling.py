"""Whose chips and texts a model is to be tried on → two samples: for ranges, and for the proof.

Knows no door. Nothing that ranges are taken from is proved on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from satseek.assemble.assembling import Assembly
    from satseek.quantize.sampling import Sample
    from satseek.types import Pixels

LEAST_CHIPS = 32
"""Fewer say too little: the proof's ten hits would be a third of all chips."""


def samples_of(
    parts: Assembly,
    *,
    images: Path | None,
    texts: Sequence[str] | None,
    collection: str | None,
    chips: int,
    show: Callable[[str, int, int], None],
) -> tuple[Sample, Sample]:
    """Take chips and texts for ranges, and others for the proof.

    Args:
        parts: The working parts.
        images: Folder of scenes; None: the collection's, or made-up counties.
        texts: What people might ask for; None: about land cover.
        collection: Whose chips; None: the folder's.
        chips: Chips of each sample, and texts where none are given.
        show: Told a stage, steps done and all steps.

    Raises:
        InvalidRequest: a folder and a collection, or too few chips.
        FolderNotFound, CollectionNotFound: they are not there.
    """
    from satseek.quantize.sampling import (  # noqa: PLC0415 - slow to load
        CALIBRATION_SEED,
        PROOF_SEED,
        Sample,
        county_sample,
        folder_images,
        halved,
        usual_texts,
    )

    if chips < LEAST_CHIPS:
        raise InvalidRequest(f"chips: expected {LEAST_CHIPS} or more, came {chips}")
    if images is not None and collection is not None:
        raise InvalidRequest("give a folder of images or a collection, not both")
    seeds = (CALIBRATION_SEED, PROOF_SEED)
    if images is None and collection is None:
        made = [county_sample(seed=s, images=chips, texts=chips, report=show) for s in seeds]
    else:
        own = (
            folder_images(images, images=2 * chips)
            if images is not None
            else _collection_images(parts, collection or "", count=2 * chips)
        )
        said = [usual_texts(seed=s, texts=chips) for s in seeds]
        made = [Sample(images=i, texts=t) for i, t in zip(halved(own), said, strict=True)]
    if texts is not None:
        made = [replace(one, texts=t) for one, t in zip(made, halved(texts), strict=True)]
    return made[0], made[1]


def _collection_images(parts: Assembly, name: str, *, count: int) -> list[Pixels]:
    from satseek.quantize.sampling import FEWEST, spread  # noqa: PLC0415
    from satseek.search.thumbnails import chip_pixels  # noqa: PLC0415

    collection = parts.reader(name)
    if len(collection) < FEWEST:
        raise InvalidRequest(f"collection {name!r}: expected {FEWEST} chips or more")
    chosen = collection.chips(spread(len(collection), count))
    return [chip_pixels(chip.id, collection=collection) for chip in chosen]
