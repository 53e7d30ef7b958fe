"""A made-up county: imagery at two dates that looks like the real thing, and its ground truth.

It does not know about models, indexes or searches.
"""

from satseek.imagery.county.inventory import COVERS, GENERATOR_VERSION, OBJECTS
from satseek.imagery.county.making import make_county
from satseek.imagery.county.truth import (
    Truth,
    dominant_class,
    read_truth,
    truth_objects,
    truth_shares,
)
from satseek.imagery.county.writing import CountyManifest, SceneEntry, read_manifest

__all__ = [
    "COVERS",
    "GENERATOR_VERSION",
    "OBJECTS",
    "CountyManifest",
    "SceneEntry",
    "Truth",
    "dominant_class",
    "make_county",
    "read_manifest",
    "read_truth",
    "truth_objects",
    "truth_shares",
]
