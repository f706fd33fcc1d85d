"""Change between two samples with the covariance of what they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.estimates import COVARIANCE_ROWS, Estimates
from aidlib.estimate.influence import Influence, entries
from aidlib.estimate.intervals import wald
from aidlib.estimate.sampling import resolve

STRATUM = "stratum of the joint sample"


def change(
    before: pd.DataFrame,
    after: pd.DataFrame,
    design: Design | None,
    statistic: Callable[..., Estimates],
    *args: Any,
    unit: str | None = None,
    periods: tuple[str, str] | None = None,
    **options: Any,
) -> Estimates:
    """``statistic`` of ``after`` minus that of ``before``, row by row: statistic(sample, design, *args, **options).

    Clusters with the same stratum and psu code in both samples are one cluster of the joint sample, so that a panel's
    covariance is counted; a stratum whose clusters are all new counts as drawn anew. Without psu, ``unit`` names the
    column that identifies a unit in both. periods: two labels for key columns ``from`` and ``to``. A domain that only
    one sample knows keeps an empty row. n, count, psus, top1 and top2 are those of ``after``; shares change in pp, as
    fractions.
    Raises Problem where units cannot be paired or the statistic keeps no influence values.
    """
    plan = Design() if design is None else design
    if unit is not None and not plan.psus:
        plan = replace(plan, psu=unit)
    if not (plan.psus or plan.complete or plan.replicates):
        raise reference.problem("estimate.pairing")
    old, new = statistic(before, plan, *args, **options), statistic(after, plan, *args, **options)
    if old._influence is None or new._influence is None:
        raise reference.problem("estimate.not_linearised")
    if plan.replicates is not None:
        joint = old._influence.beside([new._influence])
    else:
        joint = _side_by_side(before, after, plan, old._influence, new._influence)
    found = _difference(old, new, joint, own_df=options.get("df") == "domain")
    return found if periods is None else _between(found, periods)


def _side_by_side(
    before: pd.DataFrame, after: pd.DataFrame, design: Design, old: Influence, new: Influence
) -> Influence:
    design = replace(design, calibration=())  # its share is out of the influence values already
    columns = list(dict.fromkeys(design.columns))
    frame = pd.concat([before[columns], after[columns]], ignore_index=True)
    wave = np.repeat([0, 1], [len(before), len(after)])
    if not design.complete:
        frame, design = _strata_drawn_anew(frame, wave, design)
    sampling = resolve(frame, design)
    first, second = old.values.tocoo(), new.values.tocoo()
    values = entries(
        np.concatenate([first.row, second.row + len(before)]),
        np.concatenate([first.col, second.col + first.shape[1]]),
        np.concatenate([first.data, second.data]),
        (len(frame), first.shape[1] + second.shape[1]),
    )
    mixes = [sparse.eye_array(part.size) if part.mix is None else part.mix for part in (old, new)]
    return Influence(sampling, values, sparse.block_diag(mixes, format="csr"))


def _strata_drawn_anew(frame: pd.DataFrame, wave: np.ndarray, design: Design) -> tuple[pd.DataFrame, Design]:
    """Strata without a cluster in common become one stratum a wave."""
    stage = resolve(frame, replace(design, lonely_psu="certainty", fpc=None)).stages[0]
    seen = np.zeros((len(stage.stratum), 2), dtype=bool)
    seen[stage.cluster, wave] = True
    shared = np.bincount(stage.stratum, weights=seen.all(axis=1), minlength=len(stage.sizes)) > 0
    own = ~shared[stage.stratum[stage.cluster]]
    names = frame[design.strata].astype("str") if design.strata else pd.Series("", frame.index)
    labels = names.where(~own, names + np.where(wave == 1, " (after)", " (before)"))
    return frame.assign(**{STRATUM: labels}), replace(design, strata=STRATUM, nested=True)


def _difference(old: Estimates, new: Estimates, joint: Influence, *, own_df: bool) -> Estimates:
    """Rows of ``new``, then those that only ``old`` has; ``joint`` holds old's statistics, then new's."""
    names = [*new.domains, *new.keys, "measure"]
    index_old, index_new = (pd.MultiIndex.from_frame(part.rows[names]) for part in (old, new))
    index = index_new.append(index_old.difference(index_new, sort=False))
    difference = _signs(index_old.get_indexer(index), index_new.get_indexer(index), len(index_old))
    influence = joint.mixed(difference)
    rows = new.rows.set_index(index_new).reindex(index)
    rows[names] = index.to_frame(index=False).to_numpy()
    past = old.rows.set_index(index_old).reindex(index)
    covariance = influence.covariance() if len(index) <= COVARIANCE_ROWS else None
    variance = influence.variance() if covariance is None else np.diagonal(covariance)
    estimate = rows["estimate"] - past["estimate"]
    df = np.fmin(rows["df"], past["df"]) if own_df else np.full(len(index), joint.sampling.df)
    se = np.where(estimate.isna(), np.nan, np.sqrt(np.maximum(variance, 0)))
    low, high = wald(estimate.to_numpy(), se, np.asarray(df), rows["n"].to_numpy(), rows["psus"].to_numpy())
    care = np.where(rows["flag"].eq("care") | past["flag"].eq("care"), "care", "")
    rows = rows.assign(estimate=estimate, se=se, low=low, high=high, df=df)
    rows = rows.assign(
        n=rows["n"].fillna(0), psus=rows["psus"].fillna(0), flag=np.where(estimate.isna(), "empty", care)
    )
    return replace(
        new,
        rows=rows,
        unit="pp" if new.unit == "share" else new.unit,
        kind="change",
        method=new.method if joint.sampling.complete else "estimate_change",
        population=f"{old.population}:{new.population}",
        covariance=covariance,
        _influence=influence,
    )


def _signs(at_old: np.ndarray, at_new: np.ndarray, olds: int) -> Any:
    """-1 at each row's statistic in the old sample and +1 at that in the new one, where it has one."""
    rows = np.arange(len(at_new))
    has_old, has_new = at_old >= 0, at_new >= 0
    place = np.concatenate([at_old[has_old], olds + at_new[has_new]])
    column = np.concatenate([rows[has_old], rows[has_new]])
    sign = np.concatenate([-np.ones(has_old.sum()), np.ones(has_new.sum())])
    news = int(at_new.max(initial=-1)) + 1
    return sparse.coo_array((sign, (place, column)), shape=(olds + news, len(rows)))


def _between(found: Estimates, periods: tuple[str, str]) -> Estimates:
    """The same rows with the key columns ``from`` and ``to``."""
    rows = found.rows.copy()
    for offset, (name, period) in enumerate(zip(("from", "to"), periods, strict=True)):
        rows.insert(len(found.domains) + len(found.keys) + offset, name, str(period))
    return replace(found, rows=rows, keys=(*found.keys, "from", "to"))
