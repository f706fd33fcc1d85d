"""How well a predicted risk tells who returns: AUC, Brier score, net benefit.

All measures take the outcome (1 returned, 0 not, missing not known yet) and the predicted probability as columns of the
sample, so that a model, a rule and a base rate are measured alike. Rows without one of both leave the measure and stay
in the design.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import Members, column_codes
from aidlib.estimate.intervals import logit
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Found

By = str | Sequence[str] | None


def auc(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    risk: str,
    *,
    by: By = None,
    within: str | None = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Area under the ROC curve: of all pairs of one returned and one not, in how many the returned had the higher risk.

    A pair weighs the product of its weights; equal risks count one half. within: only pairs that agree in this column
    (the year of exit, say) count, as a visitor chooses among the exits of one year. The influence of a unit is what its
    own pairs add, w (share of the other side that it beats - AUC); for equal weights and the outcome as strata the
    standard error is that of DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3), 837-845, with clusters that of
    Obuchowski (1997), Biometrics 53(2), 567-578. Interval on the log odds; ``count``: units that returned. No value
    where one side is empty. Raises Problem for an outcome other than 0, 1 and missing.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"returned": [0.0, 0, 1, 1], "risk": [0.1, 0.4, 0.35, 0.8]})
    >>> auc(sample, None, "returned", "risk").rows["estimate"].item()
    0.75
    """
    study = Study.of(sample, design, by=by, df=df, base=base)
    y, score = study.flag(outcome), study.column(risk)
    groups = group_codes(sample, within)
    members = study.members(y, score).where(groups >= 0)
    event, weight = members.at(y), members.at(study.sampling.weight)
    beaten, rivals = _pairs(members, members.at(groups), members.at(score), event, weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        pairs = members.sum(weight * event * rivals)
        estimate = members.sum(weight * event * beaten) / pairs
        scores = np.nan_to_num(
            weight * (beaten - estimate[members.row] * rivals) / pairs[members.row], posinf=0, neginf=0
        )
    return study.estimates(
        Found(members, np.where(pairs > 0, estimate, np.nan), study.influence(members, scores)),
        measure="auc",
        unit="index",
        method="relapse_auc",
        interval=logit,
        count=members.sum(event),
    )


def brier(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    risk: str,
    *,
    by: By = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Brier score, the mean of (outcome - risk)²: 0 is perfect. ``count``: units that returned.

    Source: Brier (1950), Monthly Weather Review 78(1), 1-3.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"returned": [0.0, 1], "risk": [0.2, 0.6]})
    >>> round(brier(sample, None, "returned", "risk").rows["estimate"].item(), 3)
    0.1
    """
    study = Study.of(sample, design, by=by, df=df, base=base)
    y, p = study.flag(outcome), study.column(risk)
    members = study.members(y, p)
    return study.estimates(
        study.mean(members, members.at((y - p) ** 2)),
        measure="brier",
        unit="index",
        method="relapse_brier",
        count=members.sum(members.at(y)),
    )


def net_benefit(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    risk: str,
    *,
    thresholds: Sequence[float],
    by: By = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Net benefit of visiting everyone whose risk reaches a threshold t; a curve over key column ``threshold``.

    mean of [risk >= t] (returned - (1 - returned) t / (1 - t)): returns found, less the visits in vain at the price at
    which the threshold values them; visiting nobody is worth 0. ``count``: units that returned and would be visited.
    Source: Vickers & Elkin (2006), Medical Decision Making 26(6), 565-574.
    """
    study = Study.of(sample, design, by=by, df=df, base=base)
    y, p = study.flag(outcome), study.column(risk)
    members = study.members(y, p).split(len(thresholds))
    cut = np.asarray(thresholds, dtype=np.float64)[members.row % len(thresholds)]
    event, visited = members.at(y), members.at(p) >= cut
    return replace(
        study.estimates(
            study.mean(members, visited * (event - (1 - event) * cut / (1 - cut))),
            measure="net_benefit",
            unit="share",
            method="relapse_net_benefit",
            keys=pd.DataFrame({"threshold": [f"{t:g}" for t in thresholds]}, dtype="str"),
            count=members.sum(event * visited),
        ),
        kind="curve",
    )


def _pairs(members: Members, group: Ints, score: Floats, event: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weight of the other side's units that each unit is ordered rightly against, and of all of them in its group."""
    block = members.row * (group.max(initial=0) + 1) + group
    sides = [weight * (1 - event), weight * event]
    totals = [np.bincount(block, weights=side)[block] for side in sides]
    lower = [below + equal / 2 for below, equal in (weight_below(block, score, side) for side in sides)]
    return np.where(event == 1, lower[0], totals[1] - lower[1]), np.where(event == 1, *totals)


def group_codes(sample: pd.DataFrame, within: str | None) -> Ints:
    """The value of ``within`` of each row as a number, -1 where missing; without it all rows are one."""
    if within is None:
        return np.zeros(len(sample), dtype=np.int64)
    if within not in sample:
        raise reference.problem("estimate.no_column", column=within)
    return column_codes(sample[within])[0]


def weight_below(block: Ints, score: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Of each entry's block the weight with a lower score, and with an equal one (its own included)."""
    order = np.lexsort((score, block))
    b, s, w = block[order], score[order], weight[order]
    starts = np.diff(b, prepend=-1) != 0
    group = np.cumsum(starts | (np.diff(s, prepend=np.nan) != 0)) - 1
    equal = np.bincount(group, weights=w)
    before = np.cumsum(equal) - equal
    first = np.maximum.accumulate(np.where(starts, np.arange(len(b)), 0))
    below = before[group] - before[group[first]]
    out = np.empty((2, len(order)))
    out[:, order] = below, equal[group]
    return out[0], out[1]
