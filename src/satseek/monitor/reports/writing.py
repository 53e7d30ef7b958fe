"""A report → one file: HTML that needs nothing else, or PDF, by the file's ending.

Knows neither how findings come about nor how a page is laid out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from satseek.errors import InvalidRequest
from satseek.export.replacing import check_place, replaced
from satseek.monitor.reports.digesting import digest_of_report
from satseek.monitor.reports.html import page_pieces
from satseek.monitor.reports.pdf import print_report
from satseek.monitor.reports.pieces import Told
from satseek.monitor.reports.press import Press
from satseek.monitor.reports.texts import one_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.monitor.reports.report import Report

SUFFIXES = (".html", ".htm", ".pdf")
"""Endings of files that reports are written into."""

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A report that was written."""

    path: Path
    """The file."""
    digest: str
    """Of what the report says: printed in it, the same in HTML and PDF."""
    sha256: str
    """Of the file."""
    bytes: int
    """Of the file."""
    pages: int | None
    """Pages of a PDF; None of HTML."""
    images: int
    """Images in it, maps not counted."""
    missing_images: int
    """Images that were gone by now; the report says so where they would stand."""
    missing_characters: str
    """Characters that no font at hand has, each once; they are boxes in the PDF."""


def check_report_path(path: Path) -> None:
    """Refuse a file that no report can be written into, before it is built.

    Raises:
        InvalidRequest: another ending, or a folder.
        FolderNotFound: there is no such folder.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidRequest(f"{path}: expected a file that ends in {' or '.join(SUFFIXES)}")
    check_place(path)


def write_report(
    report: Report,
    path: Path,
    *,
    fonts: tuple[Path, ...] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write a report, replacing a file of that name in one step.

    Args:
        report: What to write.
        path: File; ``.html`` or ``.pdf``.
        fonts: Font files that a PDF takes before those of this machine.
        on_progress: Called with the blocks written so far, and of how many.

    Raises:
        InvalidRequest: another ending, or a font that is none.
        FolderNotFound: there is no such folder.
        DependencyMissing: a PDF, and the package that writes it is not installed, or a Chinese one,
            and no font at hand has Chinese.
        DiskFull: no room; a file of that name is as it was.
    """
    check_report_path(path)
    told = Told.of(report, on_progress)
    pages, missing = None, ""
    with replaced(path) as draft:
        if path.suffix.lower() == ".pdf":
            pages, missing = _print(report, draft, told, fonts)
        else:
            _write_html(report, draft, told)
        sha256, size = _digest(draft)
    return Written(
        path=path,
        digest=digest_of_report(report),
        sha256=sha256,
        bytes=size,
        pages=pages,
        images=told.images,
        missing_images=told.missing_images,
        missing_characters=missing,
    )


def _write_html(report: Report, path: Path, told: Told) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(page_pieces(report, told))


def _print(report: Report, path: Path, told: Told, fonts: tuple[Path, ...]) -> tuple[int, str]:
    press = Press(report, fonts=fonts)
    pages = print_report(report, press, told)
    press.save(path)
    return pages, one_line("".join(press.typesetter.missing))


def _digest(path: Path) -> tuple[str, int]:
    sha, size = hashlib.sha256(), 0
    with path.open("rb") as content:
        while part := content.read(_READ_BYTES):
            sha.update(part)
            size += len(part)
    return sha.hexdigest(), size
