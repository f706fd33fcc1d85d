"""Weights brought up to known totals: post-stratification, raking and linear (GREG) calibration, and trimming.

Calibration looks for weights w = d g, near the weights d, with sum(w x) = known totals: g = F(x'b), where F is 1 + u
(linear), exp(u) (raking) or a logistic curve between bounds. One cross of categories alone is post-stratification.
Source: Deville & Särndal (1992), J. Am. Stat. Assoc. 87(418), 376-382. The design that comes back remembers the
calibration, so that variances are those of residuals (``auxiliary``); replicate weights are calibrated one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from aidlib import reference
from aidlib.estimate.auxiliary import Columns, table
from aidlib.estimate.design import Calibration, Design, Replicates
from aidlib.estimate.domains import text
from aidlib.estimate.sampling import Floats, resolve

METHODS = ("linear", "raking", "logit")
CLOSE = 1e-10  # relative distance from a total at which it counts as met
STEPS = 200
STEEP = 30.0  # exp of more than this only arises on the way to a solution
Totals = Mapping[Columns, float | Mapping[Any, float]]
Bounds = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Weighted:
    """A sample with a new weight column, and the design that uses it."""

    sample: pd.DataFrame
    design: Design


def calibrate(
    sample: pd.DataFrame,
    design: Design | None,
    totals: Totals,
    *,
    method: str = "linear",
    bounds: Bounds | None = None,
    limits: Bounds | None = None,
    name: str = "weight_calibrated",
) -> Weighted:
    """The sample with weights in column ``name`` that reproduce ``totals``, and its design.

    Column ``<name>_total`` tells what the weights add up to: figures of a part of the sample alone are refused.

    totals: for a numeric column its population total; for categories, a column name or a tuple of names, the number
    of units in each category or combination; for ``()`` the number of all units. bounds: of w / d; limits: of w
    itself (trimming inside the calibration). Without bounds "linear" may give negative weights, which are refused.
    Raises Problem for a category without a total or without a unit, and where no weights within the bounds exist.

    >>> from aidlib.estimate import mean
    >>> people = pd.DataFrame({"sex": list("ffmmm"), "y": [1.0, 2, 3, 4, 8], "w": 10.0})
    >>> found = calibrate(people, Design(weight="w"), {"sex": {"f": 30, "m": 30}})
    >>> found.sample["weight_calibrated"].tolist()
    [15.0, 15.0, 10.0, 10.0, 10.0]
    >>> float(mean(found.sample, found.design, "y").rows["estimate"].item())
    3.25
    """
    if not totals:
        raise reference.problem("estimate.no_totals")
    plan = _checked(design, method, bounds)
    sampling = resolve(sample, plan)
    x, wanted, names = _targets(sample, totals)
    solve = _Solver(x, wanted, names, method, bounds or (-np.inf, np.inf), limits or (-np.inf, np.inf))
    weight = solve(sampling.weight)
    if (weight < 0).any():
        raise reference.problem("estimate.negative_weights", rows=int((weight < 0).sum()))
    frame = sample.assign(**{name: weight})
    if plan.replicates is not None:
        assert sampling.replicates is not None  # resolved from this design
        columns = {f"{name}_{i + 1}": solve(w) for i, w in enumerate(sampling.replicates.T)}
        frame = pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)
        return Weighted(frame, replace(plan, weight=name, replicates=_whole(plan.replicates, list(columns), method)))
    prior = plan.weight or f"{name}_before"
    if plan.weight is None:
        frame = frame.assign(**{prior: 1.0})
    total = f"{name}_total"
    frame = frame.assign(**{total: weight.sum()})
    step = Calibration(tuple(_columns(totals)), prior, method, bounds, total)
    return Weighted(frame, replace(plan, weight=name, calibration=(*plan.calibration, step)))


def trim(
    sample: pd.DataFrame,
    design: Design,
    *,
    low: float = 0.0,
    high: float = np.inf,
    name: str = "weight_trimmed",
) -> Weighted:
    """Weights brought between ``low`` and ``high``; what is cut off goes in equal parts to the others, so that the
    sum stays, until none lies outside.

    Raises Problem where the bounds leave no room for the sum, and for calibrated weights: those are trimmed by
    ``calibrate(..., limits=(low, high))``, which keeps their totals.
    """
    if design.calibration:
        raise reference.problem("estimate.trim_calibrated")
    weight = resolve(sample, replace(design, lonely_psu="certainty", replicates=None)).weight
    active = weight > 0
    total, size = weight.sum(), int(active.sum())
    if not low * size <= total <= high * size:
        raise reference.problem("estimate.trim_room", low=f"{low:g}", high=f"{high:g}", mean=f"{total / size:g}")
    free = active.copy()
    while (outside := free & ((weight < low) | (weight > high))).any():
        free &= ~outside
        weight = np.where(outside, np.clip(weight, low, high), weight)
        weight = np.where(free, weight + (total - weight.sum()) / max(free.sum(), 1), weight)
    return Weighted(sample.assign(**{name: weight}), replace(design, weight=name))


def calibrated_like(sample: pd.DataFrame, step: Calibration, weight: Floats, other: Floats) -> Floats:
    """``other`` weights (a replicate's) brought to the totals that ``weight`` has in the calibration ``step``."""
    x = sparse.hstack([table(sample, columns)[0] for columns in step.columns], format="csr")
    names = [str(i) for i in range(x.shape[1])]
    free = (-np.inf, np.inf)
    return _Solver(x, x.T @ weight, names, step.method, step.bounds or free, free)(other)


@dataclass(frozen=True, eq=False)
class _Solver:
    """Calibrated weights for given ones, by Newton's method on b."""

    x: Any
    wanted: Floats
    names: list[str]
    method: str
    bounds: Bounds
    limits: Bounds

    def __call__(self, before: Floats) -> Floats:
        """Raises Problem where the totals are not met within the bounds; it names the total that is worst off."""
        with np.errstate(divide="ignore", invalid="ignore"):
            low = np.where(before > 0, np.maximum(self.bounds[0], self.limits[0] / before), 1.0)
            high = np.where(before > 0, np.minimum(self.bounds[1], self.limits[1] / before), 1.0)
        curve = _logistic(*self.bounds) if self.method == "logit" else CURVES[self.method]
        b = np.zeros(self.x.shape[1])
        best: tuple[float, Floats] = (np.inf, b)
        for _ in range(STEPS):
            g, slope = curve(self.x @ b)
            inside = (g > low) & (g < high)
            weight = before * np.clip(g, low, high)
            misfit = self.wanted - self.x.T @ weight
            distance = float(np.max(np.abs(misfit) / (1 + np.abs(self.wanted))))
            if distance < CLOSE:
                return np.asarray(weight)
            if distance >= best[0] * (1 - 1e-9) and np.isfinite(best[0]):
                b = (b + best[1]) / 2  # a step too far
                if np.allclose(b, best[1], rtol=1e-14, atol=1e-300):
                    break
                continue
            best = (distance, b)
            gram = (self.x.T @ self.x.multiply((before * slope * inside)[:, None])).toarray()
            b = b + np.linalg.pinv(gram, hermitian=True, rcond=1e-13) @ misfit
        return self._failed(before, low, high, best[1], curve)

    def _failed(self, before: Floats, low: Floats, high: Floats, b: Floats, curve: Curve) -> Floats:
        reached = self.x.T @ (before * np.clip(curve(self.x @ b)[0], low, high))
        worst = int(np.argmax(np.abs(self.wanted - reached) / (1 + np.abs(self.wanted))))
        values = {"total": f"{self.wanted[worst]:g}", "reached": f"{reached[worst]:g}"}
        raise reference.problem("estimate.calibration_failed", name=self.names[worst], **values)


Curve = Callable[[Floats], tuple[Floats, Floats]]  # u -> g and its slope
CURVES: dict[str, Curve] = {
    "linear": lambda u: (1 + u, np.ones_like(u)),
    "raking": lambda u: (np.exp(np.clip(u, -STEEP, STEEP)),) * 2,
}


def _logistic(low: float, high: float) -> Curve:
    """Deville and Särndal's case 6: g between low and high, slope 1 at 0."""
    scale = (high - low) / ((1 - low) * (high - 1))

    def curve(u: Floats) -> tuple[Floats, Floats]:
        power = np.exp(np.clip(scale * u, -STEEP, STEEP))
        below = (high - 1) + (1 - low) * power
        g = (low * (high - 1) + high * (1 - low) * power) / below
        return g, (high - low) ** 2 * power / below**2

    return curve


def _checked(design: Design | None, method: str, bounds: Bounds | None) -> Design:
    if method not in METHODS:
        raise reference.problem("estimate.option", option="method", allowed=", ".join(METHODS))
    if (bounds is not None and not bounds[0] < 1 < bounds[1]) or (method == "logit" and bounds is None):
        raise reference.problem("estimate.bounds")
    return Design() if design is None else design


def _columns(totals: Totals) -> list[Columns]:
    """Names of the auxiliary variables: a numeric column as text, a cross of categories as a tuple."""
    single = [isinstance(value, Mapping) and isinstance(key, str) for key, value in totals.items()]
    return [(str(key),) if alone else key for key, alone in zip(totals, single, strict=True)]


def _targets(sample: pd.DataFrame, totals: Totals) -> tuple[Any, Floats, list[str]]:
    """Auxiliary table (sparse N × p), the totals in its order, and a name for each."""
    tables, wanted, names = [], [], []
    for columns, given in zip(_columns(totals), totals.values(), strict=True):
        label = columns if isinstance(columns, str) else " × ".join(columns) or "()"
        for column in (columns,) if isinstance(columns, str) else columns:
            if column not in sample:
                raise reference.problem("estimate.no_column", column=column)
            if sample[column].isna().any():
                raise reference.problem("estimate.missing_design", column=column, rows=int(sample[column].isna().sum()))
        x, levels = table(sample, columns)
        tables.append(x)
        if not isinstance(given, Mapping):
            wanted.append(float(given))
            names.append(label)
            continue
        known = {_key(k): float(v) for k, v in given.items()}
        _check_levels(label, levels, known)
        wanted += [known[level] for level in levels]
        names += [f"{label} = {_shown(level)}" for level in levels]
    return sparse.hstack(tables, format="csr"), np.array(wanted), names


def _key(level: Any) -> Any:
    return tuple(text(v) for v in level) if isinstance(level, tuple) else text(level)


def _shown(level: Any) -> str:
    return ", ".join(level) if isinstance(level, tuple) else str(level)


def _check_levels(label: str, levels: list[Any], known: Mapping[Any, float]) -> None:
    """Every category of the sample has a total, and every total above 0 a unit."""
    without = [_shown(level) for level in levels if not known.get(level, 0) > 0]
    empty = [_shown(level) for level, value in known.items() if value > 0 and level not in set(levels)]
    if without:
        raise reference.problem("estimate.no_total", column=label, levels="; ".join(without[:10]))
    if empty:
        raise reference.problem("estimate.no_unit", column=label, levels="; ".join(empty[:10]))


def _whole(given: Replicates, columns: list[str], method: str) -> Replicates:
    negative = given.negative or method == "linear"
    return replace(given, columns=columns, combined=True, negative=negative)
