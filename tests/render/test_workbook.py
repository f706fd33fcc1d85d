"""The workbook: every result, real numbers, text that stays text."""

from dataclasses import replace
from io import BytesIO
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook

from aidlib import render
from aidlib.render.workbook import FIRST_ROW, _name
from tests.render.documents import document, entries, with_text, with_texts

HEAD = FIRST_ROW + 1  # of openpyxl, which counts from 1
PAYLOADS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(1,1)",
    "\t=1+1",
    '=HYPERLINK("//evil.example","x")',
    "=IMPORTXML(A1)",
    "=WEBSERVICE(A1)",
    "=DDE(a)",
    "=1+1+cmd|x!A0",
    "{=1+1}",
    "http://evil.example",
    "mailto:x@evil.example",
    "file:///etc/passwd",
    "internal:Sheet1!A1",
    "1e5",
    "00123",
    "TRUE",
    "<v>1</v>&amp;",
]


TABLES = {
    "zh": ["01 各地区困难发生率", "02 走势", "03 补差资金", "04 在档户数"],
    "en": ["01 profile.headcount", "02 profile.trend", "03 profile.gap", "04 profile.on_file"],
}


def opened(data):
    return load_workbook(BytesIO(data))


@pytest.fixture(scope="module", params=["zh", "en"])
def book(request):
    return request.param, opened(render.xlsx(document(), request.param))


def test_the_workbook_has_cover_contents_notes_and_a_sheet_per_result(book):
    language, workbook = book
    first = {"zh": ["封面", "目录", "说明"], "en": ["Cover", "Contents", "Notes"]}[language]
    assert workbook.sheetnames == first + TABLES[language]
    contents = workbook[first[1]]
    links = [contents.cell(row, 1).hyperlink.location for row in range(2, 6)]
    assert links == [f"'{name}'!A1" for name in TABLES[language]]
    keys = [contents.cell(row, 5).value for row in range(2, 6)]
    assert keys == ["profile.headcount", "profile.trend", "profile.gap", "profile.on_file"]


def test_numbers_are_numbers_in_full_precision(book):
    sheet = book[1].worksheets[3]
    rows = entries()[0].estimates.rows
    for at, row in enumerate(rows.itertuples(), HEAD + 1):
        cells = [sheet.cell(at, column).value for column in range(3, 8)]
        expected = [None if value != value else value for value in (row.estimate, row.se, row.low, row.high, row.n)]
        assert cells == pytest.approx(expected, rel=1e-15, abs=0) if None not in expected else cells == expected
    assert sheet.cell(HEAD + 1, 3).number_format == "0.0%"
    assert sheet.freeze_panes == f"C{HEAD + 1}"


def test_a_withheld_number_is_empty_with_its_reason(book):
    language, workbook = book
    sheet = workbook.worksheets[3]
    row = [cell.value for cell in sheet[HEAD + 4]]
    assert row[2:7] == [None] * 5
    assert row[7] == {"zh": "涉及户数过少，不公布", "en": "too few households, not published"}[language]


def test_the_workbook_holds_what_the_page_leaves_to_it(book):
    assert book[1].worksheets[4].max_row == HEAD + 9


def test_columns_are_wide_enough_for_chinese(book):
    sheet = book[1].worksheets[3]
    assert all(dimension.width >= 11 for dimension in sheet.column_dimensions.values())


def test_every_sheet_prints_on_the_width_of_a_page(book):
    for sheet in book[1]:
        assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (9, "landscape"), sheet.title
        assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (None, 0), sheet.title
        assert sheet.sheet_properties.pageSetUpPr.fitToPage


def test_wrapped_texts_have_the_height_that_they_need(book):
    notes = book[1].worksheets[2]
    texts = {row: str(notes.cell(row, 2).value or "") for row in range(1, notes.max_row + 1)}
    widths = {row: sum(2 if ord(c) > 0x2E80 else 1 for c in text) for row, text in texts.items()}
    assert any((notes.row_dimensions[row].height or 15) > 15 for row in widths) or book[0] == "zh"
    assert all((notes.row_dimensions[row].height or 15) >= 15 * size / 110 for row, size in widths.items())


def test_years_are_numbers_and_codes_are_text_without_a_mark(book):
    sheet = book[1].worksheets[4]
    column = [cell.value for cell in sheet[HEAD]].index({"zh": "年度", "en": "Year"}[book[0]]) + 1
    assert {sheet.cell(row, column).value for row in range(HEAD + 1, HEAD + 10)} == {2023, 2024, 2025}
    with ZipFile(BytesIO(render.xlsx(document(), book[0]))) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
    assert all('numberStoredAsText="1"' in text for text in sheets)


@pytest.mark.parametrize(
    ("caption", "name"),
    [
        ("应答率：各年访问结果构成", "07 应答率：各年访问结果构成"),
        ("困难发生率（户）：净收入低于1、1.5、2倍低保标准和标准以上的家庭", "07 困难发生率（户）"),
        ("人" * 60, "07 " + "人" * 28),
        ("户/人 [元]: 'a'?", "07 户人 元 a"),
    ],
)
def test_a_sheet_is_named_by_its_caption_as_far_as_there_is_room(caption, name):
    entry = replace(entries()[0], caption={"zh": caption, "en": "x"})
    made = _name(7, "c", entry, "zh")
    assert made == name and len(made) <= 31


def test_the_workbook_carries_no_personal_data_and_a_fixed_date():
    first = render.xlsx(document(), "zh")
    properties = opened(first).properties
    assert properties.creator == "aidlib" and properties.created.year == 2025
    assert first == render.xlsx(document(), "zh")
    assert {item.date_time[0] for item in ZipFile(BytesIO(first)).infolist()} == {1980}


@pytest.fixture(scope="module")
def attacked():
    return render.xlsx(with_texts(PAYLOADS), "en")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_is_never_a_formula_a_link_or_a_number(payload, attacked):
    data = attacked
    found = 0
    for sheet in opened(data):
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value == payload:
                    found += 1
                    assert cell.data_type == "s" and cell.hyperlink is None
    assert found >= 10
    with ZipFile(BytesIO(data)) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        links = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".rels")]
    assert not any("<f>" in text for text in sheets)
    assert not any("External" in text for text in links)


def test_text_that_begins_like_a_formula_is_marked_as_text():
    sheet = opened(render.xlsx(with_text("=1+1"), "en"))["Cover"]
    assert sheet["A1"].value == "=1+1" and sheet["A1"].quotePrefix


def test_a_document_without_results_is_a_workbook_still():
    assert len(opened(render.xlsx(document(()), "zh")).sheetnames) == 3
