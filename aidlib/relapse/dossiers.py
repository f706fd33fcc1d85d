"""Spells on file from the register's filings: exact dates, reasons of every end, files that refer to others."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.relapse.requirements import ECONOMIC, at_least, column, complete, dates, day, known_reasons
from aidlib.relapse.spells import numbered_within

YEAR = 365.25  # days
UNIT = "household_id"
OWN = ("region", "county", "stratum", "psu", "recorded_grade", "cause_main")  # kept from the spell's first filing


def dossier_spells(
    dossiers: pd.DataFrame,
    *,
    until: pd.Timestamp | str | None = None,
    since: pd.Timestamp | str | None = None,
    bridge_months: int = 0,
) -> pd.DataFrame:
    """One row per spell on file of a household, sorted by household and date: what ``spells`` gives, from dates.

    Columns: household_id; spell (1, 2, …); start, the day of opening; end, the day of closing (missing while it runs);
    length in years, of a running spell up to ``until``; left_censored (never: an opening is known); right_censored;
    exit: "" while running, else the close_reason; dossier_id of the first filing, files: how many filings it joins;
    entered: years from start to ``since``, 0 if opened later, missing where nothing of the spell was under observation
    (curves take the others): it ended before ``since``, or began on ``until``; previous_exit, days_away: why
    the spell before ended, how many days passed since; returned: it followed an economic exit, or its number was new
    for a file that ended before the register begins; renumbered; split_from and merged_into: the household whose file
    this one split off from, or went on in; and columns of the first filing (region, psu, grade, cause).

    until: the last day the register tells of (None: its last date); what came later is not yet known. since: the day
    from which it is complete: files that ended before are not in it, so a spell is observed from ``entered`` on
    (delayed entry). bridge_months: a file opened again sooner than so many months after its end is the same spell;
    exits of the last months before ``until`` are then not yet certain and their spells still run. One opened again on
    the very day is the same spell always.
    A former number (previous_dossier_id) is one's own after a renumbering; another household's is a split where that
    file was opened earlier, a merger (this file took the other one over) where it was not.
    Raises Problem for a file that ends before it begins or without a known reason, and for files of a household that
    overlap.

    >>> import pandas as pd
    >>> files = pd.DataFrame({"household_id": ["a", "a"], "opened": pd.to_datetime(["2020-05-01", "2022-07-01"]),
    ...     "closed": pd.to_datetime(["2021-05-01", None]), "close_reason": ["economic", None]})
    >>> dossier_spells(files, until="2022-12-31")[["spell", "exit", "returned", "days_away"]].to_dict("list")
    {'spell': [1, 2], 'exit': ['economic', ''], 'returned': [False, True], 'days_away': [nan, 426.0]}
    """
    at_least("bridge_months", bridge_months, 0)
    files, last = _ordered(dossiers, until)
    months = pd.DateOffset(months=bridge_months)
    settled = last - months if bridge_months else last
    same = files[UNIT].eq(files[UNIT].shift())
    sooner = (files["opened"] < files["closed"].shift() + months) | (files["opened"] <= files["closed"].shift())
    begins = ~(same & sooner).to_numpy()
    starts, ends = np.flatnonzero(begins), np.flatnonzero(np.append(begins[1:], True)[: len(files)])
    first, final = files.take(starts).reset_index(drop=True), files.take(ends).reset_index(drop=True)
    running = final["closed"].isna() | (final["closed"] > settled)
    end = final["closed"].mask(running)
    table = pd.DataFrame(
        {
            UNIT: first[UNIT],
            "spell": numbered_within(pd.factorize(first[UNIT])[0]),
            "start": first["opened"],
            "end": end,
            "length": _lengths(first["opened"], end, settled),
            "left_censored": False,
            "right_censored": running,
            "exit": final["close_reason"].mask(running, "").astype("str"),
            "files": ends - starts + 1,
        }
    )
    table = table.assign(entered=_entered(table, since), **history_before(table))
    table = table.assign(**_linked(files, starts))
    table["returned"] |= table["renumbered"] & table["spell"].eq(1)
    return table.assign(**{name: first[name] for name in ("dossier_id", *OWN) if name in first})


def _ordered(dossiers: pd.DataFrame, until: pd.Timestamp | str | None) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Filings by household and date as they were known on day ``until``, and that day; checked."""
    complete(dossiers, UNIT)
    opened, closed = dates(dossiers, "opened"), dates(dossiers, "closed")
    complete(dossiers, "opened")
    reason = known_reasons(column(dossiers, "close_reason"))
    backwards = int((closed < opened).sum())
    if backwards:
        raise reference.problem("relapse.backwards", start="opened", end="closed", rows=backwards)
    unclear = int((closed.notna() & reason.isna()).sum())
    if unclear:
        raise reference.problem("relapse.no_reason", rows=unclear)
    last = pd.concat([opened, closed]).max() if until is None else day("until", until)
    files = dossiers.assign(closed=closed.mask(closed > last))[opened <= last]
    files = files.sort_values([UNIT, "opened", "closed"], kind="stable", ignore_index=True)
    overlap = files[UNIT].eq(files[UNIT].shift()) & ~(files["closed"].shift() <= files["opened"])
    if overlap.any():
        raise reference.problem("relapse.overlap", unit=UNIT, rows=int(overlap.sum()))
    return files, last


def _lengths(start: pd.Series, end: pd.Series, until: pd.Timestamp) -> pd.Series:
    """Years from start to end, of running spells to ``until``; half a day where a file closed on its first day."""
    length = years(start, end.fillna(until)).clip(lower=0)
    return length.mask((length == 0) & end.notna(), 0.5 / YEAR)


def years(start: pd.Series, end: pd.Series) -> pd.Series:
    return (end - start).dt.total_seconds() / (24 * 3600 * YEAR)


def _entered(table: pd.DataFrame, since: pd.Timestamp | str | None) -> pd.Series:
    """Years on file when the register begins; missing for spells that were over by then or have not yet lasted."""
    begins = table["start"] if since is None else pd.Series(day("since", since), table.index)
    entered = years(table["start"], begins).clip(lower=0)
    return entered.mask((table["end"] <= begins) & (table["start"] < begins) | (table["length"] <= entered))


def history_before(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Of the household's spell before this one: why it ended, and the days since."""
    again = table["spell"] > 1
    reason = table["exit"].shift().where(again, "").astype("str")
    days = (table["start"] - table["end"].shift()).dt.days.where(again)
    return {"previous_exit": reason, "days_away": days, "returned": reason.eq(ECONOMIC)}


def _linked(files: pd.DataFrame, starts: NDArray[np.int64]) -> dict[str, pd.Series]:
    """What the former numbers say: renumbered at its start, split off from, or merged into another household."""
    at = np.arange(len(starts))
    nothing = pd.Series(None, at, dtype="str")
    if not {"dossier_id", "previous_dossier_id"} <= set(files):
        return {"renumbered": pd.Series(False, at), "split_from": nothing, "merged_into": nothing}
    spell = np.searchsorted(starts, np.arange(len(files)), side="right") - 1
    numbers = files[["dossier_id", UNIT, "opened"]].assign(spell=spell).groupby("dossier_id", sort=False)
    former = files["previous_dossier_id"]
    other = numbers.agg({UNIT: "first", "opened": "min", "spell": "last"}).reindex(former).set_axis(files.index)
    told, elses = former.notna(), other[UNIT].notna() & other[UNIT].ne(files[UNIT])
    split = elses & (other["opened"] < files["opened"])
    merged = elses & ~split
    begins = pd.Series(False, files.index)
    begins.iloc[starts] = True
    into = pd.Series(files.loc[merged, UNIT].array, other.loc[merged, "spell"].astype(int))
    return {
        "renumbered": (told & ~elses)[begins].set_axis(at),
        "split_from": other[UNIT].where(split)[begins].set_axis(at),
        "merged_into": nothing.fillna(into[~into.index.duplicated()]),
    }
