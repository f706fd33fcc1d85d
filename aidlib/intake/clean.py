"""Raw text columns of one table made into the dictionary's types, with every cell that could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.intake.cells import Cleaned, missing_kind, on_distinct, plain
from aidlib.intake.codes import clean_codes, clean_flags, clean_many
from aidlib.intake.dates import clean_dates, lunar
from aidlib.intake.mapping import Kind
from aidlib.intake.numbers import clean_numbers

_SCALES = {"万元": 10_000.0, "千元": 1_000.0, "元": 1.0, "yuan": 1.0, "人民币元": 1.0}
_PER = {("年", "month"): 1 / 12, ("月", "year"): 12.0, ("year", "month"): 1 / 12, ("month", "year"): 12.0}


@dataclass(frozen=True, eq=False)
class Fault:
    """Rows (a mask) that cannot be accepted because of ``column``: ``reason`` is a key under intake.reason_*.

    member: for a fault in the repeated columns of a member, the member's place in the row ("0" the first, "2", "0+1").
    """

    reason: str
    column: str
    rows: pd.Series
    member: str = ""


@dataclass(eq=False)
class Clean:
    """Cleaned rows of a table, faults (rows to quarantine) and doubts (rows kept, but flagged under a check's name)."""

    rows: pd.DataFrame
    faults: list[Fault] = field(default_factory=list)
    doubts: dict[str, pd.Series] = field(default_factory=dict)

    def add_fault(self, reason: str, column: str, rows: pd.Series) -> None:
        """Quarantine ``rows`` where there are any."""
        if rows.any():
            self.faults.append(Fault(reason, column, rows))

    def add_doubt(self, check: str, rows: pd.Series) -> None:
        """Flag ``rows``; a check that finds nothing stays, to be counted as held."""
        self.doubts[check] = (self.doubts[check] | rows) if check in self.doubts else rows


def unit_factor(stated: str, unit: str) -> float:
    """What a number in the stated unit (万元, 元/年) must be multiplied by to be in the dictionary's unit."""
    money, _, per = stated.replace("每", "/").partition("/")
    wanted = unit.partition("/")[2].rpartition("/")[2]
    return _SCALES.get(money, 1.0) * _PER.get((per, wanted), 1.0)


def clean_table(
    raw: pd.DataFrame,
    table: reference.Table,
    kind: Kind,
    *,
    units: Mapping[str, str],
    values: Mapping[str, Mapping[str, str]],
    epoch_1904: bool = False,
) -> Clean:
    """The columns of ``raw`` (text, named as in the dictionary) in the dictionary's types.

    What states no value leaves its kind in ``<column>__missing``. Unreadable numbers, dates, years and required codes
    are faults, unknown words in other code columns are missing and flagged. Identifier columns pass as plain text.
    """
    clean = Clean(pd.DataFrame(index=raw.index))
    found: dict[str, pd.Series] = {}
    year = _year(raw["year"]) if "year" in raw else None
    for name in [c for c in table.columns if c in raw]:
        column = table.columns[name]
        cells = _cells(raw[name], column, kind, units.get(name, ""), values.get(name, {}), year, epoch_1904)
        found[name] = cells.value
        if cells.missing.notna().any():
            found[f"{name}__missing"] = cells.missing
        _judge(clean, column, cells, raw[name])
        _range(clean, column, cells.value, kind)
        if column.required and name != "person_id":
            clean.add_fault("required", name, cells.value.isna() & ~cells.bad)
    clean.rows = pd.DataFrame(found, index=raw.index)
    return clean


def _cells(
    text: pd.Series,
    column: reference.Column,
    kind: Kind,
    unit: str,
    own: Mapping[str, str],
    year: pd.Series | None,
    epoch_1904: bool,
) -> Cleaned:
    if column.type in {"number", "count"}:
        if own:
            text = text.replace(dict(own))
        return clean_numbers(text, factor=unit_factor(unit, column.unit) if unit else 1.0, unit=column.unit)
    if column.type == "year":
        value = _year(text)
        return Cleaned(value, _nothing(text), value.isna() & text.notna())
    if column.type == "date":
        return clean_dates(text, year=year if column.name == "interview_date" else None, epoch_1904=epoch_1904)
    if column.type == "flag":
        return clean_flags(text, own)
    if column.type == "codes":
        return clean_many(text, column.codes, own)
    if column.type == "code":
        return clean_codes(text, column.codes, own)
    read = on_distinct(text, _identifiers if column.type == "id" else _words)
    return Cleaned(read["value"], read["missing"], pd.Series(False, index=text.index))


def _identifiers(distinct: pd.Series) -> pd.DataFrame:
    """Identifying text in one form; what states that there is none is missing."""
    written = plain(distinct).str.replace(r"^(\d+)\.0$", r"\1", regex=True)
    missing = missing_kind(written)
    blank = distinct.isna() | written.isin(["", "无"]) | missing.notna()
    return pd.DataFrame({"value": written.astype("object").mask(blank, None), "missing": missing})


def _words(distinct: pd.Series) -> pd.DataFrame:
    written = distinct.astype("str").str.strip().astype("object")
    missing = missing_kind(plain(distinct))
    return pd.DataFrame({"value": written.mask(written.eq("") | missing.notna(), None), "missing": missing})


def _year(text: pd.Series) -> pd.Series:
    """Years of 2019, 2019年, 2019.0, 2019年度; float, missing where there is none."""
    return on_distinct(text, _years)["year"]


def _years(distinct: pd.Series) -> pd.DataFrame:
    digits = plain(distinct).str.extract(r"^(\d{4})(?:\.0)?(?:年度?)?$")[0]
    return pd.DataFrame({"year": pd.to_numeric(digits, errors="coerce").astype("float64")})


def _judge(clean: Clean, column: reference.Column, cells: Cleaned, text: pd.Series) -> None:
    if cells.doubtful is not None and cells.doubtful.any():
        clean.add_doubt("doubtful_date", cells.doubtful)
    if not cells.bad.any():
        return
    if column.type in {"number", "count", "year"}:
        clean.add_fault("number", column.name, cells.bad)
    elif column.type == "date":
        moon = cells.bad & lunar(text)
        clean.add_fault("lunar", column.name, moon)
        clean.add_fault("date", column.name, cells.bad & ~moon)
    elif column.required:
        clean.add_fault("code", column.name, cells.bad)
    else:
        clean.add_doubt(f"unknown_word:{column.name}", cells.bad)


def _range(clean: Clean, column: reference.Column, value: pd.Series, kind: Kind) -> None:
    low, high = kind.ranges.get(column.name, (column.minimum, column.maximum))
    if column.type in {"number", "count", "year"} and (low is not None or high is not None):
        outside = (value < (low if low is not None else -np.inf)) | (value > (high if high is not None else np.inf))
        clean.add_fault("range", column.name, outside)


def _nothing(text: pd.Series) -> pd.Series:
    return pd.Series(None, index=text.index, dtype="object")
