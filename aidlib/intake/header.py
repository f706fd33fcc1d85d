"""Where a sheet's header is: below title rows, in one row or in two merged ones."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

_UNIT = re.compile(
    r"[(（\[]\s*(万元|千元|元|人民币元|元/月|元/年|万元/年|万元/月|元/人|㎡|m2|平方米|岁|人|口|周岁)\s*[)）\]]$"
)
_WITHIN = "/"  # between the two rows of a merged header
_LINE = "\n"  # between them in the one header row of a quarantine workbook
Line = tuple[str | None, ...]


@dataclass(frozen=True)
class Heading:
    """A column's heading: its position (0-based), the words, what they are matched by, and a unit in brackets.

    above: the words of the upper row, where the header has two.
    """

    position: int
    text: str
    keys: tuple[str, ...]
    unit: str
    above: str = ""

    @cached_property
    def cell(self) -> str:
        """The heading as one cell of a quarantine workbook: a line for each row of the header."""
        lower = self.text.removeprefix(f"{self.above}{_WITHIN}") if self.above else self.text
        return _LINE.join(" ".join(words.split()) for words in (self.above, lower) if words)


@dataclass(frozen=True)
class Header:
    """start: 0-based first row below it; rows: how many it has; headings: of the columns that have one.

    score: known headings, known headings of two rows, and fewer rows: the greatest is the sheet's header.
    """

    start: int
    rows: int
    headings: tuple[Heading, ...]
    score: tuple[int, int, int]


@lru_cache(maxsize=50_000)
def normal(text: str) -> str:
    """A heading as it is compared: half-width, no spaces, line breaks or stars, lower case, no unit in brackets."""
    plain = re.sub(r"[\s*＊:：]+", "", unicodedata.normalize("NFKC", text)).casefold()
    return _UNIT.sub("", plain) or plain


@lru_cache(maxsize=10_000)
def unit_of(text: str) -> str:
    """The unit in brackets at the end of a heading (万元, 元/月), else ""."""
    found = _UNIT.search(re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)))
    return found.group(1) if found else ""


def find_header(head: Sequence[Sequence[str | None]], known: Collection[str]) -> Header | None:
    """The header among the first rows: the row (or two) with most headings in ``known`` (normal forms).

    At least two headings, or all of a narrower row, must be known. None where no row is a header.
    """
    best: Header | None = None
    words = frozenset(known)
    for row in range(len(head)):
        for rows in (1, 2):
            lines = tuple(map(tuple, head[row : row + rows]))
            if len(lines) < rows or (rows == 2 and not _may_be_double(lines[0], lines[1], words)):
                continue
            candidate = _candidate(lines, row + rows, words)
            if candidate and (best is None or candidate.score > best.score):
                best = candidate
        if best and row >= best.start and 2 * best.score[0] >= len(best.headings):
            break  # one row below a plain header has been tried; rows of data need not be
    return best


@lru_cache(maxsize=64)
def _uppers(known: frozenset[str]) -> frozenset[str]:
    """What stands above the other row in the known headings of two rows."""
    return frozenset(key[: at.start()] for key in known for at in re.finditer(_WITHIN, key))


def _may_be_double(upper: Line, lower: Line, known: frozenset[str]) -> bool:
    """Whether two rows can be a better header than the upper one alone: a lower word, or a pair, must be known."""
    uppers = _uppers(known)
    above = any(cell and normal(f"{cell}{_WITHIN}").removesuffix(_WITHIN) in uppers for cell in upper)
    return above or _has_known(lower, known)


def corrected_header(cells: Sequence[str | None], known: Collection[str]) -> Header:
    """The header of a quarantine workbook: its first row, in which two merged rows are two lines of a cell."""
    headings = []
    for i, cell in enumerate(cells):
        above, _, lower = (cell or "").strip().partition(_LINE)
        headings += [_under(i, above, lower)] if lower else _single([None] * i + [above])
    matched = sum(any(key in known for key in heading.keys) for heading in headings)
    return Header(1, 1, tuple(headings), (matched, 0, -1))


def _candidate(lines: tuple[Line, ...], start: int, known: frozenset[str]) -> Header | None:
    if not any(_has_known(line, known) for line in lines):
        return None  # most rows end here; a header has words that are known by themselves
    headings, matched, whole = _matched(lines, known)
    if matched < min(2, len(headings)) or matched == 0:
        return None
    return Header(start, len(lines), headings, (matched, whole, -len(lines)))


@lru_cache(maxsize=1_000)
def _has_known(line: Line, known: frozenset[str]) -> bool:
    return any(cell and normal(cell) in known for cell in line)


@lru_cache(maxsize=1_000)
def _matched(lines: tuple[Line, ...], known: frozenset[str]) -> tuple[tuple[Heading, ...], int, int]:
    """The headings of one or two rows, how many are known, and how many as two rows. Most sheets repeat another's."""
    headings = tuple(_single(*lines) if len(lines) == 1 else _double(*lines))
    matched = sum(any(key in known for key in heading.keys) for heading in headings)
    return headings, matched, sum(_WITHIN in heading.text and heading.keys[0] in known for heading in headings)


def _single(cells: Sequence[str | None]) -> list[Heading]:
    found = [(i, cell.strip()) for i, cell in enumerate(cells) if cell and cell.strip()]
    return [Heading(i, text, (normal(text),), unit_of(text)) for i, text in found]


def _double(top: Sequence[str | None], bottom: Sequence[str | None]) -> list[Heading]:
    """A merged cell of the upper row stands over the columns up to the next one; lower words come after it."""
    headings, above = [], ""
    width = max(len(top), len(bottom))
    for i in range(width):
        upper = ((top[i] if i < len(top) else None) or "").strip()
        lower = ((bottom[i] if i < len(bottom) else None) or "").strip()
        above = upper or above
        if lower and above and normal(lower) != normal(above):
            headings.append(_under(i, above, lower))
        elif lower or upper:
            text = lower or upper
            headings.append(Heading(i, text, (normal(text),), unit_of(text)))
    return headings


def _under(position: int, above: str, lower: str) -> Heading:
    text = f"{above}{_WITHIN}{lower}"
    return Heading(position, text, (normal(text), normal(lower)), unit_of(lower), above)


def letter(position: int) -> str:
    """The spreadsheet letter of a 0-based column: 0 → A, 26 → AA."""
    name = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        name = chr(65 + rest) + name
    return name
