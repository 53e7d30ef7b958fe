"""What a job says of an assessment: as it was asked, and as whoever sent the parcels said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from satseek.errors import InvalidConfig
from satseek.jobs import assess
from satseek.jobs.assess import AssessTask
from satseek.monitor.damage.asking import order_of
from satseek.monitor.damage.grading import EvidenceRules
from satseek.monitor.damage.parcels_reading import Reading
from satseek.monitor.damage.uploads import Uploads
from satseek.monitor.tables import FOLDER
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

RING = [[15.0, 48.0], [15.004, 48.0], [15.004, 48.003], [15.0, 48.003], [15.0, 48.0]]


def sent(data_dir: Path, reading: Reading) -> str:
    """Send a parcel that is insured for 150 of some unit, or for 200."""
    feature = {
        "type": "Feature",
        "properties": {"contract": "K-7", "policy": "old", "insured": 200, "mu": 150},
        "geometry": {"type": "Polygon", "coordinates": [RING]},
    }
    content = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    return Uploads(data_dir / FOLDER).add(content, name="a.geojson", by="x", reading=reading).id


def task(**fields: Any) -> AssessTask:
    asked = AssessTask.model_validate({"collection": "c", "after": "2025-08", **fields})
    return AssessTask.model_validate(asked.model_dump(mode="json"))  # as a queue hands it on


@pytest.mark.parametrize(
    ("fields", "policy", "insured_ha"),
    [
        ({}, "K-7", 10.0),
        ({"policy_column": "policy"}, "old", 10.0),
        ({"policy_column": ""}, "old", 10.0),
        ({"insured_column": "", "insured_unit": "ha"}, "K-7", 200.0),
        ({"insured_unit": "ha"}, "K-7", 150.0),
        ({"insured_column": "insured", "insured_unit": "m2"}, "K-7", 0.02),
    ],
)
def test_parcels_that_were_sent_are_read_as_they_were_sent(
    tmp_path: Path, fields: dict[str, Any], policy: str, insured_ha: float
) -> None:
    reading = Reading(policy_column="contract", insured_column="mu", insured_unit="mu")
    asked = task(parcels=f"upload:{sent(tmp_path, reading)}", **fields)
    said = assess._said(asked, Settings(data_dir=tmp_path))
    (parcel,) = order_of(said, folder=tmp_path).parcels.parcels
    assert (policy, insured_ha) == (parcel.policy, pytest.approx(parcel.insured_ha))


def test_a_period_is_one_whatever_lies_where_a_worker_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "2025-08").mkdir()
    monkeypatch.chdir(tmp_path)
    asked = task(parcels=f"upload:{sent(tmp_path, Reading())}", before="2024")
    order = order_of(assess._said(asked, Settings(data_dir=tmp_path)), folder=tmp_path)
    assert () == order.sources()
    assert ("2025-08", "2024") == (str(order.after), str(order.before))


def test_what_is_asked_of_evidence_and_steps_is_kept_to(tmp_path: Path) -> None:
    ref = f"upload:{sent(tmp_path, Reading())}"
    asked = task(parcels=ref, step_quantile=0.99, least_cells=3, most_days_between=0)
    rules = order_of(assess._said(asked, Settings(data_dir=tmp_path)), folder=tmp_path).rules
    assert EvidenceRules(step_quantile=0.99, least_cells=3, most_days_between=None) == rules


@pytest.mark.parametrize("quantile", [0.4, 1.0, float("nan")])
def test_a_quantile_that_is_none_is_refused(quantile: float) -> None:
    with pytest.raises(InvalidConfig, match="step_quantile: expected"):
        EvidenceRules(step_quantile=quantile)


def test_crs_and_layer_of_what_was_sent_are_kept_too(tmp_path: Path) -> None:
    ref = f"upload:{sent(tmp_path, Reading(crs='EPSG:4326'))}"
    settings = Settings(data_dir=tmp_path)
    assert "EPSG:4326" == assess._said(task(parcels=ref), settings).parcels_crs
    assert assess._said(task(parcels=ref, parcels_crs=""), settings).parcels_crs is None
    own = task(parcels=ref, parcels_crs="OGC:CRS84", layer="fields")
    said = assess._said(own, settings)
    assert ("OGC:CRS84", "fields") == (said.parcels_crs, said.layer)
