"""Does a scale measure the same thing in every wave and group? Loadings, thresholds, drifting items, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study, stack
from aidlib.estimate.domains import column_codes, text, texts
from aidlib.estimate.intervals import wald
from aidlib.estimate.sampling import Floats
from aidlib.wellbeing.ordered import ordered_logit
from aidlib.wellbeing.polychoric import BEYOND
from aidlib.wellbeing.scales import correlations, joined, loadings_of, scale

By = str | Sequence[str] | None
DRAWS, SEED = 2000, 20250601
SAME, ALIKE = 0.95, 0.85  # congruence (Lorenzo-Seva & ten Berge 2006, Methodology 2(2), 57-64)
SLIGHT, LARGE = 0.426, 0.638  # log odds ratios between small, middle and large drift (Zwick 2012, ETS RR-12-08)
ANCHORS = 2  # so many items must stay in the total
TOTAL = "scale_total"


def factor_loadings(
    sample: pd.DataFrame,
    design: Design | None,
    items: Sequence[str],
    reversed: Sequence[str] = (),
    *,
    by: By = None,
    limits: tuple[float, float] | None = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Loadings of the items on one factor behind their polychoric correlations, by wave or group; key ``item``.

    Of households that answered every item. Raises Problem as ``reliability``.
    """
    given = scale(sample, items, reversed, limits)
    study = Study.of(sample, design, by=by, df=df, base=base)
    members = study.domains.members.where(given.complete)
    return study.estimates(
        joined(study, members, loadings_of(study, members, given)),
        measure="loading",
        unit="number",
        method="wellbeing_loadings",
        keys=pd.DataFrame({"item": texts(list(given.items))}),
    )


def item_thresholds(
    sample: pd.DataFrame,
    design: Design | None,
    items: Sequence[str],
    reversed: Sequence[str] = (),
    *,
    by: By = None,
    limits: tuple[float, float] | None = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Where an item (key ``item``) passes from one answer (key ``cut``) to the next, in standard deviations.

    The normal quantile of the share that answers this or less, after reversed items are turned; missing where no
    household, or every one, does. Of households that answered every item. Raises Problem as ``reliability``.
    """
    given = scale(sample, items, reversed, limits)
    study = Study.of(sample, design, by=by, df=df, base=base)
    members = study.domains.members.where(given.complete)
    found = correlations(study, members, given)
    cuts = given.categories - 1
    values = np.where(np.abs(found.thresholds) < BEYOND, found.thresholds, np.nan)
    parts = [(values[:, j, c], found.threshold_scores(j, c)) for j in range(len(given.items)) for c in range(cuts)]
    points = [text(given.low + c) for c in range(cuts)]
    keys = {"item": np.repeat(given.items, cuts).tolist(), "cut": points * len(given.items)}
    return study.estimates(
        joined(study, members, parts),
        measure="cutpoint",
        unit="number",
        method="wellbeing_thresholds",
        keys=pd.DataFrame({name: texts(values) for name, values in keys.items()}),
    )


def threshold_shift(thresholds: Estimates) -> Estimates:
    """How far each item's thresholds moved, in the mean of its cuts, against those of the other items (key ``item``).

    From ``item_thresholds`` by one column of waves or groups: less the item's mean over these, and less the mean of
    all items, which is a change of the trait itself and no drift. Only cuts that every wave with answers has count.
    Standard deviations; errors linearised.
    """
    rows, (of,) = thresholds.rows, thresholds.domains
    groups, items = rows[of].unique(), rows["item"].unique()
    values = rows["estimate"].to_numpy().reshape(len(groups), len(items), -1)
    there = np.isfinite(values).any(axis=(1, 2))
    usable = np.isfinite(values[there]).all(axis=0)
    counted = usable.any(axis=1)
    mean = usable / np.maximum(usable.sum(axis=1, keepdims=True), 1)
    centre, others = _centring(there), _centring(counted)
    table = np.einsum("gh,ij,jc->gihjc", centre, others, mean).reshape(len(groups) * len(items), -1)
    first = rows.groupby([of, "item"], sort=False).head(1).drop(columns="cut")
    care = rows["flag"].eq("care").groupby([rows[of], rows["item"]], sort=False).any().to_numpy()
    empty = ~np.outer(there, counted).ravel()
    flag = np.where(empty, "empty", np.where(care, "care", ""))
    return _mixed(thresholds, first.assign(measure="threshold_shift", count=np.nan, flag=flag), table)


def congruence(loadings: Estimates) -> Estimates:
    """Tucker's congruence of each wave's or group's loadings with the mean of all: sum(ab) / sqrt(sum a² sum b²).

    From ``factor_loadings`` by one column. 1: the same pattern; from 0.95 on it counts as the same, from 0.85 as alike.
    Noise in the loadings lowers the coefficient and can never raise it above 1, so the interval reaches from the 2.5 %
    quantile of draws from the loadings' joint normal distribution (seeded) up to 1; ``se`` is the draws' deviation.
    Source: Lorenzo-Seva & ten Berge (2006), Methodology 2(2), 57-64.
    """
    (of,) = loadings.domains
    rows = loadings.rows
    groups, items = rows[of].unique(), rows["item"].nunique()
    values, covariance = rows["estimate"].to_numpy(), loadings.covariance
    known = np.isfinite(values)
    if covariance is None or known.sum() < items:
        raise reference.problem("wellbeing.no_loadings", column=of)
    size, directions = np.linalg.eigh(covariance[np.ix_(known, known)])
    noise = np.random.default_rng(SEED).normal(size=(DRAWS, int(known.sum())))
    drawn = np.full((DRAWS, len(values)), np.nan)
    drawn[:, known] = values[known] + noise * np.sqrt(np.maximum(size, 0)) @ directions.T
    shape = (-1, len(groups), items)
    estimate, spread = _cosine(values.reshape(shape))[0], _cosine(drawn.reshape(shape))
    first = rows.groupby(of, sort=False).head(1).drop(columns="item")
    low = np.minimum(np.quantile(spread, 0.025, axis=0), estimate)
    bounds = {"low": low, "high": np.where(np.isnan(estimate), np.nan, 1.0)}
    numbers = {"estimate": estimate, "se": spread.std(axis=0), **bounds}
    return replace(
        loadings,
        rows=first.assign(measure="congruence", **numbers),
        keys=(),
        unit="number",
        method="wellbeing_congruence",
        covariance=None,
        _influence=None,
    )


def drift(
    sample: pd.DataFrame,
    design: Design | None,
    items: Sequence[str],
    reversed: Sequence[str] = (),
    *,
    group: str,
    anchors: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Whether an item (key ``item``) is answered otherwise in a wave or group than by people alike on the whole scale.

    Log odds of a higher answer against the first wave or group (key ``term``), at the same total, by a model of
    proportional odds for each item; below 0.43 in size small, above 0.64 large. anchors: the items whose total (with
    the item itself) tells who is alike (None: all; one that drifts makes others seem to drift the other way). Reversed
    items are turned before. Source: Zumbo (1999), A Handbook on the Theory and Methods of Differential Item
    Functioning. Raises Problem as ``reliability``, and for a column ``group`` of fewer than two values.
    """
    if group not in sample:
        raise reference.problem("estimate.no_column", column=group)
    given = scale(sample, items, reversed, limits)
    known = given.complete & sample[group].notna().to_numpy()
    turned = pd.DataFrame(np.where(known[:, None], given.values, np.nan), sample.index, list(given.items))
    kept = [] if design is None else [c for c in dict.fromkeys(design.columns) if c != group]
    codes, names = column_codes(sample[group])
    place = np.where(known, codes, -1).astype(np.int64)
    labels = pd.Series(pd.Categorical.from_codes(place, categories=pd.Index(names)), sample.index)
    frame = sample[kept].assign(**turned, **{group: labels})
    fits = {}
    for item in given.items:
        total = turned[[i for i in given.items if i == item or i in (anchors or given.items)]].sum(axis=1, skipna=False)
        fit = ordered_logit(frame.assign(**{TOTAL: total}), design, item, [TOTAL, group], df=df, base=base)
        fits[item] = _picked(fit, fit.rows["term"].str.startswith(f"{group}=").to_numpy())
    found = stack(fits, key="item")
    return replace(found, rows=found.rows.assign(measure="drift"), kind="effect", method="wellbeing_drift")


@dataclass(frozen=True, eq=False)
class Stability:
    """What can be said of a scale over waves or groups: the numbers, and a verdict with the items it rests on.

    verdict: "stable" (loadings congruent, no item drifts more than slightly), "drifting" (named items do),
    "different" (another pattern of loadings somewhere), "cannot_tell" (the sample is too small for either).
    """

    congruence: Estimates
    drift: Estimates
    verdict: str
    items: tuple[str, ...] = ()

    def text(self, language: str) -> str:
        """The verdict in words, in ``language`` (zh or en)."""
        named = ("、" if language == "zh" else ", ").join(reference.heading(item, language) for item in self.items)
        return reference.message(f"wellbeing.{self.verdict}", language, items=named)


def stability(
    sample: pd.DataFrame,
    design: Design | None,
    items: Sequence[str],
    reversed: Sequence[str] = (),
    *,
    by: str,
    limits: tuple[float, float] | None = None,
    df: str = "design",
    base: str | None = None,
) -> Stability:
    """Whether a scale means the same in all waves or groups ``by``: congruence of loadings, drift of items, verdict.

    Items that drift are taken out of the total that tells who is alike, the most drifting first, until no further one
    does (purification: Holland & Thayer 1988).
    """
    options: dict[str, Any] = {"limits": limits, "df": df, "base": base}
    alike = congruence(factor_loadings(sample, design, items, reversed, by=by, **options))
    anchors = list(items)
    while True:
        moved = drift(sample, design, items, reversed, group=by, anchors=anchors, **options)
        worst = _most_drifting(moved.rows[moved.rows["item"].isin(anchors)])
        if worst is None or len(anchors) <= ANCHORS:
            return Stability(alike, moved, *_verdict(alike.rows, moved.rows))
        anchors.remove(worst)


def _verdict(alike: pd.DataFrame, moved: pd.DataFrame) -> tuple[str, tuple[str, ...]]:
    if (alike["estimate"] < ALIKE).any():
        return "different", ()
    drifting = _drifts(moved)
    if drifting.any():
        return "drifting", tuple(dict.fromkeys(moved["item"][drifting]))
    bounded = moved["low"].gt(-LARGE).all() and moved["high"].lt(LARGE).all()
    return ("stable" if bounded and (alike["low"] >= ALIKE).all() else "cannot_tell"), ()


def _drifts(moved: pd.DataFrame) -> pd.Series:
    """Rows with more than slight drift whose interval leaves 0 out."""
    return (moved["estimate"].abs() >= SLIGHT) & ((moved["low"] > 0) | (moved["high"] < 0))


def _most_drifting(moved: pd.DataFrame) -> str | None:
    found = moved[_drifts(moved)]
    return None if found.empty else str(found["item"].iloc[int(found["estimate"].abs().argmax())])


def _cosine(values: Floats) -> Floats:
    """Congruence with the mean of the groups: … × groups × items to … × groups."""
    middle = np.nanmean(values, axis=-2, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.sqrt((values**2).sum(axis=-1) * (middle**2).sum(axis=-1))
        return np.asarray((values * middle).sum(axis=-1) / size)


def _picked(found: Estimates, kept: np.ndarray) -> Estimates:
    at = np.flatnonzero(kept)
    influence = found._influence
    return replace(
        found,
        rows=found.rows.iloc[at],
        covariance=None if found.covariance is None else found.covariance[np.ix_(at, at)],
        _influence=None if influence is None else influence.picked(at),
    )


def _centring(counted: np.ndarray) -> Floats:
    """The matrix that takes values less the mean of those that count; 0 for the others."""
    one = counted.astype(np.float64)
    return np.diag(one) - np.outer(one, one) / max(one.sum(), 1)


def _mixed(found: Estimates, first: pd.DataFrame, table: Floats) -> Estimates:
    """Linear combinations (the lines of ``table``) of thresholds, told in the rows ``first`` (without their cuts)."""
    assert found._influence is not None  # item_thresholds keeps them
    influence = found._influence.mixed(sparse.csr_array(table.T))
    empty = (first["flag"] == "empty").to_numpy()
    estimate = np.where(empty, np.nan, table @ np.nan_to_num(found.rows["estimate"].to_numpy()))
    covariance = influence.covariance()
    se = np.where(empty, np.nan, np.sqrt(np.maximum(np.diagonal(covariance), 0)))
    low, high = wald(estimate, se, *(first[name].to_numpy() for name in ("df", "n", "psus")))
    return replace(
        found,
        rows=first.assign(estimate=estimate, se=se, low=low, high=high),
        keys=("item",),
        method="wellbeing_threshold_shift",
        covariance=covariance,
        _influence=influence,
    )
