"""Codes and headings for readers, beyond what the data dictionary says: quantiles, multiples of the line, flags."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from aidlib import reference
from aidlib.display.formats import Style

NUMBERS = ("estimate", "se", "low", "high", "n", "df", "count", "psus", "top1", "top2", "flag")
PLACES = ("region", "county")
TIMES = ("year", "time", "month", "quarter", "period", "wave")
CARE = "care"
TOTAL = "all"
OPEN = "+"  # ends the lower edge of a band without an upper one
FLAGS = {
    "care": {"zh": "样本较少或误差较大，慎用", "en": "small sample or large error, use with care"},
    "suppressed": {"zh": "涉及户数过少，不公布", "en": "too few households, not published"},
    "complementary": {"zh": "为保护其他数字，不公布", "en": "not published, to protect another figure"},
    "dominance": {"zh": "少数单位占比过大，不公布", "en": "a few units dominate, not published"},
    "quality": {"zh": "误差过大，不公布", "en": "error too large, not published"},
    "empty": {"zh": "无数据", "en": "no data"},
}
LETTERS = dict(zip([flag for flag in FLAGS if flag != CARE], "abcde", strict=True))
SAME_CODES = {"from": "grade", "to": "grade"}  # the keys of a transition matrix hold grades
WORDS = {
    "interval": {"zh": "95%置信区间", "en": "95% CI"},
    "care": {"zh": "慎用", "en": "use with care"},
    "pale": {"zh": "浅色", "en": "pale"},
    "withheld": {"zh": "未公布", "en": "not published"},
    "stacked_interval_n": {"zh": "每格依次为估计值、95%置信区间和n", "en": "each cell: estimate, 95% CI, n"},
    "stacked_interval": {"zh": "每格依次为估计值和95%置信区间", "en": "each cell: estimate, 95% CI"},
    "unit": {"zh": "单位：{}", "en": "unit: {}"},
    "stacked_n": {"zh": "每格依次为数值和n", "en": "each cell: figure, n"},
}


def text(column: str, value: object, language: str) -> str:
    """One value of a domain or key column: a code's label, P50 for a quantile, the lower edge of a band of numbers."""
    raw = str(value)
    if column == "q" and _is_number(raw):
        return f"P{100 * float(raw):g}"
    if column.endswith("_band") and _is_number(raw.rstrip(OPEN)):
        edge = f"{float(raw.rstrip(OPEN)):g}"
        return edge if not raw.endswith(OPEN) else f"{edge}及以上" if language == "zh" else f"{edge} and over"
    if column == "multiple" and _is_number(raw):
        return f"{float(raw):.1f}倍标准" if language == "zh" else f"{float(raw):.1f} × line"
    return reference.label(SAME_CODES.get(column, column), value, language)


def texts(rows: pd.DataFrame, column: str, language: str) -> pd.Series:
    """The column's values as labels; each distinct value is looked up once."""
    return rows[column].map({value: text(column, value, language) for value in rows[column].unique()})


def head(style: Style, language: str) -> str:
    """The heading of the estimates with their unit: 估计值（%）."""
    word, unit = reference.heading("estimate", language), style.head(language)
    if not unit:
        return word
    return f"{word}（{unit}）" if language == "zh" else f"{word} ({unit})"


def dimensions(rows: pd.DataFrame, domains: Sequence[str], keys: Sequence[str]) -> list[str]:
    """The columns that tell the rows apart: domains, keys and the measure, where they take more than one value."""
    columns = [c for c in (*domains, *keys, "measure") if c in rows]
    return [c for c in columns if len(rows[c].unique()) > 1]


def without_doubled_total(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Without the totals of a column that has one part only: a report on one place would say the same figure twice."""
    kept = rows
    for column in columns:
        if set(kept[column].astype(str)) - {TOTAL} and kept[column].nunique() == 2 and (kept[column] == TOTAL).any():
            kept = kept[kept[column] != TOTAL]
    return kept


def with_data(rows: pd.DataFrame, domains: Sequence[str], keys: Sequence[str]) -> pd.DataFrame:
    """Without the categories of which there are no data at all; all rows where no other category has any.

    Times and places stay: that they have no data is what a reader must know.
    """
    empty = reason(rows).eq("empty")
    if empty.all():
        return rows
    keep = pd.Series(True, rows.index)
    for column in dimensions(rows, domains, keys):
        if column not in (*TIMES, *PLACES):
            keep &= ~empty.groupby(rows[column].astype(str)).transform("all")
    return rows[keep].reset_index(drop=True)


def without_data(rows: pd.DataFrame, domains: Sequence[str], keys: Sequence[str], language: str) -> list[str]:
    """The names of the categories that ``with_data`` leaves out."""
    kept = with_data(rows, domains, keys)
    names = []
    for column in dimensions(rows, domains, keys):
        there = set(kept[column])
        names += [text(column, value, language) for value in rows[column].unique() if value not in there]
    return list(dict.fromkeys(names))


def withheld(rows: pd.DataFrame) -> pd.Series:
    """True where a number is not shown: a flag other than "care", or no estimate."""
    return (~rows["flag"].fillna("").isin(["", CARE])) | rows["estimate"].isna()


def reason(rows: pd.DataFrame) -> pd.Series:
    """The flag of each row; a number that is simply missing counts as "empty"."""
    flags = rows["flag"].fillna("")
    return flags.where((flags != "") | rows["estimate"].notna(), "empty")


def counted(rows: pd.DataFrame) -> bool:
    """True for a complete count: no row has a sampling error."""
    errors = rows["se"].dropna()
    return bool(len(errors) and (errors == 0).all())


def _is_number(raw: str) -> bool:
    """A plain decimal number; the code 35_44, which float() would read, is none."""
    return re.fullmatch(r"-?\d+(\.\d+)?", raw) is not None
