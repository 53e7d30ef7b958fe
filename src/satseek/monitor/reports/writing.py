"""A report → one file: HTML that needs nothing else, or PDF, by the file's ending.

Knows neither how findings come about nor how a page is laid out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from satseek.monitor.reports.report import Report

SUFFIXES = (".html", ".htm", ".pdf")
"""Endings of files that reports are written into."""


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
    """Images in it."""
    missing_images: int
    """Images that were gone by now; the report says so where they would stand."""
    missing_characters: str
    """Characters that no font at hand has, each once; they are boxes in the PDF."""


def write_report(
    report: Report, path: Path, *, on_progress: Callable[[int, int], None] | None = None
) -> Written:
    """Write a report, replacing a file of that name in one step.

    Args:
        report: What to write.
        path: File; ``.html`` or ``.pdf``.
        on_progress: Called with the blocks written so far, and of how many.

    Raises:
        InvalidRequest: another ending.
        DependencyMissing: a PDF, and the package that writes it is not installed.
        DiskFull: no room; a file of that name is as it was.
    """
