"""Draws of missing values of one variable from its posterior predictive distribution, given complete predictors.

Every function takes the predictors of the units with a value (units × terms) and of those without, the values, and a
generator; parameters are drawn anew at every call, so that imputations are proper in Rubin's sense. Sources: Rubin
(1987), Multiple Imputation for Nonresponse in Surveys, ch. 5; van Buuren (2018), Flexible Imputation of Missing Data,
2nd ed., ch. 3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from aidlib.estimate.sampling import Floats, Ints

Draw = Callable[[Floats, Floats, Floats, np.random.Generator], Floats]
DONORS = 5
RIDGE = 1e-5  # of each diagonal cell: keeps collinear predictors solvable
PRIOR = 2.5  # standard deviation of logit coefficients of scaled predictors (Gelman et al. 2008, Ann. Appl. Stat. 2(4))
PRIOR_INTERCEPT = 10.0
STEPS = 50


def linear(seen: Floats, y: Floats, rng: np.random.Generator) -> tuple[Floats, Floats, float]:
    """Least-squares coefficients, a draw of them, and a draw of the residual standard deviation.

    sigma² = SSE / chi²(n - p), beta* = beta + sigma L z with L L' = (X'X)⁻¹ (Rubin 1987, p. 167).
    """
    cross = seen.T @ seen
    cross += np.diag(cross.diagonal() * RIDGE)
    inverse = np.linalg.inv(cross)
    beta = inverse @ (seen.T @ y)
    residual = y - seen @ beta
    free = max(len(y) - seen.shape[1], 1)
    sigma = float(np.sqrt(residual @ residual / rng.chisquare(free)))
    root = np.linalg.cholesky((inverse + inverse.T) / 2)
    return beta, beta + sigma * (root @ rng.standard_normal(len(beta))), sigma


def norm(seen: Floats, unseen: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    """Draws of a normal linear model."""
    _, beta, sigma = linear(seen, y, rng)
    return unseen @ beta + sigma * rng.standard_normal(len(unseen))


def pmm(seen: Floats, unseen: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    """Predictive mean matching: the observed value of one of the ``DONORS`` units whose prediction lies nearest.

    Type 1 matching: predictions of the donors by beta, of the recipients by its draw (van Buuren 2018, 3.4.2). Units
    of equal prediction are equally likely donors.
    """
    beta, drawn, _ = linear(seen, y, rng)
    order = rng.permutation(len(y))
    order = order[np.argsort((seen @ beta)[order], kind="stable")]
    return np.asarray(y[order[_nearest((seen @ beta)[order], unseen @ drawn, rng)]], dtype=np.float64)


def _nearest(scores: Floats, targets: Floats, rng: np.random.Generator) -> Ints:
    """For each target the position of one of its nearest sorted scores, chosen at random, ties alike."""
    donors = min(DONORS, len(scores))
    place = np.searchsorted(scores, targets)
    start = np.clip(place - donors, 0, max(len(scores) - 2 * donors, 0))
    window = start[:, None] + np.arange(min(2 * donors, len(scores)))
    distance = np.abs(scores[window] - targets[:, None])
    near = np.argpartition(distance, donors - 1, axis=1)[:, :donors]
    pick = near[np.arange(len(targets)), rng.integers(0, donors, len(targets))]
    chosen = scores[window[np.arange(len(targets)), pick]]
    left, right = np.searchsorted(scores, chosen, "left"), np.searchsorted(scores, chosen, "right")
    return (left + rng.random(len(targets)) * (right - left)).astype(np.int64)


def logit(seen: Floats, unseen: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    """Draws of 0 and 1 of a logistic model.

    Coefficients are drawn from the normal approximation about the mode of their posterior under the weakly informative
    normal prior of Gelman et al. (2008), which stays finite where a predictor separates the values.
    """
    beta, information = _logit_mode(seen, y)
    root = np.linalg.cholesky(np.linalg.inv(information))
    drawn = beta + root @ rng.standard_normal(len(beta))
    return (rng.random(len(unseen)) < expit(unseen @ drawn)).astype(np.float64)


def _logit_mode(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Mode of the posterior by Newton's method, and the information there; the first column is the intercept."""
    precision = np.full(x.shape[1], PRIOR**-2)
    precision[0] = PRIOR_INTERCEPT**-2
    beta = np.zeros(x.shape[1])
    information = np.diag(precision)
    for _ in range(STEPS):
        p = expit(x @ beta)
        information = (x * (p * (1 - p))[:, None]).T @ x + np.diag(precision)
        step = np.linalg.solve(information, x.T @ (y - p) - precision * beta)
        beta = beta + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < 1e-5:  # Newton: the next step would be of its square
            break
    return beta, np.asarray(information, dtype=np.float64)


def ordered(seen: Floats, unseen: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    """Draws of codes 0, 1, … one after the other: a logistic model of "this code" among all not below it.

    The product of these conditional models is a distribution over the codes (continuation ratios: Agresti 2013,
    Categorical Data Analysis, 3rd ed., 8.3.6).
    """
    codes = np.unique(y)
    found = np.full(len(unseen), codes[-1])
    waiting = np.ones(len(unseen), dtype=bool)
    for code in codes[:-1]:
        left = y >= code
        here = logit(seen[left], unseen[waiting], (y[left] == code).astype(np.float64), rng) > 0
        at = np.flatnonzero(waiting)[here]
        found[at] = code
        waiting[at] = False
    return found


def multinomial(seen: Floats, unseen: Floats, y: Floats, rng: np.random.Generator) -> Floats:
    """As ``ordered`` with the codes taken from the most to the least frequent."""
    codes, counts = np.unique(y, return_counts=True)
    by_frequency = codes[np.argsort(-counts, kind="stable")]
    rank = np.argsort(by_frequency, kind="stable")  # place of each code, which np.unique has sorted
    ranked = rank[np.searchsorted(codes, y)].astype(np.float64)
    return np.asarray(by_frequency[ordered(seen, unseen, ranked, rng).astype(np.int64)], dtype=np.float64)


METHODS: dict[str, Draw] = {
    "pmm": pmm,
    "norm": norm,
    "logit": logit,
    "multinomial": multinomial,
    "ordered": ordered,
}
