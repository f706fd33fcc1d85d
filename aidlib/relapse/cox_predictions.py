"""What a Cox model says in numbers a reader understands: cumulative hazards, and probabilities of the event by a time.

The cumulative baseline hazard of a stratum is H0(t) = sum over its event times k <= t of D/S0 (with Efron's ties the
sum over l of D/d / f_kl); a row's probability of the event by t is 1 - exp(-H0(t) exp(xb)). Their errors count those
of the coefficients and of the baseline, linearised together. Source: Lin (2000), Biometrika 87(1), 37-47.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Unpack

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.domains import column_codes, text
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.regression import Shared, is_flag
from aidlib.estimate.sampling import Floats, finite
from aidlib.estimate.study import Found
from aidlib.poverty.intervals import log
from aidlib.relapse.cox import EVENTS, Columns, Model, flagged
from aidlib.relapse.durations import SAME
from aidlib.relapse.histories import names_of
from aidlib.relapse.risk_sets import Grouped


def baseline_hazard(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    times: Sequence[float],
    at: Mapping[str, Any] | None = None,
    df: str = "design",
    base: str | None = None,
    **columns: Unpack[Columns],
) -> Estimates:
    """Cumulative hazard of Cox's model by ``time`` (key columns: the strata's, "stratum" for several, and ``time``).

    at: the values of predictors for which it holds, {"age": 45, "grade": "deep"}; those not named are 0 or at their
    reference. columns: of the model, as ``cox``. Interval on the logarithm; ``count``: events of the stratum up to the
    time. No value after the last observation of a stratum. exp(-H) is the survival of such a unit.
    Raises Problem for times below 0, an ``at`` that is no value of a predictor, and as ``cox``.

    >>> import pandas as pd
    >>> spells = pd.DataFrame({"years": [1, 2, 2, 3, 4, 5], "left": [1, 1, 0, 1, 1, 0], "ill": [0, 1, 0, 0, 1, 1]})
    >>> options = {"duration": "years", "event": "left", "predictors": ["ill"]}
    >>> baseline_hazard(spells, None, times=[1, 2], **options).rows["estimate"].round(4).tolist()
    [0.2484, 0.5789]
    """
    asked = np.unique(np.asarray(times, dtype=np.float64))
    if not len(asked) or not (np.isfinite(asked) & (asked >= 0)).all():
        raise reference.problem("relapse.times")
    model = Model.of(sample, design, df=df, base=base, **columns)
    lines = [(stratum, time) for stratum in range(len(model.histories.names)) for time in asked]
    x = (profile(model, at or {}) - model.mean) / model.scale
    sets = model.point.likelihood.sets
    inside = [(sets.stratum == stratum) & up_to(sets.times, time) for stratum, time in lines]
    chosen = np.stack(inside, axis=1) * np.exp(x @ model.point.beta)
    hazard = chosen.T @ model.point.a
    last = last_seen(model)
    known = np.array([up_to(time, last[stratum]) for stratum, time in lines])
    none = np.zeros((len(sample), len(hazard)))
    found = found_of(model, np.where(known, hazard, np.nan), none, np.outer(x, hazard), chosen)
    n, count, total = _sizes(model, lines)
    keys = pd.DataFrame({"time": [text(time) for _, time in lines]}, dtype="str")
    strata = names_of(columns.get("strata"))
    if strata:
        keys.insert(0, strata[0] if len(strata) == 1 else "stratum", [model.histories.names[s] for s, _ in lines])
    result = model.study.estimates(
        found,
        measure="cumulative_hazard",
        unit="number",
        method="relapse_baseline_hazard",
        keys=keys,
        interval=log,
        n=n,
        count=count,
    )
    return flagged(replace(result, kind="curve"), total < EVENTS)


def event_probabilities(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    time: float,
    df: str = "design",
    base: str | None = None,
    **columns: Unpack[Columns],
) -> Estimates:
    """How many percentage points each predictor adds to the probability of the event by ``time`` (key ``term``).

    For every row the model gives the probability of the event by ``time`` with the predictor at a level and at its
    reference, all else as it is; the estimate is the weighted mean of the difference (g-computation). Of a number the
    levels are the row's own value and one more, of a 0/1 column 1 and 0. columns: of the model, as ``cox``; with
    ``cause`` the probability is that of a world without the other ends. In pp as fractions; n and ``count`` as ``cox``.
    No value after the last observation of a stratum.

    >>> import pandas as pd
    >>> spells = pd.DataFrame({"years": [1, 2, 2, 3, 4, 5], "left": [1, 1, 0, 1, 1, 0], "ill": [0, 1, 0, 0, 1, 1]})
    >>> options = {"duration": "years", "event": "left", "predictors": ["ill"]}
    >>> event_probabilities(spells, None, time=2, **options).rows["estimate"].round(4).tolist()
    [-0.2599]
    """
    if not np.isfinite(time) or time < 0:
        raise reference.problem("relapse.times")
    model = Model.of(sample, design, df=df, base=base, **columns)
    singles = [place for place, name in enumerate(model.terms.names) if column_of(model, name) is not None]
    parts = [_difference(model, time, model.terms.names[place]) for place in singles]
    own, slopes, chosen = (np.stack(part, axis=1) for part in zip(*parts, strict=True))
    share = model.study.sampling.weight[model.unit]
    share = share / share.sum()
    estimate = share @ own
    table = np.zeros((len(sample), len(singles)))
    table[model.unit] = share[:, None] * (own - estimate)
    if not up_to(time, last_seen(model)).all():
        estimate = np.full(len(singles), np.nan)
    n, count = (values[singles] for values in model.sizes())
    result = model.study.estimates(
        found_of(model, estimate, table, slopes, chosen),
        measure="probability_difference",
        unit="pp",
        method="relapse_event_probabilities",
        keys=pd.DataFrame({"term": [model.terms.names[place] for place in singles]}, dtype="str"),
        n=n,
        count=count,
    )
    return flagged(replace(result, kind="effect"), model.few(model.sizes()[1])[singles])


def found_of(model: Model, estimate: Floats, own: Floats, slopes: Floats, chosen: Floats) -> Found:
    """Statistics of a Cox model with their influence.

    own: sample rows × q, what rows add by themselves; slopes: p × q, derivatives by the (standardised) coefficients
    where the baseline stays; chosen: K × q, derivatives by the hazard's step at each event time.
    """
    point, sets = model.point, model.point.likelihood.sets
    ties = point.likelihood.tied
    s1, e1 = point.sums
    drift = slopes - (s1 * point.c0[:, None] - e1 * point.c1[:, None]).T @ chosen
    direct = -sets.during(chosen * point.c0[:, None])
    times = sets.event[ties.rows]
    direct[ties.rows] += (chosen * point.c1[:, None])[times]
    direct *= point.risk[:, None]
    step = (chosen * (point.a / ties.weight)[:, None])[times]
    direct[ties.rows] += step * point.likelihood.weight[ties.rows, None]
    mix = np.vstack([np.linalg.solve(point.information(), drift), np.eye(len(estimate))])
    values = model.by_row(np.hstack([point.residuals(), direct]))
    values[:, len(model.scale) :] += own
    members = Shared(model.unit, np.zeros(0, dtype=np.int64), len(estimate), len(model.unit) == len(own))
    return Found(members, estimate, model.influence(values, mix))


def _sizes(model: Model, lines: Sequence[tuple[int, float]]) -> tuple[Floats, Floats, Floats]:
    """For each stratum and time the rows, the events up to the time, and all events of the stratum."""
    histories, unit = model.histories, model.unit
    rows, events = (
        Grouped.of(np.where(kept, histories.stratum, -1)[unit], len(histories.names))
        for kept in (True, histories.event)
    )
    stops = [np.sort(histories.stop[unit][events.rows[a:b]]) for a, b in pairwise(events.bounds)]
    count = [np.searchsorted(stops[stratum], time * (1 + SAME), side="right") for stratum, time in lines]
    place = [stratum for stratum, _ in lines]
    n, total = np.diff(rows.bounds)[place], np.diff(events.bounds)[place]
    return n.astype(np.float64), np.array(count, dtype=np.float64), total.astype(np.float64)


def up_to(times: Any, limit: Any) -> Any:
    """Which times lie up to the limit, rounding aside."""
    return times <= limit * (1 + SAME)


def last_seen(model: Model) -> Floats:
    """By stratum the end of the last observation."""
    found = np.zeros(len(model.histories.names))
    np.maximum.at(found, model.histories.stratum[model.unit], model.histories.stop[model.unit])
    return found


def column_of(model: Model, term: str) -> str | None:
    """The column that a term stands for; None for a product."""
    column = term.partition("=")[0]
    return column if column in model.study.sample else None


def profile(model: Model, at: Mapping[str, Any]) -> Floats:
    """The terms of a unit with these values of predictors, the others 0 or at their reference."""
    values: dict[str, float] = {}
    parts = {part.partition("=")[0] for name in model.terms.names for part in parts_of(model, name)}
    for column, value in at.items():
        if column not in parts:
            raise reference.problem("relapse.no_predictor", column=column, known=", ".join(sorted(parts)))
        if column in model.terms.names:
            values[column] = float(value)
            continue
        levels = column_codes(model.study.sample[column])[1]
        if text(value) not in levels:
            raise reference.problem("relapse.no_level", column=column, value=text(value), known=", ".join(levels))
        values |= {f"{column}={level}": float(level == text(value)) for level in levels}
    return np.array([np.prod([values.get(part, 0.0) for part in parts_of(model, n)]) for n in model.terms.names])


def parts_of(model: Model, term: str) -> list[str]:
    """A term itself, or the factors of a product."""
    return [term] if column_of(model, term) is not None else term.split(":")


def _difference(model: Model, time: float, name: str) -> tuple[Floats, Floats, Floats]:
    """One term's effect: by row of the model, its derivatives by the coefficients, and by the hazard's steps."""
    point, stratum, weight = model.point, model.histories.stratum[model.unit], model.study.sampling.weight[model.unit]
    sets = point.likelihood.sets
    inside = up_to(sets.times, time).astype(np.float64)
    strata = len(model.histories.names)
    hazard = np.bincount(sets.stratum, weights=inside * point.a, minlength=strata)[stratum]
    own, slope, chosen = np.zeros(len(weight)), np.zeros(len(model.scale)), np.zeros(len(sets.times))
    for values, sign in zip(_levels(model, name), (1.0, -1.0), strict=True):
        x = (_rows_at(model, values) - model.mean) / model.scale
        risk = np.exp(x @ point.beta)
        left = np.exp(-hazard * risk)
        own += sign * (1 - left)
        by_hazard = sign * weight / weight.sum() * left * risk
        slope += x.T @ (by_hazard * hazard)
        chosen += inside * np.bincount(stratum, weights=by_hazard, minlength=strata)[sets.stratum]
    return own, slope, chosen


def _levels(model: Model, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The terms of a predictor at the level ``name``, or one above the row's own number, and at what it is beside."""
    column, names = column_of(model, name), model.terms.names
    values = model.terms.matrix[model.unit, names.index(name)]
    if name == column and not is_flag(values):
        return {name: values + 1}, {name: values}
    reference_level = {n: 0.0 for n in names if n.startswith(f"{column}=") and ":" not in n}
    return reference_level | {name: 1.0}, reference_level | {name: 0.0}


def _rows_at(model: Model, values: Mapping[str, Any]) -> Floats:
    """The model's rows × terms with some terms, and the products they stand in, at other values."""
    found = model.terms.matrix[model.unit].copy()
    for place, name in enumerate(model.terms.names):
        parts = parts_of(model, name)
        if any(part in values for part in parts):
            found[:, place] = 1.0
            for part in parts:
                found[:, place] *= values[part] if part in values else _column(model, part)
    return found


def _column(model: Model, part: str) -> Floats:
    """The values of a part of a product in the model's rows."""
    if part in model.terms.names:
        return model.terms.matrix[model.unit, model.terms.names.index(part)]
    column, _, level = part.partition("=")
    if column == part:
        return finite(model.study.sample, column)[model.unit]
    codes, levels = column_codes(model.study.sample[column])
    return (codes == levels.index(level)).astype(np.float64)[model.unit]
