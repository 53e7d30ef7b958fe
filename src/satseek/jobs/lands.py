"""Land use, watches and assessments of a data folder → a client's verbs, in this very process.

Knows no HTTP. Whoever asks here sits at this machine and sees all of it: what is named may lie
anywhere.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from satseek.client.exporting import digested, saved
from satseek.client.images import content_of
from satseek.client.runs import ASSESSMENT, LAND_USE, assessment_of, land_use_of, upload_of
from satseek.errors import InvalidRequest
from satseek.jobs.reports import LocalReports
from satseek.jobs.verbs import CHUNK, LOCAL
from satseek.monitor.damage.keeping import sheet_name
from satseek.monitor.damage.parcels_reading import Reading
from satseek.monitor.damage.uploads import Uploads
from satseek.monitor.labels.describing import described_set
from satseek.monitor.labels.files import preset, preset_names
from satseek.monitor.opening import opened_runs
from satseek.monitor.tables import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from satseek.assemble import Assembly
    from satseek.client.handles import JobHandle
    from satseek.client.images import Image
    from satseek.client.runs import Assessment, LandUse, Upload
    from satseek.monitor.runs.run import RunKind

Json = dict[str, Any]

PAGE = 1000
"""Rows read at a time."""

_READING = frozenset(one.name for one in fields(Reading))


class LocalRuns(LocalReports):
    """Runs of land use and assessments of one data folder; safe to share between threads."""

    def __init__(self, assembly: Assembly) -> None:
        """Open nothing yet."""
        super().__init__(assembly)
        self._runs = opened_runs(assembly.settings)
        self._uploads = Uploads(assembly.settings.data_dir / FOLDER)

    def run_land_use(self, collection: str, *, key: str | None = None, **asked: Any) -> JobHandle:
        """Ask what each place was at each date; takes what ``Client.run_land_use`` takes."""
        return self.submit("landuse", key=key, collection=collection, **asked)

    def draw_sample(
        self, collection: str, *, name: str, key: str | None = None, **asked: Any
    ) -> JobHandle:
        """Ask for places of a map, for people to judge; takes what ``Client.draw_sample`` takes."""
        return self.submit("sample", key=key, collection=collection, name=name, **asked)

    def land_uses(self) -> list[LandUse]:
        """List the runs of land use that are kept, by name."""
        names = (*LAND_USE, "made_at", "dates")
        return [
            land_use_of({name: one.told()[name] for name in names})
            for one in self._runs.all("landuse")
        ]

    def land_use(self, name: str) -> LandUse:
        """Show areas, what became of what, and the files of a run; raises NotFound."""
        return land_use_of(self._runs.get("landuse", name).told())

    def land_use_changes(
        self, name: str, *, before: str | None = None, after: str | None = None
    ) -> list[Json]:
        """List what became something else; takes what ``Client.land_use_changes`` takes."""
        return self._features("landuse", name, "changes", before=before, after=after)

    def land_use_districts(self, name: str) -> list[Json]:
        """List the hectares of each class in each district at each date."""
        return self._rows("landuse", name, "districts")

    def save_land_use_file(self, name: str, file: str, path: Path | str) -> None:
        """Write a file that a run left into a file, whole or not at all."""
        self._save("landuse", name, file, path)

    def remove_land_use(self, name: str) -> None:
        """Forget what a run found, and its files; its findings stay."""
        self._runs.remove(self._runs.get("landuse", name))

    def label_sets(self) -> list[Json]:
        """List the label sets that are shipped."""
        return [described_set(preset(name)) for name in preset_names()]

    def send_parcels(self, file: Image, *, name: str = "parcels", **columns: Any) -> Upload:
        """Keep a file of parcels; takes what ``Client.send_parcels`` takes."""
        unknown = sorted(columns.keys() - _READING)
        if unknown:
            raise InvalidRequest(f"send_parcels: expected no {unknown[0]!r}")
        reading = Reading(**{key: one for key, one in columns.items() if one})
        kept = self._uploads.add(content_of(file), name=name, by=LOCAL, reading=reading)
        return upload_of(kept.told())

    def uploads(self) -> list[Upload]:
        """List the files of parcels that were sent, the newest first."""
        return [upload_of(one.told()) for one in self._uploads.all()]

    def upload(self, upload_id: str) -> Upload:
        """Show what is in a file of parcels; raises NotFound."""
        return upload_of(self._uploads.get(upload_id).told())

    def remove_upload(self, upload_id: str) -> None:
        """Remove a file of parcels; what was found with it stays."""
        self._uploads.remove(upload_id)

    def run_assessment(
        self, collection: str, *, parcels: str, after: str, key: str | None = None, **asked: Any
    ) -> JobHandle:
        """Ask how much of each parcel is affected; takes what ``Client.run_assessment`` takes."""
        return self.submit(
            "assess", key=key, collection=collection, parcels=parcels, after=after, **asked
        )

    def assessments(self) -> list[Assessment]:
        """List the assessments that are kept, by name."""
        names = (*ASSESSMENT, "made_at", "lights")
        return [
            assessment_of({name: one.told()[name] for name in names})
            for one in self._runs.all("damage")
        ]

    def assessment(self, name: str) -> Assessment:
        """Show what came of an assessment as a whole; raises NotFound."""
        return assessment_of(self._runs.get("damage", name).told())

    def assessed_parcels(
        self,
        name: str,
        *,
        light: str | None = None,
        policy: str | None = None,
        district: str | None = None,
    ) -> list[Json]:
        """List what became of each parcel; takes what ``Client.assessed_parcels`` takes."""
        where = {"light": light, "policy": policy, "district": district}
        return self._features("damage", name, "parcels", **where)

    def assessment_visits(self, name: str) -> list[Json]:
        """List the parcels that were drawn for surveyors, in order."""
        return self._rows("damage", name, "visits")

    def assessment_rows(self, name: str, table: str) -> list[Json]:
        """List a table of an assessment: ``policies``, ``districts`` or ``problems``."""
        return self._rows("damage", name, table)

    def save_assessment_file(self, name: str, file: str, path: Path | str) -> None:
        """Write a file that an assessment left into a file, whole or not at all."""
        self._save("damage", name, file, path)

    def save_claim_sheet(
        self, name: str, policy: str, path: Path | str, *, form: str = "html"
    ) -> None:
        """Write the claim sheet of a policy into a file; as ``Client.save_claim_sheet``."""
        run = self._runs.get("damage", name)
        rows = (row for row in self._rows("damage", name, "policies") if row["policy"] == policy)
        self._save("damage", name, sheet_name(run, next(rows, None), form=form), path)

    def remove_assessment(self, name: str) -> None:
        """Forget what an assessment found, and its files; its findings stay."""
        self._runs.remove(self._runs.get("damage", name))

    def _features(self, kind: RunKind, name: str, table: str, **where: str | None) -> list[Json]:
        return [
            row
            for row in self._rows(kind, name, table)
            if all(value is None or row["properties"][key] == value for key, value in where.items())
        ]

    def _rows(self, kind: RunKind, name: str, table: str) -> list[Json]:
        run = self._runs.get(kind, name)
        found: list[Json] = []
        place: int | None = 0
        while place is not None:
            rows, place = self._runs.rows(run, table, after=place, limit=PAGE)
            found += rows
        return found

    def _save(self, kind: RunKind, name: str, file: str, path: Path | str) -> None:
        told, place = self._runs.path_of(self._runs.get(kind, name), file)
        with place.open("rb") as source, saved(path) as target, digested(path, told.sha256) as seen:
            while chunk := source.read(CHUNK):
                seen.update(chunk)
                target.write(chunk)
