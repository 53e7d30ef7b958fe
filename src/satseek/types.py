"""The nouns: what the rooms hand to each other.

Knows no room: only numpy and the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Pixels: TypeAlias = NDArray[np.uint8]
"""uint8, shape (h, w, 3), RGB, 0–255."""

Valid: TypeAlias = NDArray[np.bool_]
"""bool, shape (h, w); True where a pixel was measured."""

Vectors: TypeAlias = NDArray[np.float32]
"""float32, shape (n, dim), every row of Euclidean length one; always a batch."""

Features: TypeAlias = NDArray[np.float32]
"""float32, shape (n, dim), as a tower gives them, before unit normalisation."""

Tensor: TypeAlias = NDArray[np.float32]
"""float32, shape (n, 3, size, size), preprocessed pixels: (value / 255 − 0.5) / 0.5."""

TokenIds: TypeAlias = NDArray[np.int64]
"""int64, shape (n, context_length), padded to exactly the context length."""

BBox: TypeAlias = tuple[float, float, float, float]
"""(west, south, east, north), degrees on WGS 84 unless said otherwise."""

GeoJSON: TypeAlias = "Mapping[str, Any]"
"""A GeoJSON object (RFC 7946), longitudes and latitudes on WGS 84."""

GroupBy: TypeAlias = Literal["place", "scene"]
"""``place``: the cell of the grid, so that a place seen at many dates is one hit; ``scene``: the
scene it was cut from."""

ScoreKind: TypeAlias = Literal["cosine", "match", "share", "percentile", "probability"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A rectangle of raster pixels."""

    column: int
    """First column, 0 at the left edge; may be negative where a chip overhangs its scene."""
    row: int
    """First row, 0 at the top edge; may be negative where a chip overhangs its scene."""
    width: int
    """Columns; positive."""
    height: int
    """Rows; positive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How stored sample values become 8-bit RGB; part of a collection's identity."""

    name: str
    """Name, such as ``rgb8``, ``percentile16`` or ``fixed16``."""
    version: int
    """Raised whenever the same input would give other pixels."""
    bands: tuple[int | str, ...]
    """Bands used as red, green, blue, 1-based or by name (``B04``, ``red``); one band means grey;
    empty means chosen per scene."""
    stretch: Literal["none", "percentile", "fixed", "auto"]
    """``auto``: 8-bit as is, all else by percentile; ``none``: 8-bit as is;
    ``percentile``: of the whole scene; ``fixed``: ``low`` to ``high``."""
    low: float
    """Lower percentile (0–100) or lower sample value, by ``stretch``."""
    high: float
    """Upper percentile (0–100) or upper sample value, by ``stretch``."""
    nodata: float | None = None
    """Sample value that means nothing measured, besides what the scene declares."""
    scale: float = 1.0
    """Physical value = ``scale`` · sample + ``offset``; ``low`` and ``high`` of a fixed stretch are
    physical values."""
    offset: float = 0.0
    """Likewise."""
    gamma: float = 1.0
    """Stretched values 0–1 are raised to 1/gamma; above 1 brightens what is dark."""
    mask: Literal["none", "scl", "qa_pixel"] = "none"
    """Band of the scene that says where clouds are: Sentinel-2's scene classification, or Landsat's
    pixel quality. What they cover was not measured."""
    cuts: tuple[tuple[float, float], ...] = ()
    """Lower and upper value of each band of a fixed stretch, where bands differ; empty: ``low`` and
    ``high`` for all."""
    calibration: Literal["recipe", "scene"] = "recipe"
    """``scene``: the scale and offset that a scene declares go before the recipe's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSpec:
    """The ground-fixed lattice on which a collection's chips lie."""

    crs: str | None
    """Such as ``EPSG:32633``; None: each scene's own CRS, or its pixels where it has none."""
    chip_px: int
    """Edge of a chip in raster pixels; positive."""
    stride_px: int
    """Step from chip to chip in raster pixels; positive, at most ``chip_px``."""
    pixel_size: float | None
    """CRS units (metres, if projected) per raster pixel; None: each scene's own."""
    levels: tuple[int, ...] = (1,)
    """Sizes of chips as multiples of ``chip_px``, ascending, 1 first: what is large is found on
    large chips, which are reduced to the model's square like all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An acquired image: a STAC Item and its asset."""

    id: str
    """Stable id: derived from the path below the indexed folder."""
    path: str
    """Where the raster lies."""
    width: int
    """Columns."""
    height: int
    """Rows."""
    bands: int
    """Bands in the file."""
    dtype: str
    """Sample type such as ``uint8``."""
    crs: str | None
    """CRS as an authority code or WKT; None for images without georeference."""
    transform: tuple[float, float, float, float, float, float]
    """Affine (a, b, c, d, e, f): x = a·column + b·row + c, y = d·column + e·row + f."""
    nodata: float | None
    """Declared nodata value."""
    datetime: datetime | None
    """Acquisition time, UTC, timezone-aware; None where unknown."""
    digest: str
    """Changes with the file (size, modification time, header bytes) and with its date."""
    band_names: tuple[str, ...] = ()
    """What each band is called, such as ``B04`` or ``red``; empty: not known."""
    assets: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Where each band lies, by its name, where bands are files of their own; empty: all of them lie
    at ``path``."""
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What else is known, by STAC's names: ``platform``, ``eo:cloud_cover`` …"""
    hosts: tuple[str, ...] = ()
    """Where assets on other machines may be read from, as `reference_hosts` of the settings; empty:
    only files on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A square window of a scene that is embedded and found."""

    id: str
    """``<scene id>/<cell>``: the same cell of the grid has the same name at every date."""
    scene_id: str
    """Scene from which it is cut."""
    cell: str
    """Grid cell, the same for the same place at every date and sensor of a collection."""
    scene_path: str
    """Where the scene's raster lies."""
    window: Window
    """Pixels of the scene."""
    footprint: GeoJSON | None
    """GeoJSON (Multi)Polygon on WGS 84, split at the antimeridian; None without georeference."""
    datetime: datetime | None
    """Acquisition time, UTC, timezone-aware; None where unknown."""
    valid_fraction: float
    """Share of measured pixels, 0–1."""
    level: int = 1
    """Size as a multiple of the grid's ``chip_px``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How pixels become the image tower's tensor; the defaults are SigLIP's."""

    resize: Literal["squash", "crop"] = "squash"
    """``squash``: both edges to the size; ``crop``: the short edge, then the middle square."""
    resample: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bicubic"
    """Filter of the resize, Pillow's."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Subtracted from each channel once scaled to 0–1."""
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """What each channel is divided by after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenization:
    """How words become the text tower's ids; the defaults are SigLIP's."""

    case: Literal["canonical", "lower", "kept"] = "canonical"
    """``canonical``: lower case, no ASCII punctuation, single spaces (SigLIP); ``lower``: lower
    case alone; ``kept``: as written, where the tokenizer's own normaliser does what is needed."""
    begin: str | None = None
    """Token in front of every text; None: none."""
    end: str = "</s>"
    """Token behind every text, kept when the text is cut to the context length."""
    pad: str = "</s>"
    """Token that fills a text up to exactly the context length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a model is."""

    name: str
    """Name such as ``satseek-starter`` or ``git-rsclip-base``."""
    version: str
    """First 12 hex digits of the SHA-256 over weights and tokenizer."""
    dim: int
    """Length of a vector."""
    image_size: int
    """Edge in pixels of the square that the image tower takes."""
    context_length: int
    """Tokens that the text tower takes; every text is padded to exactly this."""
    logit_scale: float
    """Natural logarithm of the factor on the cosine, as SigLIP stores it."""
    logit_bias: float
    """Added to the scaled cosine."""
    precision: str
    """Stored as ``float32``, ``float16``, ``bfloat16``, ``int8`` or ``mixed`` (int8 and float)."""
    licences: Mapping[str, str] = field(default_factory=dict)
    """Licence by part: ``weights``, ``training data``, ``use``."""
    training_data: str = ""
    """What it was trained on."""
    accuracy: Mapping[str, float] = field(default_factory=dict)
    """Measured figures by name."""
    family: Literal["siglip", "clip"] = "siglip"
    """Architecture: SigLIP (1, and 2 at a fixed resolution) or CLIP."""
    score_head: Literal["sigmoid", "softmax"] = "sigmoid"
    """What the logits were trained under; under ``softmax`` there is no match, only shares."""
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    """How pixels become the tensor; part of the version."""
    tokenization: Tokenization = field(default_factory=Tokenization)
    """How words become ids; part of the version."""
    source: Mapping[str, str] = field(default_factory=dict)
    """Where the weights came from: ``kind``, ``id``, ``revision``, ``digest`` (SHA-256)."""
    parent: str = ""
    """Version that this one was quantized from; empty for one that was not."""

    @property
    def ref(self) -> str:
        """``name@version``: how a person, a store and an answer name it."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which chips may answer."""

    area: GeoJSON | None = None
    """AOI: GeoJSON (Multi)Polygon on WGS 84; a chip passes where its footprint intersects."""
    start: datetime | None = None
    """Earliest acquisition time, inclusive; chips without a date do not pass."""
    end: datetime | None = None
    """Latest acquisition time, inclusive; chips without a date do not pass."""
    scene_ids: tuple[str, ...] = ()
    """Only chips of these scenes; empty: any."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Only chips of scenes whose properties are so: a value, or bounds such as ``{"lte": 20}``
    (``eq``, ``ne``, ``lt``, ``lte``, ``gt``, ``gte``, ``in``); empty: any."""
    levels: tuple[int, ...] = ()
    """Only chips of these sizes; empty: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One chip that answers a query."""

    chip: Chip
    """What was found."""
    rank: int
    """1 is the best."""
    scores: Mapping[ScoreKind, float]
    """By kind; see docs/concepts/scores.md. Never a confidence."""
    collection: str = ""
    """Where it was found, where several collections were asked together; empty: the one asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelScore:
    """How one label fits one image."""

    label: str
    """As asked, or ``none of these``."""
    scores: Mapping[ScoreKind, float]
    """By kind: ``cosine``, ``match`` (independent; none of a model trained under a softmax),
    ``share`` (over labels and “none of these”)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One file that could not be used, counted and listed instead of stopping the folder."""

    path: str
    """File."""
    reason: str
    """One line."""
    kind: str
    """Name of the error class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is looked for: words, an image, chips, or any of them together."""

    text: str | None = None
    """Words; None: no words."""
    prompts: tuple[str, ...] = ()
    """More words for the same, averaged with them."""
    negatives: tuple[str, ...] = ()
    """Words for what is mistaken for it."""
    image: Pixels | None = None
    """Example image; None: no image."""
    liked: tuple[str, ...] = ()
    """Ids of chips that show what is looked for."""
    disliked: tuple[str, ...] = ()
    """Ids of chips that show what is not looked for."""
    where: Filter = field(default_factory=Filter)
    """Which chips may answer."""
    k: int = 10
    """Number of hits wanted; positive."""
    least: float | None = None
    """Least percentile of a hit against the collection's background, 0–100; None: the best ``k``
    whatever they are."""
    group_by: GroupBy | None = None
    """Of the hits that share it only the best is kept; None: every chip for itself."""
    duplicate_cosine: float | None = None
    """Cosine with a better hit from which a hit is left out as its near-duplicate, 0–1; None: none
    is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """A query that was saved under a name, to be asked again, by people and by watches."""

    name: str
    """Name: letters, digits and ``-_.``, at most 64."""
    version: int
    """1 for the first one saved under the name; each change is another version."""
    prompts: tuple[str, ...]
    """Words for it, averaged; may be empty where chips are liked."""
    negatives: tuple[str, ...] = ()
    """Words for what is mistaken for it."""
    liked: tuple[str, ...] = ()
    """Chips that show it: ``collection/chip id``."""
    disliked: tuple[str, ...] = ()
    """Chips that do not, however near they came."""
    notes: str = ""
    """What its author says of it."""
    least: float | None = None
    """Least percentile of its hits, 0–100; None: no cut."""
    created: datetime | None = None
    """When this version was saved, UTC."""
