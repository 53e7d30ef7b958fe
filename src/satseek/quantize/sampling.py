"""Turns folders of scenes, or a made-up county, into the chips and texts that a model is shown.

Knows no model. Real overhead imagery or the county's, never noise: ranges taken from noise fit
nothing that a model will see.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from satseek.errors import InvalidRequest, NoValidPixels, UnreadableImage
from satseek.imagery.chips import plan_chips, read_chips
from satseek.imagery.county import make_county, read_truth, truth_shares
from satseek.imagery.recipes import recipe_named, stretch_of
from satseek.imagery.scenes import describe_scene, find_scenes
from satseek.types import GridSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from satseek.types import Chip, Pixels

CALIBRATION_SEED, PROOF_SEED = 101, 102
"""Counties that no model of ours was trained on (those are 1 to 4); two, so that nothing that
ranges were taken from is proved on."""

COUNTY_PX, COUNTY_CHIP_PX = 4096, 256
"""Two square kilometres and a half a side, twice; some 600 chips as the demonstration cuts them."""

LEAST_SHARE = 0.4
"""A chip is labelled with its largest land cover where that fills this share of it."""

FEWEST = 16
"""Chips, or texts, below which nothing can be said: ten of them are one query's hits."""

NAMES: Mapping[str, str] = {
    "farmland": "farmland",
    "forest": "forest",
    "meadow": "meadow",
    "river": "river",
    "lake": "lake",
    "sea": "sea",
    "beach": "beach",
    "road": "road",
    "interchange": "viaduct",
    "bridge": "bridge",
    "dense_housing": "dense residential area",
    "sparse_housing": "sparse residential area",
    "industrial": "industrial area",
    "storage_tanks": "storage tanks",
    "airport": "airport",
    "harbour": "port",
    "quarry": "quarry",
    "solar_farm": "solar farm",
    "parking": "parking lot",
    "bare_land": "bare land",
    "mine": "open pit mine",
    "flooded_fields": "flooded fields",
}
"""Land cover of the county → the label by which it is asked."""

_FRAMES = (
    "{}",
    "an aerial image of {}",
    "a satellite image of {}",
    "there is {} in the picture",
    "{} seen from above",
)
_JOINTS = ("{} next to {}", "{} and {}", "some {} beside {}", "{} with {} around it")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Chips and texts that a model is shown."""

    images: tuple[Pixels, ...]
    """uint8 (h, w, 3) each."""
    texts: tuple[str, ...]
    """What a person might ask for."""
    labels: tuple[str, ...] = tuple(dict.fromkeys(NAMES.values()))
    """Labels for zero-shot figures."""
    truth: tuple[int | None, ...] = ()
    """Row of ``labels`` that is right for each image, None where unknown; empty: all unknown."""


def county_sample(
    *,
    seed: int,
    images: int,
    texts: int,
    px: int = COUNTY_PX,
    report: Callable[[str, int, int], None] = lambda _stage, _done, _all: None,
) -> Sample:
    """Make a county in a temporary folder and take chips of every land cover about equally often.

    Raises:
        OSError: no room for it; a county of 4096 pixels takes some 15 MB.
    """
    with tempfile.TemporaryDirectory(prefix="satseek-county-") as made:
        folder = Path(made)
        manifest = make_county(folder, seed=seed, width=px, height=px, on_progress=report)
        truth = {date: read_truth(folder / path) for date, path in manifest.truth.items()}
        found = []
        for chip, pixels in _chips(folder / "scenes", COUNTY_CHIP_PX):
            if chip.footprint is not None and chip.datetime is not None:
                shares = truth_shares(truth[chip.datetime.date().isoformat()], chip.footprint)
                found.append((pixels, shares))
    rng = np.random.default_rng(seed)
    kept = [found[at] for at in _even([next(iter(s)) for _, s in found], images, rng)]
    labels = tuple(dict.fromkeys(NAMES.values()))
    return Sample(
        images=tuple(pixels for pixels, _ in kept),
        texts=_sentences([shares for _, shares in found], texts, rng),
        labels=labels,
        truth=tuple(_right(shares, labels) for _, shares in kept),
    )


def usual_texts(*, seed: int, texts: int) -> tuple[str, ...]:
    """Different texts about one land cover or two, for whom has no texts of their own."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(list(NAMES)).tolist() for _ in range(-(-texts // len(NAMES)))]
    shares = [dict.fromkeys(pair, 0.5) for order in orders for pair in pairwise(order)]
    return _sentences(shares, texts, rng)


def folder_images(folder: Path, *, images: int, chip_px: int = COUNTY_CHIP_PX) -> list[Pixels]:
    """Cut chips from a folder's scenes, spread evenly over all of them.

    Raises:
        FolderNotFound: there is no such folder.
        InvalidRequest: it holds too few chips to say anything.
    """
    found = [pixels for _, pixels in _chips(folder, chip_px)]
    if len(found) < FEWEST:
        raise InvalidRequest(
            f"{folder}: expected scenes for {FEWEST} chips or more, found {len(found)}"
        )
    return [found[at] for at in spread(len(found), images)]


def file_texts(path: Path) -> list[str]:
    """Read one text a line; empty lines do not count.

    Raises:
        InvalidRequest: the file cannot be read, or holds too few texts.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path}: expected texts in UTF-8, one a line: {error}") from error
    texts = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if len(texts) < FEWEST:
        raise InvalidRequest(f"{path}: expected {FEWEST} texts or more, found {len(texts)}")
    return texts


def halved(everything: Sequence[T]) -> tuple[tuple[T, ...], tuple[T, ...]]:
    """Every second one for calibration, the others for proof."""
    return tuple(everything[::2]), tuple(everything[1::2])


def spread(available: int, count: int) -> list[int]:
    """Up to ``count`` positions, evenly over all there are."""
    picked = np.linspace(0, available - 1, min(count, available)).round().astype(int)
    return [int(at) for at in picked]


def _chips(folder: Path, chip_px: int) -> Iterator[tuple[Chip, Pixels]]:
    """Chips of all scenes that can be read; the others are skipped as indexing does."""
    grid = GridSpec(crs=None, chip_px=chip_px, stride_px=chip_px, pixel_size=None)
    recipe = recipe_named("auto")
    for path in find_scenes(folder):
        try:
            scene = describe_scene(path, root=folder)
            cells = read_chips(
                scene, plan=plan_chips(scene, grid=grid), stretch=stretch_of(scene, recipe)
            )
            for cell in cells:
                if cell.chip is not None and cell.pixels is not None:
                    yield cell.chip, cell.pixels
        except (UnreadableImage, NoValidPixels):
            continue


def _even(kinds: Sequence[str], count: int, rng: np.random.Generator) -> list[int]:
    """Positions of ``count`` entries, taken from one kind after the other, in a random order."""
    piles: dict[str, list[int]] = {}
    for at in rng.permutation(len(kinds)).tolist():
        piles.setdefault(kinds[at], []).append(at)
    taken: list[int] = []
    while piles and len(taken) < count:
        taken.extend(piles[kind].pop() for kind in sorted(piles))
        piles = {kind: pile for kind, pile in piles.items() if pile}
    return sorted(taken[:count])


def _sentences(
    shares: Sequence[Mapping[str, float]], count: int, rng: np.random.Generator
) -> tuple[str, ...]:
    """Different texts about what lies on the chips, single covers first, then pairs."""
    covers = list(dict.fromkeys(cover for one in shares for cover in one))
    pairs = list(dict.fromkeys(tuple(list(one)[:2]) for one in shares if len(one) > 1))
    single = [frame.format(NAMES[cover]) for frame in _FRAMES for cover in covers]
    joined = [j.format(*(NAMES[c] for c in pair)) for j in _JOINTS for pair in pairs]
    both = list(dict.fromkeys([*single, *joined]))
    picked = np.sort(rng.permutation(len(both))[:count])
    return tuple(both[at] for at in picked.tolist())


def _right(shares: Mapping[str, float], labels: Sequence[str]) -> int | None:
    cover, share = next(iter(shares.items()))
    return labels.index(NAMES[cover]) if share >= LEAST_SHARE else None
