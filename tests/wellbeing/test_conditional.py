"""Ordered answers within households: by hand, against survival's clogit, laws, edges, errors."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, make_replicates
from aidlib.estimate.regression import exponentiated
from aidlib.reference import Problem, method
from aidlib.wellbeing import ordered_within

ORACLES = Path(__file__).parent / "oracles"
SAME = 1e-6
DESIGN = Design("weight", "stratum", "psu")


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return pd.read_csv(ORACLES / "panel.csv")


# --- by hand
def test_two_waves_and_two_answers_are_a_logit_of_those_who_change():
    """Of 9 households whose answer changes 6 go up with x and 3 down: log odds log 2; the rest says nothing."""
    up, down, still = [(0, 1)] * 6, [(1, 0)] * 3, [(1, 1), (0, 0)] * 4
    y = np.array([*up, *down, *still]).ravel()
    table = pd.DataFrame({"id": np.repeat(np.arange(17), 2), "x": np.tile([0.0, 1], 17), "y": y})
    rows = ordered_within(table, Design(psu="id"), "y", ["x"], unit="id", time=None).rows
    assert rows["estimate"].item() == pytest.approx(np.log(2))
    assert rows["n"].item() == 18
    plain = np.sqrt(6 * (1 - 2 / 3) ** 2 + 3 * (2 / 3) ** 2) / (9 * 2 / 9)  # sum of squared scores over information
    assert rows["se"].item() == pytest.approx(plain * np.sqrt(17 / 16))


# --- against a reference implementation
def test_the_blown_up_conditional_logit_of_clogit(panel):
    wanted = json.loads((ORACLES / "within.json").read_text())["coefficients"]
    rows = ordered_within(panel, Design(psu="psu"), "answer", ["hard", "pressure"], time=None).rows
    assert rows["estimate"].tolist() == pytest.approx(wanted, rel=SAME)


# --- laws
def test_what_stays_with_the_household_does_not_matter(panel):
    one = ordered_within(panel, DESIGN, "answer", ["hard", "pressure"]).rows
    moved = panel.assign(pressure=panel["pressure"] + 10 * np.cos(panel["household_id"]))
    other = ordered_within(moved, DESIGN, "answer", ["hard", "pressure"]).rows
    assert other[["estimate", "se"]].values == pytest.approx(one[["estimate", "se"]].values, rel=1e-6)


def test_units_order_of_rows_and_direction(panel):
    def slopes(table: pd.DataFrame) -> np.ndarray:
        return ordered_within(table, DESIGN, "answer", ["hard", "pressure"]).rows["estimate"].to_numpy()

    one = slopes(panel)
    assert slopes(panel.sample(frac=1, random_state=2)) == pytest.approx(one)
    turned = panel.assign(answer=-panel["answer"], pressure=panel["pressure"] * 100)
    assert slopes(turned) * [1, 100] == pytest.approx(-one)


def test_errors_agree_with_replicates(panel):
    plan = make_replicates(panel, DESIGN, kind="jkn")
    taylor = ordered_within(panel, DESIGN, "answer", ["hard", "pressure"]).rows
    other = ordered_within(plan.sample, plan.design, "answer", ["hard", "pressure"]).rows
    assert other["estimate"].tolist() == pytest.approx(taylor["estimate"].tolist())
    assert other["se"].tolist() == pytest.approx(taylor["se"].tolist(), rel=0.1)


def test_the_change_that_made_the_data_is_found():
    rng = np.random.default_rng(9)
    unit = np.repeat(np.arange(800), 4)
    x = rng.normal(size=3200) + rng.normal(size=800)[unit]
    latent = 0.7 * x + 2 * rng.normal(size=800)[unit] + rng.logistic(size=3200)
    table = pd.DataFrame({"id": unit, "x": x, "y": np.digitize(latent, [-2, -0.5, 1, 2.5]), "psu": unit // 10})
    row = ordered_within(table, Design(psu="psu"), "y", ["x"], unit="id", time=None).rows.iloc[0]
    assert abs(row["estimate"] - 0.7) < 3 * row["se"] < 0.3


# --- edges
def test_waves_are_held_equal_and_not_told(panel):
    found = ordered_within(panel, DESIGN, "answer", ["pressure"])
    assert found.rows["term"].tolist() == ["pressure"]
    assert exponentiated(found, measure="odds_ratio").rows["estimate"].item() < 1
    assert method(found.method, "zh") and method(found.method, "en")


def test_a_household_whose_answer_stays_does_not_count(panel):
    still = panel["household_id"] <= 5
    rows = ordered_within(panel.assign(answer=panel["answer"].where(~still, 2)), DESIGN, "answer", ["pressure"]).rows
    alone = ordered_within(panel[~still], DESIGN, "answer", ["pressure"], time="year").rows
    assert rows["n"].item() == alone["n"].item()
    assert rows["estimate"].item() == pytest.approx(alone["estimate"].item())


# --- errors
@pytest.mark.parametrize(
    ("change", "predictors", "key", "words"),
    [
        ({"answer": 1}, ["pressure"], "wellbeing.no_change_within", "answer"),
        ({}, ["stratum"], "wellbeing.no_change_within", "stratum"),
        ({"pressure": lambda p: p["answer"] * 1.0}, ["pressure"], "estimate.separation", "pressure"),
        ({"twin": lambda p: 2 * p["hard"]}, ["hard", "twin"], "estimate.predictor_aliased", "twin"),
        ({}, ["nothing"], "estimate.no_column", "nothing"),
        ({"household_id": lambda p: p["household_id"] // 4}, ["pressure"], "wellbeing.many_waves", "12"),
    ],
)
def test_what_cannot_be_told_is_named(panel, change, predictors, key, words):
    with pytest.raises(Problem) as error:
        ordered_within(panel.assign(**change), DESIGN, "answer", predictors, time=None)
    assert error.value.key == key and words in str(error.value)
