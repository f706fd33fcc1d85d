"""Small raw exports made by hand for the tests: a city's workbook with a street a sheet, and its register."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
MAPPING = """
demo: false
ignore_sheets: ["填表说明"]
kinds:
  interviews:
    table: households
    match: ["入户*"]
    names: {year: '(20\\d\\d)年'}
    ignore: [序号, 备注]
    groups:
      - table: members
        numbers: ["", 1, 2, 3]
        headings: ["{column}{n}", "家庭成员{n}/{column}"]
        first: {relation: 本人}
        count_includes: 0
  register:
    table: dossiers
    match: ["档案*"]
    ignore: [序号]
  aid:
    table: aid
    match: ["帮扶*"]
"""


def project(folder: Path, mapping: str = MAPPING, name: str = "union") -> Path:
    """A project folder with one source mapping."""
    sources = folder / "data" / "sources"
    sources.mkdir(parents=True, exist_ok=True)
    (sources / f"{name}.yml").write_text(mapping, encoding="utf-8")
    return folder


def identity_number(place: str, birth: str, sequence: int) -> str:
    """An 18-digit number with the right check digit (GB 11643-1999), by the standard's table."""
    first = f"{place}{birth}{sequence:03d}"
    return first + "10X98765432"[sum(int(d) * w for d, w in zip(first, WEIGHTS, strict=True)) % 11]


def household(number: int, **changes: object) -> dict[str, object]:
    """One raw row: the worker and a spouse."""
    row = {
        "序号": str(number),
        "家庭编号": f"H{number:03d}",
        "地区": "甲市",
        "层": "甲城",
        "所属工会": f"甲{number % 3}",
        "权数": "3.5",
        "家庭人口": "2",
        "入户日期": "2025-09-10",
        "家庭年可支配收入": str(24000 + number * 120),
        "人均月收入": str(1000 + number * 5),
        "主要致困原因": "患病",
        "困难类别": "深度困难",
        "姓名": f"张{number}",
        "身份证号": identity_number("990101", "19700102", 100 + number * 2 + 1),
        "手机号码": f"100{number:08d}",
        "姓名1": f"李{number}",
        "关系1": "配偶",
        "身份证号1": identity_number("990101", "19720304", 100 + number * 2),
        "月收入1": "500",
    }
    return {**row, **changes}


def workbook(path: Path, sheets: dict[str, list[dict[str, object]]], *, titles: int = 2, footer: bool = True) -> int:
    """Write rows under title rows, with a subtotal and a signature below. Returns the rows written (to the last)."""
    import xlsxwriter

    total = 0
    with xlsxwriter.Workbook(str(path)) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for line in range(titles):
                sheet.write(line, 0, "甲市困难职工入户调查汇总表" if line == 0 else "填报单位：甲市总工会")
            headings = list(rows[0])
            sheet.write_row(titles, 0, headings)
            for i, row in enumerate(rows, titles + 1):
                for j, value in enumerate(row.get(heading) for heading in headings):
                    if value is not None:
                        sheet.write(i, j, value)
            end = titles + 1 + len(rows)
            if footer:
                sheet.write(end, 0, "合计")
                sheet.write(end, 6, 2 * len(rows))
                sheet.write(end + 2, 0, "制表人：王某")
                end += 3
            total += end
    return total


def csv(path: Path, rows: list[dict[str, object]], *, encoding: str = "utf-8", delimiter: str = ",") -> Path:
    """Write rows as text in an encoding (a mark is written where the encoding's name says so)."""
    text = pd.DataFrame(rows).to_csv(index=False, sep=delimiter)
    path.write_bytes(text.encode(encoding))
    return path
