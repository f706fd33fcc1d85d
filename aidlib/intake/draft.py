"""A draft mapping for unknown files, by likeness of headings: for a person to confirm, never used as it is."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from aidlib import reference
from aidlib.intake.header import Header, Heading, find_header, letter, normal
from aidlib.intake.read import HEAD, Sheet, files_of, read_files
from aidlib.reference import problem

LIKE = 0.62  # likeness (difflib ratio) from which a heading is suggested
_NUMBERED = re.compile(r"(.+?)(\d{1,2})")


@dataclass
class _Draft:
    """What is guessed of one shape of sheet: lines of YAML for columns, members' numbers, and what is left."""

    file: str
    sheet: str
    table: reference.Table
    columns: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)


def draft_mapping(paths: Sequence[Path | str]) -> str:
    """A mapping file in YAML for these files: one kind for each distinct header found.

    Headings that are known are filled in; those that are alike are suggested with a question mark; columns that repeat
    for the members of a household become a group; all others stand under ``ignore``. Each has its column letter.
    """
    drafts: dict[tuple[str, ...], _Draft] = {}
    for _, sheets in read_files(files_of([Path(path) for path in paths])):
        for sheet in sheets:
            header, table = _header(sheet)
            if header is not None:
                drafts.setdefault(tuple(heading.text for heading in header.headings), _guess(sheet, header, table))
    if not drafts:
        raise problem("intake.no_header", file=", ".join(Path(path).name for path in paths), sheet="*", rows=HEAD)
    lines = [
        "# 映射草稿，请逐列确认；“?”表示按名称相似猜测。 Draft mapping: confirm every column; '?' marks a guess.",
        "demo: false",
        "kinds:",
    ]
    for number, draft in enumerate(drafts.values(), 1):
        lines += _lines(draft, number)
    return "\n".join(lines) + "\n"


def _header(sheet: Sheet) -> tuple[Header | None, reference.Table]:
    """The sheet's header and the table whose headings it has most of; with none known, the fullest row is taken."""
    tables = reference.dictionary().tables
    found = {name: find_header(sheet.head, set(_words(table))) for name, table in tables.items()}
    scores = {name: header.score[0] for name, header in found.items() if header}
    if scores:
        best = max(scores, key=lambda name: scores[name])
        return found[best], tables[best]
    counts = [sum(bool(cell) for cell in row) for row in sheet.head]
    if not any(counts):
        return None, tables["households"]
    row = sheet.head[counts.index(max(counts))]
    return find_header([row], {normal(cell) for cell in row if cell}), tables["households"]


def _words(table: reference.Table) -> dict[str, str]:
    columns = [c for c in table.columns.values() if not c.derived and (not c.identifier or table.name == "members")]
    return {normal(words): column.name for column in columns for words in column.headings}


def _guess(sheet: Sheet, header: Header, table: reference.Table) -> _Draft:
    draft = _Draft(sheet.file, sheet.sheet, table)
    words = _words(table)
    members = _words(reference.dictionary().tables["members"]) if table.name == "households" else {}
    rest = [heading for heading in header.headings if not _known(draft, heading, words)]
    for heading in rest:
        number = _number(heading, members)
        if number is not None:
            draft.numbers += [number] if number not in draft.numbers else []
        elif not _alike(draft, heading, words):
            draft.ignored.append(f"{_quoted(heading.text)}  # {letter(heading.position)}")
    return draft


def _known(draft: _Draft, heading: Heading, words: Mapping[str, str]) -> bool:
    column = next((words[key] for key in heading.keys if key in words), None)
    if column is None or column in draft.columns:
        return False
    draft.columns[column] = f"{_quoted(heading.text)}  # {letter(heading.position)}"
    return True


def _number(heading: Heading, members: Mapping[str, str]) -> str | None:
    """The number of a repeated column (姓名2), "" for the worker's own; None where it is no member's column."""
    key = heading.keys[-1]
    found = _NUMBERED.fullmatch(key)
    if found and found.group(1) in members:
        return found.group(2)
    return "" if key in members else None


def _alike(draft: _Draft, heading: Heading, words: Mapping[str, str]) -> bool:
    columns = draft.table.columns
    free = [word for word, name in words.items() if name not in draft.columns and not columns[name].identifier]
    near = difflib.get_close_matches(heading.keys[-1], free, n=1, cutoff=LIKE)
    if near:
        draft.columns[words[near[0]]] = f"{_quoted(heading.text)}  # {letter(heading.position)} ?"
    return bool(near)


def _quoted(text: str) -> str:
    return yaml.safe_dump(text, allow_unicode=True, default_style='"', width=1000).strip()


def _lines(draft: _Draft, number: int) -> list[str]:
    given = (
        {"person_id", "year"} if draft.table.name == "members" else set()
    )  # made, and taken from the household's row
    have = given | set(draft.columns)
    needed = [c.name for c in draft.table.columns.values() if c.required and c.name not in have]
    lines = [f"  kind_{number}:", f"    table: {draft.table.name}", f'    match: ["*{Path(draft.file).suffix}"]']
    lines += ["    columns:", *(f"      {column}: {text}" for column, text in draft.columns.items())]
    if not draft.columns:
        lines[-1] = "    columns: {}"
    if needed:
        lines += [
            "    constants:  # 必填而未找到，请改写 needed and not found",
            *(f'      {column}: "?"' for column in needed),
        ]
    if draft.numbers:
        numbers = ", ".join('""' if each == "" else each for each in draft.numbers)
        lines += [
            "    groups:  # 按成员重复的列 columns repeated for each member",
            f"      - table: members\n        numbers: [{numbers}]",
            '        headings: ["{column}{n}"]\n        first: {relation: 本人}',
        ]
    return [*lines, "    ignore:", *(f"      - {text}" for text in draft.ignored)] if draft.ignored else lines
