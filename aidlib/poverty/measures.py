"""Poverty measures of a complex sample: the Foster-Greer-Thorbecke (FGT) family and the money that fills the gap.

    FGT(a) = sum(w * d**a * poor) / sum(w)        d = (line - income) / line,  poor = income < line

a = 0 is the headcount ratio, a = 1 the poverty gap, a = 2 its square (severity).
Sources: Foster, Greer & Thorbecke (1984), Econometrica 52(3), 761-766; for an estimated line Deville (1999), Survey
Methodology 25(2), 193-203, and Osier (2009), Survey Research Methods 3(3), 167-195.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import Members
from aidlib.estimate.measures import dominance, unit_of
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Claim
from aidlib.poverty.intervals import share
from aidlib.poverty.lines import Line, line_values, with_line
from aidlib.poverty.ranks import densities

ON_THE_LINE = 1e-12  # relative: a top-up exactly to the line leaves floating-point dust below it
MONTHS = 12
RELATIVE = Claim(
    n=180, psus=30, df=20
)  # below an estimated line; held over 2,000 draws (tests/poverty/test_coverage.py)


def fgt(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    line: Line,
    alpha: float = 0,
    multiple: float = 1.0,
    by: str | Sequence[str] | None = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """FGT(alpha) by domain; ``count``: the poor among the n units.

    income and line in the same unit, e.g. yuan per head and month. line: a number, a column (local lines), or a
    RelativeLine of the whole sample, whose own sampling variance is included; times ``multiple``. A missing income or
    line leaves the estimate and stays in the design. interval: "logit" (all FGT measures lie in 0 … 1 and their errors
    are skewed), "beta" or "wald". Persons instead of households: a design with person weights.
    """
    if not 0 <= alpha < np.inf:
        raise reference.problem("poverty.alpha")
    bounds = share(interval)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    incomes = study.column(income)
    lines = line_values(study, incomes, line, multiple)
    gaps = poverty_gaps(incomes, lines.values, alpha)
    members = study.members(gaps)
    y = members.at(gaps)
    found = study.mean(members, y)
    if lines.influence is not None:
        found = with_line(study, found, lines, fgt_slopes(study, members, incomes, lines.values, alpha))
    return study.estimates(
        found,
        measure=f"fgt_{alpha:g}",
        unit="share",
        method="poverty_fgt" if lines.influence is None else "poverty_fgt_relative",
        interval=bounds,
        count=members.sum(y if alpha == 0 else members.at(is_poor(incomes, lines.values))),
        claim=None if lines.influence is None else RELATIVE,
    )


def gap_total(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    line: float | str,
    members: str | None = "members",
    multiple: float = 1.0,
    by: str | Sequence[str] | None = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Money per year that lifts every household to the line: total of max(0, line - income) · 12 · members, by domain.

    income, line: per head and month (where a survey's own unit is by the year, not times 12). members: column with the
    household's size; None for a sample of persons. Raises Problem for a negative size.
    """
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    incomes = study.column(income)
    size = np.ones(len(incomes)) if members is None else study.column(members)
    if members is not None and (size < 0).any():
        raise reference.problem("poverty.size", column=members, rows=int((size < 0).sum()))
    lines = line_values(study, incomes, line, multiple).values
    own = unit_of(sample, income)
    periods = 1 if own.endswith("/year") else MONTHS
    short = np.where(is_poor(incomes, lines), lines - incomes, 0.0 * (lines - incomes)) * periods * size
    inside = study.members(short)
    y = short[inside.unit]
    return study.estimates(
        study.total(inside, y),
        measure="gap_total",
        unit="yuan/year" if own == "number" else f"{own.partition('/')[0]}/year",
        method="poverty_gap_total",
        count=inside.sum(y > 0),
        largest=dominance(study, inside, y),
        additive=True,
    )


def is_poor(income: Floats, line: Floats) -> np.ndarray:
    """Income below the line; on it, up to floating-point dust, is not poor. Missing is not poor."""
    return np.asarray(income < line * (1 - ON_THE_LINE))


def poverty_gaps(income: Floats, line: Floats, alpha: float = 0) -> Floats:
    """((line - income) / line) ** alpha for the poor and 0 for everyone else; missing where income or line is."""
    poor = is_poor(income, line)
    if alpha == 0:
        return np.where(np.isfinite(income) & np.isfinite(line), poor, np.nan)
    shortfall = np.where(poor, (line - income) / line, 0.0)
    return np.where(np.isfinite(income) & np.isfinite(line), np.where(poor, shortfall**alpha, 0.0), np.nan)


def fgt_slopes(study: Study, members: Members, income: Floats, lines: Floats, alpha: float) -> Floats:
    """d FGT / d line by row for a line that is the same everywhere: for alpha = 0 the density at the line."""
    unit = members.unit
    if alpha == 0:
        level = np.full(members.rows, lines[unit[0]] if len(unit) else np.nan)
        return densities(members, income[unit], study.sampling.weight[unit], level)
    poor = is_poor(income, lines)
    with np.errstate(invalid="ignore"):
        gap = np.where(poor, (lines - income) / lines, 1.0)
        slope = np.where(poor, alpha * gap ** (alpha - 1) * income / lines**2, 0.0)
    return study.mean(members, slope[unit]).estimate
