"""Person-years: at each interview the household's place in its history, and what came in the twelve months after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate.domains import texts
from aidlib.estimate.sampling import Ints
from aidlib.relapse.requirements import ECONOMIC, column, complete, dates, day

UNIT = "household_id"
ON_FILE, LEFT, RETURN = "on_file", "left", "return"
DAY, SECONDS = "datetime64[D]", "datetime64[s]"
NEVER = np.datetime64("NaT", "D")
Days = NDArray[np.datetime64]


def person_years(
    interviews: pd.DataFrame,
    spells: pd.DataFrame,
    *,
    until: pd.Timestamp | str,
    date: str = "interview_date",
) -> pd.DataFrame:
    """The rows of ``interviews`` with the household's position in ``spells`` (dossier_spells) and its next event.

    New columns: position: "on_file" while a spell is open at the end of that day, "left" where the last one ended by
    an economic exit, "" else (no file so far, or one that ended otherwise; no date); spell: its number; since: the day
    of opening or of exit; k: the year of the spell, or since the exit, in which the interview falls (1, 2, … by
    anniversaries), so that about the twelve months after it are told of; start = k - 1, stop = k; event: "" none within
    twelve months, else the reason of the spell's end, or "return"; event_date; observed: the twelve months lie before
    the end of day ``until``, the last one the register tells of. Models take the rows that are ``observed``: of the
    others only the early events are known.
    Raises Problem for spells that end before they begin, or that overlap.

    >>> import pandas as pd
    >>> files = pd.DataFrame({"household_id": ["a"], "spell": [1], "start": pd.to_datetime(["2020-05-01"]),
    ...     "end": pd.to_datetime(["2021-06-01"]), "exit": ["economic"]})
    >>> seen = pd.DataFrame({"household_id": "a", "interview_date": pd.to_datetime(["2020-10-01", "2021-10-01"])})
    >>> person_years(seen, files, until="2022-12-31")[["position", "k", "event"]].to_dict("list")
    {'position': ['on_file', 'left'], 'k': [1.0, 1.0], 'event': ['economic', '']}
    """
    history = timeline(spells)
    known = np.datetime64(day("until", until), "D")
    on = dates(interviews, date).to_numpy().astype(DAY)
    place = history.last_before(complete(interviews, UNIT), on)
    spell = history.at(place)
    on_file = ~np.isnat(spell.start) & ~(spell.end <= on)
    left = (spell.end <= on) & (spell.exit == history.reasons.get_indexer(pd.Index([ECONOMIC])))
    since = np.where(on_file, spell.start, np.where(left, spell.end, NEVER))
    year_on = a_year_after(on)
    ended, returned = on_file & (spell.end <= year_on), left & (spell.back <= year_on)
    events, none = [*history.reasons, RETURN, ""], len(history.reasons) + 1
    k = years_between(since, on) + 1
    return interviews.assign(
        position=texts([ON_FILE, LEFT, ""]).take(np.select([on_file, left], [0, 1], 2)),
        spell=np.where(on_file | left, spell.number, np.nan),
        since=since.astype(SECONDS),
        k=k,
        start=k - 1,
        stop=k,
        event=texts(events).take(np.select([ended, returned], [spell.exit, none - 1], none)),
        event_date=np.select([ended, returned], [spell.end, spell.back], NEVER).astype(SECONDS),
        observed=(on_file | left) & (year_on <= known),
    )


def register_years(
    spells: pd.DataFrame, days: Sequence[pd.Timestamp | str], *, until: pd.Timestamp | str
) -> pd.DataFrame:
    """``person_years`` of the whole register at each of ``days``: its households on file or left, with their region.

    Columns household_id, year and interview_date (the day), those of the household's spell (region, stratum, psu, …)
    and those of ``person_years``. spells: of dossier_spells; those that were over when the register begins (``entered``
    missing) are left out: whether it still holds them depends on what came later.
    """
    homes = spells[UNIT].drop_duplicates()
    moments = pd.DatetimeIndex([day("days", one) for one in days])
    grid = pd.DataFrame({UNIT: np.repeat(homes.array, len(moments)), "interview_date": np.tile(moments, len(homes))})
    found = person_years(grid.assign(year=grid["interview_date"].dt.year), spells, until=until)
    found = found[found["position"].ne("")]
    own = [name for name in ("region", "county", "stratum", "psu") if name in spells]
    over = spells["end"].notna() & column(spells, "entered").isna()
    found = found.merge(spells[[UNIT, "spell", *own]].assign(over=over), on=[UNIT, "spell"], how="left")
    found = found[~found.pop("over")]
    return found.reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class Moments:
    """Spells as arrays: number, start, end, exit (a place among the reasons), back (the household's next start)."""

    number: NDArray[np.float64]
    start: Days
    end: Days
    exit: Ints
    back: Days


@dataclass(frozen=True, eq=False)
class Timeline:
    """Spells by household and start. order: their rows in the table; homes: the distinct households; home: the place of
    each spell's among them; reasons: the distinct reasons of an end."""

    order: Ints
    homes: pd.Index
    home: Ints
    reasons: pd.Index
    spells: Moments

    def last_before(self, homes: pd.Series, day: Days) -> Ints:
        """Place of each household's last spell that had begun by the end of its day; -1 where there is none."""
        start = self.spells.start
        if not len(start):
            return np.full(len(homes), -1)
        first = start.min()
        width = int((start.max() - first).astype(np.int64)) + 2
        begun = self.home * width + (start - first).astype(np.int64)
        after = np.where(np.isnat(day), -1, np.clip((day - first).astype(np.int64), -1, width - 1))
        of = _places_among(homes, self.homes)
        place = np.searchsorted(begun, of * width + after, side="right") - 1
        mine = (of >= 0) & (after >= 0) & (place >= 0) & (self.home[place] == of)
        return np.where(mine, place, -1)

    def at(self, place: Ints) -> Moments:
        """The spells at these places; missing at -1."""
        nothing: dict[str, Any] = {"number": np.nan, "exit": -1}
        return Moments(**{n: np.append(v, nothing.get(n, NEVER))[place] for n, v in vars(self.spells).items()})


def timeline(spells: pd.DataFrame) -> Timeline:
    """The spells by household and start; checked: each has a start, none runs backwards, none overlaps the next."""
    home, homes = pd.factorize(complete(spells, UNIT), sort=True)
    complete(spells, "start")
    start, end = (dates(spells, name).to_numpy().astype(DAY) for name in ("start", "end"))
    backwards = int((end < start).sum())
    if backwards:
        raise reference.problem("relapse.backwards", start="start", end="end", rows=backwards)
    order = np.lexsort((end, start, home))
    home, start, end = home[order].astype(np.int64), start[order], end[order]
    again = home[1:] == home[:-1]
    overlap = int((again & ~(end[:-1] <= start[1:])).sum())
    if overlap:
        raise reference.problem("relapse.overlap", unit=UNIT, rows=overlap)
    number = column(spells, "spell").to_numpy(np.float64)[order]
    why, reasons = pd.factorize(complete(spells, "exit"))
    back = np.append(np.where(again, start[1:], NEVER), NEVER)[: len(start)].astype(DAY)
    moments = Moments(number, start, end, why[order].astype(np.int64), back)
    return Timeline(order, pd.Index(homes), home, pd.Index(reasons), moments)


def _places_among(values: pd.Series, distinct: pd.Index) -> Ints:
    """Place of each value among the distinct ones, -1 where it is none; one pass of a hash table over both."""
    codes = pd.factorize(pd.concat([pd.Series(distinct), values], ignore_index=True))[0][len(distinct) :]
    return np.where(codes < len(distinct), codes, -1).astype(np.int64)


def a_year_after(day: Days) -> Days:
    """The same day a year later; 28 February for the 29th."""
    return np.asarray((pd.DatetimeIndex(day) + pd.DateOffset(years=1)).to_numpy().astype(DAY))


def years_between(start: Days, end: Days) -> NDArray[np.float64]:
    """Whole years by anniversaries; missing where a day is."""
    one, other = start.astype("datetime64[M]").astype(np.int64), end.astype("datetime64[M]").astype(np.int64)
    short = (end - end.astype("datetime64[M]")) < (start - start.astype("datetime64[M]"))
    years = (other - one - short) // 12
    return np.where(np.isnat(start) | np.isnat(end), np.nan, years)
