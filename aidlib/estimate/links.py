"""Link functions of a regression, each with the variance that goes with it: what one row adds to score and information.

With mean mu(eta), slope mu' and variance V, a row's score is x (y - mu) mu' / V and its expected information
x x' mu'² / V. Source: McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., chapters 2 and 9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from aidlib import reference
from aidlib.estimate.sampling import Floats

LARGE = 300.0  # a cumulative hazard above it leaves nobody, and its square is still a number
SMALL = np.log(np.finfo(float).tiny)


@dataclass(frozen=True)
class Link:
    """A link with its variance.

    mean, slope, curvature: mu and its first two derivatives; score: mu' / V, the factor of y - mu; information:
    mu'² / V; deviance: of y at eta, but for a constant; start: eta of a mean. binary: the outcome must be 0 or 1.
    canonical: expected and observed information are the same. ratio: what exp(coefficient) is.
    """

    name: str
    mean: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]
    curvature: Callable[[Floats], Floats]
    score: Callable[[Floats], Floats | float]
    information: Callable[[Floats], Floats | float]
    deviance: Callable[[Floats, Floats], Floats]
    start: Callable[[float], float]
    binary: bool
    canonical: bool
    ratio: str


def link_of(name: str) -> Link:
    """The link of that name; Problem for another."""
    if name not in LINKS:
        raise reference.problem("estimate.option", option="link", allowed=", ".join(LINKS))
    return LINKS[name]


def _logit_slope(eta: Floats) -> Floats:
    mean = np.asarray(expit(eta))
    return mean * (1 - mean)


def _logit_curvature(eta: Floats) -> Floats:
    mean = np.asarray(expit(eta))
    return mean * (1 - mean) * (1 - 2 * mean)


def _logit_deviance(y: Floats, eta: Floats) -> Floats:
    return np.asarray(2 * (np.log1p(np.exp(-np.abs(eta))) + np.maximum(eta, 0) - y * eta))


def _hazard(eta: Floats) -> Floats:
    """exp(eta), the cumulative hazard of a row, within what can be reckoned with."""
    return np.exp(np.clip(eta, SMALL, np.log(LARGE)))


def _cloglog_mean(eta: Floats) -> Floats:
    return np.asarray(-np.expm1(-_hazard(eta)))


def _cloglog_slope(eta: Floats) -> Floats:
    hazard = _hazard(eta)
    return hazard * np.exp(-hazard)


def _cloglog_curvature(eta: Floats) -> Floats:
    hazard = _hazard(eta)
    return hazard * np.exp(-hazard) * (1 - hazard)


def _cloglog_score(eta: Floats) -> Floats:
    hazard = _hazard(eta)
    return np.asarray(hazard / -np.expm1(-hazard))


def _cloglog_information(eta: Floats) -> Floats:
    hazard = _hazard(eta)
    return np.asarray(hazard**2 / np.expm1(hazard))


def _cloglog_deviance(y: Floats, eta: Floats) -> Floats:
    hazard = _hazard(eta)
    return 2 * np.where(y > 0, -np.log(-np.expm1(-hazard)), hazard)


def _exp(eta: Floats) -> Floats:
    return np.exp(np.minimum(eta, LARGE))


LINKS = {
    "logit": Link(
        "logit",
        mean=expit,
        slope=_logit_slope,
        curvature=_logit_curvature,
        score=lambda eta: 1.0,
        information=_logit_slope,
        deviance=_logit_deviance,
        start=lambda mean: float(np.log(mean / (1 - mean))),
        binary=True,
        canonical=True,
        ratio="odds_ratio",
    ),
    "cloglog": Link(
        "cloglog",
        mean=_cloglog_mean,
        slope=_cloglog_slope,
        curvature=_cloglog_curvature,
        score=_cloglog_score,
        information=_cloglog_information,
        deviance=_cloglog_deviance,
        start=lambda mean: float(np.log(-np.log1p(-mean))),
        binary=True,
        canonical=False,
        ratio="hazard_ratio",
    ),
    "identity": Link(
        "identity",
        mean=lambda eta: eta,
        slope=np.ones_like,
        curvature=np.zeros_like,
        score=lambda eta: 1.0,
        information=lambda eta: 1.0,
        deviance=lambda y, eta: (y - eta) ** 2,
        start=lambda mean: mean,
        binary=False,
        canonical=True,
        ratio="",
    ),
    "log": Link(
        "log",
        mean=_exp,
        slope=_exp,
        curvature=_exp,
        score=lambda eta: 1.0,
        information=_exp,
        deviance=lambda y, eta: 2 * (_exp(eta) - y * eta),
        start=lambda mean: float(np.log(mean)),
        binary=False,
        canonical=True,
        ratio="rate_ratio",
    ),
}
