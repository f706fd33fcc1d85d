"""The two samples of a change and what links them: means, group shares and lines, each with its influence.

A parameter such as the growth factor is estimated from both samples, so its influence has values on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Study
from aidlib.estimate.domains import text
from aidlib.estimate.sampling import Floats, Ints
from aidlib.poverty.lines import RelativeLine, line_values

OneLine = float | str
LineSpec = float | str | RelativeLine | tuple[OneLine, OneLine]
Scores = tuple[Floats, Floats]  # one value per known unit of the sample before and of the sample after


@dataclass(frozen=True, eq=False)
class Side:
    """One sample: its known units with income, rigid spending, lines before and after, prices, weight and group.

    line: the line of each unit in force before and in force after; own: whether they are the sample's own lines.
    """

    unit: Ints
    income: Floats
    rigid: Floats
    line: tuple[Floats, Floats]
    prices: Floats
    weight: Floats
    group: Ints
    groups: int

    @property
    def total(self) -> float:
        """Weight of all units."""
        return float(self.weight.sum())

    @property
    def by_group(self) -> Floats:
        """Weight of each group."""
        return np.bincount(self.group, weights=self.weight, minlength=self.groups).astype(np.float64)

    @property
    def shares(self) -> Floats:
        """Each group's share of the weight."""
        return self.by_group / self.total

    def group_means(self, values: Floats) -> Floats:
        """Weighted mean of values by group."""
        return np.bincount(self.group, weights=self.weight * values, minlength=self.groups) / self.by_group


@dataclass(frozen=True, eq=False)
class Parameter:
    """An estimated number with its influence on both sides."""

    value: float
    scores: Scores


def sides(
    samples: tuple[pd.DataFrame, pd.DataFrame],
    design: Design,
    income: str,
    line: LineSpec,
    *,
    multiple: float,
    rigid: str | None,
    prices: float | str | None,
    by: str | None,
) -> tuple[tuple[Side, Side], dict[str, Parameter]]:
    """Both samples resolved, and the lines that are estimated: ``line_0`` and ``line_1`` of a relative line.

    A sample of which nobody is known with a weight has a side without units.
    """
    studies = [Study.of(sample, design) for sample in samples]
    codes, groups = _groups(samples, by)
    built, relative = [], []
    for place, study in enumerate(studies):
        money = study.column(income)
        lines, influence = _lines(studies, income, line, multiple, place)
        spent = np.zeros(len(money)) if rigid is None else study.column(rigid)
        ratio = _each(study, 1.0 if prices is None else prices)
        if (ratio <= 0).any():
            raise reference.problem("poverty.prices", rows=int((ratio <= 0).sum()))
        known = np.isfinite(money + spent + lines[0] + lines[1] + ratio) & (codes[place] >= 0)
        unit = np.flatnonzero(known)
        built.append(
            Side(
                unit,
                money[unit],
                spent[unit],
                (lines[0][unit], lines[1][unit]),
                ratio[unit],
                study.sampling.weight[unit],
                codes[place][unit],
                groups,
            )
        )
        relative.append(None if influence is None else influence[unit])
    everybody = min(side.total for side in built) > 0
    if everybody and any((side.by_group <= 0).any() for side in built):
        raise reference.problem("poverty.groups", column=by)
    return (built[0], built[1]), _relative_lines((built[0], built[1]), relative) if everybody else {}


def ratio_of_means(both: tuple[Side, Side], values: Scores, column: str) -> Parameter:
    """Mean after over mean before, both with the mean group shares of the two samples (one group: the plain ratio).

    Raises Problem where a mean is not above 0.
    """
    shares = (both[0].shares + both[1].shares) / 2
    means = [side.group_means(v) for side, v in zip(both, values, strict=True)]
    level = [float((shares * m).sum()) for m in means]
    if not min(level) > 0:
        raise reference.problem("poverty.mean", column=column)
    ratio = level[1] / level[0]
    weights = (-ratio / level[0], 1 / level[0])  # of the level before and after in the ratio
    scores = []
    for place, side in enumerate(both):
        own = (shares / side.by_group)[side.group] * (values[place] - means[place][side.group])
        found = weights[place] * own
        for wave in (0, 1):
            found = found + weights[wave] / 2 * (means[wave][side.group] - side.shares @ means[wave]) / side.total
        scores.append(side.weight * found)
    return Parameter(ratio, (scores[0], scores[1]))


def _lines(
    studies: list[Study], income: str, line: LineSpec, multiple: float, place: int
) -> tuple[tuple[Floats, Floats], Floats | None]:
    """Lines before and after of the units of one sample, and the influence of its own estimated line."""
    study = studies[place]
    if isinstance(line, RelativeLine):
        found = [line_values(s, s.column(income), line, multiple) for s in studies]
        levels = [float(f.values[0]) if len(f.values) else np.nan for f in found]
        size = len(study.sample)
        return (np.full(size, levels[0]), np.full(size, levels[1])), found[place].influence
    pair = line if isinstance(line, tuple) else (line, line)
    own = [line_values(study, study.column(income), one, multiple).values for one in pair]
    return (own[0], own[1]), None


def _relative_lines(both: tuple[Side, Side], influence: list[Floats | None]) -> dict[str, Parameter]:
    if influence[0] is None or influence[1] is None:
        return {}
    nothing = (np.zeros(len(both[0].unit)), np.zeros(len(both[1].unit)))
    return {
        "line_0": Parameter(float(both[0].line[0][0]), (influence[0], nothing[1])),
        "line_1": Parameter(float(both[1].line[1][0]), (nothing[0], influence[1])),
    }


def _each(study: Study, value: float | str) -> Floats:
    return study.column(value) if isinstance(value, str) else np.full(len(study.sample), float(value))


def _groups(samples: tuple[pd.DataFrame, pd.DataFrame], by: str | None) -> tuple[list[Ints], int]:
    """Group codes of the rows of both samples (-1: none), the same text the same code."""
    if by is None:
        return [np.zeros(len(sample), dtype=np.int64) for sample in samples], 1
    for sample in samples:
        if by not in sample:
            raise reference.problem("estimate.no_column", column=by)
    texts = [sample[by].map(text, na_action="ignore") for sample in samples]
    levels = pd.Index(pd.concat(texts).dropna().unique()).sort_values()
    return [levels.get_indexer(t).astype(np.int64) for t in texts], len(levels)
