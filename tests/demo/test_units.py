"""Design and response: sample sizes, self-weighting, loss, and streams that do not shift one another."""

from __future__ import annotations

import numpy as np
import pytest

from aidlib.demo.parameters import CITIES, FIRST, YEARS, Parameters
from aidlib.demo.places import make_places
from aidlib.demo.population import combinations, others_share, solve, systematic
from aidlib.demo.streams import logistic, pick, stream
from aidlib.demo.units import NEAR, OTHER, frames, others_population
from tests.demo.samples import survey


def test_sample_sizes_of_the_plan():
    units = survey("clean", 4000).sample.units
    assert (units.source >= 0).sum() == pytest.approx(4000, abs=90)  # 丑市 has too few units drawn for its full share
    first = frames(units.state[:, 0])[units.recruited == FIRST]
    assert [int((first == k).sum()) for k in range(4)] == pytest.approx([1440, 600, 600, 1920], abs=40)


def test_design_has_120_units_in_24_strata():
    places = make_places(Parameters(), 3)
    drawn = np.bincount(places.stratum[places.drawn])
    assert list(drawn) == [7, 7] + [5] * 20 + [3, 3]
    assert np.bincount(places.stratum).tolist() == [10] * 24


def test_lines_and_prices_are_those_of_the_reference():
    places = make_places(Parameters(), 3)
    assert places.line[0, 0] == 620
    assert [places.line[c, -1] for c in (0, 3, 8)] == [932, 842, 752]
    shocked = [CITIES[c] for c in np.flatnonzero(places.food[:, YEARS.index(2022)] > 5)]
    assert shocked == ["990100", "990300", "990500", "990700"]


def test_loss_between_waves_is_planted():
    demo = survey()
    units = demo.sample.units
    frame = frames(units.state)
    for k, name in enumerate(("on_file", "left", "near_line", "other")):
        lost = seen = 0
        for t in range(1, len(YEARS)):
            visited = (frame[:, t] == k) & (units.visit[:, t] > 0) & (units.recruited < YEARS[t])
            seen += visited.sum()
            lost += (units.visit[visited, t] > 1).sum()
        odds = {"left": 1 / demo.p.response_odds_left, "other": (1 + 1 / demo.p.response_odds_rich) / 2}.get(name, 1.0)
        loss = demo.p.loss[name] * odds / (1 - demo.p.loss[name] + demo.p.loss[name] * odds)
        assert lost / seen == pytest.approx(loss + (1 - loss) * demo.p.missed_wave, abs=0.012), name


def test_the_lost_stay_lost_and_the_missed_come_back():
    units = survey().sample.units
    lost = np.isin(units.visit, [2, 3, 5])
    after = np.cumsum(lost, axis=1) - lost > 0
    assert not np.any((units.visit > 0) & after)
    missed = (units.visit[:, :-1] == 4) & (units.visit[:, 1:] == 1)
    assert missed.any()


def test_rich_members_answer_less():
    units = survey().sample.units
    kept, lost = np.zeros(2), np.zeros(2)  # by half of income; who missed a wave is left out
    for t in range(1, len(YEARS)):
        other = (units.state[:, t] == OTHER) & (units.recruited < YEARS[t])
        rich = units.r[:, t] > np.median(units.r[units.state[:, t] == OTHER, t])
        kept += [(units.visit[other & (rich == side), t] == 1).sum() for side in (False, True)]
        lost += [np.isin(units.visit[other & (rich == side), t], [2, 3, 5]).sum() for side in (False, True)]
    assert (kept[1] / lost[1]) / (kept[0] / lost[0]) == pytest.approx(0.7, abs=0.08)


def test_near_line_households_stay_above_the_cut_off():
    units = survey().sample.units
    r = units.r[units.state[:, 0] == NEAR]
    assert r.min() >= 2
    assert r.max() <= 5
    assert r.mean() - 2 == pytest.approx(survey().p.near_mean, abs=0.05)


def test_others_share_agrees_with_the_sample():
    demo = survey()
    units = demo.sample.units
    other = units.state[:, 0] == OTHER
    for t in (0, 4):
        share = others_share(demo.p, demo.places, t)
        found = units.hard[other, t].mean()
        assert abs(found - share) < 5 * np.sqrt(share / other.sum())
    assert others_share(demo.p, demo.places, 4) > others_share(demo.p, demo.places, 0)
    assert others_population(demo.p) == pytest.approx(591_020 * 5)


def test_streams_do_not_depend_on_one_another():
    assert stream(1, "a").random() == stream(1, "a").random()
    assert stream(1, "a").random() != stream(1, "b").random()
    assert stream(1, "a").random() != stream(2, "a").random()


def test_systematic_sampling_by_hand():
    rng = np.random.default_rng(0)
    drawn = np.array([systematic(rng, np.full(10, 0.3)) for _ in range(2000)])
    assert set(drawn.sum(axis=1)) == {3}
    assert drawn.mean(axis=0) == pytest.approx(np.full(10, 0.3), abs=0.04)


def test_pick_and_solve():
    found = pick(np.random.default_rng(0), [1, 3], 8000)
    assert found.mean() == pytest.approx(0.75, abs=0.02)
    flags, chance, x = combinations(Parameters())
    assert flags.shape == (64, 6)
    assert chance.sum() == pytest.approx(1.0)
    assert np.average(logistic(solve(0.039, x, chance) + x), weights=chance) == pytest.approx(0.039)
