"""Who lives where: risk factors, hardship among members without a file, and the samples with their design weights."""

from __future__ import annotations

from itertools import product

import numpy as np

from aidlib.demo.parameters import FACTORS, Parameters
from aidlib.demo.places import Places
from aidlib.demo.streams import logistic, pick


def combinations(p: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The 64 combinations of factors: flags (64 × 6), probability among members, log odds less intercept."""
    flags = np.array(list(product([False, True], repeat=len(FACTORS))))
    shares = np.array([p.prevalence[f] for f in FACTORS])
    chance = np.where(flags, shares, 1 - shares).prod(axis=1)
    return flags, chance, flags @ np.log([p.odds[f] for f in FACTORS])


def solve(average: float, x: np.ndarray, weight: np.ndarray) -> float:
    """The intercept a with weighted mean of logistic(a + x) equal to ``average`` (bisection)."""
    low, high = -30.0, 30.0
    for _ in range(80):
        middle = (low + high) / 2
        if np.average(logistic(middle + x), weights=weight) > average:
            high = middle
        else:
            low = middle
    return (low + high) / 2


def filed_chances(p: Parameters) -> np.ndarray:
    """Probability of each combination among new files: as the planted logit implies, patients filing more often."""
    flags, chance, x = combinations(p)
    hard = chance * logistic(solve(p.headcount, x, chance) + x)
    hard = hard * np.where(flags[:, FACTORS.index("patient")], p.filed_patient, 1.0)
    return hard / hard.sum()


def draw_factors(p: Parameters, rng: np.random.Generator, n: int, *, filed: bool) -> np.ndarray:
    """Factors of ``n`` households (n × 6): of new files, or of members, among whom they are independent."""
    flags, chance, _ = combinations(p)
    return flags[rng.choice(len(flags), n, p=filed_chances(p) if filed else chance / chance.sum())]


def household_sizes(p: Parameters, rng: np.random.Generator, factors: np.ndarray) -> np.ndarray:
    """Persons per household (``factors``: n × 6): as planted, and room for those that the factors need."""
    return np.maximum(1 + pick(rng, p.sizes, len(factors)), 1 + needed_members(factors).sum(axis=1))


def needed_members(factors: np.ndarray) -> np.ndarray:
    """Whether a student and a jobless child live in the household (n × 2)."""
    return factors[:, [FACTORS.index("student"), FACTORS.index("jobless_child")]]


def unfiled(p: Parameters) -> tuple[float, float, float]:
    """Of the other members: share in hardship, share of these by accident, shape of r = 2 Beta(shape, 1) of the rest.

    The shape makes the share below L what the planted grades leave after those on file.
    """
    deep, relative, accident = (g * (1 - f) for g, f in zip(p.grade_shares, p.filed, strict=True))
    others = p.members_population - p.on_file_population - p.left_population - p.near_population
    share = (deep + relative + accident) * p.members_population / others
    return share, accident / (deep + relative + accident), float(-np.log2(deep / (deep + relative)))


def others_intercept(p: Parameters, places: Places) -> float:
    """The intercept of the logit of hardship among other members, over all combinations of factors and all units."""
    _, x, weight = others_cells(p, places)
    return solve(unfiled(p)[0], x.ravel(), weight.ravel())


def others_share(p: Parameters, places: Places, t: int) -> float:
    """Expected share in hardship among other members in wave ``t``, food prices included."""
    return float(np.average(others_hard(p, places, t), weights=others_cells(p, places)[2]))


def others_hard(p: Parameters, places: Places, t: int) -> np.ndarray:
    """Probability of hardship in wave ``t`` by combination and sampling unit (64 × units)."""
    food = np.log(p.odds_food) * (places.food[places.city, t] - p.food_usual)
    return logistic(others_intercept(p, places) + others_cells(p, places)[1] + food)


def others_cells(p: Parameters, places: Places) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Other members by combination and unit: flags (64 × 6), log odds less intercept and shares (64 × units)."""
    flags, chance, x = combinations(p)
    return flags, x[:, None] + places.status[None, :], chance[:, None] * places.share[None, :]


def autoregression(rng: np.random.Generator, n: int, years: int, rank_correlation: float) -> np.ndarray:
    """Standard normal series (n × years) whose neighbours have the given rank correlation."""
    rho = 2 * np.sin(np.pi * rank_correlation / 6)
    noise = rng.standard_normal((n, years))
    series = np.empty_like(noise)
    series[:, 0] = noise[:, 0]
    for t in range(1, years):
        series[:, t] = rho * series[:, t - 1] + np.sqrt(1 - rho**2) * noise[:, t]
    return series


def systematic(rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    """How often each unit is drawn (0 or 1 where its ``rate`` is at most 1), systematically down the list.

    Every unit has exactly its rate as expectation, and any stretch of the list its sum within one.
    """
    edges = np.floor(np.cumsum(rate) + rng.random())
    return np.diff(edges, prepend=0.0).astype(int)
