"""Numbers as people write them: full-width digits, 约1500, 800元/月, 1.2万, 1,500.00, 一千五百."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from aidlib.intake.cells import Cleaned, missing_kind, on_distinct, plain

_DIGITS = dict(
    zip("零〇一二两三四五六七八九壹贰叁肆伍陆柒捌玖", (0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, *range(1, 10)), strict=True)
)
_PLACES = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_MYRIADS = {"万": 10_000, "萬": 10_000, "亿": 100_000_000}
_CHINESE = re.compile(f"[{''.join(_DIGITS)}{''.join(_PLACES)}{''.join(_MYRIADS)}]+")
_WRITTEN = re.compile(
    r"(?:约|大约|大概|近|人民币|rmb|[¥$])*"
    r"(?P<number>[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
    r"(?P<scale>[万千百%])?(?:元|块|人|口|岁|分|天|次|套|项|m2|平方米|平米)?"
    r"(?:[/每](?P<per>月|年)|(?P<per2>每月|每年))?(?:左右|上下|整)?",
    re.IGNORECASE,
)
_SCALE = {"万": 1e4, "千": 1e3, "百": 1e2, "%": 1e-2}
NONE = ("无", "没有", "零")  # an answer: nothing


def clean_numbers(text: pd.Series, *, factor: float = 1.0, unit: str = "") -> Cleaned:
    """Numbers of the cells of one column, in the column's unit.

    factor: what the column's stated unit is in the dictionary's unit (万元 in a yuan column: 10000). A cell that says
    its own unit (1.2万, 9600元/年) is read by it. 无 is the answer 0; — and / are not applicable, 不详 unknown. What
    cannot be read is ``bad``.
    """
    value = pd.to_numeric(text, errors="coerce").astype("float64")
    value = value.where(np.isfinite(value))
    rest = text.notna() & value.isna()
    value = value * factor
    missing = pd.Series(None, index=text.index, dtype="object")
    bad = pd.Series(False, index=text.index)
    if rest.any():
        read = on_distinct(text[rest], lambda cells: _read(cells, factor, unit))
        value[rest], missing[rest], bad[rest] = read["value"], read["missing"], read["bad"]
    return Cleaned(value, missing, bad)


def _read(cells: pd.Series, factor: float, unit: str) -> pd.DataFrame:
    written = plain(cells).str.replace(",", "", regex=False)
    kind = missing_kind(written)
    parts = written.str.extract(f"^{_WRITTEN.pattern}$", flags=re.IGNORECASE)
    value = pd.to_numeric(parts["number"], errors="coerce")
    own_scale = parts["scale"].map(_SCALE)
    value = value * own_scale.fillna(factor)
    per = parts["per"].fillna(parts["per2"].str[-1])
    if unit.endswith("/month"):
        value = value.where(per != "年", value / 12)
    elif unit.endswith("/year"):
        value = value.where(per != "月", value * 12)
    digits = written.where(value.isna()).str.replace(r"[元块整]+$", "", regex=True)
    value = value.fillna(digits.map(chinese_number, na_action="ignore").astype("float64") * factor)
    value = value.mask(written.isin(NONE), 0.0)
    blank = written.eq("")
    return pd.DataFrame({"value": value, "missing": kind, "bad": value.isna() & kind.isna() & ~blank})


def chinese_number(written: str) -> float:
    """The value of a Chinese numeral (一千五百, 三万二, 壹仟伍佰); NaN where it is none."""
    if not _CHINESE.fullmatch(written) or written[0] in "百佰千仟万萬亿":
        return np.nan
    total, section, digit, place = 0, 0, 0, 0
    for sign in written:
        if sign in _DIGITS:
            digit = _DIGITS[sign]
            place = 1 if digit == 0 else place  # after 零 a last digit counts ones
        elif sign in _PLACES:
            place = _PLACES[sign]
            section, digit = section + (digit or 1) * place, 0
        else:
            place = _MYRIADS[sign]
            total, section, digit = (total + section + digit) * place, 0, 0
    if digit and place >= 100 and len(written) > 1:  # 一千五 is 1500, 三万二 is 32000
        digit *= place // 10
    return float(total + section + digit)
