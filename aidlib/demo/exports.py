"""The raw files: which rows stand in which file, sheet and row, and how each file is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from aidlib.demo.columns import Text
from aidlib.demo.parameters import CITIES, CITY_NAMES
from aidlib.demo.shapes import Form, survey_form
from aidlib.demo.survey_rows import MONEY, POINTS
from aidlib.demo.workbook import Sheet, write_workbook

ENCODINGS = {"990400": "gb18030", "990700": "gb18030", "991000": "gb18030", "990900": "utf-16", "991200": "utf-8-sig"}
LARGE = 5000  # households above which workbooks give way to csv
NUMERIC = {*MONEY, *POINTS, "pressure", "effectiveness", "motivation", "members", "dependants_outside", "area",
           "dwellings", "weight", "psu_population", "year", "amount", "in_kind", "net_income", "w.income_month",
           *(f"m{n}.income_month" for n in range(1, 6))}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Laid:
    """Rows of one sheet: positions in the table, and the raw number (1-based) of the first of them.

    read: raw rows of the sheet in all.
    """

    file: str
    sheet: str
    rows: np.ndarray
    first: int
    read: int


def survey_layout(year: int, city: np.ndarray, sheet: np.ndarray, names: Sequence[str], households: int) -> list[Laid]:
    """Where the rows of a wave stand: by city, in a workbook by sheet; the order of the rows is kept within both.

    city, sheet: positions by row; names: of the sheets (psu names).
    """
    laid = []
    for c, code in enumerate(CITIES):
        mine = np.flatnonzero(city == c)
        stem = f"入户调查_{year}_{code}_{CITY_NAMES[c]}"
        sheets = np.unique(sheet[mine])
        as_book = sheets if code not in ENCODINGS else sheets[:0]
        if households > LARGE:
            as_book = sheets[:1]
        for s in as_book:
            rows = mine[sheet[mine] == s]
            laid.append(Laid(f"{stem}.xlsx", names[s], rows, 5, len(rows) + 7))
        rest = mine[~np.isin(sheet[mine], as_book)]
        if len(rest):
            laid.append(Laid(f"{stem}.csv", "", rest, 3, len(rest) + 4))
    return laid


def write_survey(out: Path, year: int, columns: Mapping[str, Text], laid: Sequence[Laid]) -> None:
    """Write the files of a wave."""
    by_form: dict[Form, dict[str, list[Laid]]] = {}
    for each in laid:
        form = survey_form(year, each.file.split("_")[2])
        by_form.setdefault(form, {}).setdefault(each.file, []).append(each)
    for form, files in by_form.items():
        for file, parts in files.items():
            if file.endswith(".xlsx"):
                write_workbook(out / file, [_survey_sheet(part, form, columns, year) for part in parts])
            else:
                _survey_csv(out / file, form, columns, parts[0], year)


def _survey_csv(path: Path, form: Form, columns: Mapping[str, Text], part: Laid, year: int) -> None:
    city = path.name.split("_")[2]
    top: list[list[str | None]] = [[f"示例省困难职工家庭入户调查（{year}年）"], list(form.headings)]
    by = CITY_NAMES[CITIES.index(city)]
    bottom = [["合计", None, str(len(part.rows))], [f"填表人：{by}工会", None, "审核人：示例"]]
    write_csv(path, top, _taken(columns, form.keys, part.rows), bottom, ENCODINGS.get(city, "utf-8"))


def _survey_sheet(part: Laid, form: Form, columns: Mapping[str, Text], year: int) -> Sheet:
    width = len(form.keys)
    above: list[str | None] = [None] * width
    for first, _, words in form.above:
        above[first] = words
    top: list[list[str | None]] = [
        [f"示例省困难职工家庭入户调查（{year}年）"],
        [f"填表单位：{part.sheet}", None, None, f"年度：{year}"],
        above,
        list(form.headings),
    ]
    merged = {0: [(0, width - 1)], 2: [(first, last) for first, last, _ in form.above if last > first]}
    bottom: list[list[str | None]] = [
        ["合计", None, str(len(part.rows))],
        [None],
        ["填表人：示例", None, None, "审核人：示例"],
    ]
    return Sheet(part.sheet, top, _taken(columns, form.keys, part.rows), _numeric(form.keys), bottom, merged)


def _taken(columns: Mapping[str, Text], keys: Sequence[str], rows: np.ndarray) -> list[Text]:
    return [columns[key].take(pa.array(rows)) for key in keys]


def _numeric(keys: Iterable[str]) -> set[int]:
    """Positions of the columns that a clerk would type as numbers."""
    return {i for i, key in enumerate(keys) if key in NUMERIC}


def list_layout(file: str, rows: int) -> Laid:
    """Where the rows of a list stand: in a workbook below two title rows and a header, before a signature."""
    if file.endswith(".csv"):
        return Laid(file, "", np.arange(rows), 2, rows + 1)
    return Laid(file, "全省", np.arange(rows), 4, rows + 4)


def write_list(path: Path, headings: Mapping[str, str], columns: Mapping[str, Text], part: Laid, title: str) -> None:
    """A list as csv, or as a workbook with title, header and signature."""
    taken = [columns[key] for key in headings]
    if path.suffix == ".csv":
        write_csv(path, [list(headings.values())], taken)
        return
    top: list[list[str | None]] = [[title], ["单位：示例省总工会"], list(headings.values())]
    write_workbook(path, [Sheet(part.sheet, top, taken, _numeric(headings), [["制表：示例", None, "审核：示例"]])])


def write_csv(
    path: Path,
    top: Sequence[Sequence[str | None]],
    columns: Sequence[Text],
    bottom: Sequence[Sequence[str | None]] = (),
    encoding: str = "utf-8",
) -> None:
    """A csv file (tabs in UTF-16), every row as wide as the table; lines end in CR LF as from a spreadsheet."""
    sign = "\t" if encoding == "utf-16" else ","
    width = len(columns)
    table = pa.table(list(columns), names=[str(i) for i in range(width)])
    with path.open("wb") as file:
        if encoding == "utf-16":
            file.write(b"\xff\xfe")
        code = {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(encoding, encoding)
        if encoding == "utf-8-sig":
            file.write(b"\xef\xbb\xbf")
        file.write(_lines(top, width, sign).encode(code))
        for start in range(0, max(table.num_rows, 1), 50_000):
            sink = pa.BufferOutputStream()
            options = pacsv.WriteOptions(include_header=False, delimiter=sign, quoting_style="needed", eol="\r\n")
            pacsv.write_csv(table.slice(start, 50_000), sink, options)
            block = sink.getvalue().to_pybytes()
            file.write(block if code == "utf-8" else block.decode("utf-8").encode(code))
        file.write(_lines(bottom, width, sign).encode(code))


def _lines(rows: Sequence[Sequence[str | None]], width: int, sign: str) -> str:
    full = [[*(cell or "" for cell in row), *[""] * (width - len(row))] for row in rows]
    return "".join(sign.join(row) + "\r\n" for row in full)
