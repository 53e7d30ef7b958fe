"""``satseek assess``: insured parcels and imagery → what is affected, whom to visit, claim sheets.

Knows only the use-case.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from satseek.cli.application import Json, app, assembly, configured
from satseek.cli.detaching import Detach, Key, Priority, asked_of, detached, wants_job
from satseek.cli.placing import check_data_dir
from satseek.cli.printing import MAX_LISTED, print_json, print_table, progress_bar, say
from satseek.cli.recording import command_line, operator
from satseek.jobs.naming import placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satseek.monitor.damage.asking import Said
    from satseek.monitor.damage.assessment import Assessment
    from satseek.monitor.damage.finishing import Done

Kinds = list[str] | None


@app.command()
def assess(
    context: typer.Context,
    parcels: Annotated[
        Path, typer.Argument(help="Parcels: GeoPackage, GeoJSON, Shapefile (.zip), GeoParquet …")
    ],
    *,
    after: Annotated[
        str,
        typer.Option(
            help="Imagery after the event: a folder, scene or STAC document; or a period of the "
            "collection, such as 2025-08 or 2025-08-20/2025-09-10."
        ),
    ],
    before: Annotated[
        str | None, typer.Option(help="Imagery before it, likewise. [default: after alone]")
    ] = None,
    hazard: Annotated[
        str,
        typer.Option(
            help="flood, drought, hail, pests, fire or wind; or a .json or .toml file of labels."
        ),
    ] = "flood",
    affected: Annotated[
        Kinds,
        typer.Option(
            metavar="NAME[=PROMPT;PROMPT]", help="A label of your own that is damage; repeat it."
        ),
    ] = None,
    sound: Annotated[
        Kinds,
        typer.Option(metavar="NAME[=PROMPT;PROMPT]", help="One that is no damage; repeat it."),
    ] = None,
    hidden: Annotated[
        Kinds,
        typer.Option(
            metavar="NAME[=PROMPT;PROMPT]", help="One that hides the ground. [default: clouds]"
        ),
    ] = None,
    event: Annotated[
        str | None, typer.Option(metavar="DAY", help="Date of the event, such as 2025-08-20.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the results. [default: ./NAME-damage]"),
    ] = None,
    name: Annotated[
        str, typer.Option(help="Of the assessment: its findings go by it.")
    ] = "assessment",
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            "-c",
            help="Collection of the imagery; made for folders. [default: the assessment's name]",
        ),
    ] = None,
    grades: Annotated[
        Path | None, typer.Option(help="Table of losses (.toml). [default: a usual one]")
    ] = None,
    least_seen: Annotated[
        float, typer.Option(min=0, max=1, help="Share of a parcel that must be seen.")
    ] = 0.7,
    least_cells: Annotated[
        float, typer.Option(min=0, help="Cells that a parcel must be as large as.")
    ] = 2.0,
    most_days: Annotated[
        int, typer.Option(min=0, help="Days between before and after at most; 0: any.")
    ] = 550,
    most_days_after: Annotated[
        int, typer.Option(min=0, help="Days from the event to the imagery at most; 0: any.")
    ] = 30,
    neighbours: Annotated[
        int, typer.Option(min=1, help="Unaffected neighbours that a comparison takes.")
    ] = 5,
    step_quantile: Annotated[
        float,
        typer.Option(help="Of the steps of sound cells: an affected cell's step is larger."),
    ] = 0.975,
    policy_column: Annotated[
        str | None, typer.Option(help="Column of the policy id. [default: a usual name]")
    ] = None,
    parcel_column: Annotated[str | None, typer.Option(help="Column of the parcel id.")] = None,
    crop_column: Annotated[str | None, typer.Option(help="Column of the crop.")] = None,
    insured_column: Annotated[str | None, typer.Option(help="Column of the insured area.")] = None,
    insured_unit: Annotated[
        str, typer.Option(help="Of the insured area: ha, mu, acre or m2.")
    ] = "ha",
    district_column: Annotated[
        str | None, typer.Option(help="Column of the village or district.")
    ] = None,
    parcels_crs: Annotated[
        str | None, typer.Option(help="CRS of the parcels. [default: what the file names]")
    ] = None,
    layer: Annotated[
        str | None, typer.Option(help="Layer of the file. [default: its first]")
    ] = None,
    chip: Annotated[
        int | None, typer.Option(help="Chip edge in pixels. [default: by the parcels' sizes]")
    ] = None,
    stride: Annotated[
        int | None, typer.Option(help="Step from chip to chip. [default: half a chip]")
    ] = None,
    pixel_size: Annotated[
        float | None, typer.Option(help="Metres per pixel. [default: the coarsest of the scenes']")
    ] = None,
    crs: Annotated[
        str | None, typer.Option(help="CRS of the grid. [default: the scenes', or UTM]")
    ] = None,
    allow: Annotated[
        Kinds,
        typer.Option(
            metavar="HOST|s3://BUCKET|FOLDER",
            help="Where scenes of a STAC source may lie besides beside it; may be repeated.",
        ),
    ] = None,
    visits: Annotated[
        int, typer.Option(min=0, help="Parcels drawn for surveyors at most; 0: none.")
    ] = 20,
    seed: Annotated[int, typer.Option(min=0, help="By which they are drawn.")] = 0,
    formats: Annotated[
        Kinds,
        typer.Option(
            "--format",
            help="Of the tables: csv, xlsx, geojson, gpkg …; repeat it. [default: these four, as "
            "far as they are installed]",
        ),
    ] = None,
    report: Annotated[
        Kinds, typer.Option(help="html or pdf; may be repeated. [default: html]")
    ] = None,
    sheets: Annotated[
        Kinds,
        typer.Option("--sheet", help="A claim sheet for each policy: html or pdf; repeat it."),
    ] = None,
    language: Annotated[str, typer.Option(help="Of the report: en or zh.")] = "en",
    attribution: Annotated[
        str, typer.Option(help="Whose imagery it is, as its licence wants it.")
    ] = "",
    detach: Detach = False,
    priority: Priority = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Assess damage to parcels; run it again to go on, or when more imagery has come.

    Example: satseek assess parcels.gpkg --before ./june --after ./august --hazard flood
    """
    from satseek.monitor.damage.asking import Said  # noqa: PLC0415 (help must not wait for it)

    places = {"parcels": parcels, "after": after, "before": before, "hazard": hazard}
    said = Said(
        **placed("assess", {**places, "grades": grades}),
        name=name,
        collection=collection,
        affected=tuple(affected or ()),
        sound=tuple(sound or ()),
        hidden=tuple(hidden or ()),
        event=event,
        least_seen=least_seen,
        least_cells=least_cells,
        most_days_between=most_days or None,
        most_days_after=most_days_after or None,
        neighbours=neighbours,
        step_quantile=step_quantile,
        policy_column=policy_column,
        parcel_column=parcel_column,
        crop_column=crop_column,
        insured_column=insured_column,
        district_column=district_column,
        insured_unit=insured_unit,
        parcels_crs=parcels_crs,
        layer=layer,
        chip_px=chip,
        stride_px=stride,
        pixel_size=pixel_size,
        crs=crs,
        visits=visits,
        seed=seed,
        formats=tuple(formats or ()),
        reports=tuple(report or ("html",)),
        sheets=tuple(sheets or ()),
        language=_language(language),
        attribution=attribution,
        operator=operator().name,
        command=command_line(),
    )
    allowed = tuple(allow or ())
    if wants_job(detach, priority=priority, key=key):
        task = asked_of("assess", _fields(said, out, allowed))
        detached(context, task, priority=priority, key=key, json=json)
        return
    _run(context, said, out or Path(f"{name}-damage"), allowed, json=json)


def _fields(said: Said, out: Path | None, allowed: Sequence[str]) -> dict[str, Any]:
    """Name what was typed as a job does, which writes 0 days for any."""
    any_days = {
        name: 0 for name in ("most_days_between", "most_days_after") if getattr(said, name) is None
    }
    given = {name: value for name, value in asdict(said).items() if value is not None}
    told = {"allow": list(allowed), "out": None if out is None else str(out)}
    return given | any_days | {name: value for name, value in told.items() if value}


def _run(
    context: typer.Context, said: Said, out: Path, allowed: Sequence[str], *, json: bool
) -> None:
    from satseek.assemble.assessing import assessment_of  # noqa: PLC0415

    check_data_dir(configured(context).settings)
    with closing(assembly(context)) as parts, progress_bar("assessing") as show:
        done = assessment_of(
            said,
            parts=parts,
            folder=Path.cwd(),
            out=out,
            made_at=datetime.now(UTC),
            allowed=allowed,
            on_progress=show,
        )
    if json:
        print_json(_facts(done))
    else:
        _show(done)


def _facts(done: Done) -> dict[str, Any]:
    from satseek.monitor.damage.tables import in_all, parcel_features  # noqa: PLC0415

    assessment = done.assessment
    total = in_all(assessment)
    return {
        "name": assessment.name,
        "mode": assessment.mode,
        "collections": assessment.collections,
        "model": assessment.model,
        "label_set": assessment.labels.name,
        "parcels": [{"id": one.id, **one.properties} for one in parcel_features(assessment)],
        "lights": total.lights,
        "area_ha": total.area_ha,
        "judged_ha": total.judged_ha,
        "affected_ha": total.affected_ha,
        "problems": assessment.problems,
        "visits": [one.damage.parcel.id for one in done.visits],
        "findings": done.findings,
        "news": done.news,
        "folder": done.folder,
        "files": done.files,
    }


def _show(done: Done) -> None:
    from satseek.monitor.damage.tables import LIGHTS, in_all  # noqa: PLC0415
    from satseek.monitor.damage.words import hectares, light_meaning  # noqa: PLC0415

    assessment = done.assessment
    _show_problems(assessment)
    total = in_all(assessment)
    rows = [[light, str(total.lights[light]), light_meaning(light)] for light in LIGHTS]
    print_table(["light", "parcels", "meaning"], rows)
    share = "" if total.affected_share is None else f" ({total.affected_share:.0%})"
    say(
        f"{hectares(total.affected_ha)} of {hectares(total.judged_ha)} ha that imagery can tell "
        f"are affected{share}; {len(done.visits)} parcels to visit, {len(done.files)} files in "
        f"{done.folder}"
    )
    if done.findings:
        say(f"look through them: satseek findings next --kind damage --source {assessment.name}")


def _show_problems(assessment: Assessment) -> None:
    for one in assessment.problems[:MAX_LISTED]:
        say(f"  row {one.row}, {one.id}: {one.kind}: {one.what}")
    if len(assessment.problems) > MAX_LISTED:
        say(f"  … and {len(assessment.problems) - MAX_LISTED} more: see problems.csv, or --json")


def _language(named: str) -> Any:
    from satseek.errors import InvalidRequest  # noqa: PLC0415

    if named not in ("en", "zh"):
        raise InvalidRequest(f"--language: expected en or zh, came {named[:20]!r}")
    return named
