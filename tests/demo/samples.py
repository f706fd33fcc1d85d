"""A demonstration survey in memory, and the small estimators that its truth is checked with."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from aidlib.demo.parameters import preset
from aidlib.demo.writing import _Demo


@cache
def survey(name: str = "clean", households: int = 20_000, seed: int = 7) -> _Demo:
    """The parts of a survey, nothing written."""
    return _Demo(preset(name, households), Path("unused"), seed, 8, lambda *_: None)


def logit(x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and model-based standard errors of a logit by Newton's method."""
    w = np.ones(len(y)) if weight is None else weight / weight.mean()
    x = np.asarray(x, dtype=float)
    b = np.zeros(x.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-x @ b))
        information = x.T @ (x * (w * chance * (1 - chance))[:, None])
        b = b + np.linalg.solve(information, x.T @ (w * (y - chance)))
    score = x * (w * (y - chance))[:, None]
    inverse = np.linalg.inv(information)
    return b, np.sqrt(np.diag(inverse @ (score.T @ score) @ inverse))


def line(x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Weighted least squares: coefficients and heteroskedasticity-robust standard errors."""
    w = np.ones(len(y)) if weight is None else weight
    x = np.asarray(x, dtype=float)
    inverse = np.linalg.inv(x.T @ (x * w[:, None]))
    b = inverse @ (x.T @ (w * y))
    score = x * (w * (y - x @ b))[:, None]
    return b, np.sqrt(np.diag(inverse @ (score.T @ score) @ inverse))


def within(found: np.ndarray, planted: object, error: np.ndarray, times: float = 4.0) -> bool:
    """Every estimate lies within ``times`` standard errors of what was planted."""
    return bool(np.all(np.abs(np.asarray(found) - np.asarray(planted)) <= times * np.asarray(error)))
