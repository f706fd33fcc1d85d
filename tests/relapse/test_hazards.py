"""Discrete-time hazards: by hand, against R, laws, edges, errors."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aidlib import reference
from aidlib.estimate import Design, exponentiated, marginal_effects
from aidlib.reference import Problem
from aidlib.relapse import baseline_curve, discrete_hazard, probability_effects, yearly_chances
from tests.estimate.oracles import ERROR, needs_data, survey

FIGURES = Path(__file__).parents[1] / "estimate" / "oracles_regression" / "expected.json"
STOPPED = 1e-5  # relative: glm's default stops there, and cloglog comes nearer by a tenth a round
JOBLESS = ["ui", "reprate", "disrate", "logwage", "age"]


@cache
def jobless() -> pd.DataFrame:
    """Two-week periods of the spells of McCall (1996): y is any job, weights as in make.R."""
    spells = survey("unempdur/unempdur.csv").reset_index(drop=True)
    spells["id"] = np.arange(len(spells))
    found = (spells["censor4"] == 0) & (spells[["censor1", "censor2", "censor3"]].sum(axis=1) > 0)
    rows = spells.loc[spells.index.repeat(spells["spell"])].reset_index(drop=True)
    rows["k"] = rows.groupby("id").cumcount() + 1
    last = rows["k"] == rows["spell"]
    rows["y"] = (last & found[rows["id"]].to_numpy()).astype(float)
    job = np.select([rows["censor1"] == 1, rows["censor2"] == 1], ["full", "part"], "unknown")
    rows["end"] = pd.Series(np.where(rows["y"] == 1, job, ""), dtype="str")
    return rows.assign(w=1 + rows["tenure"] / 10).drop(columns="spell")


@pytest.fixture
def exits() -> pd.DataFrame:
    """1,000 files of up to four years, some of which end for another reason."""
    rng = np.random.default_rng(11)
    n = 1000
    ill, on, rows = (rng.uniform(size=n) < 0.4).astype(float), np.ones(n, bool), []
    for k in range(1, 5):
        leave = 1 / (1 + np.exp(0.2 + 0.4 * k + 0.6 * ill))
        end = np.select([rng.uniform(size=n) < leave, rng.uniform(size=n) < 0.04], ["economic", "death"], "")
        rows.append(pd.DataFrame({"id": np.arange(n), "k": k, "ill": ill, "event": end})[on])
        on = on & (end == "")
    sample = pd.concat(rows, ignore_index=True).astype({"event": "str"})
    return sample.assign(psu=sample["id"] % 40, stratum=sample["id"] % 4, weight=1.0 + sample["id"] % 3)


DESIGN = Design("weight", "stratum", "psu")


# --- by hand
def test_without_predictors_the_baseline_is_the_life_table(exits):
    found = yearly_chances(discrete_hazard(exits, DESIGN, event="event", cause="economic"))
    weighted = exits.assign(hit=exits["weight"] * (exits["event"] == "economic")).groupby("k")[["hit", "weight"]].sum()
    assert found.rows["time"].tolist() == ["1", "2", "3", "4"]
    assert found.rows["estimate"].tolist() == pytest.approx((weighted["hit"] / weighted["weight"]).tolist())
    assert found.rows["n"].tolist() == exits["k"].value_counts().sort_index().tolist()
    assert (found.unit, found.kind, found.keys) == ("share", "curve", ("time",))


def test_later_years_are_one_open_term(exits):
    found = discrete_hazard(exits, DESIGN, event="event", cause="economic", predictors=["ill"], last=3)
    assert found.rows["term"].tolist() == ["k=1", "k=2", "k=3+", "ill"]
    assert found.rows["measure"].tolist() == ["baseline"] * 3 + ["coefficient"]
    assert found.rows["n"][2] == (exits["k"] >= 3).sum()
    assert found.rows["count"][3] == ((exits["event"] == "economic") & (exits["ill"] == 1)).sum()


def test_other_ends_censor(exits):
    economic = discrete_hazard(exits, DESIGN, event="event", cause="economic", predictors=["ill"])
    flags = exits.assign(hit=(exits["event"] == "economic").astype(float))
    assert discrete_hazard(flags, DESIGN, event="hit", predictors=["ill"]).rows.equals(economic.rows)
    everything = discrete_hazard(exits, DESIGN, event="event", predictors=["ill"])
    assert everything.rows["count"][0] > economic.rows["count"][0]


# --- against R: svyglm on the same rows (oracles_regression/make.R), glm of the shared data
@needs_data
@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_spells_of_joblessness_agree_with_r(link):
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))["spells"][link]
    found = discrete_hazard(
        jobless(), Design("w", psu="id"), event="y", predictors=JOBLESS, last=6, unit="id", link=link
    ).rows
    assert found["term"].tolist() == ["k=1", "k=2", "k=3", "k=4", "k=5", "k=6+", "ui=yes", *JOBLESS[1:]]
    assert found["estimate"].tolist() == pytest.approx(list(figures["estimate"].values()), rel=1e-8)
    assert found["se"].tolist() == pytest.approx(list(figures["se"].values()), rel=ERROR)


@needs_data
def test_the_shared_figures_of_the_same_spells_are_met():
    path = Path(__file__).parents[2] / ".." / "shared" / "data" / "unempdur" / "expected.json"
    figures = json.loads(path.read_text(encoding="utf-8"))["discrete_cloglog_any_job"]["coef"]
    found = discrete_hazard(
        jobless(), None, event="y", predictors=[*JOBLESS, "tenure"], last=15, unit="id", link="cloglog"
    )
    rows = found.rows.set_index("term")["estimate"]
    for name in [*JOBLESS[1:], "tenure"]:
        assert rows[name] == pytest.approx(figures[name], rel=STOPPED)
    assert rows["k=15+"] - rows["k=1"] == pytest.approx(figures["factor(pmin(k, 15))15"], rel=STOPPED)


# --- laws
@needs_data
def test_causes_are_modelled_one_by_one():
    found = discrete_hazard(jobless(), Design("w", psu="id"), event="end", cause="part", predictors=["ui"], last=6)
    assert found.rows["count"][:6].sum() == (jobless()["end"] == "part").sum()


def test_units_are_the_clusters_of_a_design_that_names_none(exits):
    named = discrete_hazard(exits, Design("weight", psu="id"), event="event", predictors=["ill"], unit="id")
    for design in (Design("weight"), Design("weight", psu="id")):
        assert discrete_hazard(exits, design, event="event", predictors=["ill"], unit="id").rows.equals(named.rows)
    assert named.rows["df"][0] == 999


def test_effects_of_one_year_are_averaged_over_its_rows(exits):
    only = exits[exits["k"] == 2].assign(hit=lambda s: (s["event"] == "economic").astype(float))
    found = probability_effects(exits, DESIGN, event="event", cause="economic", predictors=["ill", "ill:k"], year=2)
    plain = marginal_effects(only, DESIGN, "hit", ["ill"])
    assert found.rows["estimate"].item() == pytest.approx(plain.rows["estimate"].item(), abs=1e-9)
    assert found.rows["se"].item() == pytest.approx(plain.rows["se"].item(), rel=1e-6)
    assert (found.unit, found.kind, found.rows["term"].item()) == ("pp", "effect", "ill")


def test_curves_of_two_models_stand_side_by_side(exits):
    found = baseline_curve(
        exits, DESIGN, models=["plain"], event="event", cause="economic", predictors=["ill"], unit="id"
    )
    assert found.keys == ("model", "time")
    chances = yearly_chances(
        discrete_hazard(exits, DESIGN, event="event", cause="economic", predictors=["ill"], unit="id")
    )
    assert found.rows["estimate"].tolist() == chances.rows["estimate"].tolist()
    assert found.rows["low"].between(0, found.rows["estimate"]).all()


def test_ratios_leave_the_baseline_out(exits):
    found = discrete_hazard(exits, DESIGN, event="event", predictors=["ill"], link="cloglog")
    ratios = exponentiated(found, measure="hazard_ratio").rows
    assert (ratios["term"].tolist(), ratios["estimate"].item()) == (
        ["ill"],
        pytest.approx(np.exp(found.rows["estimate"][4])),
    )


# --- edges
def test_rows_whose_event_nobody_knows_stay_in_the_design(exits):
    unknown = exits.assign(event=exits["event"].where(exits["psu"] != 3))
    found = discrete_hazard(unknown, DESIGN, event="event", predictors=["ill"])
    assert (found.rows["psus"][0], found.rows["df"][0]) == (39, 36)
    assert found.rows["n"][:4].sum() == (exits["psu"] != 3).sum()


def test_a_single_year_has_a_single_baseline(exits):
    found = discrete_hazard(exits[exits["k"] == 1], DESIGN, event="event", predictors=["ill"])
    assert found.rows["term"].tolist() == ["k=1", "ill"]


def test_models_of_few_events_are_not_published(exits):
    deaths = discrete_hazard(exits, DESIGN, event="event", cause="death", predictors=["ill"], last=2)
    assert (exits["event"] == "death").sum() >= 50
    few = exits.assign(event=exits["event"].where((exits["event"] != "death") | (exits["id"] % 3 == 0), ""))
    assert (few["event"] == "death").sum() < 50
    rows = discrete_hazard(few, DESIGN, event="event", cause="death", predictors=["ill"], last=2).rows
    assert set(rows["flag"]) == {"quality"}
    assert "quality" not in set(deaths.rows["flag"])
    assert set(deaths.rows["flag"][deaths.rows["count"] < 50]) == {"care"}


def test_terms_and_notes_are_in_both_languages(exits):
    found = discrete_hazard(exits, DESIGN, event="event", predictors=["ill"], last=3)
    assert found.table("zh").iloc[:3, 0].tolist() == ["第1年", "第2年", "第3年及以后"]
    for key in ("hazard_logit", "hazard_cloglog", "hazard_normal", "baseline_curve", "probability_effects"):
        assert reference.method(f"relapse_{key}", "zh") != reference.method(f"relapse_{key}", "en")
    for name in ("baseline", "coefficient", "sd", "hazard", "probability_effect", "plain", "normal"):
        assert reference.label("measure", name, "zh") != name


# --- errors
def refused(sample: pd.DataFrame, **options: object) -> Problem:
    given = {"event": "event", "predictors": ["ill"], "unit": "id"} | options
    with pytest.raises(Problem) as caught:
        discrete_hazard(sample, DESIGN, **given)
    return caught.value


def test_bad_person_periods_are_refused_by_name(exits):
    assert refused(exits.assign(k=exits["k"] - 1)).key == "relapse.duration"
    assert refused(exits.assign(k=exits["k"] + 0.5)).key == "relapse.duration"
    assert refused(pd.concat([exits, exits.iloc[:7]])).values["rows"] == 7
    assert refused(exits.assign(event="")).key == "relapse.no_hazard"
    assert refused(exits, cause="supported").values["known"] == "death, economic"
    assert refused(exits.assign(event=1.0), cause="economic").key == "relapse.no_cause"
    assert refused(exits.assign(event=2.0)).key == "estimate.not_binary"
    assert refused(exits, link="identity").key == "estimate.option"
    assert refused(exits, heterogeneity="gamma").key == "estimate.option"
    assert refused(exits, predictors=["height"]).values["column"] == "height"
    assert refused(exits, unit="house").values["column"] == "house"
    with pytest.raises(Problem) as caught:
        probability_effects(exits, DESIGN, event="event", predictors=["ill"], year=9)
    assert caught.value.values["known"] == "1, 2, 3, 4"


def test_rows_after_the_end_of_a_spell_are_refused(exits):
    ghosts = exits.copy()
    ghosts.loc[ghosts["k"] == 1, "event"] = "economic"
    assert refused(ghosts).values["rows"] == (exits["k"] > 1).sum()
    again = ghosts.assign(spell=ghosts["k"], k=1)
    assert "k=1" in discrete_hazard(again, DESIGN, event="event", unit="id", spell="spell").rows["term"].tolist()


def test_a_year_without_events_is_named(exits):
    never = exits.assign(event=exits["event"].where(exits["k"] != 4, ""))
    found = refused(never)
    assert (found.key, found.values["terms"]) == ("estimate.separation", "k=4")
