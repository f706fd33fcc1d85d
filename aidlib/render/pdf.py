"""The page as a tagged PDF (PDF/UA-1), set by Typst with the shipped font only."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import as_file, files
from typing import Any, cast

from aidlib import display
from aidlib.render.glyphs import check_glyphs
from aidlib.render.page import Block, Grid, Page, page
from aidlib.render.words import word
from aidlib.report import Document

NARROW, BROAD = 5.0, 16.0  # bounds of a column's share of the width, in Latin characters


def pdf(document: Document, language: str) -> bytes:
    """The edition in ``language`` as one PDF; the same document gives the same bytes.

    The content goes to Typst as JSON, so no text can be read as markup. Raises Problem for a character that the font
    cannot draw.
    """
    import typst

    check_glyphs(document)
    content = page(document, language)
    date = datetime.fromisoformat(content.date or "1970-01-01").replace(tzinfo=UTC)
    with as_file(files("aidlib.render").joinpath("page.typ")) as template:
        compiler = typst.Compiler(
            template,
            root=template.parent,
            font_paths=[display.font_path().parent],
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(as_data(content), ensure_ascii=False)},
        )
        made = compiler.compile(format="pdf", pdf_standards=["ua-1"], timestamp=date)
    return cast(bytes, made)


def as_data(content: Page) -> dict[str, Any]:
    """The page as JSON types for the template, with the width of every table column."""
    data = asdict(content)
    data["words"]["page"] = word("page", content.language, page="{page}", pages="{pages}")
    for chapter, source in zip(data["chapters"], content.chapters, strict=True):
        for block, item in zip(chapter["blocks"], source.blocks, strict=True):
            _with_widths(block, item)
    return data


def _with_widths(block: dict[str, Any], item: Block) -> None:
    if item.grid:
        block["grid"]["widths"] = column_widths(item.grid)


def column_widths(grid: Grid) -> list[float]:
    """A share of the width for each column: its longest line, wide characters counting double, within bounds."""
    columns = zip(grid.head, *grid.rows, strict=True)
    return [
        min(BROAD, max(NARROW, max(_width(line) for text in column for line in text.split("\n")))) for column in columns
    ]


def _width(line: str) -> float:
    return sum(2.0 if ord(character) > 0x2E80 else 1.0 for character in line)
