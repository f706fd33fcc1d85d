"""Workbooks of the demonstration: the bytes that XlsxWriter writes cell by cell, and what a reader finds in them."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pytest
import xlsxwriter

from aidlib.demo.workbook import Sheet, write_workbook

WORDS = [
    "甲",
    "a & b",
    "<x>",
    '"',
    " 前后 ",
    "",
    "_x0041_",
    "\x07",
    "1",
    "-2.50",
    "0.00001",
    "007",
    "1e5",
    "1" * 16,
    "1" * 15,
]


def cell_by_cell(path: Path, sheets: list[Sheet]) -> None:
    """The same workbook by XlsxWriter's own calls."""
    with xlsxwriter.Workbook(path, {"in_memory": True}) as book:
        book.set_properties({"created": datetime(2018, 7, 1)})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            data = list(zip(*(column.to_pylist() for column in sheet.columns), strict=True))
            for row, cells in enumerate([*sheet.top, *data, *sheet.bottom]):
                in_data = len(sheet.top) <= row < len(sheet.top) + len(data)
                for column, text in enumerate(cells):
                    numeric = in_data and column in sheet.numeric and re.fullmatch(r"-?\d{1,15}(\.\d+)?", text or "")
                    if numeric:
                        page.write_number(row, column, float(text))
                    elif text is not None:
                        page.write_string(row, column, text)
                for first, last in sheet.merged.get(row, ()):
                    page.merge_range(row, first, row, last, cells[first])


def sheet(name: str, rows: int, width: int, share: float, seed: int) -> Sheet:
    """Cells drawn from WORDS and from names of their own; ``share`` of them blank, and so is one whole row."""
    rng = np.random.default_rng(seed)
    own = np.array([[f"某{seed}-{i}-{j}" for j in range(width)] for i in range(rows)], dtype=object).reshape(
        rows, width
    )
    drawn = np.where(
        rng.random((rows, width)) < 0.5, np.array(WORDS, dtype=object)[rng.integers(0, len(WORDS), (rows, width))], own
    )
    drawn[rng.random((rows, width)) < share] = None
    drawn[rows // 2 : rows // 2 + 1] = None
    top = [["题名"], [None, "单位", None, "年度"], [None] * width, ["列"] * (width - 1)]
    bottom = [["合计", None, str(rows)], [None], ["填表人", None, None, "审核人"]]
    columns = [pa.array(drawn[:, j], pa.string()) for j in range(width)]
    return Sheet(
        name, top, columns, {0, width - 1, *range(5, width, 3)}, bottom, {0: [(0, width - 1)], 3: [(0, 2), (3, 4)]}
    )


@pytest.mark.parametrize("share", [0.0, 0.3, 0.97])
def test_the_bytes_are_those_of_xlsxwriter_cell_by_cell(tmp_path, share):
    sheets = [
        sheet("甲", 50, 30, share, 1),
        sheet("乙", 1, 5, share, 2),
        sheet("丙", 0, 6, share, 3),
        sheet("丁", 60, 800, share, 4),
    ]
    write_workbook(tmp_path / "fast.xlsx", sheets)
    cell_by_cell(tmp_path / "slow.xlsx", sheets)
    assert (tmp_path / "fast.xlsx").read_bytes() == (tmp_path / "slow.xlsx").read_bytes()


def test_a_reader_finds_numbers_texts_and_blanks(tmp_path):
    columns = [pa.array(["H1", "H2", None]), pa.array(["12.50", "约30", "7"]), pa.array(["007", None, None])]
    write_workbook(
        tmp_path / "book.xlsx",
        [Sheet("街道", [["题名"], ["户号", "收入", "编号"]], columns, {1}, [["合计"]], {0: [(0, 2)]})],
    )
    page = openpyxl.load_workbook(tmp_path / "book.xlsx")["街道"]
    assert [[cell.value for cell in row] for row in page.iter_rows()] == [
        ["题名", None, None], ["户号", "收入", "编号"], ["H1", 12.5, "007"],
        ["H2", "约30", None], [None, 7, None], ["合计", None, None],
    ]  # fmt: skip
    assert [str(each) for each in page.merged_cells.ranges] == ["A1:C1"]
