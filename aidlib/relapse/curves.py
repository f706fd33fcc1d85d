"""Survival curves, cumulative hazards and restricted means of a complex sample.

Weighted risk sets with late entry; design-based errors by linearisation. With clusters drawn with replacement from one
stratum they are the infinitesimal jackknife of R's survfit times sqrt(m / (m - 1)), m the number of clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.measures import By, unit_of
from aidlib.estimate.study import Study
from aidlib.relapse import product_limit
from aidlib.relapse.durations import durations, evaluated
from aidlib.relapse.timed import AMOUNTS, SURVIVAL, TIME, Question, chosen, curve


def survival_curve(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    duration: str,
    event: str,
    entry: str | None = None,
    by: By = None,
    margins: bool = False,
    times: Sequence[float] | None = None,
    unit: str | None = None,
    interval: str = "log-log",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share still without the event by ``time`` (key column; None: 0 and every time of an event), by group.

    S(t) = product over the event times k <= t of 1 - d_k / Y_k, weighted. duration: above 0; event: 1 where the row
    ends by it, 0 where it is censored; entry: the time after which the row is at risk (None: 0); rows without duration
    and event stay in the design alone. unit: the column that tells units apart where they have several rows.
    interval: "log-log", "log" or "plain". n: units with a duration; ``count``: those without the event up to the time,
    censored ones among them. No value after the last observation of a group unless nobody was left then, nor for a
    group without any event. More than 1,000 rows carry no covariance: give ``times`` to compare groups.
    Raises Problem for a row that lacks duration or event, for times out of order, and where nobody has the event.

    >>> import pandas as pd
    >>> spells = pd.DataFrame({"years": [1, 2, 2, 3], "left": [1, 1, 0, 1]})
    >>> survival_curve(spells, None, duration="years", event="left").rows["estimate"].tolist()
    [1.0, 0.75, 0.5, 0.0]
    """
    bounds = chosen(interval, SURVIVAL)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    found = durations(study, duration, event, entry, flag=True)
    result = curve(
        Question(study, found, unit),
        product_limit.survival,
        evaluated(times, found),
        measure="survival",
        unit="share",
        method="relapse_survival",
        interval=bounds,
    )
    return replace(result, rows=result.rows.assign(count=result.rows["n"] - result.rows["count"]))


def cumulative_hazard(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    duration: str,
    event: str,
    entry: str | None = None,
    by: By = None,
    margins: bool = False,
    times: Sequence[float] | None = None,
    unit: str | None = None,
    interval: str = "log",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Cumulative hazard by ``time``, the sum over the event times k <= t of d_k / Y_k, by group.

    interval: "log" or "plain"; count: units with the event up to the time; all else as ``survival_curve``.

    >>> import pandas as pd
    >>> spells = pd.DataFrame({"years": [1, 2, 2, 3], "left": [1, 1, 0, 1]})
    >>> cumulative_hazard(spells, None, duration="years", event="left", times=[2]).rows["estimate"].round(6).tolist()
    [0.583333]
    """
    bounds = chosen(interval, AMOUNTS)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    found = durations(study, duration, event, entry, flag=True)
    return curve(
        Question(study, found, unit),
        product_limit.hazard,
        evaluated(times, found),
        measure="cumulative_hazard",
        unit="number",
        method="relapse_cumulative_hazard",
        interval=bounds,
    )


def restricted_mean(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    duration: str,
    event: str,
    until: float,
    entry: str | None = None,
    by: By = None,
    margins: bool = False,
    unit: str | None = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Mean duration up to ``until``, the area below the survival curve, in the unit of ``duration``; by group.

    No value for a group whose last observation lies before. All else as ``survival_curve``.

    >>> import pandas as pd
    >>> spells = pd.DataFrame({"years": [1, 2, 2, 3], "left": [1, 1, 0, 1]})
    >>> restricted_mean(spells, None, duration="years", event="left", until=2).rows["estimate"].tolist()
    [1.75]
    """
    if not (np.isfinite(until) and until > 0):
        raise reference.problem("relapse.times")
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    found = durations(study, duration, event, entry, flag=True)
    result = curve(
        Question(study, found, unit),
        product_limit.restricted_mean(float(until)),
        np.array([float(until)]),
        measure="restricted_mean",
        unit=unit_of(sample, duration),
        method="relapse_restricted_mean",
        interval=AMOUNTS["plain"],
    )
    return replace(result, rows=result.rows.drop(columns=TIME), keys=(), kind="level")
