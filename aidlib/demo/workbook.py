"""Workbooks as clerks send them: title rows, merged headers, data, a signature; the same bytes for the same cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from aidlib.demo.columns import Text
from aidlib.demo.page import fill

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

_MADE = datetime(2018, 7, 1)  # fixed, so that the same seed gives the same bytes


@dataclass(frozen=True, eq=False)
class Sheet:
    """top and bottom: rows of texts above and below the data (None for a blank cell).

    columns: the data; ``numeric``: positions of the columns whose numbers become number cells. merged: row of ``top`` →
    first and last columns of its ranges.
    """

    name: str
    top: Sequence[Sequence[str | None]]
    columns: Sequence[Text]
    numeric: Set[int]
    bottom: Sequence[Sequence[str | None]] = ()
    merged: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)


def write_workbook(path: Path, sheets: Sequence[Sheet]) -> None:
    """Write the sheets in order."""
    import xlsxwriter

    with xlsxwriter.Workbook(path, {"in_memory": True}) as book:
        book.set_properties({"created": _MADE})
        for sheet in sheets:
            _write(book.add_worksheet(sheet.name), sheet)


def _write(page: Worksheet, sheet: Sheet) -> None:
    width, rows = len(sheet.columns), len(sheet.columns[0])
    by_row = pa.array(np.arange(width * rows).reshape(width, rows).T.ravel())
    data = pa.concat_arrays(sheet.columns).take(by_row)
    top, bottom = (_flat(lines, width) for lines in (sheet.top, sheet.bottom))
    numeric = np.zeros((len(sheet.top) + rows + len(sheet.bottom), width), bool)
    numeric[len(sheet.top) : len(sheet.top) + rows, sorted(sheet.numeric)] = True
    fill(page, pa.concat_arrays([top, data, bottom]), width, numeric.ravel())
    for row, ranges in sheet.merged.items():
        for first, last in ranges:
            page.merge_range(row, first, row, last, sheet.top[row][first])


def _flat(lines: Sequence[Sequence[str | None]], width: int) -> Text:
    """The cells of rows of texts, each row as wide as the table."""
    return pa.array([cell for line in lines for cell in [*line, *[None] * (width - len(line))]], pa.string())
