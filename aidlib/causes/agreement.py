"""Three kinds of evidence side by side: what people say, what a model estimates, what a machine uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Estimates, rank_intervals
from aidlib.estimate.estimates import COLUMNS

SAID = {
    "has_patient": "illness", "has_jobless_earner": "laid_off", "has_student": "schooling",
    "has_disabled": "no_capacity", "has_widowed": "widowhood", "has_jobless_child": "jobless_child",
}  # fmt: skip # the cause that names a factor
VERDICTS = ("agree", "disagree", "unknown")
KEYS = ["factor", "evidence", "verdict"]


def agreement(
    said: Estimates, modelled: Estimates, importance: Estimates, *, causes: Mapping[str, str] | None = None
) -> Estimates:
    """Rank of each factor by each ``evidence`` (said, modelled, machine), 1 the strongest, and the ``verdict``.

    said: shares by cause (key ``cause`` or the last key), ``causes`` telling the cause of each factor (None: ``SAID``);
    modelled: effects by ``term``; importance: by ``factor``. Ranks with simultaneous 95 % intervals where a result has
    its covariance; factors that all three know are ranked. verdict: "agree" where the intervals of all evidence have a
    rank in common, else "disagree"; "unknown" for factors that one of them lacks, which come without ranks.
    """
    causes = SAID if causes is None else causes
    names = importance.rows["factor"].tolist()
    parts = {
        "said": _named(said, {cause: factor for factor, cause in causes.items() if factor in names}),
        "modelled": _named(modelled, {name: name for name in names}),
        "machine": _named(importance, {name: name for name in names}),
    }
    common = [name for name in names if all(name in part.rows["factor"].values for part in parts.values())]
    if len(common) < 2:
        raise reference.problem("causes.nothing_common", factors=", ".join(names))
    ranked = {evidence: _ranks(part, common) for evidence, part in parts.items()}
    low, high = (np.array([part[side].to_numpy() for part in ranked.values()]) for side in ("low", "high"))
    agree = low.max(axis=0) <= high.min(axis=0)
    verdict = dict.fromkeys(names, "unknown") | dict(zip(common, np.where(agree, *VERDICTS[:2]), strict=True))
    lines = [
        ranked[evidence].reindex(names).assign(factor=names, evidence=evidence, verdict=[verdict[n] for n in names])
        for evidence in parts
    ]
    rows = pd.concat(lines, ignore_index=True)
    rows = rows.assign(flag=np.where(rows["estimate"].isna(), "empty", rows["flag"]), measure="rank")
    order = rows["factor"].map({name: i for i, name in enumerate(names)}).sort_values(kind="stable").index
    return _plain(importance, rows.loc[order], KEYS, "causes_agreement")


def concordance(agreed: Estimates) -> Estimates:
    """Kendall's tau-b and Spearman's rho between the ranks of every two kinds of evidence; keys pair, statistic."""
    from scipy.stats import kendalltau, spearmanr

    table = agreed.rows.pivot_table("estimate", "factor", "evidence").dropna()
    lines = []
    for first, second in combinations(["said", "modelled", "machine"], 2):
        for statistic, function in (("kendall", kendalltau), ("spearman", spearmanr)):
            value = float(function(table[first], table[second]).statistic)
            lines.append({"pair": f"{first}_{second}", "statistic": statistic, "estimate": value})
    rows = pd.DataFrame(lines).assign(measure="rank_correlation", n=float(len(table)), flag="")
    rows["flag"] = np.where(rows["estimate"].isna(), "empty", "")
    return _plain(agreed, rows, ["pair", "statistic"], "causes_agreement")


def _named(result: Estimates, names: Mapping[str, str]) -> Estimates:
    """The rows of a result that stand for a factor, with the key ``factor`` alone."""
    column = next((c for c in ("factor", "term", "cause") if c in result.keys), result.keys[-1])
    places = np.flatnonzero(result.rows[column].isin(list(names)))
    rows = result.rows.iloc[places]
    factor = rows[column].map(dict(names))
    rows = rows.drop(columns=list(result.keys))
    rows.insert(len(result.domains), "factor", factor)
    if factor.duplicated().any():
        raise reference.problem("causes.factor_twice", factors=", ".join(sorted(set(factor[factor.duplicated()]))))
    covariance = result.covariance
    influence = None if result._influence is None else result._influence.picked(places)
    cut = None if covariance is None else covariance[np.ix_(places, places)]
    return replace(result, rows=rows, keys=("factor",), margins=(), covariance=cut, _influence=influence)


def _ranks(result: Estimates, common: Sequence[str]) -> pd.DataFrame:
    """Ranks of the common factors, by factor."""
    part = _named(result, {name: name for name in common})
    if part.covariance is None:
        rank = part.rows["estimate"].rank(ascending=False, method="min").to_numpy()
        return part.rows.assign(estimate=rank, se=np.nan, low=rank, high=rank).set_index("factor").loc[list(common)]
    return rank_intervals(part, of="factor").rows.set_index("factor").loc[list(common)]


def _plain(like: Estimates, rows: pd.DataFrame, keys: Sequence[str], method: str) -> Estimates:
    """Numbers without error or covariance, of the population of another result."""
    rows = rows.assign(domain="all").reindex(columns=["domain", *keys, *COLUMNS])
    return replace(
        like, rows=rows, domains=("domain",), keys=tuple(keys), unit="number", kind="level", method=method,
        additive=False, margins=(), covariance=None, _influence=None,
    )  # fmt: skip
