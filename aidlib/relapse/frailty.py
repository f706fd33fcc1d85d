"""Unobserved heterogeneity: a trait of the unit that acts on its hazard in every year of all its spells.

Units with a high hazard leave first, so that the hazard of those who stay falls with the years even where nobody's own
does: a model without the trait takes the sorting for duration dependence. With it, log odds (or log cumulative hazard)
are x'b + s v, v standard normal; the likelihood of a unit is integrated over v by adaptive Gauss-Hermite quadrature
and weighted with the unit's mean weight (pseudo-likelihood); errors come from the design's clusters. Source:
Rabe-Hesketh & Skrondal (2006), J. R. Stat. Soc. A 169(4), 805-827; Pinheiro & Bates (1995), J. Comput. Graph. Stat.
4(1), 12-35.

Units that are met in the middle of a spell have survived until then, and by that are a selection of traits. Their
likelihood is divided by the chance of having got there, integrated over the trait as well: by the model's own hazards
in the years before, with the predictors of the first row (so these must not have changed much; Jenkins 2005, Survival
Analysis, section 6.3; Lancaster 1990, The Econometric Analysis of Transition Data, section 8.3).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product

import numpy as np
import pandas as pd
from numpy.polynomial.hermite import hermgauss
from scipy.linalg import block_diag
from scipy.special import logsumexp

from aidlib import reference
from aidlib.estimate.irls import Data, Fit
from aidlib.estimate.links import Link
from aidlib.estimate.margins import Level, levels_of
from aidlib.estimate.regression import Model, Shared, influence_of
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Found
from aidlib.relapse.periods import Periods

SD = "sd"
NODES = 31  # of the quadrature: as many as leave the sixth digit of a standard deviation alone
ROUNDS, HALVINGS, MODE_ROUNDS = 60, 30, 8
START = 0.5  # standard deviation to begin with
STEP = 1e-5  # of central differences by a coefficient
DONE, NEAR = 1e-8, 1e-4  # gain in the log likelihood that a step still promises, in units of the mean weight
Statistic = Callable[[Floats, Floats], Floats]  # numbers from parameters, and the weights of the sample's rows


@dataclass(frozen=True, eq=False)
class Panel:
    """Rows sorted by unit.

    x: rows × coefficients; load: rows × processes, 1 in that of the row; starts: each unit's first row; who: the units'
    numbers; row: which of the models' rows each belongs to.
    """

    x: Floats
    load: Floats
    y: Floats
    starts: Ints
    who: Ints
    row: Ints

    @classmethod
    def of(cls, x: Floats, load: Floats, y: Floats, unit: Ints, row: Ints) -> Panel:
        """Rows in any order, with the number of each one's unit."""
        order = np.argsort(unit, kind="stable")
        who, starts = np.unique(unit[order], return_index=True)
        return cls(x[order], load[order], y[order], starts, who, row[order])

    @property
    def place(self) -> Ints:
        """The place of each row's unit among the panel's."""
        return np.repeat(np.arange(len(self.starts)), np.diff(np.append(self.starts, len(self.y))))

    def sums(self, values: Floats) -> Floats:
        """Sums by unit."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=0))


@dataclass(frozen=True, eq=False)
class Integral:
    """The likelihood of a panel: its log by unit, each row's score (rows × parameters), and the information."""

    logs: Floats
    scores: Floats
    information: Floats


@dataclass(frozen=True, eq=False)
class Units:
    """Units with all that is known of them, for one process or several that share the trait.

    models: without trait, one for each process; unit: the number of each of their rows' units, model after model;
    lived: the rows observed and those of the years before a unit was met; before: the latter alone (None: no such).
    """

    models: tuple[Model, ...]
    unit: Ints
    lived: Panel
    before: Panel | None

    @classmethod
    def of(cls, models: Sequence[Model], sample: pd.DataFrame, periods: Sequence[Periods]) -> Units:
        """sample: as it was before ``Periods.read``. Raises Problem where units are not named or have one row each."""
        name = periods[0].unit
        if name is None:
            raise reference.problem("relapse.no_unit")
        ids, _ = pd.factorize(sample[name])
        codes = np.concatenate([ids[model.unit] for model in models])
        unit = pd.factorize(codes)[0].astype(np.int64)
        if len(unit) == unit.max() + 1:
            raise reference.problem("relapse.single_rows", unit=name)
        tables = [np.column_stack([np.ones(len(model.unit)), model.data.matrix]) for model in models]
        pasts = [
            years_before(model, sample, read, table) for model, read, table in zip(models, periods, tables, strict=True)
        ]
        offsets = np.cumsum([0, *(len(table) for table in tables)])
        row = np.concatenate([rows + offset for (_, rows), offset in zip(pasts, offsets, strict=False)])
        seen, load = _blocks(tables)
        past, past_load = _blocks([table for table, _ in pasts])
        y = np.concatenate([*(model.data.outcome for model in models), np.zeros(len(row))])
        every, both = np.append(np.arange(len(unit)), row), np.concatenate([load, past_load])
        lived = Panel.of(np.concatenate([seen, past]), both, y, unit[every], every)
        before = Panel.of(past, past_load, np.zeros(len(row)), unit[row], row) if len(row) else None
        return cls(tuple(models), unit, lived, before)

    @property
    def rows(self) -> Ints:
        """The sample's rows that the models' are."""
        return np.concatenate([model.unit for model in self.models])

    def weights(self, weight: Floats | None = None) -> Floats:
        """Mean weight of each unit's rows; weight: of the sample's rows (None: that of the models)."""
        each = np.concatenate([model.data.weight for model in self.models]) if weight is None else weight[self.rows]
        return np.bincount(self.unit, each) / np.bincount(self.unit)

    @property
    def coefficients(self) -> Floats:
        """Those of the models without trait, model after model."""
        return np.concatenate([model.fit.coefficients for model in self.models])


@dataclass(frozen=True, eq=False)
class Mixed:
    """Models with the trait.

    parameters: coefficients, model after model, then for each how one standard deviation of the trait acts in it;
    inverse: of the observed information; scores: of the models' rows, weighted.
    """

    units: Units
    parameters: Floats
    inverse: Floats
    scores: Floats

    def found(self, statistic: Statistic, slopes: Floats, own: Sequence[Floats] = ()) -> Found:
        """Statistics with their influence; slopes: statistics × parameters; own: see ``Model.found``."""
        study, rows = self.units.models[0].study, self.units.rows
        estimate = statistic(self.parameters, study.sampling.weight)
        members = Shared(np.sort(rows), np.zeros(0, dtype=np.int64), len(estimate), len(rows) == len(study.sample))
        replicates = study.sampling.replicates
        if replicates is not None:
            thetas = np.full((len(estimate), replicates.shape[1]), np.nan)
            for number, weight in enumerate(replicates.T):
                with contextlib.suppress(reference.Problem):
                    parameters = solve(self.units, self.units.weights(weight), self.parameters)[0]
                    thetas[:, number] = statistic(parameters, weight)
            return Found(members, estimate, study.deviations(estimate, thetas))
        mix = (slopes @ self.inverse).T
        if own:
            mix = np.vstack([mix, np.eye(len(estimate))])
        return Found(members, estimate, influence_of(study, rows, chain(self.scores.T, own), mix))


def mixed(units: Units) -> Mixed:
    """The models with a normally distributed trait."""
    weights = units.weights()
    begin = np.append(units.coefficients * np.sqrt(1 + 0.35 * START**2), np.full(len(units.models), START))
    parameters, now = solve(units, weights, begin if len(units.models) == 1 else _signed(units, weights, begin))
    scores = np.zeros((len(units.unit), len(parameters)))
    for panel, part, sign in ((units.lived, now.lived, 1), (units.before, now.before, -1)):
        if panel is not None and part is not None:
            weighted = sign * part.scores * weights[panel.who][panel.place][:, None]
            for column in range(len(parameters)):
                scores[:, column] += np.bincount(panel.row, weighted[:, column], len(units.unit))
    inverse = np.asarray(np.linalg.inv(now.information), dtype=np.float64)
    return Mixed(units, parameters, inverse, scores)


def _signed(units: Units, weights: Floats, begin: Floats) -> Floats:
    """Of the ways in which a trait can act on several processes, up or down each, the likeliest to begin with."""
    count = len(units.models)
    ways = [np.append(begin[:-count], START * np.array(signs)) for signs in product(*[(1, -1)] * (count - 1), (1,))]
    return max(ways, key=lambda way: _likelihood(units, weights, way).value)


def score_of_trait(units: Units) -> Found:
    """The weighted mean over units of the likelihood's derivative by the trait's variance where it is 0, twice it."""
    model = units.models[0]
    link = model.link

    def by_unit(coefficients: Floats) -> Floats:
        found = np.zeros(len(units.lived.starts))
        for panel, sign in ((units.lived, 1), (units.before, -1)):
            if panel is not None:
                slope, bend = _derivatives(link, panel.y, panel.x @ coefficients)
                found[panel.who] += sign * (panel.sums(slope) ** 2 - panel.sums(bend))
        return found

    def mean(weights: Floats, coefficients: Floats) -> Floats:
        return np.array([weights @ by_unit(coefficients) / weights.sum()])

    def statistic(data: Data, fit: Fit) -> Floats:
        return mean(np.bincount(units.unit, data.weight) / np.bincount(units.unit), fit.coefficients)

    weights, coefficients = units.weights(), model.fit.coefficients
    steps = np.diag(STEP * np.maximum(np.abs(coefficients), 1))
    slopes = [(mean(weights, coefficients + s) - mean(weights, coefficients - s)) / (2 * s.sum()) for s in steps]
    each = by_unit(coefficients)
    own = np.zeros(len(units.unit))
    own[units.lived.row[units.lived.starts]] = weights * (each - weights @ each / weights.sum()) / weights.sum()
    return model.found(statistic, np.array(slopes).T, [own])


@dataclass(frozen=True, eq=False)
class Likelihood:
    """Log likelihood given that the units were met: that of all years less that of the years before."""

    value: float
    score: Floats
    information: Floats
    outer: Floats
    lived: Integral
    before: Integral | None


def solve(units: Units, weights: Floats, start: Floats) -> tuple[Floats, Likelihood]:
    """Parameters at which the weighted likelihood is highest, and all about it there; weights: of the units.

    Newton's steps, by the outer product of scores where the information is not positive definite, halved until the
    likelihood rises. Raises Problem where none is found.
    """
    current, now = start, _likelihood(units, weights, start)
    for _ in range(ROUNDS):
        step = np.linalg.solve(_definite(now), now.score)
        gain = float(now.score @ step) / float(weights.mean())
        if gain < DONE:
            return _ended(units, weights, current + step)
        for _ in range(HALVINGS):
            there = _likelihood(units, weights, current + step)
            if there.value >= now.value:
                break
            step = step / 2
        else:
            if gain < NEAR:  # what is left to gain is less than the error of the quadrature
                return _ended(units, weights, current)
            break
        current, now = current + step, there
    raise reference.problem("estimate.no_solution", rounds=ROUNDS)


def _ended(units: Units, weights: Floats, parameters: Floats) -> tuple[Floats, Likelihood]:
    """The trait's direction is a matter of words: upwards in the last process."""
    count = len(units.models)
    upward = np.where(parameters[-1] < 0, -1.0, 1.0)
    parameters = np.append(parameters[:-count], upward * parameters[-count:])
    return parameters, _likelihood(units, weights, parameters)


def _likelihood(units: Units, weights: Floats, parameters: Floats) -> Likelihood:
    link, lived, before = units.models[0].link, units.lived, units.before
    one = integral(lived, weights[lived.who], link, parameters)
    of_units = lived.sums(one.scores)
    value, information, other = float(weights[lived.who] @ one.logs), one.information, None
    if before is not None:
        other = integral(before, weights[before.who], link, parameters)
        of_units[np.searchsorted(lived.who, before.who)] -= before.sums(other.scores)
        value -= float(weights[before.who] @ other.logs)
        information = information - other.information
    weighted = of_units * weights[lived.who][:, None]
    return Likelihood(value, weighted.sum(axis=0), information, weighted.T @ of_units, one, other)


def _definite(now: Likelihood) -> Floats:
    """The information where it is positive definite, else the outer product of the scores."""
    try:
        np.linalg.cholesky(now.information)
    except np.linalg.LinAlgError:
        return now.outer + 1e-8 * np.diag(np.diagonal(now.outer))
    return now.information


def integral(panel: Panel, weights: Floats, link: Link, parameters: Floats, nodes: int = NODES) -> Integral:
    """The likelihood of each unit integrated over its trait; information = -(second derivatives), weighted."""
    count, place = panel.load.shape[1], panel.place
    eta, pull = panel.x @ parameters[:-count], panel.load @ parameters[-count:]
    traits, share, logs = _quadrature(panel, link, eta, pull, nodes)
    size = len(parameters)
    moments, between = np.zeros((5, len(eta))), np.zeros((size, size))
    for part, trait in zip(share, traits, strict=True):
        own, weight = trait[place], part[place]
        slope, bend = _derivatives(link, panel.y, eta + pull * own)
        for moment, value in zip(moments, (slope, slope * own, bend, bend * own, bend * own**2), strict=True):
            moment += weight * value
        sums = panel.sums(np.column_stack([panel.x * slope[:, None], panel.load * (slope * own)[:, None]]))
        between += (sums * (part * weights)[:, None]).T @ sums
    score, score_v, curve, curve_v, curve_vv = moments
    scores = np.column_stack([panel.x * score[:, None], panel.load * score_v[:, None]])
    of_units, weight = panel.sums(scores), weights[place]
    between -= (of_units * weights[:, None]).T @ of_units
    cross = (panel.x * (weight * curve_v)[:, None]).T @ panel.load
    within = np.block(
        [
            [(panel.x * (weight * curve)[:, None]).T @ panel.x, cross],
            [cross.T, (panel.load * (weight * curve_vv)[:, None]).T @ panel.load],
        ]
    )
    return Integral(logs, scores, within - between)


def _quadrature(panel: Panel, link: Link, eta: Floats, pull: Floats, nodes: int) -> tuple[Floats, Floats, Floats]:
    """Traits at which to look (nodes × units), what each counts for given the unit's rows, and log likelihoods."""
    mode, place = np.zeros(len(panel.starts)), panel.place
    for _ in range(MODE_ROUNDS):
        slope, bend = _derivatives(link, panel.y, eta + pull * mode[place])
        mode += np.clip((panel.sums(pull * slope) - mode) / (1 + panel.sums(pull**2 * bend)), -2, 2)
    _, bend = _derivatives(link, panel.y, eta + pull * mode[place])
    spread = 1 / np.sqrt(1 + panel.sums(pull**2 * bend))
    points, masses = hermgauss(nodes)
    traits = mode + np.sqrt(2) * spread * points[:, None]
    logs = np.log(masses)[:, None] + points[:, None] ** 2 + np.log(spread / np.sqrt(np.pi)) - traits**2 / 2
    for node, trait in enumerate(traits):
        logs[node] += panel.sums(-link.deviance(panel.y, eta + pull * trait[place]) / 2)
    total = logsumexp(logs, axis=0)
    return traits, np.exp(logs - total), np.asarray(total)


def _derivatives(link: Link, y: Floats, eta: Floats) -> tuple[Floats, Floats]:
    """First derivative of each row's log likelihood by eta, and the second with its sign turned."""
    score = link.score(eta)
    slope = np.asarray((y - link.mean(eta)) * score)
    if link.canonical:
        return slope, np.asarray(link.information(eta))
    return slope, np.where(y > 0, slope * (score - 1), -slope)  # cloglog


def _blocks(tables: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Tables of several processes as one, each with its own columns, and which process each row is of."""
    load = np.repeat(np.eye(len(tables)), [len(table) for table in tables], axis=0)
    return np.asarray(block_diag(*tables)), load


def years_before(model: Model, sample: pd.DataFrame, periods: Periods, x: Floats) -> tuple[Floats, Ints]:
    """A row for every year of a spell before the first one seen, with the predictors of that one; and its number."""
    years = sample[periods.duration].to_numpy(np.float64)
    at = pd.Series(periods.order(sample, years)[model.unit])
    first = at.groupby(periods.spells(sample).to_numpy()[model.unit]).transform("idxmin").to_numpy() == np.arange(
        len(at)
    )
    years = years[model.unit]
    codes = levels_of(model, periods.duration) if periods.duration in model.terms.columns else {}
    rows, tables = [np.zeros(0, dtype=np.int64)], [np.zeros((0, x.shape[1]))]
    for year in range(1, int(years[first].max(initial=1))):
        late = np.flatnonzero(first & (years > year))
        label = periods.label(year)
        if label in codes:  # of a year that nobody was seen in the model knows nothing
            table = x[late].copy()
            for place, column in Level(model, periods.duration, codes[label]).columns().items():
                table[:, place + 1] = column[late]
            rows.append(late)
            tables.append(table)
    return np.concatenate(tables), np.concatenate(rows)


def averaged_over(link: Link, deviation: float, nodes: int = NODES) -> Link:
    """The link of the mean over the trait: what a population does whose members have traits of that deviation."""
    points, masses = hermgauss(nodes)
    shifts, shares = np.sqrt(2) * deviation * points, masses / np.sqrt(np.pi)

    def over(function: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
        def mean(eta: Floats) -> Floats:
            return np.sum([share * function(eta + shift) for share, shift in zip(shares, shifts, strict=True)], axis=0)

        return mean

    return replace(link, mean=over(link.mean), slope=over(link.slope), curvature=over(link.curvature))
