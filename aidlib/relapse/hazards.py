"""Discrete-time hazards: the chance that a spell ends in a year, given that it lasted until then.

One row for each unit and year at risk; logit or cloglog with one baseline term a year, so that the shape of duration
dependence is not assumed. Sources: Allison (1982), Sociological Methodology 13, 61-98; Prentice & Gloeckler (1978),
Biometrics 34(1), 57-67 (cloglog is the proportional-hazards model in grouped time). Ends for other reasons censor
(cause-specific hazards): ratios then tell what moves one exit, not how many leave by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.margins import levels_of
from aidlib.estimate.regression import Model, is_flag, units
from aidlib.estimate.sampling import Floats
from aidlib.relapse.frailty import SD, Mixed, Units, mixed
from aidlib.relapse.periods import Periods

RATIOS = {"logit": "odds_ratio", "cloglog": "hazard_ratio"}
BASELINE = "baseline"
FEWEST = 50  # events that a published model needs


def discrete_hazard(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    event: str,
    predictors: Sequence[str] = (),
    duration: str = "k",
    last: int | None = None,
    cause: str | None = None,
    unit: str | None = None,
    spell: str | None = None,
    time: str | None = None,
    link: str = "logit",
    heterogeneity: str | None = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Coefficients of a discrete-time hazard model on person-period rows (key ``term``).

    event: 0 and 1, or reasons as text ("" for none): any of them, or ``cause`` alone. duration: the year of the spell,
    1, 2, …; years from ``last`` on are one ("5+"). Each year has a term, measure "baseline": log odds (logit) or log
    cumulative hazard (cloglog) of the year where all predictors are 0 or at their reference; predictors (``terms``)
    have the measure "coefficient". unit, spell, time: the columns that tell households, their spells (None: one each)
    and the order of rows in them (None: duration); with them two rows of one time and rows after an end are refused,
    and units are the clusters of a design that names none.
    heterogeneity: "normal" adds an unobserved trait of the ``unit``, the same in all its spells and normally
    distributed, and its standard deviation (measure "sd"); see ``frailty``. Coefficients are then those at a given
    trait. Where two processes take turns, as leaving and returning do, each alone meets a selection of traits: see
    ``joint_hazards``. Rows without event (missing) or predictor leave the model and stay in the design.
    Models of fewer than 50 events are flagged "quality", which the release gate withholds; years and classes with
    fewer are flagged "care".
    Raises Problem as ``regression`` and ``Periods.read``.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"k": [1] * 8 + [2] * 8, "left": [1] * 4 + [0] * 4 + [1] * 2 + [0] * 6})
    >>> discrete_hazard(rows, None, event="left").rows[["term", "estimate"]].round(4).values.tolist()
    [['k=1', 0.0], ['k=2', -1.0986]]
    """
    periods = Periods(event, predictors, duration, cause, last, unit, spell, time)
    hazards = Hazards.of(sample, design, periods, link=link, df=df, base=base)
    if heterogeneity is None:
        names, measures = hazards.names, hazards.measures
        table = hazards.table
        found = hazards.model.found(lambda data, fit: table @ fit.coefficients, table)
        n, count = hazards.units
    else:
        names, measures = [*hazards.names, SD], [*hazards.measures, SD]
        table = np.zeros((len(names), hazards.table.shape[1] + 1))
        table[:-1, :-1], table[-1, -1] = hazards.table, 1.0
        found = hazards.with_trait(heterogeneity).found(lambda parameters, weight: table @ parameters, table)
        n, count = (np.append(part, total) for part, total in zip(hazards.units, hazards.totals, strict=True))
    result = hazards.model.study.estimates(
        found,
        measure="coefficient",
        unit="number",
        method=f"relapse_hazard_{heterogeneity or link}",
        keys=pd.DataFrame({"term": pd.array(names, dtype="str")}),
        n=n,
        count=count,
    )
    rows = result.rows.assign(measure=pd.array(measures, dtype="str"))
    return judged(replace(result, rows=rows, kind="effect"), hazards.totals[1])


@dataclass(frozen=True, eq=False)
class Hazards:
    """A fitted hazard model without trait: the regression, in which the first year is the intercept, and its columns.

    sample: as it was given.
    """

    sample: pd.DataFrame
    periods: Periods
    model: Model

    @classmethod
    def of(
        cls,
        sample: pd.DataFrame,
        design: Design | None,
        periods: Periods,
        *,
        link: str = "logit",
        df: str = "design",
        base: str | None = None,
    ) -> Hazards:
        """The fit; see ``discrete_hazard``."""
        if link not in RATIOS:
            raise reference.problem("estimate.option", option="link", allowed=", ".join(RATIOS))
        read = periods.read(sample)
        study = Study.of(read, by_unit(design, periods.unit), df=df, base=base)
        known = study.sampling.weight > 0
        for name in [periods.event, *_columns(periods, read)]:
            known &= read[name].notna().to_numpy()
        several = len(read.loc[known, periods.duration].unique()) > 1
        years = [periods.duration] if several else []  # of a single year the intercept says all
        return cls(sample, periods, Model.of(study, periods.event, [*years, *periods.predictors], link))

    @cached_property
    def years(self) -> dict[str, float]:
        """The years of the model with their codes."""
        if self.periods.duration in self.model.terms.columns:
            return levels_of(self.model, self.periods.duration)
        used = self.model.study.sample[self.periods.duration].iloc[self.model.unit]
        return {str(used.iloc[0]): float(used.cat.codes.iloc[0])}

    @cached_property
    def codes(self) -> Floats:
        """The code of each used row's year."""
        codes = self.model.study.sample[self.periods.duration].cat.codes
        return np.asarray(codes.to_numpy()[self.model.unit], dtype=np.float64)

    @property
    def names(self) -> list[str]:
        """Of the years, then of the other terms."""
        return [
            *(f"{self.periods.duration}={year}" for year in self.years),
            *self.model.terms.names[len(self.years) - 1 :],
        ]

    @property
    def measures(self) -> list[str]:
        """What each of these is."""
        return [BASELINE] * len(self.years) + ["coefficient"] * (len(self.names) - len(self.years))

    @property
    def table(self) -> Floats:
        """Years and other terms as combinations of the model's coefficients: each year is the first plus its own."""
        table = np.eye(len(self.model.names))
        table[1 : len(self.years), 0] = 1.0
        return table

    @property
    def totals(self) -> tuple[float, float]:
        """Rows, and those with the event."""
        return float(len(self.model.unit)), float(self.model.data.outcome.sum())

    @property
    def units(self) -> tuple[Floats, Floats]:
        """Rows of each year and term, and those of them with the event."""
        n, count = units(self.model)
        events = self.model.data.outcome > 0
        for place, code in enumerate(self.years.values()):
            n[place], count[place] = np.sum(self.codes == code), np.sum(events & (self.codes == code))
        return n, count

    def held(self, term: str) -> NDArray[np.bool_]:
        """The rows that a term of 0 and 1 holds for; all for another."""
        if term in self.model.terms.names:
            column = self.model.data.matrix[:, self.model.terms.names.index(term)]
            if is_flag(column):
                return column != 0
        return np.ones(len(self.model.unit), dtype=bool)

    def with_trait(self, heterogeneity: str) -> Mixed:
        """The model with a trait of the unit."""
        if heterogeneity != "normal":
            raise reference.problem("estimate.option", option="heterogeneity", allowed="normal")
        return mixed(Units.of([self.model], self.sample, [self.periods]))


def by_unit(design: Design | None, unit: str | None) -> Design | None:
    """The design with units as clusters where it names none: a household's years are no independent draws."""
    plain = Design() if design is None else design
    if unit is None or plain.psus or plain.fpcs or plain.complete or plain.replicates is not None:
        return design
    return replace(plain, psu=unit)


def judged(estimates: Estimates, events: float) -> Estimates:
    """Flags by the events behind numbers: "quality" for a model of fewer than 50, "care" for such a year or class."""
    few = (estimates.rows["count"] < FEWEST) & (estimates.rows["flag"] == "")
    flag = estimates.rows["flag"].mask(few, "care").mask(np.full(len(few), events < FEWEST), "quality")
    return replace(estimates, rows=estimates.rows.assign(flag=flag))


def _columns(periods: Periods, sample: pd.DataFrame) -> list[str]:
    """The columns that the predictors are made of, as far as they are there."""
    parts = [part for entry in periods.predictors for part in ([entry] if entry in sample else entry.split(":"))]
    return [part for part in (periods.duration, *parts) if part in sample]
