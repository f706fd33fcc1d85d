"""Economic exits: what was known of the household on the day it left, and whether and when it came back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.sampling import finite
from aidlib.relapse.person_years import SECONDS, UNIT, timeline
from aidlib.relapse.requirements import ECONOMIC, column, complete, dates, day

YEAR = 365.25  # days
WITHIN = 90  # days before the exit in which its decision was taken
HORIZONS = (1, 3)  # years after the exit
KNOWN = (
    "weight", "frame", "net_ratio", "members", "has_patient", "has_widowed", "has_disabled", "has_student",
    "has_jobless_child", "has_jobless_earner", "worker_sex", "age_band", "urban",
)  # fmt: skip
OWN = ("dossier_id", "region", "county", "stratum", "psu", "recorded_grade", "cause_main")
HISTORY = ("years_on_file", "earlier_spells", "earlier_years", "returned_before")


def known_at_exit(
    spells: pd.DataFrame,
    interviews: pd.DataFrame,
    decisions: pd.DataFrame,
    *,
    until: pd.Timestamp | str,
    lines: pd.DataFrame | None = None,
    known: Sequence[str] = KNOWN,
    date: str = "interview_date",
) -> pd.DataFrame:
    """One row per economic exit in ``spells`` (dossier_spells) up to day ``until``, by household and date.

    Known on the day of the exit: household_id, spell, exit_date, exit_year and the file's region, county, stratum,
    psu, recorded_grade, cause_main; years_on_file; earlier_spells and earlier_years on file; returned_before; the last
    interview on or before that day: interviewed (when), interview_age (days since) and its columns ``known``, missing
    where there is none; exit_income, the net income (yuan per head and month) of the exit's decision, taken in the 90
    days up to it, and exit_ratio = exit_income / (2 · line), with the line that held in the county or region that day.
    Outcome: return_date (missing: none by ``until``); away, the years to it or to ``until``; returned (0 or 1);
    returned_1y and returned_3y, within that time, missing while it is not yet over.
    Exits before the register begins (``entered`` missing) are left out: who left then is in it only if it came back.
    lines: region, valid_from, line (None: those of ``reference``).
    """
    last = day("until", until)
    gone = _leavers(spells, last)
    own = [name for name in OWN if name in gone]
    table = gone[[UNIT, "spell", "exit_date", "exit_year", *own, *HISTORY]]
    table = table.assign(**_last_interview(table, interviews, list(known), date))
    table = table.assign(**_at_exit(table, decisions, reference.lines() if lines is None else lines))
    return table.assign(**_outcome(table["exit_date"], gone["back"], last))


def _leavers(spells: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """The spells that ended by an economic exit, with the household's history before and its next opening (back)."""
    history = timeline(spells)
    ordered = spells.take(history.order).reset_index(drop=True).assign(back=history.spells.back.astype(SECONDS))
    years = ((ordered["end"] - ordered["start"]).dt.days / YEAR).fillna(0.0)
    ordered = ordered.assign(
        exit_date=ordered["end"],
        exit_year=ordered["end"].dt.year,
        years_on_file=years,
        earlier_spells=ordered["spell"] - 1,
        earlier_years=(years.groupby(ordered[UNIT]).cumsum() - years).clip(lower=0),
        returned_before=column(ordered, "returned").astype(float),
    )
    left = ordered["exit"].eq(ECONOMIC) & (ordered["end"] <= until) & column(ordered, "entered").notna()
    return ordered[left].reset_index(drop=True)


def _last_interview(table: pd.DataFrame, interviews: pd.DataFrame, known: list[str], date: str) -> dict[str, pd.Series]:
    """Columns of the household's last interview on or before its exit."""
    complete(interviews, UNIT)
    asked = interviews[[UNIT]].assign(interviewed=dates(interviews, date), **{n: column(interviews, n) for n in known})
    asked = asked[asked["interviewed"].notna()].drop_duplicates([UNIT, "interviewed"], keep="last")
    found = _latest(table, asked, "interviewed")
    age = (table["exit_date"] - found["interviewed"]).dt.days
    return {"interviewed": found["interviewed"], "interview_age": age} | {name: found[name] for name in known}


def _at_exit(table: pd.DataFrame, decisions: pd.DataFrame, lines: pd.DataFrame) -> dict[str, pd.Series]:
    """Net income of the exit's decision, and over twice the line of that day."""
    finite(decisions, "net_income")
    taken = decisions[
        column(decisions, "kind").eq("exit") & ~column(decisions, "result").isin(["rejected", "withdrawn"])
    ]
    taken = taken[[UNIT, "net_income"]].assign(decided=dates(taken, "decided_on"))
    taken = taken[taken["decided"].notna() & taken["net_income"].notna()].drop_duplicates(
        [UNIT, "decided"], keep="last"
    )
    found = _latest(table, taken, "decided")
    recent = (table["exit_date"] - found["decided"]).dt.days <= WITHIN
    income = found["net_income"].where(recent)
    places = [name for name in ("county", "region") if name in table]
    line = pd.Series(np.nan, table.index)
    for place in places:
        line = line.fillna(line_on(table[place], table["exit_date"], lines))
    return {"exit_income": income, "exit_ratio": income / (2 * line)}


def line_on(region: pd.Series, day: pd.Series, lines: pd.DataFrame) -> pd.Series:
    """The line (yuan per head and month) that held in each region on each day; missing where none is known."""
    asked = pd.DataFrame({"region": region.astype("str"), "day": day, "row": np.arange(len(region))})
    held = lines[["region", "valid_from", "line"]].astype({"region": "str"})
    found = pd.merge_asof(
        asked[asked["day"].notna()].sort_values("day"),
        held.assign(valid_from=held["valid_from"].astype(asked["day"].dtype)).sort_values("valid_from"),
        left_on="day",
        right_on="valid_from",
        by="region",
    )
    return found.set_index("row")["line"].reindex(asked["row"]).set_axis(region.index)


def _latest(table: pd.DataFrame, events: pd.DataFrame, day: str) -> pd.DataFrame:
    """Of each household's events the last one on or before its exit, in the rows of ``table``."""
    if table.empty:
        return events.head(0)
    left = table[[UNIT, "exit_date"]].assign(row=np.arange(len(table))).sort_values("exit_date", kind="stable")
    right = events.assign(**{day: events[day].astype(left["exit_date"].dtype)}).sort_values(day, kind="stable")
    found = pd.merge_asof(left, right, left_on="exit_date", right_on=day, by=UNIT)
    return found.set_index("row").sort_index().set_axis(table.index)


def _outcome(left: pd.Series, back: pd.Series, until: pd.Timestamp) -> dict[str, pd.Series]:
    """Return and time to it; the shares within a time only for exits whose time is over."""
    back = back.where(back <= until)
    away = (back.fillna(until) - left).dt.days / YEAR
    found = {"return_date": back, "away": away, "returned": back.notna().astype(float)}
    for years in HORIZONS:
        limit = left + pd.DateOffset(years=years)
        found[f"returned_{years}y"] = (back <= limit).astype(float).where(limit <= until)
    return found
