"""The places of the demonstration: cities, strata, sampling units; lines and prices as the reference has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aidlib import reference
from aidlib.demo.parameters import CITIES, YEARS, Parameters
from aidlib.demo.streams import stream

CITY_SIZES = (1.5, 1.2, 1.1, 1.2, 1.0, 0.9, 1.0, 0.9, 0.8, 0.8, 0.9, 0.7)
URBAN = 0.6  # of a city's members live in its core


@dataclass(frozen=True, eq=False)
class Places:
    """Primary sampling units: ``city`` and ``stratum`` positions, ``county`` code, share of members, drawn or not.

    income, status: effects of the unit on log income and on the logit of hardship. line: L by city and year (yuan a
    month); food: price rise by city and year in per cent.
    """

    city: np.ndarray
    stratum: np.ndarray
    number: np.ndarray
    county: np.ndarray
    share: np.ndarray
    drawn: np.ndarray
    income: np.ndarray
    status: np.ndarray
    line: np.ndarray
    food: np.ndarray
    drawn_in_stratum: np.ndarray  # by stratum


def make_places(p: Parameters, seed: int) -> Places:
    """Twenty-four strata (city × core or county) of ten units each; five drawn, seven in 甲市, three in 丑市."""
    rng = stream(seed, "places")
    units = p.psus_in_stratum
    stratum = np.repeat(np.arange(2 * len(CITIES)), units)
    city, core = stratum // 2, stratum % 2 == 0
    number = np.tile(np.arange(units), 2 * len(CITIES))
    county = np.where(core, 1, 2 + number % 2) + (city + 1) * 100 + 990_000
    share = np.array(CITY_SIZES)[city] * np.where(core, URBAN, 1 - URBAN)
    share = share * np.exp(rng.normal(0, p.psu_size_sd, len(share)))
    take = np.full(len(CITIES), p.psus_drawn)
    take[0], take[-1] = p.psus_drawn_first_city, p.psus_drawn_last_city
    order = np.argsort(stratum + rng.random(len(stratum)))
    rank = np.empty(len(stratum), dtype=int)
    rank[order] = np.arange(len(stratum)) % units
    logistic_variance = np.pi**2 / 3
    between = np.sqrt(p.psu_status_correlation / (1 - p.psu_status_correlation) * logistic_variance)
    within = 0.40  # sd of log r of the other members
    return Places(
        city=city, stratum=stratum, number=number, county=county, share=share / share.sum(), drawn=rank < take[city],
        income=rng.normal(0, within * np.sqrt(p.psu_income_correlation), len(share)),
        status=rng.normal(0, between, len(share)),
        line=_lines(), food=_food(p), drawn_in_stratum=np.repeat(take, 2),
    )  # fmt: skip


def _lines() -> np.ndarray:
    """L by city and year: the line of 1 July, in force at the interviews of September to November."""
    table = reference.lines()
    july = table[table["valid_from"].dt.strftime("%m-%d").eq("07-01")]
    wide = july.assign(year=july["valid_from"].dt.year).pivot_table(index="region", columns="year", values="line")
    return wide.loc[list(CITIES), list(YEARS)].to_numpy(dtype=float)


def _food(p: Parameters) -> np.ndarray:
    food = np.full((len(CITIES), len(YEARS)), p.food_usual)
    food[list(p.shock_cities), YEARS.index(p.shock_year)] = p.food_shock
    return food
