"""Vectors and chips → the nearest chips under a filter.

Does not know models, rasters, or any door.
"""

from satseek.index.collection import (
    Collection,
    CollectionSpec,
    CollectionStats,
    PlanLimits,
    SceneBlock,
    SceneProgress,
    create_collection,
    list_collections,
    open_collection,
)
from satseek.index.exact import ExactIndex
from satseek.index.filters import bbox_area, check_area, check_filter
from satseek.index.protocol import Explanation, Found, Index, QueryKind, Searchable, Way
from satseek.index.tuning import Effort, Tuning

__all__ = [
    "Collection",
    "CollectionSpec",
    "CollectionStats",
    "Effort",
    "ExactIndex",
    "Explanation",
    "Found",
    "Index",
    "PlanLimits",
    "QueryKind",
    "SceneBlock",
    "SceneProgress",
    "Searchable",
    "Tuning",
    "Way",
    "bbox_area",
    "check_area",
    "check_filter",
    "create_collection",
    "list_collections",
    "open_collection",
]
