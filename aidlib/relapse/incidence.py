"""Cumulative incidence under competing risks: how many have ended by each cause, where one cause rules out another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib.estimate.design import Design
from aidlib.estimate.domains import TEXT
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.intervals import Interval, beta
from aidlib.estimate.measures import By
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Study
from aidlib.relapse import product_limit
from aidlib.relapse.durations import durations, evaluated
from aidlib.relapse.timed import INCIDENCE, Question, chosen, curve, picked, positions


def cumulative_incidence(
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
    """Share ended by each cause up to ``time`` (None: 0 and every time of an event), by group; key columns: the name of
    ``event``, and ``time``.

    F_c(t) = sum over the event times k <= t of S(k-) d_ck / Y_k (Aalen-Johansen), S falling by all causes together: the
    shares of all causes and S add up to 1, where 1 - S of each cause alone, the others censored, would add up to more.
    event: the code of the cause by which the row ends, "" or 0 where it is censored. With a single cause in the sample
    this is 1 - S, and the method note says so. A cause that a group does not know is 0 there, with the exact interval
    that counts each cluster as one unit. interval (of F): "log-log", "log" or "plain". All else as ``survival_curve``.

    >>> import pandas as pd
    >>> spells = pd.DataFrame({"years": [1, 2, 2, 3], "exit": ["death", "", "economic", "economic"]})
    >>> found = cumulative_incidence(spells, None, duration="years", event="exit", times=[1, 3]).rows
    >>> found[["exit", "time", "estimate"]].values.tolist()[-2:]
    [['death', '1', 0.25], ['death', '3', 0.25]]
    """
    bounds = chosen(interval, INCIDENCE)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    found = durations(study, duration, event, entry, flag=False)
    question, asked = Question(study, found, unit), evaluated(times, found)
    single = len(found.causes) == 1
    return curve(
        question,
        product_limit.incidence,
        asked,
        measure="incidence",
        unit="share",
        method="relapse_incidence_single" if single else "relapse_incidence",
        interval=partial(_or_exact, usual=bounds, never=_never(question, asked)),
        causes=pd.Series(list(found.causes), name=event, dtype=TEXT),
    )


def _never(question: Question, times: Floats) -> NDArray[np.bool_]:
    """Rows after time 0 of a cause that the group does not know: groups × causes × times."""
    found = question.found
    absent = found.ended(question.weight).sum(axis=2, keepdims=True) == 0
    never = picked(np.broadcast_to(absent, (*absent.shape[:2], found.shape[1])), positions(found, times)).astype(bool)
    return never & np.tile(times > 0, len(never) // len(times))


def _or_exact(
    estimate: Floats, se: Floats, df: Floats, n: Floats, psus: Floats, *, usual: Interval, never: NDArray[np.bool_]
) -> Floats:
    bounds = usual(estimate, se, df, n, psus)
    return np.where(never & np.isfinite(df), beta(estimate, se, df, n, psus), bounds) if never.any() else bounds
