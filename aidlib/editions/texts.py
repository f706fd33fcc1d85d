"""What people write into a report: ``reports/texts/<report>/<period>/<region>.zh.md`` and ``.en.md``.

The first line ``# …`` is the title, ``## …`` a heading, every other paragraph a sentence. Both files have the same
sequence of headings and paragraphs. Numbers stand as ``{chapter.key:form}``; a typed one is refused, but for years.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aidlib.reference import Problem, problem
from aidlib.report import Content, Item, Section, Sentence, fill
from aidlib.report.content import LANGUAGES

NAME = "texts"
_TYPED = re.compile(r"(?<!\d)(?!(?:19|20)\d\d(?!\d|[.,]\d))\d+")


def files(folder: Path, report: str, period: str, region: str) -> list[Path]:
    """The text files that stand for an edition, zh before en."""
    place = folder / "texts" / report / period
    return [path for language in LANGUAGES if (path := place / f"{region}.{language}.md").is_file()]


def read(folder: Path, report: str, parameters: Mapping[str, Any]) -> Content | None:
    """What was written for the region and period of ``parameters``, with its numbers still named; None for no files.

    Raises Problem naming file and line: a language or title missing, other blocks in zh than in en, a typed number.
    """
    found = files(folder, report, str(parameters["period"]), str(parameters["region"]))
    if not found:
        return None
    if len(found) != len(LANGUAGES):
        raise _wrong(found[0], 1, "缺少另一种语言的文件", "the file of the other language is missing")
    zh, en = (_blocks(path) for path in found)
    if [kind for kind, _ in zh] != [kind for kind, _ in en]:
        raise _wrong(
            found[1], 1, "标题与段落的次序与中文不一致", "headings and paragraphs differ from the Chinese file"
        )
    kinds: dict[str, type[Section] | type[Sentence]] = {"##": Section, "": Sentence}
    items = [kinds[kind](zh=a, en=b) for (kind, a), (_, b) in zip(zh[1:], en[1:], strict=True)]
    return Content(NAME, {"zh": zh[0][1], "en": en[0][1]}, dict(parameters), tuple(items))


def filled(written: Content, contents: Sequence[Content]) -> Content:
    """``written`` with its numbers from the protected ``contents`` of all chapters."""
    items: list[Item] = []
    for item in written.items:
        if isinstance(item, Sentence):
            item = replace(item, zh=fill(item, contents, "zh"), en=fill(item, contents, "en"))
            if not item.zh:
                continue
        items.append(item)
    return replace(written, items=tuple(items))


def _blocks(path: Path) -> list[tuple[str, str]]:
    """(kind, text) of the title and every block: "#", "##" or "" for a paragraph, whose lines are joined."""
    joint = "" if path.name.endswith(".zh.md") else " "
    blocks: list[tuple[str, str]] = []
    open_paragraph = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if _TYPED.search(re.sub(r"\{[^{}]*\}", "", text)):
            raise _wrong(path, number, "数字须写成 {章节.键名:格式}", "write numbers as {chapter.key:form}")
        heading = re.fullmatch(r"(#+)\s+(.+)", text)
        if heading:
            blocks.append((heading[1], heading[2]))
        elif text and open_paragraph:
            blocks[-1] = ("", f"{blocks[-1][1]}{joint}{text}")
        elif text:
            blocks.append(("", text))
        open_paragraph = bool(text) and heading is None
    if not blocks or [kind for kind, _ in blocks[:1]] != ["#"] or {kind for kind, _ in blocks[1:]} - {"", "##"}:
        raise _wrong(
            path,
            1,
            "第一行应为“# 标题”，其后只用“## 小标题”与段落",
            "begin with '# Title'; then '## Heading' and paragraphs",
        )
    return blocks


def _wrong(path: Path, line: int, zh: str, en: str) -> Problem:
    return problem("editions.bad_text", file=path.name, line=line, detail_zh=zh, detail_en=en)
