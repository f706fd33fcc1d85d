"""The mathematics of the area-level model of Fay & Herriot: y = X beta + u + e, var(u) = A, var(e) = psi known.

Sources: Fay & Herriot (1979), J. Am. Stat. Assoc. 74(366), 269-277; Prasad & Rao (1990), J. Am. Stat. Assoc. 85(409),
163-171; Datta & Lahiri (2000), Stat. Sinica 10(2), 613-627; Datta, Rao & Smith (2005), Biometrika 92(1), 183-196; Rao &
Molina (2015), Small Area Estimation, 2nd ed., chapter 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aidlib.estimate.sampling import Floats

ITERATIONS = 200
CONVERGED = 1e-12  # of A + the median sampling variance
VARIANCES = ("reml", "ml", "fh", "moments")


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model on the areas with a direct estimate.

    variance: A; beta; q: covariance of beta; sampling: A + psi; variance_of_a, bias_of_a: asymptotic, by method.
    """

    y: Floats
    x: Floats
    psi: Floats
    method: str
    variance: float
    beta: Floats
    q: Floats
    variance_of_a: float
    bias_of_a: float

    @property
    def shrinkage(self) -> Floats:
        """Weight gamma = A / (A + psi) of the direct estimate."""
        return self.variance / (self.variance + self.psi)

    @property
    def eblup(self) -> Floats:
        """gamma y + (1 - gamma) x'beta."""
        synthetic = self.x @ self.beta
        return synthetic + self.shrinkage * (self.y - synthetic)

    @property
    def leading(self) -> Floats:
        """g1 = gamma psi: the mean squared error if A and beta were known."""
        return self.shrinkage * self.psi

    @property
    def mse(self) -> Floats:
        """g1 + g2 + 2 g3 - bias(A) (1 - gamma)²: second-order unbiased for the mean squared error of ``eblup``."""
        total = self.variance + self.psi
        away = self.psi / total
        g2 = away**2 * quadratic(self.x, self.q)
        g3 = self.psi**2 / total**3 * self.variance_of_a
        return self.leading + g2 + 2 * g3 - self.bias_of_a * away**2

    def synthetic_mse(self, x: Floats) -> Floats:
        """A + x' cov(beta) x: for areas without a direct estimate, predicted by x'beta."""
        return self.variance + quadratic(x, self.q)

    def residual_variance(self, coefficients: Floats) -> float:
        """Variance of the combination of y - x'beta: c' (V - X q X') c."""
        total = self.variance + self.psi
        along = coefficients @ self.x
        return float(coefficients**2 @ total - along @ self.q @ along)


def fit(y: Floats, x: Floats, psi: Floats, method: str) -> Fit:
    """The model fitted by restricted ("reml") or full ("ml") likelihood, Fay & Herriot's moments ("fh") or the simple
    ones of Prasad & Rao ("moments"); a negative A becomes 0. y, psi: areas; x: areas × predictors of full rank."""
    a = _simple_moments(y, x, psi) if method == "moments" else _iterated(y, x, psi, method)
    weight = 1 / (a + psi)
    q = _inverse((x * weight[:, None]).T @ x)
    beta = q @ (x.T @ (weight * y))
    spread, bias = _of_variance(a, x, psi, q, method)
    return Fit(y, x, psi, method, a, beta, q, spread, bias)


def quadratic(x: Floats, q: Floats) -> Floats:
    """x_d' q x_d of every area."""
    return np.asarray(np.einsum("ij,jk,ik->i", x, q, x), dtype=np.float64)


def _inverse(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _of_variance(a: float, x: Floats, psi: Floats, q: Floats, method: str) -> tuple[float, float]:
    """Asymptotic variance and bias of the estimator of A."""
    weight = 1 / (a + psi)
    one, two, m = weight.sum(), (weight**2).sum(), len(psi)
    if method == "moments":
        return float(2 * ((a + psi) ** 2).sum() / m**2), 0.0
    if method == "fh":
        return float(2 * m / one**2), float(2 * (m * two - one**2) / one**3)
    trace = float(np.trace(q @ ((x * (weight**2)[:, None]).T @ x)))
    return float(2 / two), -trace / float(two) if method == "ml" else 0.0


def _simple_moments(y: Floats, x: Floats, psi: Floats) -> float:
    """(sum of squared least-squares residuals - sum psi (1 - leverage)) / (m - p)."""
    inverse = _inverse(x.T @ x)
    residual = y - x @ (inverse @ (x.T @ y))
    value = (residual @ residual - psi @ (1 - quadratic(x, inverse))) / (len(y) - x.shape[1])
    return max(float(value), 0.0)


def _iterated(y: Floats, x: Floats, psi: Floats, method: str) -> float:
    """Scoring from the median sampling variance; a step below 0 goes a tenth of the way instead."""
    middle = float(np.median(psi))
    a = middle
    for _ in range(ITERATIONS):
        step = _step(a, y, x, psi, method)
        new = a + step if a + step > 0 else a / 10
        if abs(new - a) < CONVERGED * (a + middle):
            break
        a = new
    return 0.0 if new < 10 * CONVERGED * middle else float(new)


def _step(a: float, y: Floats, x: Floats, psi: Floats, method: str) -> float:
    """Score over information of A (for "fh" Newton's step of the moment equation)."""
    weight = 1 / (a + psi)
    weighted = x * weight[:, None]
    q = _inverse(weighted.T @ x)
    py = weight * (y - x @ (q @ (weighted.T @ y)))
    if method == "fh":
        return float((py @ y - (len(y) - x.shape[1])) / (py @ py))
    if method == "ml":
        return float((py @ py - weight.sum()) / (weight**2).sum())
    second = q @ (weighted.T @ weighted)
    third = q @ ((weighted * weight[:, None]).T @ weighted)
    trace = weight.sum() - np.trace(second)
    information = (weight**2).sum() - 2 * np.trace(third) + np.trace(second @ second)
    return float((py @ py - trace) / information)
