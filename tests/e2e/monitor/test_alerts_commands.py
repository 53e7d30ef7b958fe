"""``satseek alerts``: what it prints, and how it ends."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from findingmaking import make_finding
from posting import SECRET, webhook_desk
from receiving import receiving
from typer.testing import CliRunner

from satseek.cli import delivering
from satseek.cli.application import app
from satseek.errors import AlertNotFound, InvalidRequest, InvalidSettings, ServerUnreachable
from satseek.monitor.delivery.outbox import Outbox
from satseek.monitor.delivery.signing import HEADER, check_signature
from satseek.monitor.tables import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from receiving import Receiver
    from typer.testing import Result

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def data(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two alerts wait for a receiver that the settings in the current folder name."""
    monkeypatch.chdir(tmp_path)
    Path("satseek.toml").write_text(
        f"""
webhook_hosts = ["127.0.0.1:{receiver.port}"]
webhook_secrets = {{team = ["{SECRET}"]}}

[alert_channels.team]
to = "http://127.0.0.1:{receiver.port}/token"

[alert_channels.mail]
to = "mailto:ann@land.example"
""",
        encoding="utf-8",
    )
    with closing(webhook_desk(tmp_path / "data", receiver.port)) as desk:
        desk.keep(make_finding(0), make_finding(1))
    return tmp_path / "data"


def run(data: Path, *words: object) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(data), "alerts", *map(str, words)])


def told(data: Path, *words: object) -> Any:
    done = run(data, *words, "--json")
    assert 0 == done.exit_code, done.output
    return json.loads(done.stdout)


def test_what_waits_is_delivered_listed_and_shown(data: Path, receiver: Receiver) -> None:
    listed = told(data, "list")
    assert {"waiting": 2, "arrived": 0, "dead": 0} == listed["counts"]
    assert {"team"} == {one["channel"] for one in listed["alerts"]}
    done = run(data, "deliver")
    assert "2 arrived, 0 tries failed\n" == done.stderr
    assert {one["id"] for one in listed["alerts"]} == set(receiver.taken)
    rows = run(data, "list", "--state", "arrived").stdout.splitlines()
    assert ["id", "made", "channel"] == rows[0].split()[:3]
    assert 3 == len(rows)
    shown = told(data, "show", listed["alerts"][0]["id"][:8])
    assert (listed["alerts"][0]["finding"], "arrived") == (
        shown["body"]["finding"]["id"],
        shown["state"],
    )
    assert "alert.new" in run(data, "show", listed["alerts"][0]["id"]).stdout
    assert {"alerts": [], "counts": {"waiting": 0, "arrived": 2, "dead": 0}} == told(
        data, "list", "--source", "roads"
    )


def test_what_was_given_up_is_sent_again(data: Path, receiver: Receiver) -> None:
    receiver.conduct = lambda _n: (410, {})
    assert 2 == told(data, "deliver")["dead"]
    assert "2 were given up" in run(data, "deliver").stderr
    receiver.conduct = lambda _n: "take"
    assert {"alerts": 2} == told(data, "resend", "--dead")
    assert 2 == told(data, "deliver")["arrived"]
    first = told(data, "list")["alerts"][0]["id"]
    assert run(data, "resend", first).stderr.startswith("1 to be sent again")
    assert 1 == told(data, "deliver")["arrived"]
    trail = "".join(one.read_text(encoding="utf-8") for one in (data / "audit").glob("*.jsonl"))
    assert 4 == trail.count("alert.resend")


def test_it_goes_on_while_it_is_to_wait(data: Path, receiver: Receiver) -> None:
    with closing(Outbox(data / FOLDER)) as outbox, outbox.store.transaction() as db:
        db.execute("UPDATE outbox_letters SET due = ?", (time.time() + 3,))
    assert (0, 2) == _sent(told(data, "deliver"))
    assert (2, 0) == _sent(told(data, "deliver", "--wait", "20"))
    receiver.conduct = lambda _n: (503, {"Retry-After": "600"})
    told(data, "resend", told(data, "list")["alerts"][0]["id"])
    begun = time.monotonic()
    assert (0, 1) == _sent(told(data, "deliver", "--wait", "20"))  # no use waiting for that
    assert time.monotonic() - begun < 10


def _sent(delivered: Any) -> tuple[int, int]:
    return delivered["arrived"], delivered["waiting"]


def test_a_sample_is_signed_and_tells_whether_it_arrived(data: Path, receiver: Receiver) -> None:
    done = run(data, "test", "team")
    assert done.stderr.startswith(
        f"channel team: http://127.0.0.1:{receiver.port}/… has the sample"
    )
    (got,) = receiver.got
    stamp = float(got.headers[HEADER].split(",")[0].removeprefix("t="))
    check_signature(got.body, got.headers[HEADER], secrets=[SECRET], now=stamp)
    assert ("alert.test", got.key) == (got.said["type"], got.said["key"])
    receiver.conduct = lambda _n: "refuse"
    failed = run(data, "test", "team").exception
    assert ServerUnreachable is type(failed)
    assert "status 500" in str(failed)
    assert 2 == told(data, "list")["counts"]["waiting"]


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (("show", "0000"), AlertNotFound, "satseek alerts list"),
        (("resend",), InvalidRequest, "ids of alerts, or --dead"),
        (("resend", "00", "--dead"), InvalidRequest, "ids of alerts, or --dead"),
        (("list", "--state", "lost"), InvalidRequest, "waiting, arrived, dead"),
        (("test", "nobody"), InvalidRequest, "team, mail"),
        (("test", "mail"), InvalidSettings, "smtp_host, smtp_from"),
    ],
)
def test_what_cannot_be_is_said_on_one_line(
    data: Path, words: tuple[str, ...], kind: type[Exception], said: str
) -> None:
    refused = run(data, *words).exception
    assert kind is type(refused)
    assert said in str(refused)
    assert 1 == len(str(refused).splitlines())


def test_channels_say_what_they_need(data: Path, receiver: Receiver) -> None:
    team, mail = told(data, "channels")
    assert ("team", "webhook", "") == (team["name"], team["way"], team["needs"])
    assert ("mail", "mail", "ann@land.example") == (mail["name"], mail["way"], mail["to"])
    assert mail["needs"].startswith("smtp_host, smtp_from: expected both")
    shown = run(data, "channels").stdout
    assert f"http://127.0.0.1:{receiver.port}/…" in shown
    assert "/token" not in shown


def test_every_command_is_in_the_reference() -> None:
    reference = REFERENCE.read_text(encoding="utf-8")
    assert "satseek alerts" in reference
    for one in delivering.group.registered_commands:
        assert one.callback is not None
        assert (one.name or one.callback.__name__) in reference
