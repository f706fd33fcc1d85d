"""What workers say of their life, of the aid, and of what they need most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study, proportion
from aidlib.estimate.domains import Members, texts
from aidlib.estimate.intervals import logit, wald
from aidlib.estimate.sampling import Floats, finite
from aidlib.estimate.study import Found
from aidlib.poverty.parts import beside

By = str | Sequence[str] | None
ASPECTS = ("satisfied_amount", "satisfied_speed", "satisfied_attitude", "satisfied_fairness")
POSITIVE, NEGATIVE = ("very_satisfied", "satisfied"), ("dissatisfied", "very_dissatisfied")
RATINGS = ("satisfied", "neutral", "dissatisfied", "net", "dont_know")
SCREEN = 3  # PHQ-2 from which a depressive disorder is to be looked into (Kroenke et al. 2003, Med. Care 41, 1284-1292)
LOW = 4  # life satisfaction, of 10, that counts as low
NOTHING = "none"  # asked, and wishes nothing of the list
SEPARATOR = ";"


def screened(
    sample: pd.DataFrame,
    design: Design | None,
    variable: str = "phq2",
    *,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share with a PHQ-2 of 3 or more: to be asked further, no diagnosis (Kroenke, Spitzer & Williams 2003).

    >>> screened(pd.DataFrame({"phq2": [0.0, 1, 3, 6, None]}), None).rows["estimate"].item()
    0.5
    """
    values = finite(sample, variable)
    flag = sample.assign(**{variable: np.where(np.isfinite(values), values >= SCREEN, np.nan)})
    found = proportion(flag, design, variable, by=by, margins=margins, df=df, base=base)
    return _told(found, "screened")


def low_satisfaction(
    sample: pd.DataFrame,
    design: Design | None,
    variable: str = "life_satisfaction",
    *,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share whose life satisfaction (0-10) is 4 or less."""
    values = finite(sample, variable)
    flag = sample.assign(**{variable: np.where(np.isfinite(values), values <= LOW, np.nan)})
    found = proportion(flag, design, variable, by=by, margins=margins, df=df, base=base)
    return _told(found, "low_satisfaction")


def pressure_bands(pressure: pd.Series) -> pd.Series:
    """Bands of economic pressure (1-5), codes of the list ``pressure_band``, to tell work and health by.

    >>> pressure_bands(pd.Series([1.9, 2.0, 3.5, 5.0, None])).tolist()
    ['below_2', 'from_2', 'from_3', 'from_4', nan]
    """
    codes = list(reference.codes("pressure_band"))
    banded = pd.cut(pressure, [-np.inf, 2, 3, 4, np.inf], right=False, labels=codes, ordered=True)
    return banded.rename("pressure_band")


def satisfaction(
    sample: pd.DataFrame,
    design: Design | None,
    aspects: Sequence[str] = ASPECTS,
    *,
    by: By = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """How satisfied households are with the aid, by aspect (key ``aspect``) and ``rating``.

    satisfied (4-5 of 5), neutral, dissatisfied (1-2): shares of those with an opinion, which add up to 1; net: the
    first less the last; dont_know (不了解): share of all who answered, never among the neutral. Raises Problem for a
    word that is not of the code list ``satisfaction``.
    """
    study = Study.of(sample, design, by=by, df=df, base=base)
    parts, counts, n = [], [], []
    for aspect in aspects:
        found, held = _ratings(study, aspect)
        parts += found
        counts += held
        n += [part.members.sum() for part in found]
    keys = pd.DataFrame({"aspect": np.repeat(list(aspects), len(RATINGS)), "rating": [*RATINGS] * len(aspects)})
    return study.estimates(
        beside(parts),
        measure="satisfaction",
        unit="share",
        method="wellbeing_satisfaction",
        keys=keys.astype("str"),
        interval=_net_on_its_own_scale,
        n=np.stack(n, axis=1).ravel(),
        count=np.stack(counts, axis=1).ravel(),
    )


def wishes(
    sample: pd.DataFrame,
    design: Design | None,
    variable: str = "wishes",
    *,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share of the households asked that name each wish (several may be named), key ``wish``; ``count``: who do.

    variable: codes joined by ";" in the order named, "none" where nothing is wished; missing: not asked.
    """
    ranks, codes = _ranks(sample, variable)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    asked = study.domains.members.where(sample[variable].notna().to_numpy())
    members = asked.split(len(codes))
    y = np.isfinite(ranks)[asked.unit].astype(np.float64).ravel()
    return study.estimates(
        study.mean(members, y),
        measure="named",
        unit="share",
        method="wellbeing_wishes",
        keys=pd.DataFrame({"wish": texts(codes)}),
        interval=logit,
        count=members.sum(y),
    )


def wish_ranks(
    sample: pd.DataFrame,
    design: Design | None,
    variable: str = "wishes",
    *,
    by: By = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Mean rank of each wish (key ``wish``) among the households that name it; 1 is named first."""
    ranks, codes = _ranks(sample, variable)
    study = Study.of(sample, design, by=by, df=df, base=base)
    members = study.domains.members.split(len(codes))
    y = ranks[study.domains.members.unit].ravel()
    named = np.isfinite(y)
    kept = Members(members.unit[named], members.row[named], members.rows)
    return study.estimates(
        study.mean(kept, y[named]),
        measure="mean_rank",
        unit="number",
        method="wellbeing_wish_ranks",
        keys=pd.DataFrame({"wish": texts(codes)}),
    )


def many_codes(values: pd.Series, codes: Sequence[str]) -> Floats:
    """Place (1, 2, …) of each code among the codes, joined by ";", of each row: rows × codes, missing where not there.

    Raises Problem for a word that is none of ``codes``.

    >>> many_codes(pd.Series(["b;a", "none", None, "a"]), ["a", "b"]).tolist()
    [[2.0, 1.0], [nan, nan], [nan, nan], [1.0, nan]]
    """
    said = values.notna() & (values.ne(NOTHING) | (NOTHING in codes))
    listed = values[said].astype("str").str.split(SEPARATOR).set_axis(np.flatnonzero(said)).explode().str.strip()
    each = listed[listed.ne("")]
    found = pd.Index(codes).get_indexer(pd.Index(each))
    if (found < 0).any():
        raise reference.problem("wellbeing.unknown_code", column=str(values.name), rows=int((found < 0).sum()))
    out = np.full((len(values), len(codes)), np.nan)
    out[each.index.to_numpy(), found] = each.groupby(level=0, sort=False).cumcount().to_numpy() + 1.0
    return out


def _ranks(sample: pd.DataFrame, variable: str) -> tuple[Floats, list[str]]:
    if variable not in sample:
        raise reference.problem("estimate.no_column", column=variable)
    codes = list(reference.order(variable)) or sorted(_words_of(sample[variable]))
    return many_codes(sample[variable], codes), codes


def _words_of(values: pd.Series) -> set[str]:
    return set(values.dropna().astype("str").str.split(SEPARATOR).explode().str.strip()) - {"", NOTHING}


def _ratings(study: Study, aspect: str) -> tuple[list[Found], list[Floats]]:
    """The five statistics of an aspect, and the units that carry each."""
    if aspect not in study.sample:
        raise reference.problem("estimate.no_column", column=aspect)
    values = study.sample[aspect]
    known = reference.codes("satisfaction")
    strange = values.notna() & ~values.isin(list(known))
    if strange.any():
        raise reference.problem("wellbeing.unknown_code", column=aspect, rows=int(strange.sum()))
    answered = study.domains.members.where(values.notna().to_numpy())
    opinion = answered.where(values.ne("dont_know").to_numpy())
    flags = [_flag(values.isin(list(codes))) for codes in (POSITIVE, ["neutral"], NEGATIVE)]
    flags.append(flags[0] - flags[2])
    rows = [(opinion, flag) for flag in flags] + [(answered, _flag(values.eq("dont_know")))]
    found = [study.mean(members, flag[members.unit]) for members, flag in rows]
    return found, [members.sum(np.abs(flag[members.unit])) for members, flag in rows]


def _flag(held: pd.Series) -> Floats:
    return np.asarray(held, dtype=np.float64)


def _net_on_its_own_scale(estimate: Floats, se: Floats, df: Floats, n: Floats, psus: Floats) -> Floats:
    """Logit intervals for shares, Wald for the net share, which may be below 0."""
    net = np.arange(len(estimate)) % len(RATINGS) == RATINGS.index("net")
    shares = logit(np.where(net, np.nan, estimate), se, df, n, psus)
    return np.where(net, wald(estimate, se, df, n, psus), shares)


def _told(found: Estimates, measure: str) -> Estimates:
    """A share under its own name, with its own note where it is no complete count."""
    note = f"wellbeing_{measure}" if found.method == "estimate_proportion" else found.method
    return replace(found, rows=found.rows.assign(measure=measure), method=note)
