"""The life of every file: opened, closed, opened again, year by year, by the planted discrete hazards.

A year's events fall between 10 March and 30 August, the interviews of that year after them; so a household's state at
the interviews is its state at the end of the year. A file opened in year y is first at risk in year y + 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aidlib.demo.parameters import FIRST, LAST, YEARS, Parameters
from aidlib.demo.places import Places
from aidlib.demo.population import draw_factors
from aidlib.demo.streams import logistic, stream

BURN_IN = 2002  # first year of the process, so that the stock of 2018 is what its hazards make it
ABSENT, ON_FILE, LEFT, SUPPORTED, DEAD, CLOSED = range(6)
LEFT_SINCE = 2015
REASONS = {LEFT: "economic", SUPPORTED: "supported", DEAD: "death", CLOSED: "administrative"}


@dataclass(eq=False)
class Register:
    """Households with a file, and their filings.

    Households: psu, u (frailty), factors (n × 6), accident (grade while on file), inclusion (would fail an audit),
    recruited (the frame it can be sampled in: "on_file", "left" or "new<year>"), state (n × 8 at the interviews), since
    (year of the last filing or exit), band (of r/2 at the last exit). Filings: home, opened, closed (year, 0 on file),
    reason (state after it), order (0 first).
    """

    psu: np.ndarray
    u: np.ndarray
    factors: np.ndarray
    accident: np.ndarray
    inclusion: np.ndarray
    recruited: np.ndarray
    state: np.ndarray
    since: np.ndarray
    band: np.ndarray
    home: np.ndarray
    opened: np.ndarray
    closed: np.ndarray
    reason: np.ndarray
    order: np.ndarray

    def __len__(self) -> int:
        return len(self.psu)


def make_register(p: Parameters, places: Places, seed: int) -> Register:
    """Run the process and keep those on file at the interviews of 2018, who left in 2015-2018, and all later files."""
    draft = _Process(p, places, seed)
    for year in range(BURN_IN, LAST + 1):
        draft.step(year)
    return draft.register()


class _Process:
    """All households that ever file, with their state as the years go by."""

    def __init__(self, p: Parameters, places: Places, seed: int) -> None:
        self.p, self.places, self.seed = p, places, seed
        rng = stream(seed, "register")
        early = max(round(p.new_files * p.scale * 2.0), 8)
        new = p.count("new_files")
        counts = [early if year <= FIRST else new for year in range(BURN_IN, LAST + 1)]
        self.entry = np.repeat(np.arange(BURN_IN, LAST + 1), counts)
        n = len(self.entry)
        weight = places.share * np.exp(places.status)
        self.psu = rng.choice(len(weight), n, p=weight / weight.sum())
        self.city = places.city[self.psu]
        self.u = rng.normal(0, p.frailty_sd, n)
        self.factors = draw_factors(p, rng, n, filed=True)
        self.accident = rng.random(n) < p.accident_on_file
        matched = np.array(p.reform_s)[self.city]
        better = (matched > 0) & (self.entry >= matched)
        error = np.where(better, p.inclusion_error_matched, p.inclusion_error)
        self.inclusion = ~self.accident & (rng.random(n) < error / (1 - p.accident_on_file))
        self.now = np.full(n, ABSENT, dtype=np.int8)
        self.since = np.zeros(n, dtype=np.int16)
        self.band = np.full(n, -1, dtype=np.int8)
        self.states: list[np.ndarray] = []
        self.sinces: list[np.ndarray] = []
        self.bands: list[np.ndarray] = []
        self.events: list[tuple[np.ndarray, int, np.ndarray]] = []  # homes, year, state after

    def step(self, year: int) -> None:
        """One year: exits and other ends of files, returns, new files."""
        rng = stream(self.seed, f"events-{year}")
        draw = rng.random((3, len(self.now)))
        band = np.searchsorted(np.cumsum(self.p.exit_bands)[:2], rng.random(len(self.now))).astype(np.int8)
        stay = np.clip(year - self.since, 1, 5) - 1
        filed, gone = self.now == ON_FILE, self.now == LEFT
        after = self.now.copy()
        leaves = filed & (draw[0] < self.exit_probability(stay))
        after[leaves] = LEFT
        after = np.where(filed & ~leaves, self._other_ends(draw[1], stay), after)
        after[gone & (draw[2] < self.return_probability(year, stay))] = ON_FILE
        after[self.entry == year] = ON_FILE
        changed = np.flatnonzero(after != self.now)
        self.events.append((changed, year, after[changed]))
        self.band[leaves] = band[leaves]
        self.since[changed] = year
        self.now = after.astype(np.int8)
        if year >= FIRST:
            self.states.append(self.now.copy())
            self.sinces.append(self.since.copy())
            self.bands.append(self.band.copy())

    def exit_probability(self, stay: np.ndarray) -> np.ndarray:
        """The planted yearly probability of an economic exit; ``stay`` = years on file, less 1, at most 4."""
        p, f = self.p, self.factors
        x = np.array(p.exit)[stay] + np.log(p.exit_patient) * f[:, 0] + np.log(p.exit_widowed) * f[:, 2]
        return logistic(x + p.exit_frailty * self.u)

    def return_probability(self, year: int, gone: np.ndarray) -> np.ndarray:
        """The planted yearly probability of a return; ``gone`` = years since the exit, less 1, at most 4."""
        p, f = self.p, self.factors
        food = self.places.food[self.city, max(year - FIRST, 0)] if year >= FIRST else np.full(len(f), p.food_usual)
        x = np.array(p.back)[gone] + np.log(p.back_patient) * f[:, 0] + np.log(p.back_widowed) * f[:, 2]
        x = x + np.log(p.back_jobless_child) * f[:, 4] + np.log(np.array(p.back_bands))[self.band]
        x = x + np.log(p.back_food) * (food - p.food_usual) + self.u
        return logistic(x + reform_effect(p, self.city, year))

    def _other_ends(self, draw: np.ndarray, stay: np.ndarray) -> np.ndarray:
        p = self.p
        death = np.where(self.factors[:, 0], p.death[1], p.death[0])
        support = np.where(stay == 4, p.supported, 0.0)
        edges = np.cumsum(np.stack([death, np.full(len(draw), p.administrative), support]), axis=0)
        return np.select([draw < edge for edge in edges], [DEAD, CLOSED, SUPPORTED], ON_FILE)

    def register(self) -> Register:
        """The households of the register, renumbered, and their filings that were open in 2015 or later."""
        rng = stream(self.seed, "register-kept")
        state = np.stack(self.states, axis=1)
        since, band = np.stack(self.sinces, axis=1), np.stack(self.bands, axis=1)
        filed = np.flatnonzero(state[:, 0] == ON_FILE)
        left = np.flatnonzero((state[:, 0] == LEFT) & (since[:, 0] >= LEFT_SINCE))
        filed = np.sort(rng.permutation(filed)[: self.p.count("on_file_population")])
        left = np.sort(rng.permutation(left)[: self.p.count("left_population")])
        new = np.flatnonzero(self.entry > FIRST)
        kept = rng.permutation(np.concatenate([filed, left, new]))
        recruited = np.empty(len(state), dtype=np.int16)
        recruited[filed], recruited[left], recruited[new] = FIRST, LEFT_SINCE, self.entry[new]
        own = (self.psu, self.u, self.factors, self.accident, self.inclusion, recruited, state, since, band)
        return Register(*(each[kept] for each in own), *self._filings(kept, len(state)))

    def _filings(self, kept: np.ndarray, n: int) -> tuple[np.ndarray, ...]:
        """Home, opened, closed, reason and order of the filings, by home and year."""
        place = np.full(n, -1)
        place[kept] = np.arange(len(kept))
        home = np.concatenate([place[homes] for homes, _, _ in self.events])
        year = np.concatenate([np.full(len(homes), year) for homes, year, _ in self.events])
        after = np.concatenate([states for _, _, states in self.events])
        order = np.lexsort((year, home))
        order = order[home[order] >= 0]
        home, year, after = home[order], year[order], after[order]
        opens = np.flatnonzero(after == ON_FILE)
        nexts = np.minimum(opens + 1, len(home) - 1)
        ends = (opens + 1 < len(home)) & (home[nexts] == home[opens])
        closed = np.where(ends, year[nexts], 0)
        reason = np.where(ends, after[nexts], ON_FILE)
        first = np.searchsorted(home[opens], home[opens])
        rank = np.arange(len(opens)) - first
        shown = (closed == 0) | (closed >= LEFT_SINCE)
        return home[opens][shown], year[opens][shown], closed[shown], reason[shown], rank[shown]


def reform_effect(p: Parameters, city: np.ndarray, year: int) -> np.ndarray:
    """The log odds of return that follow-up (reform F) adds in ``year``, and its cities' own trend before it."""
    start = np.array(p.reform_f)[city]
    first, after = np.log(p.reform_f_odds)
    trend = p.pretrend * np.clip(np.minimum(year, start) - FIRST, 0, None)
    return trend + np.where((start == 0) | (year < start), 0.0, np.where(year == start, first, after))


def years_open(register: Register) -> np.ndarray:
    """Filings on file at the end of each year (filing × year)."""
    years = np.array(YEARS)
    closed = np.where(register.closed == 0, LAST + 1, register.closed)
    return (register.opened[:, None] <= years) & (years < closed[:, None])
