"""A document as a page in one language: plain texts, tables of text cells, drawings. HTML and PDF set the same page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pandas as pd

from aidlib import display, reference
from aidlib.display import labels
from aidlib.estimate import Estimates
from aidlib.render.words import glossary, ordinal, period_text, section_ordinal, word, word_or
from aidlib.report import Absent, Document, Entry, Limits, Section, Sentence

SHORT = 26  # lines up to which the data of a figure stand open beneath it; longer ones are folded, in print left out
MOST_NAMES = 5  # categories without data that a note names
LONGEST = 60  # rows up to which a page holds a table at all; longer ones stand in the workbook

FIXED = (
    "contents", "skip", "findings", "limits", "appendix", "methods", "glossary", "provenance", "term_zh", "term_en",
    "item", "value", "meaning", "empty", "date",
)  # fmt: skip  # words that the templates use


@dataclass(frozen=True)
class Grid:
    """A table of text cells: headings, rows, how many leading columns are labels, and how to read a cell."""

    head: list[str]
    rows: list[list[str]]
    labels: int
    note: str = ""

    @property
    def lines(self) -> int:
        """Height in lines of text."""
        return sum(max(cell.count("\n") for cell in row) + 1 for row in self.rows)


@dataclass(frozen=True)
class Block:
    """One thing on the page: kind section, text, limits, absent, figure or table."""

    kind: str
    text: str = ""
    anchor: str = ""
    number: str = ""
    svg: str = ""
    alternative: str = ""
    data_title: str = ""
    summary: str = ""
    grid: Grid | None = None
    open: bool = True
    notes: str = ""


@dataclass(frozen=True)
class ChapterPage:
    """A chapter: its number, title and blocks."""

    anchor: str
    number: str
    title: str
    blocks: list[Block]


@dataclass(frozen=True)
class Page:
    """Everything that is set, in reading order and in one language."""

    language: str
    title: str
    subtitle: str
    facts: list[tuple[str, str]]
    state: str
    draft: bool
    notices: list[str]
    findings: list[str]
    chapters: list[ChapterPage]
    methods: list[tuple[str, str]]
    glossary: list[list[str]]
    provenance: list[tuple[str, str]]
    date: str
    words: Mapping[str, str] = field(default_factory=dict)

    def texts(self) -> Iterator[str]:
        """Every text of the page that is set in the font."""
        yield from (self.title, self.subtitle, self.state, self.date, *self.notices, *self.findings)
        yield from (text for pair in (*self.facts, *self.provenance) for text in pair)
        yield from (text for row in (*self.methods, *self.glossary) for text in row)
        yield from self.words.values()
        for chapter in self.chapters:
            yield from (chapter.number, chapter.title)
            for block in chapter.blocks:
                yield from block_texts(block)


def block_texts(block: Block) -> Iterator[str]:
    """The texts of one block."""
    yield from (block.text, block.number, block.alternative, block.data_title, block.summary, block.notes)
    if block.grid:
        yield from block.grid.head
        yield from (cell for row in block.grid.rows for cell in row)


@lru_cache(maxsize=1)
def page(document: Document, language: str) -> Page:
    """The document in ``language``, with figures and tables numbered and the notes under them.

    The last page is kept, because HTML and PDF set the same one.
    """
    counter = _Counter(methods_of(document))
    chapters = [_chapter(content, i, counter, language) for i, content in enumerate(document.contents, 1)]
    draft = document.state != "approved"
    place = reference.label("region", document.region, language)
    state = word("draft" if draft else "approved", language)
    facts = [(word("period", language), period_text(document.period, language)), (word("region", language), place)]
    facts.append((word("state", language), state))
    date = str(document.manifest.get("date", ""))
    return Page(
        language=language,
        title=document.title[language],
        subtitle=document.subtitle[language],
        facts=facts,
        state=state,
        draft=draft,
        notices=[notice[language] for notice in document.notices],
        findings=[getattr(finding, language) for finding in document.findings],
        chapters=chapters,
        methods=method_notes(document, language),
        glossary=[[term["zh"], term["en"], term[f"{language}_note"]] for term in glossary()],
        provenance=[*facts[:2], *manifest_lines(document.manifest, language)],
        date=date,
        words=_fixed_words(language),
    )


def methods_of(document: Document) -> list[str]:
    """The keys of the method notes that the document needs, in order of first use."""
    return list(dict.fromkeys(entry.estimates.method for _, entry in document.entries() if entry.estimates.method))


def method_notes(document: Document, language: str) -> list[tuple[str, str]]:
    """Number (M1, …) and text of every method note in use."""
    return [(f"M{i}", reference.method(key, language)) for i, key in enumerate(methods_of(document), 1)]


def manifest_lines(manifest: Mapping[str, Any], language: str, path: str = "") -> list[tuple[str, str]]:
    """The manifest as lines of name and value; nested names are joined by " · ", in the manifest's order.

    A value in both languages is told in the page's; a value that is a code (``lonely_psu: adjust``) by its word.
    """
    lines: list[tuple[str, str]] = []
    for key, value in manifest.items():
        name = f"{path} · {word_or(str(key), language)}" if path else word_or(str(key), language)
        if isinstance(value, Mapping) and set(value) == {"zh", "en"}:  # a text of the source's own
            lines.append((name, str(value[language])))
        elif isinstance(value, Mapping):
            lines += manifest_lines(value, language, name)
        elif isinstance(value, list | tuple):
            lines.append((name, ", ".join(str(item) for item in value)))
        elif value not in (None, ""):
            lines.append((name, word_or(f"{key}_{value}", language, str(value))))
    return lines


def base_text(estimates: Estimates, language: str) -> str:
    """Which units the numbers are about; empty where results of several bases were joined."""
    return word(f"base_{estimates.base}", language) if estimates.base else ""


def sample_text(estimates: Estimates, language: str) -> str:
    """The sample sizes of the published rows, as one number or a range."""
    sizes = estimates.rows["n"].dropna()
    if sizes.empty:
        return ""
    kind = "register" if estimates.base == "R" else "sample"
    low, high = (display.number(size, "n", "number", language) for size in (sizes.min(), sizes.max()))
    return word(f"{kind}_one" if low == high else f"{kind}_many", language, low=low, high=high)


@dataclass
class _Counter:
    """Running numbers of figures, tables and workbook sheets."""

    methods: list[str]
    figures: int = 0
    tables: int = 0
    sheets: int = 0


def _chapter(content: Any, number: int, counter: _Counter, language: str) -> ChapterPage:
    blocks: list[Block] = []
    sections = 0
    for item in content.items:
        if isinstance(item, Section):
            sections += 1
            at = section_ordinal(number, sections, language)
            blocks.append(Block("section", getattr(item, language), anchor=f"c{number}s{sections}", number=at))
        elif isinstance(item, Entry):
            blocks.append(_entry(item, counter, language))
        else:
            blocks.append(_text(item, language))
    return ChapterPage(f"c{number}", ordinal(number, language), content.title[language], blocks)


def _text(item: Sentence | Limits | Absent, language: str) -> Block:
    kind = {Sentence: "text", Limits: "limits", Absent: "absent"}[type(item)]
    return Block(kind, getattr(item, language))


def _entry(entry: Entry, counter: _Counter, language: str) -> Block:
    """A chart with its data, or a table, with number, caption and notes; a sentence where there is nothing to show."""
    counter.sheets += 1
    estimates = entry.estimates
    if labels.withheld(estimates.rows).all():
        return _nothing(entry, counter, language)
    rows = labels.with_data(estimates.rows, estimates.domains, estimates.keys)
    sketch = display.sketch(rows, **_shape(estimates), language=language, chart=entry.chart)
    if entry.chart == "table" or not sketch.tells:
        return _table(entry, counter, language, rows)
    return _figure(entry, counter, language, rows, sketch)


def _nothing(entry: Entry, counter: _Counter, language: str) -> Block:
    """Why neither chart nor table is shown: all figures are withheld or missing."""
    joint = "、" if language == "zh" else "; "
    flags = dict.fromkeys(labels.reason(entry.estimates.rows))
    reasons = joint.join(labels.FLAGS[flag][language] for flag in flags if flag in labels.FLAGS)
    return Block("absent", word("nothing", language, caption=entry.caption[language], reasons=reasons))


def _table(entry: Entry, counter: _Counter, language: str, rows: pd.DataFrame) -> Block:
    """A table, or a line that says where a long one stands."""
    caption = entry.caption[language]
    grid = _grid(rows, entry.estimates, language)
    if grid is None:
        lines = len(entry.estimates.rows)
        return Block("absent", word("workbook_long", language, caption=caption, rows=lines, number=counter.sheets))
    counter.tables += 1
    return Block(
        "table",
        caption,
        anchor=f"t{counter.tables}",
        number=word("table", language, number=counter.tables),
        grid=grid,
        notes=_notes(entry, counter, language, grid, place="workbook"),
    )


def _figure(entry: Entry, counter: _Counter, language: str, rows: pd.DataFrame, sketch: display.Sketch) -> Block:
    counter.figures += 1
    number = counter.figures
    caption = entry.caption[language]
    grid = None if entry.breakdowns_in_workbook else _grid(rows, entry.estimates, language)
    alternative = _alternative(rows, entry.estimates, language, caption)
    return Block(
        "figure",
        caption,
        anchor=f"f{number}",
        number=word("figure", language, number=number),
        svg=display.svg(sketch.figure(), title=caption, description=alternative, prefix=f"f{number}"),
        alternative=alternative,
        data_title=word("figure_data", language, number=number),
        summary=word("show_data", language, rows=len(grid.rows)) if grid else "",
        grid=grid,
        open=grid is not None and grid.lines <= SHORT,
        notes=_notes(entry, counter, language, grid, place="workbook_partial" if sketch.partial else "workbook"),
    )


def _alternative(rows: pd.DataFrame, estimates: Estimates, language: str, caption: str) -> str:
    words = {name: value for name, value in _shape(estimates).items() if name != "kind"}
    return display.alternative(rows, **words, language=language, caption=caption)


def _shape(estimates: Estimates) -> dict[str, Any]:
    """What display wants to know beside the rows."""
    return {"domains": estimates.domains, "keys": estimates.keys, "unit": estimates.unit, "kind": estimates.kind}


def _grid(rows: pd.DataFrame, estimates: Estimates, language: str) -> Grid | None:
    """The page's table; None if it is too long for a page."""
    shape = {name: value for name, value in _shape(estimates).items() if name != "kind"}
    frame = display.compact(rows, **shape, language=language)
    if len(frame) > LONGEST:
        return None
    return Grid(list(frame.columns), frame.to_numpy().tolist(), int(frame.attrs["labels"]), frame.attrs["note"])


def _notes(entry: Entry, counter: _Counter, language: str, grid: Grid | None, *, place: str) -> str:
    """Base, sample, marks, method and where the other figures stand, as one line."""
    estimates = entry.estimates
    parts = [base_text(estimates, language), sample_text(estimates, language)]
    parts.append(grid.note if grid else "")
    rows = labels.with_data(estimates.rows, estimates.domains, estimates.keys)
    parts += display.legend(rows, language)
    parts.append(_left_out(estimates, language))
    if estimates.method:
        parts.append(word("method_at", language, number=counter.methods.index(estimates.method) + 1))
    parts.append(word(place, language, number=counter.sheets))
    joint, end = ("；", "。") if language == "zh" else ("; ", ".")
    return word("notes", language) + joint.join(part for part in parts if part) + end


def _left_out(estimates: Estimates, language: str) -> str:
    """The categories without any data, by name or, where they are many, by number."""
    names = labels.without_data(estimates.rows, estimates.domains, estimates.keys, language)
    if not names:
        return ""
    if len(names) > MOST_NAMES:
        return word("left_out_many", language, number=len(names))
    return word("left_out", language, names=("、" if language == "zh" else ", ").join(names))


def _fixed_words(language: str) -> dict[str, str]:
    """The words that templates use."""
    return {key: word(key, language) for key in FIXED}
