"""Typed parameters of a report: read from text, strictly, before any kernel starts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aidlib.reference import problem

PERIOD = re.compile(r"(19|20)\d\d(-Q[1-4]|-(0[1-9]|1[0-2]))?")
REGION = re.compile(r"\d{6}")
# Text that can be no path, code, markup or control sequence: letters of any script, digits, a few signs inside.
SAFE_TEXT = re.compile(r"\w(?:[\w .,、，%+-]{0,198}[\w%])?")

_KINDS: dict[str, tuple[type, str, str]] = {
    "str": (str, "文字（字母、汉字、数字，不含路径与符号）", "text (letters and digits, no path or signs)"),
    "int": (int, "整数", "a whole number"),
    "float": (float, "数", "a number"),
    "bool": (bool, "true 或 false", "true or false"),
}


@dataclass(frozen=True)
class Parameter:
    """One parameter: type (str, int, float, bool, list), help in zh and en, default, and what it may be.

    items: the type of a list's items. choices: allowed values; minimum, maximum: of numbers, inclusive.
    """

    name: str
    type: str
    help: Mapping[str, str]
    default: Any = None
    items: str = "str"
    choices: tuple[Any, ...] = ()
    minimum: float = -math.inf
    maximum: float = math.inf

    def __post_init__(self) -> None:
        if self.type not in (*_KINDS, "list") or self.items not in _KINDS:
            raise ValueError("unknown type")
        object.__setattr__(self, "choices", tuple(self.choices))
        values = self.default if self.type == "list" and isinstance(self.default, list) else [self.default]
        if self.default is not None and not all(self._fits(value) for value in values):
            raise ValueError("the default is not allowed")

    def read(self, text: str) -> Any:
        """``text`` as this parameter's type; a list is split at commas. Raises Problem, which repeats no value."""
        if self.type == "list":
            return [self._read_one(part.strip()) for part in text.split(",")]
        return self._read_one(text)

    def _read_one(self, text: str) -> Any:
        value = _typed(text, self._kind)
        if value is None or not self._fits(value):
            zh, en = self._allowed()
            given_zh, given_en = _described(text)
            raise problem(
                "report.bad_parameter",
                wrong_use=True,
                name=self.name,
                allowed_zh=zh,
                allowed_en=en,
                given_zh=given_zh,
                given_en=given_en,
            )
        return value

    @property
    def _kind(self) -> str:
        return self.items if self.type == "list" else self.type

    def _fits(self, value: Any) -> bool:
        kind = _KINDS[self._kind][0]
        kinds = (int, float) if kind is float else kind
        if not isinstance(value, kinds) or (kind is not bool and isinstance(value, bool)):
            return False
        if isinstance(value, str) and not self._pattern().fullmatch(value):
            return False
        if isinstance(value, int | float) and not self.minimum <= value <= self.maximum:
            return False
        return not self.choices or value in self.choices

    def _pattern(self) -> re.Pattern[str]:
        return {"period": PERIOD, "region": REGION}.get(self.name, SAFE_TEXT)

    def _allowed(self) -> tuple[str, str]:
        if self.choices:
            choices = ", ".join(str(choice) for choice in self.choices)
            return f"以下之一：{choices}", f"one of {choices}"
        if self.name == "period":
            return "2025、2025-Q3 或 2025-09 这样的期别", "a period such as 2025, 2025-Q3 or 2025-09"
        if self.name == "region":
            return "六位地区代码", "a region code of six digits"
        _, zh, en = _KINDS[self._kind]
        if math.isinf(self.minimum) and math.isinf(self.maximum):
            return zh, en
        return (
            f"{zh}，在 {self.minimum:g} 与 {self.maximum:g} 之间",
            f"{en} from {self.minimum:g} to {self.maximum:g}",
        )


def _typed(text: str, kind: str) -> Any:
    """``text`` as ``kind``, or None where it is not one."""
    if kind == "str":
        return text
    if kind == "bool":
        return {"true": True, "false": False}.get(text)
    if kind == "int":
        return int(text) if re.fullmatch(r"[+-]?[0-9]{1,15}", text) else None
    if not re.fullmatch(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?", text):
        return None
    return float(text)


def _described(text: str) -> tuple[str, str]:
    """What kind of thing was typed, without repeating it."""
    if text == "":
        return "空值", "nothing"
    if _typed(text, "float") is not None:
        return "一个数", "a number"
    return f"{len(text)} 个字符的文字", f"a text of {len(text)} characters"
