"""The life of files: the planted hazards, reforms and shares are what the register shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aidlib import survey as panel
from aidlib.demo.lists import register_rows
from aidlib.demo.parameters import YEARS
from aidlib.demo.register import DEAD, LEFT, ON_FILE, reform_effect, years_open
from aidlib.demo.shapes import REGISTER
from tests.demo.samples import logit, survey, within


def risk(name: str, state: int, after: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Household-years at risk: household, wave of the event, years in the state less 1 (at most 4), event or not."""
    register = survey(name).register
    home, wave = np.nonzero(register.state[:, :-1] == state)
    stay = np.clip(np.array(YEARS)[wave + 1] - register.since[home, wave], 1, 5) - 1
    return home, wave + 1, stay, (register.state[home, wave + 1] == after).astype(float)


def exits(name: str, *, frailty: bool) -> tuple[np.ndarray, np.ndarray]:
    register = survey(name).register
    home, _, stay, event = risk(name, ON_FILE, LEFT)
    columns = [*(stay == k for k in range(5)), register.factors[home, 0], register.factors[home, 2]]
    return logit(np.column_stack(columns + ([register.u[home]] if frailty else [])), event)


def returns(name: str) -> tuple[np.ndarray, np.ndarray]:
    demo = survey(name)
    register, p = demo.register, demo.p
    home, wave, gone, event = risk(name, LEFT, ON_FILE)
    city, year = demo.files.city[home], np.array(YEARS)[wave]
    start, placebo = np.array(p.reform_f)[city], np.array(p.reform_p)[city]
    factors, band = register.factors[home], register.band[home, wave - 1]
    columns = [gone == k for k in range(5)] + [factors[:, 0], factors[:, 2], factors[:, 4], band == 0, band == 1]
    columns += [demo.places.food[city, wave] - p.food_usual, register.u[home], start == year]
    columns += [(start > 0) & (start < year), (placebo > 0) & (placebo <= year)]
    return logit(np.column_stack(columns), event)


def test_exit_hazards_are_the_planted_ones():
    p = survey().p
    found, error = exits("clean", frailty=True)
    planted = [*p.exit, np.log(p.exit_patient), np.log(p.exit_widowed), p.exit_frailty]
    assert within(found, planted, error)


def test_without_frailty_duration_dependence_looks_steeper():
    p = survey().p
    blind = exits("clean", frailty=False)[0]
    assert blind[0] - blind[4] > p.exit[0] - p.exit[4] + 0.08


def test_return_hazards_reform_and_placebo_are_the_planted_ones():
    p = survey().p
    found, error = returns("clean")
    odds = [p.back_patient, p.back_widowed, p.back_jobless_child, *p.back_bands[:2], p.back_food]
    planted = [*p.back, *np.log(odds), 1.0, *np.log(p.reform_f_odds), 0.0]
    assert within(found, planted, error)


def test_null_preset_plants_no_effect():
    found, error = returns("null")
    assert within(found[5:11], 0.0, error[5:11])
    assert within(found[12:], 0.0, error[12:])
    found, error = exits("null", frailty=True)
    assert within(found[5:7], 0.0, error[5:7])


def test_observed_shares_are_those_the_plan_was_checked_with():
    told = survey()._truth()["dynamics"]
    assert list(told["yearly"]["exit"].values()) == pytest.approx([0.40, 0.28, 0.20, 0.14, 0.10], abs=0.02)
    assert list(told["yearly"]["return"].values()) == pytest.approx([0.16, 0.11, 0.075, 0.05, 0.04], abs=0.02)
    closures = [told["closures"][k] for k in ("economic", "supported", "death", "administrative")]
    assert closures == pytest.approx([0.85, 0.03, 0.04, 0.08], abs=0.012)


def test_deaths_follow_illness():
    register = survey().register
    home, wave, _, event = risk("clean", ON_FILE, DEAD)
    ill = register.factors[home, 0]
    stays = register.state[home, wave] != LEFT
    assert event[ill & stays].mean() == pytest.approx(0.018, abs=0.002)
    assert event[~ill & stays].mean() == pytest.approx(0.008, abs=0.002)


def test_stock_begins_and_stays_as_planned():
    demo = survey()
    stock = (demo.register.state == ON_FILE).sum(axis=0) / demo.p.scale
    assert stock[0] == 4500
    assert np.all((stock > 4450) & (stock < 5250))
    assert stock[-1] == pytest.approx(5100, abs=120)
    patients = demo._truth()["levels"]["2025"]["patients_on_file"]
    assert patients == pytest.approx(0.53, abs=0.015)
    assert (demo.register.state[:, 0] == LEFT).sum() / demo.p.scale == 2230


def test_flow_adds_up_and_agrees_with_the_stock():
    told = survey()._truth()["register"]
    for year, flow in told["flow"].items():
        assert flow["opening"] + flow["new"] + flow["returned"] == sum(
            flow[k] for k in ("left", "supported", "closed", "closing")
        )
        assert flow["closing"] == told["on_file"][year]
        assert flow["opening"] == told["on_file"][str(int(year) - 1)]
    counted = {y: sum(sum(g.values()) for g in t.values()) for y, t in told["on_file_by_region_and_grade"].items()}
    assert counted == told["on_file"]


def test_filings_of_a_household_follow_one_another():
    register = survey().register
    same = register.home[1:] == register.home[:-1]
    assert np.all(register.closed[:-1][same] > 0)
    assert np.all(register.opened[1:][same] > register.closed[:-1][same])
    state = np.zeros_like(register.state, dtype=bool)
    np.logical_or.at(state, register.home, years_open(register))
    assert np.array_equal(state, register.state == ON_FILE)


def test_reform_begins_in_its_year():
    p = survey().p
    effect = [float(reform_effect(p, np.array([1]), year)[0]) for year in (2020, 2021, 2022)]
    assert effect == pytest.approx([0.0, np.log(0.7), np.log(0.4)])
    assert float(reform_effect(p, np.array([2]), 2025)[0]) == 0.0


def test_splits_and_mergers_can_be_told_from_the_columns():
    """By 原档案编号 alone: a household's own number was renewed; of another's, the file is older (split) or younger."""
    demo = survey("clean", 4000)
    rows = register_rows(demo.p, demo.places, demo.register, demo.files, demo.seed)
    table = pd.DataFrame({k: rows.columns[k].to_pandas() for k in REGISTER})
    table["opened"], table["closed"] = pd.to_datetime(table["opened"]), pd.to_datetime(table["closed"])
    first, last = (table.drop_duplicates("dossier_id", keep=k).set_index("dossier_id") for k in ("first", "last"))
    said = table[table["previous_dossier_id"].notna()]
    former = first.reindex(said["previous_dossier_id"]).set_axis(said.index)
    closed = last["closed"].reindex(said["previous_dossier_id"]).set_axis(said.index)
    other = former["household_id"].notna() & (former["household_id"] != said["household_id"])
    merged = other & (former["opened"] > said["opened"])
    split = other & ~merged
    told = demo._truth()["register"]
    assert said[~other].index.size == told["renumbered"] > 20
    assert said[split]["opened"].dt.year.value_counts().to_dict() == {int(y): n for y, n in told["split"].items()}
    assert closed[merged].dt.year.value_counts().to_dict() == {int(y): n for y, n in told["merged"].items()}
    assert (closed[split].isna() | (closed[split] > said[split]["opened"])).all()
    before = np.array([told["on_file"][str(int(y) - 1)] for y in told["split"]])
    assert np.array(list(told["split"].values())) == pytest.approx(0.006 * before, abs=1)
    assert np.array(list(told["merged"].values())) == pytest.approx(0.002 * before, abs=1)


def test_a_split_household_is_new_and_no_return():
    demo = survey("clean", 4000)
    rows = register_rows(demo.p, demo.places, demo.register, demo.files, demo.seed)
    table = pd.DataFrame(
        {k: rows.columns[k].to_pandas() for k in ("household_id", "dossier_id", "previous_dossier_id")}
    )
    table["opened"], table["closed"] = demo.files.opened, demo.files.closed
    reason = np.select([demo.register.reason == LEFT, demo.register.closed > 0], ["economic", "administrative"], "")
    table["close_reason"] = pd.Series(reason).where(reason != "")
    for year, planted in demo._truth()["register"]["flow"].items():
        found = panel.flow(table, int(year)).rows.set_index("component")["estimate"]
        assert found["new"] == planted["new"]
        assert found["returned"] == planted["returned"]
