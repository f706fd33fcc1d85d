"""How good a number is: the quality flag of every row, design effects and effective sample sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from aidlib import reference
from aidlib.estimate.comparisons import plain_numbers
from aidlib.estimate.design import Design
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.intervals import beta
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Study

MODELLED = "estimate_fay_herriot"  # methods whose numbers rest on more than the units observed in their domain
DIFFERENCES = ("change", "effect")  # kinds whose true value may be 0, so that a relative error says nothing


@dataclass(frozen=True)
class Standard:
    """From where on a number is published with care, and from where on it is withheld for its quality.

    n_care, n_refused: sample units (Eurostat, EU-SILC: 20-49 flagged, below 20 not published). psus_care, df_care:
    clusters with a member and degrees of freedom (df: NCHS; psus: what our coverage simulation vouches for).
    cv_care, cv_refused: coefficient of variation of levels other than shares (Statistics Canada: 16.6-33.3 %
    marginal, above unacceptable). Shares (Parker et al. 2017, NCHS data presentation standards for proportions, Vital
    Health Stat. 2(175)): effective_n, the least n / deff; by the width of the Korn-Graubard interval a share is
    reliable to width_reliable, refused from width_refused and, in between, where the width exceeds relative_width
    times the share. Every figure can be overridden: ``Standard(cv_refused=0.25)``.
    """

    n_care: float = 50
    n_refused: float = 20
    psus_care: float = 12
    df_care: float = 8
    cv_care: float = 0.165
    cv_refused: float = 0.333
    effective_n: float = 30
    width_reliable: float = 0.05
    width_refused: float = 0.30
    relative_width: float = 1.30

    def __post_init__(self) -> None:
        pairs = {"n": (self.n_refused, self.n_care), "cv": (self.cv_care, self.cv_refused)}
        pairs["width"] = (self.width_reliable, self.width_refused)
        for name, (low, high) in pairs.items():
            if not 0 <= low <= high:
                raise reference.problem("estimate.standard", name=name, low=low, high=high)


def grade(estimates: Estimates, standard: Standard | None = None) -> Estimates:
    """The same result with ``flag`` "" (published), "care" or "quality" (to be withheld) for every row by ``standard``.

    Shares are judged by interval width and effective sample size, other levels by coefficient of variation, and
    changes and effects, whose value may be 0, by n, PSUs and degrees of freedom alone. A share of 0 or 1 is "care" at
    best. Small-area estimates are judged by their error alone, not by n and PSUs. The numbers stay: the release gate
    withholds them. A flag that withholds already is kept, "care" is never taken back. A complete count has no sampling
    error and keeps its flags.

    >>> import pandas as pd
    >>> from aidlib.estimate import proportion
    >>> sample = pd.DataFrame({"poor": [1.0] * 10 + [0.0] * 90})
    >>> grade(proportion(sample, None, "poor")).rows["flag"].tolist()
    ['']
    """
    standard = Standard() if standard is None else standard
    rows = estimates.rows
    n, psus, df, se = (rows[name].to_numpy() for name in ("n", "psus", "df", "se"))
    own = not estimates.method.startswith(MODELLED)
    care = ~(df >= standard.df_care) | (own & ((n < standard.n_care) | (psus < standard.psus_care)))
    refused = own & (n < standard.n_refused)
    if estimates.kind not in DIFFERENCES:
        judge = _share if estimates.unit == "share" else _level
        weak, wrong = judge(rows, standard, own)
        care, refused = care | weak, refused | wrong
    complete = np.isinf(df) & (se == 0)
    old = rows["flag"].to_numpy(object)
    new = np.where(refused, "quality", np.where(care, "care", ""))
    open_ = np.isin(old, ("", "care")) & ~complete
    flag = np.where(open_ & (new == ""), old, np.where(open_, new, old))
    return replace(estimates, rows=rows.assign(flag=flag))


def _share(rows: pd.DataFrame, standard: Standard, own: bool) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(care, refused) of shares by the presentation standards of NCHS."""
    p, se, df, n, psus = (rows[name].to_numpy() for name in ("estimate", "se", "df", "n", "psus"))
    edge = (p <= 0) | (p >= 1)
    if not own:  # a model borrows units: its effective size is what its error is worth
        n = np.full(len(p), np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where(edge, n, np.minimum(n, p * (1 - p) / se**2))
        low, high = beta(p, se, df, n, psus) if own else rows[["low", "high"]].to_numpy().T
        width = high - low
        relative = width / p > standard.relative_width
    between = (width > standard.width_reliable) & relative & ~edge
    refused = (effective < standard.effective_n) | (width >= standard.width_refused) | between
    return edge, refused


def _level(rows: pd.DataFrame, standard: Standard, own: bool) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(care, refused) of levels by their coefficient of variation."""
    with np.errstate(divide="ignore", invalid="ignore"):
        cv = (rows["se"] / rows["estimate"].abs()).to_numpy()
    return cv > standard.cv_care, cv > standard.cv_refused


def design_effect(
    sample: pd.DataFrame, design: Design, statistic: Callable[..., Estimates], *args: Any, **options: Any
) -> Estimates:
    """What design and weights did to the precision of ``statistic``(sample, design, *args, **options), by row.

    Measures: "deff" = variance under the design over that of a simple random sample with replacement of the same n,
    the element variance estimated with the same weights: with z the influence values, w the weights and u = z / w,
    W² / n · n / (n - 1) · (Σ w u² / W - (Σ w u / W)²) over the row's members; "deft" its root; "n_eff" = n / deff;
    "n_kish" = W² / Σ w², what unequal weights alone would leave (Kish 1965, Survey Sampling, ch. 8 and 11.7); "cv" =
    se / |estimate|. As R's survey with ``deff = "replace"``. The statistic is one of a variable by domains (mean,
    proportion, total, ratio, fgt, gini …) that keeps influence values. Raises Problem where it keeps none or where
    its members are not the rows with a value in the columns named.

    >>> import pandas as pd
    >>> from aidlib.estimate import Design, mean
    >>> sample = pd.DataFrame({"psu": [1, 1, 2, 2, 3, 3], "y": [1.0, 1, 2, 2, 6, 6]})
    >>> rows = design_effect(sample, Design(psu="psu"), mean, "y").rows
    >>> round(float(rows["estimate"].iloc[0]), 6)
    2.5
    """
    found = statistic(sample, design, *args, **options)
    weight_only = Design(weight=design.weight)
    plain = statistic(sample, weight_only, *args, **options)
    if plain._influence is None:
        raise reference.problem("estimate.not_linearised")
    study = Study.of(sample, weight_only, by=options.get("by"), margins=bool(options.get("margins", False)))
    sums, squares = _weights(sample, study, plain, (*args, *options.values()))
    simple = _simple_variance(plain, study.sampling.weight, sums)
    rows = found.rows
    n, se = rows["n"].to_numpy(), rows["se"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        deff = se**2 / simple
        deff[~np.isfinite(deff)] = np.nan
        n_eff = np.where(deff > 0, n / deff, np.nan)  # without sampling error no n is its equal
        measures = {"deff": deff, "deft": np.sqrt(deff), "n_eff": n_eff, "n_kish": sums**2 / squares}
        measures["cv"] = se / np.abs(rows["estimate"].to_numpy())
    return plain_numbers(found, measures, "survey_precision")


def _weights(sample: pd.DataFrame, study: Study, plain: Estimates, named: tuple[Any, ...]) -> tuple[Floats, Floats]:
    """Sums of the weights and of their squares over the members of each row."""
    columns = [c for c in named if isinstance(c, str) and c in sample and c not in study.domains.names]
    known = sample[columns].notna().all(axis=1).to_numpy()
    members = study.domains.members.where(known)
    members = members.split(len(plain.rows) // max(members.rows, 1))
    if not np.array_equal(members.sum(), plain.rows["n"].to_numpy()):
        raise reference.problem("estimate.members", columns=", ".join(columns))
    weight = study.sampling.weight[members.unit]
    return members.sum(weight), members.sum(weight**2)


def _simple_variance(plain: Estimates, weight: Floats, sums: Floats) -> Floats:
    """Variance of a simple random sample of the same n with the element variance of the influence per unit."""
    influence = plain._influence
    assert influence is not None  # checked by the caller
    table = influence.values.tocoo()
    values = sparse.csr_array(table if influence.mix is None else table @ influence.mix)
    inverse = np.divide(1.0, weight, out=np.zeros_like(weight), where=weight > 0)
    n = plain.rows["n"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_square = np.asarray(values.multiply(values).T @ inverse) / sums
        mean = np.asarray(values.sum(axis=0)) / sums
        return np.where(n > 1, sums**2 / (n - 1) * np.maximum(mean_square - mean**2, 0), np.nan)
