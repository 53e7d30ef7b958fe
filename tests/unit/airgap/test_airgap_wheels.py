"""What is taken along: asked for the target's machines, complete, and no more than that."""

from __future__ import annotations

import json
import os
import tomllib
import zipfile
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tinyarchive import tiny_wheel

from satseek.airgap import wheels as fetching
from satseek.airgap.inventory import Carried, inventory_text
from satseek.airgap.own import repacked
from satseek.airgap.pip import run_pip
from satseek.airgap.requirements import needed
from satseek.airgap.shipped import unpack_shipped
from satseek.airgap.target import target_of
from satseek.airgap.wheels import Wheel, fetch_wheels, wheels_in
from satseek.errors import DamagedData, InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[3]
TARGET = target_of("3.11", "manylinux_2_28_x86_64")


def test_target_takes_every_older_c_library() -> None:
    tags = TARGET.platforms
    assert ("manylinux_2_28_x86_64", "manylinux1_x86_64") == (tags[0], tags[-1])
    assert tags.index("manylinux_2_17_x86_64") + 1 == tags.index("manylinux2014_x86_64")


def test_target_is_this_machine_unless_said_otherwise() -> None:
    assert os.uname().machine == target_of().machine
    assert (3, 99) == tuple(map(int, target_of("3.99").python.split(".")))


@pytest.mark.parametrize(
    ("python", "platform"),
    [
        *(("3.10", None), ("2.7", None), ("3.11.2", None), ("three", None)),
        *((None, "win_amd64"), (None, "musllinux_1_2_x86_64"), (None, "manylinux2014_x86_64")),
    ],
)
def test_target_that_nothing_runs_on_is_refused(python: str | None, platform: str | None) -> None:
    with pytest.raises(InvalidRequest, match="expected"):
        target_of(python, platform)


def _asked(root: str, known: Mapping[str, Sequence[str]], python: str = "3.11") -> dict[str, str]:
    target = target_of(python, "manylinux_2_28_x86_64")
    return {
        name: str(allowed)
        for name, allowed in needed(root, requires=known.get, target=target).items()
    }


def test_requirements_are_followed_to_their_end_by_extras_and_rings() -> None:
    known = {
        "satseek": ['Alpha_One[x]>=1; extra == "web"', "beta", 'never; sys_platform == "win32"'],
        "alpha-one": ["beta<3", 'gamma; extra == "x"', 'delta; extra == "y"'],
        "gamma": ["alpha-one"],
    }
    told = _asked("satseek[web]", known)
    assert {"alpha-one": ">=1", "beta": "<3", "gamma": "", "satseek": ""} == told
    assert {"beta", "satseek"} == set(_asked("satseek", known))


def test_requirements_of_any_patch_of_the_target_s_python_are_taken_along() -> None:
    """redis asks so: what is made on 3.11.7 has to serve a 3.11.2."""
    known = {
        "redis": ['async-timeout>=4; python_full_version < "3.11.3"', 'old; python_version < "3.9"']
    }
    assert {"async-timeout", "redis"} == set(_asked("redis", known))
    assert {"redis"} == set(_asked("redis", known, python="3.12"))


def test_metadata_that_cannot_be_read_are_told() -> None:
    with pytest.raises(DamagedData, match="beta"):
        _asked("satseek", {"satseek": ["beta"], "beta": ["not a requirement!"]})


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry of a few wheels, of which packaging is installed here in another version."""
    house = tmp_path / "registry"
    house.mkdir()
    for name, version, requires in (
        ("tinyone", "1.0", ("tinytwo>=1,<2",)),
        ("tinytwo", "1.5", ('tinythree; python_full_version < "3.11.3"',)),
        ("tinytwo", "2.0", ()),
        ("tinythree", "1.0", ()),
        ("tinyfour", "1.0", ()),
        ("packaging", "0.5", ()),
    ):
        lines = "".join(f"Requires-Dist: {one}\n" for one in requires)
        tiny_wheel(house, version, name=name, metadata=lines)
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(house), "PIP_CONFIG_FILE": os.devnull}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return house


def _own(requires: Sequence[str]) -> object:
    """Stands where the wheel of the satseek that runs is built, which takes seconds."""
    extras = 'Provides-Extra: web\nRequires-Dist: tinyfour; extra == "web"\n'
    lines = extras + "".join(f"Requires-Dist: {one}\n" for one in requires)
    return lambda folder: tiny_wheel(folder, "9.1.0", metadata=lines)


def test_fetched_wheels_need_nothing_that_is_not_among_them(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setattr(fetching, "own_wheel", _own(["tinyone"]))
    tiny_wheel(folder, "2.0", name="tinytwo")  # fetched before, and not what is needed
    tiny_wheel(folder, "1.0", name="tinyfour")
    told: list[str] = []

    def progress(note: str, done: int, total: int) -> None:
        assert done <= total
        told.append(note)

    found = fetch_wheels(folder, extras=(), target=TARGET, progress=progress)
    assert ["satseek", "tinyone", "tinythree", "tinytwo"] == list(found)
    assert "1.5" == str(found["tinytwo"].version)
    assert any(note.startswith("tinytwo") for note in told)
    assert len(found) == len(list(folder.iterdir()))
    for path in registry.iterdir():
        path.unlink()
    again = fetch_wheels(folder, extras=(), target=TARGET, progress=progress)
    assert list(found) == list(again)  # nothing is asked for twice


def test_version_that_runs_here_and_not_there_is_left_for_one_that_does(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setattr(fetching, "own_wheel", _own(["packaging<1"]))
    found = fetch_wheels(folder, extras=(), target=TARGET, progress=lambda *_: None)
    assert ("0.5", ["packaging", "satseek"]) == (str(found["packaging"].version), list(found))
    assert registry.is_dir()


def test_what_no_registry_has_is_told_by_name(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setattr(fetching, "own_wheel", _own(["tinyfive>=7"]))
    with pytest.raises(NotFound, match="tinyfive>=7"):
        fetch_wheels(folder, extras=(), target=TARGET, progress=lambda *_: None)
    monkeypatch.setattr(fetching, "own_wheel", _own([]))
    with pytest.raises(InvalidRequest, match="some of web"):
        fetch_wheels(folder, extras=("wed",), target=TARGET, progress=lambda *_: None)
    with pytest.raises(NotFound):
        run_pip("download", "--dest", str(folder), "tinysix")
    assert registry.is_dir()


def test_two_wheels_of_one_distribution_are_refused(tmp_path: Path) -> None:
    tiny_wheel(tmp_path, "1.0", name="tinyone")
    tiny_wheel(tmp_path, "2.0", name="tinyone")
    with pytest.raises(DamagedData, match="expected one wheel of tinyone"):
        wheels_in(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.whl").write_bytes(b"")
    with pytest.raises(DamagedData, match="expected a wheel"):
        wheels_in(tmp_path / "other")


@pytest.fixture
def as_installed(tmp_path: Path) -> Distribution:
    """A wheel of tinyone, installed by pip itself."""
    (tmp_path / "made").mkdir()
    wheel = tiny_wheel(tmp_path / "made", "1.0", name="tinyone")
    place = tmp_path / "place"
    run_pip("install", "--quiet", "--no-index", "--no-deps", "--target", str(place), str(wheel))
    (told,) = place.glob("*.dist-info")
    return PathDistribution(told)


def test_installed_distribution_becomes_the_wheel_that_it_came_from(
    as_installed: Distribution, tmp_path: Path
) -> None:
    first, second = (repacked(as_installed, _made(tmp_path / name)) for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(tmp_path / "made" / first.name) as old, zipfile.ZipFile(first) as new:
        assert sorted(old.namelist()) == sorted(new.namelist())
        for name in old.namelist():
            if not name.endswith("RECORD"):
                assert old.read(name) == new.read(name)
    place = tmp_path / "again"
    run_pip("install", "--quiet", "--no-index", "--no-deps", "--target", str(place), str(first))
    assert (place / "tinyone" / "run.py").is_file()


def test_installed_file_that_was_changed_is_told(
    as_installed: Distribution, tmp_path: Path
) -> None:
    path = tmp_path / "place" / "tinyone" / "run.py"
    path.write_text("print('other')\n", encoding="utf-8")
    with pytest.raises(DamagedData, match=r"run\.py: expected the file that was installed"):
        repacked(as_installed, _made(tmp_path / "out"))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_inventory_is_the_same_for_the_same_wheels(tmp_path: Path) -> None:
    metadata = "License-Expression: MIT\nRequires-Dist: tinytwo\n"
    tiny_wheel(tmp_path, "1.0", name="tinyone", metadata=metadata)
    classifier = "Classifier: License :: OSI Approved :: BSD License\n"
    tiny_wheel(tmp_path, "1.0", name="tinytwo", metadata=classifier)
    tiny_wheel(_made(tmp_path / "installer"), "1.0", name="pip")
    carried = [
        Carried(
            kind="machine-learning-model",
            name="own",
            version="0123",
            file="models/own-0123.bundle",
            digest="ab" * 32,
            licences=("MIT", "MIT", "own data"),
        ),
        Carried(
            kind="container", name="s.tar", version=None, file="images/s.tar", digest="cd" * 32
        ),
    ]

    def text_of() -> str:
        installer = wheels_in(tmp_path / "installer")
        wheels = wheels_in(tmp_path)
        return inventory_text(wheels, root="tinyone", installer=installer, carried=carried)

    text = text_of()
    assert text == text_of()
    told = json.loads(text)
    assert ("CycloneDX", "1.6") == (told["bomFormat"], told["specVersion"])
    assert [{"expression": "MIT"}] == told["metadata"]["component"]["licenses"]
    other, pip, model, image = told["components"]
    assert [{"license": {"name": "BSD License"}}] == other["licenses"]
    assert "installer/pip-1.0-py3-none-any.whl" == pip["bom-ref"]
    assert ("machine-learning-model", "0123") == (model["type"], model["version"])
    assert [{"license": {"name": one}} for one in ("MIT", "own data")] == model["licenses"]
    assert ("container", "cd" * 32) == (image["type"], image["hashes"][0]["content"])
    assert "version" not in image
    asked = {one["ref"]: one["dependsOn"] for one in told["dependencies"]}
    assert ["pkg:pypi/tinytwo@1.0"] == asked["pkg:pypi/tinyone@1.0"]


def test_wheel_without_pages_makes_no_archive(tmp_path: Path) -> None:
    path = tiny_wheel(tmp_path, "9.1.0")
    own = Wheel(path=path, name="satseek", version=wheels_in(tmp_path)["satseek"].version)
    with pytest.raises(DamagedData, match=r"built without install\.sh"):
        unpack_shipped(own, tmp_path / "out")


def test_wheel_leaves_out_what_git_does_below_deploy() -> None:
    """A tree in which somebody made secrets must not ship them."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    targets = told["tool"]["hatch"]["build"]["targets"]
    for target in ("wheel", "sdist"):
        left_out = targets[target]["exclude"]
        for ignoring in (ROOT / "deploy").rglob(".gitignore"):
            place = f"/{ignoring.parent.relative_to(ROOT).as_posix()}"
            for line in ignoring.read_text(encoding="utf-8").split():
                assert line.startswith("!") or f"{place}/{line}" in left_out, (target, place, line)
