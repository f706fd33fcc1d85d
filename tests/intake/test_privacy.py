"""Nothing that tells who a person is leaves the restricted side."""

import os
import stat

import pandas as pd
import pytest

from aidlib.reference import Problem
from tests.intake.samples import household, identity_number, workbook

CANARIES = {
    "姓名": "欧阳囍喆",
    "身份证号": identity_number("990101", "19610717", 771),
    "手机号码": "10077665544",
    "家庭住址": "某路七百七十一号",
    "银行卡号": "6222990077665544",
    "姓名1": "上官蠡鑫",
    "身份证号1": identity_number("990101", "19630818", 662),
}


def everything_outside(desk) -> bytes:
    files = [p for p in desk.store.path.rglob("*") if p.is_file()]
    names = "\n".join(str(p) for p in files)
    tables = "".join(pd.read_parquet(p).to_csv() for p in files if p.suffix == ".parquet")  # compressed in the file
    return b"".join(p.read_bytes() for p in files) + (names + tables).encode()


def contained(content: bytes) -> list[str]:
    forms = [
        (name, value, encoding) for name, value in CANARIES.items() for encoding in ("utf-8", "utf-16-le", "gb18030")
    ]
    return [name for name, value, encoding in forms if value.encode(encoding) in content]


def test_no_identifier_is_in_the_store_or_what_is_printed(desk, capfd, caplog):
    rows = [
        household(1, **CANARIES),
        household(2, **{**CANARIES, "身份证号": "990101196107170000", "家庭编号": "H002"}),
    ]
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": rows})
    told: list[str] = []
    made = desk.bring(progress=lambda *args: told.append(str(args)))
    assert made.account["quarantined"].sum() == 1
    printed = "".join(capfd.readouterr()) + caplog.text + "".join(told)
    said = made.account.to_csv() + made.reasons.to_csv() + made.checks.to_csv() + repr(made)
    assert contained(everything_outside(desk) + printed.encode() + said.encode()) == []


def test_the_scan_would_find_a_leak(desk):
    assert contained(CANARIES["姓名"].encode("gb18030")) == ["姓名"]


def test_identities_are_kept_on_the_restricted_side(desk):
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [household(1, **CANARIES)]})
    desk.bring()
    people = pd.read_parquet(desk.folder / "store.restricted" / "identities.parquet").set_index("name")
    assert people.loc["欧阳囍喆", "id_number"] == CANARIES["身份证号"]
    assert set(people["person_id"]) == set(desk.store.read("members")["person_id"])


@pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")
def test_the_restricted_files_are_closed(desk):
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [household(1, 身份证号="1"), household(2)]})
    desk.bring()
    folder = desk.folder / "store.restricted"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(p.name for p in folder.iterdir()) == ["identities.parquet", "quarantine-000001.xlsx"]
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()} == {0o600}


def test_problems_do_not_quote_cells(desk):
    row = household(1, **CANARIES)
    row["血型"] = CANARIES["姓名"]
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [row]})
    with pytest.raises(Problem) as caught:
        desk.bring()
    assert contained((str(caught.value) + repr(caught.value.values)).encode()) == []


def test_reasons_in_the_quarantine_do_not_quote_cells(desk):
    workbook(
        desk.raw / "入户2025年甲市.xlsx", {"东街": [household(1, **{**CANARIES, "身份证号": "x", "入户日期": "囍喆"})]}
    )
    sheet = pd.read_excel(desk.bring().quarantine, dtype="str")
    assert contained("".join(sheet["原因"] + sheet["Reason"]).encode()) == []
    assert sheet["姓名"].tolist() == ["欧阳囍喆"]  # the clerk needs the row itself


def test_cells_that_look_like_formulas_stay_text(desk):
    from openpyxl import load_workbook

    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [household(1, 身份证号="x", 姓名="'=1+1")]})
    book = load_workbook(desk.bring().quarantine)
    assert {cell.data_type for row in book["interviews"].iter_rows() for cell in row if cell.value} == {"s"}
