"""How strong something unseen would have to be to explain an effect away: E-values, Oster's delta, omitted variables.

Sources: VanderWeele & Ding (2017), Ann. Intern. Med. 167(4), 268-274; Oster (2019), J. Bus. Econ. Stat. 37(2),
187-204; Cinelli & Hazlett (2020), J. R. Stat. Soc. B 82(1), 39-67. The latter two are linear: of an outcome of 0 and
1 they speak of the linear probability model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.causes.published import figures
from aidlib.estimate import Design, Estimates, Study, regression
from aidlib.estimate import terms as terms_of
from aidlib.estimate.comparisons import plain_numbers
from aidlib.estimate.sampling import Floats

RATIOS = ("odds_ratio", "rate_ratio", "hazard_ratio")
FURTHER = 1.3  # times the R² of the controls: what a complete model is taken to reach (Oster 2019, section 4)


def e_value(ratio: Floats | float) -> Floats:
    """The risk ratio that an unseen cause must have with factor and outcome both, to explain a risk ratio away.

    >>> e_value(np.array([3.9, 1 / 3.9])).round(2).tolist()
    [7.26, 7.26]
    """
    found = np.asarray(ratio, dtype=np.float64)
    away = np.where(found < 1, 1 / found, found)
    return np.asarray(away + np.sqrt(away * (away - 1)))


def e_values(ratios: Estimates, *, common: bool = False) -> Estimates:
    """E-value of each ratio, and of the limit of its interval nearest to 1 (1 where it holds 1); key as ``ratios``.

    ratios: of ``exponentiated``. Odds and hazard ratios stand for risk ratios where the outcome is rare (below 15 %);
    common: it is not, and the risk ratio is taken as the square root of the odds ratio, or its like for hazards.
    """
    measure = str(ratios.rows["measure"].iloc[0])
    if measure not in RATIOS:
        raise reference.problem("causes.no_ratio", measure=measure, allowed=", ".join(RATIOS))
    value, low, high = (_risk_ratio(ratios.rows[c].to_numpy(), measure, common) for c in ("estimate", "low", "high"))
    nearest = np.where(value >= 1, np.maximum(low, 1.0), np.minimum(high, 1.0))
    numbers = {"e_value": e_value(value), "e_value_limit": e_value(nearest)}
    return plain_numbers(replace(ratios, kind="level"), numbers, "causes_e_values")


def robustness_value(f: Floats | float, q: float = 1.0) -> Floats:
    """Share of what is left of factor and of outcome that an unseen cause must explain to take ``q`` of an effect away.

    f: |t| / sqrt(df) of the effect, Cohen's partial f; (sqrt(g^4 + 4 g^2) - g^2) / 2 with g = q f.

    >>> robustness_value(4.18 / 783**0.5).round(3).item()
    0.139
    """
    g = np.maximum(q * np.abs(np.asarray(f, dtype=np.float64)), 0.0)
    return np.asarray((np.sqrt(g**4 + 4 * g**2) - g**2) / 2)


def omitted_bias(r2_factor: float, r2_outcome: float, f: float) -> float:
    """Part of the effect that a confounder with these partial R² takes away: 1 all of it.

    |bias| / |effect| = sqrt(R²_outcome R²_factor / (1 - R²_factor)) / f.
    """
    return float(np.sqrt(r2_outcome * r2_factor / (1 - r2_factor)) / f)


def benchmark(r2_factor: float, r2_outcome: float, times: float) -> tuple[float, float]:
    """Partial R² of a confounder ``times`` as strong as a control: with the factor, with the outcome (at most 1).

    r2_factor: partial R² of the control with the factor, given the others; r2_outcome: with the outcome, given factor
    and others. Source: Cinelli & Hazlett (2020), section 4.4, with the stronger association of both bounded.
    """
    own = times * r2_factor / (1 - r2_factor)
    if own >= 1:
        return 1.0, 1.0
    between = times * r2_factor**2 / ((1 - times * r2_factor) * (1 - r2_factor))
    strength = ((np.sqrt(times) + np.sqrt(between)) / np.sqrt(1 - between)) ** 2
    return float(own), float(min(strength * r2_outcome / (1 - r2_outcome), 1.0))


def omitted_variable(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    factor: str,
    controls: Sequence[str],
    *,
    against: str,
    times: Sequence[float] = (1, 2, 3),
) -> Estimates:
    """How strong a confounder must be, beside one like the control ``against``; key ``statistic``.

    partial_r2: of factor and outcome; robustness: to bring the effect to 0; robustness_limit: to bring the nearer
    limit of its design-based interval to 0 (0 where the interval holds 0). left_1 …: the effect's part that is left
    with a confounder 1 … times as strong as ``against``. Weighted least squares; factor: a number or flag.
    """
    if against not in controls:
        raise reference.problem("estimate.no_predictor", column=against)
    plane = _Plane.of(sample, design, outcome, factor, controls)
    row = regression(sample, design, outcome, [factor, *controls], link="identity").rows.set_index("term").loc[factor]
    r2 = plane.partial_r2(plane.y, plane.x, plane.controls)
    f = np.sqrt(r2 / (1 - r2))
    limit = max(min(abs(row["low"]), abs(row["high"])) / abs(row["estimate"]), 0.0)
    kept = limit if row["low"] * row["high"] > 0 else 0.0
    own = [i for i, name in enumerate(plane.names) if name == against]
    z, rest = plane.controls[:, own], np.delete(plane.controls, own, axis=1)
    with_factor = plane.partial_r2(plane.x, z, rest)
    with_outcome = plane.partial_r2(plane.y, z, np.column_stack([rest, plane.x]))
    robust = {"robustness": robustness_value(f).item(), "robustness_limit": robustness_value(f, kept).item()}
    numbers: dict[str, float] = {"partial_r2": r2, **robust}
    for many in times:
        strength = benchmark(with_factor, with_outcome, many)
        left = 1 - omitted_bias(strength[0], strength[1], f) if strength[0] < 1 else np.nan
        numbers[f"left_{many:g}"] = left
    return _listed(plane, numbers, "omitted_variable")


def oster(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    factor: str,
    controls: Sequence[str],
    *,
    delta: float = 1.0,
    r2_max: float | None = None,
) -> Estimates:
    """Coefficient stability; key ``statistic``: without, with controls, the bound at ``delta``, and delta for 0.

    delta: how much more the unseen goes with the factor than the controls do. r2_max: R² of a complete model (None:
    1.3 times that with the controls, at most 1). bound: the effect if the unseen were so selected; delta_zero: the
    delta at which nothing would be left; above 1 is usually called robust. Weighted least squares.
    """
    plane = _Plane.of(sample, design, outcome, factor, controls)
    moments = plane.moments()
    limit = min(FURTHER * moments.r2_with, 1.0) if r2_max is None else r2_max
    if not moments.r2_with < limit <= 1:
        raise reference.problem("causes.r2_max", given=f"{limit:.3f}", least=f"{moments.r2_with:.3f}")
    return _listed(
        plane,
        {
            "uncontrolled": moments.without,
            "controlled": moments.with_,
            "bound": moments.bound(delta, limit),
            "delta_zero": moments.delta(limit),
        },
        "coefficient_stability",
    )


@dataclass(frozen=True)
class Moments:
    """Oster's inputs: coefficients and R² without and with controls, variances of outcome, factor, residual factor."""

    without: float
    with_: float
    r2_without: float
    r2_with: float
    var_y: float
    var_x: float
    residual: float

    def polynomials(self, r2_max: float) -> tuple[Floats, Floats]:
        """Numerator and denominator of delta in the bias v, coefficients from v³ down (Oster 2019, Proposition 3)."""
        away = self.without - self.with_
        gained = (self.r2_with - self.r2_without) * self.var_y * self.residual
        missing = (r2_max - self.r2_with) * self.var_y
        cube = self.residual * self.var_x - self.residual**2
        square = self.residual * away * self.var_x
        above = [cube, 2 * square, gained + self.var_x * self.residual * away**2, 0.0]
        below = [cube, square, missing * (self.var_x - self.residual), missing * away * self.var_x]
        return np.array(above), np.array(below)

    def delta(self, r2_max: float, target: float = 0.0) -> float:
        """The delta at which the effect is ``target``."""
        above, below = self.polynomials(r2_max)
        bias = self.with_ - target
        return float(np.polyval(above, bias) / np.polyval(below, bias))

    def bound(self, delta: float, r2_max: float) -> float:
        """The effect at ``delta``: the real solution nearest to the effect with controls."""
        above, below = self.polynomials(r2_max)
        equation = above - delta * below
        equation[np.abs(equation) < 1e-14 * np.abs(np.concatenate([above, below])).max()] = 0.0
        roots = np.roots(equation)
        real = roots[np.abs(roots.imag) < 1e-9 * (1 + np.abs(roots))].real
        return float(self.with_ - real[np.argmin(np.abs(real))]) if len(real) else float("nan")


@dataclass(frozen=True, eq=False)
class _Plane:
    """Outcome, factor and controls, centred and times the root of the weights; names: the control of each column."""

    study: Study
    y: Floats
    x: Floats
    controls: Floats
    names: list[str]
    rows: int

    @classmethod
    def of(
        cls, sample: pd.DataFrame, design: Design | None, outcome: str, factor: str, controls: Sequence[str]
    ) -> _Plane:
        study = Study.of(sample, design)
        y, x, weight = study.column(outcome), study.column(factor), study.sampling.weight
        known = np.isfinite(y) & np.isfinite(x) & (weight > 0)
        found = terms_of(sample, [factor, *controls], known)
        used = known & found.complete
        share = weight[used] / weight[used].sum()
        table = np.column_stack([y, found.matrix])[used]
        table = (table - share @ table) * np.sqrt(share)[:, None]
        return cls(study, table[:, 0], table[:, [1]], table[:, 2:], found.factors[1:], int(used.sum()))

    def moments(self) -> Moments:
        """For ``oster``."""
        x, y = self.x[:, 0], self.y
        alone, left, rest = (x @ y) / (x @ x), _residual(x, self.controls), _residual(y, self.controls)
        beta = (left @ rest) / (left @ left)
        total = y @ y
        r2 = 1 - ((rest - beta * left) ** 2).sum() / total
        found = alone, beta, alone * (x @ y) / total, r2, total, x @ x, left @ left
        return Moments(*map(float, found))

    def partial_r2(self, outcome: Floats, columns: Floats, given: Floats) -> float:
        """Share of what ``given`` leaves of the outcome that ``columns`` explain."""
        y = outcome.reshape(-1)
        left = _residual(y, given)
        return float(1 - (_residual(y, np.column_stack([given, columns])) ** 2).sum() / (left**2).sum())


def _residual(y: Floats, columns: Floats) -> Floats:
    return np.asarray(y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]) if columns.size else y


def _listed(plane: _Plane, numbers: dict[str, float], measure: str) -> Estimates:
    """Numbers of the whole sample by ``statistic``, without error."""
    rows = pd.DataFrame({"domain": "all", "statistic": list(numbers), "estimate": list(numbers.values())})
    found = figures(
        rows.assign(n=float(plane.rows)), domains=("domain",), keys=("statistic",), measure=measure, unit="number",
        method=f"causes_{measure}",
    )  # fmt: skip
    blank = dict.fromkeys(["se", "low", "high"], np.nan)
    return replace(found, rows=found.rows.assign(**blank), base=plane.study.base)


def _risk_ratio(ratio: Floats, measure: str, common: bool) -> Floats:
    if not common or measure == "rate_ratio":
        return ratio
    if measure == "odds_ratio":
        return np.sqrt(ratio)
    return np.asarray((1 - 0.5 ** np.sqrt(ratio)) / (1 - 0.5 ** np.sqrt(1 / ratio)))
