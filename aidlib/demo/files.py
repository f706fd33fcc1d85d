"""What the register writes of each file: numbers, days, causes, grades and audits, and who received living aid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from aidlib.demo.causes import draw_causes
from aidlib.demo.columns import Text, day_in, joined, padded, where, words
from aidlib.demo.links import Links, make_links
from aidlib.demo.parameters import FIRST, YEARS, Parameters
from aidlib.demo.places import Places
from aidlib.demo.population import autoregression, household_sizes
from aidlib.demo.register import LEFT, ON_FILE, Register
from aidlib.demo.streams import logistic, stream
from aidlib.demo.units import accident_income, normal_cdf, register_incomes

LETTERS = "ABCDEFGHJK"


@dataclass(eq=False)
class Files:
    """By household of the register: household and file number, main and secondary causes (positions), size, r and
    accident (n × 8), aided and visited in the twelve months before each interview (n × 8), city. By filing: days of
    opening and closing, file number, the file that it refers to and why, audit.
    """

    household: Text
    dossier: Text
    main: np.ndarray
    second: np.ndarray
    size: np.ndarray
    r: np.ndarray
    accident: np.ndarray
    aided: np.ndarray
    visited: np.ndarray
    city: np.ndarray
    opened: np.ndarray
    closed: np.ndarray
    filing_dossier: Text
    former: Text
    links: Links
    audited: np.ndarray
    audit: np.ndarray

    def grade(self, t: int) -> np.ndarray:
        """0 deep, 1 relative, 2 accident at the interviews of wave ``t`` (by the true net income)."""
        return np.where(self.accident[:, t], 2, np.where(self.r[:, t] < 1, 0, 1))


def make_files(p: Parameters, places: Places, register: Register, seed: int) -> Files:
    """Everything about the register's files that is not a survey answer."""
    n, city = len(register), places.city[register.psu]
    rng = stream(seed, "files")
    household = household_numbers(rng, city, np.arange(n))
    dossier = joined("D", words(rng.integers(0, 10, n), list(LETTERS)), padded(city + 1, 2), padded(np.arange(n), 7))
    year = np.maximum(np.where(register.recruited < FIRST, FIRST - 2, register.recruited), FIRST)
    main, second = draw_causes(p, stream(seed, "causes"), register.factors, year)
    r, accident = register_incomes(p, register, seed)
    size = household_sizes(p, rng, register.factors)
    filed = register.state == ON_FILE
    once = ~accident | (register.since == np.array(YEARS))  # accident aid is paid once
    aided = filed & once & (rng.random((n, len(YEARS))) < p.take_up)
    opened, closed = _days(seed, register)
    links = make_links(p, register, seed)
    old = dossier.take(register.home)
    number = where(links.renumbered, joined(old, "R", padded(register.order, 2)), old)
    other = np.maximum(links.split, links.merged)
    former = where(links.renumbered, old, where(other >= 0, number.take(pa.array(np.maximum(other, 0))), None))
    audited, audit = _audits(p, seed, register, places)
    return Files(
        household, dossier, main, second, size, r, accident, aided,
        _visited(p, seed, register, city, r, accident), city,
        opened, closed, number, former, links, audited, audit,
    )  # fmt: skip


def numbers_in(register: Register, files: Files, t: int) -> Text:
    """The file number that each household has in wave ``t``: the last one it was given until then."""
    known = np.flatnonzero(register.opened <= YEARS[t])
    last = np.full(len(register), -1)
    last[register.home[known]] = known  # filings lie in order of time
    given = files.filing_dossier.take(pa.array(np.maximum(last, 0)))
    return where(last >= 0, given, files.dossier)


def household_numbers(rng: np.random.Generator, city: np.ndarray, number: np.ndarray) -> Text:
    """Household numbers: a letter that means nothing, the city, a running number."""
    return joined(words(rng.integers(0, 10, len(city)), list(LETTERS)), padded(city + 1, 2), padded(number, 7))


def _days(seed: int, register: Register) -> tuple[np.ndarray, np.ndarray]:
    """Days of opening and closing, between 10 March (after the festival's payments) and 30 August of their years."""
    rng = stream(seed, "file-days")
    opened = day_in(rng, register.opened, (3, 10), 174)
    closed = day_in(rng, np.where(register.closed > 0, register.closed, FIRST), (3, 10), 174)
    return opened, np.where(register.closed > 0, closed, np.datetime64("NaT"))


def _visited(
    p: Parameters, seed: int, register: Register, city: np.ndarray, r: np.ndarray, accident: np.ndarray
) -> np.ndarray:
    """Visits in twelve months: by grade on file; those who left are chosen by their risk, and mostly seen under F."""
    rng = stream(seed, "visited")
    draw = rng.random(r.shape)
    by_grade = np.where(accident, p.visit_on_file["accident"],
                        np.where(r < 1, p.visit_on_file["deep"], p.visit_on_file["relative"]))  # fmt: skip
    spread = np.sqrt(1 + 0.346 * (p.visit_choice * p.frailty_sd) ** 2)  # keeps the mean share at the planted one
    usual = np.log(p.visit_left / (1 - p.visit_left)) * spread + p.visit_choice * register.u
    started = np.array(p.reform_f)[city]
    under = (started > 0)[:, None] & (np.array(YEARS)[None, :] >= started[:, None])
    left = np.where(under, p.visit_reform, logistic(usual)[:, None])
    return draw < np.where(register.state == ON_FILE, by_grade, np.where(register.state == LEFT, left, 0.0))


def _audits(p: Parameters, seed: int, register: Register, places: Places) -> tuple[np.ndarray, np.ndarray]:
    """Of the filings, which were audited in 2024 (mask) and the audited r of their households."""
    rng = stream(seed, "audits")
    t = YEARS.index(2024)
    current = (register.opened <= 2024) & ((register.closed == 0) | (register.closed > 2024))
    chosen = np.zeros(len(register.home), bool)
    chosen[rng.permutation(np.flatnonzero(current))[: p.count("audits")]] = True
    excess = 2 + rng.exponential(p.inclusion_excess, len(register.home))
    place = normal_cdf(autoregression(rng, len(register.home), 1, 0.0))[:, 0]
    true, accident = register_incomes(p, register, seed)
    found = np.where(register.inclusion[register.home], excess, true[register.home, t])
    found = np.where(accident[register.home, t], accident_income(place), found)
    return chosen, found
