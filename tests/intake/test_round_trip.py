"""The clerk's round trip: quarantined rows are put right, imported again, and nothing is counted twice."""

import csv
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import xlsxwriter

from aidlib import demo
from aidlib.intake import import_files
from aidlib.store import Store
from tests.conftest import ROOT
from tests.intake.samples import household, identity_number, project, workbook

STEPS = ["accepted", "quarantined", "duplicates", "non_data"]
OWN = """
kinds:
  ledger:
    table: households
    names: {year: '(20\\d\\d)年'}
    constants: {region: 990100}
    columns: {household_id: 户编码, rigid_medical: 自费医疗, interview_date: 走访日}
    groups:
      - {table: members, numbers: ["", 1], headings: ["成员{n}/{column}"], first: {relation: 本人}}
"""
TOP = ["基本情况", "", "", "支出\n（元/年）", "成员1", "", "调查"]
BELOW = ["户编码", "职工姓名", "身份证号码", "自费医疗", "姓名", "身份证号", "走访\n日"]


def correct(path: Path, right: Callable[[tuple, str], object]) -> int:
    """Play the clerk: each cell becomes what ``right`` says for its row's marks and its heading; None leaves it."""
    book, corrected = openpyxl.load_workbook(path), 0
    for sheet in book:
        headings = [str(cell.value) for cell in sheet[1]]
        for row in sheet.iter_rows(min_row=2):
            marks = tuple(cell.value for cell in row[:5])
            for cell, heading in zip(row[5:], headings[5:], strict=True):
                value = right(marks, heading)
                if value is not None and value != cell.value:
                    cell.value, corrected = value, corrected + 1
    book.save(path)
    return corrected


def test_a_ledger_with_two_merged_rows_of_headings_comes_back(desk):
    project(desk.project, OWN)
    ids = [identity_number("990101", "19700102", 101 + 2 * i) for i in range(4)]
    with xlsxwriter.Workbook(str(desk.raw / "台账2025年.xlsx")) as book:
        sheet = book.add_worksheet("台账")
        for line, cells in enumerate([["困难职工台账"], TOP, BELOW]):
            sheet.write_row(line, 0, cells)
        for i, number in enumerate(ids):
            day = "2025-02-30" if i == 2 else "2025-09-01"
            spouse = identity_number("990101", "19720304", 200 + i)
            sheet.write_row(
                3 + i, 0, [f"Q{i}", f"张{i}", number, 600, f"李{i}", spouse if i != 1 else spouse[:-1], day]
            )
    first = desk.bring()
    assert first.account[STEPS].to_numpy().tolist() == [[2, 2, 0, 3]]
    right = {"成员1\n身份证号": identity_number("990101", "19720304", 201), "调查\n走访 日": "2025-03-02"}
    told = {"5": ["成员1\n身份证号"], "6": ["调查\n走访 日"]}
    assert correct(first.quarantine, lambda marks, name: right[name] if name in told[marks[2]] else None) == 2
    second = desk.bring(first.quarantine)
    assert second.account[["read", *STEPS]].to_numpy().tolist() == [[3, 2, 0, 0, 1]]
    assert second.quarantine is None
    assert len(desk.store.read("households")) == 4
    assert len(desk.store.read("members")) == 8
    assert desk.store.read("households")["rigid_medical"].tolist() == [600.0] * 4


def test_two_forms_of_one_kind_stand_in_two_sheets(desk):
    old = [household(i) for i in range(1, 4)]
    new = [{("家庭人数" if name == "家庭人口" else name): cell for name, cell in household(i).items()} for i in (4, 5)]
    old[1]["入户日期"] = new[1]["入户日期"] = "2025-02-30"
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": old})
    workbook(desk.raw / "入户2025年乙市.xlsx", {"西街": new})
    first = desk.bring()
    assert openpyxl.load_workbook(first.quarantine).sheetnames == ["interviews", "interviews #2"]
    assert correct(first.quarantine, lambda marks, name: "2025-03-02" if name == "入户日期" else None) == 2
    second = desk.bring(first.quarantine)
    assert second.account[["sheet", "accepted"]].to_numpy().tolist() == [["interviews", 1], ["interviews #2", 1]]
    stored = desk.store.read("households").set_index("household_id")
    assert stored.loc[["H002", "H005"], "members"].tolist() == [2.0, 2.0]


def test_a_row_that_is_still_wrong_comes_back_with_its_first_place(desk):
    rows = [household(i) for i in range(1, 4)]
    rows[1]["入户日期"] = "2025-02-30"
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": rows})
    first = desk.bring()
    assert correct(first.quarantine, lambda marks, name: "2025-02-31" if name == "入户日期" else None) == 1
    second = desk.bring(first.quarantine)
    assert second.quarantine.name == "quarantine-000002.xlsx"
    marks = [cell.value for cell in openpyxl.load_workbook(second.quarantine)["interviews"][2]][:3]
    assert marks == ["入户2025年甲市.xlsx", "东街", "5"]


@pytest.fixture(scope="module")
def surveys(tmp_path_factory) -> tuple[Path, Path, Store, Path]:
    """The dirty survey, the same survey on paper (without dirt), the store of the first, and its quarantine."""
    folder = tmp_path_factory.mktemp("round")
    for name, preset in (("raw", "default"), ("paper", "clean")):
        demo.write(folder / name, households=240, waves=2, preset=preset)
    made = import_files([folder / "raw"], "demo", folder / "store", project=ROOT)
    return folder / "raw", folder / "paper", Store(folder / "store"), made.quarantine


def test_the_demonstration_survey_loses_nothing_to_its_dirt(surveys):
    _, paper, store, quarantine = surveys
    before = store.account(1)
    assert 5 <= before["quarantined"].sum() < 0.02 * before.loc[before["table"] == "households", "read"].sum()
    form = Forms(paper)
    assert correct(quarantine, form.right) >= before["quarantined"].sum()
    made = import_files([quarantine], "demo", store.path, project=ROOT)
    assert made.quarantine is None
    after = store.account()
    assert (after["read"] == after[STEPS].sum(axis=1)).all()
    assert after["accepted"].sum() == before[["accepted", "quarantined"]].sum().sum()
    for table in ("households", "dossiers"):
        rows = store.read(table)
        assert len(rows) == after.loc[after["table"] == table, "accepted"].sum()
        assert not rows.duplicated({"households": ["household_id", "year"]}.get(table, ["dossier_id", "opened"])).any()
    assert sum(store.manifest()["replaced"].values()) == 0
    again = import_files([quarantine], "demo", store.path, project=ROOT)
    assert (again.unchanged, again.number, store.numbers()) == (True, made.number, [1, made.number])


class Forms:
    """The paper forms: what stands in the row of the same file, sheet and number of the survey without dirt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.grids: dict[tuple[str, str], list[list[str]]] = {}

    def right(self, marks: tuple, heading: str) -> str | None:
        """What the form says under a heading that the reason may speak of, else None."""
        reason, name = marks[3], heading.rsplit("\n", 1)[-1]
        days = ("入户日期", "调查时间", "入户时间") if "不存在" in reason else ("退档日期",) if "早于" in reason else ()
        if not (name in days or ("身份证" in reason and "身份证" in name)):
            return None
        grid = self._grid(marks[0], marks[1] or "")
        headings = next(row for row in grid[:10] if "家庭编号" in row)
        return grid[int(marks[2]) - 1][headings.index(name)] or None if name in headings else None

    def _grid(self, file: str, sheet: str) -> list[list[str]]:
        if (file, sheet) not in self.grids:
            self.grids[file, sheet] = _grid(self.folder / file, sheet)
        return self.grids[file, sheet]


def _grid(path: Path, sheet: str) -> list[list[str]]:
    if path.suffix == ".xlsx":
        return pd.read_excel(path, sheet_name=sheet, header=None, dtype="str").fillna("").to_numpy().tolist()
    data = path.read_bytes()
    for encoding in ("utf-16" if data[:1] in b"\xff\xfe" else "utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return list(csv.reader(text.splitlines(), delimiter="\t" if "\t" in text else ","))
    raise AssertionError(path.name)
