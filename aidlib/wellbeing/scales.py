"""Likert scales: scores, reliability with design-based errors, and what each item adds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import Members, texts
from aidlib.estimate.intervals import critical
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Found
from aidlib.wellbeing.answers import Answers, answers
from aidlib.wellbeing.one_factor import loading_slopes, loadings, omega, ordinal_alpha
from aidlib.wellbeing.polychoric import Polychoric, polychoric

By = str | Sequence[str] | None
ANSWERED = 0.8  # share of the items that a score needs
LEAST = 3  # items that a factor needs


def score(
    sample: pd.DataFrame,
    items: Sequence[str],
    reversed: Sequence[str] = (),
    *,
    limits: tuple[float, float] | None = None,
) -> pd.Series:
    """Mean of the answered items, reversed ones turned, in points of the scale; missing below four fifths answered.

    limits: the scale's ends (None: those of the data dictionary). Raises Problem as ``answers``.

    >>> sample = pd.DataFrame({"strain_1": [1.0, 4, 5], "strain_2": [2.0, 4, 5], "strain_4": [5.0, 3, None]})
    >>> score(sample, ["strain_1", "strain_2", "strain_4"], reversed=["strain_4"]).round(3).tolist()
    [1.333, 3.667, nan]
    """
    given = answers(sample, items, reversed, limits).values
    known = np.isfinite(given)
    enough = known.mean(axis=1) >= ANSWERED
    sums = np.where(known, given, 0.0).sum(axis=1)
    return pd.Series(np.where(enough, sums / np.maximum(known.sum(axis=1), 1), np.nan), sample.index, name="score")


def reliability(
    sample: pd.DataFrame,
    design: Design | None,
    items: Sequence[str],
    reversed: Sequence[str] = (),
    *,
    limits: tuple[float, float] | None = None,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Alpha, ordinal alpha and ordinal omega of a scale; key column ``coefficient``.

    alpha: Cronbach's, of the answers as numbers. ordinal_alpha and omega: of the normal variables behind the ordered
    answers, from polychoric correlations and one factor. Of households that answered every item. Errors linearised,
    intervals on log(1 - coefficient). Raises Problem as ``answers``, and for fewer than three items.
    """
    given = scale(sample, items, reversed, limits)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    members = study.domains.members.where(given.complete)
    parts = [_alpha(study, members, given.values[members.unit]), *_latent(study, members, given)]
    return study.estimates(
        joined(study, members, parts),
        measure="reliability",
        unit="number",
        method="wellbeing_reliability",
        keys=pd.DataFrame({"coefficient": texts(["alpha", "ordinal_alpha", "omega"])}),
        interval=below_one,
    )


def item_statistics(
    sample: pd.DataFrame,
    design: Design | None,
    items: Sequence[str],
    reversed: Sequence[str] = (),
    *,
    limits: tuple[float, float] | None = None,
    by: By = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Of each item (key ``item``) its mean and standard deviation, its correlation with the sum of the others, its
    loading on the one factor, and alpha without it; key ``statistic`` says which.

    Reversed items are turned before. Of households that answered every item. Raises Problem as ``reliability``.
    """
    given = scale(sample, items, reversed, limits)
    study = Study.of(sample, design, by=by, df=df, base=base)
    members = study.domains.members.where(given.complete)
    values = given.values[members.unit]
    parts: list[Part] = []
    factor = loadings_of(study, members, given)
    for place in range(len(given.items)):
        others = np.delete(values, place, axis=1)
        moments = _moments(study, members, np.column_stack([values[:, place], others.sum(axis=1)]))
        parts += [moments["mean"], moments["sd"], moments["item_rest"], factor[place], _alpha(study, members, others)]
    lines = list(product(given.items, ("mean", "sd", "item_rest", "loading", "alpha_without")))
    return study.estimates(
        joined(study, members, parts),
        measure="item_statistic",
        unit="number",
        method="wellbeing_item_statistics",
        keys=pd.DataFrame({"item": texts([i for i, _ in lines]), "statistic": texts([s for _, s in lines])}),
    )


Part = tuple[Floats, Floats]  # a number for each domain, and what each pair of members adds to its influence


def joined(study: Study, members: Members, parts: Sequence[Part]) -> Found:
    """Statistics of the same members as one: row = domain × number of parts + part."""
    estimate = np.stack([part[0] for part in parts], axis=1).ravel()
    split = members.split(len(parts))
    scores = np.stack([part[1] for part in parts], axis=1).ravel()
    return Found(split, estimate, study.influence(split, np.nan_to_num(scores)))


def below_one(estimate: Floats, se: Floats, df: Floats, n: Floats, psus: Floats) -> Floats:
    """Wald on log(1 - estimate): a reliability cannot be above 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        half = critical(df) * se / (1 - estimate)
        return np.stack([1 - (1 - estimate) * np.exp(half), 1 - (1 - estimate) * np.exp(-half)])


def loadings_of(study: Study, members: Members, given: Answers) -> list[Part]:
    """The items' loadings on one factor behind their polychoric correlations."""
    found = correlations(study, members, given)
    values = loadings(found.correlation, len(given.items))
    slopes = loading_slopes(found.correlation, values)
    return [(values[:, k], found.scores(slopes[:, k])) for k in range(len(given.items))]


def correlations(study: Study, members: Members, given: Answers) -> Polychoric:
    """Polychoric correlations of the items by domain."""
    weight = members.at(study.sampling.weight)
    return polychoric(members, weight, given.codes(members.unit), given.categories)


def scale(
    sample: pd.DataFrame, items: Sequence[str], reversed: Sequence[str], limits: tuple[float, float] | None
) -> Answers:
    """The answers of a scale that a factor can be fitted to; Problem for fewer than three items, or constant ones."""
    given = answers(sample, items, reversed, limits).varied()
    if len(given.items) < LEAST:
        raise reference.problem("wellbeing.few_items", least=LEAST, found=len(given.items))
    return given


def _alpha(study: Study, members: Members, values: Floats) -> Part:
    """k / (k - 1) (1 - sum of the items' variances / variance of their sum) (Cronbach 1951, Psychometrika 16)."""
    items = values.shape[1]
    share = shares(study, members)
    own = sum((_centred(members, share, column) ** 2 for column in values.T), start=np.zeros(len(values)))
    whole = _centred(members, share, values.sum(axis=1)) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        below = members.sum(share * whole)
        ratio = members.sum(share * own) / below
    factor = items / (items - 1)
    scores = -factor * share * (own - ratio[members.row] * whole) / below[members.row]
    return factor * (1 - ratio), scores


def _latent(study: Study, members: Members, given: Answers) -> list[Part]:
    """Ordinal alpha and omega."""
    found = correlations(study, members, given)
    items = len(given.items)
    alpha, slope = ordinal_alpha(found.correlation, items)
    own = found.scores(np.repeat(slope[:, None], found.correlation.shape[1], axis=1))
    factor = loadings(found.correlation, items)
    value, by_loading = omega(factor)
    slopes = (by_loading[:, None, :] @ loading_slopes(found.correlation, factor))[:, 0]
    return [(alpha, own), (value, found.scores(slopes))]


def shares(study: Study, members: Members) -> Floats:
    """Each member's share of the weight of its domain."""
    weight = members.at(study.sampling.weight)
    return np.divide(weight, members.sum(weight)[members.row], out=np.zeros_like(weight), where=weight > 0)


def _centred(members: Members, share: Floats, values: Floats) -> Floats:
    return np.asarray(values - members.sum(share * values)[members.row])


def _moments(study: Study, members: Members, pair: Floats) -> dict[str, Part]:
    """Mean and standard deviation of an item (first column), its correlation with the others (second)."""
    share = shares(study, members)
    one, other = (_centred(members, share, column) for column in pair.T)
    variance, rest, both = (members.sum(share * each) for each in (one**2, other**2, one * other))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = both / np.sqrt(variance * rest)
        a, b = (each / np.sqrt(size)[members.row] for each, size in ((one, variance), (other, rest)))
        at = r[members.row]
        spread = np.sqrt(variance)
        return {
            "mean": (members.sum(share * pair[:, 0]), share * one),
            "sd": (spread, share * (one**2 - variance[members.row]) / (2 * spread[members.row])),
            "item_rest": (r, share * (a * b - at * (a**2 + b**2) / 2)),
        }
