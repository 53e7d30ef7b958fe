"""What the chart hands to processes, handed to real ones: settings, Redis, probes, models."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import helming
import httpx
import pytest
import redisserving
import serving
import starting
from directoryserving import free_port
from helming import CHART, example

from satseek.settings import Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

REACH = CHART / "files" / "reach.py"
EVERYWHERE = "0.0.0.0"  # noqa: S104 (in a pod)
PASSWORD = "a-long-password"  # noqa: S105 (of a Redis made on the spot)


def _document(name: str, wanted: str) -> dict[str, Any]:
    (found,) = [one.document for one in example(name) if one.name == wanted]
    return found


def _container(document: dict[str, Any]) -> dict[str, Any]:
    (pod,) = list(helming.pods(document))
    container: dict[str, Any] = pod["spec"]["containers"][0]
    return container


SECRETS = {
    "webhook_secrets": json.dumps({"control-room": ["0123456789abcdef0123456789abcdef"]}),
    "queue_url": "redis://:secret@queue:6379/0",
}


def _read(
    name: str, document: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Read the settings as a process in that pod would; what is mounted lies in a folder."""
    config = _document(name, "ConfigMap/satseek-config")["data"]
    for file, text in config.items():
        (folder / file).write_text(text, encoding="utf-8")
    for variable in [key for key in os.environ if key.startswith("SATSEEK_")]:
        monkeypatch.delenv(variable)
    for one in _container(document)["env"]:
        value = one.get("value", "4")  # of the limit of CPU
        if value.startswith("/run/secrets/satseek/"):
            setting = Path(value).name
            (folder / setting).write_text(SECRETS.get(setting, "a secret\n"), encoding="utf-8")
            value = str(folder / setting)
        monkeypatch.setenv(one["name"], value.replace("/etc/satseek/config", str(folder)))
    return read_settings().settings


@pytest.mark.parametrize("name", ["minimal", "cpu", "gpu", "gpus", "everything"])
def test_every_process_takes_its_settings(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0
    for one in example(name):
        if one.document["kind"] in {"Deployment", "Job", "CronJob"} and "redis" not in one.name:
            settings = _read(name, one.document, tmp_path, monkeypatch)
            assert Path("/data") == settings.data_dir
            read += 1
    assert read


def test_settings_come_as_they_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = _document("everything", "Deployment/satseek-server")
    settings = _read("everything", server, tmp_path, monkeypatch)
    assert ("keys", "oidc", "ldap") == settings.auth
    assert "(&(objectCategory=person)(sAMAccountName={name}))" == settings.ldap_user_filter
    assert {"north": ("planning",), "south": ("planning", "survey")} == settings.collection_groups
    assert 0.02 == settings.recall_sample
    assert 50_000_000 == settings.max_upload_bytes
    assert "https://control.example.org/alerts" == settings.alert_channels["control-room"].to
    assert settings.queue_url
    assert "redis://:secret@queue:6379/0" == settings.queue_url.get_secret_value()
    assert (EVERYWHERE, 7860, 7861) == (settings.host, settings.port, settings.grpc_port)
    assert 4 == settings.threads
    assert "cuda" == settings.device
    assert not settings.server_worker
    assert "debug" == settings.log_level
    worker = _read(
        "everything", _document("everything", "Deployment/satseek-worker"), tmp_path, monkeypatch
    )
    assert ("torch", 4) == (worker.engine, worker.threads)
    assert (EVERYWHERE, 7862) == (worker.metrics_host, worker.metrics_port)


@contextmanager
def _redis(which: str, folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run the container's own command, with places of this machine for those of the container."""
    kind = {"queue": "StatefulSet", "cache": "Deployment"}[which]
    container = _container(_document("cpu", f"{kind}/satseek-redis-{which}"))
    config = _document("cpu", f"ConfigMap/satseek-redis-{which}")["data"]["redis.conf"]
    port = free_port()
    config = re.sub(r"(?m)^dir .*$", f"dir {folder}", config)
    (folder / "redis.conf").write_text(f"{config}port {port}\n", encoding="utf-8")
    (folder / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    (script,) = container["args"]
    script = script.replace("/etc/redis", str(folder)).replace("/run/secrets/redis", str(folder))
    process = subprocess.Popen([*container["command"], script], stdout=subprocess.DEVNULL)
    probe = container["readinessProbe"]["exec"]["command"]
    asked = [word.replace("/run/secrets/redis", str(folder)) for word in probe]
    asked[-1] = asked[-1].replace("redis-cli", f"redis-cli -p {port}")
    try:
        deadline = time.monotonic() + redisserving.START_SECONDS
        while subprocess.run(asked, check=False, capture_output=True).returncode:
            assert process.poll() is None
            assert time.monotonic() < deadline, "the probe never passed"
            time.sleep(0.05)
        yield port, process
    finally:
        process.terminate()
        assert 0 == process.wait(timeout=20)


@redisserving.needs_redis
@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (
            "queue",
            {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"},
        ),
        ("cache", {"appendonly": "no", "maxmemory-policy": "allkeys-lru"}),
    ],
)
def test_redis_begins_as_it_is_told_and_keeps_its_password(
    which: str, expected: dict[str, str], tmp_path: Path
) -> None:
    import redis  # noqa: PLC0415 (an extra)

    with _redis(which, tmp_path) as (port, process):
        with redis.Redis(port=port) as nobody, pytest.raises(redis.AuthenticationError):
            nobody.ping()
        with redis.Redis(port=port, password=PASSWORD) as known:
            told = known.config_get(*expected, "maxmemory")
            assert int(told.pop("maxmemory")) == 512 * 1024**2
            assert expected == told
        words = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert b"redis-server" in words  # the shell is gone: signals reach Redis itself
        assert PASSWORD.encode() not in words


@redisserving.needs_redis
def test_a_worker_takes_the_queue_of_the_chart(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    with _redis("queue", tmp_path / "redis") as (port, _):
        environment = os.environ | {
            "SATSEEK_DATA_DIR": str(tmp_path / "data"),
            "SATSEEK_QUEUE_URL": f"redis://:{PASSWORD}@127.0.0.1:{port}/0",
        }
        command = [*starting.command(), "worker", "--burst"]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
    assert 0 == done.returncode, done.stderr
    assert "warning" not in done.stderr


def _reach(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", REACH, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_pod_of_helm_test_runs_the_script_with_what_it_needs() -> None:
    (container,) = _document("gpus", "Pod/satseek-test")["spec"]["containers"]
    script, *words = container["args"]
    assert REACH.read_text(encoding="utf-8").strip() == script.strip()
    assert ["http://satseek:7860", "--closed", "--grpc=satseek:7861"] == words


def test_helm_test_passes_on_a_server_that_is_sound_and_on_no_other(tmp_path: Path) -> None:
    with serving.running_server(tmp_path / "data", auth="keys", grpc_port="0") as server:
        grpc = re.search(r"gRPC.* ([0-9.]+:\d+)", server.lines())
        assert grpc, server.lines()
        told = _reach(server.url, "--closed", "--grpc", grpc[1])
        assert 0 == told.returncode, told.stdout
        assert 5 == told.stdout.count("ok ")
        told = _reach(server.url)  # which expects that everybody may ask
        assert 1 == told.returncode
        assert "FAILED  /v1/collections 401" in told.stdout
    told = _reach(server.url, "--closed")
    assert 1 == told.returncode
    assert 0 == told.stdout.count("ok ")


def _namespaces() -> bool:
    return (
        shutil.which("unshare") is not None
        and subprocess.run(
            ["unshare", "--mount", "true"], check=False, capture_output=True
        ).returncode
        == 0
    )


READ_ONLY = """
mount --bind "$1/models" "$1/models"
mount -o remount,ro,bind "$1/models"
exec satseek_python -m satseek --data-dir "$1" serve --port 0
"""


@pytest.mark.skipif(not _namespaces(), reason="no mounts of its own here: run as root on Linux")
def test_servers_need_no_more_than_to_read_the_models(tmp_path: Path) -> None:
    """As the chart mounts them; whoever may write changes the model, and the server follows."""
    data, bundle = tmp_path / "data", tmp_path / "starter.bundle"
    satseek = [*starting.command(), "--data-dir", str(data), "model"]
    subprocess.run([*satseek, "export-bundle", "starter", bundle], check=True, capture_output=True)
    subprocess.run([*satseek, "import-bundle", bundle], check=True, capture_output=True)
    with _reading_only(data) as url:
        before = httpx.get(f"{url}/v1/models", timeout=30).json()
        assert 2 == len(before["models"])
        stored = before["models"][1]["ref"]
        refused = httpx.post(f"{url}/v1/models/{stored}/activate", timeout=30)
        assert 409 == refused.status_code
        assert "can only be read here" in refused.json()["detail"]
        subprocess.run([*satseek, "activate", stored], check=True, capture_output=True)
        deadline = time.monotonic() + 60
        while httpx.get(f"{url}/v1/models", timeout=30).json()["in_force"] != stored:
            assert time.monotonic() < deadline, "the server did not follow"
            time.sleep(0.2)
        assert 200 == httpx.get(f"{url}/readyz", timeout=30).status_code


@contextmanager
def _reading_only(data: Path) -> Iterator[str]:
    log = data.parent / "serve.log"
    script = READ_ONLY.replace("satseek_python", sys.executable)
    command = ["unshare", "--mount", "sh", "-euc", script, "sh", str(data)]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stderr=errors)
    try:
        server = serving.Server(serving._address(process, log), process, log)
        serving._wait_until_ready(server)
        yield server.url
    finally:
        process.terminate()
        assert 0 == process.wait(timeout=40)
