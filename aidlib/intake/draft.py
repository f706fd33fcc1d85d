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
FEW = 3  # a sheet with fewer headings is no form, but a note
_NUMBERED = re.compile(r"(.+?)(\d{1,2})")
_PERSONAL = re.compile("姓名|身份证|证件号|电话|手机|住址|地址|卡号|账号|账户")
_YEAR = re.compile(r"(?:19|20)\d\d")
_HOUSEHOLD = {"household_id", "members", "income", "income_year", "wages_year"}


@dataclass
class _Draft:
    """What is guessed of one shape of sheet: lines of YAML for columns, members' numbers, and what is left."""

    file: str
    sheet: str
    table: reference.Table
    columns: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    above: str = ""
    member_columns: dict[str, str] = field(default_factory=dict)


def draft_mapping(paths: Sequence[Path | str]) -> str:
    """A mapping file in YAML for these files: one kind for each distinct header found.

    Headings that are known are filled in; those that are alike are suggested with a question mark; columns that repeat
    for the members of a household become a group; all others stand under ``ignore``. Each has its column letter.
    """
    drafts: dict[tuple[str, ...], _Draft] = {}
    notes: list[str] = []
    for _, sheets in read_files(files_of([Path(path) for path in paths])):
        for sheet in sheets:
            header, table = _header(sheet)
            if header is not None and len(header.headings) < FEW and sheet.sheet:
                notes += [sheet.sheet] if sheet.sheet not in notes else []
            elif header is not None:
                drafts.setdefault(tuple(heading.text for heading in header.headings), _guess(sheet, header, table))
    if not drafts:
        raise problem("intake.no_header", file=", ".join(Path(path).name for path in paths), sheet="*", rows=HEAD)
    lines = [
        "# 映射草稿，请逐列确认；“?”表示按名称相似猜测。 Draft mapping: confirm every column; '?' marks a guess.",
        "demo: false",
        *([f"ignore_sheets: [{', '.join(map(_quoted, notes))}]"] if notes else []),
        "kinds:",
    ]
    for number, draft in enumerate(drafts.values(), 1):
        lines += _lines(draft, number)
    return "\n".join(lines) + "\n"


def _header(sheet: Sheet) -> tuple[Header | None, reference.Table]:
    """The sheet's header and the table whose headings it has most of; with none known, the fullest row is taken."""
    tables = reference.dictionary().tables
    prefix = _above(sheet)
    double = {f"{prefix}{n}/{word}" for word in _words(tables["members"]) for n in range(1, 13)} if prefix else set()
    known = {name: set(_words(table)) for name, table in tables.items()}
    known["households"] |= double | set(_words(tables["members"]))
    found = {name: find_header(sheet.head, words) for name, words in known.items()}
    if (header := found["households"]) and _is_household(header, prefix, _words(tables["households"])):
        return header, tables["households"]
    found["households"] = find_header(sheet.head, set(_words(tables["households"])))
    scores = {name: header.score[0] for name, header in found.items() if header}
    if scores:
        best = max(scores, key=lambda name: scores[name])
        return found[best], tables[best]
    counts = [sum(bool(cell) for cell in row) for row in sheet.head]
    if not any(counts):
        return None, tables["households"]
    row = sheet.head[counts.index(max(counts))]
    return find_header([row], {normal(cell) for cell in row if cell}), tables["households"]


def _above(sheet: Sheet) -> str:
    """What stands, numbered, over each member's columns in a header of two rows (家庭成员1): 家庭成员; else nothing."""
    members = _words(reference.dictionary().tables["members"])
    for row in sheet.head:
        cells = [found for cell in row if cell and (found := _NUMBERED.fullmatch(normal(cell)))]
        words = [found.group(1) for found in cells if found.group(1) not in members]
        prefix = next((word for word in words if words.count(word) > 1), "")
        if prefix:
            return prefix
    return ""


def _is_household(header: Header, prefix: str, words: Mapping[str, str]) -> bool:
    """A row for each household: where what only households have is asked, or columns repeat for its members."""
    have = {words[key] for heading in header.headings for key in heading.keys if key in words}
    alike = {word for word, column in words.items() if column in _HOUSEHOLD}
    keys = [heading.keys[-1] for heading in header.headings if len(heading.keys[-1]) > 2]
    near = [key for key in keys if difflib.get_close_matches(key, alike, n=1, cutoff=LIKE)]
    return bool(have & (_HOUSEHOLD - {"household_id"})) or bool(prefix and (have or near))


def _words(table: reference.Table) -> dict[str, str]:
    columns = [c for c in table.columns.values() if not c.derived and (not c.identifier or table.name == "members")]
    return {normal(words): column.name for column in columns for words in column.headings}


def _guess(sheet: Sheet, header: Header, table: reference.Table) -> _Draft:
    draft = _Draft(sheet.file, sheet.sheet, table, above=_above(sheet) if table.name == "households" else "")
    words = _words(table)
    members = _words(reference.dictionary().tables["members"]) if table.name == "households" else {}
    rest = [h for h in header.headings if _place(draft, h) or not _known(draft, h, words)]
    for heading in rest:
        number = _number(heading, members)
        if (place := _place(draft, heading)) is not None:
            _member_column(draft, heading, members)
            number = place
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


def _place(draft: _Draft, heading: Heading) -> str | None:
    """The member's number that stands above the heading (家庭成员2), if any."""
    found = _NUMBERED.fullmatch(normal(heading.above)) if draft.above and heading.above else None
    return found.group(2) if found and found.group(1) == draft.above else None


def _member_column(draft: _Draft, heading: Heading, members: Mapping[str, str]) -> None:
    key = heading.keys[-1]
    if key in members or _PERSONAL.search(key):
        return
    near = difflib.get_close_matches(key, list(members), n=1, cutoff=0.5)
    lower = heading.text.rpartition("/")[2]
    if near and members[near[0]] not in draft.member_columns:
        draft.member_columns[members[near[0]]] = f"{_quoted(lower)}  # {letter(heading.position)} ?"


def _number(heading: Heading, members: Mapping[str, str]) -> str | None:
    """The number of a repeated column (姓名2), "" for the worker's own; None where it is no member's column."""
    key = heading.keys[-1]
    found = _NUMBERED.fullmatch(key)
    if found and found.group(1) in members:
        return found.group(2)
    return "" if key in members else None


def _alike(draft: _Draft, heading: Heading, words: Mapping[str, str]) -> bool:
    columns = draft.table.columns
    if _PERSONAL.search(heading.keys[-1]):
        return False  # a personal heading is matched exactly or not at all
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
    dated = "year" in draft.table.columns and "year" not in draft.columns and _YEAR.search(draft.file + draft.sheet)
    have = given | set(draft.columns) | ({"year"} if dated else set())
    needed = [c.name for c in draft.table.columns.values() if c.required and c.name not in have]
    lines = [f"  kind_{number}:", f"    table: {draft.table.name}", f'    match: ["*{Path(draft.file).suffix}"]']
    lines += ["    columns:", *(f"      {column}: {text}" for column, text in draft.columns.items())]
    if not draft.columns:
        lines[-1] = "    columns: {}"
    if dated:
        where = "\\|.*?" if _YEAR.search(draft.sheet) else ""
        if where:
            lines.insert(3, f"    sheets: [{_quoted(_YEAR.sub(lambda found: found.group()[:2] + '*', draft.sheet))}]")
        lines.append(f"    names: {{year: '{where}((?:19|20)\\d\\d)'}}  # 文件名|工作表名 file|sheet")
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
            f'        headings: ["{draft.above + "{n}/{column}" if draft.above else "{column}{n}"}"]',
            "        first: {relation: 本人}",
            *(["        columns:"] if draft.member_columns else []),
            *(f"          {column}: {text}" for column, text in draft.member_columns.items()),
        ]
    return [*lines, "    ignore:", *(f"      - {text}" for text in draft.ignored)] if draft.ignored else lines
