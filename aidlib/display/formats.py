"""How a number is written: in a sentence with its unit, in a table cell without it.

Values are kept as analyses give them: shares and their changes (unit ``pp``) are fractions, money is yuan. A missing
value is written as an en dash. The minus sign is U+2212, thousands are parted by commas, in both languages alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

WITHHELD = "–"
MINUS = "−"
LARGE_YUAN = 1e6  # amounts from here on are written in 万元


@dataclass(frozen=True)
class Style:
    """A form: value times ``factor`` with ``decimals`` (None: by size), the sentence with the unit, the unit alone."""

    zh: str = "{}"
    en: str = "{}"
    factor: float = 1.0
    decimals: int | None = 0
    signed: bool = False
    head_zh: str = ""
    head_en: str = ""

    def sentence(self, language: str) -> str:
        """The frame of the number in a sentence, ``{}`` standing for the digits."""
        return self.zh if language == "zh" else self.en

    def head(self, language: str) -> str:
        """The unit as it stands in a column heading or on an axis; empty for plain numbers."""
        return self.head_zh if language == "zh" else self.head_en


FORMS = {
    "pct": Style("{}%", "{}%", 100.0, 1, head_zh="%", head_en="%"),
    "pp": Style("{}个百分点", "{} pp", 100.0, 1, signed=True, head_zh="百分点", head_en="pp"),
    "yuan": Style("{}元", "{} yuan", head_zh="元", head_en="yuan"),
    "wan": Style("{}万元", "{} ten thousand yuan", 1e-4, 1, head_zh="万元", head_en="10,000 yuan"),
    "int": Style(),
    "n": Style(),
    "num": Style(decimals=None),
}
UNITS = {
    "share": FORMS["pct"],
    "pp": FORMS["pp"],
    "yuan": FORMS["yuan"],
    "yuan/month": Style("{}元/月", "{} yuan per month", head_zh="元/月", head_en="yuan per month"),
    "yuan/year": Style("{}元/年", "{} yuan per year", head_zh="元/年", head_en="yuan per year"),
    "yuan/person/month": Style(
        "{}元/人·月", "{} yuan per head and month", head_zh="元/人·月", head_en="yuan per head and month"
    ),
    "households": Style("{}户", "{} households", head_zh="户", head_en="households"),
    "persons": Style("{}人", "{} persons", head_zh="人", head_en="persons"),
    "index": Style(decimals=1),
    "years": Style("{}年", "{} years", decimals=1, head_zh="年", head_en="years"),
    "points": Style("{}分", "{} points", decimals=2, head_zh="分", head_en="points"),
    "days": Style("{}天", "{} days", decimals=1, head_zh="天", head_en="days"),
    "rows": Style("{}行", "{} rows", head_zh="行", head_en="rows"),
}
PLAIN = {"", "number", "ratio"}  # numbers without a unit
PART = 2.0  # ratios up to here are read as a part of what they are divided by, in per cent; S80/S20 lies above
LARGE = {
    "yuan": FORMS["wan"],
    "yuan/year": Style(
        "{}万元/年", "{} ten thousand yuan a year", 1e-4, 1, head_zh="万元/年", head_en="10,000 yuan a year"
    ),
}


def number(
    value: float | Sequence[float],
    form: str | None,
    unit: str,
    language: str,
    beside: Sequence[float] | np.ndarray = (),
) -> str:
    """``value`` for a sentence in ``language``, its unit included.

    form: pct, pp, yuan, wan, int, num, n, se, ci, or None for the form that belongs to ``unit``. For ``ci``, ``value``
    is the pair (low, high) and the text names the interval. ``se`` has two significant digits, in percentage points
    for a share. beside: the numbers told with it, so that an estimate and its interval have the same decimals. Raises
    KeyError for an unknown form. A missing value gives an en dash.
    """
    if form == "ci":
        low, high = np.atleast_1d(np.asarray(value, dtype=float))
        return _interval(float(low), float(high), unit, language, beside)
    single = float(value)  # type: ignore[arg-type]
    if math.isnan(single):
        return WITHHELD
    if form == "se":
        return _standard_error(single, unit, language)
    style = FORMS[form] if form else style_of(unit, [single, *beside])
    if form and len(beside):
        style = _fitted(style, np.asarray([single, *beside], dtype=float))
    return style.sentence(language).format(digits(single, style))


def style_of(unit: str, values: Sequence[float] | np.ndarray = ()) -> Style:
    """The one style for all ``values`` in ``unit``: large amounts in 万元, plain numbers with common decimals.

    Shares, their changes and large amounts have no more decimals than their values carry: coarse shares none at all.
    """
    finite = np.abs(np.asarray(values, dtype=float))
    largest = float(np.nanmax(finite)) if finite.size and not np.isnan(finite).all() else 0.0
    if unit in LARGE and largest >= LARGE_YUAN:
        return _fitted(LARGE[unit], finite)
    if unit == "rows" and (finite % 1 > 0).any():  # rows per 1,000 rows
        return replace(UNITS[unit], decimals=1, head_zh="每千行", head_en="per 1,000 rows")
    if unit == "ratio" and largest <= PART:
        return _fitted(FORMS["pct"], finite)
    if unit == "index" and largest <= PART:  # a Gini index, not one of prices
        return Style(decimals=3)
    if unit in UNITS:
        return _fitted(UNITS[unit], finite)
    whole = unit in PLAIN and not (finite % 1 > 0).any()  # ranks, degrees of freedom, sampling units
    plain = Style(decimals=0 if whole else _decimals_by_size(largest))
    if unit in PLAIN:
        return plain
    own = f"{{}} {unit}"  # a survey's own unit, as it wrote it
    return replace(plain, zh=own, en=own, head_zh=unit, head_en=unit)


def _fitted(style: Style, values: np.ndarray) -> Style:
    """``style`` with the fewest decimals that write all ``values`` exactly, if fewer than its own do."""
    scaled = values[np.isfinite(values)] * style.factor
    if style.factor == 1 or not style.decimals or not scaled.any():
        return style
    fewer = (d for d in range(style.decimals) if np.allclose(scaled, scaled.round(d), rtol=0, atol=1e-6))
    return replace(style, decimals=next(fewer, style.decimals))


def is_percent(style: Style) -> bool:
    """Whether ``style`` writes shares in per cent."""
    return replace(style, decimals=FORMS["pct"].decimals) == FORMS["pct"]


def digits(value: float, style: Style) -> str:
    """The digits of ``value`` in ``style`` without its unit; an en dash where it is missing."""
    if math.isnan(value):
        return WITHHELD
    scaled = value * style.factor
    decimals = _decimals_by_size(abs(scaled)) if style.decimals is None else style.decimals
    return _signed(f"{scaled:,.{decimals}f}", style.signed)


def interval_digits(low: float, high: float, style: Style, language: str) -> str:
    """``low`` and ``high`` joined for a table cell; empty where there is no interval."""
    if math.isnan(low) or math.isnan(high):
        return ""
    ends = digits(low, style), digits(high, style)
    return f"{ends[0]}{_joint(*ends, language)}{ends[1]}"


def standard_error_digits(value: float, style: Style) -> str:
    """A standard error with two significant digits in the scale of ``style``, without its unit."""
    if math.isnan(value):
        return WITHHELD
    scaled = value * style.factor
    if scaled == 0:
        return "0"
    rounded = float(f"{scaled:.1e}")  # first, so that 9.99 becomes 10 and not 10.0
    decimals = 1 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(decimals, 0)}f}"


def _standard_error(value: float, unit: str, language: str) -> str:
    style = style_of(unit, [value])
    frame = FORMS["pp"] if is_percent(style) else style
    return frame.sentence(language).format(standard_error_digits(value, style))


def _interval(low: float, high: float, unit: str, language: str, beside: Sequence[float] | np.ndarray) -> str:
    if math.isnan(low) or math.isnan(high):
        return WITHHELD
    style = style_of(unit, [low, high, *beside])
    ends = digits(low, style), digits(high, style)
    if language == "zh":
        first = f"{ends[0]}%" if is_percent(style) else ends[0]
        return f"95%置信区间 {first}{_joint(*ends, language)}{style.zh.format(ends[1])}"
    return f"95% CI {ends[0]}{_joint(*ends, language)}{style.en.format(ends[1])}"


def _joint(low: str, high: str, language: str) -> str:
    """A dash, or a word where a sign would stand beside it."""
    if not any(sign in low + high for sign in (MINUS, "+")):
        return "–"
    return "至" if language == "zh" else " to "


def _decimals_by_size(largest: float) -> int:
    """Three decimals below 1, one less for every power of ten."""
    return 3 if largest < 1 else max(0, 2 - math.floor(math.log10(largest)))


def _signed(text: str, signed: bool) -> str:
    """``text`` with a true minus, no sign on zero, and a plus where changes are written."""
    if not any(digit in text for digit in "123456789"):
        return text.lstrip("-")
    if text.startswith("-"):
        return MINUS + text[1:]
    return f"+{text}" if signed else text
