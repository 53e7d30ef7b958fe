"""Parts of an assessment → tables and maps of its report. Does not know pages."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from satseek.monitor.damage.tables import LIGHTS
from satseek.monitor.damage.words import text, why
from satseek.monitor.reports.blocks import Column, Entry, Map, Mark, Shape, Table
from satseek.monitor.reports.palette import SIGNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from satseek.monitor.damage.assessment import ParcelDamage
    from satseek.monitor.damage.grading import Light
    from satseek.monitor.damage.parcels import Problem
    from satseek.monitor.damage.survey import Visit
    from satseek.monitor.damage.tables import RollUp
    from satseek.monitor.reports.blocks import Backdrop, Cell, Colour, Tone
    from satseek.monitor.reports.report import Language

TONES: Final[Mapping[Light, Tone]] = {
    "red": "bad",
    "amber": "warning",
    "green": "good",
    "insufficient evidence": "unknown",
}

COLOURS: Final[Mapping[Light, Colour]] = {
    "red": (204, 51, 17),
    "amber": (238, 170, 51),
    "green": (34, 136, 51),
    "insufficient evidence": (120, 120, 120),
}
"""Of a scheme for all kinds of colour vision; legend and tables say the words as well."""

MOST_LABELS: Final = 60
"""Parcels that are named on a map; more would hide it."""


def told_columns(table: Table) -> Table:
    """Leave out columns that say nothing: what no row of a list of parcels tells."""
    rows = table.rows if table.total is None else (*table.rows, table.total)
    kept = [
        at for at in range(len(table.columns)) if any(row[at] not in {None, ""} for row in rows)
    ] or [0]
    return replace(
        table,
        columns=tuple(table.columns[at] for at in kept),
        rows=tuple(tuple(row[at] for at in kept) for row in table.rows),
        total=None if table.total is None else tuple(table.total[at] for at in kept),
    )


def light_mark(light: Light, language: Language) -> Mark:
    """Show a light by its word."""
    return Mark(text=text(light, language), tone=TONES[light])


def parcels_map(
    damages: Sequence[ParcelDamage],
    *,
    backdrop: Backdrop | None,
    language: Language,
    attribution: str = "",
) -> Map:
    """Show parcels by their light over what was seen after the event."""
    counts = Counter(one.light for one in damages)
    named = len(damages) <= MOST_LABELS
    return Map(
        title=text("map_title", language),
        alt=text(
            "map_alt",
            language,
            count=len(damages),
            red=counts["red"],
            amber=counts["amber"],
            green=counts["green"],
            grey=counts["insufficient evidence"],
        ),
        shapes=tuple(
            Shape(
                geometry=one.parcel.geometry,
                entry=one.light,
                label=_label(one, is_named=named or one.light == "red"),
            )
            for light in reversed(LIGHTS)
            for one in damages
            if one.light == light
        ),
        legend=tuple(
            Entry(
                key=light,
                label=f"{SIGNS[TONES[light]]} {text(light, language)}: "
                f"{text(f'light_{light}', language)}",
                colour=COLOURS[light],
            )
            for light in LIGHTS
        ),
        backdrop=backdrop,
        attribution=attribution,
    )


def _label(one: ParcelDamage, *, is_named: bool) -> str:
    """Mark a parcel by its light's sign, which black and white show, too; green has none."""
    sign = "" if one.light == "green" else SIGNS[TONES[one.light]]
    return f"{sign} {one.parcel.id}".strip() if is_named else sign


def roll_up_table(rolled: Sequence[RollUp], total: RollUp, name: str, language: Language) -> Table:
    """Show sums by policy or district, and all of them.

    Args:
        rolled: Sums.
        total: All parcels.
        name: ``policy`` or ``district``.
        language: Of its texts.
    """
    table = Table(
        caption=text("policies_table" if name == "policy" else "districts_table", language),
        columns=(
            Column(name=text(name, language), weight=2.0),
            Column(name=text("parcels", language), kind="number"),
            Column(name=text("area", language), kind="number", decimals=2),
            Column(name=text("insured", language), kind="number", decimals=2),
            Column(name=text("affected_ha", language), kind="number", decimals=2),
            Column(name=text("share", language), kind="share"),
            *(Column(name=text(light, language), kind="number") for light in LIGHTS),
        ),
        rows=tuple(_row(one, one.name or text("not_told", language)) for one in rolled),
        total=_row(total, text("all", language)),
        note=text("limit_grey", language) if total.lights["insufficient evidence"] else "",
    )
    return told_columns(table)


def visits_table(visits: Sequence[Visit], *, seed: int, language: Language) -> Table:
    """Show whom surveyors should visit, in order."""
    table = Table(
        caption=text("visits_table", language),
        columns=(
            Column(name=text("number", language), kind="number", weight=0.5),
            Column(name=text("parcel", language)),
            Column(name=text("policy", language)),
            Column(name=text("district", language)),
            Column(name=text("light", language)),
            Column(name=text("task", language), weight=1.6),
            Column(name=text("why", language), weight=2.6),
        ),
        rows=tuple(
            (
                one.number,
                one.damage.parcel.id,
                one.damage.parcel.policy,
                one.damage.parcel.district or None,
                light_mark(one.damage.light, language),
                text(f"task_{one.damage.light}", language),
                why(one.damage, language),
            )
            for one in visits
        ),
        note=text("visits_note", language, seed=seed),
    )
    return told_columns(table)


def problems_table(problems: Sequence[Problem], language: Language) -> Table:
    """Show what was odd about the list of parcels."""
    return Table(
        caption=text("odd_table", language),
        columns=(
            Column(name=text("row", language), kind="number", weight=0.5),
            Column(name=text("parcel", language)),
            Column(name=text("kind", language)),
            Column(name=text("what", language), weight=3.0),
        ),
        rows=tuple(
            (one.row, one.id, text(f"kind_{one.kind}", language), one.what) for one in problems
        ),
    )


def _row(one: RollUp, name: str) -> tuple[Cell, ...]:
    counts = (one.lights[light] for light in LIGHTS)
    affected = one.affected_ha if one.judged_ha else None
    figures = (one.parcels, one.area_ha, one.insured_ha, affected, one.affected_share)
    return (name, *figures, *counts)
