"""The quarantine workbook: rows that could not be accepted, as they were, with the reason; to be corrected."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

MARKS = ("原文件 File", "原工作表 Sheet", "原行号 Row", "原因", "Reason")
_WIDTHS = (28, 14, 8, 44, 44)


def quarantine_workbook(pieces: dict[str, Sequence[pa.Table]]) -> bytes:
    """An xlsx with one sheet a kind: file, sheet, row, reason in two languages, then the original columns as text.

    ``pieces``: by kind, tables of text that begin with the columns of MARKS. The same rows give the same bytes. Every
    cell is text, so identity numbers stay whole and nothing is taken for a formula.
    """
    import xlsxwriter

    sink = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(sink, options)
    book.set_properties({"created": pd.Timestamp("2020-01-01").to_pydatetime()})
    bold = book.add_format({"bold": True, "bg_color": "#E6E6E6", "text_wrap": True, "valign": "top"})
    text = book.add_format({"num_format": "@"})
    for kind, tables in sorted(pieces.items()):
        rows = pa.concat_tables(tables, promote_options="default").to_pandas()
        rows = rows.sort_values(list(MARKS[:2]), kind="stable")
        sheet = book.add_worksheet(kind[:31])
        sheet.freeze_panes(1, 0)
        for column, (name, values) in enumerate(rows.items()):
            sheet.set_column(column, column, _WIDTHS[column] if column < len(_WIDTHS) else 14, text)
            sheet.write_string(0, column, str(name), bold)
            cells = values.astype("object").where(values.notna(), "")
            sheet.write_column(1, column, [str(cell) for cell in cells], text)
    book.close()
    return sink.getvalue()
