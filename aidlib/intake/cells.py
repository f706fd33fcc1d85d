"""What every kind of cell shares: one form of writing, the kinds of "no value", work done once per distinct cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pandas as pd

from aidlib import reference

REFUSED = ("拒绝", "拒绝回答", "不愿回答", "不愿透露")


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A cleaned column: ``value``; ``missing``, the kind of an answer that is no value; ``bad``, what cannot be read.

    ``doubtful`` marks values that were read by a guess which a person should confirm (a two-digit year).
    """

    value: pd.Series
    missing: pd.Series
    bad: pd.Series
    doubtful: pd.Series | None = None


def plain(cells: pd.Series) -> pd.Series:
    """Cells in one form: half-width signs (NFKC), no white space, no leading apostrophe."""
    return cells.astype("str").str.normalize("NFKC").str.replace(r"[\s\u200b\ufeff]+", "", regex=True).str.lstrip("'‘`")


@cache
def missing_tokens() -> dict[str, str]:
    """How people write that there is no value: cell -> kind (not_asked, refused, unknown, not_applicable)."""
    found = {}
    for kind, label in reference.dictionary().missing.items():
        for written in (label.zh, label.en, *label.aliases):
            found[written.replace(" ", "")] = kind
    return found | dict.fromkeys(REFUSED, "refused") | {"--": "not_applicable", "——": "not_applicable"}


def missing_kind(cells: pd.Series) -> pd.Series:
    """The kind of missing value that each cell (already plain) states, else missing."""
    return cells.map(missing_tokens()).astype("object")


def on_distinct(cells: pd.Series, work: Callable[[pd.Series], pd.DataFrame]) -> pd.DataFrame:
    """``work`` done once per distinct cell, its columns brought back to the rows."""
    codes, distinct = pd.factorize(cells, use_na_sentinel=False)
    done = work(pd.Series(distinct)).take(codes)
    return done.set_axis(cells.index)
