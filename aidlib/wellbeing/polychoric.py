"""Polychoric correlations of ordered items, weighted, with the influence of every row.

Two steps (Olsson 1979, Psychometrika 44(4), 443-460): thresholds from the items' cumulative shares, then for each pair
the correlation of a bivariate normal that makes the observed cells likeliest. Both depend on the sample through
weighted shares of cells, so their influence values follow by implicit differentiation.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import ndtr, ndtri

from aidlib.estimate.domains import Members
from aidlib.estimate.sampling import Floats, Ints

NOBODY = 1e-12  # a share that is only rounding
BEYOND = 38.0  # stands for an infinite threshold: the normal density there is 0
NEAREST = 0.99999  # largest correlation in absolute value
ROUNDS = 100
EXACT = 1e-14
STEP = 1e-5  # of the central differences in thresholds and correlation
NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(48)


@dataclass(frozen=True, eq=False)
class Polychoric:
    """Correlations and thresholds by domain.

    correlation: domains × pairs (in the order of ``pairs_of``); thresholds: domains × items × (categories - 1).
    row, share, cell, codes: of each member (unit, domain) its domain, its share of the domain's weight, its cell in
    each pair of items, its answers. by_cell: domains × pairs × cells, by_answer: domains × items × categories ×
    (categories - 1): influence on a correlation, on a threshold, of a share of 1 that gives these answers.
    """

    correlation: Floats
    thresholds: Floats
    row: Ints
    share: Floats
    cell: Ints
    codes: Ints
    by_cell: Floats
    by_answer: Floats

    def scores(self, slopes: Floats) -> Floats:
        """What each member adds to the influence of a function with these slopes (domains × pairs)."""
        out = np.zeros(len(self.row))
        for pair in range(slopes.shape[1]):
            out += (slopes[:, pair, None] * self.by_cell[:, pair])[self.row, self.cell[:, pair]]
        return out * self.share

    def threshold_scores(self, item: int, cut: int) -> Floats:
        """What each member adds to the influence of a threshold."""
        return np.asarray(self.by_answer[self.row, item, self.codes[:, item], cut] * self.share)


def pairs_of(items: int) -> Ints:
    """The pairs of items, 2 × pairs: (0, 1), (0, 2), … (1, 2), …"""
    return np.array(list(combinations(range(items), 2)), dtype=np.int64).T


def polychoric(members: Members, weight: Floats, codes: Ints, categories: int) -> Polychoric:
    """Correlations of items by row of ``members``. weight, codes: one a pair of members, codes by item from 0 on."""
    total = members.sum(weight)
    share = np.divide(weight, total[members.row], out=np.zeros_like(weight), where=weight > 0)
    cumulative = _shares(members, share, codes, categories).cumsum(axis=2)[:, :, :-1]
    ends = np.select([cumulative < NOBODY, cumulative > 1 - NOBODY], [0.0, 1.0], cumulative)  # rounding apart
    thresholds = np.clip(ndtri(ends), -BEYOND, BEYOND)
    slope = np.divide(1.0, _density(thresholds), out=np.zeros_like(thresholds), where=np.abs(thresholds) < BEYOND)
    below = np.arange(categories)[:, None] <= np.arange(categories - 1)
    by_answer = (below - cumulative[:, :, None]) * slope[:, :, None]
    first, second = pairs_of(codes.shape[1])
    cell = codes[:, first] * categories + codes[:, second]
    cells = _shares(members, share, cell, categories**2)
    rho = _solved(cells, thresholds[:, first], thresholds[:, second])
    own, (by_first, by_second) = _gradients(cells, rho, thresholds[:, first], thresholds[:, second])
    one = np.einsum("dpat,dpt->dpa", by_answer[:, first], by_first)[..., :, None]
    other = np.einsum("dpat,dpt->dpa", by_answer[:, second], by_second)[..., None, :]
    by_cell = own - (own * cells).sum(axis=2, keepdims=True) + (one + other).reshape(own.shape)
    rho = np.where(total[:, None] > 0, rho, np.nan)
    return Polychoric(rho, thresholds, members.row, share, cell, codes, by_cell, by_answer)


def normal_below(h: Floats, k: Floats, rho: Floats) -> Floats:
    """P(X < h, Y < k) of a standard bivariate normal with correlation ``rho``.

    Φ(h) Φ(k) + 1/(2π) ∫ exp(-(h² + k² - 2 h k sin t) / (2 cos² t)) dt over t from 0 to arcsin rho (Drezner & Wesolowsky
    1990, J. Stat. Comput. Simul. 35, 101-107), by Gauss-Legendre.

    >>> float(np.round(normal_below(np.array(0.0), np.array(0.0), np.array(0.5)), 12))
    0.333333333333
    """
    half = np.arcsin(rho)[..., None] / 2
    angle = half * (NODES + 1)
    h, k = h[..., None], k[..., None]
    inside = np.exp(-(h**2 + k**2 - 2 * h * k * np.sin(angle)) / (2 * np.cos(angle) ** 2))
    whole = (inside * NODE_WEIGHTS).sum(axis=-1) * half[..., 0] / (2 * np.pi)
    return np.asarray(ndtr(h[..., 0]) * ndtr(k[..., 0]) + whole)


def _density(x: Floats) -> Floats:
    return np.asarray(np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))


def _density_of_two(h: Floats, k: Floats, rho: Floats) -> Floats:
    rest = 1 - rho**2
    return np.asarray(np.exp(-(h**2 + k**2 - 2 * rho * h * k) / (2 * rest)) / (2 * np.pi * np.sqrt(rest)))


def _shares(members: Members, share: Floats, codes: Ints, size: int) -> Floats:
    """Weighted shares of the codes: domains × columns of codes × codes."""
    counted = [np.bincount(members.row * size + each, weights=share, minlength=members.rows * size) for each in codes.T]
    table = np.stack(counted, axis=1).reshape(members.rows, size, -1)
    return np.asarray(table.transpose(0, 2, 1), dtype=np.float64)


def _grid(thresholds: Floats) -> Floats:
    """The thresholds with those at minus and plus infinity."""
    ends = np.full((*thresholds.shape[:-1], 1), BEYOND)
    return np.concatenate([-ends, thresholds, ends], axis=-1)


def _within(corners: Floats) -> Floats:
    """Differences of a function at the corners of the cells: what lies within each, cells in one line."""
    inside = np.diff(np.diff(corners, axis=-1), axis=-2)
    return inside.reshape(*inside.shape[:-2], -1)


def _probabilities(rho: Floats, one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Of the cells, and their derivatives by the correlation."""
    h, k = np.broadcast_arrays(_grid(one)[..., :, None], _grid(other)[..., None, :])
    at = np.broadcast_to(rho[..., None, None], h.shape)
    return np.maximum(_within(normal_below(h, k, at)), 0.0), _within(_density_of_two(h, k, at))


def _score(cells: Floats, rho: Floats, one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """The derivative of the log likelihood by the correlation, and its expected curvature."""
    probability, slope = _probabilities(rho, one, other)
    by = np.divide(slope, probability, out=np.zeros_like(slope), where=probability > 1e-300)
    return (cells * by).sum(axis=-1), (slope * by).sum(axis=-1)


def _solved(cells: Floats, one: Floats, other: Floats) -> Floats:
    """The correlations at which the likelihood is greatest, all at once: scoring steps, kept between brackets."""
    low, high = np.full(cells.shape[:2], -NEAREST), np.full(cells.shape[:2], NEAREST)
    rho = np.zeros(cells.shape[:2])
    for _ in range(ROUNDS):
        score, curvature = _score(cells, rho, one, other)
        low, high = np.where(score > 0, rho, low), np.where(score > 0, high, rho)
        step = rho + np.divide(score, curvature, out=np.zeros_like(score), where=curvature > 0)
        new = np.where((step > low) & (step < high), step, (low + high) / 2)
        new = np.where(np.abs(step - rho) < EXACT, rho, new)
        if (np.abs(new - rho) < EXACT).all():
            return new
        rho = new
    return rho


def _gradients(cells: Floats, rho: Floats, one: Floats, other: Floats) -> tuple[Floats, list[Floats]]:
    """Derivatives of each correlation by its cells' shares and, through the score, by the thresholds of both items."""

    def score(rho: Floats, one: Floats, other: Floats) -> Floats:
        return _score(cells, rho, one, other)[0]

    bend = (score(rho + STEP, one, other) - score(rho - STEP, one, other)) / (2 * STEP)
    bend = np.where(bend < 0, bend, -np.inf)  # a correlation at its bound does not move
    probability, slope = _probabilities(rho, one, other)
    own = np.divide(slope, probability, out=np.zeros_like(slope), where=probability > 1e-300)
    through = []
    for place, thresholds in enumerate((one, other)):
        moved = np.zeros_like(thresholds)
        for at in range(thresholds.shape[-1]):
            step = np.zeros(thresholds.shape[-1])
            step[at] = STEP
            ends = [(thresholds + s, other) if place == 0 else (one, thresholds + s) for s in (step, -step)]
            moved[..., at] = (score(rho, *ends[0]) - score(rho, *ends[1])) / (2 * STEP)
        through.append(-moved / bend[..., None])
    return -own / bend[..., None], through
