"""An archive is made, carried over, and used where no network leads out: page, search and all."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import starting
import wheelhouse

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference" / "cli.md"
APART = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("airgap")


@pytest.fixture(scope="module")
def made(room: Path) -> dict[str, Any]:
    """Make a signed archive with a model, on a machine that has wheels and no registry."""
    for program in ("unshare", "ip", "openssl", "make"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine: apt-get install iproute2 openssl make")
    house = wheelhouse.installed()
    _satseek("bundle", "key", "office.key", room=room, house=house)
    with tarfile.open(room / "image.tar", "w") as image:  # as `docker save` begins one
        image.addfile(tarfile.TarInfo("manifest.json"))
    words = ("--extras", ",".join(wheelhouse.EXTRAS), "--sign-key", "office.key")
    words += ("--image", "image.tar")
    said = _satseek(
        *("bundle", "make", "satseek.tar", *words, "--model", "starter", "--json"),
        room=room,
        house=house,
    )
    return dict(json.loads(said))


def _satseek(*words: str, room: Path, house: Path) -> str:
    environment = {key: one for key, one in os.environ.items() if not key.startswith("SATSEEK_")}
    environment |= wheelhouse.pip_settings(house)
    command = [*starting.command(), "--data-dir", str(room / "data"), *words]
    done = subprocess.run(
        command, cwd=room, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def seen(made: dict[str, Any], room: Path) -> dict[str, Any]:
    """Install it as its README says, in a namespace of its own; run and serve the demo."""
    with tarfile.open(room / "satseek.tar") as archive:
        archive.extractall(room, filter="data")
    home = room / "home"
    home.mkdir()
    environment = {
        "PATH": f"{os.defpath}:/usr/sbin:/sbin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PIP_INDEX_URL": "http://192.0.2.1/simple",  # asking it would fail
        "TMPDIR": str(room),
    }
    python = Path(sys.base_prefix) / "bin" / f"python{platform.python_version().rpartition('.')[0]}"
    probe = ROOT / "tests" / "airgapprobing.py"
    folder = room / _folder(made)
    words = (probe, folder, room / "office.key.pub", room / "installed", python)
    done = subprocess.run(
        [*APART, sys.executable, *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare: unshare failed" in done.stderr:
        pytest.skip("the right to make a network namespace is not on this machine: run as root")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def _folder(made: dict[str, Any]) -> str:
    about = made["about"]
    return f"satseek-{about['version']}-py{about['python']}-{about['platform']}"


def test_archive_holds_all_that_an_office_needs(made: dict[str, Any], room: Path) -> None:
    with tarfile.open(room / "satseek.tar") as archive:
        names = [one.name.partition("/")[2] for one in archive]
    assert ["SHA256SUMS", "SHA256SUMS.sig", "bundle.json"] == names[:3]
    for name in (
        *("install.sh", "Makefile", "README.md", "sbom.cdx.json", "signer.pub"),
        *("deploy/helm/satseek/Chart.yaml", "deploy/compose/compose.yaml"),
        *(
            "images/image.tar",
            "docs/guides/air-gap.md",
            "docs/guides/images/hits.png",
            "CHANGELOG.md",
        ),
    ):
        assert name in names
    (model,) = [name for name in names if name.startswith("models/")]
    assert model.endswith(".bundle")
    wheels = [name for name in names if name.startswith("wheels/")]
    assert made["wheels"] == len(wheels)
    assert any(name.startswith("wheels/onnxruntime-") for name in wheels)


def test_archive_is_sound_to_who_has_the_key(made: dict[str, Any], room: Path) -> None:
    house = wheelhouse.installed()
    words = ("bundle", "verify", "satseek.tar", "--key", "office.key.pub", "--json")
    told = json.loads(_satseek(*words, room=room, house=house))
    assert told["sound"] is True
    assert made["signer"] == told["signer"]
    shown = json.loads(_satseek("bundle", "show", "satseek.tar", "--json", room=room, house=house))
    assert shown["signed"] is True
    assert sorted(wheelhouse.EXTRAS) == shown["extras"]


def test_inventory_names_all_that_is_carried_and_its_digest(
    made: dict[str, Any], room: Path
) -> None:
    with tarfile.open(room / "satseek.tar") as archive:
        (member,) = [one for one in archive if one.name.endswith("/sbom.cdx.json")]
        file = archive.extractfile(member)
        assert file is not None
        told = json.load(file)
        sums = archive.extractfile(archive.getmembers()[0])
        assert sums is not None
        lines = [line.split("  ", 1) for line in sums.read().decode().splitlines()]
    folders = ("wheels", "installer", "models", "images")
    carried = {name: digest for digest, name in lines if name.partition("/")[0] in folders}
    listed = [told["metadata"]["component"], *told["components"]]
    assert carried == {one["properties"][0]["value"]: one["hashes"][0]["content"] for one in listed}
    assert made["wheels"] + 3 == len(listed) == len({one["bom-ref"] for one in listed})


def test_there_is_no_way_out_of_the_namespace(seen: dict[str, Any]) -> None:
    assert "ENETUNREACH" == seen["way_out"]


def test_what_was_installed_is_what_was_made(made: dict[str, Any], seen: dict[str, Any]) -> None:
    assert f"satseek {made['about']['version']}" == seen["version"]
    (model,) = made["about"]["models"]
    assert [model] == seen["models"]


def test_demo_works_from_the_archive(seen: dict[str, Any]) -> None:
    answers = seen["demo"]["answers"]
    assert len(answers) >= 10
    assert all(len(answer["hits"]) == 10 for answer in answers)


def test_page_and_search_need_nothing_from_outside(seen: dict[str, Any]) -> None:
    page = seen["page"]
    assert 3 == page["hits"]
    assert page["asked"] >= 50
    assert ([], []) == (page["outside"], page["failed"])


def test_commands_are_in_the_reference() -> None:
    reference = REFERENCE.read_text(encoding="utf-8")
    for words in ("bundle make", "bundle verify", "bundle show", "bundle key"):
        assert words in reference
