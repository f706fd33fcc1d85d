"""Whether durations differ between groups: log-rank tests that respect the design.

The score of a group is sum_k W_k (d_gk - Y_gk d_k / Y_k), its observed less its expected events in weighted risk sets;
W_k = S(k-)^rho with S of all groups together (Harrington & Fleming 1982, Biometrika 69(3), 553-566; rho 0: log-rank,
1: Peto & Peto's Wilcoxon). Its covariance is that of a total of the rows' shares, whatever the design: Lin & Wei
(1989), J. Am. Stat. Assoc. 84(408), 1074-1078; Rader (2014), Methods for Analyzing Survival and Binary Data in Complex
Surveys, Harvard University, as R's svylogrank.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import chdtrc, fdtrc

from aidlib import reference
from aidlib.estimate.comparisons import plain_numbers
from aidlib.estimate.design import Design
from aidlib.estimate.domains import Members
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.intervals import wald
from aidlib.estimate.measures import By
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Found, Study
from aidlib.estimate.trends import equality
from aidlib.relapse.durations import Durations, durations
from aidlib.relapse.product_limit import Risk, cumulated

TESTS = ("wald", "rao_scott", "classical")
RAO_SCOTT = ("rao_scott_f", "relapse_logrank_rao_scott")
CLASSICAL = ("chi_square", "relapse_logrank_classical")
RANK = 1e-10  # eigenvalues of the scores' covariance below this share of the largest are 0


def logrank(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    duration: str,
    event: str,
    by: By,
    entry: str | None = None,
    cause: str | None = None,
    rho: float = 0.0,
    test: str = "wald",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Test that the hazard is the same in all groups of ``by``: rows "wald_f" ("rao_scott_f", "chi_square"),
    "df_numerator", "p_value".

    duration, event, entry: as ``survival_curve``. cause: then ``event`` holds codes (as ``cumulative_incidence``) and
    the test is of the hazard of this cause, all other ends being censored. rho: weight S^rho; 0 weighs all times
    alike, 1 the earlier ones more. test: "wald", F with the clusters less strata of the design (Korn & Graubard 1990,
    Am. Stat. 44(4), 270-276); "rao_scott", the classical statistic over its mean design effect (Rao & Scott 1984, Ann.
    Stat. 12(1), 46-60), for many groups and few clusters, with two groups the same; "classical", chi-square with the
    hypergeometric variance, which knows nothing of the design (weights count relative to their mean), for registers.
    Without design and weights "wald" counts every row as one cluster: the robust (sandwich) test, shares taken about
    their mean, to which the classical one comes close in large samples. n: units of the smallest group.
    Raises Problem for fewer than two groups with units, a cause that does not occur, and as ``survival_curve``.

    >>> import pandas as pd
    >>> spells = pd.DataFrame({"years": [1, 2, 3, 4, 5, 6], "left": 1, "grade": list("aababb")})
    >>> logrank(spells, None, duration="years", event="left", by="grade").rows["measure"].tolist()
    ['wald_f', 'df_numerator', 'p_value']
    """
    if test not in TESTS:
        raise reference.problem("estimate.option", option="test", allowed=", ".join(TESTS))
    study = Study.of(sample, design, by=by, df=df, base=base)
    found = durations(study, duration, event, entry, flag=cause is None)
    if cause is not None:
        found = _of_cause(found, event, cause)
    size = found.members.sum()
    if (size > 0).sum() < 2:
        raise reference.problem("relapse.one_group", column=", ".join(study.domains.names))
    scores, classical = _scores(study, found, rho)
    result = study.estimates(scores, measure="score", unit="number", method="relapse_logrank", interval=wald)
    result = _one_column(result)
    if test == "wald":
        return replace(equality(result), method="relapse_logrank")
    return _corrected(result, classical, RAO_SCOTT if test == "rao_scott" else CLASSICAL)


def _of_cause(found: Durations, event: str, cause: str) -> Durations:
    """The durations with the other causes censored."""
    if cause not in found.causes:
        known = ", ".join(found.causes)
        raise reference.problem("relapse.no_cause", column=event, cause=cause, known=known)
    kind = (found.kind == found.causes.index(cause) + 1).astype(np.int64)
    return replace(found, kind=kind, causes=(cause,))


@dataclass(frozen=True, eq=False)
class _Pooled:
    """The risk sets of all groups together: groups × K weights at risk and ending, and the groups' shares of the first;
    K pooled weights at risk, hazards, and the weights W of the test."""

    at_risk: Floats
    ended: Floats
    share: Floats
    together: Floats
    hazard: Floats
    factor: Floats

    @classmethod
    def of(cls, found: Durations, weight: Floats, rho: float) -> _Pooled:
        at_risk, ended = found.at_risk(weight), found.ended(weight)[0]
        together = at_risk.sum(axis=0)
        share = np.divide(at_risk, together, out=np.zeros_like(at_risk), where=together > 0)
        risk = Risk.of(replace(found, members=_everyone(found)), weight)
        return cls(at_risk, ended, share, together, risk.hazard[0], risk.survival[0, :-1] ** rho)

    def classical(self, mean_weight: float) -> Floats:
        """Covariance of the scores if every ``mean_weight`` were a row drawn by itself (hypergeometric)."""
        rows, ends = self.together / mean_weight, self.together * self.hazard / mean_weight
        finite = np.divide(rows - ends, rows - 1, out=np.zeros_like(rows), where=rows > 1)
        part = self.share * (self.factor**2 * ends * np.clip(finite, 0.0, 1.0) * mean_weight**2)
        return np.asarray(np.diag(part.sum(axis=1)) - part @ self.share.T)


def _scores(study: Study, found: Durations, rho: float) -> tuple[Found, Floats]:
    """Scores of the groups with their influence, and their covariance if rows were drawn one by one."""
    weight = found.members.at(study.sampling.weight)
    pooled = _Pooled.of(found, weight, rho)
    score = (pooled.factor * (pooled.ended - pooled.at_risk * pooled.hazard)).sum(axis=1)
    shares = np.stack([weight * _share(found, pooled, group) for group in range(len(score))], axis=1)
    everyone = _everyone(found).split(len(score))
    covariance = pooled.classical(float(weight.sum()) / len(weight))
    return Found(found.members, score, study.influence(everyone, shares.ravel())), covariance


def _share(found: Durations, pooled: _Pooled, group: int) -> Floats:
    """Every row's share in a group's score: W (g - p) at its event less the sum of W (g - p) dL while it is at risk.

    g: whether the row is of the group; p: the group's share of those at risk.
    """
    inside = found.members.row == group
    own = cumulated(pooled.factor * pooled.hazard)
    expected = cumulated(pooled.factor * pooled.hazard * pooled.share[group])
    at_event = inside - np.append(0.0, pooled.share[group])[found.left]
    values = np.append(0.0, pooled.factor)[found.left] * (found.kind > 0) * at_event
    values += expected[found.left] - inside * own[found.left]
    if found.entered is not None:
        values += inside * own[found.entered] - expected[found.entered]
    return np.asarray(values)


def _everyone(found: Durations) -> Members:
    """All pairs as members of one group."""
    return Members(found.members.unit, np.zeros_like(found.members.row), 1, found.members.whole)


def _one_column(scores: Estimates) -> Estimates:
    """The groups of several columns as those of one."""
    rows = scores.rows.drop(columns=list(scores.domains))
    rows.insert(0, "domain", [str(number) for number in range(len(rows))])
    return replace(scores, rows=rows, domains=("domain",))


def _corrected(scores: Estimates, classical: Floats, names: tuple[str, str]) -> Estimates:
    """The classical statistic X², as it is or over the sum of the design effects; names: its measure and method."""
    rows = scores.rows
    assert scores.covariance is not None  # there are fewer groups than rows of which it is kept
    present = np.flatnonzero(rows["estimate"].notna().to_numpy())
    values, vectors = np.linalg.eigh(classical[np.ix_(present, present)])
    kept = values > values.max(initial=0.0) * RANK
    half = vectors[:, kept] / np.sqrt(values[kept])
    statistic = float(((half.T @ rows["estimate"].to_numpy()[present]) ** 2).sum())
    effects = half.T @ scores.covariance[np.ix_(present, present)] @ half
    if names is CLASSICAL:
        found = np.array([statistic, float(kept.sum()), chdtrc(kept.sum(), statistic)])
    else:
        found = _satterthwaite(statistic, float(np.trace(effects)), float((effects**2).sum()), float(rows["df"].min()))
    least = rows.iloc[present].nsmallest(1, "n").assign(domain="all", psus=rows["psus"].iloc[present].min())
    base = replace(scores, rows=least, covariance=None, _influence=None)
    measures = dict(zip((names[0], "df_numerator", "p_value"), found[:, None], strict=True))
    return plain_numbers(base, measures, names[1])


def _satterthwaite(statistic: float, total: float, squares: float, df: float) -> Floats:
    """F, its numerator degrees of freedom and p from the sums of the design effects and of their squares."""
    if not total > 0:
        return np.full(3, np.nan)
    f, numerator = statistic / total, total**2 / squares
    p = chdtrc(numerator, f * numerator) if np.isinf(df) else fdtrc(numerator, numerator * df, f)
    return np.array([f, numerator, p])
