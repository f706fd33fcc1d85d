"""Unobserved traits: by hand, against lme4, laws, the planted truth recovered, errors."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from aidlib.estimate import Design, make_replicates
from aidlib.reference import Problem
from aidlib.relapse import (
    Periods,
    baseline_curve,
    discrete_hazard,
    heterogeneity_test,
    joint_hazards,
    probability_effects,
    state_dependence,
    yearly_chances,
)
from aidlib.relapse.frailty import Units, integral
from aidlib.relapse.hazards import Hazards
from aidlib.relapse.periods import Periods as Read
from tests.relapse import planted_register
from tests.relapse.histories_of_traits import (
    BACK,
    DESIGN,
    EXIT,
    NAMES,
    PROCESSES,
    TRUTH,
    histories,
    met_in_the_first_spell,
)

ORACLES = Path(__file__).parent / "oracles"
SAME = 2e-6  # relative: both sides stop near the top of an integrated likelihood
SPELLS = {"event": "y", "predictors": ["x", "ill"], "last": 3, "unit": "id", "spell": "spell", "time": "t"}


@cache
def figures() -> dict:
    return json.loads((ORACLES / "hazards.json").read_text(encoding="utf-8"))


@cache
def repeated() -> pd.DataFrame:
    return pd.read_csv(ORACLES / "hazards_spells.csv")


@cache
def inflow(households: int = 2500, seed: int = 7) -> pd.DataFrame:
    """Households seen from their first day on."""
    return histories(households, seed, years=8, seen=8)


# --- by hand
def test_the_likelihood_is_that_of_numeric_integration_with_the_years_before_divided_out():
    rows = {"id": [1, 1, 2, 2, 2, 3, 3], "k": [1, 2, 3, 4, 1, 2, 1], "spell": [1, 1, 1, 1, 2, 1, 2]}
    rows |= {"t": [1, 2, 1, 2, 3, 1, 2], "y": [0, 1, 0, 1, 0, 0, 1], "x": [0.3, 0.3, -1.0, -1.0, -0.8, 0.5, 0.1]}
    sample = pd.DataFrame(rows)
    read = Read("y", ("x",), last=3, unit="id", spell="spell", time="t")
    units = Units.of([Hazards.of(sample, None, read).model], sample, [read])
    parameters = np.array([-0.4, 0.2, -0.3, 0.6, 0.9])  # first year, what the second and the third differ by, x, sd

    def log_odds(k: int, x: float) -> float:
        return -0.4 + {1: 0.0, 2: 0.2}.get(k, -0.3) + 0.6 * x

    def likelihood(lines: list[tuple[int, float, int]]) -> float:
        def at(trait: float) -> float:
            chances = [expit((2 * y - 1) * (log_odds(k, x) + 0.9 * trait)) for k, x, y in lines]
            return np.prod(chances) * norm.pdf(trait)

        return quad(at, -9, 9, epsabs=1e-12)[0]

    seen = [list(zip(g["k"], g["x"], g["y"], strict=True)) for _, g in sample.groupby("id")]
    before = [[], [(1, -1.0, 0), (2, -1.0, 0)], [(1, 0.5, 0)]]
    lived = [likelihood(one + past) for one, past in zip(seen, before, strict=True)]
    weights = np.ones(3)
    found = integral(units.lived, weights, units.models[0].link, parameters)
    assert np.exp(found.logs) == pytest.approx(lived, rel=1e-9)
    assert units.before is not None
    past = integral(units.before, weights[:2], units.models[0].link, parameters)
    assert np.exp(past.logs) == pytest.approx([likelihood(one) for one in before[1:]], rel=1e-9)


def test_scores_and_information_are_the_derivatives_of_the_likelihood():
    sample = repeated()
    read = Read(**SPELLS)
    for link in ("logit", "cloglog"):
        units = Units.of([Hazards.of(sample, None, read, link=link).model], sample, [read])
        weights, parameters = np.linspace(0.5, 2, 400), np.array([-0.3, -0.4, -0.8, 0.5, -0.4, 0.7])
        here = integral(units.lived, weights, units.models[0].link, parameters)
        scores = units.lived.sums(here.scores).T @ weights
        for place, step in enumerate(1e-4 * np.eye(6)):
            up, down = (
                integral(units.lived, weights, units.models[0].link, parameters + sign * step) for sign in (1, -1)
            )
            assert scores[place] == pytest.approx(weights @ (up.logs - down.logs) / 2e-4, rel=1e-5, abs=1e-5)
            turned = -(units.lived.sums(up.scores) - units.lived.sums(down.scores)).T @ weights / 2e-4
            assert here.information[place] == pytest.approx(turned, rel=1e-4, abs=1e-3)


# --- against lme4 1.1-31, 25 nodes (oracles/hazards.R)
@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_a_random_intercept_agrees_with_lme4(link):
    found = discrete_hazard(repeated(), None, link=link, heterogeneity="normal", **SPELLS).rows
    wanted = figures()["spells"][link]
    assert found["term"].tolist() == ["k=1", "k=2", "k=3+", "x", "ill", "sd"]
    assert found["estimate"].tolist() == pytest.approx([*wanted["estimate"], wanted["sd"]], rel=SAME)
    assert found["se"][:5].tolist() == pytest.approx(wanted["se"], rel=0.1)  # lme4's are by the model


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_the_herds_of_lme4_agree(link):
    cows = pd.read_csv(ORACLES / "hazards_cbpp.csv").assign(period=lambda s: s["k"].astype("str"), k=1)
    found = discrete_hazard(
        cows, None, event="y", predictors=["period"], unit="herd", spell="cow", link=link, heterogeneity="normal"
    )
    values, wanted = found.rows["estimate"].to_numpy(), figures()["cbpp"][link]
    assert [values[0], *(values[0] + values[1:4]), values[4]] == pytest.approx(
        [*wanted["estimate"], wanted["sd"]], rel=SAME
    )


# --- laws
def test_a_weight_of_two_is_a_unit_twice():
    sample = repeated().assign(weight=lambda s: 1.0 + (s["id"] % 2))
    again = sample[sample["weight"] == 2].assign(id=lambda s: s["id"] + 1000)
    twice = pd.concat([sample, again], ignore_index=True).assign(weight=1.0)
    one, two = (discrete_hazard(s, Design("weight"), heterogeneity="normal", **SPELLS).rows for s in (sample, twice))
    assert one["estimate"].tolist() == pytest.approx(two["estimate"].tolist(), rel=1e-6)


def test_replicates_come_near_the_linearised_error():
    sample = repeated().assign(psu=lambda s: s["id"] % 25)
    jackknife = make_replicates(sample, Design(psu="psu"), kind="jk1")
    plain = discrete_hazard(sample, Design(psu="psu"), heterogeneity="normal", **SPELLS).rows
    other = discrete_hazard(jackknife.sample, jackknife.design, heterogeneity="normal", **SPELLS).rows
    assert other["estimate"].tolist() == pytest.approx(plain["estimate"].tolist(), rel=1e-6)
    assert other["se"].tolist() == pytest.approx(plain["se"].tolist(), rel=0.1)


def test_effects_over_the_trait_are_differences_of_mean_chances():
    sample = repeated()
    found = probability_effects(sample, None, heterogeneity="normal", **SPELLS).rows.set_index("term")
    model = discrete_hazard(sample, None, heterogeneity="normal", **SPELLS).rows.set_index("term")["estimate"]
    first = sample[sample["k"] == 1]
    nodes, masses = np.polynomial.hermite_e.hermegauss(41)

    def mean_chance(ill: int) -> float:
        eta = model["k=1"] + model["x"] * first["x"].to_numpy() + model["ill"] * ill
        chances = expit(eta[:, None] + model["sd"] * nodes)
        return float(np.mean(chances @ masses / np.sqrt(2 * np.pi)))

    assert found.loc["ill", "estimate"] == pytest.approx(mean_chance(1) - mean_chance(0), rel=1e-9)
    plain = probability_effects(sample, None, **SPELLS).rows.set_index("term")
    assert found["se"].to_numpy() == pytest.approx(plain["se"].to_numpy(), rel=0.25)


def test_where_nothing_is_hidden_the_trait_is_none_and_the_test_keeps_still():
    rng = np.random.default_rng(2)
    n = 600
    sample = pd.DataFrame({"id": np.repeat(np.arange(n), 4), "k": 1, "spell": np.tile([1, 2, 3, 4], n)})
    sample["y"] = (rng.random(4 * n) < 0.3).astype(float)
    shared = {"event": "y", "unit": "id", "spell": "spell"}
    found = discrete_hazard(sample, None, heterogeneity="normal", **shared).rows
    assert found["estimate"][1] < 0.25
    assert heterogeneity_test(sample, None, **shared).rows["estimate"][1] > 0.05


def test_the_test_finds_what_is_hidden():
    rows = heterogeneity_test(repeated(), None, **SPELLS).rows
    assert rows["measure"].tolist() == ["score_t", "p_value"]
    assert rows["estimate"][1] < 1e-5


def test_a_joint_model_of_processes_that_share_nothing_is_the_two_models():
    rng = np.random.default_rng(4)
    rows = inflow(1200, 3).copy()
    draw = rng.random(len(rows))
    file = (rows["position"] == "on_file").to_numpy()
    rows["event"] = pd.Series(
        np.select([file & (draw < 0.3), ~file & (draw < 0.1)], ["economic", "return"], ""), dtype="str"
    )
    rows["spell"] = np.arange(len(rows))  # every year a spell of its own: nothing follows from anything
    found = joint_hazards(rows.assign(k=1), DESIGN, PROCESSES).rows
    for name, read in PROCESSES.items():
        own = rows.assign(k=1, event=rows["event"].where(rows["position"] == name))
        plain = discrete_hazard(own, DESIGN, cause=read.cause, predictors=read.predictors, **NAMES).rows
        part = found[(found["position"] == name) & (found["measure"] != "sd")]
        assert part["estimate"].to_numpy() == pytest.approx(plain["estimate"].to_numpy(), abs=0.1)


# --- the planted truth
def test_what_is_planted_is_found_and_without_the_trait_time_seems_to_do_more():
    rows = inflow()
    joint = joint_hazards(rows, DESIGN, PROCESSES)
    found = joint.rows
    inside = (found["low"] <= TRUTH) & (found["high"] >= TRUTH)
    assert inside.mean() >= 0.8
    assert (found["measure"] == "sd").sum() == 2
    for name, truth, read in (("on_file", EXIT, PROCESSES["on_file"]), ("left", BACK, PROCESSES["left"])):
        own = rows.assign(event=rows["event"].where(rows["position"] == name))
        plain = discrete_hazard(own, DESIGN, cause=read.cause, predictors=read.predictors, **NAMES).rows["estimate"]
        mixed = found.loc[(found["position"] == name) & (found["measure"] == "baseline"), "estimate"].to_numpy()
        assert plain[0] - plain[4] > mixed[0] - mixed[4]
        assert plain[0] - plain[4] > truth[0] - truth[4]
    chances = yearly_chances(joint)
    assert chances.keys == ("position", "time")
    assert chances.rows["estimate"][0] == pytest.approx(expit(found["estimate"][0]))


def test_the_curves_with_and_without_trait_stand_side_by_side():
    found = baseline_curve(repeated(), None, **SPELLS).rows
    assert found["model"].tolist() == ["plain"] * 3 + ["normal"] * 3
    plain, normal = (found.loc[found["model"] == name, "estimate"].to_numpy() for name in ("plain", "normal"))
    assert plain[0] / plain[2] > normal[0] / normal[2]


def test_processes_alone_stand_beside_the_joint_model():
    rows = inflow()
    found = state_dependence(rows, DESIGN, PROCESSES)
    assert (found.keys, found.kind, found.unit) == (("model", "position", "time"), "curve", "share")
    lines = found.rows.set_index(["model", "position"])
    joint = yearly_chances(joint_hazards(rows, DESIGN, PROCESSES)).rows
    for name, read in PROCESSES.items():
        own = rows.assign(event=rows["event"].where(rows["position"] == name))
        plain = yearly_chances(discrete_hazard(own, DESIGN, cause=read.cause, predictors=read.predictors, **NAMES))
        assert lines.loc[("plain", name), "estimate"].tolist() == pytest.approx(plain.rows["estimate"].tolist())
        together = joint.loc[joint["position"] == name, "estimate"].tolist()
        assert lines.loc[("normal", name), "estimate"].tolist() == pytest.approx(together)


@pytest.mark.slow
@pytest.mark.parametrize("stock", [False, True], ids=["from the first day", "met in the middle of the first spell"])
def test_intervals_hold_the_planted_truth_at_the_nominal_rate(stock):
    held, steeper = [], []
    for seed in range(25):
        rows = met_in_the_first_spell(histories(6000, seed, years=14, seen=7)) if stock else inflow(2500, seed)
        found = joint_hazards(rows, DESIGN, PROCESSES).rows
        held.append(((found["low"] <= TRUTH) & (found["high"] >= TRUTH)).to_numpy())
        own = rows.assign(event=rows["event"].where(rows["position"] == "on_file"))
        plain = discrete_hazard(own, DESIGN, cause="economic", predictors=["patient", "widowed"], **NAMES).rows
        steeper.append(plain["estimate"][0] - plain["estimate"][4] > EXIT[0] - EXIT[4])
    rates = np.mean(held, axis=0)
    assert rates.mean() >= 0.93
    assert rates.min() >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 25)
    assert np.mean(steeper) >= 0.8


def test_the_demonstration_returns_what_was_planted_in_it():
    """Effects within three standard errors at one seed; the rates are checked below."""
    rows, planted = planted_register.person_years(20250101, 4000)
    found = joint_hazards(rows, planted_register.DESIGN, planted_register.PROCESSES).rows
    assert found["term"].tolist()[-2:] == ["visited_long", "sd"]
    assert (np.abs(found["estimate"] - planted_register.truth(planted)) / found["se"] < 3).all()


@pytest.mark.slow
def test_intervals_hold_what_the_demonstration_plants_at_the_nominal_rate():
    held, falls = [], []
    for seed in range(8):
        rows, planted = planted_register.person_years(seed, 8000)
        truth = planted_register.truth(planted)
        found = joint_hazards(rows, planted_register.DESIGN, planted_register.PROCESSES).rows
        held.append((found["low"] <= truth) & (truth <= found["high"]))
        for name, read in planted_register.PROCESSES.items():
            own = rows.assign(event=rows["event"].where(rows["position"] == name))
            options = planted_register.NAMES | {"cause": read.cause, "predictors": read.predictors}
            plain = discrete_hazard(own, planted_register.DESIGN, **options).rows["estimate"]
            wanted = planted.exit if name == "on_file" else planted.back
            falls.append((plain[0] - plain[3]) - (wanted[0] - wanted[3]))
    rates = np.mean(held)
    assert abs(rates - 0.95) <= 4 * np.sqrt(0.95 * 0.05 / np.size(held) * 4)  # estimates of one seed hang together
    assert np.mean(falls) > 2 * np.std(falls) / np.sqrt(len(falls))


# --- errors
def test_traits_need_units_with_several_rows():
    sample = repeated()
    for change, key in (({"unit": None}, "relapse.no_unit"), ({"unit": "row", "spell": None}, "relapse.single_rows")):
        with pytest.raises(Problem) as caught:
            discrete_hazard(sample.assign(row=np.arange(len(sample))), None, heterogeneity="normal", **SPELLS | change)
        assert caught.value.key == key
    with pytest.raises(Problem) as caught:
        baseline_curve(sample, None, models=["gamma"], **SPELLS)
    assert caught.value.key == "estimate.option"


def test_a_position_that_does_not_occur_is_named():
    wrong = {"file": Periods(**NAMES), "left": PROCESSES["left"]}
    with pytest.raises(Problem) as caught:
        joint_hazards(inflow(), DESIGN, wrong)
    assert caught.value.values["known"] == "left, on_file"
