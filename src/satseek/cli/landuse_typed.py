"""What was typed after ``satseek landuse`` → the same as a job, or done here and now.

Knows only the use-case.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satseek.cli.application import assembly, configured
from satseek.cli.asking import filter_of, four_of, outline_of
from satseek.cli.detaching import asked_of
from satseek.cli.landuse_showing import facts_of, show_done
from satseek.cli.placing import check_data_dir
from satseek.cli.printing import print_json, progress_bar, say
from satseek.cli.recording import command_line, operator
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import typer

    from satseek.jobs.tasks import Asked
    from satseek.settings import Settings

NAME = "landuse"
"""Of a run, and of the collection that its imagery is indexed into, where neither is named."""

_NO_GROUND = dict.fromkeys(("bbox", "area", "area_crs", "start", "end", "where"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was typed, by whom it is for."""

    source: str | None
    """Scenes to be indexed first; None: what the collection has."""
    collection: str | None
    """Collection; None: see ``target``."""
    name: str | None
    """Of the run; None: the collection's."""
    out: Path | None
    """Folder of the results; None: by the name."""
    said: Mapping[str, Any]
    """Fields of `Said`, where and when left out."""
    scenes: Mapping[str, Any]
    """How scenes are found and cut, by the names that the task ``index`` has."""
    ground: Mapping[str, Any]
    """Where and when, as it was typed."""

    def target(self, context: typer.Context) -> str:
        """Name the collection, which a source makes."""
        if self.collection is not None:
            return self.collection
        if self.source is not None:
            return NAME
        with closing(assembly(context)) as parts:
            return parts.chosen(None)

    def job(self, collection: str) -> Asked:
        """Ask for the same as a job, whose worker stands elsewhere."""
        fields = {
            "collection": collection,
            "folder": self.source,
            "name": self.name,
            "out": self.out,
            **self.said,
            **self.scenes,
            **self._ground_of_job(),
        }
        return asked_of("landuse", {key: one for key, one in fields.items() if one is not None})

    def _ground_of_job(self) -> dict[str, Any]:
        ground = dict(self.ground)
        if "bbox" in ground:
            ground["bbox"] = four_of(ground["bbox"])
        if "area" in ground:
            ground["area"] = outline_of(ground["area"], ground.pop("area_crs", None))
        return ground


def run_typed(context: typer.Context, asked: Typed, target: str, *, json: bool) -> None:
    """Do it here and now, and show what came of it."""
    from satseek.assemble.landuse import land_use_of  # noqa: PLC0415 (help must not wait for it)
    from satseek.monitor.landuse.asking import Said  # noqa: PLC0415
    from satseek.monitor.landuse.asking import asked_of as checked  # noqa: PLC0415

    settings = configured(context).settings
    check_data_dir(settings)
    with closing(assembly(context)) as parts:
        said = Said(
            name=asked.name or target,
            where=filter_of(**{**_NO_GROUND, **asked.ground}),
            operator=operator().name,
            command=command_line(),
            **asked.said,
        )
        run = checked(said, folder=Path.cwd())
        if asked.source is not None:
            _index(asked, target, settings)
        with progress_bar("land use") as show:
            done = land_use_of(
                target,
                run,
                parts=parts,
                out=asked.out or Path(f"{run.name}-landuse"),
                made_at=datetime.now(UTC),
                on_progress=show,
            )
    if json:
        print_json(facts_of(done))
    else:
        show_done(done, run)


def _index(asked: Typed, collection: str, settings: Settings) -> None:
    """Index the source, or what of it is new."""
    from satseek.jobs.indexing import IndexHere, index, overlapping  # noqa: PLC0415 - slow to load

    assert asked.source is not None
    fields = {"folder": asked.source, "collection": collection, **asked.scenes}
    asked_for = asked_of("index", fields)
    assert isinstance(asked_for, IndexHere)
    task = overlapping(asked_for, settings)
    with progress_bar("indexing") as show:
        told = index(task, settings, lambda done, total, note: show(note, done, total), Path())
    say(
        f"{collection}: {told['scenes']} scenes ({told['unchanged']} unchanged), "
        f"{told['chips_added']} chips added, {told['refusals']} refused"
    )


def search_of(
    address: str | None,
    *,
    collections: str | None,
    bbox: str | None,
    start: str | None,
    end: str | None,
    max_items: int | None,
) -> dict[str, Any] | None:
    """Name what is asked of a STAC API as a job does; None: none is asked."""
    if address is None:
        if collections or max_items:
            raise InvalidRequest("--collections and --max-items go with --stac-api")
        return None
    span = None if start is None and end is None else f"{start or '..'}/{end or '..'}"
    named = [one.strip() for one in (collections or "").split(",") if one.strip()]
    return given(
        collections=named,
        bbox=None if bbox is None else four_of(bbox),
        datetime=span,
        max_items=max_items,
    )


def given(**values: Any) -> dict[str, Any]:
    """Leave out what was not said."""
    return {name: value for name, value in values.items() if value is not None}
