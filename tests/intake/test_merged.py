"""A household's columns written once, merged over the rows of its members."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xlsxwriter

from aidlib.intake.merged import _sources
from tests.intake.samples import household, identity_number, project

MAPPING = """
kinds:
  interviews:
    table: households
    match: ["入户*"]
    constants: {year: 2025}
    ignore: [序号, 备注]
    groups:
      - {table: members, numbers: [""]}
"""
OWN = ["家庭编号", "地区", "家庭人口", "人均月收入", "困难类别"]
MEMBER = ["姓名", "关系", "身份证号", "月收入"]


def merged_sheet(path, homes: list[list[dict[str, object]]], *, first_column: int = 0, merge: bool = True) -> None:
    """Households below one another; the household's columns are merged over its members' rows."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet, style = book.add_worksheet("东街"), book.add_format()
        sheet.write_row(0, first_column, [*OWN, *MEMBER])
        at = 1
        for people in homes:
            for column, name in enumerate(OWN, first_column):
                if merge and len(people) > 1:
                    sheet.merge_range(at, column, at + len(people) - 1, column, people[0][name], style)
                else:
                    sheet.write(at, column, people[0][name])
            for person in people:
                sheet.write_row(at, first_column + len(OWN), [person[name] for name in MEMBER])
                at += 1


def home(number: int, size: int, **changes: object) -> list[dict[str, object]]:
    born = [f"19{60 + 9 * k}0102" for k in range(size)]
    return [
        {**household(number), "家庭人口": str(size), "姓名": f"张{number}{k}", "关系": ["本人", "配偶", "子女"][k],
         "身份证号": identity_number("990101", born[k], 100 + 7 * number + k), "月收入": "500", **changes}
        for k in range(size)
    ]  # fmt: skip


@pytest.fixture
def desk_of_roster(desk):
    project(desk.project, MAPPING)
    return desk


@pytest.mark.parametrize("first_column", [0, 2])
def test_members_below_a_merged_household_belong_to_it(desk_of_roster, first_column):
    desk = desk_of_roster
    merged_sheet(desk.raw / "入户.xlsx", [home(1, 3), home(2, 1), home(3, 2)], first_column=first_column)
    made = desk.bring()
    assert made.account[["read", "accepted", "non_data"]].to_numpy().tolist() == [[7, 6, 1]]
    assert desk.store.read("households")["household_id"].tolist() == ["H001", "H002", "H003"]
    members = desk.store.read("members").sort_values(["household_id", "birth_year"])
    assert members["household_id"].tolist() == ["H001"] * 3 + ["H002"] + ["H003"] * 2
    assert members["relation"].tolist() == ["self", "spouse", "child", "self", "self", "spouse"]
    assert made.checks.set_index("check").loc["size", ["rows", "failed"]].tolist() == [3, 0]


def test_blank_cells_that_are_not_merged_are_not_guessed(desk_of_roster):
    desk = desk_of_roster
    merged_sheet(desk.raw / "入户.xlsx", [home(1, 3), home(2, 1)], merge=False)
    made = desk.bring()
    assert made.account[["read", "accepted", "quarantined"]].to_numpy().tolist() == [[5, 2, 2]]


def test_a_fault_of_one_member_keeps_the_household_together_until_it_is_corrected(desk_of_roster):
    desk = desk_of_roster
    people = home(1, 3)
    people[2]["身份证号"] = people[2]["身份证号"][:-1] + ("1" if people[2]["身份证号"][-1] != "1" else "2")
    merged_sheet(desk.raw / "入户.xlsx", [people, home(2, 2)])
    first = desk.bring()
    assert first.account[["accepted", "quarantined"]].to_numpy().tolist() == [[2, 3]]
    sheet = pd.read_excel(first.quarantine, dtype="str")
    assert sheet["原行号 Row"].tolist() == ["2", "2+1", "2+2"]
    assert sheet["家庭编号"].tolist() == ["H001"] * 3
    sheet.loc[2, "身份证号"] = home(1, 3)[2]["身份证号"]
    sheet.to_excel(desk.folder / "corrected.xlsx", sheet_name="interviews", index=False)
    second = desk.bring(desk.folder / "corrected.xlsx")
    assert second.account.iloc[-1][["accepted", "quarantined", "duplicates"]].tolist() == [3, 0, 0]
    assert desk.store.read("members").groupby("household_id").size().to_dict() == {"H001": 3, "H002": 2}


def test_spans_that_overlap_or_reach_beyond_the_sheet_do_no_harm():
    assert _sources(5, np.array([[1, 1_048_575]])).tolist() == [0, 1, 1, 1, 1]
    assert _sources(5, np.array([[0, 4], [0, 4]])) is None
    assert pa.array(_sources(3, np.array([[5, 9]]))).to_pylist() == [0, 1, 2]
