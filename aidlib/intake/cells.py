"""What every kind of cell shares: one form of writing, the kinds of "no value", work done once per distinct cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from aidlib import reference

_PLAIN = r"[!-&(-_a-~][!-~]*"  # ASCII without white space, an apostrophe first excepted
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
    written = cells.astype("str")
    other = ~written.str.fullmatch(_PLAIN, na=True)  # most cells are plain already, and changing text is slow
    if other.any():
        rest = written[other].str.normalize("NFKC").str.replace(r"[\s\u200b\ufeff]+", "", regex=True).str.lstrip("'‘`")
        written = rest if len(rest) == len(written) else written.mask(other, rest)
    return written


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


def on_known(cells: pd.Series, work: Callable[[pd.Series], pd.DataFrame]) -> pd.DataFrame:
    """``work`` done once per distinct cell that is not missing; in rows of a missing cell all is missing, or False."""
    codes, distinct = pd.factorize(cells)  # -1 where missing, which takes the last value
    done = work(pd.Series(distinct))
    found = {}
    for name, column in done.items():
        values = column.to_numpy(dtype=None if column.dtype.kind in "bfM" else object)
        absent = {"b": False, "f": np.nan, "M": np.datetime64("NaT")}.get(values.dtype.kind)
        found[name] = np.concatenate([values, np.array([absent], dtype=values.dtype)])[codes]
    return pd.DataFrame(found, index=cells.index, columns=done.columns)
