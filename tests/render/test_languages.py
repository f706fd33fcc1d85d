"""Chinese and English show the same numbers, in every format."""

import re
from io import BytesIO

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from aidlib import render
from aidlib.render.page import page
from aidlib.render.words import ordinal, period_text, section_ordinal
from tests.render.documents import document

NUMBER = re.compile(r"[+−]?\d[\d,]*(?:\.\d+)?")


def numbers(texts):
    """Every number of the texts, sorted: the order of words differs between the languages, as does the name of 万元."""
    return sorted(found for text in texts for found in NUMBER.findall(text.replace("× 10,000 yuan", "")))


def test_both_pages_hold_the_same_numbers_block_by_block():
    zh, en = (page(document(), language) for language in ("zh", "en"))
    for ours, theirs in zip(zh.chapters[0].blocks, en.chapters[0].blocks, strict=True):
        assert ours.kind == theirs.kind
        if ours.grid:
            cells = [[cell.replace("至", " to ") for cell in row[ours.grid.labels :]] for row in ours.grid.rows]
            assert cells == [row[theirs.grid.labels :] for row in theirs.grid.rows]
        assert numbers([ours.alternative]) == numbers([theirs.alternative])
        if ours.kind == "text":
            assert numbers([ours.text]) == numbers([theirs.text])
    assert numbers(zh.findings) == numbers(en.findings)


def test_html_tables_hold_the_same_numbers():
    cells = [re.findall(r"<td>([^<]*)</td>", render.html(document(), language).decode()) for language in ("zh", "en")]
    assert len(cells[0]) > 60
    assert numbers(cells[0]) == numbers(cells[1])


def test_workbooks_hold_the_same_numbers():
    books = [load_workbook(BytesIO(render.xlsx(document(), language))) for language in ("zh", "en")]
    for ours, theirs in zip(books[0].worksheets[3:], books[1].worksheets[3:], strict=True):
        values = [
            [cell.value for row in sheet.iter_rows() for cell in row if cell.data_type == "n"]
            for sheet in (ours, theirs)
        ]
        assert values[0] == values[1] and len(values[0]) > 10


def test_pdf_and_html_show_the_same_table():
    grid = page(document(), "en").chapters[0].blocks[1].grid
    text = "".join(each.extract_text() for each in PdfReader(BytesIO(render.pdf(document(), "en"))).pages)
    squeezed = re.sub(r"\s", "", text)
    assert all(re.sub(r"\s", "", cell) in squeezed for row in grid.rows for cell in row)


@pytest.mark.parametrize(
    ("number", "zh"),
    [(1, "一、"), (9, "九、"), (10, "十、"), (11, "十一、"), (15, "十五、"), (20, "二十、"), (21, "二十一、")],
)
def test_chapters_are_numbered_in_chinese(number, zh):
    assert ordinal(number, "zh") == zh
    assert ordinal(number, "en") == f"{number}."
    assert section_ordinal(2, number, "zh") == f"（{zh[:-1]}）"


@pytest.mark.parametrize(
    ("period", "zh", "en"),
    [
        ("2025", "2025年", "2025"),
        ("2025-Q3", "2025年第3季度", "Quarter 3 of 2025"),
        ("2025-09", "2025年9月", "September 2025"),
    ],
)
def test_periods_are_written_out(period, zh, en):
    assert (period_text(period, "zh"), period_text(period, "en")) == (zh, en)
