"""What came of an assessment → what is kept of it for those who ask later, parcel by parcel.

Does not know doors.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import shapely

from satseek.errors import NotFound
from satseek.monitor.damage.finishing import SHEETS, file_names
from satseek.monitor.damage.labels import STATE
from satseek.monitor.damage.sheets import policies_with_sheets
from satseek.monitor.damage.survey import visit_features
from satseek.monitor.damage.tables import (
    LIGHTS,
    by_district,
    by_policy,
    in_all,
    parcel_features,
    problem_features,
    roll_up_features,
)
from satseek.monitor.damage.words import told as told_of
from satseek.monitor.findings.finding import SIDES
from satseek.monitor.runs.drafting import Outcome
from satseek.monitor.runs.features import feature_rows, property_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from satseek.monitor.damage.assessment import Assessment
    from satseek.monitor.damage.finishing import Done, Wanted
    from satseek.monitor.runs.drafting import Row
    from satseek.monitor.runs.keeping import Runs
    from satseek.monitor.runs.run import KeptRun

_DECIMALS = 4
"""Of hectares and shares: a square metre, a hundredth of a percent."""


def keep_assessment(
    done: Done, wanted: Wanted, *, runs: Runs, collection: str, made_at: datetime
) -> KeptRun:
    """Keep an assessment under its name, in place of the former one.

    Args:
        done: What came of it, and the folder that it left.
        wanted: What was to be written.
        runs: Where runs are kept.
        collection: Where its imagery lies.
        made_at: When, timezone-aware.

    Raises:
        InvalidName, Conflict, DiskFull: as ``Runs.keep``.
    """
    assessment = done.assessment
    outcome = Outcome(
        kind="damage",
        name=assessment.name,
        collection=collection,
        made_at=made_at,
        operator=wanted.operator,
        facts=_facts(assessment, wanted) | {"visits": len(done.visits)},
        tables={
            "parcels": _parcels(assessment),
            "policies": _policies(assessment, wanted),
            "districts": property_rows(roll_up_features(by_district(assessment), name="district")),
            "visits": feature_rows(visit_features(done.visits, language=wanted.language)),
            "problems": property_rows(problem_features(assessment)),
        },
    )
    names = [path.relative_to(done.folder).as_posix() for path in done.files]
    return runs.keep(outcome, done.folder, names)


def _facts(assessment: Assessment, wanted: Wanted) -> dict[str, Any]:
    total = in_all(assessment)
    counts = Counter(one.light for one in assessment.damages)
    share = total.affected_share
    return {
        "model": assessment.model,
        "mode": assessment.mode,
        "event": None if assessment.event is None else assessment.event.isoformat(),
        "hazard": assessment.labels.name,
        "source": assessment.source,
        "parcels": len(assessment.damages),
        "lights": {light: counts[light] for light in LIGHTS},
        "area_ha": round(total.area_ha, _DECIMALS),
        "insured_ha": None if total.insured_ha is None else round(total.insured_ha, _DECIMALS),
        "judged_ha": round(total.judged_ha, _DECIMALS),
        "affected_ha": round(total.affected_ha, _DECIMALS),
        "affected_share": None if share is None else round(share, _DECIMALS),
        "problems": len(assessment.problems),
        "labels": [
            {"name": one.name, "names": dict(one.names), "state": one.properties.get(STATE)}
            for one in assessment.labels.labels
        ],
        "grades": [asdict(one) for one in assessment.grades.grades],
        "rules": asdict(assessment.rules),
        "collections": list(assessment.collections),
        "bbox": _bounds(assessment),
        "sheets": list(wanted.sheets),
    }


def _bounds(assessment: Assessment) -> list[float] | None:
    shapes = [one.parcel.shape for one in assessment.damages]
    return [float(one) for one in shapely.total_bounds(shapes)] if shapes else None


def _parcels(assessment: Assessment) -> Iterator[Row]:
    """Give each parcel with its reasons and chips one by one, where a table joins them."""
    rows = feature_rows(parcel_features(assessment))
    for damage, row in zip(assessment.damages, rows, strict=True):
        told = row["properties"]
        told["reasons"] = [
            {"name": one.name, "lack": one.lack, "en": told_of(one, "en"), "zh": told_of(one, "zh")}
            for one in damage.reasons
        ]
        told["lacks"] = list(damage.lacks)
        for side in SIDES:
            own = [one for one in damage.shown if one.side == side]
            told[f"chips_{side}"] = [one.chip_id for one in own]
            told[f"collection_{side}"] = own[0].collection if own else None
        yield row


def _policies(assessment: Assessment, wanted: Wanted) -> Iterator[Row]:
    """Give each policy with the name of its claim sheet, without an ending; null: it has none."""
    rolled = by_policy(assessment)
    names = file_names([one.name for one in policies_with_sheets(rolled)]) if wanted.sheets else {}
    for one, row in zip(
        rolled, property_rows(roll_up_features(rolled, name="policy")), strict=True
    ):
        stem = names.get(one.name)
        yield row | {"sheet": None if stem is None else f"{SHEETS}/{stem}"}


def sheet_name(run: KeptRun, row: Row | None, *, form: str) -> str:
    """Name the file of a policy's claim sheet.

    Args:
        run: The assessment.
        row: Of the policy in its table; None: there is no such policy.
        form: ``html`` or ``pdf``.

    Raises:
        NotFound: it has none; says how one is had.
    """
    stem = None if row is None else row["sheet"]
    if stem is None or form not in run.facts["sheets"]:
        raise NotFound(
            f"no such claim sheet as {form}: ask for an assessment with sheets {form!r}; policies "
            "that are all green have none"
        )
    return f"{stem}.{form}"
