"""Spells of hardship from the waves of a panel: entry, exit and return, and what the waves cannot show.

A wave shows a state, not the day it changed. So a spell runs from the first wave in the state to the first wave out of
it, and a household out and back between two waves is not seen to have left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate.sampling import Ints, finite
from aidlib.relapse.requirements import DEATH, ECONOMIC, LOST, at_least, column, complete, known_reasons

Flags = NDArray[np.bool_]


def spells(
    panel: pd.DataFrame,
    *,
    unit: str = "household_id",
    time: str = "year",
    state: str = "in_hardship",
    exit_after: int = 1,
    gap: int = 1,
    ends: pd.DataFrame | None = None,
    keep: Sequence[str] = (),
) -> pd.DataFrame:
    """One row per spell of ``state`` = 1, sorted by unit and time; times are waves.

    Columns: ``unit``; spell (1, 2, …); start, the first wave in the state; end, the first wave out (missing while it
    runs); length = end - start, of a running spell up to the last wave at which an exit could have been seen (0: none,
    so curves leave it out); left_censored: no wave out of the state was seen before it; right_censored; exit: "" while
    censored, else "economic" or what ``ends`` says; start_after and end_after, the last wave seen out before it and the
    last in it: the true dates lie after them; gap: a wave is missing in the spell or at its bounds; lost: it runs at
    the unit's last wave, and others were seen later (attrition or rotation: a censoring, not an exit); ``keep``:
    columns of the panel at the spell's first wave.

    exit_after: so many waves in a row must be out for an exit (or an entry) to count; a shorter absence is bridged, at
    the end it leaves the spell running. gap: so many missing waves (no row, or no state) are bridged where the state
    is the same on both sides; where it differs the change lies in the gap, and its later side is taken. A longer gap
    breaks: the spell before it is right-censored, the one after it left-censored. ends: columns ``unit``, ``time``
    (the wave by which it had happened), ``reason`` (a close_reason, or "lost").
    Raises Problem for two rows of a unit in one wave, states that are neither 0 nor 1, unknown reasons, and ends of a
    spell while the unit is still seen in it.

    >>> import pandas as pd
    >>> panel = pd.DataFrame({"household_id": ["a"] * 5, "year": range(2019, 2024), "in_hardship": [1, 1, 0, 0, 1]})
    >>> spells(panel)[["spell", "start", "end", "length", "exit"]].to_dict("list")
    {'spell': [1, 2], 'start': [2019, 2023], 'end': [2021.0, nan], 'length': [2.0, 0.0], 'exit': ['economic', '']}
    """
    at_least("exit_after", exit_after, 1)
    at_least("gap", gap, 0)
    found = histories(panel, unit, time, state, gap)
    table = _table(found, _without_short_absences(found, exit_after), exit_after)
    if ends is not None:
        table = _explained(table, found, _known_ends(ends, unit, found))
    row, of = found.order[table.pop("row").to_numpy()], table.pop("unit").to_numpy()
    table.insert(0, unit, found.units.take(of))
    table.insert(1, "spell", numbered_within(of))
    taken = [name for name in keep if name in table]
    if taken:
        raise reference.problem("estimate.reserved", column=taken[0])
    return table.assign(**{name: column(panel, name).array.take(row) for name in keep})


@dataclass(frozen=True, eq=False)
class Histories:
    """Rows of a panel with a state, by unit and wave.

    units: the distinct units; waves: all waves of the panel; order: rows of the panel; unit, wave: places in these;
    held: in the state; part: rows of one part are of one unit and have no gap between them that is too long.
    """

    units: pd.Index
    waves: NDArray[Any]
    order: Ints
    unit: Ints
    wave: Ints
    held: Flags
    part: Ints

    def runs(self, held: Flags) -> Ints:
        """First and last row of the runs of one state within one part: 2 × runs."""
        new = np.flatnonzero((self.part[1:] != self.part[:-1]) | (held[1:] != held[:-1]))
        if not len(held):
            return np.zeros((2, 0), dtype=np.int64)
        return np.stack([np.append(0, new + 1), np.append(new, len(held) - 1)])

    def last_seen(self) -> Ints:
        """The last wave of each unit."""
        return _last(self.unit, self.wave, len(self.units))

    def last_of_part(self) -> Ints:
        """At every row the last wave of its part."""
        return _last(self.part, self.wave, int(self.part[-1]) + 1 if len(self.part) else 0)[self.part]


@dataclass(frozen=True, eq=False)
class Places:
    """A panel's rows: the distinct units and waves, the place of each row in these, and the order by unit and wave."""

    units: pd.Index
    waves: NDArray[Any]
    unit: Ints
    wave: Ints
    order: Ints

    def rows_at(self, unit: Ints, wave: Ints) -> Ints:
        """The panel's row of each unit at a wave (places; -1: none); -1 where there is none."""
        width = len(self.waves) + 1  # so that wave -1 is nobody's
        keys = (self.unit * width + self.wave)[self.order]
        wanted = unit * width + np.where(wave < 0, len(self.waves), wave)
        at = np.searchsorted(keys, wanted)
        found = np.append(keys, -1)[at] == wanted
        return np.where(found, np.append(self.order, -1)[at], -1)


def places(panel: pd.DataFrame, unit: str, time: str) -> Places:
    """Units and waves of the panel; checked: no two rows of a unit in one wave."""
    finite(panel, time)
    complete(panel, time)
    codes, units = pd.factorize(complete(panel, unit), sort=True)
    waves, wave = np.unique(panel[time].to_numpy(), return_inverse=True)
    key = codes.astype(np.int64) * max(len(waves), 1) + wave
    order = np.arange(len(key)) if (key[1:] > key[:-1]).all() else np.argsort(key, kind="stable")
    twice = int((np.diff(key[order]) == 0).sum())
    if twice:
        raise reference.problem("relapse.twice", unit=unit, time=time, rows=twice)
    return Places(pd.Index(units), waves, codes.astype(np.int64), wave.astype(np.int64), order)


def histories(panel: pd.DataFrame, unit: str, time: str, state: str, gap: int) -> Histories:
    """The panel's rows by unit and wave; checked. Rows without a state are left out: a missing wave."""
    states, at = finite(panel, state), places(panel, unit, time)
    other = ~np.isnan(states) & (states != 0) & (states != 1)
    if other.any():
        raise reference.problem("relapse.state", column=state, rows=int(other.sum()))
    order = at.order[~np.isnan(states[at.order])]
    of, wave = at.unit[order], at.wave[order]
    broken = (of[1:] != of[:-1]) | (np.diff(wave) > gap + 1)
    part = np.concatenate([[0], np.cumsum(broken)]) if len(of) else np.zeros(0, dtype=np.int64)
    return Histories(at.units, at.waves, order, of, wave, states[order] == 1, part)


def _without_short_absences(found: Histories, exit_after: int) -> Flags:
    """The states, with absences of fewer than ``exit_after`` waves between two waves in the state filled in."""
    if exit_after == 1:
        return found.held
    starts, lasts = found.runs(found.held)
    part, away = found.part[starts], ~found.held[starts]
    between = np.zeros(len(starts), dtype=bool)
    between[1:-1] = (part[1:-1] == part[:-2]) & (part[1:-1] == part[2:])
    short = away & between & (found.wave[lasts] - found.wave[starts] + 1 < exit_after)
    return np.asarray(found.held | np.repeat(short, lasts - starts + 1))


def _table(found: Histories, held: Flags, exit_after: int) -> pd.DataFrame:
    """The spells; instead of the unit its place, and ``row``, the place of the first wave."""
    starts, lasts = found.runs(held)
    part, wave, years = found.part[starts], found.wave, found.waves.astype(np.float64)
    lasting = wave[lasts] - wave[starts] + 1 >= exit_after
    away_before, away_after = np.zeros((2, len(starts)), dtype=bool)
    away_before[1:] = (part[1:] == part[:-1]) & lasting[:-1]
    away_after[:-1] = (part[1:] == part[:-1]) & lasting[1:]
    at = np.flatnonzero(held[starts])
    first, last, entered, ended = starts[at], lasts[at], away_before[at], away_after[at]
    unit, seen, last_of_part = found.unit[first], found.last_seen(), found.last_of_part()[first]
    confirmed = np.minimum(wave[last], last_of_part - (exit_after - 1))  # no later exit could have been confirmed
    stop = np.where(ended, wave[np.minimum(last + 1, len(held) - 1)], np.maximum(wave[first], confirmed))
    return pd.DataFrame(
        {
            "unit": unit,
            "row": first,
            "start": found.waves[wave[first]],
            "end": np.where(ended, years[stop], np.nan),
            "length": years[stop] - years[wave[first]],
            "left_censored": ~entered,
            "right_censored": ~ended,
            "exit": pd.array(np.where(ended, ECONOMIC, "").astype(object), dtype="str"),
            "start_after": np.where(entered, years[wave[np.maximum(first - 1, 0)]], np.nan),
            "end_after": years[wave[last]],
            "gap": _gaps(found, first, last),
            "lost": ~ended & (seen[unit] == last_of_part) & (seen[unit] < len(years) - 1),
        }
    )


def _gaps(found: Histories, first: Ints, last: Ints) -> Flags:
    """Whether a wave is missing between the rows before ``first`` and after ``last`` of the same unit."""
    missing = np.zeros(len(found.wave) + 1, dtype=np.int64)
    missing[1:-1] = (np.diff(found.wave) > 1) & (np.diff(found.unit) == 0)
    so_far = np.cumsum(missing)
    return np.asarray(so_far[last + 1] > np.where(first > 0, so_far[first - 1], 0))


def _known_ends(ends: pd.DataFrame, unit: str, found: Histories) -> pd.DataFrame:
    """The ends of the panel's units, by unit and time: columns unit (its place), time, reason; checked."""
    reasons = known_reasons(complete(ends, "reason"), LOST)
    of = found.units.get_indexer(pd.Index(complete(ends, unit)))
    finite(ends, "time")
    known = pd.DataFrame({"unit": of, "time": complete(ends, "time").to_numpy(np.float64), "reason": reasons.array})
    twice = int(known[of >= 0].duplicated(["unit", "time"]).sum())
    if twice:
        raise reference.problem("relapse.twice", unit=unit, time="time", rows=twice)
    known = known[of >= 0].sort_values(["unit", "time"], kind="stable", ignore_index=True)
    seen = found.waves.astype(np.float64)[found.last_seen()[known["unit"].to_numpy()]]
    alive = known["reason"].eq(DEATH) & (seen > known["time"])
    if alive.any():
        raise reference.problem("relapse.after_death", rows=int(alive.sum()))
    return known


def _explained(table: pd.DataFrame, found: Histories, ends: pd.DataFrame) -> pd.DataFrame:
    """The spells with the reasons of ``ends``, each given to the last spell that had started before it."""
    waves = found.waves.astype(np.float64)
    width = len(waves) + 1
    begun = table["unit"] * width + np.searchsorted(waves, table["start"], side="right")
    asked = ends["unit"] * width + np.searchsorted(waves, ends["time"], side="right")
    place = np.searchsorted(begun, asked, side="right") - 1
    mine = (place >= 0) & (table["unit"].reindex(place).to_numpy() == ends["unit"])
    given = ends[mine].set_axis(place[mine]).join(table[["end_after", "end", "right_censored"]])
    inside = int((given["time"] <= given["end_after"]).sum())
    if inside:
        raise reference.problem("relapse.end_inside", rows=inside)
    given = given[given["right_censored"] | (given["time"] <= given["end"])]  # others come after the exit
    given = given[~given.index.duplicated()]
    lost = given[given["reason"].eq(LOST) & given["right_censored"]].index
    given = given[given["reason"].ne(LOST)]
    at = np.searchsorted(waves, given["time"], side="left")
    out = np.where(at < len(waves), waves[np.minimum(at, len(waves) - 1)], given["time"])
    table = table.assign(lost=table["lost"] | table.index.isin(lost))
    table.loc[given.index, "end"] = np.where(given["right_censored"], out, given["end"])
    table.loc[given.index, "exit"] = given["reason"]
    table.loc[given.index, ["right_censored", "lost"]] = False
    return table.assign(length=table["length"].where(table["end"].isna(), table["end"] - table["start"]))


def _last(group: Ints, wave: Ints, groups: int) -> Ints:
    last = np.full(groups, -1)
    last[group] = wave  # rows are in order, so the last one stays
    return last


def numbered_within(group: Ints) -> Ints:
    """1, 2, … within runs of equal codes."""
    place = np.arange(len(group))
    new = np.append(True, group[1:] != group[:-1])[: len(group)]
    return place - np.maximum.accumulate(np.where(new, place, 0)) + 1
