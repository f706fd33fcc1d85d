"""The data dictionary: tables, columns and codes of dictionary.yml as typed objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from aidlib.reference.project import own_tables
from aidlib.reference.series import industries, places

ALL = "all"


@dataclass(frozen=True)
class Label:
    """A code for readers: its Chinese and English words, and the spellings of it met in the field."""

    zh: str
    en: str
    aliases: tuple[str, ...] = ()
    paper: bool = False

    def text(self, language: str) -> str:
        """The words in ``language`` (zh or en)."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True)
class Column:
    """One column: what it is called, what it holds and which values are possible."""

    name: str
    type: str
    zh: str
    en: str
    unit: str = ""
    codes: str = ""
    aliases: tuple[str, ...] = ()
    required: bool = False
    derived: bool = False
    identifier: bool = False
    minimum: float | None = None
    maximum: float | None = None
    missing: tuple[str, ...] = ("not_asked", "refused", "unknown")

    @property
    def headings(self) -> tuple[str, ...]:
        """Every heading under which the column is met: Chinese, aliases, its own name."""
        return (self.zh, *self.aliases, self.name)

    @property
    def numeric(self) -> bool:
        """Stored as float64 (numbers, counts, flags); years are int64, dates datetime64, all else text."""
        return self.type in {"number", "count", "flag"}


@dataclass(frozen=True)
class Table:
    """A table of the schema and the columns that identify one row."""

    name: str
    zh: str
    en: str
    key: tuple[str, ...]
    columns: Mapping[str, Column] = field(repr=False)

    @property
    def stored(self) -> tuple[Column, ...]:
        """Columns that the store may hold: neither identifiers nor derived."""
        return tuple(c for c in self.columns.values() if not (c.identifier or c.derived))


@dataclass(frozen=True, eq=False)
class Dictionary:
    """All tables, code lists and headings. Compared by identity, so that what is worked out for one can be kept."""

    tables: Mapping[str, Table]
    codes: Mapping[str, Mapping[str, Label]] = field(repr=False)
    missing: Mapping[str, Label] = field(repr=False)
    headings: Mapping[str, Label] = field(repr=False)


def dictionary() -> Dictionary:
    """The shipped data dictionary, with the project's regions and industries joined to its code lists."""
    own = own_tables()
    try:
        stamp = (own / "regions.csv").stat().st_mtime_ns if own else 0
    except OSError:
        own, stamp = None, 0
    return _dictionary(own, stamp)


@lru_cache(maxsize=8)
def _dictionary(own: Path | None, stamp: int) -> Dictionary:
    """``stamp``: when the user's own table of regions was last changed, so that a corrected one is read."""
    shipped = _shipped()
    if own is None:
        return shipped
    return replace(shipped, codes={**shipped.codes, "region": _labels_of(places(own))})


@cache
def _shipped() -> Dictionary:
    text = files("aidlib.reference").joinpath("dictionary.yml").read_text(encoding="utf-8")
    raw = yaml.load(text, yaml.CSafeLoader)
    lists = {name: {code: _label(entry) for code, entry in entries.items()} for name, entries in raw["codes"].items()}
    lists["region"] = _labels_of(places(None))
    lists["industry"] = _labels_of(industries())
    return Dictionary(
        tables={name: _table(name, entry) for name, entry in raw["tables"].items()},
        codes=lists,
        missing={code: _label(entry) for code, entry in raw["missing"].items()},
        headings={name: _label(entry) for name, entry in raw["headings"].items()},
    )


def codes(name: str) -> Mapping[str, Label]:
    """The code list ``name``: code -> Label."""
    return dictionary().codes[name]


def label(column: str, value: object, language: str) -> str:
    """``value`` of ``column`` for a reader; "all" is the total, "column=code" a code of that column.

    A value outside the code list is shown as it is, after "name=" with the name's heading.
    """
    text = str(value)
    if text == ALL:
        return dictionary().headings[ALL].text(language)
    named, sign, part = text.partition("=")
    if sign and (named in _columns() or named in dictionary().codes):
        return label(named, part, language)
    if sign and named in dictionary().headings:
        return _said_of(heading(named, language), part, language)
    for entries in _lists_of(column, dictionary()):
        if text in entries:
            return entries[text].text(language)
    return _label_of_column(column, text, language)


def _label_of_column(column: str, text: str, language: str) -> str:
    """A code said of one column, unknown_word:cause_main; any other text as it is."""
    code, _, part = text.partition(":")
    known = next((entries[code] for entries in _lists_of(column, dictionary()) if part and code in entries), None)
    if known is None:
        return text
    return _said_of(known.text(language), heading(part, language), language)


def _said_of(name: str, text: str, language: str) -> str:
    return name + ("：" if language == "zh" else ": ") + text


def heading(column: str, language: str) -> str:
    """A column, measure or key for a reader; an unknown one is shown as it is."""
    found = _columns().get(column) or dictionary().headings.get(column)
    if found is None:
        return column
    return found.zh if language == "zh" else found.en


def order(column: str) -> tuple[str, ...]:
    """The codes of ``column`` in the order of its code list; empty where it has none (places are sorted by code)."""
    known = _columns().get(column)
    if known is None or not known.codes or known.codes == "region":
        return ()
    return tuple(dictionary().codes[known.codes])


@cache
def _columns() -> dict[str, Column]:
    tables = list(_shipped().tables.values())[::-1]  # a name that several tables share is read as in the first
    return {name: column for table in tables for name, column in table.columns.items()}


@lru_cache(maxsize=2_000)
def _lists_of(column: str, known_codes: Dictionary) -> tuple[Mapping[str, Label], ...]:
    """The code lists in which a value of ``column`` may stand: its own, yes/no for a flag, else headings (measures)."""
    known = _columns().get(column)
    lists = known_codes.codes
    if known is not None and known.codes:
        return (lists[known.codes],)
    if known is not None and known.type == "flag":
        return (lists["yes_no"], {"1.0": lists["yes_no"]["1"], "0.0": lists["yes_no"]["0"]})
    if column in lists:
        return (lists[column],)
    return (known_codes.headings, _columns_as_labels(), known_codes.missing)


@cache
def _columns_as_labels() -> Mapping[str, Label]:
    return {name: Label(column.zh, column.en) for name, column in _columns().items()}


def _table(name: str, entry: dict[str, Any]) -> Table:
    columns = {
        key: Column(name=key, **{k: _frozen(v) for k, v in spec.items()}) for key, spec in entry["columns"].items()
    }
    return Table(name=name, zh=entry["zh"], en=entry["en"], key=tuple(entry["key"]), columns=columns)


def _labels_of(table: pd.DataFrame) -> dict[str, Label]:
    return {code: Label(zh, en) for code, zh, en in zip(table["code"], table["zh"], table["en"], strict=True)}


def _label(entry: dict[str, Any]) -> Label:
    return Label(**{key: _frozen(value) for key, value in entry.items()})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
