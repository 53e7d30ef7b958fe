"""What a scene says of itself → the sensor that made it, its bands' names, and the product.

Does not know files, samples or recipes. Nothing is guessed from values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensor:
    """A sensor's bands."""

    name: str
    """Such as ``sentinel-2``."""
    bands: Mapping[str, str]
    """Name of a band in products, by its common name (STAC's electro-optical extension)."""
    stacks: tuple[tuple[str, ...], ...] = ()
    """Names of bands in the order of files that hold so many and name none; common names do too."""

    def names_of(self, asked: str) -> tuple[str, ...]:
        """Every name of the band that is called ``asked``, which comes first."""
        wanted = plain(asked)
        band = next(
            (one for pair in self.bands.items() for one in pair[1:] if wanted in map(plain, pair)),
            None,
        )
        commons = [common for common, name in self.bands.items() if name == band]
        return tuple(dict.fromkeys((asked, *([band] if band else ()), *commons)))


# Common names: https://github.com/stac-extensions/eo, "Common Band Names"; bands of Sentinel-2:
# its Products Specification Document; of Landsat: USGS, "What are the band designations for the
# Landsat satellites?"; of NAIP: USGS/USDA, "NAIP quarter quadrangle", four bands.
_MSI = {
    "coastal": "B01",
    "blue": "B02",
    "green": "B03",
    "red": "B04",
    "rededge071": "B05",
    "rededge075": "B06",
    "rededge078": "B07",
    "nir": "B08",
    "nir08": "B8A",
    "nir09": "B09",
    "cirrus": "B10",
    "swir16": "B11",
    "swir22": "B12",
}
_MSI_ALL = tuple(_MSI.values())

SENTINEL_2 = Sensor(
    name="sentinel-2",
    bands=_MSI,
    stacks=(
        _MSI_ALL,
        tuple(band for band in _MSI_ALL if band != "B10"),  # Level-2A has no cirrus band
        tuple(band for band in _MSI_ALL if band not in {"B01", "B09", "B10"}),  # without 60 m
    ),
)
LANDSAT_OLI = Sensor(
    name="landsat-oli",
    bands={
        "coastal": "B1",
        "blue": "B2",
        "green": "B3",
        "red": "B4",
        "nir": "B5",
        "nir08": "B5",
        "swir16": "B6",
        "swir22": "B7",
        "pan": "B8",
        "cirrus": "B9",
        "lwir11": "B10",
        "lwir12": "B11",
    },
    stacks=(("B1", "B2", "B3", "B4", "B5", "B6", "B7"),),
)
LANDSAT_TM = Sensor(
    name="landsat-tm",
    bands={
        "blue": "B1",
        "green": "B2",
        "red": "B3",
        "nir": "B4",
        "nir08": "B4",
        "swir16": "B5",
        "lwir": "B6",
        "swir22": "B7",
        "pan": "B8",
    },
    stacks=(("B1", "B2", "B3", "B4", "B5", "B7"),),
)
NAIP = Sensor(
    name="naip",
    bands={name: name for name in ("red", "green", "blue", "nir")},
    stacks=(("red", "green", "blue", "nir"), ("red", "green", "blue")),
)

_PLATFORMS = (
    (re.compile(r"sentinel[-_ ]?2[a-d]?"), SENTINEL_2),
    (re.compile(r"landsat[-_ ]?[89]"), LANDSAT_OLI),
    (re.compile(r"landsat[-_ ]?[457]"), LANDSAT_TM),
)
"""Sensor by STAC's ``platform``, lower case."""

_SENTINEL_2_NAME = re.compile(
    r"(?<![A-Z0-9])S2([A-D])_(?:MSI(L1C|L2A)_\d{8}T\d{6}(?:_N(\d{2})(\d{2}))?|"
    r"\d{2}[A-Z]{3}_\d{8}_\d+_(L1C|L2A)(?![A-Z0-9]))"
)
"""ESA's compact naming convention, such as S2B_MSIL2A_20230111T121649_N0509_R066_T27PTS_…; and
Earth Search's ids, such as S2B_52SFA_20220126_0_L2A."""

_LANDSAT_NAME = re.compile(
    r"(?<![A-Z0-9])L[CTEO]0([45789])_(L2S[PR])_\d{6}_\d{8}_(?:\d{8}_)?(\d{2})_(?:T1|T2|RT)"
)
"""Landsat Collection 2 product identifier, such as LC08_L2SP_196024_20210905_20210910_02_T1."""

_NAIP_NAME = re.compile(r"(?<![A-Za-z0-9])m_\d{7}_[ns][ew]_\d{2}_(?:h|\d{1,3})_\d{8}")
"""A quarter quadrangle of the National Agriculture Imagery Program."""


_SHIFTED_BASELINE = 4.0

_MEANT = (("sentinel2", SENTINEL_2), ("naip", NAIP))

_SENTINEL_2_LEVELS = {"1C": "sentinel2-l1c", "2A": "sentinel2-l2a"}
"""Recipe by the end of ``processing:level`` (L2A) or ``s2:product_type`` (S2MSI2A)."""


def plain(name: str) -> str:
    """Spell a band's name as it is compared: ``SR_B4``, ``B04`` and ``b4`` are the same."""
    return re.sub(r"^(?:sr_|oli_|etm_|tm_|msi_)?b(?:and)?[ _-]?0*(?=\d)", "b", name.strip().lower())


def named_properties(text: str) -> dict[str, Any]:
    """What a path or an id says of its scene, by STAC's names; empty: nothing that is known."""
    if found := _SENTINEL_2_NAME.search(text):
        unit, level, major, minor, other = found.groups()
        known = {"platform": f"sentinel-2{unit.lower()}", "processing:level": level or other}
        return known | ({"s2:processing_baseline": f"{major}.{minor}"} if major else {})
    if found := _LANDSAT_NAME.search(text):
        number, correction, collection = found.groups()
        return {
            "platform": f"landsat-{number}",
            "landsat:correction": correction,
            "landsat:collection_number": collection,
        }
    return {"mission": "naip"} if _NAIP_NAME.search(text) else {}


def sensor_of(properties: Mapping[str, Any]) -> Sensor | None:
    """Name the sensor of a scene by its properties; None: they do not say."""
    platform = str(properties.get("platform") or properties.get("constellation") or "").lower()
    for pattern, sensor in _PLATFORMS:
        if pattern.fullmatch(platform):
            return sensor
    told = properties.get("mission") == "naip" or "naip:state" in properties
    return NAIP if told else None


def product_of(properties: Mapping[str, Any]) -> str:
    """Name the product that a scene says it is: the name of the recipe for it, or nothing."""
    sensor = sensor_of(properties)
    if sensor is SENTINEL_2:
        level = str(properties.get("processing:level") or properties.get("s2:product_type") or "")
        return _SENTINEL_2_LEVELS.get(level[-2:].upper(), "")
    if sensor is LANDSAT_OLI or sensor is LANDSAT_TM:
        corrected = properties.get("landsat:correction") in {"L2SP", "L2SR"}
        second = str(properties.get("landsat:collection_number", "")).lstrip("0") == "2"
        return "landsat-c2-l2" if corrected and second else ""
    return "naip" if sensor is NAIP else ""


def offset_is_applied(properties: Mapping[str, Any]) -> str:
    """Name the property that says that an archive took Sentinel-2's offset off; empty: none does.

    Such items may still declare the offset; Earth Search's maintainers hold the flag for the truth.
    """
    names = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")
    return next((name for name in names if properties.get(name) is True), "")


def baseline_offset(properties: Mapping[str, Any]) -> tuple[float | None, str]:
    """Reflectance of a Sentinel-2 sample of 0, and the property that tells; None: none does.

    Since processing baseline 04.00 (25 January 2022) 1000 is added to every sample, in reprocessed
    older scenes too, so that the date tells nothing (ESA, Sentinel-2 Products Specification
    Document, RADIO_ADD_OFFSET and BOA_ADD_OFFSET).
    """
    for name in ("s2:processing_baseline", "processing:version", "sentinel:processing_baseline"):
        baseline = _number(properties.get(name))
        if baseline is not None:
            return (-0.1 if baseline >= _SHIFTED_BASELINE else 0.0), name
    return None, ""


def sensor_meant(recipe: str, names: Sequence[str]) -> Sensor | None:
    """Name the sensor that a recipe is for; ``names`` are the scene's bands, may be empty each."""
    if recipe.startswith("landsat"):
        later = "b6" in map(plain, names) or len(names) == len(LANDSAT_OLI.stacks[0])
        return LANDSAT_OLI if later else LANDSAT_TM
    return next((one for word, one in _MEANT if recipe.startswith(word)), None)


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
