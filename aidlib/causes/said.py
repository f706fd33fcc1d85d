"""What people say makes them poor: main causes, all causes that they name, and which come together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import texts
from aidlib.estimate.intervals import logit

By = str | Sequence[str] | None
SEPARATOR = ";"
OTHER = "other"  # the box for causes told in words
REST = "rest"  # combinations that are not told one by one
NAMED_AS = ("main", "any")


def main_cause(sample: pd.DataFrame, main: str = "cause_main", text: str | None = None) -> pd.Series:
    """The main cause of each row; where it is "other", the first cause told in words, if these are coded.

    text: a column of codes joined by ";" that a person's own words were coded to.

    >>> sample = pd.DataFrame({"cause_main": ["illness", "other", "other"], "coded": [None, "low_income", "other"]})
    >>> main_cause(sample, text="coded").tolist()
    ['illness', 'low_income', 'other']
    """
    ticked = _column(sample, main)
    if text is None:
        return ticked
    worded = _column(sample, text).str.split(SEPARATOR).str[0]
    return ticked.mask(ticked.eq(OTHER) & worded.notna(), worded)


def named(sample: pd.DataFrame, causes: Sequence[str], *columns: str) -> NDArray[np.bool_]:
    """Rows × causes: whether a row names the cause in any of the columns (codes joined by ";")."""
    out = np.zeros((len(sample), len(causes)), dtype=bool)
    for column in columns:
        marked = SEPARATOR + _column(sample, column).fillna("") + SEPARATOR
        for place, cause in enumerate(causes):
            out[:, place] |= marked.str.contains(f"{SEPARATOR}{cause}{SEPARATOR}", regex=False).to_numpy(bool)
    return out


def said(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    main: str = "cause_main",
    secondary: str | None = "cause_secondary",
    text: str | None = None,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share of the households with a recorded cause that give each ``cause``: ``named_as`` "main", and "any".

    "any" counts main and secondary causes and those told in words, so that its shares add up to more than 1. text: as
    in ``main_cause``. Every code that a form offers has its rows, those that nobody names too (share 0, with the exact
    interval); causes known from people's words only where somebody told them. Rows without a main cause were not asked.
    Raises Problem for a code that is not in the list ``cause``.

    >>> sample = pd.DataFrame({"cause_main": ["illness", "laid_off", None], "cause_secondary": [None, "illness", None]})
    >>> found = said(sample, None).rows
    >>> found.loc[found["cause"] == "illness", ["named_as", "estimate"]].values.tolist()
    [['main', 0.5], ['any', 1.0]]
    """
    told = sample.assign(**{main: main_cause(sample, main, text)})
    columns = [main, *(name for name in (secondary, text) if name is not None)]
    causes = cause_codes(told, columns)
    first, any_of = named(told, causes, main), named(told, causes, *columns)
    if text is not None:  # a box that only stands for words is no cause beside them
        any_of[:, causes.index(OTHER)] = named(told, [OTHER], main, *columns[1:-1])[:, 0]
    study = Study.of(told, design, by=by, margins=margins, df=df, base=base)
    asked = study.domains.members.where(told[main].notna().to_numpy())
    members = asked.split(2 * len(causes))
    y = np.stack([first, any_of], axis=2)[asked.unit].astype(np.float64).ravel()
    keys = {"cause": np.repeat(causes, 2).tolist(), "named_as": [*NAMED_AS] * len(causes)}
    return study.estimates(
        study.mean(members, y),
        measure="cause_named",
        unit="share",
        method="causes_said",
        keys=pd.DataFrame({name: texts(values) for name, values in keys.items()}),
        interval=logit,
        count=members.sum(y),
    )


def combinations(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    main: str = "cause_main",
    secondary: str | None = "cause_secondary",
    text: str | None = None,
    top: int = 10,
    by: By = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share of the commonest combinations of causes, main or not (key ``combination``), and of all others, "rest".

    A combination is the codes of one household joined by "+" in the order of the code list; "illness" alone is one
    too. Shares of the households with a recorded main cause, which add up to 1. The commonest are those of the whole
    sample with its weights, in falling order, so that domains are told by the same ones.

    >>> sample = pd.DataFrame({"cause_main": ["illness", "illness", "laid_off"]})
    >>> sample["cause_secondary"] = ["laid_off", None, "illness"]
    >>> combinations(sample, None).rows[["combination", "estimate"]].round(3).values.tolist()
    [['laid_off+illness', 0.667], ['illness', 0.333]]
    """
    told = sample.assign(**{main: main_cause(sample, main, text)})
    columns = [main] if secondary is None else [main, secondary]
    causes = cause_codes(told, columns)
    together = _together(named(told, causes, *columns), causes).set_axis(told.index).where(told[main].notna())
    study = Study.of(told, design, by=by, df=df, base=base)
    sizes = pd.Series(study.sampling.weight, told.index).groupby(together).sum()
    order = sizes.sort_values(ascending=False, kind="stable").index.tolist()
    shown = order[:top] + ([REST] if len(order) > top else [])
    asked = study.domains.members.where(together.notna().to_numpy())
    members = asked.split(max(len(shown), 1))
    of = together.where(together.isin(shown[:top]), REST).to_numpy()[asked.unit]
    y = (of[:, None] == np.array(shown or [REST], dtype=object)).astype(np.float64).ravel()
    return study.estimates(
        study.mean(members, y),
        measure="combination_share",
        unit="share",
        method="causes_combinations",
        keys=pd.DataFrame({"combination": texts(shown or [REST])}),
        interval=logit,
        count=members.sum(y),
    )


def cause_codes(sample: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """The codes that a form offers and those beyond it that occur; Problem for what is not in the list ``cause``."""
    used: set[str] = set()
    for column in columns:
        used |= set(_column(sample, column).dropna().unique())
    present = {code for entry in used for code in entry.split(SEPARATOR)} - {""}
    known = list(reference.codes("cause"))
    strange = sorted(present - set(known))
    if strange:
        raise reference.problem("causes.unknown_cause", columns=", ".join(columns), count=len(strange))
    offered = known[: known.index(OTHER) + 1]
    return [code for code in known if code in offered or code in present]


def _together(marks: NDArray[np.bool_], causes: Sequence[str]) -> pd.Series:
    """The codes of each row joined by "+", once for every distinct row of marks."""
    distinct, which = np.unique(marks, axis=0, return_inverse=True)
    names = ["+".join(np.array(causes)[row].tolist()) for row in distinct]
    return pd.Series(np.array(names, dtype=object)[which.ravel()] if names else [], dtype="str")


def _column(sample: pd.DataFrame, name: str) -> pd.Series:
    if name not in sample:
        raise reference.problem("estimate.no_column", column=name)
    return sample[name].astype("str").where(sample[name].notna())
