"""What a chapter says, as data: sections, keyed results, sentences, limits; and the document a renderer is given."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aidlib.estimate import Estimates
from aidlib.reference import problem

FORMAT = 1
LANGUAGES = ("zh", "en")
CHARTS = ("dot", "line", "bar", "stack", "density", "step", "matrix", "waterfall", "tiles", "table")


@dataclass(frozen=True)
class Section:
    """A heading: the reader's question."""

    zh: str
    en: str


@dataclass(frozen=True)
class Sentence:
    """A sentence whose numbers are named: ``{headcount:pct}``. In a Document the names are already filled."""

    zh: str
    en: str


@dataclass(frozen=True)
class Limits:
    """What the chapter's numbers cannot show; names numbers as a Sentence does."""

    zh: str
    en: str


@dataclass(frozen=True)
class Absent:
    """A result that the source cannot give (its columns are missing), and the sentence that says so."""

    key: str
    zh: str
    en: str


@dataclass(frozen=True)
class Entry:
    """A keyed result: its numbers, how to draw them (one of CHARTS) and its caption.

    caption: zh and en. breakdowns_in_workbook: the page shows the chart alone; the rows stand in the workbook.
    """

    key: str
    estimates: Estimates
    chart: str
    caption: Mapping[str, str]
    breakdowns_in_workbook: bool = False


Item = Section | Entry | Sentence | Limits | Absent
_TEXTS: dict[str, type] = {"section": Section, "sentence": Sentence, "limits": Limits, "absent": Absent}


@dataclass(frozen=True)
class Content:
    """All that one chapter says, in reading order. title: zh and en; parameters: the values it was run with."""

    name: str
    title: Mapping[str, str]
    parameters: Mapping[str, Any]
    items: tuple[Item, ...] = ()

    def entries(self) -> dict[str, Entry]:
        """The chapter's results by key, in reading order."""
        return {item.key: item for item in self.items if isinstance(item, Entry)}

    def absent(self) -> dict[str, Absent]:
        """The results that the source cannot give, by key."""
        return {item.key: item for item in self.items if isinstance(item, Absent)}

    def write(self, path: Path) -> None:
        """Write the chapter as JSON (floats exact), whole or not at all: a file at ``path`` is always complete."""
        text = json.dumps(self.to_json(), ensure_ascii=False, indent=1)
        draft = path.with_name(f".{path.name}.part")
        with draft.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(path)

    @classmethod
    def read(cls, path: Path) -> Content:
        """The chapter written at ``path``. Raises Problem if the file is no complete chapter of this format."""
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise problem("report.bad_content", file=path.name, kind=type(error).__name__) from error

    def to_json(self) -> dict[str, Any]:
        """The chapter as plain JSON types; ``from_json`` reads it back."""
        return {
            "format": FORMAT,
            "name": self.name,
            "title": dict(self.title),
            "parameters": dict(self.parameters),
            "items": [_item_to_json(item) for item in self.items],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Content:
        """The chapter that ``to_json`` wrote. Raises ValueError for another format."""
        if data["format"] != FORMAT:
            raise ValueError("another format of chapter")
        items = tuple(_item_from_json(item) for item in data["items"])
        return cls(data["name"], data["title"], data["parameters"], items)


@dataclass(frozen=True, eq=False)
class Document:
    """What a renderer gets: one edition, all of whose numbers passed the gate and whose sentences are filled.

    title, subtitle, notices: zh and en. state: "draft" or "approved". period: YYYY, YYYY-Qn or YYYY-MM; region: a code.
    manifest: the inputs (store number, versions, ``date`` = last day of the period, the only date to print).
    """

    title: Mapping[str, str]
    subtitle: Mapping[str, str]
    period: str
    region: str
    state: str
    contents: tuple[Content, ...]
    findings: tuple[Sentence, ...] = ()
    notices: tuple[Mapping[str, str], ...] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Every result of the edition as (chapter, entry), in reading order."""
        for content in self.contents:
            for entry in content.entries().values():
                yield content.name, entry


def _item_to_json(item: Item) -> dict[str, Any]:
    if isinstance(item, Entry):
        return {
            "type": "entry",
            "key": item.key,
            "chart": item.chart,
            "caption": dict(item.caption),
            "breakdowns_in_workbook": item.breakdowns_in_workbook,
            "estimates": item.estimates.to_json(),
        }
    return {"type": type(item).__name__.lower()} | asdict(item)


def _item_from_json(data: Mapping[str, Any]) -> Item:
    values = {name: value for name, value in data.items() if name != "type"}
    if data["type"] == "entry":
        return Entry(**values | {"estimates": Estimates.from_json(values["estimates"])})
    return _TEXTS[data["type"]](**values)
