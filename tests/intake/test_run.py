"""Whole imports of small files made by hand."""

import datetime

import pandas as pd
import pytest
import xlsxwriter

from tests.intake.samples import csv, household, identity_number, project, workbook

STEPS = ["accepted", "quarantined", "duplicates", "non_data"]


def balanced(account: pd.DataFrame) -> bool:
    return bool((account["read"] == account[STEPS].sum(axis=1)).all())


# by hand


def test_rows_of_a_citys_workbook_are_accounted_for_by_sheet(desk):
    first = [household(i) for i in range(1, 7)] + [household(3)]
    first[5]["身份证号"] = float(first[5]["身份证号"].replace("X", "0"))
    written = workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": first, "西街": [household(i) for i in (10, 11)]})
    made = desk.bring()
    rows = made.account.set_index("sheet")
    assert rows.loc["东街", ["read", *STEPS]].tolist() == [
        13,
        5,
        1,
        1,
        6,
    ]  # 2 titles, header, subtotal, blank, signature
    assert rows.loc["西街", ["read", *STEPS]].tolist() == [8, 2, 0, 0, 6]
    assert rows["read"].sum() == written
    assert made.reasons.to_dict("records") == [
        {"file": "入户2025年甲市.xlsx", "reason": "rounded:id_number", "rows": 1}
    ]
    assert desk.store.account()["read"].sum() == written


def test_wide_members_become_rows_with_the_design_of_their_household(desk):
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [household(1)]})
    desk.bring()
    members = desk.store.read("members").sort_values("relation").reset_index(drop=True)
    assert members["relation"].tolist() == ["self", "spouse"]
    assert members["sex"].tolist() == ["male", "female"]
    assert members["age"].tolist() == [55, 53]
    assert members["income_month"].fillna(-1).tolist() == [-1, 500]
    for column, value in {"region": "990100", "year": 2025, "stratum": "甲城", "psu": "甲1", "weight": 3.5}.items():
        assert members[column].tolist() == [value, value]


def test_a_header_of_two_merged_rows(desk):
    with xlsxwriter.Workbook(str(desk.raw / "入户2025年乙市.xlsx")) as book:
        sheet = book.add_worksheet("某街")
        sheet.write(0, 0, "乙市汇总表")
        for column, name in enumerate(["家庭编号", "地区", "家庭人口"]):
            sheet.merge_range(1, column, 2, column, name)
        sheet.merge_range(1, 3, 1, 5, "家庭成员1")
        sheet.write_row(2, 3, ["姓名", "关系", "月收入（元）"])
        sheet.write_row(3, 0, ["H1", "乙市", 1, "某人", "本人", 1200])
    made = desk.bring()
    assert made.account[["read", "accepted", "non_data"]].to_numpy().tolist() == [[4, 1, 3]]
    assert desk.store.read("members")["income_month"].tolist() == [1200]


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ","), ("utf-8-sig", ","), ("gb18030", ","), ("utf-16", "\t"), ("utf-16-le", "\t"), ("gb18030", ";")],
)
def test_encodings_of_text_files_are_found(desk, encoding, delimiter):
    rows = [household(i, 姓名="𠮷田一") for i in range(1, 4)] if encoding != "gbk" else []
    csv(desk.raw / "入户2025年.csv", rows, encoding=encoding, delimiter=delimiter)
    made = desk.bring()
    assert made.account[["read", "accepted", "non_data"]].to_numpy().tolist() == [[4, 3, 1]]
    assert desk.store.read("households")["stratum"].unique().tolist() == ["甲城"]
    assert "𠮷田一" in set(pd.read_parquet(desk.folder / "store.restricted" / "identities.parquet")["name"])


def test_dirt_is_cleaned_flagged_or_kept_apart(desk):
    rows = [
        household(1, 人均月收入="约1500"),
        household(2, 家庭年可支配收入="2.424", 人均月收入="1010"),
        household(3, 主要致困原因="某种原因"),
        household(4, 入户日期="19.3"),
        household(5, 家庭人口="5"),
        household(6, 人均月收入="不详"),
        household(7, 人均月收入="—"),
        household(8, 权数="无"),
    ]
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": rows})
    made = desk.bring()
    stored = desk.store.read("households").set_index("household_id")
    assert stored["income"].fillna(-1).tolist()[:1] == [1500]
    assert "unit_wan" in stored["flags"]["H002"]
    assert stored["income_year"]["H002"] == 2.424  # flagged, never repaired
    assert stored["flags"]["H003"] == "unknown_word:cause_main"
    assert "doubtful_date" in stored["flags"]["H004"]
    assert "size" in stored["flags"]["H005"]
    assert stored["income__missing"].dropna().to_dict() == {"H006": "unknown", "H007": "not_applicable"}
    assert stored["weight"]["H008"] == 0
    checks = made.checks.set_index("check")
    assert checks.loc["unit_wan", ["rows", "failed"]].tolist() == [8, 1]
    assert checks.loc["size", ["rows", "failed"]].tolist() == [8, 1]


def test_a_column_that_only_some_forms_have_was_not_asked_in_the_others(desk):
    workbook(desk.raw / "入户2024年甲市.xlsx", {"东街": [household(1)]})
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [household(1, 生活满意度="7", 调查员编号="I7", 年度="2025")]})
    desk.bring()
    rows = desk.store.read("households").set_index("year")  # the year of 2024 is in the file's name only
    assert rows.loc[2025, "life_satisfaction"] == 7
    assert rows.loc[2024, "life_satisfaction__missing"] == "not_asked"
    assert pd.isna(rows.loc[2024, "interviewer"])
    assert rows.loc[2025, "interviewer"] == "I7"


def test_headings_with_another_unit_are_converted_sheet_by_sheet(desk):
    renamed = {("人均月收入（元/年）" if k == "人均月收入" else k): v for k, v in household(1).items()}
    renamed["人均月收入（元/年）"] = "12060"
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [renamed], "西街": [household(2)]})
    desk.bring()
    assert desk.store.read("households")["income"].tolist() == [1005, 1010]


def test_household_twice_is_a_duplicate_in_whatever_way(desk):
    spouse = household(9)  # the spouse's file: another number, the same two persons
    worker, other = household(1), {}
    for column in ("姓名", "身份证号"):
        other[column], other[f"{column}1"] = worker[f"{column}1"], worker[column]
    spouse.update(other)
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [household(1), household(2)], "西街": [household(2), spouse]})
    made = desk.bring()
    assert made.account["duplicates"].sum() == 2
    assert sorted(desk.store.read("households")["household_id"]) == ["H001", "H002"]


def test_15_and_18_digits_are_one_person(desk):
    old = household(1)
    old["身份证号"] = old["身份证号"][:6] + old["身份证号"][8:17]
    workbook(desk.raw / "入户2024年甲市.xlsx", {"东街": [old]})
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [household(1)]})
    desk.bring()
    workers = desk.store.read("members").query("relation == 'self'")
    assert workers["year"].tolist() == [2024, 2025]
    assert workers["person_id"].duplicated().tolist() == [False, True]


def test_registers_are_checked_against_one_another(desk):
    dossiers = [
        {
            "档案编号": "D1",
            "家庭编号": "H1",
            "地区": "甲市",
            "建档日期": "2019.3",
            "退档日期": "2021年5月1日",
            "退档原因": "脱困",
        },
        {
            "档案编号": "D2",
            "家庭编号": "H2",
            "地区": "甲市",
            "建档日期": "2020-01-01",
            "退档日期": "2019-01-01",
            "退档原因": "脱困",
        },
        {
            "档案编号": "D3",
            "家庭编号": "H3",
            "区县": "甲一县",
            "地区": "",
            "建档日期": "43525",
            "退档日期": "",
            "退档原因": "",
        },
    ]
    aid = [
        {
            "帮扶流水号": "1",
            "家庭编号": "H1",
            "档案编号": "D1",
            "地区": "甲",
            "帮扶时间": "2020-01-05",
            "金额": "1,000元",
        },
        {"帮扶流水号": "2", "家庭编号": "H1", "档案编号": "D1", "地区": "甲", "帮扶时间": "2022-01-05", "金额": "500"},
        {"帮扶流水号": "2", "家庭编号": "H1", "档案编号": "D1", "地区": "甲", "帮扶时间": "2022-01-05", "金额": "500"},
    ]
    csv(desk.raw / "档案.csv", dossiers)
    csv(desk.raw / "帮扶.csv", aid)
    made = desk.bring()
    assert made.reasons["reason"].tolist() == ["closed_before_opened:closed"]
    stored = desk.store.read("dossiers").set_index("dossier_id")
    assert stored["region"].tolist() == ["990100", "990100"]
    assert stored["opened"]["D3"] == pd.Timestamp("2019-03-01")
    events = desk.store.read("aid").set_index("aid_id")
    assert events["amount"].tolist() == [1000, 500]
    assert events["flags"].fillna("").tolist() == ["", "aid_after_closing"]
    assert made.account.set_index("file").loc["帮扶.csv", "duplicates"] == 1


def test_interviewers_who_copy_or_heap_are_counted(desk):
    honest = [household(i, 调查员编号="A") for i in range(1, 31)]
    copied = [household(i, 调查员编号="B", 家庭年可支配收入="24000", 人均月收入="1003") for i in range(31, 51)]
    heaped = [
        household(i, 调查员编号="C", 人均月收入=str(500 * (i % 4 + 1)), 家庭年可支配收入=str(i)) for i in range(51, 80)
    ]
    csv(desk.raw / "入户2025年.csv", [*honest, *copied, *heaped])
    checks = desk.bring().checks.set_index("check")["failed"]
    assert checks["copied_interviews"] == 20
    assert checks["heaped_interviews"] == 29
    flags = desk.store.read("households").set_index("household_id")["flags"].fillna("")
    for check, numbers in {"copied_interviews": range(31, 51), "heaped_interviews": range(51, 80)}.items():
        assert set(flags.index[flags.str.contains(check)]) == {f"H{i:03d}" for i in numbers}


def test_interviewers_are_judged_by_all_their_work_however_it_is_batched(desk, monkeypatch):
    """Rows that were on disk before the last of them came are flagged too, and no part is left over."""
    for street, first in {"东街": 1, "西街": 4, "南街": 7}.items():
        copied = [
            household(i, 调查员编号="B", 家庭年可支配收入="24000", 人均月收入="1003") for i in range(first, first + 2)
        ]
        csv(desk.raw / f"入户2025年{street}.csv", [*copied, household(first + 2, 调查员编号="B")])
    monkeypatch.setattr("aidlib.intake.run.BATCH", 2)
    monkeypatch.setattr("aidlib.store.folder.PENDING", 2)
    desk.bring()
    flagged = desk.store.read("households").query("flags.str.contains('copied_interviews', na=False)")
    assert sorted(flagged["household_id"]) == ["H001", "H002", "H004", "H005", "H007", "H008"]
    named = {part["path"] for parts in desk.store.manifest()["tables"].values() for part in parts}
    assert {p.relative_to(desk.store.path).as_posix() for p in desk.store.path.rglob("*.parquet")} == named


def test_a_date_of_a_1904_workbook(desk):
    with xlsxwriter.Workbook(str(desk.raw / "入户2025年甲市.xlsx"), {"date_1904": True}) as book:
        sheet = book.add_worksheet("东街")
        row = household(1)
        sheet.write_row(0, 0, list(row))
        sheet.write_row(1, 0, list(row.values()))
        sheet.write_datetime(1, 7, datetime.datetime(2025, 9, 10), book.add_format({"num_format": "yyyy/m/d"}))
        sheet.write_row(2, 0, list(household(2, 入户日期="44448").values()))
    desk.bring()
    assert desk.store.read("households")["interview_date"].tolist() == [pd.Timestamp("2025-09-10")] * 2


def test_every_identity_number_in_a_numeric_cell_is_quarantined_even_if_its_check_digit_is_right(desk):
    rows = [
        household(i, 身份证号=float(identity_number("990101", f"19{i:02d}0102", 101).replace("X", "1")))
        for i in range(1, 100)
    ]
    rows += [household(i) for i in range(100, 110)]
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": rows})
    made = desk.bring()
    assert made.account[["accepted", "quarantined"]].to_numpy().tolist() == [[10, 99]]
    assert made.reasons["reason"].tolist() == ["rounded:id_number"]
    assert "E+17" in pd.read_excel(made.quarantine, dtype="str")["身份证号"][0]  # as the spreadsheet shows it


# laws


def test_a_second_import_of_the_same_files_changes_nothing(desk):
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [household(i) for i in range(1, 5)]})
    first = desk.bring()
    before = {p: p.read_bytes() for p in desk.folder.rglob("*") if p.is_file()}
    second = desk.bring()
    assert (first.unchanged, second.unchanged) == (False, True)
    assert second.number == first.number
    pd.testing.assert_frame_equal(second.account, first.account, check_dtype=False)
    assert {p: p.read_bytes() for p in desk.folder.rglob("*") if p.is_file()} == before


def test_a_newer_file_replaces_the_rows_it_repeats(desk):
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [household(i) for i in range(1, 5)]})
    desk.bring()
    later = workbook(desk.raw / "入户2025年甲市_更正.xlsx", {"东街": [household(1, 人均月收入="999")]})
    made = desk.bring()
    assert later == 7
    assert made.replaced == {"households": 1, "members": 2}
    assert desk.store.read("households").set_index("household_id")["income"]["H001"] == 999
    assert len(desk.store.read("households")) == 4


def test_the_same_files_give_the_same_store(desk, tmp_path):
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [household(i) for i in range(1, 5)]})
    desk.bring()
    from aidlib.intake import import_files

    import_files([desk.raw], "union", tmp_path / "again", project=desk.project)
    for path in desk.store.path.rglob("*"):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(desk.store.path)).read_bytes() == path.read_bytes()


def test_batches_do_not_change_the_result(desk, monkeypatch):
    workbook(
        desk.raw / "入户2025年甲市.xlsx",
        {s: [household(i) for i in range(1 + 5 * k, 8 + 5 * k)] for k, s in enumerate("甲乙丙")},
    )
    whole = desk.bring()
    rows = desk.store.read("members")
    monkeypatch.setattr("aidlib.intake.run.BATCH", 3)
    parts = desk.folder / "parts"
    from aidlib.intake import import_files
    from aidlib.store import Store

    made = import_files([desk.raw], "union", parts, project=desk.project)
    pd.testing.assert_frame_equal(made.account, whole.account)
    pd.testing.assert_frame_equal(Store(parts).read("members"), rows)


def test_the_clerks_round_trip_clears_the_quarantine(desk):
    rows = [household(i) for i in range(1, 6)]
    right = identity_number("990101", "19700102", 107)
    rows[2]["身份证号"] = right[:-1] + ("1" if right[-1] != "1" else "2")
    rows[3]["入户日期"] = "2025-02-30"
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": rows})
    first = desk.bring()
    assert first.account["quarantined"].sum() == 2
    sheet = pd.read_excel(first.quarantine, sheet_name="interviews", dtype="str")
    assert sheet["原行号 Row"].tolist() == ["6", "7"]
    assert "校验位" in sheet["原因"][0]
    assert "day" in sheet["Reason"][1]
    sheet.loc[0, "身份证号"] = right
    sheet.loc[1, "入户日期"] = "2025-09-30"
    sheet.to_excel(desk.folder / "corrected.xlsx", sheet_name="interviews", index=False)
    second = desk.bring(desk.folder / "corrected.xlsx")
    assert second.account[["read", *STEPS]].to_numpy().tolist() == [[3, 2, 0, 0, 1]]
    assert second.quarantine is None
    stored = desk.store.read("households")
    assert len(stored) == 5
    assert stored["year"].unique().tolist() == [2025]  # the year of the first file's name, not of the workbook's


def test_members_of_their_own_sheet_need_an_accepted_household(desk):
    project(
        desk.project,
        """
kinds:
  homes: {table: households, sheets: [homes], constants: {year: 2025}}
  roster: {table: members, sheets: [roster]}
""",
    )
    with xlsxwriter.Workbook(str(desk.raw / "a.xlsx")) as book:
        homes, roster = book.add_worksheet("homes"), book.add_worksheet("roster")
        for i, row in enumerate([["家庭编号", "地区"], ["H1", "甲市"], ["H2", "火星"]]):
            homes.write_row(i, 0, row)
        for i, row in enumerate([["家庭编号", "人员编号", "年龄"], ["H1", "p1", 40], ["H2", "p2", 50], ["", "p3", 60]]):
            roster.write_row(i, 0, row)
    made = desk.bring()
    account = made.account.set_index("sheet")
    assert account.loc["homes", STEPS].tolist() == [1, 1, 0, 1]
    assert account.loc["roster", STEPS].tolist() == [1, 2, 0, 1]
    assert desk.store.read("members")[["person_id", "region"]].to_numpy().tolist() == [["p1", "990100"]]
    assert balanced(made.account)
