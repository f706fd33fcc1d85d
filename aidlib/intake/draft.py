"""A draft mapping for unknown files, by likeness of headings: for a person to confirm, never used as it is."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import yaml

from aidlib import reference
from aidlib.intake.header import Header, find_header, letter, normal
from aidlib.intake.read import HEAD, Sheet, files_of, read_sheets
from aidlib.reference import problem

LIKE = 0.62  # likeness (difflib ratio) from which a heading is suggested


def draft_mapping(paths: Sequence[Path | str]) -> str:
    """A mapping file in YAML for these files: one kind for each distinct header found.

    Headings that are known are filled in; those that are alike are suggested with a question mark; all others stand
    under ``ignore``, each with its column letter, so that a person sees every column once.
    """
    kinds: dict[tuple[str, ...], tuple[str, Sheet, dict[str, str], list[str]]] = {}
    for path, name in files_of([Path(path) for path in paths]):
        for sheet in read_sheets(path, name):
            if any(map(any, sheet.head)):
                found = _guess(sheet)
                if found is not None:
                    kinds.setdefault(found[0], (name, sheet, found[1], found[2]))
    if not kinds:
        raise problem("intake.no_header", file=", ".join(Path(path).name for path in paths), sheet="*", rows=HEAD)
    parts = ["# 映射草稿，请逐列确认；“?”表示按名称相似猜测。 Draft mapping: confirm every column; '?' marks a guess.",
             "demo: false", "kinds:"]  # fmt: skip
    for number, (name, sheet, suggested, lines) in enumerate(kinds.values(), 1):
        parts += _kind_text(number, name, sheet, suggested, lines)
    return "\n".join(parts) + "\n"


def _guess(sheet: Sheet) -> tuple[tuple[str, ...], dict[str, str], list[str]] | None:
    """The table whose headings fit best, and a line of YAML for each column."""
    tables = reference.dictionary().tables
    names = {key: _headings(table) for key, table in tables.items()}
    headers = {key: find_header(sheet.head, set(words)) for key, words in names.items()}
    best = max(headers, key=lambda key: headers[key].score[0] if (headers[key]) else 0)  # type: ignore[union-attr]
    header = headers[best] or _widest(sheet)
    if header is None:
        return None
    words, taken, lines = names[best], {}, []
    for heading in header.headings:
        column = next((words[key] for key in heading.keys if key in words), None)
        guess = None if column else _alike(heading.keys[-1], words)
        if (column or guess) and (column or guess) not in taken:
            taken[str(column or guess)] = heading.text
            lines.append(
                f"{column or guess}: {_quoted(heading.text)}  # {letter(heading.position)}{'' if column else ' ?'}"
            )
        else:
            lines.append(f"-{_quoted(heading.text)}  # {letter(heading.position)}")
    return tuple(heading.text for heading in header.headings), {"table": best}, lines


def _headings(table: reference.Table) -> dict[str, str]:
    columns = [c for c in table.columns.values() if not c.derived and (not c.identifier or table.name == "members")]
    return {normal(words): column.name for column in columns for words in column.headings}


def _widest(sheet: Sheet) -> Header | None:
    """Where nothing is known: the first row with the most cells is taken for the header."""
    counts = [sum(bool(cell) for cell in row) for row in sheet.head]
    row = counts.index(max(counts))
    words = {normal(cell) for cell in sheet.head[row] if cell}
    return find_header(sheet.head[row : row + 1], words)


def _alike(heading: str, words: dict[str, str]) -> str | None:
    near = difflib.get_close_matches(heading, list(words), n=1, cutoff=LIKE)
    return words[near[0]] if near else None


def _quoted(text: str) -> str:
    return yaml.safe_dump(text, allow_unicode=True, default_style='"', width=1000).strip()


def _kind_text(number: int, name: str, sheet: Sheet, suggested: dict[str, str], lines: list[str]) -> list[str]:
    mapped = [line for line in lines if not line.startswith("-")]
    ignored = [f"- {line[1:]}" for line in lines if line.startswith("-")]
    table = reference.dictionary().tables[suggested["table"]]
    have = {line.split(":")[0] for line in mapped}
    lacking = [c.name for c in table.columns.values() if c.required and c.name not in have and c.name != "person_id"]
    suffix = Path(name).suffix
    text = [f"  kind_{number}:", f"    table: {table.name}", f'    match: ["*{suffix}"]  # {name}']
    if sheet.sheet:
        text.append(f"    sheets: [{_quoted(sheet.sheet)}]")
    text += ["    columns:", *(f"      {line}" for line in mapped or ["{}"])]
    if lacking:
        text += ["    constants:  # 必填而未找到 needed and not found", *(f'      {c}: "?"' for c in lacking)]
    return [*text, "    ignore:", *(f"      {line}" for line in ignored)] if ignored else text
