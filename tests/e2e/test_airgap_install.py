"""install.sh as operators meet it: what it refuses, what it leaves behind, how it goes back."""

from __future__ import annotations

import fcntl
import io
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tinyarchive import tiny_archive

from satseek.airgap.checking import verify_archive
from satseek.airgap.keys import make_keys
from satseek.errors import DamagedData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SCRIPT = Path(__file__).parents[2] / "deploy" / "airgap" / "install.sh"
PYTHON = Path(sys.base_prefix) / "bin" / f"python{platform.python_version().rpartition('.')[0]}"

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not on this machine: apt install openssl"
)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("install")


@pytest.fixture(scope="module")
def key(room: Path) -> Path:
    make_keys(room / "office.key")
    return room / "office.key"


@pytest.fixture(scope="module")
def public(key: Path) -> Path:
    return key.with_name("office.key.pub")


@pytest.fixture(scope="module")
def signed(room: Path, key: Path) -> Path:
    return tiny_archive(room / "signed", key=key)


@pytest.fixture(scope="module")
def installed(room: Path, signed: Path, public: Path) -> Path:
    """Where 9.1.0 was installed first."""
    prefix = room / "installed"
    done = install(signed, "--key", public, prefix=prefix)
    assert done.returncode == 0, done.stderr
    return prefix


def install(
    *words: str | Path, prefix: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the script as it came, from elsewhere."""
    where = ["--prefix", str(prefix), "--python", str(PYTHON), "--no-compile"] if prefix else []
    return subprocess.run(
        ["sh", str(SCRIPT), *map(str, words), *where],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        cwd=SCRIPT.anchor,
    )


def refused(code: int, said: str, done: subprocess.CompletedProcess[str]) -> None:
    assert (code, "") == (done.returncode, done.stdout), done.stderr
    assert said in done.stderr


def current(prefix: Path) -> str:
    """What the command in place says."""
    command = [prefix / "bin" / "satseek", "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def left(prefix: Path) -> list[str]:
    return sorted(one.name for one in prefix.iterdir() if one.name != ".lock")


def test_archive_becomes_the_current_release_and_the_next_one_can_be_undone(
    room: Path, installed: Path, public: Path, key: Path
) -> None:
    prefix = installed
    assert "satseek 9.1.0" == current(prefix)
    (first,) = [one for one in left(prefix) if one.startswith("9.1.0-")]
    assert [first, "bin", "current"] == left(prefix)
    refused(3, "nothing was installed before", install("--rollback", prefix=prefix))

    later = tiny_archive(room / "later", version="9.2.0", key=key)
    assert install(later, "--key", public, prefix=prefix).returncode == 0
    assert "satseek 9.2.0" == current(prefix)
    assert install("--rollback", prefix=prefix).returncode == 0
    assert "satseek 9.1.0" == current(prefix)
    assert install("--rollback", prefix=prefix).returncode == 0
    assert "satseek 9.2.0" == current(prefix)

    again = install(later, "--key", public, prefix=prefix)
    assert (0, True) == (again.returncode, "is there already" in again.stderr)
    assert first == (prefix / "previous").readlink().name
    assert (prefix / "current" / "bundle" / "install.sh").is_file()


def test_signature_is_asked_for_unless_it_is_waived(
    room: Path, signed: Path, public: Path, key: Path
) -> None:
    prefix = room / "waived"
    refused(2, "expected --key", install(signed, prefix=prefix))
    refused(2, "got both", install(signed, "--key", public, "--unsigned", prefix=prefix))
    make_keys(room / "stranger.key")
    stranger = room / "stranger.key.pub"
    refused(6, "not that of", install(signed, "--key", stranger, prefix=prefix))
    unsigned = tiny_archive(room / "unsigned")
    refused(6, "expected a signature", install(unsigned, "--key", public, prefix=prefix))
    refused(6, "a public key in PEM", install(signed, "--key", key, prefix=prefix))
    told = install(signed, "--key", public, "--fingerprint", "ab" * 32, prefix=prefix)
    refused(6, f"expected {'ab' * 32}", told)
    assert [] == left(prefix)
    assert install(unsigned, "--unsigned", "--verify-only").returncode == 0


def test_fingerprint_is_the_one_that_was_told(signed: Path, public: Path) -> None:
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", public, "-outform", "DER"],
        capture_output=True,
        check=True,
    ).stdout
    digest = subprocess.run(["sha256sum"], input=der, capture_output=True, check=True).stdout
    told = digest.split()[0].decode()
    spaced = " ".join(told[at : at + 4].upper() for at in range(0, 64, 4))
    done = install(signed, "--key", public, "--fingerprint", spaced, "--verify-only")
    assert (0, True) == (done.returncode, told in done.stderr), done.stderr


def _rewritten(archive: Path, change: Callable[[tarfile.TarInfo, bytes], Iterator[object]]) -> None:
    """Write an archive again, each file as ``change`` has it."""
    fresh = io.BytesIO()
    with tarfile.open(archive) as old, tarfile.open(fileobj=fresh, mode="w") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            for one, content in change(member, file.read()):  # type: ignore[misc]
                one.size = len(content)
                new.addfile(one, io.BytesIO(content))
    archive.write_bytes(fresh.getvalue())


def _truncated(archive: Path) -> None:
    with archive.open("r+b") as file:
        file.truncate(archive.stat().st_size // 2)


def _flipped(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[content.index(b"def main():")] ^= 0x01
    archive.write_bytes(content)


def _with_a_file_more(archive: Path) -> None:
    def change(member: tarfile.TarInfo, content: bytes) -> Iterator[object]:
        yield member, content
        if member.name.endswith("install.sh"):
            yield tarfile.TarInfo(member.name.replace("install.sh", "wheels/more.whl")), b"more"

    _rewritten(archive, change)


def _with_a_file_less(archive: Path) -> None:
    def change(member: tarfile.TarInfo, content: bytes) -> Iterator[object]:
        if not member.name.endswith("README.md"):
            yield member, content

    _rewritten(archive, change)


def _with_a_name_twice(archive: Path) -> None:
    def change(member: tarfile.TarInfo, content: bytes) -> Iterator[object]:
        yield member, content
        if member.name.endswith("README.md"):
            yield member, content

    _rewritten(archive, change)


def _with_a_link(archive: Path) -> None:
    def change(member: tarfile.TarInfo, content: bytes) -> Iterator[object]:
        if member.name.endswith("README.md"):
            member.type, member.linkname, content = tarfile.SYMTYPE, "/etc/passwd", b""
        yield member, content

    _rewritten(archive, change)


def _that_leads_elsewhere(archive: Path) -> None:
    def change(member: tarfile.TarInfo, content: bytes) -> Iterator[object]:
        yield member, content
        if member.name.endswith("README.md"):
            yield tarfile.TarInfo(member.name.replace("README.md", "../../README.md")), content

    _rewritten(archive, change)


def _with_other_sums(archive: Path) -> None:
    """Alter a file and its sum alike: only the signature can tell."""

    def change(member: tarfile.TarInfo, content: bytes) -> Iterator[object]:
        import hashlib  # noqa: PLC0415

        if member.name.endswith("README.md"):
            yield member, b"other"
        elif member.name.endswith("SHA256SUMS"):
            lines = content.decode().splitlines()
            other = hashlib.sha256(b"other").hexdigest()
            at = [line.endswith("  README.md") for line in lines].index(True)
            lines[at] = f"{other}  README.md"
            yield member, "".join(f"{line}\n" for line in lines).encode()
        else:
            yield member, content

    _rewritten(archive, change)


def _no_archive(archive: Path) -> None:
    archive.write_bytes(b"nothing of the kind" * 1000)


DAMAGES = (
    *(_truncated, _flipped, _with_a_file_more, _with_a_file_less, _with_a_name_twice),
    *(_with_a_link, _that_leads_elsewhere, _with_other_sums, _no_archive),
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_archive_that_is_not_what_was_made_is_refused_by_both(
    damage: Callable[[Path], None], tmp_path: Path, signed: Path, public: Path
) -> None:
    archive = Path(shutil.copy(signed, tmp_path / "satseek.tar"))
    verify_archive(archive, key=public, progress=lambda *_: None)
    damage(archive)
    with pytest.raises(DamagedData):
        verify_archive(archive, key=public, progress=lambda *_: None)
    prefix = tmp_path / "prefix"
    refused(6, "install.sh: ", install(archive, "--key", public, prefix=prefix))
    assert [] == left(prefix)


def test_folder_with_a_file_more_or_a_link_is_refused(
    tmp_path: Path, signed: Path, public: Path
) -> None:
    with tarfile.open(signed) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    command = ["sh", str(folder / "install.sh"), "--verify-only", "--key", str(public)]
    sound = subprocess.run(command, capture_output=True, text=True, check=False)
    assert sound.returncode == 0, sound.stderr
    (folder / "link").symlink_to("README.md")
    linked = subprocess.run(command, capture_output=True, text=True, check=False)
    refused(6, "expected no links", linked)
    (folder / "link").unlink()
    (folder / "wheels" / "more.whl").write_bytes(b"more")
    more = subprocess.run(command, capture_output=True, text=True, check=False)
    refused(6, "wheels/more.whl", more)


def test_installation_that_fails_leaves_what_was_there(
    room: Path, installed: Path, public: Path, key: Path
) -> None:
    prefix = installed
    before = left(prefix), current(prefix)
    broken = {"wheels/broken-1.0-py3-none-any.whl": b"no wheel"}
    archive = tiny_archive(room / "broken", version="9.3.0", key=key, instead=broken)
    done = install(archive, "--key", public, prefix=prefix)
    refused(1, "current is as it was", done)
    assert before == (left(prefix), current(prefix))


def test_installation_that_is_killed_is_no_installation(
    room: Path, installed: Path, signed: Path, public: Path, key: Path
) -> None:
    prefix, waits, before = installed, room / "waits", current(installed)
    archive = tiny_archive(room / "slow", version="9.4.0", key=key)
    waits.touch()
    words = ["sh", SCRIPT, archive, "--key", public, "--prefix", prefix, "--python", PYTHON]
    process = subprocess.Popen(
        [*map(str, words), "--no-compile"],
        env=os.environ | {"TINY_WAITS_FOR": str(waits)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _wait_until(lambda: list(prefix.glob("9.4.0-*/bundle/install.sh")))
    refused(5, "another installation", install(signed, "--key", public, prefix=prefix))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)
    waits.unlink()
    assert before == current(prefix)
    assert not list(prefix.glob("9.4.0-*/.complete"))
    assert install(archive, "--key", public, prefix=prefix).returncode == 0
    assert "satseek 9.4.0" == current(prefix)


def _wait_until(happened: Callable[[], Sequence[object]]) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_lock_is_the_kernel_s(room: Path, signed: Path, public: Path) -> None:
    prefix = room / "locked"
    prefix.mkdir()
    with (prefix / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(5, "another installation", install(signed, "--key", public, prefix=prefix))
    assert [] == left(prefix)


@pytest.mark.skipif(os.geteuid() != 0, reason="root's rights is not on this machine: run as root")
def test_units_know_where_it_was_installed(
    room: Path, installed: Path, signed: Path, public: Path
) -> None:
    prefix, units = installed, room / "system"
    units.mkdir()
    done = install(signed, "--key", public, "--systemd", "--units", units, prefix=prefix)
    assert done.returncode == 0, done.stderr
    unit = (units / "satseek.service").read_text(encoding="utf-8")
    assert f"{prefix}/bin/satseek" in unit
    assert "/opt/satseek" not in unit


def test_other_machines_and_pythons_are_refused(room: Path) -> None:
    prefix = room / "others"
    machine = tiny_archive(room / "machine", machine="riscv64")
    refused(2, "for Linux on riscv64", install(machine, "--unsigned", prefix=prefix))
    python = tiny_archive(room / "python", python="3.99")
    refused(2, "expected Python 3.99", install(python, "--unsigned", prefix=prefix))
    done = install(python, "--unsigned", "--prefix", prefix)
    refused(3, "Python 3.99 is missing", done)
    assert [] == left(prefix)


def test_no_room_is_told_before_anything_is_unpacked(
    room: Path, signed: Path, public: Path
) -> None:
    prefix, programs = room / "full", room / "programs"
    programs.mkdir()
    (programs / "df").write_text("#!/bin/sh\necho head\necho disk 9 9 9 9% /\n", encoding="utf-8")
    (programs / "df").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    refused(8, "found 9", install(signed, "--key", public, prefix=prefix, PATH=path))
    assert [] == left(prefix)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--prefx", "/nowhere"), 2, "no such option"),
        (("--key",), 2, "expected a word"),
        (("one.tar", "two.tar"), 2, "expected one archive"),
        (("/nowhere/satseek.tar", "--unsigned"), 3, "found none"),
        (("--unsigned", "--prefix", "/srv/with space"), 2, "expected letters"),
    ],
)
def test_requests_that_make_no_sense(words: Sequence[str], code: int, said: str) -> None:
    refused(code, said, install(*words))


def test_script_is_clean() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not on this machine: apt install shellcheck")
    done = subprocess.run(["shellcheck", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
