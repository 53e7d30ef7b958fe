"""install.sh as operators meet it: what it refuses, what it leaves behind, how it goes back."""

from __future__ import annotations

import fcntl
import io
import os
import platform
import re
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
def unpacked(room: Path, signed: Path) -> Path:
    """The folder of an archive, root's alone where root runs the tests."""
    with tarfile.open(signed) as archive:
        archive.extractall(room / "unpacked", filter="data")
    (folder,) = (room / "unpacked").iterdir()
    return folder


@pytest.fixture(scope="module")
def installed(room: Path, signed: Path, public: Path) -> Path:
    """Where 9.1.0 was installed first."""
    prefix = room / "installed"
    done = install(signed, "--key", public, prefix=prefix)
    assert done.returncode == 0, done.stderr
    return prefix


def install(
    *words: str | Path,
    prefix: Path | None = None,
    cwd: str | Path = SCRIPT.anchor,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Run the script as it came, from elsewhere."""
    where = ["--prefix", str(prefix), "--python", str(PYTHON), "--no-compile"] if prefix else []
    return subprocess.run(
        ["sh", str(SCRIPT), *map(str, words), *where],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


def programs(folder: Path, **scripts: str) -> str:
    """A PATH on which programs come first that only the tests have, by name."""
    for name, text in scripts.items():
        program = folder / "programs" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        program.chmod(0o755)
    return f"{folder / 'programs'}:{os.environ['PATH']}"


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


def _two_releases(prefix: Path) -> Path:
    """Two releases that are said to be whole, the second of them current."""
    for name in ("9.1.0-one", "9.2.0-two"):
        units = prefix / name / "bundle" / "deploy" / "systemd"
        units.mkdir(parents=True)
        (units / "satseek.service").write_text(f"# {name}\n/opt/satseek/bin\n", encoding="utf-8")
        (prefix / name / ".complete").touch()
    (prefix / "current").symlink_to("9.2.0-two")
    (prefix / "previous").symlink_to("9.1.0-one")
    return prefix


def _links(prefix: Path) -> tuple[str, str]:
    return (prefix / "current").readlink().name, (prefix / "previous").readlink().name


def test_going_back_that_is_killed_has_gone_back_or_not(tmp_path: Path) -> None:
    """Killed behind the first of its two steps, the rerun tells that there is no way on."""
    prefix = _two_releases(tmp_path / "prefix")
    path = programs(tmp_path, mv=f'{shutil.which("mv")} "$@"; kill -KILL "$PPID"')
    killed = install("--rollback", "--prefix", prefix, PATH=path)
    assert -signal.SIGKILL == killed.returncode
    assert ("9.1.0-one", "9.1.0-one") == _links(prefix)
    refused(3, "current and previous alike", install("--rollback", "--prefix", prefix))
    assert ("9.1.0-one", "9.1.0-one") == _links(prefix)


def test_links_that_a_killed_run_has_left_are_in_nobody_s_way(tmp_path: Path) -> None:
    prefix = _two_releases(tmp_path / "prefix")
    (prefix / "current.new.1234").symlink_to("9.2.0-two")
    (prefix / "previous.new.1234").symlink_to("nowhere")
    assert install("--rollback", "--prefix", prefix).returncode == 0
    assert ["9.1.0-one", "9.2.0-two", "current", "previous"] == left(prefix)
    assert ("9.1.0-one", "9.2.0-two") == _links(prefix)


@pytest.mark.skipif(os.geteuid() != 0, reason="root's rights is not on this machine: run as root")
def test_going_back_takes_the_units_along(tmp_path: Path) -> None:
    prefix, units = _two_releases(tmp_path / "prefix"), tmp_path / "units"
    units.mkdir()
    done = install("--rollback", "--systemd", "--units", units, "--prefix", prefix)
    assert done.returncode == 0, done.stderr
    unit = (units / "satseek.service").read_text(encoding="utf-8")
    assert f"# 9.1.0-one\n{prefix}/bin\n" == unit


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


def test_openssl_that_cannot_check_the_signature_is_told(
    tmp_path: Path, signed: Path, public: Path
) -> None:
    """As 1.1.1 has it on Debian 10 and RHEL 8: a sound archive is not called forged."""
    says = "version) echo OpenSSL 1.1.1w ;; *-help) echo -verify ;; *) exit 1 ;;"
    path = programs(tmp_path, openssl=f'case "$*" in {says} esac')
    done = install(signed, "--key", public, "--verify-only", PATH=path)
    refused(3, "openssl 3.0 or later is needed to check the signature, found OpenSSL 1.1.1w", done)
    assert "bundle verify" in done.stderr
    assert install(signed, "--unsigned", "--verify-only", PATH=path).returncode == 0


def test_names_with_a_colon_are_files_of_this_machine(
    tmp_path: Path, signed: Path, public: Path
) -> None:
    shutil.copy(signed, tmp_path / "office:9.tar")
    shutil.copy(public, tmp_path / "file:9.pub")
    done = install("office:9.tar", "--key", "file:9.pub", "--verify-only", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


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
    """Write an archive again, each file as ``change`` has it, and nothing behind the last."""
    fresh = io.BytesIO()
    with tarfile.open(archive) as old, tarfile.open(fileobj=fresh, mode="w") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            for one, content in change(member, file.read()):  # type: ignore[misc]
                one.size = len(content)
                new.addfile(one, io.BytesIO(content))
        ends = new.offset
    archive.write_bytes(fresh.getvalue()[:ends] + bytes(2 * tarfile.BLOCKSIZE))


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


DAMAGES: Sequence[tuple[Callable[[Path], None], str, str]] = (
    (_truncated, "unexpected end of data", "truncated or no archive"),
    (_flipped, r"the bytes of wheels/satseek\S+ are not", "altered or missing: wheels/satseek"),
    (_with_a_file_more, r"wheels/more\.whl is not in", "SHA256SUMS lacks, found wheels/more.whl"),
    (_with_a_file_less, r"are missing: README\.md", "altered or missing: README.md"),
    (_with_a_name_twice, r"README\.md is not in SHA256SUMS, or there twice", "every name once"),
    (_with_a_link, r"expected files below \S+ found .*README\.md", "nothing but plain files"),
    (_that_leads_elsewhere, r"expected files below \S+ found .*\.\./\.\./README", "plain names"),
    (_with_other_sums, "its signature is not that of", "the signature is not that of"),
    (_no_archive, "copy it again", "truncated or no archive"),
)
"""What is done to an archive, what `satseek bundle verify` says of it, and what install.sh."""


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one[0].__name__)
def test_archive_that_is_not_what_was_made_is_refused_by_both(
    damage: tuple[Callable[[Path], None], str, str], tmp_path: Path, signed: Path, public: Path
) -> None:
    archive, (change, said, shell_said) = Path(shutil.copy(signed, tmp_path)), damage
    change(archive)
    with pytest.raises(DamagedData, match=said):
        verify_archive(archive, key=public, progress=lambda *_: None)
    prefix = tmp_path / "prefix"
    refused(6, shell_said, install(archive, "--key", public, prefix=prefix))
    assert [] == left(prefix)


def test_archive_that_is_only_written_again_is_taken(
    tmp_path: Path, signed: Path, public: Path
) -> None:
    """What damages an archive is the change, not the writing."""
    archive = Path(shutil.copy(signed, tmp_path / "satseek.tar"))
    _rewritten(archive, lambda member, content: iter([(member, content)]))
    verify_archive(archive, key=public, progress=lambda *_: None)
    done = install(archive, "--key", public, "--verify-only")
    assert done.returncode == 0, done.stderr


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
    (prefix / ".unpacking.killed").mkdir()  # by one that was killed before
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
    (unpacking,) = prefix.glob(".unpacking.*")
    assert unpacking.name != ".unpacking.killed"
    assert install(archive, "--key", public, prefix=prefix).returncode == 0
    assert "satseek 9.4.0" == current(prefix)
    assert [] == list(prefix.glob(".unpacking.*"))


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
    prefix, path = room / "full", programs(room, df=DISK)
    done = install(signed, "--key", public, prefix=prefix, PATH=path, KIB="9")
    refused(8, "found 9", done)
    assert [] == left(prefix)


DISK = 'echo head; echo disk 9 9 "$KIB" 9% /'
"""A ``df`` that finds as much room as it is told."""


def test_room_is_asked_for_what_is_installed(
    tmp_path: Path, room: Path, unpacked: Path, key: Path
) -> None:
    """An archive asks for its own size, then for what of it is installed, as a folder does."""
    image = {"images/image.tar": bytes(4 << 20)}
    archive = tiny_archive(room / "imaged", version="9.6.0", key=key, instead=image)
    free = archive.stat().st_size // 1024 + 1
    fewer = f'[ -e "{tmp_path}/asked" ] && KIB=9; touch "{tmp_path}/asked"\n{DISK}'
    path, prefix = programs(tmp_path, df=fewer), tmp_path / "prefix"
    for source in (archive, unpacked):
        done = install(source, "--unsigned", prefix=prefix, PATH=path, KIB=str(free))
        refused(8, f"{prefix}: expected ", done)
        (wanted,) = re.findall(r"expected (\d+) KiB free on its disk, found 9\n", done.stderr)
        assert 0 < int(wanted) < 4096
        assert [] == left(prefix)


@pytest.mark.skipif(os.geteuid() != 0, reason="root's rights is not on this machine: run as root")
def test_folder_that_others_can_write_to_is_not_used_once_it_is_checked(
    tmp_path: Path, unpacked: Path
) -> None:
    """Somebody alters it right behind the check."""
    folder = tmp_path / "theirs"
    shutil.copytree(unpacked, folder)
    unit = folder / "deploy" / "systemd" / "satseek.service"
    whole = unit.read_bytes()
    os.chown(unit, 65534, 65534)
    check = f'{shutil.which("sha256sum")} "$@"; code=$?'
    check += f'\ncase $* in -c*) echo altered >"{unit}" ;; esac; exit $code'
    path, prefix = programs(tmp_path, sha256sum=check), tmp_path / "prefix"
    done = install(folder, "--unsigned", prefix=prefix, PATH=path)
    assert done.returncode == 0, done.stderr
    assert b"altered\n" == unit.read_bytes()
    installed = prefix / "current" / "bundle" / "deploy" / "systemd" / "satseek.service"
    assert whole == installed.read_bytes()
    assert [] == list(prefix.glob(".unpacking.*"))


@pytest.mark.skipif(
    shutil.which("make") is None, reason="make is not on this machine: apt install make"
)
def test_make_uses_the_release_that_lies_there(tmp_path: Path, unpacked: Path) -> None:
    """Whatever was installed before, and however far a demonstration came that was killed."""
    prefix, told = _two_releases(tmp_path / "prefix"), tmp_path / "told"
    (prefix / "bin").mkdir()
    (prefix / "bin" / "satseek").symlink_to("../current/venv/bin/satseek")
    (prefix / "9.2.0-two" / "venv" / "bin").mkdir(parents=True)
    (prefix / "9.2.0-two" / "venv" / "bin" / "satseek").symlink_to(shutil.which("true") or "")
    (prefix / "demo" / "data").mkdir(parents=True)
    options = f"OPTIONS=--no-compile --python {PYTHON}"
    done = subprocess.run(
        ["make", "-f", "Makefile", "serve", "UNSIGNED=yes", f"PREFIX={prefix}", options],
        cwd=unpacked,
        env=os.environ | {"TINY_TELLS": str(told)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ran = told.read_text(encoding="utf-8").splitlines()
    demo = prefix / "demo"
    assert [
        f"9.1.0 demo run --folder {demo} --quiet",
        f"9.1.0 --data-dir {demo}/data serve",
    ] == ran[-2:]


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
