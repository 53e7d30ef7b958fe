"""The archive itself: the same files give the same bytes, and any other byte is told."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tinyarchive import tiny_wheel

from satseek.airgap import wheels
from satseek.airgap.checking import require_a_choice, verify_archive
from satseek.airgap.keys import fingerprint_of, is_signed, make_keys, sign
from satseek.airgap.layout import About, is_inside, parse_sums, read_about, sums_text
from satseek.airgap.making import Asked, make_archive
from satseek.airgap.packing import check, digest_files, pack, read_small
from satseek.airgap.target import target_of
from satseek.errors import (
    Conflict,
    DamagedData,
    DependencyMissing,
    FolderNotFound,
    InvalidRequest,
    NotFound,
)
from satseek.model.locking import try_lock
from satseek.model.store import ModelStore

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = About(
    version="9.1.0",
    python="3.11",
    platform="manylinux_2_28_x86_64",
    extras=("web",),
    models={"own@0123": "own-0123.bundle"},
    images=("satseek.tar",),
)
DIGEST = "ab" * 32


def _nobody(_note: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def _packed(folder: Path, name: str = "a.tar") -> Path:
    folder.mkdir(exist_ok=True)
    contents = {
        "bundle.json": b"{}",
        "install.sh": b"#!/bin/sh\n",
        f"docs/{'long' * 40}.md": b"x" * 1000,
        "empty": b"",
    }
    files = {}
    for at, (inside, content) in enumerate(contents.items()):
        files[inside] = folder / f"part{at}"
        files[inside].write_bytes(content)
    files["SHA256SUMS"] = folder / "sums"
    files["SHA256SUMS"].write_text(
        sums_text(
            digest_files({k: v for k, v in files.items() if k != "SHA256SUMS"}, progress=_nobody)
        )
    )
    pack(folder / name, files, folder="top", progress=_nobody)
    return folder / name


def test_same_files_give_the_same_archive(tmp_path: Path) -> None:
    first, second = _packed(tmp_path / "one"), _packed(tmp_path / "two")
    assert first.read_bytes() == second.read_bytes()
    checked = check(first, progress=_nobody)
    assert ("top", None) == (checked.folder, checked.signature)
    assert 1000 == checked.files[f"docs/{'long' * 40}.md"]
    assert b"{}" == read_small(first, "bundle.json")
    assert [] == list(tmp_path.rglob("*.partial"))


def test_file_that_changes_while_it_is_packed_makes_no_archive(tmp_path: Path) -> None:
    """In as many bytes: only its digest tells."""
    (tmp_path / "one").write_bytes(b"before")
    files = {"one": tmp_path / "one", "SHA256SUMS": tmp_path / "sums"}
    digests = digest_files({"one": files["one"]}, progress=_nobody)
    files["SHA256SUMS"].write_text(sums_text(digests))
    (tmp_path / "one").write_bytes(b"behind")
    with pytest.raises(DamagedData, match="one: changed while it was packed"):
        pack(tmp_path / "a.tar", files, folder="top", progress=_nobody)
    assert ["one", "sums"] == sorted(one.name for one in tmp_path.iterdir())


def test_tar_of_the_machine_reads_it(tmp_path: Path) -> None:
    archive = _packed(tmp_path / "one")
    command = ["tar", "-xf", archive, "-C", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "" == done.stderr
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=tmp_path / "top", check=True)
    assert (tmp_path / "top" / "install.sh").stat().st_mode & stat.S_IXUSR


def test_no_byte_can_be_changed_unnoticed(tmp_path: Path) -> None:
    """Zeros that fill up blocks between files are nobody's: those excepted, every flip is told."""
    archive = _packed(tmp_path / "one")
    whole = archive.read_bytes()
    telling = 0
    for at in range(0, len(whole), 97):
        content = bytearray(whole)
        content[at] ^= 0x04
        archive.write_bytes(content)
        try:
            check(archive, progress=_nobody)
        except DamagedData:
            telling += 1
        else:
            assert whole[at] == 0
    assert telling > len(whole) / 97 / 4


@pytest.mark.parametrize("cut", [1, 511, 512, 1024, 5000])
def test_archive_that_ends_early_or_late_is_refused(tmp_path: Path, cut: int) -> None:
    archive = _packed(tmp_path / "one")
    whole = archive.read_bytes()
    for content in (whole[:-cut], whole + bytes(cut)):
        archive.write_bytes(content)
        with pytest.raises(DamagedData, match=r"a\.tar: "):
            check(archive, progress=_nobody)


def test_files_that_are_no_archives_are_told_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="found no such file"):
        check(tmp_path / "none.tar", progress=_nobody)
    (tmp_path / "text.tar").write_text("text " * 1000)
    with pytest.raises(DamagedData, match=r"text\.tar"):
        check(tmp_path / "text.tar", progress=_nobody)
    with pytest.raises(DamagedData, match=r"text\.tar"):
        read_small(tmp_path / "text.tar", "bundle.json")


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        *(("a", True), ("a/.env", True), ("a-1.0+cpu_x/b@c.whl", True), ("a/..b", True)),
        *(("", False), ("/a", False), ("../a", False), ("a/../b", False), ("a//b", False)),
        *((".hidden", False), ("a b", False), ("a\nb", False), ("ä", False), ("a/", False)),
    ],
)
def test_names_stay_inside(name: str, inside: bool) -> None:  # noqa: FBT001
    assert inside is is_inside(name)


@pytest.mark.parametrize(
    "text",
    [
        f"{DIGEST}  b\n{DIGEST}  a\n",
        f"{DIGEST}  a\n{DIGEST}  a\n",
        f"{DIGEST} a\n",
        f"{DIGEST}  ../a\n",
        f"{DIGEST}  SHA256SUMS\n",
        f"{DIGEST.upper()}  a\n",
        f"{DIGEST}  a",
    ],
)
def test_sums_are_as_they_were_written(text: str) -> None:
    with pytest.raises(DamagedData, match="SHA256SUMS: expected"):
        parse_sums(text, where="SHA256SUMS")


def test_sums_come_back() -> None:
    digests = {"b": DIGEST, "a/c": "0" * 64}
    assert digests == parse_sums(sums_text(digests), where="SHA256SUMS")


def test_what_an_archive_is_comes_back() -> None:
    written = ABOUT.written()
    assert ABOUT == read_about(written, where="bundle.json")
    assert ("x86_64", "2.28") == (written["machine"], written["glibc"])
    for wrong in (
        *({**written, "format": 2}, {**written, "more": 1}, {}, [], None),
        {**written, "platform": "win_amd64"},
    ):
        with pytest.raises(DamagedData, match=r"bundle\.json: expected"):
            read_about(wrong, where="bundle.json")


def test_keys_are_their_owner_s_and_never_replaced(tmp_path: Path) -> None:
    key = tmp_path / "office.key"
    fingerprint = make_keys(key)
    public = tmp_path / "office.key.pub"
    assert 0o600 == stat.S_IMODE(key.stat().st_mode)
    assert fingerprint == fingerprint_of(public)
    with pytest.raises(Conflict, match="never replaced"):
        make_keys(key)
    signature, _ = sign(b"text", key)
    assert is_signed(b"text", signature, public)
    assert not is_signed(b"other", signature, public)
    assert not is_signed(b"text", bytes(64), public)


def test_files_that_are_no_keys_are_told_so(tmp_path: Path) -> None:
    make_keys(tmp_path / "k")
    with pytest.raises(DamagedData, match="expected a private key"):
        sign(b"", tmp_path / "k.pub")
    with pytest.raises(DamagedData, match="expected a public key"):
        is_signed(b"", b"", tmp_path / "k")
    with pytest.raises(NotFound, match="expected a key's file"):
        sign(b"", tmp_path / "none")
    with pytest.raises(FolderNotFound):
        make_keys(tmp_path / "none" / "k")
    command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subprocess.run([*command, "-out", tmp_path / "ec"], check=True, capture_output=True)
    with pytest.raises(DamagedData, match="Ed25519"):
        sign(b"", tmp_path / "ec")


def test_key_without_what_reads_it_is_told_before_the_archive_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_keys(tmp_path / "k")
    for name in ("cryptography.exceptions", "cryptography.hazmat.primitives"):
        monkeypatch.setitem(sys.modules, name, None)
    for missing in ("k.pub", "none"):
        expected = DependencyMissing if missing == "k.pub" else NotFound
        with pytest.raises(expected):
            verify_archive(tmp_path / "no.tar", key=tmp_path / missing, progress=_nobody)
    with pytest.raises(DependencyMissing, match=r"satseek\[auth\]"):
        is_signed(b"", b"", tmp_path / "k.pub")


def test_who_checks_says_whether_a_signature_is_asked_for(tmp_path: Path) -> None:
    for key, unsigned in ((None, False), (tmp_path / "k.pub", True)):
        with pytest.raises(InvalidRequest, match="--unsigned"):
            require_a_choice(key=key, unsigned=unsigned)
    make_keys(tmp_path / "k")
    with pytest.raises(DamagedData, match="expected a signature"):
        verify_archive(_packed(tmp_path / "one"), key=tmp_path / "k.pub", progress=_nobody)


def test_what_is_asked_for_wrongly_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    target = target_of()

    def make(**asked: object) -> None:
        what = Asked(target=target, extras=(), **asked)  # type: ignore[arg-type]
        make_archive(tmp_path / "a.tar", what, store=store, progress=lambda _: _nobody)

    (tmp_path / "text.tar").write_text("no image")
    with pytest.raises(InvalidRequest, match="expected an image's archive"):
        make(images=[tmp_path / "text.tar"])
    with pytest.raises(NotFound, match="expected an image's file"):
        make(images=[tmp_path / "none.tar"])
    with pytest.raises(NotFound, match="expected a key's file"):
        make(key=tmp_path / "none")
    what = Asked(target=target, extras=())
    with pytest.raises(FolderNotFound):
        make_archive(tmp_path / "no" / "a.tar", what, store=store, progress=lambda _: _nobody)
    assert ["text.tar"] == [one.name for one in tmp_path.iterdir()]


def test_parts_go_before_the_next_one_may_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = dict.fromkeys(("install.sh", "Makefile", "README.md"), "")
    inside = {f"satseek/_shipped/deploy/airgap/{name}": text for name, text in shipped.items()}
    monkeypatch.setattr(wheels, "own_wheel", lambda into: tiny_wheel(into, "9.1.0", files=inside))
    house = tmp_path / "house"
    house.mkdir()
    tiny_wheel(house, "1.0", name="pip")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(house))
    archive, removed = tmp_path / "a.tar", []

    def watched(folder: Path, **_: object) -> None:
        if folder == tmp_path / ".a.tar.parts":
            removed.append(try_lock(tmp_path / ".a.tar.lock"))
        real(folder, ignore_errors=True)

    real = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", watched)
    asked = Asked(target=target_of(), extras=())
    make_archive(archive, asked, store=ModelStore(tmp_path / "m"), progress=lambda _: _nobody)
    assert [None] == removed  # another had the lock: the one who removed it
    assert not (tmp_path / ".a.tar.parts").exists()
    assert check(archive, progress=_nobody).files
