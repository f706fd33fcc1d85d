"""Change of an ordered answer within the same household: the conditional logit at every cut, blown up and clustered.

At each cut of the answers the household's waves are above it or not; given how many are, the household's own level
drops out (Chamberlain 1980, Rev. Econ. Stud. 47(1), 225-238). All cuts share one set of coefficients, each household
standing once for each cut on which it changes, its copies in one cluster ("BUC": Baetschmann, Staub & Winkelmann 2015,
J. R. Stat. Soc. A 178(3), 685-703).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import column_codes, texts
from aidlib.estimate.regression import Shared, influence_of
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Found
from aidlib.estimate.terms import terms
from aidlib.wellbeing.pathways import wave_names

MOST = 12  # waves of a household: beyond, the subsets of waves are too many to be gone through
ROUNDS = 60
EXACT = 1e-11
FAR = 25.0


@dataclass(frozen=True, eq=False)
class Stack:
    """Copies of households with the same number of waves, and of waves above the cut.

    rows: the sample's rows of each copy's waves, copies × waves; x: copies × waves × terms; above: the sum of x over
    the waves above, copies × terms; subsets: every choice of so many waves, subsets × waves of 0 and 1.
    """

    rows: Ints
    x: Floats
    above: Floats
    subsets: Floats


def ordered_within(
    panel: pd.DataFrame,
    design: Design | None,
    outcome: str,
    predictors: Sequence[str],
    *,
    unit: str = "household_id",
    time: str | None = "year",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Log odds of a higher answer that go with change in the same household; key column ``term``.

    ``outcome`` and ``predictors`` as in ``ordered_logit``, ``unit`` and ``time`` as in ``within_households``. A
    household weighs its mean weight over its waves and counts if its answer changes (``n``: rows of such households).
    Errors linearised, clusters those of the design, which must hold households whole.
    Raises Problem for predictors that never change in a household whose answer does, an outcome that changes in none,
    households with more than twelve waves, and terms that tell the answers apart without error.

    >>> panel = pd.DataFrame({"id": [1, 1, 2, 2, 3, 3, 4, 4], "x": [0.0, 1] * 4, "y": [1, 2, 1, 3, 2, 1, 1, 2]})
    >>> ordered_within(panel, None, "y", ["x"], unit="id", time=None).rows["estimate"].round(6).item()
    1.386294
    """
    study = Study.of(panel, design, df=df, base=base)
    waves = [] if time is None else [time]
    frame = panel.assign(**{name: wave_names(panel[name]) for name in waves if name in panel})
    codes, household = _coded(panel, outcome, unit)
    usable = (codes >= 0) & (household >= 0) & (study.sampling.weight > 0)
    found = terms(frame, [*predictors, *waves], usable)
    kept = np.flatnonzero(usable & found.complete)
    kept = kept[np.argsort(household[kept], kind="stable")]
    stacks = list(_stacks(codes[kept], household[kept], found.matrix[kept], kept))
    if not stacks:
        raise reference.problem("wellbeing.no_change_within", terms=outcome, unit=unit)
    _check_change(stacks, found.names, unit)
    values, inverse = _solve(stacks, study.sampling.weight, found.names)
    own = [place for place, factor in enumerate(found.factors) if factor not in waves]
    changing = np.unique(np.concatenate([stack.rows.ravel() for stack in stacks]))
    members = Shared(changing, np.zeros(0, dtype=np.int64), len(own))
    if study.sampling.replicates is not None:
        thetas = _replicated(stacks, study.sampling.replicates, found.names)
        influence = study.deviations(values[own], thetas[own])
    else:
        table = _scores(values, stacks, study.sampling.weight, len(panel))
        influence = influence_of(study, np.arange(len(panel)), iter(table.T), inverse[:, own])
    result = study.estimates(
        Found(members, values[own], influence),
        measure="coefficient",
        unit="number",
        method="wellbeing_ordered_within",
        keys=pd.DataFrame({"term": texts([found.names[place] for place in own])}),
    )
    return replace(result, kind="effect")


def _coded(panel: pd.DataFrame, outcome: str, unit: str) -> tuple[Ints, Ints]:
    for name in (outcome, unit):
        if name not in panel:
            raise reference.problem("estimate.no_column", column=name)
    return column_codes(panel[outcome])[0], pd.factorize(panel[unit])[0]


def _stacks(codes: Ints, household: Ints, x: Floats, rows: Ints) -> Iterator[Stack]:
    """Rows sorted by household, as copies for each cut on which a household changes, alike ones together."""
    starts = np.flatnonzero(np.r_[True, household[1:] != household[:-1]])
    waves = np.diff(np.r_[starts, len(household)])
    if waves.max(initial=0) > MOST:
        raise reference.problem("wellbeing.many_waves", most=MOST, found=int(waves.max()))
    cuts = np.unique(codes)[:-1]
    for length in np.unique(waves[waves > 1]):
        place = starts[waves == length][:, None] + np.arange(length)
        above = codes[place] > cuts[:, None, None]
        number = above.sum(axis=2)
        for high in range(1, length):
            cut, home = np.nonzero(number == high)
            if len(home):
                chosen = np.array([np.isin(np.arange(length), c) for c in combinations(range(length), high)])
                at = place[home]
                inside = np.einsum("ct,ctp->cp", above[cut, home].astype(np.float64), x[at])
                yield Stack(rows[at], x[at], inside, chosen.astype(np.float64))


def _check_change(stacks: Sequence[Stack], names: Sequence[str], unit: str) -> None:
    still = np.all([(np.ptp(stack.x, axis=1) == 0).all(axis=0) for stack in stacks], axis=0)
    if still.any():
        terms_said = ", ".join(name for name, held in zip(names, still, strict=True) if held)
        raise reference.problem("wellbeing.no_change_within", terms=terms_said, unit=unit)


def _solve(stacks: Sequence[Stack], weight: Floats, names: Sequence[str]) -> tuple[Floats, Floats]:
    """Coefficients at the maximum of the weighted conditional likelihood, and the inverse information; Newton."""
    width = _width(stacks)
    current = np.zeros(len(names))
    height = -np.inf
    step = current
    for _ in range(ROUNDS):
        there, score, information = _sums(current + step, stacks, weight)
        if there < height - 1e-12 * abs(height):
            step = step / 2
            continue
        current, height = current + step, there
        if np.abs(current * width).max() > FAR or np.linalg.cond(information * np.outer(1 / width, 1 / width)) > 1e14:
            break
        step = np.asarray(np.linalg.solve(information, score), dtype=np.float64)
        if np.abs(step * width).max() < EXACT:
            return current + step, np.asarray(np.linalg.inv(information), dtype=np.float64)
    far = np.abs(current * width) > FAR / 2
    named = [name for name, beyond in zip(names, far, strict=True) if beyond] or names
    raise reference.problem("estimate.separation", terms=", ".join(named))


def _width(stacks: Sequence[Stack]) -> Floats:
    """Standard deviation of the terms within households."""
    within = [(stack.x - stack.x.mean(axis=1, keepdims=True)).reshape(-1, stack.x.shape[2]) for stack in stacks]
    return np.asarray(np.sqrt((np.concatenate(within) ** 2).mean(axis=0)), dtype=np.float64)


def _chances(values: Floats, stack: Stack) -> tuple[Floats, Floats]:
    """Probability of every subset of waves, copies × subsets, and the log likelihood of each copy."""
    along = (stack.x @ values) @ stack.subsets.T
    total = logsumexp(along, axis=1)
    return np.exp(along - total[:, None]), stack.above @ values - total


def _sums(values: Floats, stacks: Sequence[Stack], weight: Floats) -> tuple[float, Floats, Floats]:
    """Log likelihood, score and information of all copies."""
    size = len(values)
    height, score, information = 0.0, np.zeros(size), np.zeros((size, size))
    for stack in stacks:
        chance, likelihood = _chances(values, stack)
        heavy = weight[stack.rows].mean(axis=1)
        waves = stack.rows.shape[1]
        pairs = (stack.subsets[:, :, None] * stack.subsets[:, None]).reshape(len(stack.subsets), -1)
        together = (chance @ pairs).reshape(-1, waves, waves)
        mean = np.einsum("ct,ctp->cp", chance @ stack.subsets, stack.x)
        second = np.einsum("ctp,ctu,cuq->pq", stack.x, together * heavy[:, None, None], stack.x, optimize=True)
        height += float(heavy @ likelihood)
        score += heavy @ (stack.above - mean)
        information += second - (mean * heavy[:, None]).T @ mean
    return height, score, information


def _scores(values: Floats, stacks: Sequence[Stack], weight: Floats, size: int) -> Floats:
    """Each household's weighted score, at the row of its first wave: sample rows × terms."""
    out = np.zeros((size, len(values)))
    for stack in stacks:
        chance, _ = _chances(values, stack)
        mean = np.einsum("ct,ctp->cp", chance @ stack.subsets, stack.x)
        np.add.at(out, stack.rows[:, 0], (stack.above - mean) * weight[stack.rows].mean(axis=1)[:, None])
    return out


def _replicated(stacks: Sequence[Stack], replicates: Floats, names: Sequence[str]) -> Floats:
    """Coefficients with each replicate's weights: terms × replicates; missing where there are none."""
    out = np.full((len(names), replicates.shape[1]), np.nan)
    for number, weight in enumerate(replicates.T):
        with contextlib.suppress(reference.Problem, np.linalg.LinAlgError):
            out[:, number] = _solve(stacks, weight, names)[0]
    return out
