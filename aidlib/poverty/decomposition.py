"""What moved hardship between two waves: growth, distribution, the line, prices, rigid spending, population.

Each factor can stand at its state before or after; a counterfactual headcount or gap is that of one of the two samples
(its ``distribution``) with incomes scaled to the other wave's mean (``growth``), rigid spending scaled to the other
wave's mean (``rigid``), another real line (``line``) at other prices (``prices``), and groups weighted to the other
wave's shares (``population``). With all factors before it is the first sample's FGT, with all after the second's, so
that the parts add up to the change exactly. Standard errors: a part is a sum of counterfactuals, each with its own
influence on both samples; scale factors and estimated lines carry theirs through the derivative of FGT, for the
headcount a normal kernel density at the line.
Sources: Datt & Ravallion (1992), J. Development Economics 38(2), 275-295; Shorrocks (2013), J. Economic Inequality
11(1), 99-126.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from math import factorial

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study, change
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Claim, Found
from aidlib.poverty.lines import RelativeLine
from aidlib.poverty.measures import ON_THE_LINE, poverty_gaps
from aidlib.poverty.sides import LineSpec, Parameter, Scores, Side, ratio_of_means, sides

METHODS = ("shapley", "datt_ravallion")
PARTS = Claim(n=180, psus=30, df=20)  # held over 2,000 draws (tests/poverty/test_coverage.py)
State = dict[str, int]


def decompose_change(
    before: pd.DataFrame,
    after: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    line: LineSpec,
    alpha: float = 0,
    multiple: float = 1.0,
    method: str = "shapley",
    rigid: str | None = None,
    prices: float | str | None = None,
    by: str | None = None,
    unit: str | None = None,
    periods: tuple[str, str] | None = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """FGT(alpha) of ``after`` minus that of ``before`` and its parts, key column ``component``; in pp, as fractions.

    income: before rigid spending where ``rigid`` names that column; hardship is then judged on income - rigid.
    line: a number (it did not move), a column of each sample's own lines (the general level of lines moved), a pair
    (in force before, in force after) of numbers or of columns that both samples hold, or a RelativeLine of each
    sample; times ``multiple``. prices: the ratio of prices after to before, a number or a column of both samples; the
    line's rise is then split into keeping up with prices and its real rise. by: the groups of ``population``.
    Components: ``growth``, ``distribution``, then where they can differ ``line``, ``prices``, ``rigid``,
    ``population``, and ``total``. method: "shapley", the mean over all orders in which the factors can change, or
    "datt_ravallion", each factor alone from the wave before, with a ``residual``.
    A unit counts with all its values known; without any in one sample all parts are empty. unit: as in
    ``estimate.change``. Raises Problem for a mean of 0 or less, or a group without members in one sample.

    >>> import pandas as pd
    >>> before = pd.DataFrame({"id": range(4), "income": [1.0, 2, 3, 6]})
    >>> after = before.assign(income=before["income"] * 2)
    >>> found = decompose_change(before, after, None, "income", line=2.5, alpha=1, unit="id").rows
    >>> dict(zip(found["component"], found["estimate"].round(3)))
    {'growth': -0.15, 'distribution': 0.0, 'total': -0.15}
    """
    if method not in METHODS:
        raise reference.problem("estimate.option", option="method", allowed=", ".join(METHODS))
    if not 0 <= alpha < np.inf:
        raise reference.problem("poverty.alpha")
    both, estimated = sides(
        (before, after),
        Design() if design is None else design,
        income,
        line,
        multiple=multiple,
        rigid=rigid,
        prices=prices,
        by=by,
    )
    moves = isinstance(line, str | tuple | RelativeLine) or prices is not None
    there = {"line": moves, "prices": prices is not None, "rigid": rigid is not None, "population": by is not None}
    factors = ["growth", "distribution", *(name for name, is_there in there.items() if is_there)]
    parts = _shapley(factors) if method == "shapley" else _one_by_one(factors)
    if min(side.total for side in both) > 0:
        parameters = _scales(both, income, line, rigid) | estimated
        values, scores = _World(both, parameters, alpha).parts(list(parts.values()))
    else:
        values, scores = _nothing(both, len(parts))
    return _estimates(
        (before, after), design, both, list(parts), values, scores, f"fgt_{alpha:g}", unit, periods, df, base
    )


def _scales(both: tuple[Side, Side], income: str, line: LineSpec, rigid: str | None) -> dict[str, Parameter]:
    """How many times the means after are those before."""
    found = {"growth": ratio_of_means(both, (both[0].income, both[1].income), income)}
    if rigid is not None:
        found["rigid"] = ratio_of_means(both, (both[0].rigid, both[1].rigid), rigid)
    if isinstance(line, str):
        found["line"] = ratio_of_means(both, (both[0].line[0], both[1].line[0]), line)
    return found


def _nothing(both: tuple[Side, Side], parts: int) -> tuple[Floats, Scores]:
    """No values where one of the samples has no known unit."""
    first, second = (np.zeros((len(side.unit), parts)) for side in both)
    return np.full(parts, np.nan), (first, second)


@dataclass(frozen=True, eq=False)
class _World:
    """Both samples and the estimated parameters: FGT in any state of the factors."""

    both: tuple[Side, Side]
    parameters: dict[str, Parameter]
    alpha: float

    def parts(self, wanted: list[list[tuple[State, float]]]) -> tuple[Floats, Scores]:
        """Sums of counterfactuals, given as (state, coefficient), with their influence: units × parts on each side."""
        values = np.zeros(len(wanted))
        scores = tuple(np.zeros((len(side.unit), len(wanted))) for side in self.both)
        slopes = {name: np.zeros(len(wanted)) for name in self.parameters}
        for key, coefficients in _by_state(wanted).items():
            state = dict(key)
            value, own, other, by_parameter = self._evaluate(state)
            values += coefficients * value
            scores[state["distribution"]][:] += np.outer(own, coefficients)
            if other is not None:
                scores[1 - state["distribution"]][:] += np.outer(other, coefficients)
            for name, slope in by_parameter.items():
                slopes[name] += coefficients * slope
        for name, parameter in self.parameters.items():
            for table, influence in zip(scores, parameter.scores, strict=True):
                table += np.outer(influence, slopes[name])
        return values, (scores[0], scores[1])

    def _evaluate(self, state: State) -> tuple[float, Floats, Floats | None, dict[str, float]]:
        """FGT in a state, its influence on the sample of the distribution and on the other, slopes by parameter."""
        here = state["distribution"]
        side = self.both[here]
        grown, spent = self._scale("growth", state), self._scale("rigid", state)
        lines = self._lines(state, side)
        x = grown * side.income - spent * side.rigid
        gaps = poverty_gaps(x, lines, self.alpha)
        there = state.get("population", here)
        if there == here:
            share = side.weight / side.total
            value = float((share * gaps).sum())
            own, other = share * (gaps - value), None
        else:
            shares, far = self.both[there].shares, self.both[there]
            means = side.group_means(gaps)
            share = side.weight * (shares / side.by_group)[side.group]
            value = float(shares @ means)
            own = share * (gaps - means[side.group])
            other = far.weight * (means[far.group] - value) / far.total
        return value, own, other, self._slopes(state, side, share, x / lines, lines)

    def _slopes(self, state: State, side: Side, share: Floats, u: Floats, lines: Floats) -> dict[str, float]:
        """d FGT / d parameter: income over line u moves, and with it the gaps (1 - u)^alpha of the poor."""
        steep = share * self._steepness(u, share, side.total)
        moved = u if self.alpha > 0 else np.ones_like(u)
        out = {}
        for name, parameter in self.parameters.items():
            power = self._power(name, state)
            scale = parameter.value**power
            if name == "growth":
                out[name] = -float((steep * side.income / lines).sum()) * power * scale / parameter.value
            elif name == "rigid":
                out[name] = float((steep * side.rigid / lines).sum()) * power * scale / parameter.value
            else:
                out[name] = float((steep * moved).sum()) * power / parameter.value
        return out

    def _steepness(self, u: Floats, share: Floats, population: float) -> Floats:
        """-d/du of (1 - u)^alpha for the poor; for the headcount a normal kernel at the line, width sd / N^(1/5)."""
        if self.alpha > 0:
            poor = u < 1 - ON_THE_LINE
            return np.where(poor, self.alpha * np.where(poor, 1 - u, 1.0) ** (self.alpha - 1), 0.0)
        centre = (share * u).sum()
        width = np.sqrt((share * (u - centre) ** 2).sum()) / population**0.2
        if not width > 0:
            return np.zeros_like(u)
        return np.exp(-(((1 - u) / width) ** 2) / 2) / (width * np.sqrt(2 * np.pi))

    def _scale(self, name: str, state: State) -> float:
        return self.parameters[name].value ** self._power(name, state) if name in self.parameters else 1.0

    def _power(self, name: str, state: State) -> int:
        """The power with which a parameter enters: a scale as far as its factor and the sample are of two waves."""
        if name in ("line_0", "line_1"):
            return int(state["line"] == int(name[-1]))
        return state[name] - state["distribution"]

    def _lines(self, state: State, side: Side) -> Floats:
        """The real line of one wave at the prices of one wave."""
        at = state.get("line", 0)
        lines = side.line[at] * self._scale("line", state)
        return lines if "prices" not in state else lines * side.prices ** (state["prices"] - at)


def _shapley(factors: list[str]) -> dict[str, list[tuple[State, float]]]:
    """Each factor's part as a weighted sum over states: the mean over all orders of its step from before to after."""
    m = len(factors)
    parts: dict[str, list[tuple[State, float]]] = {}
    for factor in factors:
        others = [f for f in factors if f != factor]
        steps = []
        for chosen in product((0, 1), repeat=m - 1):
            weight = factorial(sum(chosen)) * factorial(m - 1 - sum(chosen)) / factorial(m)
            state = dict(zip(others, chosen, strict=True))
            steps += [(state | {factor: 1}, weight), (state | {factor: 0}, -weight)]
        parts[factor] = steps
    return parts | {"total": _total(factors)}


def _one_by_one(factors: list[str]) -> dict[str, list[tuple[State, float]]]:
    """Each factor alone from the wave before, what is left over, and the total."""
    start = dict.fromkeys(factors, 0)
    parts = {factor: [(start | {factor: 1}, 1.0), (start, -1.0)] for factor in factors}
    total = _total(factors)
    rest = total + [(state, -weight) for steps in parts.values() for state, weight in steps]
    return parts | {"residual": rest, "total": total}


def _total(factors: list[str]) -> list[tuple[State, float]]:
    return [(dict.fromkeys(factors, 1), 1.0), (dict.fromkeys(factors, 0), -1.0)]


def _by_state(wanted: Iterable[list[tuple[State, float]]]) -> dict[tuple[tuple[str, int], ...], Floats]:
    """The coefficient of every state in each part, so that a state is evaluated once."""
    parts = list(wanted)
    found: dict[tuple[tuple[str, int], ...], Floats] = {}
    for place, steps in enumerate(parts):
        for state, weight in steps:
            key = tuple(sorted(state.items()))
            found.setdefault(key, np.zeros(len(parts)))[place] += weight
    return {key: weights for key, weights in found.items() if weights.any()}


def _estimates(
    samples: tuple[pd.DataFrame, pd.DataFrame],
    design: Design | None,
    both: tuple[Side, Side],
    names: list[str],
    values: Floats,
    scores: Scores,
    measure: str,
    unit: str | None,
    periods: tuple[str, str] | None,
    df: str,
    base: str | None,
) -> Estimates:
    """The parts as a change: the influence on the sample before with its sign turned, for change takes it off."""
    keys = pd.DataFrame({"component": names}, dtype="str")
    waves = iter([(both[0], np.zeros(len(values)), -scores[0]), (both[1], values, scores[1])])

    def piece(sample: pd.DataFrame, plan: Design, df: str) -> Estimates:
        side, estimate, table = next(waves)
        study = Study.of(sample, plan, df=df, base=base)
        known = np.zeros(len(sample), dtype=bool)
        known[side.unit] = True
        members = study.members().where(known).split(len(names))
        found = Found(members, estimate, study.influence(members, table.ravel()))
        return study.estimates(
            found, measure=measure, unit="share", method="poverty_change_decomposition", keys=keys, claim=PARTS
        )

    found = change(*samples, design, piece, unit=unit, periods=periods, df=df)
    return replace(found, method="poverty_change_decomposition")
