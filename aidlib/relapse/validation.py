"""Time-forward validation: would the model have told, in each year, who of that year's leavers came back?

For every test year t a model learns from the exits whose whole horizon lay before t and predicts the exits of year t;
households tested in t never stand in its training. There is no other split: a random one by row would let a household
be on both sides, and the future teach the past.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, function_of, stack
from aidlib.estimate.sampling import Floats, Ints, finite
from aidlib.relapse.accuracy import auc, brier, net_benefit
from aidlib.relapse.calibration import FIGURES, calibration, calibration_curve
from aidlib.relapse.capacity import precision, recall
from aidlib.relapse.leakage import check_leakage
from aidlib.relapse.risk_model import EVENTS, RiskModel
from aidlib.relapse.simple_rules import Rule, benchmarks

YEAR = "exit_year"
MODEL = "model"
RISK = "risk_"  # prefix of the columns that hold predicted risks
THRESHOLDS = (0.03, 0.05, 0.08, 0.10, 0.15, 0.20, 0.30)
CAPACITY = 0.2  # share of a year's leavers whom visits can reach
HEADLINE = ("auc", "calibration_slope", "precision")
COMPARED = ("auc", "brier", "precision", "recall")
DUST = 1e-9  # smaller standard errors are rounding


@dataclass(frozen=True, eq=False)
class Validation:
    """How a model did on later years, beside its benchmarks.

    exits: the sample with ``exit_year`` and, for tested exits, the risk that each rule gave them (``risk_model`` …).
    figures: by ``rule`` and ``figure``; differences: the model less each other rule in ``figure``; curve: observed and
    expected by risk group; decision: net benefit by ``rule`` and ``threshold``.
    """

    model: RiskModel
    capacity: float
    exits: pd.DataFrame
    figures: Estimates
    differences: Estimates
    curve: Estimates
    decision: Estimates

    @property
    def headline(self) -> Estimates:
        """Of ``figures`` the AUC, the calibration slope and the precision at capacity of every rule."""
        return _lines(self.figures, np.flatnonzero(self.figures.rows["figure"].isin(HEADLINE)))

    @property
    def verdict(self) -> dict[str, bool]:
        """Whether the model beats each benchmark: the 95 % interval of the difference of the AUC lies above 0."""
        rows = self.differences.rows.query("figure == 'auc'")
        return dict(zip(rows["rule"], (rows["low"] > 0).tolist(), strict=True))

    def sentence(self, language: str) -> str:
        """What the model beats and what not, for a reader."""
        names = {
            beaten: [reference.label("rule", rule, language) for rule, won in self.verdict.items() if won == beaten]
            for beaten in (True, False)
        }
        mark = "、" if language == "zh" else ", "
        key = "relapse.verdict_" + ("both" if all(names.values()) else "beats" if names[True] else "not")
        if not self.figures.rows["flag"].isin(["", "care"]).any():
            key = "relapse.verdict_unknown"
        return reference.message(key, language, beaten=mark.join(names[True]), others=mark.join(names[False]))


def validate(
    exits: pd.DataFrame,
    design: Design | None,
    model: RiskModel | None = None,
    *,
    capacity: float = CAPACITY,
    thresholds: Sequence[float] = THRESHOLDS,
    unit: str = "household_id",
    base: str = "X",
) -> Validation:
    """The model of one horizon against the base rate, income rules and a penalised logit, on later years only.

    exits: one row per economic exit with ``exit_year`` (or ``exit_date``), predictors and outcome; capacity: share of a
    year's leavers, or number of visits a year (above 1). All measures are weighted, with design-based errors: AUC
    within exit years, calibration, Brier score and its skill over the base rate, precision and recall at capacity.
    Figures of fewer than 50 returns (or exits without) are flagged "quality"; where no year can be tested they are
    empty. Raises Problem for leaking predictors, and for a design that is a complete count: the score is meant for
    other households than these.
    """
    model = RiskModel() if model is None else model
    if design is not None and design.complete:
        raise reference.problem("relapse.complete_count")
    rules: dict[str, Rule] = {MODEL: model, **benchmarks(model)}
    tested = forward_predictions(exits, design, rules, model, unit=unit)
    trials = {r: Trial(tested, design, model.outcome, RISK + r, capacity, base) for r in rules}
    parts = {rule: trial.figures() for rule, trial in trials.items()}
    skill = {rule: _skill(part["brier"], parts["base_rate"]["brier"]) for rule, part in parts.items()}
    figures = stack({r: stack(parts[r] | {"brier_skill": skill[r]}, key="figure") for r in rules}, key="rule")
    events = parts[MODEL]["auc"].rows["count"].to_numpy()
    sides = (events, parts[MODEL]["auc"].rows["n"].to_numpy() - events)
    curve = calibration_curve(tested, design, model.outcome, RISK + MODEL, base=base)
    answered = curve.rows["count"].to_numpy()
    trials["everyone"] = replace(trials[MODEL], exits=_everyone(tested), risk=RISK + "everyone")
    decision = stack({rule: trial.net_benefit(thresholds) for rule, trial in trials.items()}, key="rule")
    return Validation(
        model,
        capacity,
        tested,
        refuse_few(_named(figures, "risk_score", "relapse_validation"), *sides),
        refuse_few(_named(_differences(parts), "difference", "relapse_paired"), *sides),
        refuse_few(curve, answered, curve.rows["n"].to_numpy() - answered),
        refuse_few(decision, *sides),
    )


def forward_predictions(
    exits: pd.DataFrame, design: Design | None, rules: Mapping[str, Rule], model: RiskModel, *, unit: str
) -> pd.DataFrame:
    """The exits with the risks that ``rules`` learnt before each test year give to that year's exits; others missing.

    A year is tested where the exits with a whole horizon before it, without the households tested, hold at least 50
    returns and 50 exits without.
    """
    check_leakage(exits, model.predictors, outcome=model.outcome)
    y, year = finite(exits, model.outcome), exit_years(exits)
    risks = {rule: np.full(len(exits), np.nan) for rule in rules}
    for origin in np.unique(year[np.isfinite(y)]):
        test = np.flatnonzero((year == origin) & np.isfinite(y))
        earlier = np.isfinite(y) & (year + model.horizon < origin)
        train = np.flatnonzero(earlier & ~exits[unit].isin(exits[unit].iloc[test]).to_numpy())
        if min(y[train].sum(), (1 - y[train]).sum()) < EVENTS:
            continue
        for rule, risk in risks.items():
            risk[test] = rules[rule].fit(exits.iloc[train], design, unit=unit).predict(exits.iloc[test])
    return exits.assign(**{YEAR: year}, **{RISK + rule: risk for rule, risk in risks.items()})


def exit_years(exits: pd.DataFrame) -> Floats:
    """The year of each exit, from ``exit_year`` or ``exit_date``."""
    if YEAR in exits:
        return finite(exits, YEAR)
    if "exit_date" not in exits:
        raise reference.problem("estimate.no_column", column=YEAR)
    return exits["exit_date"].dt.year.to_numpy(np.float64)


@dataclass(frozen=True)
class Trial:
    """The measures of one column of risks on a sample that has been tested."""

    exits: pd.DataFrame
    design: Design | None
    outcome: str
    risk: str
    capacity: float
    base: str

    def figures(self) -> dict[str, Estimates]:
        """Each figure as a result of its own."""
        columns = (self.exits, self.design, self.outcome, self.risk)
        answers = calibration(*columns, base=self.base)
        if not self._varies():
            answers = _without(answers, [FIGURES.index("calibration_slope"), FIGURES.index("calibration_intercept")])
        return {
            "auc": auc(*columns, within=YEAR, base=self.base),
            **{figure: _single(answers, place) for place, figure in enumerate(FIGURES)},
            "brier": brier(*columns, base=self.base),
            "precision": precision(*columns, capacity=self.capacity, within=YEAR, base=self.base),
            "recall": recall(*columns, capacity=self.capacity, within=YEAR, base=self.base),
        }

    def net_benefit(self, thresholds: Sequence[float]) -> Estimates:
        """The decision curve."""
        return net_benefit(self.exits, self.design, self.outcome, self.risk, thresholds=thresholds, base=self.base)

    def _varies(self) -> bool:
        """Whether exits of one year have different risks: else a slope would compare years only."""
        spread = self.exits.groupby(YEAR)[self.risk].agg(["min", "max"])
        return bool((spread["max"] > spread["min"]).any())


def refuse_few(estimates: Estimates, events: Floats, others: Floats) -> Estimates:
    """The same with flag "quality" where a row rests on fewer than 50 returns or exits without: not to be published."""
    few = (np.minimum(events, others) < EVENTS) & estimates.rows["estimate"].notna().to_numpy()
    return replace(estimates, rows=estimates.rows.assign(flag=estimates.rows["flag"].mask(few, "quality")))


def _everyone(tested: pd.DataFrame) -> pd.DataFrame:
    """The sample with a risk of 1 for everyone tested: the rule that visits all."""
    return tested.assign(**{RISK + "everyone": tested[RISK + MODEL].notna().map({True: 1.0, False: np.nan})})


def _skill(own: Estimates, reference_rule: Estimates) -> Estimates:
    """1 - Brier score over that of the base rate."""
    return function_of(
        lambda own, rate: 1 - own / rate, measure="brier_skill", unit="index", own=own, rate=reference_rule
    )


def _differences(parts: Mapping[str, Mapping[str, Estimates]]) -> Estimates:
    """The model less each benchmark in every figure compared, with the covariance of both."""
    found = {}
    for rule, own in parts.items():
        if rule != MODEL:
            pairs = {figure: (parts[MODEL][figure], own[figure]) for figure in COMPARED}
            found[rule] = stack({figure: _less(*pair) for figure, pair in pairs.items()}, key="figure")
    return replace(stack(found, key="rule"), kind="effect")


def _less(own: Estimates, other: Estimates) -> Estimates:
    return function_of(lambda own, other: own - other, measure="difference", unit="number", own=own, other=other)


def _named(estimates: Estimates, measure: str, method: str) -> Estimates:
    """One measure and method for all figures; errors that are rounding dust are none."""
    rows = estimates.rows.assign(measure=measure)
    rows["se"] = rows["se"].mask(rows["se"] < DUST, 0.0)
    return replace(estimates, rows=rows, unit="index", method=method)


def _single(estimates: Estimates, place: int) -> Estimates:
    """One line of a result without domains, as a result of its own."""
    line = _lines(estimates, np.array([place]))
    return replace(line, rows=line.rows.drop(columns=list(line.keys)), keys=())


def _lines(estimates: Estimates, places: Ints) -> Estimates:
    """Some lines of a result, with their covariance and influence."""
    assert estimates._influence is not None  # all of these results keep it
    influence = estimates._influence.picked(places)
    rows = estimates.rows.iloc[places]
    return replace(estimates, rows=rows, margins=(), covariance=influence.covariance(), _influence=influence)


def _without(estimates: Estimates, places: Sequence[int]) -> Estimates:
    """The same without the numbers of some lines."""
    rows = estimates.rows.copy()
    rows.loc[list(places), ["estimate", "se", "low", "high"]] = np.nan
    rows.loc[list(places), "flag"] = "empty"
    return replace(estimates, rows=rows)
