"""What the households say: levels, causes of hardship, mind and work, the cut-offs, all as planted."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from aidlib.demo.answers import Answers, interview
from aidlib.demo.causes import NEEDS, draw_causes
from aidlib.demo.parameters import CAUSES, FACTORS, YEARS
from aidlib.demo.population import draw_factors
from aidlib.demo.streams import stream
from aidlib.demo.units import OTHER, frames
from tests.demo.samples import line, logit, survey, within

NOBODY = np.zeros(0, int)


@cache
def answers(year: int) -> Answers:
    demo = survey()
    return interview(
        demo.p, demo.places, demo.sample.units, demo.sample.people, demo.sample.helped, YEARS.index(year), 7, NOBODY
    )


def interviewed(year: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Among the rows of the year's answers those with an interview (mask); their units; weights."""
    units, a = survey().sample.units, answers(year)
    done = units.visit[a.rows, a.t] == 1
    return done, a.rows[done], units.weight[a.rows[done], a.t]


def test_weights_add_up_to_the_population():
    demo = survey()
    told = demo._truth()["levels"]
    for year in (2018, 2022, 2025):
        _, _, weight = interviewed(year)
        assert weight.sum() == pytest.approx(told[str(year)]["households"], rel=1e-6)


@pytest.mark.parametrize("year", [2018, 2022, 2025])
def test_headcount_is_estimated_without_bias(year):
    demo = survey()
    _, rows, weight = interviewed(year)
    hard = demo.sample.units.hard[rows, YEARS.index(year)]
    found = np.average(hard, weights=weight)
    error = np.sqrt((weight**2 * (hard - found) ** 2).sum()) / weight.sum()
    assert within(found, demo._truth()["levels"][str(year)]["headcount"], error)


def test_headcount_of_the_plan():
    told = survey()._truth()["levels"]["2018"]
    assert told["headcount_audited"] == pytest.approx(0.039, abs=0.0005)
    assert told["grade_mix"] == pytest.approx({"deep": 0.25, "relative": 0.57, "accident": 0.18}, abs=0.015)


def test_incomes_on_file_follow_their_distribution():
    demo = survey()
    units, t = demo.sample.units, 1
    r = units.r[(frames(units.state[:, t]) == 0) & ~units.accident[:, t], t]
    assert (r < 1).mean() == pytest.approx(0.308, abs=0.02)
    assert (1 - r / 2).mean() == pytest.approx(0.370, abs=0.01)
    assert np.median(r) == pytest.approx(1.33, abs=0.03)


def test_incomes_persist():
    demo = survey()
    units = demo.sample.units
    stay = (frames(units.state[:, 2]) == 0) & (frames(units.state[:, 3]) == 0) & ~units.accident[:, 2]
    rank = [np.argsort(np.argsort(units.r[stay, t])) for t in (2, 3)]
    assert np.corrcoef(*rank)[0, 1] == pytest.approx(0.7, abs=0.03)


def test_odds_ratios_among_other_members():
    demo = survey()
    units = demo.sample.units
    rows = np.flatnonzero(units.state[:, 0] == OTHER)
    status = demo.places.status[units.psu[rows]]  # the unit's own level, planted beside the factors
    x = np.column_stack([np.ones(len(rows)), units.factors[rows, 0], status])
    found, error = logit(x, units.hard[rows, 0].astype(float))
    assert within(found[1:7], np.log([demo.p.odds[f] for f in FACTORS]), error[1:7])


def test_nulls_have_no_effect_among_members():
    demo = survey()
    _, rows, weight = interviewed(2018)
    traits = demo.sample.traits
    letter = np.asarray(demo.sample.household.to_pandas().str[0] < "E")[rows]
    x = np.column_stack([np.ones(len(rows)), traits["rural"][rows], traits["party"][rows], letter])
    found, error = logit(x, demo.sample.units.hard[rows, 0].astype(float), weight)
    assert within(found[1:], 0.0, error[1:])


def test_declared_net_income_keeps_the_side_of_both_lines():
    demo = survey()
    a = answers(2019)
    v, units = a.values, demo.sample.units
    net = (v["income_year"] - v["rigid_year"]) / 12 / demo.sample.people.size[a.rows] / v["line"]
    r = units.r[a.rows, a.t]
    assert np.array_equal(net < 2, r < 2)
    moved = (net < 1) != (r < 1)
    assert np.all((r[moved] >= 1) & (r[moved] < 1.08))
    assert moved.sum() > 20
    assert np.array_equal(v["accident_loss_year"] > 0.8 * v["income_year"], units.accident[a.rows, a.t])


def test_income_is_the_sum_of_its_parts_and_rounded_as_planted():
    v = answers(2019).values
    parts = ("wages_year", "pension_year", "dibao_year", "union_aid_year", "other_income_year")
    assert np.array_equal(v["income_year"], sum(v[k] for k in parts))
    assert min(v[k].min() for k in parts) >= 0
    rigid = ("rigid_medical", "rigid_schooling", "rigid_disability", "rigid_work", "rigid_other")
    assert np.array_equal(v["rigid_year"], sum(v[k] for k in rigid))
    assert np.mean(v["income"] % 100 == 0) == pytest.approx(0.25 + 0.60 / 10 + 0.15 / 100, abs=0.02)
    a = answers(2019)
    assert np.array_equal(np.nansum(a.members["income_month"], axis=1) * 12, v["wages_year"])


def test_bunching_at_the_line_and_none_at_twice_the_line():
    demo = survey()
    a, units = answers(2019), survey().sample.units
    frame = frames(units.state[a.rows, a.t])
    said = a.values["declared"][(frame == 0) & ~units.accident[a.rows, a.t]]
    below, above = ((said > 0.96) & (said < 1)).sum(), ((said >= 1) & (said < 1.04)).sum()
    assert below > 1.4 * above
    applicants = np.isin(frame, [0, 2]) & ~units.accident[a.rows, a.t]
    r, weight = units.r[a.rows, a.t][applicants], units.weight[a.rows, a.t][applicants]
    sides = [weight[(r >= low) & (r < low + 0.2)] for low in (1.8, 2.0)]
    expected = [1 - 0.9**demo.p.poor_shape, 1 - np.exp(-0.2 / demo.p.near_mean)]  # the share of each frame in its side
    density = [side.sum() / share for side, share in zip(sides, expected, strict=True)]
    whole = [(0.82 * 4500), demo.p.near_population]
    error = [np.sqrt((side**2).sum()) / side.sum() for side in sides]
    ratio = (density[0] / whole[0]) / (density[1] / whole[1])
    assert within(ratio, 1.0, np.hypot(*error))


def test_aid_jumps_at_twice_the_line_and_helps_a_year_later():
    demo = survey()
    units, t = demo.sample.units, 1
    then, now = answers(2020), answers(2019)
    rows = np.intersect1d(now.rows, then.rows)
    rows = rows[np.isin(frames(units.state[rows, t]), [0, 2]) & ~units.accident[rows, t]]
    x, weight = units.r[rows, t] - 2, units.weight[rows, t]
    near = np.abs(x) < 0.6
    shape = np.column_stack([np.ones(len(x)), x < 0, x, x * (x < 0)])[near]
    aided = demo.sample.helped.aided[rows, t].astype(float)[near]
    found, error = line(shape, aided, weight[near])
    assert within(found[1], 0.75, error[1])
    lack = then.values["deprivation"][np.searchsorted(then.rows, rows)][near]
    found, error = line(shape, lack, weight[near])
    assert within(found[1], 0.75 * demo.p.aid_deprivation, error[1])
    content = then.values["life_satisfaction"][np.searchsorted(then.rows, rows)][near]
    found, error = line(shape, content, weight[near])
    assert within(found[1], 0.75 * demo.p.aid_satisfaction, error[1])
    home, place = demo.sample.traits["home"][rows][near], demo.sample.traits["education"][rows][near]
    for placebo in (home, place):
        found, error = line(shape, placebo, weight[near])
        assert within(found[1], 0.0, error[1])


def test_mind_and_work():
    demo = survey()
    p = demo.p
    a, units = answers(2022), demo.sample.units
    hard, weight, v = units.hard[a.rows, a.t], units.weight[a.rows, a.t], a.values
    food = demo.places.food[demo.places.city[units.psu[a.rows]], a.t] - p.food_usual
    found, _ = line(np.column_stack([~hard, hard, food]), v["pressure"], weight)
    assert found[[0, 2]] == pytest.approx([2.4, 0.15], abs=0.01)
    assert found[1] == pytest.approx(3.6, abs=0.08)  # a few in the shock cities stand at the scale's end
    level = [np.average(v["life_satisfaction"][hard == h], weights=weight[hard == h]) for h in (False, True)]
    assert level == pytest.approx(p.satisfaction, abs=0.25)
    low = [np.average(v["phq2"][hard == h] >= 3, weights=weight[hard == h]) for h in (False, True)]
    n = [weight[hard == h].sum() ** 2 / (weight[hard == h] ** 2).sum() for h in (False, True)]
    assert within(np.array(low), p.phq, np.sqrt(np.array(p.phq) * (1 - np.array(p.phq)) / n))
    strained = np.maximum(v["pressure"] - 2, 0)
    found, error = line(np.column_stack([np.ones(len(hard)), strained]), v["days_absent"])
    assert within(found, [p.absent_base, p.absent_pressure], error)


def test_strain_scale_has_its_reliability():
    items = np.stack([answers(2019).values[f"strain_{k}"] for k in range(1, 6)])
    items[3] = 6 - items[3]
    table = np.cov(items)
    assert 5 / 4 * (1 - np.trace(table) / table.sum()) == pytest.approx(0.85, abs=0.02)


def test_causes_have_their_shares_and_mostly_fit():
    p = survey().p
    rng = stream(5, "test")
    factors = draw_factors(p, rng, 40_000, filed=True)
    main, second = draw_causes(p, rng, factors, np.full(40_000, 2018))
    shares = np.bincount(main, minlength=len(CAUSES)) / 40_000
    assert shares == pytest.approx([p.causes[c] for c in CAUSES], abs=0.012)
    unfit = ~factors[:, FACTORS.index(NEEDS["schooling"][0])]
    assert unfit[main == CAUSES.index("schooling")].mean() == pytest.approx(p.contradicted, abs=0.002)
    assert not unfit[(second == CAUSES.index("schooling")).any(axis=1)].any()
    number = np.bincount((second >= 0).sum(axis=1), minlength=4) / 40_000
    assert number == pytest.approx(p.secondary_causes, abs=0.015)


def test_new_illness_lowers_income_within_a_household():
    demo = survey()
    units, k = demo.sample.units, FACTORS.index("patient")
    t = 4
    stay = (units.state[:, 0] == OTHER) & ~units.hard[:, t - 1] & ~units.hard[:, t] & (units.recruited < YEARS[t])
    well = stay & ~units.factors[:, t - 1, k] & (units.r[:, t - 1] > 4)
    others = (units.factors[:, t, [1, 2]] == units.factors[:, t - 1, [1, 2]]).all(axis=1)
    change = units.r[:, t] - units.r[:, t - 1]
    ill = units.factors[:, t, k]
    found = change[well & others & ill].mean() - change[well & others & ~ill].mean()
    assert found == pytest.approx(-0.9, abs=0.35)
