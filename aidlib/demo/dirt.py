"""Planted dirt: what hands, forms and spreadsheets do to rows, each kind counted with the place of every row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from aidlib.demo import marks
from aidlib.demo.columns import Text, dates, where
from aidlib.demo.exports import LARGE, Laid
from aidlib.demo.files import Files
from aidlib.demo.lists import Listed
from aidlib.demo.parameters import YEARS, Parameters
from aidlib.demo.register import ON_FILE, Register
from aidlib.demo.shapes import NEW_FORM
from aidlib.demo.streams import stream
from aidlib.demo.survey_rows import DESIGN_KEYS, Sample, Wave

ACCEPTED, QUARANTINED, DUPLICATE = range(3)
FATES = ("accepted", "quarantined", "duplicates")
REASONS = {
    "id_float": "rounded",
    "id_check": "check_digit",
    "date_impossible": "date",
    "closed_first": "closed_before_opened",
}
COPIED_YEARS = (2023, 2024)
LEAST_COPIED = 3  # two alike would prove nothing
Marks = list[tuple[str, np.ndarray]]
Columns = dict[str, Text]


class Account:
    """Where every row went, by file and sheet, and where the dirt is (``places`` false: only how much)."""

    def __init__(self, *, places: bool) -> None:
        self._rows: list[dict[str, Any]] = []
        self._dirt: dict[str, dict[str, Any]] = {}
        self._places = places

    def add(self, laid: list[Laid], fate: np.ndarray, found: Marks) -> None:
        """Count the rows of a table as they lie in files. fate: of each row; found: kinds of dirt with their rows."""
        part_of, row_of = np.zeros(len(fate), int), np.zeros(len(fate), int)
        for i, part in enumerate(laid):
            part_of[part.rows], row_of[part.rows] = i, part.first + np.arange(len(part.rows))
            counts = np.bincount(fate[part.rows], minlength=3)
            entry: dict[str, Any] = {"file": part.file, "sheet": part.sheet, "read": part.read}
            entry |= {name: int(count) for name, count in zip(FATES, counts, strict=True)}
            entry |= {"non_data": part.read - len(part.rows), "reasons": {}}
            self._rows.append(entry)
        start = len(self._rows) - len(laid)
        for kind, rows in found:
            self._mark(kind, rows, laid, part_of, row_of, fate, start)

    def _mark(self, kind: str, rows: np.ndarray, laid: list[Laid], part_of: np.ndarray, row_of: np.ndarray,
              fate: np.ndarray, start: int) -> None:  # fmt: skip
        told = self._dirt.setdefault(kind, {"count": 0, "rows": []})
        told["count"] += len(rows)
        if self._places:
            told["rows"] += [[laid[part_of[i]].file, laid[part_of[i]].sheet, int(row_of[i])] for i in rows]
        if kind in REASONS:
            for i, count in zip(*np.unique(part_of[rows[fate[rows] == QUARANTINED]], return_counts=True), strict=True):
                self._rows[start + i]["reasons"][REASONS[kind]] = int(count)

    def dirt(self) -> dict[str, Any]:
        """Kind → how many rows, and which (file, sheet, row)."""
        return self._dirt

    def table(self) -> list[dict[str, Any]]:
        """The account that an import must arrive at, by file and sheet."""
        return self._rows

    def rows(self) -> int:
        """Data rows of all files."""
        return sum(row["read"] - row["non_data"] for row in self._rows)


class Dirt:
    """Applies the planted dirt; a clean preset passes everything through."""

    def __init__(self, p: Parameters, seed: int) -> None:
        self.p, self.seed = p, seed
        self._last_year: tuple[Columns, np.ndarray, np.ndarray] | None = None
        self._broken_files = np.zeros(0, int)

    def heaping_interviewer(self, sample: Sample) -> int:
        """The interviewer all of whose incomes are multiples of 500 yuan; -1 in a clean survey."""
        return int(self._odd_interviewers(sample)[0]) if self.p.dirt else -1

    def _odd_interviewers(self, sample: Sample) -> np.ndarray:
        """The two whose number of interviews is nearest to the usual: one rounds, one copies."""
        done = np.bincount(sample.interviewer, weights=(sample.units.visit == 1).sum(axis=1))
        return np.argsort(np.abs(done - np.median(done[done > 0])), kind="stable")[:2]

    def survey(
        self, wave: Wave, sample: Sample, *, last: bool
    ) -> tuple[Columns, np.ndarray, np.ndarray, np.ndarray, Marks]:
        """Dirty rows of a wave: columns, city, sheet (psu position) and fate by row, and the marks."""
        n = len(wave.city)
        if not self.p.dirt:
            return wave.columns, wave.city, wave.psu, np.zeros(n, np.int8), []
        rng = stream(self.seed, f"dirt-{wave.year}")
        columns: Columns = dict(wave.columns)
        found: Marks = []
        self._copy_interviews(columns, wave, sample, found)
        heaped = wave.complete & (wave.interviewer == self._odd_interviewers(sample)[0])
        found.append(("heaped_income", np.flatnonzero(heaped)))
        own = wave.complete.copy()  # answers that are the household's own; copied ones stay alike
        own[_rows_of(found, "copied_interview")] = False
        marks.silence(self.p, rng, columns, wave.answers.values, own, found)
        marks.amounts(self.p, rng, columns, wave.answers.values, own & ~heaped, own, found)
        marks.sizes(self.p, rng, columns, own, found)
        marks.days(self.p, rng, columns, wave.complete, found)
        marks.identities(self.p, rng, columns, wave.complete, found)
        marks.written(self.p, rng, columns, own, wave.year >= NEW_FORM, found)
        fate = np.zeros(n, np.int8)
        for kind, rows in found:
            if kind in REASONS:
                fate[rows] = QUARANTINED
        return self._repeat(rng, columns, wave, fate, found, last)

    def _copy_interviews(self, columns: Columns, wave: Wave, sample: Sample, found: Marks) -> None:
        """One interviewer gives the answers of one household to others too."""
        if wave.year not in COPIED_YEARS:
            return
        who = self._odd_interviewers(sample)[-1]
        mine = np.flatnonzero(wave.complete & (wave.interviewer == who))[: self.p.copied // len(COPIED_YEARS)]
        if len(mine) < LEAST_COPIED:
            return
        order = np.arange(len(wave.complete))
        order[mine] = mine[0]
        own = DESIGN_KEYS | {"interview_date", "interviewer", "line"}
        for key in columns:
            if key not in own and "." not in key:
                columns[key] = columns[key].take(pa.array(order))
        found.append(("copied_interview", mine))

    def _repeat(self, rng: np.random.Generator, columns: Columns, wave: Wave, fate: np.ndarray, found: Marks, last: bool
                ) -> tuple[Columns, np.ndarray, np.ndarray, np.ndarray, Marks]:  # fmt: skip
        """Append rows that stand twice: on another street's list, on last year's list again, in the spouse's file."""
        n = len(fate)
        draw = rng.random(n)
        marked = np.concatenate([_rows_of(found, "copied_interview"), _rows_of(found, "date_short")])
        good = wave.complete & (fate == ACCEPTED) & ~np.isin(np.arange(n), marked)
        spouse = good & marks.has_spouse(columns)
        twice = np.flatnonzero(good & (draw < self.p.twice_listed))
        again = np.flatnonzero(spouse & (draw > 1 - self.p.spouse_file))
        later = np.flatnonzero(good & (draw > 0.5) & (draw < 0.5 + self.p.two_years))
        blocks = [(_taken(columns, twice), wave.city[twice], self._other_sheet(wave, twice), "twice_listed"),
                  (marks.spouse_file(_taken(columns, again)), wave.city[again], wave.psu[again],
                   "spouse_file")]  # fmt: skip
        if self._last_year is not None:
            blocks.append((*self._last_year, "two_years"))
        self._last_year = None if last else (_taken(columns, later), wave.city[later], wave.psu[later])
        city, sheet, start = [wave.city], [wave.psu], n
        for _, cities, sheets, kind in blocks:
            city.append(cities)
            sheet.append(sheets)
            found.append((kind, start + np.arange(len(cities))))
            start += len(cities)
        whole = {key: pa.chunked_array([columns[key], *(block[0][key] for block in blocks)]).combine_chunks()
                 for key in columns}  # fmt: skip
        fate = np.concatenate([fate, np.full(start - n, DUPLICATE, np.int8)])
        return whole, np.concatenate(city), np.concatenate(sheet), fate, found

    def _other_sheet(self, wave: Wave, rows: np.ndarray) -> np.ndarray:
        """The next street's sheet of the city, or the own one where there is none, and in large surveys."""
        if self.p.households > LARGE:
            return wave.psu[rows]
        there = np.unique(wave.psu)
        following = there[np.minimum(np.searchsorted(there, wave.psu[rows], side="right"), len(there) - 1)]
        homes, first = np.unique(wave.psu, return_index=True)
        cities = wave.city[first[np.searchsorted(homes, following)]]
        return np.where(cities == wave.city[rows], following, wave.psu[rows])

    def register(self, rows: Listed, register: Register, files: Files) -> tuple[Columns, np.ndarray, Marks]:
        """Closing days before the opening, days in other styles, short names of places."""
        n = len(rows.city)
        fate = np.zeros(n, np.int8)
        if not self.p.dirt:
            return rows.columns, fate, []
        rng = stream(self.seed, "dirt-register")
        columns, found = dict(rows.columns), []
        once = np.bincount(register.home, minlength=len(register))[register.home] == 1
        ended = ~np.isnat(files.closed) & once
        self._broken_files = np.flatnonzero(ended & (rng.random(n) < self.p.closed_first))
        early = np.isin(np.arange(n), self._broken_files)
        columns["closed"] = where(early, dates(files.opened - np.timedelta64(30, "D")), columns["closed"])
        fate[early] = QUARANTINED
        found.append(("closed_first", self._broken_files))
        marks.register_days(self.p, rng, columns, found)
        marks.short_regions(self.p, rng, columns, np.ones(n, bool), found)
        return columns, fate, found

    def aid(self, rows: Listed, register: Register, files: Files, t: int) -> tuple[Columns, np.ndarray, Marks]:
        """Aid paid to households whose file had been closed in the year."""
        n = len(rows.city)
        fate = np.zeros(n, np.int8)
        if not self.p.dirt:
            return rows.columns, fate, []
        rng = stream(self.seed, f"dirt-aid-{t}")
        ended = (register.closed == YEARS[t]) & (register.order == 0)
        ended[self._broken_files] = False
        ended &= ~(register.state[register.home, t:] == ON_FILE).any(axis=1)
        ended &= np.bincount(register.home, minlength=len(register))[register.home] == 1
        filings = rng.permutation(np.flatnonzero(ended))
        mine = np.flatnonzero(rows.facts["filed"] & (rng.random(n) < self.p.aid_after))[: len(filings)]
        filings = filings[: len(mine)]
        home = register.home[filings]
        columns, whole = dict(rows.columns), np.zeros(n, int)
        whole[mine] = np.arange(len(mine))
        after = np.isin(np.arange(n), mine)
        day = files.closed[filings] + rng.integers(20, 90, len(mine)).astype("timedelta64[D]")
        given = {"household_id": files.household.take(pa.array(home)), "dossier_id": files.dossier.take(pa.array(home)),
                 "date": dates(day), "decided_on": dates(day - np.timedelta64(10, "D"))}  # fmt: skip
        if len(mine):
            for key, text in given.items():
                columns[key] = where(after, text.take(pa.array(whole)), columns[key])
        return columns, fate, [("aid_after_closing", mine)]


def _rows_of(found: Marks, kind: str) -> np.ndarray:
    return np.concatenate([np.zeros(0, int), *(rows for name, rows in found if name == kind)])


def _taken(columns: Columns, rows: np.ndarray) -> Columns:
    return {key: text.take(pa.array(rows)) for key, text in columns.items()}
