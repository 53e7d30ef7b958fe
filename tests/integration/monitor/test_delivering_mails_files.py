"""Alerts go by mail, many in one, and into folders; each arrives, and is the same however often."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from directoryserving import make_certificates
from findingmaking import make_finding
from mailserving import PASSWORD, USER, mail_serving
from posting import Clock, Desk

from satseek.errors import InvalidSettings
from satseek.monitor.delivery.turns import MAX_DIGEST, Pace
from satseek.monitor.findings.pictures import Pictures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mailserving import MailServer

SENDER = "satseek@watch.example"
RECEIVER = "inspector@land.example"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_serving() as found:
        yield found


def mail_desk(data: Path, port: int, **more: Any) -> Desk:
    channels = {"inspector": {"to": f"mailto:{RECEIVER}", **more.pop("channel", {})}}
    settings: dict[str, Any] = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_from": SENDER,
        "smtp_security": "none",
        "smtp_timeout_s": 2.0,
    }
    return Desk(data, channels, **{**settings, **more})


@pytest.fixture
def desk(tmp_path: Path, server: MailServer) -> Iterator[Desk]:
    with closing(mail_desk(tmp_path, server.port)) as made:
        yield made


def test_all_that_waits_goes_in_one_mail(desk: Desk, server: MailServer) -> None:
    outside = make_finding(1, flags=("outside-permit",), label="mine <b>")
    desk.keep(make_finding(0), outside)
    assert 1 == desk.deliver().arrived
    (mail,) = server.read
    assert (SENDER, RECEIVER, "auto-generated") == (
        *(mail["From"], mail["To"]),
        mail["Auto-Submitted"],
    )
    assert "satseek mines: 2 alerts (1 outside-permit)" == mail["Subject"]
    text, html = (
        mail.get_body((kind,)).get_content()  # type: ignore[union-attr]
        for kind in ("plain", "html")
    )
    for said in ("mine <b> (outside-permit)", "0.00500, 1.00500", "123.00 ha", "2024-07-04"):
        assert said in text
    assert "mine &lt;b&gt; (outside-permit)" in html
    for finding in (make_finding(0), outside):
        assert finding.id in text
        assert finding.id in html
    states = [(one.state, one.letter, one.attempts) for one in desk.outbox.alerts()]
    assert 1 == len(set(states))
    assert "arrived" == states[0][0]


def test_a_mail_shows_both_dates_in_the_language_of_its_receiver(
    tmp_path: Path, server: MailServer
) -> None:
    with closing(mail_desk(tmp_path, server.port, channel={"language": "zh"})) as desk:
        pictures = Pictures(desk.folder)
        grey = {
            side: pictures.keep(np.full((8, 8, 3), level, dtype=np.uint8))
            for side, level in (("before", 50), ("after", 200))
        }
        plain = make_finding()
        evidence = tuple(replace(one, picture=grey[one.side]) for one in plain.evidence)
        gone = replace(make_finding(1).evidence[0], picture="0" * 64)
        server.hang_up = 1
        desk.keep(replace(plain, evidence=evidence), make_finding(1, evidence=(gone,)))
        while desk.outbox.counts()["waiting"]:
            desk.deliver()
    assert server.mails[0] == server.mails[1]
    mail = server.read[0]
    assert "satseek mines：2 条警报" == mail["Subject"]
    html = mail.get_body(("html",))
    assert html is not None
    said = html.get_content()
    assert said.index("之前 2024-06-02") < said.index("之后 2024-07-04")
    shown = {one["Content-ID"]: one.get_content() for one in mail.walk() if one["Content-ID"]}
    assert [pictures.read(grey["before"]), pictures.read(grey["after"])] == list(shown.values())
    assert all(f'src="cid:{name.strip("<>")}"' in said for name in shown)
    text = mail.get_body(("plain",))
    assert text is not None
    assert "面积: 123.00 公顷" in text.get_content()


def test_a_mail_that_is_sent_again_is_the_same(desk: Desk, server: MailServer) -> None:
    server.hang_up = 2
    desk.keep()
    while desk.outbox.counts()["waiting"]:
        desk.deliver()
    first, *others = server.mails
    assert [first, first] == others
    (alert,) = desk.outbox.alerts()
    mail = server.read[0]
    assert f"<{alert.letter}@watch.example>" == mail["Message-ID"]
    assert datetime.now(UTC) - parsedate_to_datetime(mail["Date"]) < timedelta(minutes=5)
    assert all(len(line) <= 998 and line.isascii() for line in first.splitlines())  # RFC 5322 2.1.1


def test_more_than_anybody_reads_goes_in_several(desk: Desk, server: MailServer) -> None:
    desk.keep(*(make_finding(at % 90, label=f"mine {at}") for at in range(MAX_DIGEST + 5)))
    assert 2 == desk.deliver().arrived
    assert [MAX_DIGEST, 5] == [
        mail.get_body(("plain",)).get_content().count("finding: ")  # type: ignore[union-attr]
        for mail in server.read
    ]


def test_a_digest_waits_for_more(tmp_path: Path, server: MailServer) -> None:
    with closing(mail_desk(tmp_path, server.port, channel={"digest_minutes": 30})) as desk:
        clock = Clock(time.time())
        post = desk.post(clock=clock)
        desk.keep(make_finding(0))
        told = desk.deliver(post)
        assert (0, 1) == (told.arrived, told.waiting)
        assert told.next_try is not None
        assert pytest.approx(1800, abs=5) == told.next_try.timestamp() - clock.at
        desk.keep(make_finding(1))
        clock.at = told.next_try.timestamp() + 0.001
        assert 1 == desk.deliver(post).arrived
    assert ["satseek mines: 2 alerts"] == [mail["Subject"] for mail in server.read]


def test_a_login_goes_over_tls_alone(tmp_path: Path) -> None:
    ca_file = make_certificates(tmp_path)
    login = {"smtp_user": USER, "smtp_password": PASSWORD, "smtp_security": "starttls"}
    with mail_serving(certificates=tmp_path) as server:
        safe = {**login, "smtp_ca_file": ca_file}
        with closing(mail_desk(tmp_path / "safe", server.port, **safe)) as desk:
            desk.keep()
            assert 1 == desk.deliver().arrived
        assert 1 == len(server.mails)
        wrong = {**safe, "smtp_password": "wrong"}
        with closing(mail_desk(tmp_path / "wrong", server.port, **wrong)) as desk:
            desk.keep()
            assert 1 == desk.deliver(desk.post(Pace())).failed
            (alert,) = desk.outbox.alerts()
            assert ("waiting", True) == (alert.state, "535" in alert.error)
        with closing(mail_desk(tmp_path / "wary", server.port, **login)) as desk:
            desk.keep()
            assert 1 == desk.deliver(desk.post(Pace())).failed
            assert "CERTIFICATE_VERIFY_FAILED" in desk.outbox.alerts()[0].error
    with (
        mail_serving() as plain,
        closing(mail_desk(tmp_path / "plain", plain.port, **login)) as desk,
    ):
        desk.keep()
        assert 1 == desk.deliver(desk.post(Pace())).failed
        assert not any(line.startswith("AUTH") for line in plain.said)
        assert [] == plain.mails


def test_a_receiver_who_is_not_there_is_given_up(desk: Desk, server: MailServer) -> None:
    server.refuse_receiver = "550 no such mailbox"
    desk.keep()
    assert 1 == desk.deliver(desk.post(Pace())).dead
    assert "550 no such mailbox" in desk.outbox.alerts()[0].error
    server.refuse_receiver = "450 later"
    desk.outbox.resend_dead(now=time.time())
    told = desk.deliver(desk.post(Pace()))
    assert (0, 1, 1) == (told.dead, told.waiting, told.failed)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"smtp_host": None}, "smtp_host, smtp_from: expected both"),
        ({"smtp_from": "Somebody <a@b>"}, "smtp_from: expected NAME@HOST"),
        ({"smtp_user": "a"}, "expected both or neither"),
        ({"smtp_user": "a", "smtp_password": "b"}, "expected starttls or tls"),
    ],
)
def test_settings_that_send_no_mail_are_refused(
    tmp_path: Path, server: MailServer, more: dict[str, Any], said: str
) -> None:
    with (
        closing(mail_desk(tmp_path, server.port, **more)) as desk,
        pytest.raises(InvalidSettings, match=said),
    ):
        desk.post().check("inspector")


@pytest.mark.parametrize("form", ["json", "geojson"])
def test_a_letter_is_a_file_whole_and_once(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "drop"
    channel = {"drop": {"to": f"file:{folder}", "form": form}}
    with closing(Desk(tmp_path / "data", channel)) as desk:
        desk.keep()
        assert 1 == desk.deliver(desk.post(Pace())).failed
        assert str(folder) in desk.outbox.alerts()[0].error
        folder.mkdir()  # the disk is mounted now
        desk.outbox.resend(desk.outbox.alerts()[0].id, now=time.time())
        assert 1 == desk.deliver().arrived
        (file,) = folder.iterdir()
        (alert,) = desk.outbox.alerts()
        assert f"{alert.made:%Y%m%dT%H%M%SZ}-{alert.id}.{form}" == file.name
        said = json.loads(file.read_bytes())
        assert {"json": "alert.new", "geojson": "Feature"}[form] == said["type"]
        before = file.read_bytes()
        desk.outbox.resend(alert.id, now=time.time())
        assert 1 == desk.deliver().arrived
        assert [before] == [one.read_bytes() for one in folder.iterdir()]
