"""Durations under observation: who is at risk at which event time, in which group, and how it ends.

A row is at risk from its entry (not itself included) to its duration (included): whoever is censored at the time of an
event was still at risk. A unit may have several rows (entry, duration] that follow one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate.domains import Members, column_codes
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Study

CENSORED = ("", "0")  # codes of a row that ends without an event
SAME = 1e-9  # relative: times closer than this are one time, for differences of dates leave rounding
COUNTED = 8  # whole numbers up to so many times the rows are told apart by counting


@dataclass(frozen=True, eq=False)
class Durations:
    """Pairs (row, group) under observation beside the K distinct times of events.

    time: those of events of a row with a weight; entered (None: all 0) and left: for each pair the number of event
    times up to its entry and up to its duration, so that it is at risk at the times entered + 1 … left; kind: 0 or the
    number of the cause, 1 … causes; until: by group the longest duration of a row with a weight.
    """

    members: Members
    time: Floats
    entered: Ints | None
    left: Ints
    kind: Ints
    causes: tuple[str, ...]
    until: Floats

    @property
    def shape(self) -> tuple[int, int]:
        """Groups × (event times + 1): position 0 is before the first event."""
        return self.members.rows, len(self.time) + 1

    def cells(self, position: Ints) -> Ints:
        """Number of the cell (group, position) of each pair."""
        return position if self.members.rows == 1 else self.members.row * self.shape[1] + position

    def at_risk(self, weight: Floats) -> Floats:
        """Sum of the weights (one per pair) at risk at each event time: groups × K."""
        found = _from_the_end(self._sums(self.left, weight))
        if self.entered is not None:
            found -= _from_the_end(self._sums(self.entered, weight))
        return found

    def ended(self, weight: Floats) -> Floats:
        """Sum of the weights (one per pair) of the rows that end by each cause at each time: causes × groups × K."""
        own = [weight * (self.kind == cause) for cause in range(1, len(self.causes) + 1)]
        return np.stack([self._sums(self.left, values) for values in own])[:, :, 1:]

    def positions(self, times: Floats) -> Ints:
        """Number of event times up to each of ``times``."""
        return _up_to(self.time, times)

    def _sums(self, position: Ints, values: Floats) -> Floats:
        groups, size = self.shape
        sums = np.bincount(self.cells(position), weights=values, minlength=groups * size)
        return sums.reshape(groups, size).astype(np.float64, copy=False)


def durations(study: Study, duration: str, event: str, entry: str | None, *, flag: bool) -> Durations:
    """The rows of a study that have a duration and a way to end; those without both stay in the design alone.

    event: ``flag``: 0 censored, 1 event; else a code for each cause, "" or 0 for censored. Raises Problem for a row
    that lacks one of the columns only, a duration that is not above 0 or not above the entry, an entry below 0, and
    where no row of any group ends by an event.
    """
    length, start = study.column(duration), None if entry is None else study.column(entry)
    kind, causes = _flags(study, event) if flag else _codes(study.sample, event)
    known = _complete({duration: np.isfinite(length), event: kind >= 0}, entry, start)
    _check_order(length, start, duration, entry)
    members = study.domains.members.where(known)
    weight, kind, length = members.at(study.sampling.weight), members.at(kind), members.at(length)
    ends = kind > 0 if (weight > 0).all() else (kind > 0) & (weight > 0)
    if not ends.any():
        raise reference.problem("relapse.no_event", column=event, rows=len(kind))
    time, left = _numbered(length, ends)
    entered = None if start is None else _up_to(time, members.at(start))
    until = np.zeros(members.rows)
    np.maximum.at(until, members.row, length * (weight > 0))
    return Durations(members, time, entered, left, kind, causes, until)


def _flags(study: Study, event: str) -> tuple[Ints, tuple[str, ...]]:
    values = study.flag(event)
    missing = np.isnan(values)
    return np.where(missing, -1, values).astype(np.int64), (event,)


def _codes(sample: pd.DataFrame, event: str) -> tuple[Ints, tuple[str, ...]]:
    """Number of each row's cause, 0 for censored, -1 for missing; and the causes in the order of their code list."""
    if event not in sample:
        raise reference.problem("estimate.no_column", column=event)
    if isinstance(sample[event], pd.DataFrame):
        raise reference.problem("estimate.column_twice", column=event)
    found, names = column_codes(sample[event])
    listed = list(reference.dictionary().codes.get(event, ()))
    place = {name: listed.index(name) if name in listed else len(listed) for name in names}
    causes = tuple(sorted((name for name in names if name not in CENSORED), key=lambda name: place[name]))
    number = np.array([0 if name in CENSORED else causes.index(name) + 1 for name in names] + [-1])
    return number[found], causes


def _complete(known: dict[str, NDArray[np.bool_]], entry: str | None, start: Floats | None) -> NDArray[np.bool_]:
    """Rows with all columns; Problem for rows with some of them."""
    if entry is not None and start is not None:
        known = known | {entry: np.isfinite(start)}
    flags = list(known.values())
    every, some = np.logical_and.reduce(flags), np.logical_or.reduce(flags)
    partial = int((some & ~every).sum())
    if partial:
        raise reference.problem("relapse.incomplete", columns=", ".join(known), rows=partial)
    return np.asarray(every)


def _check_order(length: Floats, start: Floats | None, duration: str, entry: str | None) -> None:
    with np.errstate(invalid="ignore"):
        never = int((length <= 0).sum())
        late = 0 if start is None else int(((start >= length) | (start < 0)).sum())
    if never:
        raise reference.problem("relapse.no_duration", column=duration, rows=never)
    if late:
        raise reference.problem("relapse.late_entry", entry=entry, duration=duration, rows=late)


def _numbered(length: Floats, ends: NDArray[np.bool_]) -> tuple[Floats, Ints]:
    """The distinct times of events, sorted, and how many of them lie up to each duration."""
    bound = length.max(initial=0.0)
    if bound <= COUNTED * len(length) and (length == np.floor(length)).all():  # counting beats sorting
        whole = length.astype(np.int64)
        present = np.zeros(int(bound) + 1, dtype=bool)
        present[whole[ends]] = True
        return np.flatnonzero(present).astype(np.float64), np.cumsum(present)[whole]
    time = np.unique(length[ends])
    time = time[np.diff(time, prepend=-np.inf) > SAME * time]
    return time, _up_to(time, length)


def _up_to(time: Floats, values: Floats) -> Ints:
    """Number of event times up to each value; in their order, for which the search is several times as quick."""
    order = np.argsort(values)
    found = np.empty(len(values), dtype=np.int64)
    found[order] = np.searchsorted(time, values[order] * (1 + SAME), "right")
    return found


def _from_the_end(sums: Floats) -> Floats:
    """Sums over the positions from each event time on: exact where few are left."""
    return np.cumsum(sums[:, :0:-1], axis=1)[:, ::-1]


def evaluated(times: Sequence[float] | None, found: Durations) -> Floats:
    """The times asked for, sorted; None: 0 and all event times. Problem for a time that is missing or below 0."""
    if times is None:
        return np.concatenate([[0.0], found.time])
    asked = np.unique(np.asarray(times, dtype=np.float64))
    if not len(asked) or not (np.isfinite(asked) & (asked >= 0)).all():
        raise reference.problem("relapse.times")
    return asked
