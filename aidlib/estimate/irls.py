"""Weighted fits of generalised linear models by Fisher scoring, in pieces of rows that fit the processor's cache.

Terms are centred and scaled within the sums, so that years or amounts in yuan cost no digits; coefficients come back in
the terms' own units, the intercept first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aidlib import reference
from aidlib.estimate.links import Link
from aidlib.estimate.sampling import Floats
from aidlib.estimate.terms import aliased, blocks

ROUNDS = 40
HALVINGS = 30
NEAR, EXACT = 1e-6, 1e-12  # steps, in standard units: below it the next one is exact (canonical link), or is the last
FALLING = 1e-9  # relative: what a deviance may rise by rounding
EDGE = 1e-6  # of a direction's largest part: what counts as not going there
NAMED = 1e-3  # of it: terms that a refusal names
PART, SEED = 50_000, 20250101  # rows drawn for starting values


@dataclass(frozen=True, eq=False)
class Data:
    """The rows that a fit uses: terms (rows × terms, without intercept), outcome, weights; names for refusals."""

    matrix: Floats
    outcome: Floats
    weight: Floats
    names: Sequence[str]


@dataclass(frozen=True, eq=False)
class Fit:
    """Coefficients (intercept first), the inverse of the expected information, each row's linear predictor."""

    coefficients: Floats
    inverse: Floats
    predictor: Floats


@dataclass(frozen=True, eq=False)
class _Scale:
    """What standardises the terms: (x - middle) / width."""

    middle: Floats
    width: Floats

    @classmethod
    def of(cls, data: Data) -> _Scale:
        total = data.weight.sum()
        middle = np.array([data.weight @ column for column in data.matrix.T]) / total
        squares = np.zeros(len(middle))
        for rows in blocks(len(data.outcome)):
            squares += data.weight[rows] @ (data.matrix[rows] - middle) ** 2
        width = np.sqrt(np.maximum(squares / total, 0))
        return cls(middle, np.where(width > 0, width, 1.0))

    def own_units(self) -> Floats:
        """The table that takes standard coefficients to those in the terms' own units."""
        table = np.diag(np.concatenate([[1.0], 1 / self.width]))
        table[0, 1:] = -self.middle / self.width
        return table

    def standard(self, coefficients: Floats) -> Floats:
        """Coefficients in own units as standard ones."""
        slopes = coefficients[1:] * self.width
        return np.concatenate([[coefficients[0] + self.middle @ coefficients[1:]], slopes])


@dataclass(frozen=True, eq=False)
class _Sums:
    """Score, expected information and deviance at some coefficients, in standard units."""

    score: Floats
    information: Floats
    deviance: float


def fit(data: Data, link: Link, start: Floats | None = None) -> Fit:
    """Coefficients that solve the weighted score equations. start: coefficients near them, if known.

    Raises Problem, naming terms, where the outcome does not vary, where terms tell it apart without error so that a
    coefficient has no finite value, where a term is a sum of others, and where no solution is found.
    """
    scale = _Scale.of(data)
    current = _beginning(data, link, scale) if start is None else scale.standard(start)
    now = _sums(data, scale, link, current)
    limit = NEAR if link.canonical else EXACT
    step: Floats = np.zeros_like(current)
    for _ in range(ROUNDS):
        if aliased(now.information) is not None:
            raise _unsolved(data, scale, link, step, now)
        step = np.asarray(np.linalg.solve(now.information, now.score), dtype=np.float64)
        taken, now = _walk(data, scale, link, current, step, now)
        current = current + taken
        if np.abs(taken).max() < limit * (1 + np.abs(current).max()):
            return _fitted(data, scale, current, now)
    raise _unsolved(data, scale, link, step, now)


def _fitted(data: Data, scale: _Scale, current: Floats, now: _Sums) -> Fit:
    own = scale.own_units()
    coefficients = own @ current
    predictor = coefficients[0] + data.matrix @ coefficients[1:]
    return Fit(coefficients, own @ np.linalg.inv(now.information) @ own.T, predictor)


def _beginning(data: Data, link: Link, scale: _Scale) -> Floats:
    """Standard coefficients to start from: those of a small part of many rows, else the intercept alone."""
    mean, held = float(data.weight @ data.outcome / data.weight.sum()), data.weight != 0
    low = data.outcome.min(where=held, initial=np.inf)
    never = link.binary or (link.name == "log" and low == 0)
    if never and low == data.outcome.max(where=held, initial=-np.inf):
        raise reference.problem("estimate.one_outcome", value=f"{low:g}")
    if len(data.outcome) > 4 * PART:
        drawn = np.random.default_rng(SEED).integers(0, len(data.outcome), PART)
        part = Data(data.matrix.T[:, drawn].T, data.outcome[drawn], data.weight[drawn], data.names)
        with contextlib.suppress(reference.Problem):  # a rare level may be absent, or told apart, in a part
            return scale.standard(fit(part, link).coefficients)
    return np.concatenate([[link.start(mean)], np.zeros(data.matrix.shape[1])])


def _sums(data: Data, scale: _Scale, link: Link, coefficients: Floats) -> _Sums:
    size = len(coefficients)
    score, information, deviance = np.zeros(size), np.zeros((size, size)), 0.0
    for rows in blocks(len(data.outcome)):
        x, y, weight = _standard(data, scale, rows), data.outcome[rows], data.weight[rows]
        eta = x @ coefficients
        score += ((y - link.mean(eta)) * link.score(eta) * weight) @ x
        information += _crossed(x, link.information(eta) * weight)
        deviance += float(weight @ link.deviance(y, eta))
    return _Sums(score, information, deviance)


def _crossed(x: Floats, weight: Floats) -> Floats:
    """sum_i weight_i x_i x_i'; half the work where no weight is negative, as some replicates' are."""
    if weight.min(initial=0.0) < 0:
        return np.asarray((x * weight[:, None]).T @ x)
    root = x * np.sqrt(weight)[:, None]
    return np.asarray(root.T @ root)


def _standard(data: Data, scale: _Scale, rows: slice) -> Floats:
    """Intercept and standardised terms of some rows."""
    part = data.matrix[rows]
    out = np.empty((len(part), part.shape[1] + 1), order="F")
    out[:, 0] = 1.0
    np.subtract(part, scale.middle, out=out[:, 1:])
    out[:, 1:] *= 1 / scale.width
    return out


def _walk(data: Data, scale: _Scale, link: Link, current: Floats, step: Floats, now: _Sums) -> tuple[Floats, _Sums]:
    """The step, halved until the deviance does not rise, and the sums where it leads to."""
    highest = now.deviance + FALLING * (abs(now.deviance) + np.finfo(float).tiny)
    for _ in range(HALVINGS):
        there = _sums(data, scale, link, current + step)
        if there.deviance <= highest:
            return step, there
        step = step / 2
    return np.zeros_like(step), now


def _unsolved(data: Data, scale: _Scale, link: Link, step: Floats, now: _Sums) -> reference.Problem:
    """Why there is no solution: the last step leads ever further along terms that tell the outcome apart, or else."""
    if np.abs(step).max() > 0:
        way = step / np.abs(step).max()
        if link.name != "identity" and _tells_apart(data, scale, link, way):
            terms = [
                n for n, part in zip(data.names, np.abs(way[1:]), strict=True) if part > NAMED * np.abs(way[1:]).max()
            ]
            return reference.problem("estimate.separation", terms=", ".join(terms))
    place = aliased(now.information)
    if place:
        return reference.problem("estimate.predictor_aliased", term=data.names[place - 1], others="…")
    return reference.problem("estimate.no_solution", rounds=ROUNDS)


def _tells_apart(data: Data, scale: _Scale, link: Link, way: Floats) -> bool:
    """Whether every row's fit only gets better along a direction of the coefficients (Albert & Anderson 1984)."""
    for rows in blocks(len(data.outcome)):
        along = _standard(data, scale, rows) @ way
        held = data.weight[rows] > 0
        up, down = data.outcome[rows] > 0, data.outcome[rows] == 0
        worse = (down & (along > EDGE)) | (up & (along < -EDGE)) | (up & (along > EDGE) & (not link.binary))
        if (worse & held).any():
            return False
    return True
