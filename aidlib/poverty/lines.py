"""Poverty lines: a number, a column, or a share of the median or mean estimated from the same sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from aidlib import reference
from aidlib.estimate import Study
from aidlib.estimate.domains import Members
from aidlib.estimate.quantiles import inverse_cdf
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Found
from aidlib.poverty.ranks import densities

CENTRES = ("median", "mean")


@dataclass(frozen=True)
class RelativeLine:
    """``share`` of the weighted median or mean of the whole sample, e.g. RelativeLine(0.6, "median").

    The median's influence needs the density of income there: a normal kernel of bandwidth sd / N^(1/5) with N the sum
    of the weights, as R's convey takes it. Weights should therefore add up to the population; weights brought to a
    mean of 1 smooth too much.
    """

    share: float
    of: str = "median"

    def __post_init__(self) -> None:
        if not 0 < self.share < np.inf or self.of not in CENTRES:
            raise reference.problem("poverty.relative")


Line = float | str | RelativeLine


@dataclass(frozen=True, eq=False)
class LineValues:
    """The line of every row, and for an estimated line its influence values (one per row, weight included)."""

    values: Floats
    influence: Floats | None = None


def line_values(study: Study, income: Floats, line: Line, multiple: float = 1.0) -> LineValues:
    """``line`` times ``multiple`` for every row of the study's sample.

    Raises Problem for a line of 0 or less in any row, and for a number or multiple that is not finite.
    """
    if not 0 < multiple < np.inf:
        raise reference.problem("poverty.multiple", multiple=multiple)
    if isinstance(line, RelativeLine):
        return _relative(study, income, RelativeLine(line.share * multiple, line.of))
    if not isinstance(line, str):
        if not 0 < line < np.inf:
            raise reference.problem("poverty.line", line=line)
        return LineValues(np.full(len(income), float(line) * multiple))
    values = study.column(line)
    if (values <= 0).any():
        raise reference.problem("poverty.line_rows", line=line, rows=int((values <= 0).sum()))
    return LineValues(values * multiple)


def with_line(study: Study, found: Found, lines: LineValues, slopes: Floats) -> Found:
    """The sampling error of an estimated line added: slopes, d statistic / d line by row, times the line's influence.

    Lines without influence leave ``found`` as it is.
    """
    if lines.influence is None:
        return found
    everyone = np.flatnonzero(lines.influence)
    one = Members(everyone, np.zeros_like(everyone), 1)
    line = study.influence(one, lines.influence[everyone])
    mix = sparse.vstack([sparse.eye_array(len(slopes)), sparse.csr_array(np.nan_to_num(slopes)[None, :])])
    return Found(found.members, found.estimate, found.influence.beside([line]).mixed(mix))


def _relative(study: Study, income: Floats, line: RelativeLine) -> LineValues:
    known = np.isfinite(income) & (study.sampling.weight > 0)
    weight, y = study.sampling.weight[known], income[known]
    if not known.any():
        return LineValues(np.full(len(income), np.nan), np.zeros(len(income)))
    scores = np.zeros(len(income))
    if line.of == "mean":
        centre = (weight * y).sum() / weight.sum()
        scores[known] = weight * (y - centre) / weight.sum()
    else:
        centre = inverse_cdf(y, weight, 0.5)
        one = Members(np.arange(len(y)), np.zeros(len(y), dtype=np.int64), 1)
        height = densities(one, y, weight, np.array([centre]))[0]
        scores[known] = np.nan_to_num(-weight * ((y <= centre) - 0.5) / (weight.sum() * height))
    if not centre > 0:
        raise reference.problem("poverty.line_centre", of=line.of, rows=int(known.sum()))
    return LineValues(np.full(len(income), line.share * centre), line.share * scores)
