"""A target and extras → a folder with every wheel that installing them there takes.

Knows where what runs here comes from: the versions that run here are the ones that are taken along.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from satseek.airgap.own import NAME, own_wheel
from satseek.airgap.pip import run_pip
from satseek.airgap.requirements import needed
from satseek.errors import DamagedData, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from email.message import Message
    from pathlib import Path

    from packaging.specifiers import SpecifierSet

    from satseek.airgap.target import Target

    Progress = Callable[[str, int, int], None]
    """What is at work, how many are done, how many there are."""

AT_ONCE = 32
"""Wheels per run of pip, which keeps what it fetched only at the end of a run."""

MAX_ROUNDS = 30
"""A chain of requirements that nothing here knew of, each known only once the last was fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel on disk."""

    path: Path
    """The file."""
    name: str
    """Canonical, as requirements are compared."""
    version: Version
    """Of the distribution."""

    def metadata(self) -> Message:
        """Read what the distribution says of itself.

        Raises:
            DamagedData: it is no wheel.
        """
        try:
            with zipfile.ZipFile(self.path) as archive:
                (inside,) = [
                    one
                    for one in archive.namelist()
                    if one.endswith(".dist-info/METADATA") and one.count("/") == 1
                ]
                return HeaderParser().parsestr(archive.read(inside).decode("utf-8"))
        except (zipfile.BadZipFile, ValueError) as error:
            raise DamagedData(f"{self.path}: expected a wheel: {error}") from error


def wheels_in(folder: Path) -> dict[str, Wheel]:
    """Every wheel of a folder by its canonical name, in the order of names.

    Raises:
        DamagedData: a file with a name that no wheel has, or two of one distribution.
    """
    found: dict[str, Wheel] = {}
    for path in sorted(folder.glob("*.whl")):
        try:
            name, version, _, _ = parse_wheel_filename(path.name)
        except InvalidWheelFilename as error:
            raise DamagedData(f"{path}: expected a wheel: {error}") from error
        if str(name) in found:
            raise DamagedData(
                f"{path}: expected one wheel of {name}, found {found[name].path.name}"
            )
        found[str(name)] = Wheel(path=path, name=str(name), version=version)
    return dict(sorted(found.items()))


def fetch_wheels(
    folder: Path, *, extras: Sequence[str], target: Target, progress: Progress
) -> dict[str, Wheel]:
    """Fetch what ``satseek[extras]`` takes on the target; what lies there already is kept.

    Args:
        folder: An existing folder; wheels that nothing needs are taken out of it.
        extras: Of satseek's own.
        target: The machines that it is for.
        progress: Told of every batch.

    Returns:
        The wheels by name, satseek's own among them; they need nothing that is not among them.

    Raises:
        InvalidRequest: an extra that there is not.
        NotFound: no wheel of the version that runs here, for those machines.
        HubUnreachable: the registry; run it again to go on.
    """
    for old in folder.glob(f"{NAME}-*.whl"):
        old.unlink()
    progress(NAME, 0, 1)
    own = own_wheel(folder)
    _check_extras(wheels_in(folder)[NAME], extras)
    root = f"{NAME}[{','.join(extras)}]"
    for _ in range(MAX_ROUNDS):
        present = wheels_in(folder)
        wanted = needed(root, requires=_Known(present).requires, target=target)
        _drop(present, wanted)
        present = wheels_in(folder)
        missing = {name: allowed for name, allowed in wanted.items() if name not in present}
        if not missing:
            return present
        _fetch(folder, missing, target, lambda note, at: progress(note, at, len(wanted)))  # noqa: B023
    raise DamagedData(f"{own.name}: expected its requirements to end, got {len(wanted)} of them")


def fetch_pip(folder: Path, *, target: Target) -> None:
    """Fetch pip itself, which installs the others on machines that may have none."""
    if not wheels_in(folder):
        run_pip("download", *_arguments(folder, target), "pip")


@dataclass(frozen=True, slots=True)
class _Known:
    """What distributions require, by their wheels, or else as they are installed here."""

    present: dict[str, Wheel]

    def requires(self, name: str) -> Sequence[str] | None:
        if wheel := self.present.get(name):
            return wheel.metadata().get_all("Requires-Dist") or []
        try:
            return distribution(name).requires
        except PackageNotFoundError:
            return None


def _check_extras(own: Wheel, extras: Sequence[str]) -> None:
    there = set(own.metadata().get_all("Provides-Extra") or ())
    for extra in extras:
        if str(canonicalize_name(extra)) not in there:
            raise InvalidRequest(
                f"--extras: expected some of {', '.join(sorted(there))}: {extra!r}"
            )


def _drop(present: dict[str, Wheel], wanted: dict[str, SpecifierSet]) -> None:
    """Take out what an earlier run fetched for other extras, or in other versions."""
    for name, wheel in present.items():
        if name != NAME and not (name in wanted and _fits(wheel, wanted[name])):
            wheel.path.unlink()


def _fits(wheel: Wheel, allowed: SpecifierSet) -> bool:
    """Whether it is what `_line` asks for."""
    pinned = _pinned(wheel.name, allowed)
    if pinned is None:
        return allowed.contains(wheel.version, prereleases=True)
    return pinned == Version(wheel.version.public)


def _fetch(
    folder: Path,
    missing: dict[str, SpecifierSet],
    target: Target,
    tell: Callable[[str, int], None],
) -> None:
    have = len(wheels_in(folder))
    lines = [_line(name, allowed) for name, allowed in missing.items()]
    for batch in _batches(lines):
        tell(batch[0], have)
        run_pip("download", *_arguments(folder, target), *batch)
        have += len(batch)
        tell(batch[-1], have)


def _line(name: str, allowed: SpecifierSet) -> str:
    pinned = _pinned(name, allowed)
    return f"{name}{allowed}" if pinned is None else f"{name}=={pinned}"


def _pinned(name: str, allowed: SpecifierSet) -> Version | None:
    """The version that runs here, where the target may have it; None: the newest that it may."""
    here = _here(name)
    return here if here is not None and allowed.contains(here, prereleases=True) else None


def _here(name: str) -> Version | None:
    try:
        return Version(Version(distribution(name).version).public)
    except PackageNotFoundError:
        return None


def _arguments(folder: Path, target: Target) -> list[str]:
    tags = [word for tag in target.platforms for word in ("--platform", tag)]
    python = ["--python-version", target.python, "--implementation", "cp"]
    return ["--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder), *python, *tags]


def _batches(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(lines), AT_ONCE):
        yield lines[at : at + AT_ONCE]
