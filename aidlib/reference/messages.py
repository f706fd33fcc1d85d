"""Texts for people, in both languages: errors with a place and a remedy, and the method notes of published numbers."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache, partial
from importlib.resources import files
from typing import Any

import yaml

LANGUAGES = ("zh", "en")


class Problem(Exception):
    """Something a user can put right: a key of messages.yml and the values that name the place, never a person's data.

    str() holds the Chinese line and the English line. ``wrong_use`` marks a mistake in the call (exit status 2).
    """

    def __init__(self, key: str, *, wrong_use: bool = False, **values: object) -> None:
        self.key = key
        self.values = values
        self.wrong_use = wrong_use
        super().__init__(f"{message(key, 'zh', **values)}\n{message(key, 'en', **values)}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep key and values on the way between processes (an exception would be made anew from its text)."""
        return partial(Problem, self.key, wrong_use=self.wrong_use, **self.values), ()

    def text(self, language: str) -> str:
        """The message in ``language`` (zh or en)."""
        return message(self.key, language, **self.values)


def problem(key: str, **values: object) -> Problem:
    """An exception for ``raise``: the text ``key`` of messages.yml filled with ``values`` (values must name places)."""
    return Problem(key, **values)  # type: ignore[arg-type]


def message(key: str, language: str, **values: object) -> str:
    """The text ``key`` in ``language`` with its ``{names}`` filled; an unknown key raises KeyError."""
    return str(_texts("messages.yml")[key][language]).format(**values)


def suggestion(given: str, known: Sequence[str], cutoff: float = 0.6) -> dict[str, str]:
    """What ``given`` may have been meant to be, as the values near_zh and near_en of a message; "" if nothing is near.

    cutoff: how alike the names must be, 1 for the same (difflib's ratio).
    """
    near = get_close_matches(given, known, 1, cutoff)
    if not near:
        return {"near_zh": "", "near_en": ""}
    return {"near_zh": f"是否想写 {near[0]}？", "near_en": f" Did you mean {near[0]}?"}


def method(key: str, language: str) -> str:
    """The note on how a number was made: what it estimates, its formula's source, and what it cannot show."""
    return str(_texts("methods.yml")[key][language]).strip()


@cache
def _texts(file: str) -> dict[str, Any]:
    return yaml.load(files("aidlib.reference").joinpath(file).read_text(encoding="utf-8"), yaml.CSafeLoader)
