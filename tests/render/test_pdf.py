"""The PDF: tagged, repeatable, its texts never read as markup."""

from io import BytesIO

import pytest
from pypdf import PdfReader

from aidlib import render
from aidlib.render.page import Grid
from aidlib.render.pdf import column_widths
from tests.render.documents import document, with_texts

PAYLOADS = [
    "#panic()",
    '#read("/etc/passwd")',
    '#import "@preview/x:1.0.0": *',
    "$ sum_(i=1)^n $",
    "*bold* _emph_ `code`",
    "= Heading\n== Second",
    "\\ ] ) } \" ' ]]",
    "@label <label> // comment /* x */",
    "#{ while true {} }",
    "- item\n+ item",
]


def words(data: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages)


@pytest.fixture(scope="module", params=["zh", "en"])
def made(request):
    return request.param, render.pdf(document(), request.param)


def test_the_pdf_is_tagged_and_says_its_title_and_language(made):
    language, data = made
    root = PdfReader(BytesIO(data)).trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"].startswith(language)
    assert "/StructTreeRoot" in root
    assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
    info = PdfReader(BytesIO(data)).metadata
    assert info.title.startswith(document().title[language])
    assert str(info.creation_date)[:10] == "2025-12-31"


def test_the_same_document_gives_the_same_bytes(made):
    language, data = made
    assert render.pdf(document(), language) == data


def test_pages_are_numbered_and_hold_all_parts(made):
    language, data = made
    text = words(data).replace(" ", "").replace("\n", "")
    parts = {
        "zh": [
            "目录",
            "主要发现",
            "一、基本情况",
            "图1",
            "表1",
            "局限",
            "方法说明",
            "术语对照",
            "来源与校验",
            "第2页，共",
        ],
        "en": [
            "Contents",
            "Keyfindings",
            "1.Profile",
            "Figure1",
            "Table1",
            "Limits",
            "Methodnotes",
            "Glossary",
            "Page2of",
        ],
    }
    assert [part for part in parts[language] if part not in text] == []


def test_texts_are_never_markup():
    text = "".join(words(render.pdf(with_texts(PAYLOADS), "en")).split())
    assert [payload for payload in PAYLOADS if text.count("".join(payload.split())) < 8] == []


def test_only_the_shipped_font_is_used(made):
    fonts = set()
    for page in PdfReader(BytesIO(made[1])).pages:
        fonts |= {font.get_object()["/BaseFont"] for font in page["/Resources"].get("/Font", {}).values()}
    assert fonts and all("NotoSansSC" in name for name in fonts)


def test_columns_are_as_wide_as_their_longest_line_within_bounds():
    assert column_widths(Grid(["a", "估计值（%）"], [["x" * 40, "1\n10.0–12.0"]], 1)) == [16.0, 11.0]
