"""Follow-up: whom the union has visited, how soon after an exit, and how often those seen and not seen came back.

A visit is a condolence handed over at the door (走访慰问): an aid event of kind ``condolence`` at the festival or in
everyday life. Condolences of the other campaigns are given out at workplaces and count as none. Several payments of a
household, each at most ``NEAR`` days after the one before, are one visit on the day of the first: the same visit
entered twice, or paid from two funds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, proportion, ratio
from aidlib.estimate.sampling import Floats, Ints
from aidlib.relapse.dossiers import OWN, dossier_spells
from aidlib.relapse.incidence import cumulative_incidence
from aidlib.relapse.requirements import ECONOMIC, column, dates

NEAR = 14  # days between payments of one visit
AT_THE_DOOR = ("spring_festival", "none")  # occasions; a condolence without one counts too
LEFT_MONTHS = 24  # so long a household that left is looked after, in the figures of coverage
BY_MONTH = tuple(round(month * 365.25 / 12) for month in range(25))  # days
SPAN = 1 << 20  # days: more than any two dates are apart
EPOCH = 1 << 19  # makes days before 1970 positive
PLACE = ["region", "county", "recorded_grade"]


def visits(aid: pd.DataFrame) -> pd.DataFrame:
    """The visits of the register of aid: household_id and date, sorted; see the module on what counts as one.

    >>> import pandas as pd
    >>> aid = pd.DataFrame({"household_id": "h1", "kind": "condolence", "occasion": "spring_festival"}, index=range(3))
    >>> aid["date"] = pd.to_datetime(["2024-01-20", "2024-01-25", "2025-01-10"])
    >>> visits(aid)["date"].dt.year.tolist()
    [2024, 2025]
    """
    occasion, kind = column(aid, "occasion"), column(aid, "kind")
    door = occasion.isin(AT_THE_DOOR) | occasion.isna()
    paid = aid[kind.eq("condolence") & door & dates(aid, "date").notna() & column(aid, "household_id").notna()]
    code, households = pd.factorize(paid["household_id"], sort=True)
    days = _days(paid["date"])
    order = np.lexsort((days, code))
    code, days = code[order], days[order]
    new = np.ones(len(code), dtype=bool)
    new[1:] = (code[1:] != code[:-1]) | (days[1:] - days[:-1] > NEAR)
    return pd.DataFrame({"household_id": households[code[new]], "date": days[new].astype("datetime64[D]")}).astype(
        {"household_id": "str", "date": "datetime64[us]"}
    )


@dataclass(frozen=True, eq=False)
class Diary:
    """The visits of all households as one sorted array of (household, day), to be looked up by thousands at a time."""

    households: pd.Index
    keys: Ints

    @classmethod
    def of(cls, seen: pd.DataFrame) -> Diary:
        """The diary of a table of ``visits``."""
        code, households = pd.factorize(seen["household_id"])
        return cls(pd.Index(households), np.sort(code * SPAN + _days(seen["date"]) + EPOCH))

    def count(self, households: pd.Series, after: Ints, until: Ints) -> Ints:
        """Visits later than the day ``after`` and no later than ``until``, of each household."""
        start = self._start(households)
        found = np.searchsorted(self.keys, start + until, "right") - np.searchsorted(self.keys, start + after, "right")
        return np.asarray(found, dtype=np.int64)

    def first(self, households: pd.Series, after: Ints) -> Floats:
        """The day of the first visit later than ``after``; missing where there is none."""
        start = self._start(households)
        return self._at(np.searchsorted(self.keys, start + after, "right"), start)

    def last(self, households: pd.Series, until: Ints) -> Floats:
        """The day of the last visit no later than ``until``; missing where there is none."""
        start = self._start(households)
        return self._at(np.searchsorted(self.keys, start + until, "right") - 1, start)

    def _start(self, households: pd.Series) -> Ints:
        """The key of day 0 of each household; a household without any visit lies before all others."""
        return self.households.get_indexer(pd.Index(households)).astype(np.int64) * SPAN + EPOCH

    def _at(self, place: Ints, start: Ints) -> Floats:
        if not len(self.keys):
            return np.full(len(place), np.nan)
        key = self.keys[np.clip(place, 0, len(self.keys) - 1)]
        mine = (place >= 0) & (place < len(self.keys)) & (key // SPAN == start // SPAN)
        return np.where(mine, key - start, np.nan)


def caseload(dossiers: pd.DataFrame, on: str | pd.Timestamp, *, left: int | None = LEFT_MONTHS) -> pd.DataFrame:
    """The households to be looked after at the end of day ``on``, one row each, as the register knew them then.

    ``position`` is on_file (a file is open) or left (the file closed last was closed for an economic exit, at most
    ``left`` months ago; None: however long ago); ``since`` is the day of opening or of the exit. Files closed for other
    reasons are left out. Besides household_id, dossier_id, members, recertified and the place and grade of that file.
    """
    end = pd.Timestamp(on).normalize() + pd.Timedelta(days=1)
    columns = ["household_id", "dossier_id", *PLACE, "members", "opened", "closed", "close_reason", "recertified"]
    begun = (dates(dossiers, "opened") < end) & column(dossiers, "household_id").notna()
    known = dossiers.loc[begun.to_numpy()].reindex(columns=columns).reset_index(drop=True)
    known["recertified"] = dates(known, "recertified").where(lambda day: day < end)  # what comes later is not known
    closed = dates(known, "closed").where(lambda day: day < end)
    code, households = pd.factorize(known["household_id"], sort=True)
    order = np.lexsort((_days(known["opened"]), _days(closed.fillna(end)), code))
    last = order[np.flatnonzero(np.diff(code[order], append=len(households)))]
    cases, closed = known.iloc[last].reset_index(drop=True), closed.iloc[last].reset_index(drop=True)
    is_open = closed.isna()
    gone = ~is_open & cases["close_reason"].eq("economic")
    if left is not None:
        gone &= closed >= end - pd.DateOffset(months=left)
    position = pd.Categorical(np.where(is_open, "on_file", "left"), ["on_file", "left"], ordered=True)
    found = cases.assign(position=position, since=closed.fillna(cases["opened"]))
    return found[is_open | gone].drop(columns=["opened", "closed", "close_reason"]).reset_index(drop=True)


def visited(
    dossiers: pd.DataFrame,
    aid: pd.DataFrame,
    *,
    on: str,
    by: str | Sequence[str] | None = "recorded_grade",
    margins: bool = True,
    months: int = 12,
    left: int = LEFT_MONTHS,
) -> Estimates:
    """Share of the households in the ``caseload`` of day ``on`` that were visited in the ``months`` up to it.

    by: recorded_grade, region, county or position. A complete count of the register; a household whose file was opened
    late in the year counts like any other.
    """
    cases = _seen(dossiers, aid, on, months, left)
    found = proportion(cases, Design.census(), "visited", by=by, margins=margins and by is not None, base="R")
    return named(found, "visited", "relapse_visited")


def visits_per_household(
    dossiers: pd.DataFrame,
    aid: pd.DataFrame,
    *,
    on: str,
    by: str | Sequence[str] | None = "recorded_grade",
    margins: bool = True,
    months: int = 12,
    left: int = LEFT_MONTHS,
) -> Estimates:
    """Visits per household of the ``caseload`` of day ``on`` in the ``months`` up to it; arguments as ``visited``."""
    cases = _seen(dossiers, aid, on, months, left)
    cases["households"] = 1.0
    found = ratio(cases, Design.census(), "visits", "households", by=by, margins=margins and by is not None, base="R")
    return replace(named(found, "visits_per_household", "relapse_visited"), unit="number")


def register_exits(dossiers: pd.DataFrame, *, until: str) -> pd.DataFrame:
    """The economic exits of the register up to the day ``until``: household_id, exit_date, return_date and the place.

    return_date: the day on which a file of the household was opened again (missing while there is none); region,
    county, stratum, psu, recorded_grade and cause_main are those of the spell that ended. ``known_at_exit`` gives the
    same exits with what the survey knew of them. Raises Problem as ``dossier_spells``.
    """
    spells = dossier_spells(dossiers, until=until)
    back = spells["start"].shift(-1).where(spells["household_id"].eq(spells["household_id"].shift(-1)))
    found = spells.assign(exit_date=spells["end"], return_date=back)[spells["exit"].eq(ECONOMIC)]
    columns = ["household_id", "exit_date", "return_date", *(name for name in OWN if name in found)]
    return found[columns].reset_index(drop=True)


def first_visits(exits: pd.DataFrame, seen: pd.DataFrame, *, until: str, since: str | None = None) -> pd.DataFrame:
    """The exits with the days from exit to the first visit after it: ``duration``, and ``event`` that ended the wait.

    exits: of ``register_exits`` or ``known_at_exit``; seen: of ``visits``. event: "visit"; "return" where a file was
    opened again before any visit; "" where neither came by ``until``. since: exits before this day are left out (None:
    before the first visit in ``seen``, of whose time nothing is known), as are those on the last day.
    """
    if since is None:
        since = str(seen["date"].min()) if len(seen) else until
    last, left = pd.Timestamp(until), dates(exits, "exit_date")
    known = exits[(left >= pd.Timestamp(since)) & (left < last)].reset_index(drop=True)
    gone, end = _days(known["exit_date"]), float(day_of(last))
    back = dates(known, "return_date")
    visit = np.nan_to_num(Diary.of(seen).first(known["household_id"], gone), nan=np.inf)
    returned = np.where(back.isna(), np.inf, _days(back.fillna(last)))
    stop = np.minimum(np.minimum(visit, returned), end)
    event = np.select([visit <= stop, returned <= stop], ["visit", "return"], "")
    return known.assign(duration=stop - gone, event=pd.Series(event, dtype="str"))


def first_visit(
    waits: pd.DataFrame,
    design: Design | None,
    *,
    by: str | Sequence[str] | None = "region",
    days: Sequence[float] = BY_MONTH,
    base: str = "X",
) -> Estimates:
    """Share of the exits visited by so many ``days`` after them: a curve over key column ``time``, by group.

    waits: of ``first_visits``. A return before any visit competes with it: such a household was not visited in time.
    days: by default the ends of the first 24 months; 182 alone is half a year. Raises Problem where nobody was visited.
    """
    found = cumulative_incidence(waits, design, duration="duration", event="event", by=by, times=days, base=base)
    mine = np.flatnonzero(found.rows["event"].eq("visit"))
    if not len(mine):
        raise reference.problem("relapse.nobody_visited", rows=len(waits))
    picked = replace(
        found,
        rows=found.rows.iloc[mine].drop(columns="event"),
        keys=tuple(key for key in found.keys if key != "event"),
        covariance=None if found.covariance is None else found.covariance[np.ix_(mine, mine)],
        _influence=None if found._influence is None else found._influence.picked(mine),
    )
    return named(picked, "first_visit", "relapse_first_visit")


def landmarks(
    exits: pd.DataFrame,
    seen: pd.DataFrame,
    *,
    until: str,
    landmark: int = 6,
    months: int = 12,
    since: str | None = None,
) -> pd.DataFrame:
    """The exits as a landmark comparison: ``visited`` by the landmark, ``returned`` in the ``months`` after it.

    landmark: months after the exit. Only a visit before it counts, and only those who had not returned by then are
    compared: a household that came back early had no time to be visited, and one that was visited late must have stayed
    out until then (immortal time). returned is missing where a household was back by the landmark, or where the months
    after it are not over by ``until``. exits, seen, since: as in ``first_visits``.
    """
    known = first_visits(exits, seen, until=until, since=since).drop(columns=["duration", "event"])
    back = dates(known, "return_date")
    mark = known["exit_date"] + pd.DateOffset(months=landmark)
    end = mark + pd.DateOffset(months=months)
    number = Diary.of(seen).count(known["household_id"], _days(known["exit_date"]), _days(mark))
    compared = ~(back <= mark) & (end <= pd.Timestamp(until))
    returned = (back <= end).astype(np.float64).where(compared)
    return known.assign(landmark=mark, visited=(number > 0).astype(np.float64), returned=returned)


def interview_landmarks(years: pd.DataFrame) -> pd.DataFrame:
    """Interviews as a landmark comparison: ``returned`` in the 12 months after, by what they said of the 12 before.

    years: of ``person_years``, with the survey's ``visited``. returned is missing but at interviews of households that
    had left whose 12 months after it were observed; all rows stay, for the design.
    """
    compared = column(years, "position").eq("left") & column(years, "observed")
    return years.assign(returned=column(years, "event").eq("return").astype(np.float64).where(compared))


def return_visited(
    sample: pd.DataFrame, design: Design | None, *, by: str | Sequence[str] | None = "risk_band", base: str = "X"
) -> Estimates:
    """Share of households that came back within a year, of those visited before and those not; last domain ``visited``.

    sample: of ``landmarks`` or ``interview_landmarks``, with the columns ``by``; rows without ``returned`` stay in the
    design. This describes and shows no effect: visitors go where they expect trouble, so those visited may well
    come back more often whatever the visit did. For the effect of a reform see the chapter on its evaluation.
    """
    domains = [*([by] if isinstance(by, str) else by or []), "visited"]
    found = proportion(sample, design, "returned", by=domains, base=base)
    return named(found, "returned", "relapse_return_visited")


def _seen(dossiers: pd.DataFrame, aid: pd.DataFrame, on: str, months: int, left: int) -> pd.DataFrame:
    cases = caseload(dossiers, on, left=left)
    today = pd.Timestamp(on)
    after, until = (np.full(len(cases), day_of(day)) for day in (today - pd.DateOffset(months=months), today))
    number = Diary.of(visits(aid)).count(cases["household_id"], after, until)
    return cases.assign(visits=number.astype(np.float64), visited=(number > 0).astype(np.float64))


def named(found: Estimates, measure: str, method: str) -> Estimates:
    """The same numbers under the name of this chapter."""
    return replace(found, rows=found.rows.assign(measure=measure), method=method)


def day_of(moment: pd.Timestamp) -> int:
    """Days since 1970."""
    return int(moment.to_numpy().astype("datetime64[D]").astype(np.int64))


def _days(dates: pd.Series) -> Ints:
    """Days since 1970 of dates without a missing one."""
    return dates.to_numpy(dtype="datetime64[D]").astype(np.int64)
