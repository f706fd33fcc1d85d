"""Persistent hardship: in hardship now and in most of the waves before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.intervals import SHARES
from aidlib.estimate.sampling import Floats
from aidlib.poverty.intervals import chosen

WAVES = 3  # preceding waves that are looked at
LEAST = 2  # of them in hardship


def persistent(
    panel: pd.DataFrame,
    design: Design | None,
    *,
    unit: str,
    time: str,
    state: str,
    at: Any = None,
    by: str | Sequence[str] | None = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share in hardship at wave ``at`` and in at least two of the three waves before it (Eurostat's ilc_li21).

    panel: one row per ``unit`` and ``time``; ``state``: 1 in hardship, 0 not; at: a value of ``time`` (None: the
    last). Only units with a state in all four waves count: give the design their longitudinal weight. Design and
    domain columns are those of the row at ``at``, but every row stays in the design. interval: "logit", "beta", "wald".
    For ``change``, whose own ``unit`` would take the name, hand over functools.partial(persistent, unit=…, …).
    No value where fewer than three waves lie before ``at``. Raises Problem where a unit has two rows of one wave, or
    where ``at`` is no wave.

    >>> import pandas as pd
    >>> panel = pd.DataFrame({"id": [1, 2] * 4, "year": [1, 1, 2, 2, 3, 3, 4, 4], "poor": [1, 0, 0, 0, 1, 0, 1, 1]})
    >>> persistent(panel, None, unit="id", time="year", state="poor").rows["estimate"].item()
    0.5
    """
    bounds = chosen(interval, SHARES)
    study = Study.of(panel, design, by=by, margins=margins, df=df, base=base)
    lasting = _lasting(panel, study.flag(state), unit, time, at)
    members = study.members(lasting)
    y = lasting[members.unit]
    return study.estimates(
        study.mean(members, y),
        measure="persistent",
        unit="share",
        method="poverty_persistent",
        interval=bounds,
        count=members.sum(y),
    )


def _lasting(panel: pd.DataFrame, states: Floats, unit: str, time: str, at: Any) -> Floats:
    """1 or 0 at the rows of wave ``at`` that have a state there and in the three waves before; else missing."""
    for column in (unit, time):
        if column not in panel:
            raise reference.problem("estimate.no_column", column=column)
    if panel.duplicated([unit, time]).any():
        rows = int(panel.duplicated([unit, time]).sum())
        raise reference.problem("poverty.twice", unit=unit, time=time, rows=rows)
    waves = sorted(panel[time].dropna().unique())
    now = waves[-1] if at is None and waves else at
    before = [wave for wave in waves if wave < now] if waves else []
    if at is not None and at not in waves:
        raise reference.problem("poverty.no_wave", time=time, wave=str(at)[:20])
    if len(before) < WAVES:
        return np.full(len(panel), np.nan)
    current = (panel[time] == now).to_numpy()
    ids = pd.Index(panel.loc[current, unit])
    past = np.zeros(len(ids))
    for wave in before[-WAVES:]:
        there = (panel[time] == wave).to_numpy()
        past += pd.Series(states[there], index=panel.loc[there, unit]).reindex(ids).to_numpy(np.float64)
    out = np.full(len(panel), np.nan)
    lasting = np.where(past >= LEAST, states[current], 0.0)
    out[current] = np.where(np.isfinite(past) & np.isfinite(states[current]), lasting, np.nan)
    return out
