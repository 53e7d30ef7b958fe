"""Alerts are posted, signed, again and again under one key, until a receiver has them."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from directoryserving import make_certificates
from findingmaking import AUGUST, make_finding
from posting import SECRET, Clock, Desk, webhook_desk
from receiving import receiving

from satseek.errors import InvalidRequest, InvalidSettings
from satseek.model.locking import locked
from satseek.monitor.delivery.delivering import LOCK, deliver, post_of
from satseek.monitor.delivery.outbox import Outbox
from satseek.monitor.delivery.signing import HEADER, check_signature
from satseek.monitor.delivery.turns import REST_AFTER, Pace
from satseek.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from receiving import Conduct, Receiver

HOUR, DAY = 3600.0, 24 * 3600.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path, receiver: Receiver) -> Iterator[Desk]:
    with closing(webhook_desk(tmp_path, receiver.port)) as made:
        yield made


def test_a_new_finding_is_posted_once_and_signed(desk: Desk, receiver: Receiver) -> None:
    finding = make_finding()
    desk.keep(finding)
    (alert,) = desk.outbox.alerts()
    assert ("waiting", 0, "new", "team") == (
        *(alert.state, alert.attempts),
        *(alert.reason, alert.channel),
    )
    assert (1, 0, 0) == _counts(desk.deliver())
    desk.keep(finding)  # found again: nothing is new
    assert (0, 0, 0) == _counts(desk.deliver())
    (got,) = receiver.got
    assert ("/alerts", "application/json", alert.id) == (
        *(got.path, got.headers["content-type"]),
        got.key,
    )
    check_signature(got.body, got.headers[HEADER], secrets=[SECRET], now=time.time())
    assert ("alert.new", alert.id) == (got.said["type"], got.said["key"])
    feature = got.said["finding"]
    assert (finding.id, finding.footprint) == (feature["id"], feature["geometry"])
    assert {"label": "mine", "state": "new", "seen": 1}.items() <= feature["properties"].items()
    (alert,) = desk.outbox.alerts()
    assert ("arrived", 1, None, "") == (alert.state, alert.attempts, alert.due, alert.error)


def test_it_is_tried_until_it_is_taken_always_the_same(desk: Desk, receiver: Receiver) -> None:
    desk.keep()
    conducts: list[Conduct] = ["refuse", "drop", "lose", "slow", "take"]
    receiver.conduct = lambda n: conducts[n]
    tried = 0
    while not tried or desk.outbox.counts()["waiting"]:
        tried += sum(_counts(desk.deliver())[:2])
        time.sleep(0.01)
    assert len(conducts) == tried == len(receiver.got)
    assert 1 == len({(got.key, got.body) for got in receiver.got}) == len(receiver.taken)
    assert len(conducts) == desk.outbox.alerts()[0].attempts


def test_the_next_secret_signs_beside_the_one_before(tmp_path: Path, receiver: Receiver) -> None:
    following = "another secret that is longer"
    secrets = {"team": (following, SECRET)}
    with closing(webhook_desk(tmp_path, receiver.port, webhook_secrets=secrets)) as desk:
        desk.keep()
        desk.deliver()
    (got,) = receiver.got
    for secret in (following, SECRET):
        check_signature(got.body, got.headers[HEADER], secrets=[secret], now=time.time())


def test_a_geojson_channel_gets_a_feature(tmp_path: Path, receiver: Receiver) -> None:
    with closing(webhook_desk(tmp_path, receiver.port, team={"form": "geojson"})) as desk:
        desk.keep()
        desk.deliver()
    (got,) = receiver.got
    assert ("application/geo+json", "Feature", "alert.new", got.key) == (
        got.headers["content-type"],
        got.said["type"],
        got.said["alert"]["type"],
        got.said["alert"]["key"],
    )


@pytest.mark.parametrize("asks", ["7200", "date"])
def test_a_receiver_that_asks_for_time_gets_it(desk: Desk, receiver: Receiver, asks: str) -> None:
    clock = Clock(float(int(time.time())) + DAY)
    until = format_datetime(datetime.fromtimestamp(clock.at + 2 * HOUR, tz=UTC), usegmt=True)
    answer = (503, {"Retry-After": until if asks == "date" else asks})
    receiver.conduct = lambda n: answer if n == 0 else "take"
    desk.keep(make_finding(0), make_finding(1))
    post = desk.post(clock=clock)
    told = desk.deliver(post)
    assert (0, 1) == (told.arrived, told.failed)
    assert told.next_try is not None
    assert clock.at + 2 * HOUR == told.next_try.timestamp()
    clock.at += 2 * HOUR - 1
    assert (0, 0, 0) == _counts(desk.deliver(post))  # the other letter waits, too
    clock.at += 1
    assert (2, 0, 0) == _counts(desk.deliver(post))


def test_a_letter_is_given_up_after_days_and_sent_again_by_hand(
    desk: Desk, receiver: Receiver
) -> None:
    clock = Clock(time.time() + 1)
    pace = Pace()
    post = desk.post(pace, clock=clock)
    receiver.conduct = lambda _n: "refuse"
    desk.keep()
    waits, begun = [], clock.at
    while (told := desk.deliver(post)).next_try is not None:
        waits.append(told.next_try.timestamp() - clock.at)
        clock.at = told.next_try.timestamp() + 0.001
    assert (
        pace.give_up_seconds <= clock.at - begun + 1 < pace.give_up_seconds + pace.longest_seconds
    )
    for at, wait in enumerate(waits):
        most = min(pace.longest_seconds, pace.first_seconds * 2.0**at)
        assert most / 2 <= wait <= most + 1e-3
    (dead,) = desk.outbox.alerts(state="dead")
    assert (len(waits) + 1, None) == (dead.attempts, dead.due)
    assert "status 500" in dead.error
    receiver.conduct = lambda _n: "take"
    assert (0, 0, 1) == _counts(desk.deliver(post))
    assert 1 == desk.outbox.resend_dead(now=clock.at)
    assert (1, 0, 0) == _counts(desk.deliver(post))
    assert {dead.id} == set(receiver.taken)


def test_what_nobody_will_ever_take_is_given_up_at_once(desk: Desk, receiver: Receiver) -> None:
    desk.keep()
    receiver.conduct = lambda n: (410, {}) if n == 0 else "take"
    assert (0, 1, 1) == _counts(desk.deliver())
    (dead,) = desk.outbox.alerts()
    desk.outbox.resend(dead.id[:6], now=time.time())
    assert (1, 0, 0) == _counts(desk.deliver())
    assert [dead.id] * 2 == [got.key for got in receiver.got]


def test_no_redirect_is_followed(desk: Desk, receiver: Receiver) -> None:
    desk.keep()
    elsewhere = {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"}
    receiver.conduct = lambda _n: (307, elsewhere)
    assert 1 == desk.deliver(desk.post(Pace())).failed
    assert ["/alerts"] == [got.path for got in receiver.got]
    assert "redirects are not followed" in desk.outbox.alerts()[0].error


def test_an_answer_that_never_ends_is_cut_off(desk: Desk, receiver: Receiver) -> None:
    desk.keep()
    receiver.conduct = lambda _n: "drip"
    begun = time.monotonic()
    assert 1 == desk.deliver(desk.post(Pace())).failed
    assert time.monotonic() - begun < 2
    assert desk.outbox.alerts()[0].error.endswith("no answer in time")


@pytest.mark.parametrize(
    ("host", "hosts", "said"),
    [
        ("127.0.0.1", (), "webhook_hosts: expected an entry"),
        ("127.0.0.1", ("127.0.0.1",), "webhook_hosts: expected an entry"),
        ("localhost", ("localhost:{port}",), "rules out"),
    ],
)
def test_nothing_goes_where_the_settings_do_not_let_it(
    tmp_path: Path, receiver: Receiver, host: str, hosts: tuple[str, ...], said: str
) -> None:
    port = receiver.port
    address = {"to": f"http://{host}:{port}/a?token=hidden"}
    allowed = tuple(one.format(port=port) for one in hosts)
    with closing(webhook_desk(tmp_path, port, team=address, webhook_hosts=allowed)) as desk:
        desk.keep()
        assert (0, 1, 0) == _counts(desk.deliver(desk.post(Pace())))
        (alert,) = desk.outbox.alerts()
    assert [] == receiver.got
    assert said in alert.error
    assert "hidden" not in alert.error


def test_a_channel_without_a_secret_is_not_told(tmp_path: Path, receiver: Receiver) -> None:
    with closing(webhook_desk(tmp_path, receiver.port, webhook_secrets={})) as desk:
        desk.keep()
        with pytest.raises(InvalidSettings, match="openssl rand"):
            desk.post().check("team")
        with pytest.raises(InvalidRequest, match="a channel of `alert_channels`"):
            desk.post().check("teem")
        assert (0, 1, 0) == _counts(desk.deliver(desk.post(Pace())))
    assert [] == receiver.got


def test_a_channel_that_fails_rests_and_holds_up_no_other(
    tmp_path: Path, receiver: Receiver
) -> None:
    (tmp_path / "drop").mkdir()
    channels: dict[str, dict[str, Any]] = {
        "down": {"to": f"http://127.0.0.1:{receiver.port}/down"},
        "files": {"to": f"file:{tmp_path}/drop"},
    }
    settings = {
        "webhook_hosts": (f"127.0.0.1:{receiver.port}",),
        "webhook_secrets": {"down": (SECRET,)},
    }
    receiver.conduct = lambda _n: "refuse"
    with closing(Desk(tmp_path / "data", channels, **settings)) as desk:
        desk.keep(*map(make_finding, range(10)))
        told = desk.deliver(desk.post(Pace()))
        assert (10, REST_AFTER) == (told.arrived, told.failed)
        assert REST_AFTER == len(receiver.got)
        receiver.conduct = lambda _n: "take"
        (first, *_) = desk.outbox.alerts(state="waiting")
        desk.outbox.resend(first.id, now=time.time())  # somebody says that it is up again
        assert 10 - REST_AFTER == desk.deliver(desk.post(Pace())).arrived
    assert 10 == len(list((tmp_path / "drop").iterdir()))


def test_one_letter_that_fails_keeps_none_from_going(desk: Desk, receiver: Receiver) -> None:
    clock = Clock(time.time() + DAY)
    receiver.conduct = lambda _n: "refuse"
    desk.keep(make_finding(0))
    post = desk.post(Pace(), clock=clock)
    for _ in range(2 * REST_AFTER):
        told = desk.deliver(post)
        assert told.next_try is not None
        clock.at = told.next_try.timestamp() + 0.001
    assert 1 == desk.deliver(post).failed
    desk.keep(make_finding(1))
    receiver.conduct = lambda _n: "take"
    assert (1, 0, 0) == _counts(desk.deliver(post))


def test_what_is_said_later_of_a_finding_arrives_later(tmp_path: Path, receiver: Receiver) -> None:
    reasons = {"reasons": ["new", "updated"]}
    with closing(webhook_desk(tmp_path, receiver.port, team=reasons)) as desk:
        clock = Clock(time.time() + DAY)
        finding = make_finding()
        desk.keep(finding)
        receiver.conduct = lambda n: "refuse" if n == 0 else "take"
        post = desk.post(Pace(), clock=clock)
        desk.deliver(post)
        desk.keep(replace(finding, last_seen=AUGUST, seen=2))
        assert (0, 0, 0) == _counts(desk.deliver(post))
        clock.at += HOUR
        assert (2, 0, 0) == _counts(desk.deliver(post))
    assert ["alert.new", "alert.new", "alert.updated"] == [got.said["type"] for got in receiver.got]


def test_it_goes_over_tls_to_who_is_who_they_say(tmp_path: Path) -> None:
    ca_file = make_certificates(tmp_path)
    with receiving(certificates=tmp_path) as receiver:
        address = {"to": f"https://127.0.0.1:{receiver.port}/alerts"}
        patient = {"team": address, "webhook_timeout_s": 20.0}
        with closing(webhook_desk(tmp_path / "wary", receiver.port, **patient)) as desk:
            desk.keep()
            assert 1 == desk.deliver(desk.post(Pace())).failed
            assert "CERTIFICATE_VERIFY_FAILED" in desk.outbox.alerts()[0].error
        trusting = {**patient, "webhook_ca_file": ca_file}
        with closing(webhook_desk(tmp_path / "told", receiver.port, **trusting)) as desk:
            desk.keep()
            assert 1 == desk.deliver().arrived
    assert 1 == len(receiver.got)


def test_no_secret_is_written_down_or_logged(
    desk: Desk, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.conduct = lambda n: "refuse" if n == 0 else "take"
    with caplog.at_level(logging.DEBUG):
        desk.keep()
        while desk.outbox.counts()["waiting"]:
            desk.deliver()
    assert "alert" in caplog.text
    kept = b"".join(one.read_bytes() for one in desk.folder.iterdir())
    assert SECRET not in caplog.text + repr(desk.settings)
    assert SECRET.encode() not in kept


def test_a_name_that_is_set_again_is_told_what_waited(tmp_path: Path, receiver: Receiver) -> None:
    with closing(webhook_desk(tmp_path, receiver.port)) as desk:
        desk.keep()
        gone = replace(desk.post(Pace()), channels={})
        assert (0, 1, 0) == _counts(desk.deliver(gone))
        assert "no channel team" in desk.outbox.alerts()[0].error
        desk.outbox.resend(desk.outbox.alerts()[0].id, now=time.time())
        assert (1, 0, 0) == _counts(desk.deliver())


def test_one_process_delivers_at_a_time(desk: Desk) -> None:
    desk.keep()
    with locked(desk.folder / LOCK):
        told = desk.deliver(patience_seconds=0.1)
        assert (True, 0, 1) == (told.elsewhere, told.arrived, told.waiting)
    assert (False, 1) == ((told := desk.deliver()).elsewhere, told.arrived)


def test_a_folder_without_findings_stays_without_files(tmp_path: Path) -> None:
    post = post_of(Settings(data_dir=tmp_path))
    assert (0, 0, 0) == _counts(deliver(Outbox(tmp_path / "monitor"), post))
    assert [] == list(tmp_path.iterdir())


def _counts(told: Any) -> tuple[int, int, int]:
    return told.arrived, told.failed, told.dead
