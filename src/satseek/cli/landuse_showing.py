"""What came of a land-use run → tables and JSON on a terminal.

Knows no verb.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from satseek.cli.printing import print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.monitor.labels.labelling import LabelSet
    from satseek.monitor.landuse.finishing import Done
    from satseek.monitor.landuse.landuse import LandUse
    from satseek.monitor.landuse.running import Asked

SHOWN = 10
"""Changes that a terminal lists; the files have all of them."""


def show_done(done: Done, asked: Asked) -> None:
    """Print areas at the first and the last date, the largest changes, and where the files lie."""
    for note in asked.notes:
        say(f"  {note}")
    if done.found is None:
        say(
            "nothing of it has a date and lies on the ground: wrote "
            f"{len(done.images)} images into {done.folder / 'images.csv'}, and no map"
        )
        return
    _show_areas(done.found)
    _show_changes(done)
    places = f"{len(done.findings)} places changed, {done.news} of them news"
    say(f"{places}; {len(done.files)} files in {done.folder}")
    if done.findings:
        say(f"look through them: satseek findings next --kind landuse --source {asked.name}")


def facts_of(done: Done) -> dict[str, Any]:
    """Give what came of a run as JSON holds it."""
    from satseek.monitor.landuse.areas import areas_by_class  # noqa: PLC0415 - slow to load

    found = done.found
    facts: dict[str, Any] = {
        "folder": done.folder,
        "images": len(done.images),
        "files": done.files,
        "findings": [one.id for one in done.findings],
        "news": done.news,
    }
    if found is None:
        return facts | {"dates": []}
    areas = areas_by_class(found)
    return facts | {
        "collection": found.collection,
        "model": found.model,
        "label_set": found.labels.name,
        "dates": found.dates,
        "area_ha": {
            date: dict(zip(found.names, map(float, own), strict=True))
            for date, own in zip(found.dates, areas, strict=True)
        },
        "groundless": found.groundless,
        "undated": found.series.undated,
    }


def show_sets(sets: Sequence[LabelSet], *, json: bool) -> None:
    """List label sets."""
    if json:
        print_json({"label_sets": [_set_facts(one) for one in sets]})
        return
    rows = [
        [one.name, str(len(one.labels)), one.names.get("en", ""), one.names.get("zh", "")]
        for one in sets
    ]
    print_table(["label set", "labels", "what", "名称"], rows)


def show_labels(labels: LabelSet, *, json: bool) -> None:
    """Show the labels of one set with their prompts."""
    if json:
        print_json(_set_facts(labels))
        return
    rows = [[one.name, one.called("zh"), "; ".join(one.prompts)] for one in labels.labels]
    print_table(["label", "名称", "prompts"], rows)


def _set_facts(labels: LabelSet) -> dict[str, Any]:
    return {
        "name": labels.name,
        "names": labels.names,
        "labels": labels.labels,
        "distractors": labels.distractors,
        "templates": labels.templates,
        "digest": labels.digest,
    }


def _show_areas(found: LandUse) -> None:
    from satseek.monitor.landuse.areas import areas_by_class, shares_of  # noqa: PLC0415 - slow
    from satseek.monitor.landuse.words import hectares, percent  # noqa: PLC0415

    areas = areas_by_class(found)
    shares = shares_of(areas)
    dates = sorted({0, len(found.dates) - 1})
    head = ["class"]
    for date in dates:
        head += [f"{found.dates[date]} (ha)", "share"]
    rows = []
    for at, name in enumerate(found.names):
        row = [name]
        for date in dates:
            row += [hectares(float(areas[date, at])), percent(float(shares[date, at]))]
        rows.append(row)
    print_table(head, rows)


def _show_changes(done: Done) -> None:
    from satseek.monitor.landuse.areas import flow  # noqa: PLC0415 - slow to load
    from satseek.monitor.landuse.words import hectares  # noqa: PLC0415

    found = done.found
    if found is None or len(found.dates) == 1:
        return
    whole = flow(found, 0, len(found.dates) - 1)
    say(
        f"{hectares(whole.changed_ha)} of {hectares(whole.total_ha)} ha that both dates saw "
        f"changed from {whole.before} to {whole.after}:"
    )
    for before, after, area in whole.largest(SHOWN):
        say(f"  {hectares(area)} ha  {before} → {after}")
