"""Bad input: a clear message in two languages that names the place and the remedy, and nothing half-written."""

import io
import os
import zipfile

import msoffcrypto
import pandas as pd
import pytest
import xlsxwriter
from msoffcrypto.format.ooxml import OOXMLFile

from aidlib.intake import draft_mapping
from aidlib.reference import Problem
from tests.intake.samples import csv, household, project, workbook


def refused(desk, key: str, *named: str, **options) -> Problem:
    """The import fails with the message ``key`` naming every word of ``named``, and no store is left behind."""
    with pytest.raises(Problem) as caught:
        desk.bring(**options)
    assert caught.value.key == key
    for language in ("zh", "en"):
        for word in named:
            assert word in caught.value.text(language)
    assert not desk.store.path.exists()
    assert not (desk.folder / "store.restricted").exists()
    return caught.value


def test_a_missing_file(desk):
    with pytest.raises(Problem, match=r"缺席\.xlsx") as caught:
        desk.bring(desk.raw / "缺席.xlsx")
    assert caught.value.key == "general.missing_file"


def test_a_folder_without_data_files(desk):
    refused(desk, "intake.no_files", "raw")


def test_an_empty_file(desk):
    (desk.raw / "入户2025年.csv").write_bytes(b"")
    refused(desk, "intake.empty_file", "入户2025年.csv")
    (desk.raw / "入户2025年.csv").write_bytes(b"\n \n")
    refused(desk, "intake.empty_file", "入户2025年.csv")


def test_an_empty_workbook(desk):
    xlsxwriter.Workbook(str(desk.raw / "入户2025年.xlsx")).close()
    refused(desk, "intake.empty_file", "入户2025年.xlsx")


def test_a_password_protected_workbook(desk):
    plain = io.BytesIO()
    pd.DataFrame([household(1)]).to_excel(plain, index=False)
    with (desk.raw / "入户2025年.xlsx").open("wb") as file:
        OOXMLFile(plain).encrypt("secret", file)
    with (desk.raw / "入户2025年.xlsx").open("rb") as file:
        assert msoffcrypto.OfficeFile(file).is_encrypted()
    refused(desk, "intake.password", "入户2025年.xlsx")


def test_a_broken_workbook(desk):
    path = desk.raw / "入户2025年.xlsx"
    workbook(path, {"东街": [household(1)]})
    path.write_bytes(path.read_bytes()[:2000])
    refused(desk, "intake.unreadable", "入户2025年.xlsx")
    path.write_text("not a workbook", encoding="utf-8")
    refused(desk, "intake.unreadable", "入户2025年.xlsx")


def test_a_wrong_sheet_and_a_wrong_file(desk):
    project(desk.project, "kinds: {a: {table: households, match: ['入户*'], sheets: ['街道*']}}")
    workbook(desk.raw / "入户2025年.xlsx", {"汇总": [household(1)]})
    refused(desk, "intake.wrong_sheet", "入户2025年.xlsx", "汇总", "union")


def test_no_header(desk):
    csv(desk.raw / "入户2025年.csv", [{"a": "1", "b": "2"}])
    refused(desk, "intake.no_header", "入户2025年.csv", "--draft")


def test_unknown_columns_are_named_by_letter(desk):
    workbook(desk.raw / "入户2025年.xlsx", {"东街": [household(1, 血型="A", 星座="x")]})
    error = refused(desk, "intake.unknown_columns", "入户2025年.xlsx", "东街", "T 血型", "U 星座", "--draft")
    assert error.values["row"] == 3


def test_a_lacking_column(desk):
    row = household(1)
    del row["家庭编号"]
    workbook(desk.raw / "入户2025年.xlsx", {"东街": [row]})
    refused(desk, "intake.lacking_columns", "入户2025年.xlsx", "东街", "家庭编号")


def test_an_unknown_source_offers_a_draft(desk):
    workbook(desk.raw / "入户2025年.xlsx", {"东街": [household(1)]})
    refused(desk, "intake.unknown_source", "--draft", "union", source="other")
    refused(desk, "intake.unknown_source", "--draft", source="../secret")


@pytest.mark.parametrize(
    "text",
    ["kinds: [", "kinds: {a: {table: nothing}}", "kinds: {a: {table: households, columns: {no_such: x}}}", "a: 1",
     "- x", "kinds: {a: {table: aid, ranges: {amount: 5}}}"],
)  # fmt: skip
def test_a_wrong_mapping_is_named(desk, text):
    project(desk.project, text)
    workbook(desk.raw / "入户2025年.xlsx", {"东街": [household(1)]})
    refused(desk, "intake.bad_mapping", "union.yml", "example.yml")


def test_an_unparsable_date_a_rounded_number_and_a_bad_code_are_quarantined_by_row(desk):
    rows = [household(1), household(2, 入户日期="腊月初八"), household(3, 地区="火星"), household(4, 家庭人口="许多")]
    rows.append(household(5, 家庭人口="99"))
    rows.append(household(6, 家庭编号=None))
    rows.append(household(7, 身份证号="9.90101197001021E+17"))
    workbook(desk.raw / "入户2025年.xlsx", {"东街": rows})
    made = desk.bring()
    assert sorted(made.reasons["reason"]) == [
        "code:region", "lunar:interview_date", "number:members", "range:members", "required:household_id",
        "rounded:id_number",
    ]  # fmt: skip
    assert made.account["accepted"].sum() == 1


def test_bytes_of_no_known_encoding(desk):
    (desk.raw / "入户2025年.csv").write_bytes("家庭编号,地区\nH1,".encode("gb18030") + b"\xff\xff\xff\n")
    refused(desk, "intake.encoding", "入户2025年.csv", "UTF-8")


def test_lines_with_another_number_of_fields_stop_the_import_unless_they_are_notes(desk):
    path = csv(desk.raw / "入户2025年.csv", [household(1), household(2)])
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + "合计,2\n", encoding="utf-8")
    made = desk.bring()
    assert made.account[["read", "accepted", "non_data"]].to_numpy().tolist() == [[4, 2, 2]]


def test_a_line_with_too_many_fields_is_a_problem(desk):
    path = csv(desk.raw / "入户2025年.csv", [household(1), household(2)])
    path.write_text(path.read_text(encoding="utf-8") + "3,H3," + "x," * 40 + "\n", encoding="utf-8")
    refused(desk, "intake.ragged", "入户2025年.csv", "1")


def test_an_unknown_format(desk):
    path = desk.raw / "入户2025年.pdf"
    path.write_bytes(b"%PDF-1.7")
    with pytest.raises(Problem) as caught:
        desk.bring(path)
    assert caught.value.key == "intake.unknown_format"


def test_bombs_are_refused_before_they_are_unpacked(desk):
    path = desk.raw / "入户2025年.xlsx"
    workbook(path, {"东街": [household(1)]})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media/x.bin", "w") as file:
        for _ in range(100):
            file.write(b"\0" * (1 << 20))
    assert path.stat().st_size < 400_000
    refused(desk, "intake.bomb", "入户2025年.xlsx")


@pytest.mark.parametrize("corner", [(1_048_575, 16_383), (1_048_575, 600), (5_000, 16_000)])
def test_a_sheet_with_a_cell_in_a_far_corner_is_refused(desk, corner):
    with xlsxwriter.Workbook(str(desk.raw / "入户2025年.xlsx")) as book:
        sheet = book.add_worksheet("东街")
        sheet.write_row(0, 0, list(household(1)))
        sheet.write(*corner, "x")
    refused(desk, "intake.bomb", "入户2025年.xlsx")


def test_an_unwritable_place_leaves_nothing(desk, monkeypatch):
    workbook(desk.raw / "入户2025年.xlsx", {"东街": [household(1)]})
    desk.bring()
    before = {p for p in desk.folder.rglob("*") if p.is_file()}
    workbook(desk.raw / "入户2026年.xlsx", {"东街": [household(1), household(2, 身份证号="1")]})

    def fail(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("aidlib.store.folder.manifests.write", fail)
    with pytest.raises(OSError, match="space"):
        desk.bring()
    assert {p for p in desk.folder.rglob("*") if p.is_file()} == before | {desk.raw / "入户2026年.xlsx"}


def test_a_draft_needs_a_header(desk):
    with pytest.raises(Problem) as caught:
        draft_mapping([desk.raw / "x.csv"])
    assert caught.value.key == "general.missing_file"
