"""The fixed words of pages and workbooks, and how periods, chapter numbers and places are written."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

CHINESE = "零一二三四五六七八九十"
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def word(key: str, language: str, **values: object) -> str:
    """The fixed word ``key`` in ``language``; an unknown key is a programming error (KeyError)."""
    return str(_file("words.yml")[key][language]).format(**values)


def word_or(key: str, language: str, default: str = "") -> str:
    """The fixed word ``key``, else ``default`` or the key itself: manifests may carry entries that no one has named."""
    return word(key, language) if key in _file("words.yml") else default or key


def glossary() -> list[dict[str, str]]:
    """The terms of the reports: zh, en, zh_note, en_note."""
    return list(_file("glossary.yml"))


def period_text(period: str, language: str) -> str:
    """A period YYYY, YYYY-Qn or YYYY-MM for a reader."""
    year, _, part = period.partition("-")
    if part.startswith("Q"):
        return f"{year}年第{part[1:]}季度" if language == "zh" else f"Quarter {part[1:]} of {year}"
    if part:
        return f"{year}年{int(part)}月" if language == "zh" else f"{MONTHS[int(part) - 1]} {year}"
    return f"{year}年" if language == "zh" else year


def ordinal(number: int, language: str) -> str:
    """The number of a chapter: 一、二、… 十一、 in Chinese, 1. 2. in English."""
    if language == "en":
        return f"{number}."
    tens, ones = divmod(number, 10)
    if not tens:
        return f"{CHINESE[ones]}、"
    head = ("" if tens == 1 else CHINESE[tens]) + "十"
    return f"{head}{CHINESE[ones] if ones else ''}、"


def section_ordinal(chapter: int, number: int, language: str) -> str:
    """The number of a section: （一） in Chinese, 2.1 in English."""
    if language == "en":
        return f"{chapter}.{number}"
    return f"（{ordinal(number, 'zh').rstrip('、')}）"


@cache
def _file(name: str) -> Any:
    text = files("aidlib.render").joinpath(name).read_text(encoding="utf-8")
    return yaml.load(text, yaml.CSafeLoader)
