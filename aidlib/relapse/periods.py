"""Person-periods: one row for each unit and year in which an event could come, read and checked for a hazard model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.domains import text
from aidlib.estimate.sampling import Floats, finite, numbers
from aidlib.relapse.requirements import column, complete


@dataclass(frozen=True)
class Periods:
    """Which columns of a table are what: those of ``discrete_hazard``, where each is explained."""

    event: str
    predictors: Sequence[str] = ()
    duration: str = "k"
    cause: str | None = None
    last: int | None = None
    unit: str | None = None
    spell: str | None = None
    time: str | None = None

    def read(self, sample: pd.DataFrame) -> pd.DataFrame:
        """The sample with the event as 0 and 1 and the year of the spell as an ordered factor: "1", "2", …, "5+".

        Raises Problem, naming columns, for years below 1 or that are no whole numbers, for a cause that does not
        occur, for no events at all, for two rows of one unit and time, and for rows that follow the end of their spell.
        """
        years, happened = self._years(sample), self._happened(sample)
        if self.unit is not None:
            self._check_order(sample, years)
        wanted = years if self.last is None else np.minimum(years, self.last)
        found = np.sort(pd.unique(wanted[np.isfinite(wanted)]))
        labels = [self.label(year) for year in found]
        place = np.where(np.isfinite(wanted), np.searchsorted(found, wanted), -1)
        factor = pd.Categorical.from_codes(place.astype(np.int64), pd.Index(labels), ordered=True)
        columns: dict[str, Any] = {self.event: happened, self.duration: factor}
        return sample.assign(**columns)

    def label(self, year: float) -> str:
        """A year's name: the last one is open."""
        return f"{int(year)}+" if self.last is not None and year >= self.last else text(float(year))

    def spells(self, sample: pd.DataFrame) -> pd.Series:
        """A number for each spell of a unit; the rows themselves where no unit is named."""
        if self.unit is None:
            return pd.Series(np.arange(len(sample)), sample.index)
        complete(sample, self.unit)
        names = [self.unit] if self.spell is None else [self.unit, self.spell]
        return sample.groupby([column(sample, name) for name in names], sort=False, dropna=False).ngroup()

    def order(self, sample: pd.DataFrame, years: Floats) -> Floats:
        """What the rows of a spell follow one another by: ``time``, else the year of the spell."""
        return years if self.time is None else numbers(sample, self.time)

    def _years(self, sample: pd.DataFrame) -> Floats:
        years = finite(sample, self.duration)
        wrong = np.isfinite(years) & ((years < 1) | (years != np.floor(years)))
        if wrong.any():
            raise reference.problem("relapse.duration", column=self.duration, rows=int(wrong.sum()))
        return years

    def _happened(self, sample: pd.DataFrame) -> Floats:
        """1 where the event came, 0 where not (or another did), missing where nobody knows."""
        values = column(sample, self.event)
        if pd.api.types.is_numeric_dtype(values.dtype):
            happened = finite(sample, self.event)
            other = int((np.isfinite(happened) & (happened != 0) & (happened != 1)).sum())
            if other:
                raise reference.problem("estimate.not_binary", column=self.event, rows=other)
            known = sorted({text(v) for v in np.unique(happened[np.isfinite(happened)])})
            if self.cause is not None:
                raise reference.problem("relapse.no_cause", column=self.event, cause=self.cause, known=", ".join(known))
        else:
            known = sorted({str(value) for value in values.dropna().unique()} - {""})
            if self.cause is not None and self.cause not in known:
                raise reference.problem("relapse.no_cause", column=self.event, cause=self.cause, known=", ".join(known))
            hit = values == self.cause if self.cause is not None else values != ""
            happened = np.where(values.isna(), np.nan, hit.fillna(False).to_numpy(dtype=bool))
        if not (happened == 1).any():
            raise reference.problem("relapse.no_hazard", column=self.event)
        return happened

    def _check_order(self, sample: pd.DataFrame, years: Floats) -> None:
        """Problem for two rows of one time, and for rows after the end of their spell, whatever the end was."""
        values = sample[self.event]
        known = values.notna().to_numpy()
        frame = pd.DataFrame({"spell": self.spells(sample).to_numpy(), "at": self.order(sample, years)})[known]
        twice = int(frame.duplicated().sum())
        if twice:
            names = ", ".join(name for name in (self.unit, self.spell) if name)
            raise reference.problem("relapse.twice", unit=names, time=self.time or self.duration, rows=twice)
        happened = ~values[known].isin([0, ""]).to_numpy()
        end = frame["at"].where(happened).groupby(frame["spell"]).transform("min")
        after = int((frame["at"] > end).sum())
        if after:
            raise reference.problem("relapse.after_end", column=self.event, rows=after)
