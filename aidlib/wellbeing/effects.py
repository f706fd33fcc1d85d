"""What the coefficients of an ordered model mean: by how many points the share of low answers differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import pandas as pd
from scipy.special import expit

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import text, texts
from aidlib.estimate.regression import Shared, influence_of, is_flag
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Found
from aidlib.wellbeing.ordered import Ordered, Solution, ordered_data, replicated, solve


def ordered_effects(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    predictors: Sequence[str],
    *,
    up_to: float | str,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Average marginal effects on the share whose outcome is ``up_to`` or lower, by a proportional-odds model; pp.

    up_to: a category of ``outcome``, not the highest. For a flag and each level of a factor (key ``term``) the mean
    difference to 0 and to the reference, all else as it is; for a number the mean derivative. ``outcome`` and
    ``predictors`` as in ``ordered_logit``. Raises Problem as that, and for a category that is not there.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"y": [1, 1, 2, 2, 3, 1, 2, 3, 3, 3], "ill": [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]})
    >>> ordered_effects(sample, None, "y", ["ill"], up_to=2).rows["estimate"].round(3).item()
    0.333
    """
    study = Study.of(sample, design, df=df, base=base)
    data, unit = ordered_data(study, outcome, predictors)
    cut = text(up_to)
    if cut not in data.levels[:-1]:
        raise reference.problem("wellbeing.no_cut", column=outcome, level=cut, known=", ".join(data.levels[:-1]))
    place = data.levels.index(cut)
    found = solve(data)
    rows, slopes = _effects(found.values, data, place)
    share = data.weight / data.weight.sum()
    estimate = share @ rows
    members = Shared(unit, np.zeros(0, dtype=np.int64), len(data.names), len(unit) == len(sample))
    if study.sampling.replicates is not None:
        influence = study.deviations(estimate, _again(data, study.sampling.replicates[unit], place))
    else:
        own = ((rows - estimate) * share[:, None]).T
        mix = np.vstack([found.inverse @ slopes.T, np.eye(len(estimate))])
        influence = influence_of(study, unit, chain(found.scores.T, own), mix)
    result = study.estimates(
        Found(members, estimate, influence),
        measure="marginal_effect",
        unit="pp",
        method="wellbeing_ordered_effects",
        keys=pd.DataFrame({"term": texts(data.names)}),
    )
    return replace(result, kind="effect")


def _again(data: Ordered, replicates: Floats, place: int) -> Floats:
    """The effects with each replicate's weights: terms × replicates."""

    def effects(solution: Solution, weight: Floats) -> Floats:
        return np.asarray(weight / weight.sum() @ _effects(solution.values, data, place)[0])

    return replicated(data, replicates, effects, len(data.names))


def _effects(values: Floats, data: Ordered, place: int) -> tuple[Floats, Floats]:
    """Each row's difference (rows × terms), and the slopes of their weighted means by the values of the solution."""
    cuts = len(data.levels) - 1
    beta, share = values[cuts:], data.weight / data.weight.sum()
    along = values[place] - data.matrix @ beta
    rows = np.empty(data.matrix.shape)
    slopes = np.zeros((len(beta), len(values)))
    for term, column in enumerate(data.matrix.T):
        if not is_flag(column):
            density = expit(along) * expit(-along)
            bend = density * (1 - 2 * expit(along))
            rows[:, term] = -beta[term] * density
            slopes[term, place] = -beta[term] * (share @ bend)
            slopes[term, cuts:] = beta[term] * ((share * bend) @ data.matrix)
            slopes[term, cuts + term] -= share @ density
            continue
        rivals = [k for k, f in enumerate(data.factors) if f == data.factors[term]]
        start = along + data.matrix[:, rivals] @ beta[rivals]  # all levels of the factor at 0
        rows[:, term] = expit(start - beta[term]) - expit(start)
        on, off = (expit(edge) * expit(-edge) for edge in (start - beta[term], start))
        slopes[term, place] = share @ (on - off)
        slopes[term, cuts:] = -(share * (on - off)) @ data.matrix
        slopes[term, cuts + np.array(rivals)] = 0.0
        slopes[term, cuts + term] = -(share @ on)
    return rows, slopes
