"""The quarantine workbook: rows that could not be accepted, as they were, with the reason; to be corrected."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence

import pandas as pd
import pyarrow as pa

MARKS = ("原文件 File", "原工作表 Sheet", "原行号 Row", "原因", "Reason")
WRONG = "\0wrong"  # beside the columns: the headings of a row's wrong cells, one a line of "\0"
_WIDTHS = (28, 14, 8, 44, 44)
Shape = tuple[str, frozenset[str]]  # a kind, and the headings that its rows have: forms change with the years


def holds_kind(sheet: str, kind: str) -> bool:
    """Whether a sheet of a quarantine workbook is one of the kind: "kind", "kind #2" …"""
    numbered = re.fullmatch(r"(.+) #\d+", sheet)
    return sheet == kind[:31] or (numbered is not None and numbered.group(1) == kind[:26])


def quarantine_workbook(pieces: Mapping[Shape, Sequence[pa.Table]]) -> bytes:
    """An xlsx with one sheet a shape: file, sheet, row, reason in two languages, then the original columns as text.

    ``pieces``: by kind and headings, tables of text that begin with the columns of MARKS. Two forms of a kind never
    share a sheet, or a column would stand there under its old and its new heading. The same rows give the same bytes.
    Cells named in the column WRONG, which is not written, are filled.
    Every cell is text, so identity numbers stay whole and nothing is taken for a formula.
    """
    import xlsxwriter

    sink = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(sink, options)
    book.set_properties({"created": pd.Timestamp("2020-01-01").to_pydatetime()})
    bold = book.add_format({"bold": True, "bg_color": "#E6E6E6", "text_wrap": True, "valign": "top"})
    text = book.add_format({"num_format": "@"})
    filled = book.add_format({"num_format": "@", "bg_color": "#FFE08A"})
    for title, rows in _sheets(pieces):
        sheet = book.add_worksheet(title)
        sheet.freeze_panes(1, 0)
        wrong = rows.pop(WRONG).fillna("").str.split("\0") if WRONG in rows else pd.Series(dtype="object")
        marked = wrong.reset_index(drop=True).explode()
        for column, (name, values) in enumerate(rows.items()):
            sheet.set_column(column, column, _WIDTHS[column] if column < len(_WIDTHS) else 14, text)
            sheet.write_string(0, column, str(name), bold)
            cells = values.astype("object").where(values.notna(), "")
            sheet.write_column(1, column, [str(cell) for cell in cells], text)
            for at in marked.index[marked == name]:
                sheet.write_string(1 + at, column, str(cells.iloc[at]), filled)
    book.close()
    return sink.getvalue()


def _sheets(pieces: Mapping[Shape, Sequence[pa.Table]]) -> list[tuple[str, pd.DataFrame]]:
    """The sheets by name, the forms of a kind in the order of their first files."""
    found: list[tuple[str, list[str], pd.DataFrame]] = []
    for (kind, headings), tables in pieces.items():
        rows = pa.concat_tables(tables, promote_options="default").to_pandas()
        rows = rows.sort_values(list(MARKS[:2]), kind="stable")
        found.append((kind, [*map(str, rows.iloc[0, :2]), *sorted(headings)], rows))
    sheets: list[tuple[str, pd.DataFrame]] = []
    for kind, _, rows in sorted(found, key=lambda each: each[:2]):
        number = 1 + sum(holds_kind(name, kind) for name, _ in sheets)
        sheets.append((kind[:31] if number == 1 else f"{kind[:26]} #{number}", rows))
    return sheets
