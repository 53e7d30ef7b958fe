"""Land use, watches and assessments: every door tells the same, and nobody more than they may."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import numpy as np
import pytest
import rpcclient
import watchmaking
from keymaking import bearer
from PIL import Image

import satseek
from satseek.imagery.tiles import tile_at
from satseek.jobs.assess import AssessTask
from satseek.jobs.watching import opened_watches
from satseek.monitor.watch.files import read_watch
from satseek.service.access.keys import KeyStore
from satseek.service.access.principals import SCOPES
from satseek.service.access.proving import entries
from satseek.service.rpc.generated import satseek_pb2 as pb
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import serving

    from satseek.service.access.principals import Role

DAYS = ("2024-05-03", "2024-07-04")
LABELS = ["forest=a forest", "field=a farmland", "mine=a mine", "quarry=a quarry"]
MINES: dict[str, Any] = {
    "collection": watchmaking.NAME,
    "concept": {"label": "mine", "prompts": ["a mine"], "negatives": ["a quarry"]},
    "operating_point": {"background_quantile": 0.98, "grow_quantile": 0.95},
    "schedule": {"cron": "30 2 * * *", "timezone": "Europe/Berlin"},
}
SECONDS = 90.0


@dataclass(frozen=True)
class Desk:
    """A server with what two runs and a watch found, and all doors to it."""

    data: Path
    settings: Settings
    server: serving.Server
    keys: dict[str, str]
    clients: dict[str, httpx.Client]
    sdk: satseek.Client
    channel: grpc.Channel

    def call(self, method: str, *, key: str = "staff", **fields: Any) -> Any:
        """Call a method of the gRPC door."""
        request = getattr(pb, f"{method}Request")(**fields)
        coded = {
            "request_serializer": type(request).SerializeToString,
            "response_deserializer": getattr(pb, f"{method}Response").FromString,
        }
        path, told = f"/satseek.v1.Satseek/{method}", [*bearer(self.keys[key]).items()]
        if method == "TakeRunFile":
            stream = self.channel.unary_stream(path, **coded)(
                request, metadata=told, timeout=SECONDS
            )
            return b"".join(one.content for one in stream)
        return self.channel.unary_unary(path, **coded)(request, metadata=told, timeout=SECONDS)


def parcels() -> bytes:
    """Five fields in a row, the last of which becomes a mine; two policies have two."""
    features = [
        {
            "type": "Feature",
            "properties": {"policy": f"P/{at // 2}", "parcel_id": f"F-{at}", "village": "North"},
            "geometry": watchmaking.box_around([(2 * at, 8), (2 * at + 1, 9)]),
        }
        for at in range(5)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def done(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """Wait for a job that was asked for."""
    assert 202 == answer.status_code, answer.text
    assert f"/v1/jobs/{answer.json()['id']}" == answer.headers["location"]
    job: dict[str, Any] = answer.json()
    while job["state"] in ("queued", "running"):
        job = client.get(answer.headers["location"], params={"wait": 25}).json()
    assert "done" == job["state"], job["error"]
    return job


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("land")
    data = home / "data"
    with watchmaking.parts_in(data) as parts:
        for day in DAYS:
            watchmaking.see(parts, day, mine=day == DAYS[-1])
    people: dict[str, tuple[Role, frozenset[str]]] = {
        "staff": ("operator", frozenset({"staff"})),
        "looker": ("reader", frozenset({"staff"})),
        "guest": ("operator", frozenset()),
    }
    store = KeyStore(data)
    keys = {
        name: store.create(name, scopes=SCOPES[role], created_by="test", groups=groups)[1]
        for name, (role, groups) in people.items()
    }
    settings = {
        "auth": "keys",
        "model": "starter",
        "threads": "1",
        "collection_groups": json.dumps({watchmaking.NAME: ["staff"]}),
        "reference_roots": str(home),
        "alert_channels": json.dumps({"drop": {"to": f"file:{home}"}}),
    }
    with rpcclient.called(data, **settings) as called:
        url = called.server.url
        clients = {
            name: httpx.Client(base_url=url, headers=bearer(key), timeout=SECONDS)
            for name, key in keys.items()
        }
        staff = clients["staff"]
        common = {"collection": watchmaking.NAME}
        done(staff, staff.post("/v1/landuse", json={**common, "own": LABELS, "reports": []}))
        sent = staff.post("/v1/parcels", params={"name": "fields.geojson"}, content=parcels())
        asked = {
            **common,
            "name": "loss",
            "parcels": sent.json()["parcels_ref"],
            "before": "2024-05",
            "after": "2024-07",
            "affected": LABELS[2:],
            "sound": LABELS[:2],
            "losses": [
                {"name": "none", "from_share": 0, "light": "green"},
                {"name": "payable", "from_share": 0.2, "light": "red"},
            ],
            "formats": ["csv"],
            "reports": [],
            "sheets": ["html"],
        }
        done(staff, staff.post("/v1/assessments", json=asked))
        assert 200 == staff.put("/v1/watches/mines", json=MINES).status_code
        done(staff, staff.post("/v1/watches/mines/run"))
        with (
            called.channel() as channel,
            satseek.Client(url, token=keys["staff"]) as sdk,
        ):
            yield Desk(data, Settings(data_dir=data), called.server, keys, clients, sdk, channel)
        for client in clients.values():
            client.close()


def test_every_door_tells_the_same_of_land_use(desk: Desk) -> None:
    staff = desk.clients["staff"]
    run = staff.get("/v1/landuse/ground").raise_for_status().json()
    assert ["2024-05", "2024-07"] == run["dates"]
    assert ["forest", "field", "mine", "quarry"] == [one["name"] for one in run["classes"]][:4]
    assert "key:staff" == run["operator"]
    areas = {one["date"]: one["area_ha"]["mine"] for one in run["areas"]}
    (flow,) = run["flows"]
    mined = [row[2] for row in flow["area_ha"]]
    assert 4 == round(areas["2024-07"] - areas["2024-05"])
    assert 4 == round(mined[0])
    changes = staff.get("/v1/landuse/ground/changes", params={"after": "mine"}).json()
    assert [("forest", "mine", 4)] == [
        (told["before"], told["after"], told["cells"])
        for told in (one["properties"] for one in changes["features"])
    ]
    none = staff.get("/v1/landuse/ground/changes", params={"after": "forest"}).json()
    assert ([], None) == (none["features"], none["next"])

    told = desk.call("GetLandUse", name="ground").run
    details = json.loads(told.details)
    assert {name: run[name] for name in details} == details
    (listed,) = desk.call("ListLandUse").runs
    (line,) = staff.get("/v1/landuse").json()["runs"]
    assert (line["name"], line["changes_ha"], line["dates"], "") == (
        listed.name,
        listed.changes_ha,
        list(listed.dates),
        listed.details,
    )
    rows = desk.call("ListRunRows", kind="landuse", name="ground", table="changes").rows
    assert changes["features"] == [json.loads(one) for one in rows]

    with satseek.open(desk.data, model="starter", server_worker=False) as here:
        assert desk.sdk.land_use("ground") == here.land_use("ground")
        assert desk.sdk.land_uses() == here.land_uses()
        features = desk.sdk.land_use_changes("ground", before="forest")
        assert changes["features"] == features == here.land_use_changes("ground", after="mine")
        assert desk.sdk.label_sets() == here.label_sets()
    found = desk.sdk.land_use("ground")
    assert {one["date"]: one["area_ha"] for one in run["areas"]} == found.areas
    (finding,) = desk.sdk.findings(kinds=["landuse"], sources=["ground"])
    assert finding.id == changes["features"][0]["id"]


def test_a_sample_of_a_run_is_drawn_at_every_door(desk: Desk) -> None:
    staff = desk.clients["staff"]
    asked = {"collection": "ground", "run": "ground", "size": 20, "least": 2, "gather": 0}
    job = done(staff, staff.post("/v1/samples", json={**asked, "name": "july"}))
    assert (20, "july") == (job["result"]["drawn"], job["result"]["name"])
    told = staff.get("/v1/samples/july").raise_for_status().json()
    assert ("land use 2024-07", "2024-07") == (told["subject"], told["map"]["date"])
    assert ["forest", "field", "mine", "quarry"] == told["labels"][:4]
    place = staff.post("/v1/samples/july/next", json={}).raise_for_status().json()
    staff.post(f"/v1/samples/july/places/{place['id']}/answers", json={"label": "mine"})
    assert 1 == staff.get("/v1/samples/july/areas").raise_for_status().json()["judged"]

    change = {"since": "2024-05", "date": "2024-07", "least": 2, "gather": 0, "size": 8}
    handle = desk.sdk.draw_sample("ground", name="change", **change)
    assert 8 == (handle.wait().result or {})["drawn"]
    assert "forest → mine" in desk.sdk.sample("change").labels

    # the report of the run tells of it when it is made again
    again = {"collection": "ground", "own": LABELS, "reports": ["html"]}
    done(staff, staff.post("/v1/landuse", json=again))
    report = staff.get("/v1/landuse/ground/files/report.html").raise_for_status().text
    assert "Accuracy and honest areas: land use 2024-07" in report


@pytest.mark.parametrize(
    ("who", "more", "status", "said"),
    [
        ("staff", {"run": "nothing"}, 404, "no run"),
        ("staff", {"date": "2024-06"}, 422, "expected one of the dates 2024-05, 2024-07"),
        ("staff", {"date": "2024-05", "since": "2024-07"}, 422, "earlier date"),
        ("staff", {"name": "a b"}, 422, "sample name"),
        ("staff", {"sizes": {"mine": -1}}, 422, "negative"),
        ("looker", {}, 403, ""),
        ("guest", {}, 404, "no collection"),
    ],
)
def test_a_sample_that_cannot_be_is_refused_at_once(
    desk: Desk, who: str, more: dict[str, Any], status: int, said: str
) -> None:
    asked = {"collection": "ground", "name": "x", **more}
    refused = desk.clients[who].post("/v1/samples", json=asked)
    assert status == refused.status_code, refused.text
    assert said in refused.text


def test_a_map_is_drawn_in_the_colours_of_its_classes(desk: Desk) -> None:
    staff = desk.clients["staff"]
    run = staff.get("/v1/landuse/ground").json()
    colours = {one["name"]: one["colour"] for one in run["classes"]}
    west, south, east, north = run["bbox"]
    mine = watchmaking.box_around([(8, 8), (9, 9)])["coordinates"][0]
    middle = np.mean(mine[:4], axis=0).tolist()
    tile = tile_at(*middle, 18)
    seen = []
    for shown in run["maps"]:
        path = shown["tiles"].format(z=tile.z, x=tile.x, y=tile.y)
        answer = staff.get(path).raise_for_status()
        assert "private, max-age=86400" == answer.headers["cache-control"]
        again = staff.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert (304, b"") == (again.status_code, again.content)
        box = tile.bbox()
        pixels = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))
        column = int((middle[0] - box[0]) / (box[2] - box[0]) * 256)
        row = int((box[3] - middle[1]) / (box[3] - box[1]) * 256)
        seen.append("#" + bytes(pixels[row, column, :3].tolist()).hex())
    assert [colours["forest"], colours["mine"]] == seen
    assert west < middle[0] < east
    assert south < middle[1] < north
    beside = tile_at(west - 0.2, south, 14)
    path = f"/v1/landuse/ground/maps/2024-05/{beside.z}/{beside.x}/{beside.y}.png"
    empty = np.asarray(Image.open(io.BytesIO(staff.get(path).content)).convert("RGBA"))
    assert 0 == empty[..., 3].max()
    for date in ("2024-06", "..", "run"):
        assert 404 == staff.get(f"/v1/landuse/ground/maps/{date}/1/1/1.png").status_code


def test_files_are_what_they_are_said_to_be(desk: Desk, tmp_path: Path) -> None:
    staff = desk.clients["staff"]
    run = staff.get("/v1/landuse/ground").json()
    (told,) = [one for one in run["files"] if one["name"] == "land_use_2024-07.tif"]
    assert told["path"] == run["maps"][1]["file"]
    answer = staff.get(told["path"]).raise_for_status()
    assert told["sha256"] == hashlib.sha256(answer.content).hexdigest()
    given = {"kind": "landuse", "name": "ground", "file": told["name"]}
    assert answer.content == desk.call("TakeRunFile", **given)
    desk.sdk.save_land_use_file("ground", told["name"], tmp_path / "map.tif")
    assert answer.content == (tmp_path / "map.tif").read_bytes()
    part = staff.get(told["path"], headers={"range": "bytes=4-9"})
    assert (206, answer.content[4:10]) == (part.status_code, part.content)
    for name in ("none", "..%2Frun.json", "%2E%2E/run.json", "%2Fetc%2Fpasswd"):
        refused = staff.get(f"/v1/landuse/ground/files/{name}")
        assert 404 == refused.status_code
        assert str(desk.data) not in refused.text


def test_every_door_tells_the_same_of_an_assessment(desk: Desk, tmp_path: Path) -> None:
    staff = desk.clients["staff"]
    found = staff.get("/v1/assessments/loss").raise_for_status().json()
    assert ({"red": 1, "amber": 0, "insufficient evidence": 0, "green": 4}, "fields.geojson") == (
        found["lights"],
        found["source"],
    )
    red = staff.get("/v1/assessments/loss/parcels", params={"light": "red"}).json()
    (feature,) = red["features"]
    told = feature["properties"]
    share = round(told["affected_share"], 2)  # as exact as imagery is
    assert ("F-4", "payable", 1.0) == (feature["id"], told["grade"], share)
    (reason,) = told["reasons"]
    assert ("affected", None, True) == (reason["name"], reason["lack"], "100" in reason["en"])
    assert told["collection_after"] == watchmaking.NAME
    walked, path = [], "/v1/assessments/loss/parcels?limit=2"
    while path:
        page = staff.get(path).raise_for_status().json()
        walked += [one["id"] for one in page["features"]]
        path = page["next"]
    assert [f"F-{at}" for at in range(5)] == walked

    details = json.loads(desk.call("GetAssessment", name="loss").assessment.details)
    assert {name: found[name] for name in details} == details
    policies = staff.get("/v1/assessments/loss/tables/policies").json()["rows"]
    asked = {"kind": "damage", "name": "loss"}
    rows = desk.call("ListRunRows", **asked, table="policies", where={"policy": "P/2"}).rows
    assert [policies[2]] == [json.loads(one) for one in rows]
    (*none, sheet) = (one["sheet"] for one in policies)
    assert ([None, None], "claims/P_2-") == (none, sheet[:-8])
    with satseek.open(desk.data, model="starter", server_worker=False) as here:
        assert desk.sdk.assessment("loss") == here.assessment("loss")
        assert desk.sdk.assessments() == here.assessments()
        parcels = desk.sdk.assessed_parcels("loss", district="North")
        assert parcels == here.assessed_parcels("loss")
        assert desk.sdk.assessment_visits("loss") == here.assessment_visits("loss")
        for table in ("policies", "districts", "problems"):
            same = here.assessment_rows("loss", table)
            assert same == desk.sdk.assessment_rows("loss", table)
        here.save_claim_sheet("loss", "P/2", tmp_path / "here.html")
    desk.sdk.save_claim_sheet("loss", "P/2", tmp_path / "sheet.html")
    sheet = (tmp_path / "sheet.html").read_bytes()
    assert sheet == (tmp_path / "here.html").read_bytes()
    assert b"P/2" in sheet
    for policy, form in (("P/0", "html"), ("P/2", "pdf"), ("none", "html")):
        refused = staff.get(f"/v1/assessments/loss/sheets/{policy}", params={"form": form})
        assert (404, True) == (refused.status_code, "sheets" in refused.json()["detail"])


def test_what_is_usual_is_told_by_the_names_that_are_asked_by(desk: Desk) -> None:
    told = desk.clients["staff"].get("/v1/assessments/hazards").raise_for_status().json()
    assert desk.sdk.assessment("loss").rules == told["rules"]
    assert told["rules"].keys() <= AssessTask.model_fields.keys()


def test_uploads_are_their_senders_alone(desk: Desk) -> None:
    staff, guest = desk.clients["staff"], desk.clients["guest"]
    mine = staff.get("/v1/parcels").json()["uploads"]
    assert [("fields.geojson", 5, 3, "key:staff")] == [
        (one["name"], one["parcels"], one["policies"], one["by"]) for one in mine
    ]
    assert [one.id for one in desk.sdk.uploads()] == [one["id"] for one in mine]
    (told,) = desk.call("ListUploads").uploads
    assert (mine[0]["sha256"], mine[0]["bbox"][0]) == (told.sha256, told.bbox.west)
    assert [] == guest.get("/v1/parcels").json()["uploads"]
    assert 404 == guest.get(f"/v1/parcels/{mine[0]['id']}").status_code
    assert 404 == guest.delete(f"/v1/parcels/{mine[0]['id']}").status_code
    stolen = {"collection": "own", "parcels": mine[0]["parcels_ref"], "after": "scenes"}
    for path, body in (
        ("/v1/assessments", stolen),
        ("/v1/jobs", {**stolen, "task": "assess"}),
    ):
        assert 404 == guest.post(path, json=body).status_code
    assert 403 == desk.clients["looker"].get("/v1/parcels").status_code
    columns = {"policy_column": "village", "insured_unit": "mu"}
    own = desk.call("SendParcels", key="guest", content=parcels(), name="../a.geojson", **columns)
    own = own.upload
    assert ("a.geojson", "key:guest", 1) == (own.name, own.by, own.policies)
    told = guest.get(f"/v1/parcels/{own.id}").json()
    assert columns == {name: told[name] for name in columns}
    assert columns == {name: getattr(own, name) for name in columns}
    assert (None, False) == (told["layer"], own.HasField("layer"))
    usual = dict.fromkeys(desk.sdk.uploads()[0].columns)
    assert usual | {"insured_unit": "ha"} == desk.sdk.uploads()[0].columns
    desk.call("RemoveUpload", key="guest", id=own.id)
    for content in (b"", b"<OGRVRTDataSource/>", b"/vsicurl/http://127.0.0.1/x"):
        assert 422 == staff.post("/v1/parcels", content=content).status_code


def test_every_door_tells_the_same_of_a_watch(desk: Desk) -> None:
    staff = desk.clients["staff"]
    watch = staff.get("/v1/watches/mines").raise_for_status().json()
    assert (False, 3, 2, 1) == (
        watch["paused"],
        len(watch["next"]),
        watch["scenes_looked_at"],
        watch["findings"]["new"],
    )
    assert watch["runs"] == [watch["last_run"]]
    alerts = staff.get("/v1/watches/mines/findings").json()["features"]
    assert watch["last_run"]["alerts"] == [one["id"] for one in alerts]
    told = desk.call("GetWatch", name="mines").watch
    assert watch == json.loads(told.details)
    assert watch == json.loads(
        desk.call("PutWatch", name="mines", watch=json.dumps(MINES)).watch.details
    )
    with satseek.open(desk.data, model="starter", server_worker=False) as here:
        assert desk.sdk.watch("mines") == here.watch("mines")
        assert desk.sdk.watches() == here.watches()
        assert here.put_watch("mines", **MINES) == desk.sdk.put_watch("mines", **MINES)
        assert desk.call("PauseWatch", name="mines").watch.paused
        assert (True, ()) == (here.watch("mines").paused, here.watch("mines").next)
        still = here.put_watch("mines", **MINES, paused=True)
        assert (True, still) == (still.paused, desk.sdk.watch("mines"))
        resumed = here.resume_watch("mines")
        assert resumed == desk.sdk.watch("mines")
        assert not resumed.paused
        truth = watchmaking.box_around([(8, 8), (9, 9)])
        measured = desk.sdk.measure_watch("mines", truth=truth)
        assert measured == here.measure_watch("mines", truth=truth, day=DAYS[-1])
        assert desk.sdk.watch_expected("mines") == here.watch_expected("mines")
    assert (1.0, 4) == (measured.sensitivity, measured.right)
    again = desk.call("MeasureWatch", name="mines", truth=json.dumps(truth))
    assert measured.specificity_95 == tuple(again.specificity_95)
    expected = desk.call("GetWatchExpected", name="mines")
    assert desk.sdk.watch_expected("mines").seed_quantile == expected.seed_quantile


def test_a_report_of_one_watch_tells_what_it_was_asked(desk: Desk) -> None:
    staff = desk.clients["staff"]
    asked = {"task": "report", "collection": watchmaking.NAME, "sources": ["mines"]}
    job = done(staff, staff.post("/v1/jobs", json=asked | {"kinds": ["watch"]}))
    page = staff.get(f"/v1/reports/{job['id']}/report.html").raise_for_status().text
    for part in ("Watch mines: mine", "a quarry", *map(watchmaking.scene_name, DAYS)):
        assert part in page
    refused = staff.post("/v1/jobs", json=asked | {"measured": True})
    assert (422, True) == (refused.status_code, "one source" in refused.text)


def test_answers_teach_a_watch(desk: Desk) -> None:
    chip = f"{watchmaking.NAME}/{watchmaking.scene_name(DAYS[0])}/"
    quarry = watchmaking.make_chip((2, 2), day=DAYS[0], scene="").cell
    assert 0 == desk.sdk.watch_expected("mines").rejected
    desk.sdk.teach_watch("mines", disliked=[chip + quarry])
    assert 1 == desk.sdk.watch_expected("mines").rejected
    staff = desk.clients["staff"]
    both = {"liked": [chip + quarry], "disliked": [chip + quarry]}
    assert 422 == staff.post("/v1/watches/mines/examples", json=both).status_code
    unseen = staff.post("/v1/watches/mines/examples", json={"liked": ["none"]})
    assert 422 == unseen.status_code


def test_scenes_named_at_the_terminal_stay_so_through_every_door(
    desk: Desk, tmp_path: Path
) -> None:
    """Neither a changed label nor a server that may not read there breaks a watch of a terminal."""
    file = tmp_path / "dams.json"
    scenes = {"folder": "new/june", "allow": ["hosts.invalid"], "chip_px": 64}
    file.write_text(json.dumps(MINES | {"name": "dams", "scenes": scenes, "schedule": None}))
    with opened_watches(desk.settings) as watches:
        kept = watches.save(read_watch(file)).scenes
        staff = desk.clients["staff"]
        told = staff.get("/v1/watches/dams").json()["scenes"]
        assert {"folder": "june", "here": True, "chip_px": 64} == told
        put = staff.put("/v1/watches/dams", json=MINES | {"scenes": told, "least_cells": 2})
        assert (200, 2, kept) == (
            put.status_code,
            put.json()["version"],
            watches.get("dams").scenes,
        )
        again = MINES | {"scenes": told, "least_cells": 3}
        assert 3 == desk.call("PutWatch", name="dams", watch=json.dumps(again)).watch.version
        with satseek.open(desk.data, model="starter", server_worker=False) as here:
            assert 4 == here.put_watch("dams", **MINES, scenes=here.watch("dams").scenes).version
        assert kept == watches.get("dams").scenes
        for other in ({"folder": "/etc"}, {"chip_px": 32}):
            refused = staff.put("/v1/watches/dams", json=MINES | {"scenes": told | other})
            assert (422, True) == (refused.status_code, "terminal" in refused.json()["detail"])
        assert 204 == staff.delete("/v1/watches/dams").status_code
    assert kept is not None
    assert (str(tmp_path / "new/june"), ("hosts.invalid",)) == (kept.folder, kept.allow)


@pytest.mark.parametrize(
    "said",
    [
        {"operating_point": 0.7},
        {"operating_point": {"cosine": 0.7}},
        {"operating_point": {"threshold": "0.7"}},
        {"threshold": 0.7},
        {"concept": {**MINES["concept"], "cosine": 0.7}},
    ],
)
def test_a_constant_is_refused_with_the_reason(desk: Desk, said: dict[str, Any]) -> None:
    asked = MINES | said
    refused = desk.clients["staff"].put("/v1/watches/other", json=asked)
    assert (422, "urn:satseek:problem:invalid-config") == (
        refused.status_code,
        refused.json()["type"],
    )
    assert "no constant holds" in refused.json()["detail"]
    with pytest.raises(grpc.RpcError, match="no constant holds"):
        desk.call("PutWatch", name="other", watch=json.dumps(asked))
    with (
        satseek.open(desk.data, model="starter") as here,
        pytest.raises(satseek.errors.InvalidConfig, match="no constant holds"),
    ):
        here.put_watch("other", **asked)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"collection": "nowhere"}, 404),
        ({"scenes": {"folder": "/etc"}}, 422),
        ({"scenes": {"folder": "https://169.254.169.254/catalog.json"}}, 422),
        ({"scenes": {"folder": "scenes", "allow": ["/"]}}, 422),
        ({"scenes": {"folder": "scenes", "here": True}}, 422),
        ({"deliver": ["mail"]}, 422),
        ({"schedule": {"cron": "61 * * * *"}}, 422),
        ({"ground": {"area": "/etc/passwd"}}, 422),
        ({"ground": {"permits": "file:///etc/passwd"}}, 422),
        ({"concept": {"label": "mine", "saved": "nothing"}}, 404),
        ({"operating_point": {"precision": 0.8, "recall": 0.9}}, 422),
    ],
)
def test_a_watch_takes_less_than_a_file_of_one(
    desk: Desk, changed: dict[str, Any], status: int
) -> None:
    answer = desk.clients["staff"].put("/v1/watches/other", json=MINES | changed)
    assert status == answer.status_code, answer.text
    assert 404 == desk.clients["staff"].get("/v1/watches/other").status_code


def test_nobody_sees_what_lies_in_a_collection_that_they_do_not(desk: Desk) -> None:
    guest = desk.clients["guest"]
    assert ([], [], []) == (
        guest.get("/v1/landuse").json()["runs"],
        guest.get("/v1/assessments").json()["assessments"],
        guest.get("/v1/watches").json()["watches"],
    )
    below = (
        *("landuse/ground", "landuse/ground/changes", "landuse/ground/files/areas.csv"),
        *("landuse/ground/maps/2024-05/1/1/1.png", "assessments/loss", "assessments/loss/parcels"),
        *("assessments/loss/sheets/P/2", "watches/mines", "watches/mines/findings"),
        *("watches/mines/expected",),
    )
    for path in below:
        unseen, nothing = guest.get(f"/v1/{path}"), path.replace("ground", "none")
        nothing = nothing.replace("loss", "none").replace("mines", "none")
        missing = guest.get(f"/v1/{nothing}").json()
        assert 404 == unseen.status_code
        named = unseen.json()["detail"].replace("ground", "none").replace("loss", "none")
        assert missing["detail"] == named.replace("mines", "none")
    assert 404 == guest.delete("/v1/landuse/ground").status_code
    assert 404 == guest.post("/v1/watches/mines/run").status_code
    for method in ("GetLandUse", "GetAssessment", "GetWatch"):
        with pytest.raises(grpc.RpcError) as refused:
            desk.call(method, key="guest", name="ground")
        assert grpc.StatusCode.NOT_FOUND == refused.value.code()
    looker = desk.clients["looker"]
    assert 200 == looker.get("/v1/landuse/ground").status_code
    for answer in (
        looker.delete("/v1/landuse/ground"),
        looker.post("/v1/landuse", json={"collection": watchmaking.NAME}),
        looker.put("/v1/watches/mines", json=MINES),
        looker.post("/v1/parcels", content=parcels()),
    ):
        assert 403 == answer.status_code


def test_a_name_that_is_taken_by_what_somebody_does_not_see_is_taken(desk: Desk) -> None:
    guest = desk.clients["guest"]
    asked = {"collection": "own", "folder": "scenes", "name": "ground"}
    (desk.data.parent / "scenes").mkdir(exist_ok=True)
    for path, body in (
        ("/v1/landuse", asked),
        ("/v1/landuse", {**asked, "name": "presets"}),
        ("/v1/watches/mines", MINES | {"collection": "own", "scenes": {"folder": "scenes"}}),
    ):
        send = guest.put if "watches" in path else guest.post
        answer = send(path, json=body)
        assert answer.status_code == (422 if body.get("name") == "presets" else 409), answer.text
        assert watchmaking.NAME not in answer.json()["detail"].replace("'ground'", "")


def test_what_is_changed_is_in_the_audit_trail(desk: Desk) -> None:
    actions = {(one["action"], one["who"]) for one in entries(desk.data / "audit")}
    done_by = {("job.submit", "key:staff"), ("watch.put", "key:staff")}
    done_by |= {("parcels.send", "key:guest"), ("parcels.remove", "key:guest")}
    assert done_by | {("watch.pause", "key:staff"), ("watch.teach", "key:staff")} <= actions
