"""Where a report comes from → its last section, the same in every report.

Knows nothing of what was found.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING

from satseek.monitor.reports.blocks import Column, Facts, Table, Text
from satseek.monitor.reports.report import SceneUsed, Section
from satseek.monitor.reports.words import day, minute, word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from satseek.monitor.reports.blocks import Block
    from satseek.monitor.reports.report import Language, Provenance, Report
    from satseek.types import GridSpec, Recipe, Scene

SHORT_DIGEST = 16
"""Characters of a scene's digest that are printed: enough to tell files apart."""


def software() -> str:
    """Name the program and its version."""
    return f"satseek {version('satseek')}"


def recipe_name(recipe: Recipe) -> str:
    """Name a recipe with its version."""
    return f"{recipe.name}, version {recipe.version}"


def grid_name(grid: GridSpec) -> str:
    """Tell a grid's projection, edge and step."""
    pixel = "" if grid.pixel_size is None else f" of {grid.pixel_size:g}"
    crs = grid.crs or "CRS of each scene"
    return f"{crs}, cells of {grid.chip_px} pixels{pixel}, every {grid.stride_px} pixels"


def scenes_used(scenes: Iterable[Scene], *, role: str = "") -> tuple[SceneUsed, ...]:
    """List scenes on which a report rests, by date, those without one last."""
    used = [SceneUsed(id=one.id, date=one.datetime, digest=one.digest, role=role) for one in scenes]
    return tuple(sorted(used, key=lambda one: (one.date is None, day(one.date), one.id)))


def short_digest(digest: str) -> str:
    """Give the beginning of a hexadecimal digest; of other text, its SHA-256's."""
    plain = all(sign in "0123456789abcdef" for sign in digest)
    whole = digest if plain else hashlib.sha256(digest.encode()).hexdigest()
    return whole[:SHORT_DIGEST]


def made_line(made: Provenance, language: Language) -> str:
    """Say when a report was made, and by whom where that is known."""
    when = f"{word('made', language)} {minute(made.made_at)}"
    return f"{when} · {word('operator', language)} {made.operator}" if made.operator else when


def provenance_section(report: Report, *, digest: str) -> Section:
    """Write down where a report comes from, and the digest of what it says."""
    made, language = report.provenance, report.language
    blocks: tuple[Block, ...] = (
        _facts(made, language, digest),
        *_prompts(made, language),
        *_thresholds(made, language),
        *_scenes(made, language),
        Text(paragraphs=(word("digest_note", language),)),
    )
    return Section(title=word("provenance", language), blocks=blocks, begins_page=True)


def _facts(made: Provenance, language: Language, digest: str) -> Facts:
    named = (
        ("made", minute(made.made_at)),
        ("operator", made.operator),
        ("software", made.software),
        ("command", made.command),
        ("collection", made.collection),
        ("model", made.model),
        ("recipe", made.recipe),
        ("grid", made.grid),
        ("inputs_digest", made.inputs_digest),
        ("report_digest", digest),
    )
    own = tuple((word(name, language), value) for name, value in named)
    return Facts(rows=(*own[:-2], *made.facts, *own[-2:]))


def _prompts(made: Provenance, language: Language) -> tuple[Table, ...]:
    if not made.prompts:
        return ()
    columns = (
        Column(name=word("label", language), weight=1.0),
        Column(name=word("prompt", language), weight=3.0),
    )
    return (Table(caption=word("prompts", language), columns=columns, rows=made.prompts),)


def _thresholds(made: Provenance, language: Language) -> tuple[Table, ...]:
    if not made.thresholds:
        return ()
    columns = (
        Column(name=word("threshold", language), weight=1.4),
        Column(name=word("value", language)),
        Column(name=word("origin", language), weight=2.2),
    )
    rows = tuple((one.name, one.value, one.origin) for one in made.thresholds)
    return (Table(caption=word("thresholds", language), columns=columns, rows=rows),)


def _scenes(made: Provenance, language: Language) -> tuple[Table, ...]:
    if not made.scenes:
        return ()
    has_roles = any(one.role for one in made.scenes)
    columns = (
        Column(name=word("scene", language), weight=2.2),
        Column(name=word("date", language)),
        *((Column(name=word("role", language)),) if has_roles else ()),
        Column(name=word("digest", language), weight=1.4),
    )
    rows = tuple(
        (one.id, one.date, *((one.role,) if has_roles else ()), short_digest(one.digest))
        for one in made.scenes
    )
    return (Table(caption=word("scenes", language), columns=columns, rows=rows),)
