"""The rows of a counting process as a regression reads them: from when to when at risk, whether by an event, where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.domains import column_codes, text
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Study
from aidlib.relapse.durations import CENSORED, SAME
from aidlib.relapse.risk_sets import Bools

Names = str | Sequence[str] | None


@dataclass(frozen=True, eq=False)
class Histories:
    """One entry per sample row: at risk over (start, stop], ``event`` at stop or not, in which stratum.

    known: rows that have all of it; start: None where all are at risk from 0; stratum: a code, names: what the codes
    stand for; unit: a code, spell: a code of what has a time of its own, a unit or one of its spells; both None where
    every row is a unit.
    """

    start: Floats | None
    stop: Floats
    event: Bools
    known: Bools
    stratum: Ints
    names: list[str]
    unit: Ints | None
    spell: Ints | None

    @classmethod
    def of(
        cls,
        study: Study,
        *,
        duration: str,
        event: str,
        entry: str | None = None,
        strata: Names = None,
        cause: str | None = None,
        unit: Names = None,
    ) -> Histories:
        """The columns read and checked; cause: the code of ``event`` that counts, all others censor."""
        stop, start = study.column(duration), None if entry is None else study.column(entry)
        ended, told = events(study, event, cause)
        columns = {duration: np.isfinite(stop), event: told}
        if entry is not None and start is not None:
            columns[entry] = np.isfinite(start)
        known = _complete(columns)
        _check_order(start, stop, duration, entry)
        stratum, names = strata_of(study.sample, strata)
        known &= stratum >= 0
        keys = names_of(unit)
        if not keys:
            return cls(start, stop, ended & known, known, stratum, names, None, None)
        codes = unit_codes(study.sample, keys)
        found = cls(start, stop, ended & known, known, stratum, names, codes[0], codes[-1])
        found.check_overlap(keys)
        return found

    def within(self, stratum: Ints, names: list[str]) -> Histories:
        """The same rows in other strata; rows of none (-1) are no longer known."""
        return replace(self, stratum=stratum, names=names, known=self.known & (stratum >= 0))

    def check_overlap(self, unit: Sequence[str]) -> None:
        """Raises Problem where two rows of one spell in one stratum are at risk at one time."""
        rows = np.flatnonzero(self.known)
        assert self.spell is not None  # only called with units
        start = np.zeros(len(self.stop)) if self.start is None else self.start
        rows = rows[np.lexsort((self.stop[rows], start[rows], self.stratum[rows], self.spell[rows]))]
        one, other = rows[:-1], rows[1:]
        same = (self.spell[one] == self.spell[other]) & (self.stratum[one] == self.stratum[other])
        wrong = same & (start[other] < self.stop[one] * (1 - SAME))
        if wrong.any():
            raise reference.problem("relapse.rows_overlap", unit=", ".join(unit), rows=int(wrong.sum()))


def events(study: Study, event: str, cause: str | None) -> tuple[Bools, Bools]:
    """Which rows end by the event, or by its code ``cause``; and which rows tell."""
    if cause is None:
        flags = study.flag(event)
        return flags == 1, np.isfinite(flags)
    codes, names = causes_of(study.sample, event)
    named = text(cause)
    if named not in names or named in CENSORED:
        known = ", ".join(name for name in names if name not in CENSORED)
        raise reference.problem("relapse.no_cause", column=event, cause=named, known=known)
    return codes == names.index(named), codes >= 0


def causes_of(sample: pd.DataFrame, event: str) -> tuple[Ints, list[str]]:
    """Codes of a column of causes and what they stand for; -1 where it is missing."""
    check_column(sample, event)
    return column_codes(sample[event])


def strata_of(sample: pd.DataFrame, strata: Names) -> tuple[Ints, list[str]]:
    """Number of each row's stratum, -1 where a column is missing, and the strata's values, joined by " / "."""
    number, names = np.zeros(len(sample), dtype=np.int64), [""]
    for place, column in enumerate(names_of(strata)):
        check_column(sample, column)
        codes, levels = column_codes(sample[column])
        pair = np.where((number < 0) | (codes < 0), -1, number * len(levels) + codes)
        cells = np.unique(pair[pair >= 0])
        number = np.where(pair >= 0, np.searchsorted(cells, pair), -1)
        names = [" / ".join([names[c // len(levels)]] * (place > 0) + [levels[c % len(levels)]]) for c in cells]
    return number, names


def names_of(columns: Names) -> list[str]:
    """One, several or no columns as a list."""
    return [] if columns is None else [columns] if isinstance(columns, str) else list(columns)


def unit_codes(sample: pd.DataFrame, unit: Sequence[str]) -> list[Ints]:
    """Number of each row's value of the first column, of the first two together, …; Problem where one is missing."""
    found: list[Ints] = []
    for column in unit:
        check_column(sample, column)
        codes, levels = pd.factorize(sample[column])
        if (codes < 0).any():
            raise reference.problem("relapse.missing", column=column, rows=int((codes < 0).sum()))
        pair = codes if not found else found[-1] * max(len(levels), 1) + codes
        found.append(pd.factorize(pair)[0].astype(np.int64))
    return found


def check_column(sample: pd.DataFrame, name: str) -> None:
    """Raises Problem for a column that is not there or there twice."""
    if name not in sample:
        raise reference.problem("estimate.no_column", column=name)
    if isinstance(sample[name], pd.DataFrame):
        raise reference.problem("estimate.column_twice", column=name)


def _complete(columns: dict[str, Bools]) -> Bools:
    """Rows with all columns; Problem for rows with some of them only."""
    flags = list(columns.values())
    every, some = np.logical_and.reduce(flags), np.logical_or.reduce(flags)
    if (some & ~every).any():
        rows = int((some & ~every).sum())
        raise reference.problem("relapse.incomplete", columns=", ".join(columns), rows=rows)
    return np.array(every)


def _check_order(start: Floats | None, stop: Floats, duration: str, entry: str | None) -> None:
    with np.errstate(invalid="ignore"):
        never = int((stop <= 0).sum())
        late = 0 if start is None else int(((start >= stop) | (start < 0)).sum())
    if never:
        raise reference.problem("relapse.no_duration", column=duration, rows=never)
    if late:
        raise reference.problem("relapse.late_entry", entry=entry, duration=duration, rows=late)
