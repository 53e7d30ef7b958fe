"""Files go to a real object store and come back, whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import os
import random
import resource
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import starting
from bucketserving import BUCKET, needs_bucket, object_store
from PIL import Image
from versionmaker import store_version

from satseek import buckets
from satseek.errors import DiskFull, FolderNotFound, InvalidRequest, ServerUnreachable
from satseek.model.store import ModelStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bucketserving import ObjectStore

pytestmark = needs_bucket


@pytest.fixture(scope="module")
def served() -> Iterator[ObjectStore]:
    with object_store() as store:
        yield store


@pytest.fixture
def store(served: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    for name, text in served.variables.items():
        monkeypatch.setenv(name, text)
    return served


def satseek(store: ObjectStore, data: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [*starting.command(), "--data-dir", str(data), *map(str, words)]
    environment = {**os.environ, **store.variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def at(key: str) -> str:
    return f"s3://{BUCKET}/{key}"


@pytest.mark.parametrize("count", [0, 1, buckets.BLOCK_BYTES, buckets.BLOCK_BYTES + 1])
@pytest.mark.usefixtures("store")
def test_a_file_comes_back_as_it_was(tmp_path: Path, count: int) -> None:
    content = random.Random(count).randbytes(count)
    (tmp_path / "there").write_bytes(content)
    named, told = at(f"a/дир/{count} bytes.bin"), list[tuple[int, int]]()
    buckets.put(tmp_path / "there", named)
    buckets.fetch(named, tmp_path / "back", progress=lambda done, total: told.append((done, total)))
    assert content == (tmp_path / "back").read_bytes()
    assert [(count, count)] * bool(count) == told[-1:]
    assert ["back", "there"] == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.usefixtures("store")
def test_what_is_replaced_meanwhile_is_not_mixed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(name.encode() * (buckets.BLOCK_BYTES // 3 + 1))
    buckets.put(tmp_path / "one", at("mixed"))
    with pytest.raises(ServerUnreachable, match="replaced while it was read"):
        buckets.fetch(
            at("mixed"),
            tmp_path / "back",
            progress=lambda *_: buckets.put(tmp_path / "two", at("mixed")),
        )
    assert not (tmp_path / "back").exists()


@pytest.mark.usefixtures("store")
def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    for named in (at("none"), "s3://another-bucket/none"):
        with pytest.raises(FolderNotFound, match="there is no such object or bucket"):
            buckets.fetch(named, tmp_path / "file")
    assert not buckets.exists(at("none"))
    assert [] == list(tmp_path.iterdir())


@pytest.mark.usefixtures("store")
def test_what_is_written_in_part_is_not_put(tmp_path: Path) -> None:
    with pytest.raises(KeyError), buckets.written(at("part"), folder=tmp_path) as path:
        _fail_half_way(path)
    assert not buckets.exists(at("part"))
    assert [] == list(tmp_path.iterdir())


@pytest.mark.usefixtures("store")
def test_files_beside_it_go_along(tmp_path: Path) -> None:
    with buckets.written(at("b/labels.csv"), folder=tmp_path) as path:
        path.write_bytes(b"labels")
        path.with_name("labels.csv.refused").write_bytes(b"refused")
        path.with_name("other").write_bytes(b"other")
    endings = (".refused", ".sha256")
    with buckets.fetched(at("b/labels.csv"), folder=tmp_path, endings=endings) as path:
        found = {one.name: one.read_bytes() for one in path.parent.iterdir()}
    assert {"labels.csv": b"labels", "labels.csv.refused": b"refused"} == found
    assert not buckets.exists(at("b/other"))
    assert [] == list(tmp_path.iterdir())


def test_a_file_is_lent_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    with buckets.written(str(tmp_path / "a"), folder=folder) as path:
        path.write_bytes(b"a")
    with buckets.fetched(str(tmp_path / "a"), folder=folder) as path:
        assert tmp_path / "a" == path
    assert not folder.exists()


@pytest.mark.parametrize(
    "named",
    [
        "s3://",
        "s3://bucket",
        "s3://bucket/",
        "s3://bucket/a/",
        "s3://B/a",
        "s3://bucket/../a",
        "s3://bucket//a",
        "s3://bucket/a\nb",
        "s3://bucket/" + "x" * 1025,
        "/a/b",
        "http://a/b",
    ],
)
def test_odd_addresses_are_refused(named: str) -> None:
    with pytest.raises(InvalidRequest, match="expected s3://BUCKET/KEY"):
        buckets.address_of(named)


@pytest.mark.usefixtures("store")
def test_no_room_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(bytes(300_000))
    buckets.put(tmp_path / "there", at("long"))
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, unlimited[1]))
    try:
        with pytest.raises(DiskFull):
            buckets.fetch(at("long"), tmp_path / "back")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert ["there"] == [path.name for path in tmp_path.iterdir()]


def test_a_store_that_is_away_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with object_store() as gone:
        for name, text in gone.variables.items():
            monkeypatch.setenv(name, text)
        gone.end()
        with pytest.raises(ServerUnreachable, match=r"s3://scenes/a: the store does not answer"):
            buckets.fetch(at("a"), tmp_path / "a")
    assert [] == list(tmp_path.iterdir())


def test_a_bundle_goes_by_way_of_the_store(store: ObjectStore, tmp_path: Path) -> None:
    here, there, named = tmp_path / "here", tmp_path / "there", at("models/one.bundle")
    ref = store_version(ModelStore(here / "models"), 1)

    wrote = satseek(store, here, "model", "export-bundle", ref, named)
    assert (0, named) == (wrote.returncode, wrote.stdout.split()[-1]), wrote.stderr
    stored = satseek(store, there, "model", "import-bundle", named)
    assert (0, f"{ref}\n") == (stored.returncode, stored.stdout), stored.stderr
    assert [] == ModelStore(there / "models").verify(ref)
    with buckets.fetched(named, folder=tmp_path, endings=(".sha256",)) as path:
        digest = path.with_name("one.bundle.sha256").read_text(encoding="utf-8")
        assert f"{hashlib.sha256(path.read_bytes()).hexdigest()}  one.bundle\n" == digest
    assert ["models"] == [path.name for path in there.iterdir()]


def _fail_half_way(path: Path) -> None:
    path.write_bytes(b"half")
    raise KeyError


def test_a_table_becomes_an_object_once_it_is_whole(store: ObjectStore, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for shade in range(3):
        Image.new("RGB", (32, 32), (80 * shade, 90, 40)).save(images / f"{shade}.png")
    asked = ("classify", images, "-l", "a river", "-l", "a forest", "--out", at("labels.csv"))
    done = satseek(store, tmp_path / "data", *asked)
    assert 0 == done.returncode, done.stderr
    with buckets.fetched(at("labels.csv"), folder=tmp_path) as path, path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert ["0.png", "1.png", "2.png"] == sorted(Path(row["path"]).name for row in rows)
    assert [] == list((tmp_path / "data" / "objects").iterdir())


@pytest.mark.usefixtures("store")
def test_what_cannot_be_delivered_is_kept(tmp_path: Path) -> None:
    named = "s3://no-such-bucket/labels.csv"
    file = buckets.standing_in(named, folder=tmp_path)
    assert file == buckets.standing_in(named, folder=tmp_path)
    file.write_bytes(b"labels")
    with pytest.raises(FolderNotFound, match=f"; what was made lies in {file}"):
        buckets.deliver(file, named)
    assert b"labels" == file.read_bytes()
