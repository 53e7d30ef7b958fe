"""One file carries a version elsewhere; not one changed bit of it is taken for the version."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import itertools
import random
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from versionmaker import make_version, store_version

from satseek.errors import DamagedData, DiskFull, FolderNotFound, FormatTooNew, ModelNotFound
from satseek.model.manifest import (
    FileDigest,
    Manifest,
    manifest_text,
    parse_manifest,
    take_manifest,
)
from satseek.model.store import ModelStore
from satseek.model.transport import read_carried

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DIGEST = "0" * 64


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version in one file."""
    folder = tmp_path_factory.mktemp("carried")
    store = ModelStore(folder / "models")
    return store.export_bundle(store_version(store, 1), folder / "one.bundle").file


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def _refused(store: ModelStore, content: bytes, said: str) -> None:
    """Neither the store nor anything around it may change."""
    file = store.folder.parent / "tried.bundle"
    file.write_bytes(content)
    before = sorted(path for path in store.folder.parent.rglob("*") if path.name != ".staging")
    with pytest.raises(DamagedData, match=said) as caught:
        store.import_bundle(file)
    assert str(file) in str(caught.value)
    after = {path for path in store.folder.parent.rglob("*") if path.name != ".staging"}
    assert after - set(before) <= {store.folder, store.folder / ".lock"}
    assert list((store.folder / ".staging").iterdir()) == []


def test_a_carried_version_is_the_same_version(store: ModelStore, tmp_path: Path) -> None:
    ref = store_version(store, 1)
    carried = store.export_bundle(ref, tmp_path / "one.bundle")
    bundle = ModelStore(tmp_path / "elsewhere").import_bundle(carried.file)
    there = ModelStore(tmp_path / "elsewhere")
    assert there.verify(ref) == []
    assert bundle == there.find(ref)
    for path in store.find(ref).folder.iterdir():
        assert path.read_bytes() == (bundle.folder / path.name).read_bytes()
    assert ref == there.activate(ref).ref


def test_the_digest_beside_it_is_for_sha256sum(store: ModelStore, tmp_path: Path) -> None:
    carried = store.export_bundle(store_version(store, 1), tmp_path / "one.bundle")
    content = carried.file.read_bytes()
    assert (carried.bytes, carried.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    beside = (tmp_path / "one.bundle.sha256").read_text()
    assert beside == f"{carried.sha256}  one.bundle\n"


def test_one_version_is_always_the_same_file(
    store: ModelStore, carried: Path, tmp_path: Path
) -> None:
    again = store.export_bundle(store_version(store, 1), tmp_path / "again.bundle")
    assert carried.read_bytes() == again.file.read_bytes()


def test_any_tar_can_read_it(carried: Path) -> None:
    with tarfile.open(carried) as archive:
        names = archive.getnames()
    assert names[0] == "manifest.json"
    assert sorted(names[1:]) == names[1:]


def test_importing_again_keeps_the_old(store: ModelStore, carried: Path) -> None:
    first = store.import_bundle(carried)
    inode = first.image_tower.stat().st_ino
    assert first == store.import_bundle(carried)
    assert inode == first.image_tower.stat().st_ino


def test_what_has_no_manifest_can_be_carried(store: ModelStore, tmp_path: Path) -> None:
    ref = make_version(tmp_path / "mine", 1)
    carried = store.export_bundle(str(tmp_path / "mine"), tmp_path / "mine.bundle")
    store.import_bundle(carried.file)
    assert [ref] == [one.ref for one in store.versions()]


def test_progress_ends_with_everything(store: ModelStore, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    carried = store.export_bundle(
        store_version(store, 1),
        tmp_path / "one.bundle",
        progress=lambda done, total: told.append((done, total)),
    )
    assert (carried.bytes, carried.bytes) == told[-1]
    told.clear()
    store.import_bundle(carried.file, progress=lambda done, total: told.append((done, total)))
    assert (carried.bytes, carried.bytes) == told[-1]


def test_every_flipped_bit_is_found(carried: Path, tmp_path: Path) -> None:
    content = carried.read_bytes()
    changed = tmp_path / "changed.bundle"
    for position in range(0, len(content), 41):
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 8
        changed.write_bytes(flipped)
        into = tmp_path / str(position)
        into.mkdir()
        with pytest.raises(DamagedData, match=r"changed\.bundle"):
            read_carried(changed, into)


def test_every_other_length_is_found(carried: Path, tmp_path: Path) -> None:
    content = carried.read_bytes()
    changed = tmp_path / "changed.bundle"
    ends = [*range(0, len(content), 173), len(content) - 1]
    for other in (*(content[:end] for end in ends), content + b"\0", content + content):
        changed.write_bytes(other)
        into = tmp_path / str(len(other))
        into.mkdir()
        with pytest.raises(DamagedData, match=r"changed\.bundle"):
            read_carried(changed, into)
        assert list(into.iterdir()) == [], "nothing is unpacked of a file of the wrong length"


def test_a_flipped_bit_leaves_the_store_as_it_was(store: ModelStore, carried: Path) -> None:
    content = bytearray(carried.read_bytes())
    content[len(content) * 2 // 3] ^= 4
    _refused(store, bytes(content), "not those of its manifest|expected")
    store.import_bundle(carried)
    _refused(store, bytes(content), "not those of its manifest|expected")


def test_a_digest_that_was_carried_along_has_to_fit(
    store: ModelStore, carried: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.bundle").write_bytes(carried.read_bytes())
    for text in ("", f"{DIGEST}  one.bundle\n"):
        (tmp_path / "one.bundle.sha256").write_text(text)
        with pytest.raises(DamagedData, match=r"the digest in one\.bundle\.sha256"):
            store.import_bundle(tmp_path / "one.bundle")
    assert store.versions() == []


def _tar(*members: tarfile.TarInfo, content: bytes = b"") -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(content[: member.size]))
    return written.getvalue()


def _member(name: str, size: int = 0, *, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    member.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    return member


def _zip() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("manifest.json", "{}")
    return written.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 4096,
        b"no archive",
        random.Random(0).randbytes(4096),
        _zip(),
        gzip.compress(_tar(_member("manifest.json", 2), content=b"{}")),
        _tar(_member("card.json", 2), content=b"{}"),
        _tar(_member("../manifest.json", 2), content=b"{}"),
        _tar(_member("/manifest.json", 2), content=b"{}"),
        _tar(_member("manifest.json", kind=tarfile.SYMTYPE)),
        _tar(_member("manifest.json", kind=tarfile.LNKTYPE)),
        _tar(_member("manifest.json", kind=tarfile.DIRTYPE)),
        _tar(_member("manifest.json", (1 << 20) + 1), content=b"{" * ((1 << 20) + 1)),
        _tar(_member("manifest.json", 2), content=b"{}"),
        _tar(_member("manifest.json", 100_000), content=b"[" * 100_000),
    ],
    ids=itertools.count(),  # some of them hold the time of day
)
def test_what_is_no_carried_version_is_refused(store: ModelStore, content: bytes) -> None:
    _refused(store, content, "export-bundle|manifest|ends after|found no header")


def _as_file(text: str) -> bytes:
    """A manifest alone, as a file that claims to go on."""
    return _tar(_member("manifest.json", len(text.encode())), content=text.encode())


@pytest.mark.parametrize(
    "name",
    [
        *("../evil", "/etc/evil", "a/b", "..", ".", ".hidden", "", "manifest.json", "a\\b"),
        *("x" * 65, "a\nb", "ü", "C:evil"),
    ],
)
def test_a_name_that_leaves_the_folder_is_refused(store: ModelStore, name: str) -> None:
    manifest = Manifest(
        model="colours@0123456789ab", files={name: FileDigest(bytes=1, sha256=DIGEST)}
    )
    _refused(store, _as_file(manifest_text(manifest)), "expected a manifest as it was written")


@pytest.mark.parametrize("size", [-1, 1 << 40, 10**30])
def test_a_size_that_the_file_has_not_is_refused(store: ModelStore, size: int) -> None:
    manifest = Manifest(
        model="colours@0123456789ab", files={"image.onnx": FileDigest(bytes=size, sha256=DIGEST)}
    )
    _refused(store, _as_file(manifest_text(manifest)), "manifest as it was|bytes, found")


def _repacked(carried: Path, change: Callable[[tarfile.TarInfo], object]) -> bytes:
    """The carried file with the header of its first file after the manifest changed."""
    content = carried.read_bytes()
    with tarfile.open(carried) as archive:
        member = archive.getmembers()[1]
    start = member.offset
    change(member)
    header = member.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")
    return content[:start] + header[: tarfile.BLOCKSIZE] + content[start + tarfile.BLOCKSIZE :]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: setattr(one, "name", "../evil"), "found '../evil'"),
        (lambda one: setattr(one, "name", "/etc/evil"), "found '/etc/evil'"),
        (lambda one: setattr(one, "type", tarfile.SYMTYPE), "a link"),
        (lambda one: setattr(one, "type", tarfile.LNKTYPE), "a link"),
        (lambda one: setattr(one, "type", tarfile.CHRTYPE), "no file"),
        (lambda one: setattr(one, "type", tarfile.GNUTYPE_SPARSE), "expected card"),
        (lambda one: setattr(one, "size", 1 << 40), "of 1099511627776 bytes"),
        (lambda one: setattr(one, "mode", 0o4777), "expected card"),
    ],
)
def test_a_file_that_is_not_the_manifests_is_refused(
    store: ModelStore, carried: Path, change: Callable[[tarfile.TarInfo], object], said: str
) -> None:
    _refused(store, _repacked(carried, change), said)


def test_a_manifest_of_another_model_is_refused(
    store: ModelStore, carried: Path, tmp_path: Path
) -> None:
    whole = carried.read_bytes()
    changed = whole.replace(b'"model": "colours@', b'"model": "coloors@', 1)
    assert changed != whole
    _refused(store, changed, "expected coloors@")
    assert tmp_path == store.folder.parent


def test_a_manifest_reads_back_as_it_was_written(tmp_path: Path) -> None:
    make_version(tmp_path / "mine", 1)
    manifest = take_manifest(tmp_path / "mine", model="colours@0123456789ab")
    text = manifest_text(manifest)
    assert manifest == parse_manifest(text, where="here")
    for other in (text + " ", text.replace("  ", " ")):
        with pytest.raises(DamagedData, match="as it was written"):
            parse_manifest(other, where="here")
    with pytest.raises(FormatTooNew, match="here: written by a newer satseek"):
        parse_manifest(text.replace('"format": 1', '"format": 2'), where="here")


def test_no_file_and_no_folder_are_named(store: ModelStore, tmp_path: Path) -> None:
    ref = store_version(store, 1)
    with pytest.raises(ModelNotFound, match=r"no\.bundle"):
        store.import_bundle(tmp_path / "no.bundle")
    with pytest.raises(ModelNotFound, match="expected a bundle's file"):
        store.import_bundle(tmp_path)
    with pytest.raises(FolderNotFound, match="no folder"):
        store.export_bundle(ref, tmp_path / "no folder" / "one.bundle")
    with pytest.raises(ModelNotFound, match="other"):
        store.export_bundle("other", tmp_path / "one.bundle")


def test_a_damaged_version_is_not_carried_away(store: ModelStore, tmp_path: Path) -> None:
    ref = store_version(store, 1)
    (tmp_path / "one.bundle").write_bytes(b"an older one")
    tower = store.find(ref).image_tower
    tower.write_bytes(tower.read_bytes()[:-1] + b"?")
    with pytest.raises(DamagedData, match=r"image\.onnx"):
        store.export_bundle(ref, tmp_path / "one.bundle")
    assert (tmp_path / "one.bundle").read_bytes() == b"an older one"
    assert {path.name for path in tmp_path.iterdir()} == {"models", "one.bundle"}


def test_a_disk_without_room_is_known_before_anything_is_unpacked(
    store: ModelStore, carried: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ref = store_version(store, 2)
    usage = dataclasses.make_dataclass("usage", [("free", int)])
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage(free=17 << 20))
    store.import_bundle(carried)
    store.remove("colours@" + store.import_bundle(carried).card.version)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage(free=16 << 20))
    for write in (
        lambda: store.import_bundle(carried),
        lambda: store.export_bundle(ref, tmp_path / "two.bundle"),
        lambda: store.add(store.find(ref).folder),
    ):
        with pytest.raises(DiskFull, match="bytes free on its disk, found 16,777,216"):
            write()
    assert [ref] == [one.ref for one in store.versions()]
    assert not (tmp_path / "two.bundle").exists()
