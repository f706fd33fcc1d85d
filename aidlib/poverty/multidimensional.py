"""Multidimensional hardship after Alkire and Foster: who is deprived in many things at once, and in which.

    score = sum of the weights of a unit's deprivations, 0 … 1;   poor = score >= k
    H = share of the poor,   A = mean score of the poor,   M0 = H A = mean of score over everyone, the poor's only

Source: Alkire & Foster (2011), J. Public Economics 95(7-8), 476-487.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import ALL, Members
from aidlib.estimate.measures import By
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Found
from aidlib.poverty.intervals import share
from aidlib.poverty.parts import beside, shares_of_total

ON_THE_CUTOFF = 1e-9  # thirds and sixths add up to k only up to floating-point dust


def alkire_foster(
    sample: pd.DataFrame,
    design: Design | None,
    indicators: Mapping[str, Sequence[str]],
    *,
    k: float,
    weights: Mapping[str, float] | None = None,
    by: By = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """H, A and M0 by domain with their parts; all shares. Key columns ``component`` and ``indicator``.

    indicators: dimension -> its columns of 1 (deprived) and 0. weights: of the columns, brought to a sum of 1 (None:
    equal dimensions, equal within). k: the score from which a unit is poor, 0 < k <= 1. Components: ``H``, ``A``,
    ``M0`` (indicator "all"); for each indicator ``headcount`` (deprived), ``censored`` (deprived and poor) and
    ``contribution`` (weight times censored over M0; sums to 1); with ``by`` also ``group_share``, the domain's part
    of all M0. A unit with a missing indicator leaves the estimate and stays in the design. interval: "logit", "beta"
    or "wald". n: of A, contributions and group shares the poor; ``count``: of H, headcounts and censored ones the units
    in the numerator, for only these are shares of units.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"low": [1, 1, 0, 0], "ill": [1, 0, 1, 0]})
    >>> found = alkire_foster(sample, None, {"income": ["low"], "health": ["ill"]}, k=1)
    >>> found.rows["estimate"].head(3).tolist()
    [0.25, 1.0, 0.25]
    """
    bounds = share(interval)
    weight = _weights(indicators, weights)
    if not 0 < k <= 1:
        raise reference.problem("poverty.cutoff")
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    deprived = _deprivations(study, list(weight))
    score = deprived @ np.array(list(weight.values()))
    members = study.members(score)
    poor = score >= k - ON_THE_CUTOFF
    parts = _Parts(study, members, deprived, np.where(poor, score, 0.0), poor.astype(np.float64))
    keys, found, counts = parts.all(weight, grouped=by is not None)
    return study.estimates(
        beside(found),
        measure="alkire_foster",
        unit="share",
        method="poverty_alkire_foster",
        keys=pd.DataFrame(keys, columns=["component", "indicator"], dtype="str"),
        interval=bounds,
        count=np.stack(counts, axis=1).ravel(),
    )


class _Parts:
    """The shares that make up M0, one statistic by domain each."""

    def __init__(self, study: Study, members: Members, deprived: Floats, score: Floats, poor: Floats) -> None:
        self.study, self.members, self.few = study, members, members.where(poor > 0)
        self.deprived, self.score, self.poor = deprived, score, poor

    def all(
        self, weight: Mapping[str, float], *, grouped: bool
    ) -> tuple[list[tuple[str, str]], list[Found], list[Floats]]:
        """Names, statistics and, of those that are shares of units, the counts."""
        columns = list(enumerate(weight.items()))
        rows = [
            (("H", ALL), self._share(self.poor)),
            (("A", ALL), self._of_poor(self.score, self.poor)),
            (("M0", ALL), self._uncounted(self._share(self.score)[0])),
        ]
        rows += [(("headcount", name), self._share(self.deprived[:, at])) for at, (name, _) in columns]
        rows += [(("censored", name), self._share(self.deprived[:, at] * self.poor)) for at, (name, _) in columns]
        rows += [
            (("contribution", name), self._of_poor(part * self.deprived[:, at], self.score))
            for at, (name, part) in columns
        ]
        if grouped:
            shares = shares_of_total(self.study, self.few, self.score[self.few.unit], self._parts())
            rows.append((("group_share", ALL), self._uncounted(shares)))
        return [key for key, _ in rows], [found for _, (found, _) in rows], [count for _, (_, count) in rows]

    def _share(self, values: Floats) -> tuple[Found, Floats]:
        y = values[self.members.unit]
        return self.study.mean(self.members, y), self.members.sum(y)

    def _of_poor(self, above: Floats, below: Floats) -> tuple[Found, Floats]:
        unit = self.few.unit
        return self._uncounted(self.study.mean(self.few, above[unit], below[unit]))

    def _uncounted(self, found: Found) -> tuple[Found, Floats]:
        return found, np.full(self.members.rows, np.nan)

    def _parts(self) -> np.ndarray:
        """The domain rows that are no total of others."""
        plain = np.ones(self.members.rows, dtype=bool)
        plain[[total for total, _ in self.study.domains.margins]] = False
        return plain


def _weights(indicators: Mapping[str, Sequence[str]], weights: Mapping[str, float] | None) -> dict[str, float]:
    """The weight of each column; Problem for none, for a column twice, or for weights of other columns."""
    columns = [column for names in indicators.values() for column in names]
    if not columns or len(set(columns)) < len(columns) or not all(len(names) for names in indicators.values()):
        raise reference.problem("poverty.indicators")
    if weights is None:
        return {c: 1 / len(indicators) / len(names) for names in indicators.values() for c in names}
    if set(weights) != set(columns) or not all(w >= 0 for w in weights.values()) or not sum(weights.values()) > 0:
        raise reference.problem("poverty.indicator_weights")
    return {column: float(weights[column]) / sum(weights.values()) for column in columns}


def _deprivations(study: Study, columns: list[str]) -> Floats:
    """Units × indicators; Problem for a column with other values than 0 and 1."""
    return np.stack([study.flag(column) for column in columns], axis=1)
