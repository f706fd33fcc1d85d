"""The population's truth by formula is what a census of the same process finds."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from aidlib.demo.census import expected_sizes, levels, median_r, odds_ratios
from aidlib.demo.files import make_files
from aidlib.demo.parameters import FACTORS, YEARS, Parameters
from aidlib.demo.people import make_people
from aidlib.demo.places import make_places
from aidlib.demo.population import combinations, draw_factors, household_sizes
from aidlib.demo.register import LEFT, ON_FILE, make_register
from aidlib.demo.streams import stream
from aidlib.demo.units import _near_line, _others
from tests.demo.samples import logit, survey, within

# every unit drawn, nobody renewed: 400,000 other members and all near-line households stand for themselves
EVERYBODY = Parameters(
    preset="census", psus_drawn=10, psus_drawn_first_city=10, psus_drawn_last_city=10, other_sample=400_000,
    other_renewed=0.0, near_sample=2250,
)  # fmt: skip


@cache
def census() -> dict[str, np.ndarray]:
    """r, hardship (n × 8), persons and weight of every household; the others' weight is theirs in the population."""
    p, seed = EVERYBODY, 20180701
    places = make_places(p, seed)
    register = make_register(p, places, seed)
    files = make_files(p, places, register, seed)
    near, others = _near_line(p, places, seed), _others(p, places, seed)
    there = np.isin(register.state, [ON_FILE, LEFT])
    size = [household_sizes(p, stream(seed, f"sizes-{k}"), unit.factors[:, 0]) for k, unit in enumerate((near, others))]
    weight = [there.astype(float), *(np.repeat(unit.base[:, None], 8, axis=1) for unit in (near, others))]
    hard = [(register.state == ON_FILE) & ((files.r < 2) | files.accident), near.hard, others.hard]
    factors = [np.repeat(register.factors[:, None, :], 8, axis=1), near.factors, others.factors]
    told = [levels(p, places, register, files, t) | {"median_r": median_r(p, places, register, files, t)}
            for t in range(8)]  # fmt: skip
    return {
        "r": np.concatenate([np.where(there, files.r, np.inf), near.r, others.r]), "hard": np.concatenate(hard),
        "size": np.concatenate([files.size, *size]), "weight": np.concatenate(weight),
        "factors": np.concatenate(factors), "told": np.array(told, dtype=object),
        "odds": np.array([odds_ratios(p, places, register, files)], dtype=object),
    }  # fmt: skip


@pytest.mark.parametrize("t", range(8))
@pytest.mark.parametrize("unit", ["", "_persons"])
def test_headcounts_and_gaps_agree_with_a_census(t, unit):
    """Within 0.1 points: a draw of 400,000 has a standard error of 0.03."""
    every = census()
    told, r = every["told"][t], every["r"][:, t]
    weight = every["weight"][:, t] * (every["size"] if unit else 1)
    assert weight.sum() == pytest.approx(told[unit[1:] or "households"], rel=0.002)
    assert np.average(every["hard"][:, t], weights=weight) == pytest.approx(told[f"headcount{unit}"], abs=0.001)
    for line in (1.0, 1.5, 2.0):
        gap = np.where(r < line, 1 - r / line, 0.0)
        for alpha in (0, 1, 2):
            found = np.average(np.where(gap > 0, gap**alpha, 0.0), weights=weight)
            assert found == pytest.approx(told[f"fgt_{alpha}{unit}[{line}]"], abs=0.001 / (1 + alpha))


@pytest.mark.parametrize("t", [0, 4, 7])
def test_median_income_agrees_with_a_census(t):
    every = census()
    order = np.argsort(every["r"][:, t])
    weight = every["weight"][order, t].cumsum()
    median = every["r"][order, t][np.searchsorted(weight, weight[-1] / 2)]
    assert median == pytest.approx(every["told"][t]["median_r"], abs=0.025)


def test_odds_ratios_of_the_population_agree_with_a_census():
    every = census()
    x = np.column_stack([np.ones(len(every["hard"])), every["factors"][:, 4]])
    found, error = logit(x, every["hard"][:, 4].astype(float), every["weight"][:, 4])
    told = [every["odds"][0][str(YEARS[4])][factor] for factor in FACTORS]
    assert within(found[1:], np.log(told), error[1:])


def test_truth_holds_these_levels():
    demo = survey("clean", 4000)
    told = demo._truth()["levels"]["2020"]
    assert told["median_r"] == median_r(demo.p, demo.places, demo.register, demo.files, 2)
    assert (
        told["fgt_0_declared[1.0]"] > told["fgt_0[1.0]"] < told["fgt_0[1.5]"] < told["fgt_0[2.0]"] < told["headcount"]
    )


def test_expected_sizes_are_those_of_the_people():
    p = Parameters()
    flags, chance, _ = combinations(p)
    assert chance @ expected_sizes(p) == pytest.approx(
        household_sizes(p, stream(1, "x"), draw_factors(p, stream(1, "y"), 60_000, filed=False)).mean(), abs=0.02
    )
    assert expected_sizes(p)[flags[:, FACTORS.index("student")]].min() >= 2


def test_register_and_sample_have_households_of_the_same_size():
    demo = survey("clean", 4000)
    mine = demo.sample.units.source
    people = make_people(demo.p, demo.places, demo.sample.units, 7)
    assert np.array_equal(demo.files.size[mine[mine >= 0]], people.size[mine >= 0])
    outside = np.delete(demo.files.size, mine[mine >= 0])
    assert outside.mean() == pytest.approx(people.size[mine >= 0].mean(), abs=0.06)
