"""Constants and words of a mapping, looked up when it is read: a code that does not exist would spoil every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import pandas as pd

from aidlib import reference
from aidlib.intake.codes import clean_codes, clean_flags, clean_many, lookup
from aidlib.intake.dates import clean_dates
from aidlib.intake.numbers import clean_numbers

_SHOWN = 5


def check_constants(
    table: reference.Table, constants: Mapping[str, str], values: Mapping[str, Mapping[str, str]]
) -> None:
    """ValueError naming column, value and what is near, for a constant that its column cannot hold or a ``?`` left."""
    for name, value in constants.items():
        column = table.columns[name]
        if not _possible(column, value, values.get(name, {})):
            raise ValueError(f"{name}: {value[:30]}?{_near(column, value)}")


def check_words(table: reference.Table, values: Mapping[str, Mapping[str, str]]) -> None:
    """ValueError for a code, in the source's own words for codes, that the column's list does not have."""
    kinds = set(reference.dictionary().missing)
    for name, words in values.items():
        column = table.columns[name]
        known = set(reference.codes(column.codes)) | kinds if column.codes else set()
        for word, code in words.items():
            if known and str(code) not in known:
                raise ValueError(f"values: {name}: {word}: {str(code)[:30]}?{_near(column, str(code))}")


def _possible(column: reference.Column, value: str, own: Mapping[str, str]) -> bool:
    cell = pd.Series([value], dtype="str")
    if value.strip() in {"", "?"}:
        return False
    if column.type in {"number", "count"}:
        return not clean_numbers(cell, factor=1.0, unit=column.unit).bad.any()
    if column.type == "date":
        return not clean_dates(cell).bad.any()
    if column.type == "flag":
        return not clean_flags(cell, own).bad.any()
    if column.type == "codes":
        return not clean_many(cell, column.codes, own).bad.any()
    if column.type == "code":
        return not clean_codes(cell, column.codes, own).bad.any()
    return True


def _near(column: reference.Column, value: str) -> str:
    """The codes that are most like ``value``, or the first of the list: "370200 青岛市, …"."""
    if not column.codes:
        return ""
    known = reference.codes(column.codes)
    words = lookup(column.codes)
    near = [words[word] for word in get_close_matches(value.casefold(), list(words), 2 * _SHOWN, 0.5)]
    codes: Sequence[str] = list(dict.fromkeys(near))[:_SHOWN] or list(known)[:_SHOWN]
    return f" ({', '.join(f'{code} {known[code].zh}' for code in codes)} …)"
