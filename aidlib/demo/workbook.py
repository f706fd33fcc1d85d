"""Workbooks as clerks send them: title rows, merged headers, data, a signature; the same bytes for the same cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from aidlib.demo.columns import Text

_NUMBER = r"^-?\d{1,15}(\.\d+)?$"
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


def _write(page: Any, sheet: Sheet) -> None:
    rows = [*sheet.top, *zip(*(_values(c, i in sheet.numeric) for i, c in enumerate(sheet.columns)), strict=True)]
    for row, cells in enumerate([*rows, *sheet.bottom]):
        for column, value in enumerate(cells):
            if isinstance(value, str):
                page.write_string(row, column, value)
            elif value is not None:
                page.write_number(row, column, value)
        for first, last in sheet.merged.get(row, ()):
            page.merge_range(row, first, row, last, cells[first])


def _values(column: Text, numeric: bool) -> list[str | float | None]:
    """The cells of a column; a value that is no number stays text even in a column of numbers."""
    texts = column.to_pylist()
    if not numeric:
        return texts
    whole = pc.fill_null(pc.match_substring_regex(column, _NUMBER), False).to_pylist()
    return [float(text) if number else text for text, number in zip(texts, whole, strict=True)]
