"""Presets plant what their names say."""

from __future__ import annotations

import numpy as np
import pytest

from aidlib.demo.lists import decision_rows
from aidlib.demo.parameters import YEARS
from aidlib.demo.register import LEFT, ON_FILE, reform_effect
from tests.demo.samples import survey


def test_pretrend_falls_before_the_reform_and_never_elsewhere():
    p = survey("pretrend", 1000).p
    effect = [float(reform_effect(p, np.array([1]), year)[0]) for year in (2018, 2019, 2020, 2021, 2022)]
    late = 3 * -0.11
    assert effect == pytest.approx([0.0, -0.11, -0.22, late + np.log(0.7), late + np.log(0.4)])
    assert float(reform_effect(p, np.array([2]), 2025)[0]) == 0.0


def test_misreport_carries_households_across_the_cut_offs():
    from tests.demo.test_levels import NOBODY, interview

    crossed = []
    for name in ("clean", "misreport"):
        demo = survey(name, 1000)
        units = demo.sample.units
        a = interview(demo.p, demo.places, units, demo.sample.people, demo.sample.helped, 2, 7, NOBODY)
        r = units.r[a.rows, 2]
        crossed.append(((a.values["declared"] < 2) != (r < 2))[r < 2].mean())
    assert crossed[0] == 0.0
    assert crossed[1] > 0.1


def test_drive_empties_the_register():
    register = survey("drive_2016_2020", 4000).register
    filed = register.state[:, :-1] == ON_FILE
    exits = (filed & (register.state[:, 1:] == LEFT)).sum() / filed.sum()
    assert exits == pytest.approx(0.40, abs=0.03)
    ended = register.closed > YEARS[0]
    assert (register.reason[ended] == 5).mean() == pytest.approx(0.12, abs=0.02)


def test_lonely_psu_leaves_strata_with_one_unit():
    demo = survey("lonely_psu", 1000)
    units = np.unique(demo.sample.units.psu[demo.sample.units.visit[:, -1] == 1])
    drawn = np.bincount(demo.places.stratum[units], minlength=24)
    assert list(drawn[-2:]) == [1, 1]
    assert drawn[:-2].min() > 1


def test_matched_assets_reject_as_planted():
    demo = survey("clean", 20_000)
    share = {}
    for name in (True, False):
        asked = rejected = 0
        for t in range(4, 8):
            facts = decision_rows(demo.p, demo.places, demo.register, demo.files, t, demo.seed).facts
            mine = np.isin(facts["kind"], [0, 3]) & (facts["matched"] == name)
            asked, rejected = asked + mine.sum(), rejected + (facts["why"][mine] == 1).sum()
        share[name] = rejected / asked
    assert share == pytest.approx({True: 0.11, False: 0.04}, abs=0.008)
