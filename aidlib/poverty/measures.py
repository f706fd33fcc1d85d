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
from scipy import sparse

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import Members
from aidlib.estimate.intervals import SHARES
from aidlib.estimate.measures import dominance, unit_of
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Found
from aidlib.poverty.lines import Line, LineValues, density, line_values

ON_THE_LINE = 1e-12  # relative: a top-up exactly to the line leaves floating-point dust below it
MONTHS = 12


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
    if alpha < 0:
        raise reference.problem("poverty.alpha")
    if interval not in SHARES:
        raise reference.problem("estimate.option", option="interval", allowed=", ".join(SHARES))
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    incomes = study.column(income)
    lines = line_values(study, incomes, line, multiple)
    gaps = poverty_gaps(incomes, lines.values, alpha)
    members = study.members(gaps)
    found = study.mean(members, gaps[members.unit])
    if lines.influence is not None:
        found = _with_line(study, found, incomes, lines, alpha)
    return study.estimates(
        found,
        measure=f"fgt_{alpha:g}",
        unit="share",
        method="poverty_fgt" if lines.influence is None else "poverty_fgt_relative",
        interval=SHARES[interval],
        count=members.sum(is_poor(incomes, lines.values)[members.unit]),
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
    household's size; None for a sample of persons.
    """
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    incomes = study.column(income)
    size = np.ones(len(incomes)) if members is None else study.column(members)
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
    shortfall = np.where(poor, (line - income) / line, 0.0)
    return np.where(np.isfinite(income) & np.isfinite(line), np.where(poor, shortfall**alpha, 0.0), np.nan)


def _with_line(study: Study, found: Found, income: Floats, lines: LineValues, alpha: float) -> Found:
    """The influence of the line's own sampling error added: d FGT / d line times the influence of the line."""
    assert lines.influence is not None  # called for estimated lines only
    everyone = np.flatnonzero(lines.influence)
    one = Members(everyone, np.zeros_like(everyone), 1)
    line = study.influence(one, lines.influence[everyone])
    slopes = _slopes(study, found.members, income, lines.values, alpha)
    mix = sparse.vstack([sparse.eye_array(len(slopes)), sparse.csr_array(slopes[None, :])])
    return Found(found.members, found.estimate, found.influence.beside([line]).mixed(mix))


def _slopes(study: Study, members: Members, income: Floats, lines: Floats, alpha: float) -> Floats:
    """d FGT / d line by row: for alpha = 0 the density at the line, else a mean over the poor."""
    weight = study.sampling.weight
    if alpha > 0:
        poor = is_poor(income, lines)
        with np.errstate(invalid="ignore"):
            share = np.where(poor, (lines - income) / lines, 1.0)
            slope = np.where(poor, alpha * share ** (alpha - 1) * income / lines**2, 0.0)
        return np.nan_to_num(study.mean(members, slope[members.unit]).estimate)
    order = np.argsort(members.row, kind="stable")
    ends = np.cumsum(members.sum().astype(int))[:-1]
    groups = np.split(members.unit[order], ends)
    found = [density(income[g], weight[g], lines[g[0]]) if weight[g].sum() > 0 else 0.0 for g in groups]
    return np.nan_to_num(np.array(found))
