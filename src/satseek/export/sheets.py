"""Features → an Excel workbook: one sheet of them, one of how they were found.

Does not know where they came from. The only file that knows openpyxl. No cell is ever a formula.
"""

from __future__ import annotations

import re
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from satseek.errors import InvalidRequest
from satseek.export.arrow import missing
from satseek.export.columns import batches, check_names, found_columns, values_of
from satseek.export.projecting import WGS84, middles, project, shapes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from satseek.export.columns import Column
    from satseek.export.feature import Feature
    from satseek.export.origin import Origin

MAX_ROWS = 1_048_575
"""Below the header (ECMA-376, part 1, 18.3.1.73: a sheet ends with row 1,048,576)."""

MAX_TEXT = 32_767
"""Letters in a cell (Excel specifications and limits)."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""What XML 1.0 (2.2) does not allow in a text."""

_WIDTHS = {"text": 28, "moment": 20}
_WIDTH = 12
"""Columns in letters, by kind."""

HOW = "how"
"""Name of the second sheet."""


def write_workbook(
    features: Iterable[Feature],
    draft: Path,
    *,
    crs: str,
    origin: Origin,
    columns: Sequence[Column] | None = None,
) -> int:
    """Write an .xlsx; moments are UTC, and say so in their header, as Excel knows no zones.

    Raises:
        InvalidRequest: there are more features than a sheet has rows.
        DependencyMissing: openpyxl is not installed.
    """
    openpyxl, cells, styles = (_part(name) for name in ("", ".cell", ".styles"))
    if columns is None:
        columns, features = found_columns(features)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(origin.layer[:31])
    maker = _Cells(sheet, cells.WriteOnlyCell, styles.Font(bold=True))
    places = ["lon", "lat", *(["x", "y"] if crs != WGS84 else [])]
    _lay_out(sheet, columns, len(places))
    names = [f"{one.name} (UTC)" if one.kind == "moment" else one.name for one in columns]
    sheet.append([maker.bold(name) for name in ["id", *names, *places]])
    try:
        count = _fill(sheet, maker, features, columns=columns, crs=crs)
    finally:
        sheet.close()  # also what is not to be saved: its rows lie in a file of its own
    _tell(book, maker, origin, crs)
    book.save(draft)
    return count


def _fill(
    sheet: Any,
    maker: _Cells,
    features: Iterable[Feature],
    *,
    columns: Sequence[Column],
    crs: str,
) -> int:
    count = 0
    for batch in batches(features):
        check_names(columns, batch)
        count += len(batch)
        if count > MAX_ROWS:
            raise InvalidRequest(
                f"a sheet holds {MAX_ROWS:,} features, these are more: write GeoParquet, "
                "GeoPackage or CSV, or fewer of them with a filter"
            )
        for row in _rows(batch, columns, crs):
            sheet.append([maker.plain(value) for value in row])
    return count


class _Cells:
    """Makes cells of one workbook."""

    def __init__(self, sheet: Any, kind: Any, font: Any) -> None:
        self._sheet, self._kind, self._font = sheet, kind, font

    def plain(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        cell = self._kind(self._sheet, _CONTROL.sub("", value)[:MAX_TEXT])
        cell.data_type = "s"  # a text that begins with "=" stays one
        return cell

    def bold(self, text: str) -> Any:
        cell = self.plain(text)
        cell.font = self._font
        return cell


def _tell(book: Any, maker: _Cells, origin: Origin, crs: str) -> None:
    sheet = book.create_sheet(HOW)
    sheet.column_dimensions["A"].width = _WIDTHS["moment"]
    sheet.column_dimensions["B"].width = 3 * _WIDTHS["text"]
    sheet.append([maker.bold("what"), maker.bold("value")])
    for name, value in (origin.told() | {"crs of x and y": crs if crs != WGS84 else ""}).items():
        if value:
            sheet.append([maker.plain(name), maker.plain(value)])


def _lay_out(sheet: Any, columns: Sequence[Column], places: int) -> None:
    sheet.freeze_panes = "B2"
    letters = _part(".utils").get_column_letter
    widths = [_WIDTHS["text"], *(_WIDTHS.get(one.kind, _WIDTH) for one in columns)]
    for at, width in enumerate([*widths, *[_WIDTH] * places], 1):
        sheet.column_dimensions[letters(at)].width = width


def _rows(batch: Sequence[Feature], columns: Sequence[Column], crs: str) -> Iterator[list[Any]]:
    shapes = shapes_of(batch)
    points = [middles(shapes), *([middles(project(shapes, crs))] if crs != WGS84 else [])]
    properties = [values_of(column, batch) for column in columns]
    for at, feature in enumerate(batch):
        numbers = [float(number) for one in points for number in one[at]]
        placed = [None if np.isnan(number) else round(number, 7) for number in numbers]
        yield [feature.id, *(_valued(one[at]) for one in properties), *placed]


def _valued(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def _part(name: str) -> Any:
    try:
        return import_module(f"openpyxl{name}")
    except ModuleNotFoundError as error:
        raise missing("an Excel workbook", "openpyxl") from error
