"""Simulation truths: what the lists and the survey's weights say of the same rules."""

from __future__ import annotations

import numpy as np
import pytest

from aidlib.demo.lists import aid_rows, condolence_rows
from aidlib.demo.parameters import YEARS
from aidlib.demo.simulations import simulations
from tests.demo.samples import survey, within

T = len(YEARS) - 1


def told() -> dict:
    demo = survey()
    return simulations(demo.p, demo.places, demo.register, demo.files)


def test_living_aid_agrees_with_the_payments_of_the_year():
    """Paid: to those taken up, after an accident only in the year of the filing."""
    demo = survey()
    rows = aid_rows(demo.p, demo.places, demo.register, demo.files, demo.sample, T, demo.seed).facts
    mine = (rows["kind"] == 0) & (rows["home"] >= 0)
    entitled = told()["living"]["2.0"]["on_file"]
    assert entitled["households"] == (demo.register.state[:, T] == 1).sum()
    later = demo.files.accident[:, T] & (demo.register.since[:, T] < YEARS[T])
    line = demo.places.line[demo.files.city, T]
    paid = rows["amount"][mine].sum() / demo.p.take_up + 8 * line[later].sum()
    assert paid == pytest.approx(entitled["yuan"], rel=0.02)


@pytest.mark.parametrize("multiple", [1.5, 2.0])
def test_members_entitled_agree_with_the_weighted_sample(multiple):
    demo = survey()
    units = demo.sample.units
    done = units.visit[:, T] == 1
    r, accident, weight = units.r[done, T], units.accident[done, T], units.weight[done, T]
    entitled = accident | (r < multiple)
    amount = np.where(~accident & (r < 1), 10.0, 8.0) * demo.places.line[demo.places.city[units.psu[done]], T]
    planted = told()["living"][str(multiple)]["members"]
    for value, key in ((entitled.astype(float), "households"), (entitled * amount, "yuan")):
        total = (weight * value).sum()
        assert within(total, planted[key], np.sqrt((weight**2 * (value - value.mean()) ** 2).sum()))


def test_newly_eligible_lie_between_the_cut_offs():
    found = told()
    r, filed = survey().files.r[:, T], survey().register.state[:, T] == 1
    between = filed & ~survey().files.accident[:, T] & (r >= 1.5) & (r < 2)
    assert found["newly_eligible"]["on_file"] == between.sum()
    assert found["newly_eligible"]["members"] > 4 * between.sum()


def test_condolence_standards_of_an_unchanged_budget():
    demo = survey()
    found = told()["condolence"]
    rows = condolence_rows(demo.p, demo.places, demo.register, demo.files, demo.sample, T, demo.seed).facts
    home = rows["home"][rows["home"] >= 0]
    first = np.unique(home, return_index=True)[1]  # a few are paid twice
    amount = rows["amount"][rows["home"] >= 0][first]
    assert sum(found["households"].values()) == len(first)
    assert found["budget"] == amount.sum()
    neutral = found["neutral"]
    assert neutral["plus_200"] * (amount + 200).sum() == pytest.approx(found["budget"])
    assert neutral["by_persons"] * (amount * demo.files.size[home[first]]).sum() == pytest.approx(found["budget"])
    deep = amount == 1500
    assert (amount[deep] + 500).sum() + neutral["deep_plus_500"] * amount[~deep].sum() == pytest.approx(found["budget"])
