"""The numbers of a document as an Excel workbook: cover, contents, notes, and one sheet for every result."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pandas as pd

from aidlib import reference
from aidlib.display import labels
from aidlib.display.formats import UNITS, is_percent, style_of
from aidlib.render.glyphs import check_glyphs
from aidlib.render.page import base_text, manifest_lines, method_notes, methods_of, sample_text
from aidlib.render.words import glossary, period_text, word
from aidlib.report import Document, Entry

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

NUMBERS = ("estimate", "se", "low", "high", "n")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
NUMBER_FORMATS = {
    "share": "0.0%",
    "pp": "+0.0;-0.0;0.0",
    "index": "0.0",
    "years": "0.0",
    "points": "0.00",
    "ratio": "0.000",
    "number": "#,##0.000",
}
WHOLE = "#,##0"
YEAR = re.compile(r"(?:19|20)\d\d")
FIRST_ROW = 7  # of the table on a sheet, counted from 0; what it is about stands above
WIDEST = 44
LINE = 15.0  # points: the height of a line of text
A4 = 9  # in Excel's list of papers
NAME = 31  # characters that the name of a sheet may have
FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
PARTS = re.compile(r"(?=[：（，])")  # where a long caption may end
ALL_CELLS = "A1:XFD1048576"


@dataclass(frozen=True)
class Sheet:
    """A result with the number and name of its sheet and the title of its chapter."""

    number: int
    name: str
    chapter: str
    title: str
    entry: Entry


@dataclass(frozen=True)
class Formats:
    """The cell formats of a workbook; ``numbers`` by number format."""

    title: Format
    year: Format
    head: Format
    number_head: Format
    text: Format
    quoted: Format
    wrapped: Format
    link: Format
    numbers: dict[str, Format]


def xlsx(document: Document, language: str) -> bytes:
    """The workbook in ``language``; the same document gives the same bytes.

    Numbers are numbers (shares as fractions, changes of shares in percentage points), a withheld one is an empty cell
    with its reason beside it. Text is never a formula or a link, whatever it begins with.
    """
    import xlsxwriter

    check_glyphs(document)
    out = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    created = datetime.fromisoformat(str(document.manifest.get("date", "")) or "1970-01-01")
    book.set_properties({"title": document.title[language], "author": "aidlib", "created": created})
    formats = _formats(book)
    sheets = sheets_of(document, language)
    _cover(book, formats, document, language)
    _contents(book, formats, sheets, language)
    _notes(book, formats, document, language)
    for sheet in sheets:
        _table(book, formats, sheet, document, language)
    book.close()
    return out.getvalue()


def sheets_of(document: Document, language: str) -> list[Sheet]:
    """One sheet for every result, numbered as the notes on the pages name them."""
    titles = {content.name: content.title[language] for content in document.contents}
    return [
        Sheet(i, _name(i, chapter, entry, language), chapter, titles[chapter], entry)
        for i, (chapter, entry) in enumerate(document.entries(), 1)
    ]


def _name(number: int, chapter: str, entry: Entry, language: str) -> str:
    """The name of a sheet: its number with the caption in Chinese, whose characters are few, else with chapter and key.

    A long caption gives as many of its parts as there is room for.
    """
    text = f"{number:02d} "
    if language != "zh":
        return FORBIDDEN.sub("", f"{text}{chapter}.{entry.key}")[:NAME]
    for at, part in enumerate(PARTS.split(FORBIDDEN.sub("", entry.caption[language]))):
        if at and len(text + part) > NAME:
            break
        text += part
    return text[:NAME].rstrip()


def _cover(book: Workbook, formats: Formats, document: Document, language: str) -> None:
    sheet = book.add_worksheet(word("sheet_cover", language))
    sheet.hide_gridlines(2)
    _paper(sheet)
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 90)
    _across(sheet, 0, 1, document.title[language], formats.title, formats, 30 + 90)
    _across(sheet, 1, 1, document.subtitle[language], formats.wrapped, formats, 30 + 90)
    state = word("approved" if document.state == "approved" else "draft", language)
    place = reference.label("region", document.region, language)
    lines = [
        (word("period", language), period_text(document.period, language)),
        (word("region", language), place),
        (word("state", language), state),
    ]
    lines += [(word("notes", language).strip(" :："), notice[language]) for notice in document.notices]
    lines += manifest_lines(document.manifest, language)
    lines.append((word("notes", language).strip(" :："), word("formulas", language)))
    for row, (name, value) in enumerate(lines, 3):
        _pair(sheet, row, name, value, formats, (30, 90))


def _contents(book: Workbook, formats: Formats, sheets: list[Sheet], language: str) -> None:
    page = book.add_worksheet(word("sheet_contents", language))
    _paper(page)
    heads = [word(key, language) for key in ("sheet", "chapter", "caption", "base", "key_number", "rows")]
    rows = [
        [
            s.name,
            s.title,
            s.entry.caption[language],
            base_text(s.entry.estimates, language),
            f"{s.chapter}.{s.entry.key}",
        ]
        for s in sheets
    ]
    longest = [max(map(_width, [head, *cells])) + 2 for head, *cells in zip(heads[:-1], *rows, strict=True)]
    widths = [min(WIDEST, max(11, each)) for each in longest]
    _header(page, 0, heads, formats)
    for at, (sheet, row) in enumerate(zip(sheets, rows, strict=True), 1):
        page.write_url(at, 0, f"internal:'{sheet.name}'!A1", formats.link, string=sheet.name)
        for column, value in enumerate(row[1:], 1):
            _write(page, at, column, value, formats.wrapped, formats)
        page.write_number(at, len(row), len(sheet.entry.estimates.rows), formats.numbers[WHOLE])
        page.set_row(at, LINE * max(_lines(value, width) for value, width in zip(row, widths, strict=True)))
    for column, width in enumerate(widths):
        page.set_column(column, column, width)
    page.freeze_panes(1, 0)
    page.repeat_rows(0)


def _notes(book: Workbook, formats: Formats, document: Document, language: str) -> None:
    """Method notes, the meaning of flags and bases, and the glossary."""
    sheet = book.add_worksheet(word("sheet_notes", language))
    _paper(sheet)
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 110)
    flags = [(flag, texts[language]) for flag, texts in labels.FLAGS.items()]
    bases = [(base, word(f"base_{base}", language)) for base in "RFMX"]
    terms = [(term["zh"], f"{term['en']} · {term[f'{language}_note']}") for term in glossary()]
    groups = [
        (word("methods", language), [*method_notes(document, language), ("", word("share_note", language))]),
        (word("base", language), bases),
        (reference.heading("flag", language), flags),
        (word("glossary", language), terms),
    ]
    row = 0
    for title, lines in groups:
        _write(sheet, row, 0, title, formats.head, formats)
        _write(sheet, row, 1, "", formats.head, formats)
        for row, (name, text) in enumerate(lines, row + 1):  # noqa: B020 - the next group starts where this one ends
            _pair(sheet, row, name, text, formats, (30, 110))
        row += 2


def _table(book: Workbook, formats: Formats, sheet: Sheet, document: Document, language: str) -> None:
    """What the numbers are about, then the numbers as a table with a header row."""
    page = book.add_worksheet(sheet.name)
    _paper(page)
    rows = sheet.entry.estimates.rows
    words, numbers = _columns(sheet.entry, language)
    reasons = [labels.FLAGS[flag][language] if flag else "" for flag in labels.reason(rows)]
    texts = [*words.values(), reasons]
    heads = [*words, *numbers, reference.heading("flag", language)]
    _header(page, FIRST_ROW, heads, formats, range(len(words), len(heads) - 1))
    for column, cells in zip([*range(len(words)), len(heads) - 1], texts, strict=True):
        for at, cell in enumerate(cells, FIRST_ROW + 1):
            if YEAR.fullmatch(cell):
                page.write_number(at, column, int(cell), formats.year)
            else:
                _write(page, at, column, cell, formats.text, formats)
    for column, (values, code) in enumerate(numbers.values(), len(words)):
        _write_numbers(page, column, values, formats.numbers[code])
    if len(rows):
        page.autofilter(FIRST_ROW, 0, FIRST_ROW + len(rows), len(heads) - 1)
    widths = _widths(page, heads, [*words.values(), *([[]] * len(numbers)), reasons])
    _above(page, formats, sheet, document, language, widths)
    page.freeze_panes(FIRST_ROW + 1, len(words))
    page.repeat_rows(FIRST_ROW)


def _above(
    page: Worksheet, formats: Formats, sheet: Sheet, document: Document, language: str, widths: list[int]
) -> None:
    """A link back, caption, base, sample, unit and method, each across the table."""
    estimates, back = sheet.entry.estimates, f"internal:'{word('sheet_contents', language)}'!A1"
    page.write_url(0, 0, back, formats.link, string=word("back", language))
    method = methods_of(document).index(estimates.method) + 1 if estimates.method else 0
    unit = UNITS[estimates.unit].head(language) if estimates.unit in UNITS else ""
    colon = "：" if language == "zh" else ": "
    lines = [
        sheet.entry.caption[language],
        base_text(estimates, language),
        sample_text(estimates, language),
        f"{word('unit', language)}{colon}{unit}" if unit else "",
        word("method_at", language, number=method) if method else "",
    ]
    for row, text in enumerate(lines, 1):
        style = formats.title if row == 1 else formats.wrapped
        _across(page, row, len(widths) - 1, text, style, formats, sum(widths))


def _columns(entry: Entry, language: str) -> tuple[dict[str, list[str]], dict[str, tuple[pd.Series, str]]]:
    """Label columns by heading, and number columns by heading with their number format."""
    estimates = entry.estimates
    rows, unit = estimates.rows, estimates.unit
    words: dict[str, list[str]] = {}
    for column in (*estimates.domains, *estimates.keys, "measure"):
        heading = reference.heading(column, language)
        name = heading if heading not in words else f"{heading} · {column}"
        words[name] = labels.texts(rows, column, language).astype(str).tolist()
    factor = 100.0 if unit == "pp" else 1.0
    part = unit == "ratio" and is_percent(style_of(unit, rows["estimate"].to_numpy()))
    unit = "share" if part else unit
    code = NUMBER_FORMATS.get(unit, WHOLE)
    error = "0.00%" if unit == "share" else ("0.00" if unit in NUMBER_FORMATS else WHOLE)
    codes = {"estimate": code, "se": error, "low": code, "high": code, "n": WHOLE}
    numbers = {}
    for column in NUMBERS:
        heading = reference.heading("n_register" if column == "n" and estimates.base == "R" else column, language)
        numbers[heading] = (rows[column] * (1.0 if column == "n" else factor), codes[column])
    return words, numbers


def _write_numbers(page: Worksheet, column: int, values: pd.Series, style: Format) -> None:
    """Finite numbers as numbers, missing ones as empty cells."""
    for at, value in enumerate(values.astype(float), FIRST_ROW + 1):
        if math.isfinite(value):
            page.write_number(at, column, value, style)
        else:
            page.write_blank(at, column, None, style)


def _paper(page: Worksheet) -> None:
    """A4, broad, as wide as the page; no marks on text that looks like a number (codes are text)."""
    page.set_paper(A4)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.ignore_errors({"number_stored_as_text": ALL_CELLS})


def _across(page: Worksheet, row: int, last: int, text: str, style: Format, formats: Formats, width: float) -> None:
    """A text over the columns 0 … ``last``, ``width`` wide together, with as many lines as it needs."""
    large = style is formats.title
    page.merge_range(row, 0, row, last, "", style)
    _write(page, row, 0, text, style, formats)
    page.set_row(row, LINE * _lines(text, width * (0.75 if large else 1)) * (1.35 if large else 1))


def _pair(page: Worksheet, row: int, name: str, text: str, formats: Formats, widths: tuple[float, float]) -> None:
    """A name and its text, with as many lines as they need."""
    _write(page, row, 0, name, formats.wrapped, formats)
    _write(page, row, 1, text, formats.wrapped, formats)
    page.set_row(row, LINE * max(_lines(name, widths[0]), _lines(text, widths[1])))


def _width(text: str) -> int:
    """In narrow characters; Chinese ones count double."""
    return max(sum(2 if ord(c) > 0x2E80 else 1 for c in line) for line in text.split("\n"))


def _lines(text: str, width: float) -> int:
    """Lines that a text takes in a column, with room for words that do not break."""
    return sum(max(1, math.ceil(_width(line) * 1.08 / width)) for line in text.split("\n"))


def _header(page: Worksheet, row: int, heads: list[str], formats: Formats, numbers: range = range(0)) -> None:
    """The headings, those of ``numbers`` (columns) to the right as their numbers are."""
    for column, head in enumerate(heads):
        _write(page, row, column, head, formats.number_head if column in numbers else formats.head, formats)


def _write(page: Worksheet, row: int, column: int, text: str, style: Format, formats: Formats) -> None:
    """Text as text. What looks like a formula is marked as quoted, so that saving as csv and back keeps it text."""
    page.write_string(row, column, text, formats.quoted if text.startswith(FORMULA_STARTS) else style)


def _widths(page: Worksheet, heads: list[str], columns: list[list[str]]) -> list[int]:
    """Column widths by the longest text."""
    widths = []
    for at, (head, cells) in enumerate(zip(heads, columns, strict=True)):
        widths.append(min(WIDEST, max(11, max(map(_width, [head, *cells])) + 2)))
        page.set_column(at, at, widths[-1])
    return widths


def _formats(book: Workbook) -> Formats:
    codes = {*NUMBER_FORMATS.values(), WHOLE, "0.00%", "0.00"}
    head: dict[str, Any] = {"bottom": 1, "top": 1, "bg_color": "#f3f6f9", "text_wrap": True, "valign": "bottom"}
    quoted: dict[str, Any] = {"quote_prefix": True, "valign": "top", "text_wrap": True}
    return Formats(
        title=book.add_format({"font_size": 14, "font_color": "#0b4a7a", "text_wrap": True, "valign": "top"}),
        year=book.add_format({"num_format": "0", "align": "left", "valign": "top"}),
        head=book.add_format(head),
        number_head=book.add_format(head | {"align": "right"}),
        text=book.add_format({"valign": "top"}),
        quoted=book.add_format(quoted),
        wrapped=book.add_format({"text_wrap": True, "valign": "top"}),
        link=book.add_format({"font_color": "#0b4a7a", "underline": 1, "valign": "top"}),
        numbers={
            code: book.add_format({"num_format": code, "align": "right", "valign": "top"}) for code in sorted(codes)
        },
    )
