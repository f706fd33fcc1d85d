"""What the tables of spells ask of their input: columns that are there and filled, reasons that are known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aidlib import reference

ECONOMIC, DEATH, LOST = "economic", "death", "lost"


def column(table: pd.DataFrame, name: str) -> pd.Series:
    """A column of the table; Problem where it is not there, or there twice."""
    if name not in table:
        raise reference.problem("estimate.no_column", column=name)
    values = table[name]
    if isinstance(values, pd.DataFrame):
        raise reference.problem("estimate.column_twice", column=name)
    return values


def complete(table: pd.DataFrame, name: str) -> pd.Series:
    """A column with a value in every row; Problem otherwise."""
    values = column(table, name)
    if values.isna().any():
        raise reference.problem("relapse.missing", column=name, rows=int(values.isna().sum()))
    return values


def dates(table: pd.DataFrame, name: str) -> pd.Series:
    """A column of dates, missing where they are; Problem for anything else."""
    values = column(table, name)
    if values.isna().all():
        return pd.Series(pd.NaT, values.index, dtype="datetime64[us]")
    if values.dtype.kind != "M":
        raise reference.problem("relapse.not_dates", column=name)
    return values


def known_reasons(values: pd.Series, *more: str) -> pd.Series:
    """Reasons of an end, missing where they are; Problem for one that is neither a close_reason nor among ``more``."""
    allowed = [*reference.codes("close_reason"), *more]
    other = values.notna() & ~values.isin(allowed)
    if other.any():
        name, rows = str(values.name), int(other.sum())
        raise reference.problem("relapse.reason", column=name, rows=rows, allowed=", ".join(allowed))
    return values


def day(name: str, value: pd.Timestamp | str) -> pd.Timestamp:
    """The option ``name`` as a day; Problem where it is none."""
    try:
        found = pd.Timestamp(value)
    except (ValueError, TypeError):
        raise reference.problem("relapse.not_day", option=name) from None
    if pd.isna(found):
        raise reference.problem("relapse.not_day", option=name)
    return found


def at_least(name: str, value: int, least: int) -> None:
    """Problem where the option ``name`` is not a whole number of at least ``least``."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise reference.problem("estimate.option", option=name, allowed=f"{least}, {least + 1}, {least + 2}, …")
