"""Findings, alerts, samples and reports through every door: one answer, nothing hidden."""

from __future__ import annotations

import asyncio
import csv
import inspect
import io
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("grpc", reason="grpc is not on this machine: pip install 'satseek[grpc]'")

import grpc
import httpx
import rpcclient
from keymaking import bearer
from reviewmaking import HIDDEN_PART, SECRETS, make_keys, make_review

import satseek
from satseek.client.findings import finding_of
from satseek.client.reviewing import AsyncReviewVerbs, ReviewVerbs
from satseek.embedded import Embedded
from satseek.errors import Conflict, FindingNotFound, InvalidRequest, PermissionDenied
from satseek.service.access.proving import entries
from satseek.service.rpc.generated import satseek_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reviewmaking import Kept

SECONDS = 60


@dataclass(frozen=True, slots=True)
class Desk:
    """A server over a folder, and clients of it by what they are."""

    kept: Kept
    called: rpcclient.Called
    keys: dict[str, str]
    http: dict[str, httpx.Client]

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.kept.findings]

    def sdk(self, role: str) -> satseek.Client:
        return satseek.Client(self.called.server.url, token=self.keys[role])

    @contextmanager
    def folder(self) -> Iterator[Embedded]:
        with satseek.open(self.kept.data, **self.kept.settings) as folder:
            yield folder

    def rpc(self, method: str, request: Any, *, role: str) -> Any:
        """Call a method; its answer is named after it."""
        answer = getattr(pb, f"{method}Response")
        with self.called.channel() as channel:
            call = channel.unary_unary(
                f"/satseek.v1.Satseek/{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=answer.FromString,
            )
            metadata = list(bearer(self.keys[role]).items())
            return call(request, metadata=metadata, timeout=SECONDS)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    kept = make_review(tmp_path_factory.mktemp("review"))
    keys = make_keys(kept.data)
    settings = {name: json.dumps(value) for name, value in kept.settings.items()}
    settings["webhook_hosts"] = "hooks.invalid"
    settings["collection_groups"] = '{"secret": ["staff"]}'
    with rpcclient.called(kept.data, ready=False, auth="keys", **settings) as called:
        clients = {
            role: httpx.Client(base_url=called.server.url, headers=bearer(key), timeout=SECONDS)
            for role, key in keys.items()
        }
        yield Desk(kept, called, keys, clients)
        for client in clients.values():
            client.close()


def _spoken(one: Any) -> dict[str, Any]:
    """Give a message of gRPC as REST's JSON has it."""
    maybe = ("area_m2", "first_seen", "last_seen", "footprint")
    told = {
        field.name: getattr(one, field.name)
        for field in one.DESCRIPTOR.fields
        if field.name not in maybe or one.HasField(field.name)
    }
    told = dict.fromkeys(maybe) | told
    told["scores"] = dict(one.scores)
    told["footprint"] = json.loads(one.footprint) if one.HasField("footprint") else None
    told["properties"] = json.loads(one.properties)
    told["evidence"] = [
        {
            "side": part.side,
            "chip_id": part.chip_id,
            "scene": part.scene,
            "datetime": part.datetime or None,
            "picture": part.picture,
            "bounds": [part.bounds.west, part.bounds.south, part.bounds.east, part.bounds.north]
            if part.HasField("bounds")
            else None,
        }
        for part in one.evidence
    ]
    told["history"] = [
        {field.name: getattr(step, field.name) for field in step.DESCRIPTOR.fields}
        | {"before": step.before or None}
        for step in one.history
    ]
    return told


FILTERS: list[dict[str, Any]] = [
    {},
    {"order": "urgent"},
    {"bbox": (0.5, -1.0, 3.5, 1.0), "sources": ["mines"]},
    {"kinds": ["watch"], "states": ["new"], "labels": ["mine"], "collections": ["county"]},
    {"flags": ["outside-permit"]},
    {"start": "2024-07-05"},
    {"assignee": ""},
]


@pytest.mark.parametrize("asked", FILTERS)
def test_all_doors_list_the_same(asked: dict[str, Any], desk: Desk) -> None:
    fields = {name: value for name, value in asked.items() if name != "order"}
    if "bbox" in fields:
        fields["bbox"] = pb.BoundingBox(
            **dict(zip(("west", "south", "east", "north"), fields["bbox"], strict=True))
        )
    request = pb.ListFindingsRequest(
        filter=pb.FindingFilter(**fields), order=asked.get("order", "newest")
    )
    spoken = desk.rpc("ListFindings", request, role="admin").findings
    with desk.sdk("admin") as client, desk.folder() as folder:
        theirs, mine = client.findings(**asked), folder.findings(**asked)
    assert mine == theirs
    assert mine == [finding_of(_spoken(one)) for one in spoken]
    assert ("flags" in asked or "start" in asked) == (mine == [])


def test_all_doors_show_the_same(desk: Desk) -> None:
    finding = desk.ids[0]
    rest = desk.http["admin"].get(f"/v1/findings/{finding}").raise_for_status().json()
    spoken = desk.rpc("GetFinding", pb.GetFindingRequest(id=finding), role="admin").finding
    with desk.sdk("admin") as client, desk.folder() as folder:
        mine = folder.finding(finding)
        assert mine == client.finding(finding) == finding_of(rest) == finding_of(_spoken(spoken))
        assert folder.finding_counts() == client.finding_counts()
        counts = desk.rpc("CountFindings", pb.CountFindingsRequest(), role="reader")
        assert ("key:reader", 3) == (counts.you, sum(counts.counts.values()))
        with pytest.raises(FindingNotFound):
            client.finding(finding[:8])
        with pytest.raises(FindingNotFound):
            folder.finding(finding[:8])
    assert ["found"] == [step.deed for step in mine.history]


def test_a_list_goes_on_where_its_page_ended(desk: Desk) -> None:
    http, walked = desk.http["admin"], []
    path: str | None = "/v1/findings?limit=2&order=urgent"
    while path is not None:
        answer = http.get(path).raise_for_status()
        walked += [one["id"] for one in answer.json()["findings"]]
        path = answer.json()["next"]
        assert (path is None) == ("link" not in answer.headers)
    assert desk.ids[::-1] == walked
    cursor = http.get("/v1/findings?limit=2").json()["next"].rpartition("cursor=")[2]
    assert 422 == http.get(f"/v1/findings?order=urgent&cursor={cursor}").status_code
    assert 422 == http.get("/v1/findings?colour=red").status_code
    shapes = http.get("/v1/findings?limit=2", headers={"accept": "application/geo+json"})
    assert "application/geo+json" == shapes.headers["content-type"]
    assert ["FeatureCollection", 2] == [shapes.json()["type"], shapes.json()["numberReturned"]]
    with desk.sdk("admin") as client, desk.folder() as folder:
        assert walked[:3] == [one.id for one in client.findings(order="urgent", limit=3)]
        assert walked[:3] == [one.id for one in folder.findings(order="urgent", limit=3)]


def test_what_is_hidden_is_not_there(desk: Desk) -> None:
    county, secret = desk.ids[:3], desk.ids[3]
    for role in ("reader", "guest"):
        http = desk.http[role]
        listed = http.get("/v1/findings").json()["findings"]
        assert county[::-1] == [one["id"] for one in listed]
        assert 3 == sum(http.get("/v1/findings/counts").json()["counts"].values())
        rows = list(csv.DictReader(io.StringIO(http.get("/v1/findings/export?format=csv").text)))
        assert county[::-1] == [row["id"] for row in rows]
        digest = desk.kept.findings[3].evidence[0].picture
        hidden, never = [
            http.get(f"/v1/findings/{one}").json()["detail"].replace(one, "X")
            for one in (secret, "0" * 20)
        ]
        assert hidden == never
        for path in (f"/v1/findings/{secret}/pictures/{digest}", "/v1/findings?collection=secret"):
            assert 404 == http.get(path).status_code
    guest = desk.http["guest"]
    assert 404 == guest.post(f"/v1/findings/{secret}/confirm").status_code
    told = {one["finding"] for one in guest.get("/v1/alerts").json()["alerts"]}
    assert told == set(county)
    assert None is guest.get("/v1/alerts").json()["counts"]
    alerts = desk.http["admin"].get(f"/v1/alerts?finding={secret}").json()["alerts"]
    assert 2 == len(alerts)
    assert 404 == guest.get(f"/v1/alerts/{alerts[0]['id']}").status_code
    assert 404 == guest.post("/v1/alerts/resend", json={"alerts": [alerts[0]["id"]]}).status_code
    assert 403 == guest.post("/v1/alerts/resend", json={"dead": True}).status_code


def test_people_decide_through_every_door(desk: Desk) -> None:
    finding, http = desk.ids[1], desk.http["inspector"]
    path = f"/v1/findings/{finding}"
    assert 403 == desk.http["reader"].post(f"{path}/confirm").status_code
    assert 403 == http.post(f"{path}/confirm", json={"who": "somebody else"}).status_code
    assert 422 == http.post(f"{path}/confirm", json={"revision": 0}).status_code
    said = {"comment": "seen on site", "revision": 1}
    first, again = (http.post(f"{path}/confirm", json=said) for _ in range(2))
    assert [200, first.json()] == [again.status_code, again.json()]
    assert ["confirmed", "key:inspector", 3] == [
        first.json()[name] for name in ("state", "assignee", "revision")
    ]
    stale = http.post(f"{path}/close", json={"revision": 2})
    assert [409, "urn:satseek:problem:conflict"] == [stale.status_code, stale.json()["type"]]
    request = pb.DecideFindingRequest(id=finding, deed="close", revision=3)
    closed = desk.rpc("DecideFinding", request, role="operator").finding
    assert ("closed", ["reopen", "comment"]) == (closed.state, list(closed.may))
    with desk.folder() as folder, desk.sdk("inspector") as client:
        opened = folder.decide_finding(finding, "reopen", who="lin", comment="another parcel")
        assert ("assigned", "local:lin") == (opened.state, opened.assignee)
        for one in (folder, client):
            with pytest.raises(Conflict):
                one.decide_finding(finding, "confirm")
            with pytest.raises(InvalidRequest):
                one.decide_finding(finding, "burn")
        with desk.sdk("reader") as reader, pytest.raises(PermissionDenied):
            reader.decide_finding(finding, "comment", comment="x")
        given = client.decide_finding(finding, "assign", assignee="@me", revision=5)
        assert ("key:inspector", 6) == (given.assignee, given.revision)
        assert given == replace(folder.finding(finding))
    deeds = ["found", "assign", "confirm", "close", "reopen", "assign"]
    assert deeds == [step.deed for step in given.history]
    audit = [
        (one["who"], one["action"], one["outcome"])
        for one in entries(desk.kept.data / "audit")
        if one["target"] == finding
    ]
    assert ("key:inspector", "finding.confirm", "done") in audit
    assert ("key:inspector", "finding.close", "refused") in audit
    assert ("key:operator", "finding.close", "done") in audit


def test_the_next_finding_is_of_one_person(desk: Desk) -> None:
    asked: dict[str, Any] = {"collections": ["county"], "labels": ["mine"]}
    with desk.sdk("guest") as client:
        first = client.next_finding(**asked)
        assert first is not None
        assert first == client.next_finding(**asked)
    assert ("assigned", "key:guest") == (first.state, first.assignee)
    request = pb.NextFindingRequest(filter=pb.FindingFilter(**asked))
    other = desk.rpc("NextFinding", request, role="operator").finding
    assert {first.id, other.id} == {desk.ids[0], desk.ids[2]}
    mine = desk.http["admin"].get("/v1/findings?assignee=%40me").json()["findings"]
    assert [] == mine
    nothing = desk.http["admin"].post("/v1/findings/next", json={"sources": ["no such"]})
    assert (204, b"") == (nothing.status_code, nothing.content)
    with desk.sdk("admin") as client, desk.folder() as folder:
        assert None is client.next_finding(sources=["no such"])
        assert None is folder.next_finding(sources=["no such"])


def test_pictures_are_what_was_kept(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    one, home = desk.kept.findings[0], tmp_path_factory.mktemp("pictures")
    digest = one.evidence[1].picture
    path = f"/v1/findings/{one.id}/pictures/{digest}"
    answer = desk.http["reader"].get(path)
    assert ("image/png", f'"{digest}"') == (
        answer.headers["content-type"],
        answer.headers["etag"],
    )
    known = desk.http["reader"].get(path, headers={"if-none-match": f'"{digest}"'})
    assert (304, b"") == (known.status_code, known.content)
    request = pb.GetFindingPictureRequest(id=one.id, picture=digest)
    spoken = desk.rpc("GetFindingPicture", request, role="reader").png
    with desk.sdk("reader") as client, desk.folder() as folder:
        for name, door in (("a", client), ("b", folder)):
            door.save_finding_picture(one.id, digest, home / name)
    assert [answer.content] * 3 == [spoken, *((home / name).read_bytes() for name in "ab")]
    assert 404 == desk.http["reader"].get(path.replace(digest, "0" * 64)).status_code


def test_findings_leave_as_files(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("files")
    with desk.sdk("admin") as client, desk.folder() as folder:
        for name, door in (("a.csv", client), ("b.csv", folder)):
            door.export_findings(home / name, collections=["secret"])
    first, second = ((home / name).read_text(encoding="utf-8") for name in ("a.csv", "b.csv"))
    assert first == second
    assert desk.ids[:2:-1] == [row["id"] for row in csv.DictReader(io.StringIO(first))]


def _settled(desk: Desk) -> list[dict[str, Any]]:
    """Wait until every alert was tried."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = desk.http["admin"].get("/v1/alerts").raise_for_status().json()["alerts"]
        if all(one["state"] == "arrived" or one["attempts"] for one in found):
            return list(found)
        time.sleep(0.2)
    raise AssertionError(found)


def test_alerts_are_told_without_secrets(desk: Desk) -> None:
    alerts = _settled(desk)
    own = set(desk.ids[:3])
    one = next(it for it in alerts if it["channel"] == "gis" and it["finding"] in own)
    with desk.sdk("operator") as client, desk.folder() as folder:
        assert client.alert(one["id"]) == folder.alert(one["id"])
        assert one["finding"] == folder.alert(one["id"]).said[0]["finding"]["id"]
        assert {alert["id"] for alert in alerts} == {alert.id for alert in folder.alerts()}
        names = [(channel.name, channel.way, channel.needs) for channel in client.channels()]
        assert [("gis", "file", ""), ("room", "webhook", "")] == names
        tried = [door.try_channel("gis") for door in (client, folder)]
        assert [True, True] == [outcome.arrived for outcome in tried]
        assert 1 == client.resend_alerts([one["id"]])
    spoken = desk.rpc("GetAlert", pb.GetAlertRequest(id=one["id"]), role="operator")
    assert one["finding"] == json.loads(spoken.said[0])["finding"]["id"]
    failed = desk.rpc("TryChannel", pb.TryChannelRequest(channel="room"), role="operator")
    assert (False, True) == (failed.arrived, "hooks.invalid" in failed.error)
    http = desk.http["operator"]
    assert 404 == http.post("/v1/alerts/channels/nobody/test").status_code
    for role in ("reader", "inspector"):
        assert 403 == desk.http[role].get("/v1/alerts").status_code
    said = [http.get(path).text for path in ("/v1/alerts", "/v1/alerts/channels")]
    said += [str(failed), desk.called.server.lines()]
    for secret in (HIDDEN_PART, SECRETS["room"][0], str(desk.kept.data.parent / "alerts")):
        assert [False] * len(said) == [secret in text for text in said[:3]] + [
            secret in said[3] and secret != str(desk.kept.data.parent / "alerts")
        ]


def test_places_are_judged_unseen(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    http, home = desk.http["inspector"], tmp_path_factory.mktemp("places")
    assert 409 == http.get("/v1/samples/july/areas").status_code
    assert 403 == desk.http["reader"].post("/v1/samples/july/next").status_code
    place = http.post("/v1/samples/july/next").raise_for_status().json()
    assert not {"mapped", "stratum"} & place.keys()
    assert ["forest", "mine", "cannot tell"] == place["labels"]
    assert [1, 2] == [one["number"] for one in place["pictures"]]
    jpeg = http.get(place["pictures"][0]["path"])
    assert ("image/jpeg", b"\xff\xd8") == (jpeg.headers["content-type"], jpeg.content[:2])
    path = f"/v1/samples/july/places/{place['id']}"
    assert 422 == http.post(f"{path}/answers", json={"label": "sea"}).status_code
    told = http.post(f"{path}/answers", json={"label": "mine"}).raise_for_status().json()
    assert ("key:inspector", "mine") == (told["answer"]["who"], told["answer"]["label"])
    assert 404 == http.get(f"{path}/pictures/3").status_code
    with desk.sdk("inspector") as client, desk.folder() as folder:
        client.save_place_picture("july", place["id"], 1, home / "a")
        folder.save_place_picture("july", place["id"], 1, home / "b")
        assert jpeg.content == (home / "a").read_bytes() == (home / "b").read_bytes()
        while (one := client.next_place("july")) is not None:
            client.judge_place("july", one.id, "forest", comment="trees")
        assert client.samples() == folder.samples() == [folder.sample("july")]
        assert (4, 0) == (folder.sample("july").progress.agreed, client.samples()[0].progress.open)
        assert client.sample_places("july") == folder.sample_places("july")
        areas = client.sample_areas("july")
        assert areas == folder.sample_areas("july")
        assert (4, 4) == (areas.judged, sum(map(sum, areas.counts)))
        seen = folder.sample_place("july", place["id"], who="lin")
        assert replace(client.sample_place("july", place["id"]), answer=None) == seen
    done = [
        one
        for one in entries(desk.kept.data / "audit")
        if (one["action"], one["outcome"]) == ("sample.answer", "done")
    ]
    assert {"key:inspector"} == {one["who"] for one in done}


def test_reports_are_read_without_scripts(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("reports")
    title = "<script>alert(1)</script>"
    with desk.sdk("guest") as client, desk.folder() as folder:
        job = client.submit("report", collection="county", title=title)
        assert "done" == client.wait(job, seconds=SECONDS).state
        (report,) = client.reports()
        assert [report] == folder.reports(collection="county")
        assert [] == client.reports(collection="secret")
        assert ("html", title, "key:guest") == (report.form, report.title, report.by)
        for name, door in (("a", client), ("b", folder)):
            door.save_report(report, home / name)
        assert (home / "a").read_bytes() == (home / "b").read_bytes()
    http = desk.http["reader"]
    (shown,) = http.get("/v1/reports").json()["reports"]
    answer = http.get(shown["path"])
    assert (home / "a").read_bytes() == answer.content
    assert title.encode() not in answer.content
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert ("text/html", "nosniff") == (
        answer.headers["content-type"].partition(";")[0],
        answer.headers["x-content-type-options"],
    )
    assert answer.headers["content-disposition"].startswith("inline")
    assert 404 == http.get(f"{shown['path']}.txt").status_code
    assert 404 == http.get(f"/v1/reports/{'0' * 16}/report.html").status_code


def test_both_clients_and_the_folder_have_the_same_verbs(desk: Desk) -> None:
    def verbs(kind: type) -> dict[str, str]:
        return {
            name: str(inspect.signature(verb).replace(return_annotation=""))
            for name, verb in vars(kind).items()
            if callable(verb) and not name.startswith("_")
        }

    assert verbs(ReviewVerbs) == verbs(AsyncReviewVerbs)
    missing = [name for name in verbs(ReviewVerbs) if not hasattr(Embedded, name)]
    assert [] == missing

    async def ask() -> tuple[list[str], int]:
        url = desk.called.server.url
        async with satseek.AsyncClient(url, token=desk.keys["admin"]) as client:
            found = await client.findings(limit=2)
            counts = await client.finding_counts()
            return [one.id for one in found], sum(counts.values())

    assert (desk.ids[:-3:-1], 5) == asyncio.run(ask())


def test_a_refusal_is_the_same_over_grpc(desk: Desk) -> None:
    cases = [
        ("GetFinding", pb.GetFindingRequest(id="0" * 20), "FindingNotFound"),
        ("GetAlert", pb.GetAlertRequest(id="0" * 20), "AlertNotFound"),
        ("ListFindings", pb.ListFindingsRequest(page_token="x"), "InvalidRequest"),  # noqa: S106
        ("DecideFinding", pb.DecideFindingRequest(id=desk.ids[0], deed="burn"), "InvalidRequest"),
        ("ResendAlerts", pb.ResendAlertsRequest(), "InvalidRequest"),
    ]
    for method, request, reason in cases:
        with pytest.raises(grpc.RpcError) as refused:
            desk.rpc(method, request, role="admin")
        assert reason == rpcclient.reason(refused.value), method
