"""Medians and other quantiles of durations: where a survival curve falls to a level, with the interval of its band.

The interval of a duration holds the times at which the survival curve's own interval covers the level. Source:
Brookmeyer & Crowley (1982), Biometrics 38(1), 29-41, with the design-based band in place of Greenwood's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.domains import text
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.influence import Influence
from aidlib.estimate.intervals import Interval, critical
from aidlib.estimate.measures import By, unit_of
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Found, Study
from aidlib.relapse import product_limit
from aidlib.relapse.durations import durations
from aidlib.relapse.linearised import Curves, Repeated
from aidlib.relapse.product_limit import ROUNDING, Risk
from aidlib.relapse.timed import SURVIVAL, Question, chosen, influence


def median_duration(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    duration: str,
    event: str,
    q: float | Sequence[float] = 0.5,
    entry: str | None = None,
    by: By = None,
    margins: bool = False,
    unit: str | None = None,
    interval: str = "log-log",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Time by which the share ``q`` (key column; 0.5: the median) has had the event, in the unit of ``duration``.

    The first event time at which S <= 1 - q; the limits are the first at which the lower and the upper limit of S are.
    A level that the curve, or its band, never reaches gives no value, or no upper limit; the standard error is the
    width of the interval over twice t. interval: that of S. All else as ``survival_curve``.

    >>> import pandas as pd
    >>> spells = pd.DataFrame({"years": [1, 2, 2, 3], "left": [1, 1, 0, 1]})
    >>> median_duration(spells, None, duration="years", event="left").rows["estimate"].tolist()
    [2.0]
    """
    wanted = np.atleast_1d(np.asarray(q, dtype=np.float64))
    if not len(wanted) or len(np.unique(wanted)) < len(wanted) or not ((wanted > 0) & (wanted < 1)).all():
        raise reference.problem("estimate.quantile")
    bounds = chosen(interval, SURVIVAL)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    question = Question(study, durations(study, duration, event, entry, flag=True), unit)
    members = Repeated.of(question.found.members, len(wanted))
    return study.estimates(
        _inverted(question, members, 1 - wanted, bounds),
        measure="duration",
        unit=unit_of(sample, duration),
        method="relapse_duration",
        keys=pd.DataFrame({"q": [text(x) for x in wanted]}, dtype="str"),
        n=np.repeat(question.units(), len(wanted)),
    )


def _inverted(question: Question, members: Repeated, levels: Floats, interval: Interval) -> Found:
    """Where each group's curve and its limits reach the levels: groups × levels."""
    study, found = question.study, question.found
    curves = product_limit.survival(found, Risk.of(found, question.weight))
    low, high = _band(question, curves, interval)
    at = [_first(limit, levels) for limit in (curves.estimate[0], low, high)]
    time = np.concatenate([[0.0], found.time, [np.nan]])
    estimate, lower, upper = (time[position].ravel() for position in at)
    share = _influence(question, curves, np.minimum(at[0], found.shape[1] - 1), levels)
    share_se = np.sqrt(share.variance())
    se = (upper - lower) / (2 * critical(study.degrees(members)))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(share_se > 0, se / share_se, 0.0)
    return Found(members, estimate, share.scaled(factor), np.stack([lower, upper]))


def _band(question: Question, curves: Curves, interval: Interval) -> tuple[Floats, Floats]:
    """Lower and upper limit of each group's curve at every position; 0 below where nobody is left."""
    groups, size = question.found.shape
    everywhere = np.tile(np.arange(size), (groups, 1))
    se = np.sqrt(np.maximum(influence(question, product_limit.survival, curves, everywhere, alone=True).variance(), 0))
    df = np.repeat(question.study.degrees(question.found.members), size)
    reached = curves.estimate[0].ravel()
    low, high = interval(reached, se, df, df, df)
    return np.where(reached == 0, 0.0, low).reshape(groups, size), high.reshape(groups, size)


def _first(curve: Floats, levels: Floats) -> Ints:
    """Position at which each group's curve is first at most each level, the number of positions where it never is."""
    found = []
    for level in levels:
        below = curve <= level + ROUNDING
        found.append(np.where(below.any(axis=1), below.argmax(axis=1), curve.shape[1]))
    return np.stack(found, axis=1).astype(np.int64)


def _influence(question: Question, curves: Curves, at: Ints, levels: Floats) -> Influence:
    """Influence on the curve at the positions of the levels (groups × levels), which rise as the levels fall."""
    order = np.argsort(-levels, kind="stable")
    rising = influence(question, product_limit.survival, curves, at[:, order])
    places = np.arange(at.size).reshape(at.shape)[:, np.argsort(order)]
    return rising.picked(places.ravel())
