"""Who entered hardship and why, and how incomes grew along the distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study, change, quantile
from aidlib.estimate.intervals import SHARES
from aidlib.estimate.sampling import Floats
from aidlib.poverty.intervals import chosen, log
from aidlib.poverty.lines import line_values
from aidlib.poverty.measures import is_poor
from aidlib.poverty.parts import beside
from aidlib.poverty.sides import OneLine

DECILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def entry(
    before: pd.DataFrame,
    after: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    line: OneLine | tuple[OneLine, OneLine],
    unit: str,
    multiple: float = 1.0,
    by: str | Sequence[str] | None = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share of the units seen in both waves that entered hardship, and why; key column ``component``.

    ``entered``: at or above the line before, below it after; of these ``line``: not below the line that held for them
    before, so that only its rise counts them in, and ``income``: below the old line as well. The two add up. line: a
    number, a column (each sample's own), or a pair of them, before and after; times ``multiple``. unit: the column
    that identifies a unit in both. Weights, clusters and domains are those of ``after``. interval: "logit", "beta" or
    "wald". ``count``: the units that entered. Raises Problem where a unit has two rows in one sample.

    >>> import pandas as pd
    >>> before = pd.DataFrame({"id": [1, 2, 3, 4], "income": [5.0, 5, 5, 1]})
    >>> after = before.assign(income=[3.5, 2.0, 5, 1])
    >>> entry(before, after, None, "income", line=(3, 4), unit="id").rows["estimate"].tolist()
    [0.5, 0.25, 0.25]
    """
    bounds = chosen(interval, SHARES)
    study = Study.of(after, design, by=by, margins=margins, df=df, base=base)
    past = Study.of(before, None)  # of the sample before only the values are asked for
    pair = line if isinstance(line, tuple) else (line, line)
    then, now = past.column(income), study.column(income)
    old = line_values(past, then, pair[0], multiple).values
    new = line_values(study, now, pair[1], multiple).values
    then, old = _matched(before, after, unit, then, old)
    known = np.isfinite(then + old + now + new)
    entered = known & ~is_poor(then, old) & is_poor(now, new)
    poorer = entered & is_poor(now, old)
    members = study.domains.members.where(known)
    flags = [flag.astype(np.float64)[members.unit] for flag in (entered, entered & ~poorer, poorer)]
    found = study.estimates(
        beside([study.mean(members, flag) for flag in flags]),
        measure="entry",
        unit="share",
        method="poverty_entry",
        keys=pd.DataFrame({"component": ["entered", "line", "income"]}, dtype="str"),
        interval=bounds,
        count=np.stack([members.sum(flag) for flag in flags], axis=1).ravel(),
    )
    reasons = tuple((row, (row + 1, row + 2)) for row in range(0, len(found.rows), 3))
    return replace(found, margins=found.margins + reasons)


def growth_incidence(
    before: pd.DataFrame,
    after: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    q: Sequence[float] = DECILES,
    by: str | Sequence[str] | None = None,
    margins: bool = False,
    unit: str | None = None,
    periods: tuple[str, str] | None = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Growth of each quantile of income, Q_q(after) / Q_q(before) - 1; a curve over key column ``q``, a ratio.

    Compares the two distributions, not the same people. Influence and standard error of the quantiles after Woodruff,
    with the covariance of the overlap; intervals on the logarithm of the growth factor. No value where the earlier
    quantile is 0 or less. Real growth: deflate ``income`` first. unit and periods as in ``estimate.change``.
    Source: Ravallion & Chen (2003), Economics Letters 78(1), 93-99.

    >>> import pandas as pd
    >>> before = pd.DataFrame({"id": range(100), "income": range(1, 101)})
    >>> after = before.assign(income=before["income"] * 1.5)
    >>> growth_incidence(before, after, None, "income", q=[0.5], unit="id").rows["estimate"].tolist()
    [0.5]
    """
    waves: list[Estimates] = []

    def piece(sample: pd.DataFrame, plan: Design, df: str) -> Estimates:
        if not waves:
            old, new = (
                quantile(s, plan, income, q=q, by=by, margins=margins, df=df, base=base) for s in (before, after)
            )
            waves.extend(_grown(old, new))
        return waves.pop(0)

    found = change(before, after, design, piece, unit=unit, periods=periods, df=df)
    rows = found.rows
    numbers = [rows[name].to_numpy() for name in ("estimate", "se", "df", "n", "psus")]
    low, high = log(1 + numbers[0], *numbers[1:]) - 1
    return replace(
        found, rows=rows.assign(low=low, high=high), unit="ratio", kind="curve", method="poverty_growth_incidence"
    )


def _grown(old: Estimates, new: Estimates) -> tuple[Estimates, Estimates]:
    """Two results whose difference is the growth: nothing and the growth, each with its share of the influence."""
    names = [*new.domains, *new.keys]
    places = pd.MultiIndex.from_frame(old.rows[names])
    others = pd.MultiIndex.from_frame(new.rows[names])
    start = old.rows["estimate"].set_axis(places).where(lambda v: v > 0)
    end = new.rows["estimate"].set_axis(others)
    growth = end / start.reindex(others) - 1
    on_old = (end.reindex(places) / start**2).fillna(0.0).to_numpy()
    on_new = (1 / start.reindex(others)).fillna(0.0).to_numpy()
    assert old._influence is not None and new._influence is not None  # estimate.quantile keeps them
    nothing = np.where(start.isna(), np.nan, 0.0)
    return (
        replace(
            old, rows=old.rows.assign(estimate=nothing, measure="growth"), _influence=old._influence.scaled(on_old)
        ),
        replace(
            new,
            rows=new.rows.assign(estimate=growth.to_numpy(), measure="growth"),
            _influence=new._influence.scaled(on_new),
        ),
    )


def _matched(before: pd.DataFrame, after: pd.DataFrame, unit: str, *values: Floats) -> tuple[Floats, ...]:
    """Values of the sample before at the units of the sample after; missing for units that are new."""
    for sample in (before, after):
        if unit not in sample:
            raise reference.problem("estimate.no_column", column=unit)
        if sample[unit].duplicated().any():
            rows = int(sample[unit].duplicated().sum())
            raise reference.problem("poverty.twice", unit=unit, time="before / after", rows=rows)
    ids = pd.Index(after[unit])
    return tuple(np.asarray(pd.Series(v, index=before[unit]).reindex(ids), dtype=np.float64) for v in values)
