"""Refuse a document that holds a character the font cannot draw, before a reader meets an empty box."""

from __future__ import annotations

from collections.abc import Iterator

from aidlib import display
from aidlib.display import labels
from aidlib.reference import problem
from aidlib.report import Absent, Document, Entry, Limits, Section, Sentence

LANGUAGES = ("zh", "en")


def check_glyphs(document: Document) -> None:
    """Raise Problem naming the first character without a glyph, its U+ code and the place that holds it."""
    for place, text in _places(document):
        missing = display.missing_glyphs(text)
        if missing:
            character = min(missing)
            raise problem("render.missing_glyph", character=character, code=f"U+{ord(character):04X}", place=place)


def _places(document: Document) -> Iterator[tuple[str, str]]:
    """Every text that people or data wrote, with the name of its place."""
    for language in LANGUAGES:
        yield "title", document.title[language] + document.subtitle[language]
        yield "notices", "".join(notice[language] for notice in document.notices)
        yield "findings", "".join(getattr(finding, language) for finding in document.findings)
    yield "manifest", str(dict(document.manifest))
    for content in document.contents:
        for language in LANGUAGES:
            yield content.name, content.title[language]
        for item in content.items:
            if isinstance(item, Entry):
                yield from _entry(f"{content.name}.{item.key}", item)
            else:
                yield _name(content.name, item), item.zh + item.en


def _entry(place: str, entry: Entry) -> Iterator[tuple[str, str]]:
    """Captions and the labels of all rows."""
    rows, shown = entry.estimates.rows, (*entry.estimates.domains, *entry.estimates.keys, "measure")
    for language in LANGUAGES:
        yield place, entry.caption[language]
        for column in shown:
            yield place, "".join(labels.text(column, value, language) for value in rows[column].unique())


def _name(chapter: str, item: Section | Sentence | Limits | Absent) -> str:
    return f"{chapter}.{item.key}" if isinstance(item, Absent) else f"{chapter} ({type(item).__name__.lower()})"
