"""What is asked of a collection → its spec, or a refusal where it was made otherwise.

Knows neither where collections lie nor who asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import GridMismatch, ModelMismatch, RecipeMismatch
from satseek.index.collection import CollectionSpec
from satseek.types import GridSpec, Recipe

if TYPE_CHECKING:
    from satseek.types import ModelCard

DEFAULT_GRID = GridSpec(crs=None, chip_px=256, stride_px=256, pixel_size=None)
"""Chips of 256 px side by side: Git-RSCLIP's own input edge, so nothing is thrown away."""

DEFAULT_MIN_VALID = 0.5
"""A chip that is half empty or more would be found for its emptiness."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a new collection cuts and stretches; what is None follows the collection or default."""

    recipe: Recipe | None = None
    """Radiometric recipe."""
    grid: GridSpec | None = None
    """Chip lattice."""
    min_valid: float | None = None
    """Smallest valid fraction of a chip, 0–1."""


def new_spec(name: str, card: ModelCard, layout: Layout) -> CollectionSpec:
    """Say what a collection will be, once its grid is known to make sense."""
    # rasterio is slow to load, and only a new collection needs it here
    from satseek.imagery.grid import check_grid  # noqa: PLC0415
    from satseek.imagery.recipes import recipe_named  # noqa: PLC0415

    grid = layout.grid or DEFAULT_GRID
    check_grid(grid)
    return CollectionSpec(
        name=name,
        model_name=card.name,
        model_version=card.version,
        dim=card.dim,
        recipe=layout.recipe or recipe_named("auto"),
        grid=grid,
        min_valid=DEFAULT_MIN_VALID if layout.min_valid is None else layout.min_valid,
    )


def check_model(spec: CollectionSpec, card: ModelCard) -> None:
    """Refuse to add vectors of another model than the collection's.

    Raises:
        ModelMismatch: the versions differ; says what can be done.
    """
    if (spec.model_name, spec.model_version) != (card.name, card.version):
        made_by = f"{spec.model_name}@{spec.model_version}"
        raise ModelMismatch(
            f"collection {spec.name!r} was made by {made_by}, the model in use is "
            f"{card.ref}, and vectors of two models do not compare: use "
            f"--model {made_by}, re-embed it with `satseek collection reembed {spec.name}`, "
            "or index into a new collection"
        )


def _label(recipe: Recipe) -> str:
    return f"{recipe.name}@{recipe.version}"


def check_layout(spec: CollectionSpec, layout: Layout) -> None:
    """Refuse another recipe or grid than the collection's.

    Raises:
        RecipeMismatch, GridMismatch: what is asked differs from what the collection is.
    """
    if layout.recipe is not None and layout.recipe != spec.recipe:
        raise RecipeMismatch(
            f"collection {spec.name!r} uses recipe {_label(spec.recipe)}, asked was "
            f"{_label(layout.recipe)}; vectors of two recipes do not compare: use a new "
            "collection, or name no recipe to go on with the collection's"
        )
    differs = layout.min_valid is not None and layout.min_valid != spec.min_valid
    if differs or (layout.grid is not None and layout.grid != spec.grid):
        raise GridMismatch(
            f"collection {spec.name!r} lies on chips of {spec.grid.chip_px} px every "
            f"{spec.grid.stride_px} px at levels {', '.join(map(str, spec.grid.levels))}, valid "
            f"from {spec.min_valid}; asked was another lattice: "
            "use a new collection"
        )
