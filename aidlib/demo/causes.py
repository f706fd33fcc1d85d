"""Causes of hardship written on files: consistent with the household's factors, in the planted shares."""

from __future__ import annotations

import numpy as np

from aidlib.demo.parameters import CAUSES, FACTORS, FIRST, Parameters
from aidlib.demo.population import combinations, filed_chances
from aidlib.demo.streams import pick

# the factors one of which a cause needs; causes without one fit every household
NEEDS = {"illness": ("patient",), "laid_off": ("jobless_earner",), "jobless": ("jobless_earner", "jobless_child"),
         "schooling": ("student",), "no_capacity": ("disabled",), "widowhood": ("widowed",)}  # fmt: skip
OUTSIDE = 0.05  # illness of a dependant outside the household, against illness of a member
CODES = ("illness", "laid_off", "schooling", "no_capacity", "jobless", "accident", "disaster", "uninsured",
         "benefits_unpaid", "other", "other", "other")  # fmt: skip
TEXTS = ("", "", "", "", "", "", "", "", "", "收入低无法维持基本生活", "丧偶", "其他困难")


def cause_shares(p: Parameters, year: int) -> np.ndarray:
    """Planted shares of the main causes among files of ``year``: illness gains what the laid off lose."""
    shares = np.array([p.causes[c] for c in CAUSES])
    shift = p.cause_trend * (year - FIRST)
    return shares + shift * (np.array(CAUSES) == "illness") - shift * (np.array(CAUSES) == "laid_off")


def fitting(flags: np.ndarray) -> np.ndarray:
    """How well each cause (columns) fits households with the given factors (rows): 1, or 0 where it cannot be."""
    fits = np.ones((len(flags), len(CAUSES)))
    for cause, needed in NEEDS.items():
        held = flags[:, [FACTORS.index(factor) for factor in needed]].any(axis=1)
        fits[:, CAUSES.index(cause)] = np.where(held, 1.0, OUTSIDE if cause == "illness" else 0.0)
    return fits


def chances(p: Parameters, shares: np.ndarray) -> np.ndarray:
    """Probability of each cause for each of the 64 combinations of factors, by proportional fitting to ``shares``."""
    chance, fits = filed_chances(p), fitting(combinations(p)[0])
    weight = np.ones(len(CAUSES))
    for _ in range(300):
        rows = fits * weight
        rows = rows / rows.sum(axis=1, keepdims=True)
        weight = weight * shares / np.maximum(chance @ rows, 1e-12)
    return rows


def draw_causes(
    p: Parameters, rng: np.random.Generator, factors: np.ndarray, year: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Main cause (position in CAUSES) and up to three secondary ones (n × 3, -1 none) of files opened in ``year``."""
    n = len(factors)
    combination = factors @ (1 << np.arange(len(FACTORS) - 1, -1, -1))
    main, odds = np.zeros(n, np.int8), np.zeros((n, len(CAUSES)))
    for each in np.unique(year):
        rows = np.flatnonzero(year == each)
        table = chances(p, cause_shares(p, min(max(int(each), FIRST), FIRST + 7)))
        edges = np.cumsum(table[combination[rows]], axis=1)
        main[rows] = np.minimum((rng.random(len(rows))[:, None] > edges).sum(axis=1), len(CAUSES) - 1)
        odds[rows] = np.log(np.maximum(table[combination[rows]], 1e-9))
    main = _contradict(p, rng, factors, main)
    odds[(fitting(factors) < 1) | (np.arange(len(CAUSES)) == main[:, None])] = -np.inf
    second = np.argsort(-(odds + rng.gumbel(size=odds.shape)), axis=1)[:, :3].astype(np.int8)  # drawn without repeats
    second[np.arange(3)[None, :] >= pick(rng, p.secondary_causes, n)[:, None]] = -1
    return main, second


def _contradict(p: Parameters, rng: np.random.Generator, factors: np.ndarray, main: np.ndarray) -> np.ndarray:
    """A few records name schooling without a student, or widowhood without a widow."""
    main = main.copy()
    for cause, factor in (("schooling", "student"), ("widowhood", "widowed")):
        k = CAUSES.index(cause)
        wanted = round((main == k).sum() * p.contradicted / (1 - p.contradicted))
        free = np.flatnonzero(~factors[:, FACTORS.index(factor)] & np.isin(main, [9, 11]))
        main[rng.permutation(free)[:wanted]] = k
    return main
