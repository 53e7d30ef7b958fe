"""Verbs about land use, parcels and assessments → requests, and what to read of their answers.

Knows the routes; sends nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from satseek.client.binding import get, listed, page_size, post
from satseek.client.images import content_of
from satseek.client.jobs import job_of
from satseek.client.runs import assessment_of, land_use_of, upload_of
from satseek.errors import InvalidRequest

if TYPE_CHECKING:
    from satseek.client.asking import Ask
    from satseek.client.binding import Listed
    from satseek.client.images import Image
    from satseek.client.jobs import Job
    from satseek.client.runs import Assessment, LandUse, Upload

Json = dict[str, Any]

TABLES = ("policies", "districts", "problems")
"""Of an assessment, beside its parcels and visits."""


def ask_run_land_use(collection: str, *, key: str | None = None, **asked: Any) -> Ask[Job]:
    """Ask what each place of a collection was at each date, as a job.

    Args:
        collection: Which; made of ``folder`` where it is not there yet.
        key: Of your making: asked again under it, the same job is given; None: one is made up.
        asked: Parameters of the task ``landuse``, such as ``labels``, ``by``, ``districts``, and
            of its job, such as ``priority``.
    """
    return _job("/v1/landuse", {"collection": collection, **asked}, key)


def ask_draw_sample(
    collection: str, *, name: str, key: str | None = None, **asked: Any
) -> Ask[Job]:
    """Ask for places of the map of a run of land use, for people to judge, as a job.

    Args:
        collection: Whose map.
        name: Of the sample.
        key: As in ``run_land_use``.
        asked: Further parameters of the task ``sample``, such as ``run``, ``date``, ``size``, and
            of its job.
    """
    return _job("/v1/samples", {"collection": collection, "name": name, **asked}, key)


def ask_land_uses() -> Ask[Listed[LandUse]]:
    """List the runs of land use that are kept, by name: of each name the latest."""
    return get("/v1/landuse", {"limit": page_size(None)}, listed(land_use_of, "runs"))


def ask_land_use(name: str) -> Ask[LandUse]:
    """Show areas, what became of what, and the files of a run; raises NotFound."""
    return get(_run("landuse", name), {}, land_use_of)


def ask_land_use_changes(
    name: str, *, before: str | None = None, after: str | None = None
) -> Ask[Listed[Json]]:
    """List the patches that became something else, as GeoJSON Features.

    Args:
        name: Of which run.
        before: Only what was of this class.
        after: Only what is of this class.
    """
    query = {"before": before, "after": after, "limit": page_size(None)}
    return get(f"{_run('landuse', name)}/changes", query, listed(dict, "features"))


def ask_land_use_districts(name: str) -> Ask[Listed[Json]]:
    """List the hectares of each class in each district at each date."""
    path = f"{_run('landuse', name)}/districts"
    return get(path, {"limit": page_size(None)}, listed(dict, "rows"))


def ask_remove_land_use(name: str) -> Ask[None]:
    """Forget what a run found, and its files; its findings stay."""
    return _remove(_run("landuse", name))


def ask_label_sets() -> Ask[list[Json]]:
    """List the label sets that are shipped, with their labels, prompts and colours."""
    return get("/v1/landuse/presets", {}, lambda answer: list(answer["label_sets"]))


def ask_send_parcels(file: Image, *, name: str = "parcels", **columns: Any) -> Ask[Upload]:
    """Send a file of parcels: GeoJSON, GeoPackage or a zipped Shapefile.

    Args:
        file: Its path, its bytes, or the open file.
        name: What it is called.
        columns: ``crs``, ``layer``, ``policy_column``, ``parcel_column``, ``crop_column``,
            ``insured_column``, ``district_column``, ``insured_unit``, where they are not usual.
    """
    query = urlencode({"name": name, **{key: one for key, one in columns.items() if one}})
    ask = post(f"/v1/parcels?{query}", {}, upload_of)
    return replace(ask, json=None, content=content_of(file))


def ask_uploads() -> Ask[list[Upload]]:
    """List the files of parcels that you have sent, the newest first."""
    return get("/v1/parcels", {}, lambda answer: [upload_of(one) for one in answer["uploads"]])


def ask_upload(upload_id: str) -> Ask[Upload]:
    """Show what is in a file of parcels; raises NotFound."""
    return get(_upload(upload_id), {}, upload_of)


def ask_remove_upload(upload_id: str) -> Ask[None]:
    """Remove a file of parcels; what was found with it stays."""
    return _remove(_upload(upload_id))


def ask_run_assessment(
    collection: str, *, parcels: str, after: str, key: str | None = None, **asked: Any
) -> Ask[Job]:
    """Ask how much of each parcel is affected, as a job.

    Args:
        collection: Where the imagery lies, or is indexed.
        parcels: ``parcels_ref`` of an upload, or a file below the server's ``reference_roots``.
        after: Imagery after the event: scenes, or a period of the collection such as ``2025-08``.
        key: Of your making: asked again under it, the same job is given; None: one is made up.
        asked: Further parameters of the task ``assess``, such as ``before``, ``hazard``, ``name``,
            ``losses``, and of its job.
    """
    given = {"collection": collection, "parcels": parcels, "after": after, **asked}
    return _job("/v1/assessments", given, key)


def ask_assessments() -> Ask[Listed[Assessment]]:
    """List the assessments that are kept, by name: of each name the latest."""
    query = {"limit": page_size(None)}
    return get("/v1/assessments", query, listed(assessment_of, "assessments"))


def ask_assessment(name: str) -> Ask[Assessment]:
    """Show what came of an assessment as a whole; raises NotFound."""
    return get(_run("assessments", name), {}, assessment_of)


def ask_assessed_parcels(
    name: str, *, light: str | None = None, policy: str | None = None, district: str | None = None
) -> Ask[Listed[Json]]:
    """List what became of each parcel, as GeoJSON Features.

    Args:
        name: Of which assessment.
        light: Only ``red``, ``amber``, ``green`` or ``insufficient evidence``.
        policy: Only of this one.
        district: Only in this one.
    """
    query = {"light": light, "policy": policy, "district": district, "limit": page_size(None)}
    return get(f"{_run('assessments', name)}/parcels", query, listed(dict, "features"))


def ask_assessment_visits(name: str) -> Ask[Listed[Json]]:
    """List the parcels that were drawn for surveyors, as GeoJSON Features, in order."""
    path = f"{_run('assessments', name)}/visits"
    return get(path, {"limit": page_size(None)}, listed(dict, "features"))


def ask_assessment_rows(name: str, table: str) -> Ask[Listed[Json]]:
    """List a table of an assessment: ``policies``, ``districts`` or ``problems``."""
    if table not in TABLES:
        raise InvalidRequest(f"table: expected one of {', '.join(TABLES)}, came {table[:40]!r}")
    path = f"{_run('assessments', name)}/tables/{table}"
    return get(path, {"limit": page_size(None)}, listed(dict, "rows"))


def ask_remove_assessment(name: str) -> Ask[None]:
    """Forget what an assessment found, and its files; its findings stay."""
    return _remove(_run("assessments", name))


def ask_run_file(kind: str, name: str, file: str) -> Ask[None]:
    """Ask for a file of a run of ``landuse`` or ``assessments``."""
    return get(f"{_run(kind, name)}/files/{quote(file, safe='/')}", {}, lambda _: None)


def ask_claim_sheet(name: str, policy: str, *, form: str) -> Ask[None]:
    """Ask for the claim sheet of a policy."""
    path = f"{_run('assessments', name)}/sheets/{quote(policy, safe='')}"
    return get(path, {"form": form}, lambda _: None)


def _job(path: str, given: Json, key: str | None) -> Ask[Job]:
    headers = {"idempotency-key": key or secrets.token_urlsafe(18)}
    return replace(post(path, given, job_of), headers=headers)


def _remove(path: str) -> Ask[None]:
    return replace(post(path, {}, lambda _: None), method="DELETE", json=None)


def _run(kind: str, name: str) -> str:
    return f"/v1/{kind}/{quote(name, safe='')}"


def _upload(upload_id: str) -> str:
    return f"/v1/parcels/{quote(upload_id, safe='')}"
