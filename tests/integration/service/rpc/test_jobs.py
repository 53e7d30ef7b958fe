"""Jobs and schedules over gRPC: what REST tells, and a stream that ends with the job."""

from __future__ import annotations

import json
import signal
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import rpcclient
from google.protobuf.json_format import MessageToDict
from shipped import make_collection

from satseek.assemble import Assembly
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

Code = grpc.StatusCode
INVALID = (Code.INVALID_ARGUMENT, "InvalidRequest")

SMALL = json.dumps({"collection": "small"})


def shown(job: Any) -> dict[str, Any]:
    """A job as REST shows it."""
    fields: dict[str, Any] = MessageToDict(
        job, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    progress = {**fields["progress"], "seconds_left": fields["progress"].get("seconds_left")}
    for name in ("done", "total"):
        progress[name] = int(progress[name])  # as JSON has 64 bits: a text
    fields |= {"parameters": json.loads(fields["parameters"]), "progress": progress}
    fields["result"] = json.loads(fields["result"]) if "result" in fields else None
    return fields


def test_a_job_is_watched_to_its_end_and_is_what_rest_tells(
    client: rpcclient.Client, stub: Any, http: httpx.Client
) -> None:
    asked = client.pb.SubmitJobRequest(
        task="verify", parameters=SMALL, key="once", priority=3, keep_seconds=3600
    )
    job = stub.SubmitJob(asked).job
    assert job.id == stub.SubmitJob(asked).job.id
    seen = [one.job for one in stub.WatchJob(client.pb.WatchJobRequest(id=job.id), timeout=60)]
    assert "done" == seen[-1].state
    assert len(seen) == len({one.SerializeToString() for one in seen})
    told = http.get(f"/v1/jobs/{job.id}").raise_for_status().json()
    mine = shown(stub.GetJob(client.pb.GetJobRequest(id=job.id)).job)
    absent = {name: None for name, value in told.items() if value is None}
    assert {**absent, **mine} == {name: value for name, value in told.items() if name != "revision"}
    assert (3, {"collection": "small"}) == (mine["priority"], mine["parameters"])


def test_jobs_are_listed_page_by_page_and_cancelled(client: rpcclient.Client, stub: Any) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    asked = client.pb.SubmitJobRequest(task="verify", parameters=SMALL, not_before=later)
    ids = [stub.SubmitJob(asked).job.id for _ in range(3)]
    found: list[str] = []
    token = None
    while token != "":
        page = stub.ListJobs(
            client.pb.ListJobsRequest(state="queued", page_size=2, page_token=token)
        )
        found += [one.id for one in page.jobs]
        token = page.next_page_token
    assert ids[::-1] == found
    for job_id in ids:
        ended = stub.CancelJob(client.pb.CancelJobRequest(id=job_id)).job
        assert "cancelled" == ended.state
    assert [] == list(stub.ListJobs(client.pb.ListJobsRequest(state="queued")).jobs)


def test_schedules_are_set_up_listed_and_removed(
    client: rpcclient.Client, stub: Any, http: httpx.Client
) -> None:
    asked = client.pb.PutScheduleRequest(
        name="weekly", cron="0 4 * * 1", timezone="Asia/Shanghai", task="verify", parameters=SMALL
    )
    made = stub.PutSchedule(asked).schedule
    (listed,) = stub.ListSchedules(client.pb.ListSchedulesRequest()).schedules
    assert made == listed
    told = http.get("/v1/schedules/weekly").json()
    assert (told["next"], told["parameters"]) == (list(made.next), json.loads(made.parameters))
    stub.RemoveSchedule(client.pb.RemoveScheduleRequest(name="weekly"))
    assert [] == list(stub.ListSchedules(client.pb.ListSchedulesRequest()).schedules)


@pytest.mark.parametrize(
    ("method", "fields", "refusal"),
    [
        ("GetJob", {"id": "0" * 16}, (Code.NOT_FOUND, "JobNotFound")),
        ("WatchJob", {"id": "0" * 16}, (Code.NOT_FOUND, "JobNotFound")),
        ("CancelJob", {"id": "0" * 16}, (Code.NOT_FOUND, "JobNotFound")),
        ("SubmitJob", {"task": "dance"}, INVALID),
        ("SubmitJob", {"task": "verify"}, INVALID),
        ("SubmitJob", {"task": "verify", "parameters": "{"}, INVALID),
        ("SubmitJob", {"task": "verify", "parameters": "[]"}, INVALID),
        (
            "SubmitJob",
            {"task": "verify", "parameters": '{"collection": "none"}'},
            (Code.NOT_FOUND, "CollectionNotFound"),
        ),
        (
            "SubmitJob",
            {"task": "verify", "parameters": SMALL, "priority": 11},
            INVALID,
        ),
        ("ListJobs", {"state": "odd"}, INVALID),
        ("ListJobs", {"page_token": "odd"}, INVALID),
        ("RemoveSchedule", {"name": "none"}, (Code.NOT_FOUND, "ScheduleNotFound")),
        (
            "PutSchedule",
            {"name": "a", "cron": "soon", "task": "verify", "parameters": SMALL},
            INVALID,
        ),
    ],
)
def test_what_cannot_be_is_refused(
    client: rpcclient.Client,
    stub: Any,
    method: str,
    fields: dict[str, Any],
    refusal: tuple[grpc.StatusCode, str],
) -> None:
    request = getattr(client.pb, f"{method}Request")(**fields)
    with pytest.raises(grpc.RpcError) as refused:
        list(getattr(stub, method)(request))
    assert refusal == (refused.value.code(), rpcclient.reason(refused.value))


def test_a_watcher_is_told_to_go_elsewhere_when_the_server_stops(
    client: rpcclient.Client, tmp_path: Path
) -> None:
    assembly = Assembly(Settings(data_dir=tmp_path / "data"))
    make_collection(assembly, "small")
    assembly.close()
    with (
        rpcclient.called(tmp_path / "data", server_worker="false", request_seconds="2") as called,
        called.channel() as channel,
    ):
        stub = client.stub(channel)
        job = stub.SubmitJob(client.pb.SubmitJobRequest(task="verify", parameters=SMALL)).job
        watched = stub.WatchJob(client.pb.WatchJobRequest(id=job.id))
        assert "queued" == next(watched).job.state
        ends = time.monotonic() + 2.5  # longer than any request may take
        while time.monotonic() < ends:
            assert watched.is_active()
            time.sleep(0.1)
        called.server.process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.RpcError) as ended:
            next(watched)
        assert (Code.UNAVAILABLE, "ServerUnreachable") == (
            ended.value.code(),
            rpcclient.reason(ended.value),
        )
