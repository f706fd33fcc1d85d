"""A quarantined row says what is wrong in the words of its own sheet, and marks the cell."""

import openpyxl

from tests.intake.conftest import Desk
from tests.intake.samples import household, workbook


def test_the_reason_names_the_sheets_own_heading_and_the_cell_is_filled(desk: Desk) -> None:
    rows = [household(1), household(2, 入户日期="2025年2月30日"), household(3, 身份证号="37020219700101123X")]
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": rows})
    made = desk.bring()
    assert made.quarantine is not None
    sheet = openpyxl.load_workbook(made.quarantine).worksheets[0]
    names = [cell.value for cell in sheet[1]]
    filled = {
        (cell.row, names[cell.column - 1]) for row in sheet.iter_rows(min_row=2) for cell in row
        if cell.fill.fgColor.rgb == "FFFFE08A"
    }  # fmt: skip
    assert filled == {(2, "入户日期"), (3, "身份证号")}
    assert sheet.max_column == len(rows[0]) + 5
    assert "“入户日期”" in str(sheet.cell(2, 4).value)
    assert "'身份证号'" in str(sheet.cell(3, 5).value)


def test_of_several_members_the_one_with_the_wrong_number_is_named(desk: Desk) -> None:
    rows = [household(1), household(2, 身份证号1="37020219700101123X")]
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": rows})
    made = desk.bring()
    assert made.quarantine is not None
    sheet = openpyxl.load_workbook(made.quarantine).worksheets[0]
    assert "“身份证号1”" in str(sheet.cell(2, 4).value)
    assert made.reasons[["reason", "rows"]].to_numpy().tolist() == [["check_digit:id_number", 1]]
