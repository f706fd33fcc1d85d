"""Non-response and attrition: by hand, laws, recovery of a known population, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, adjust_nonresponse, mean, panel_weights
from aidlib.reference import Problem

DESIGN = Design(weight="w")
PANEL = {"unit": "id", "time": "year", "answered": "came"}


@pytest.fixture
def sample() -> pd.DataFrame:
    return pd.DataFrame({"town": list("aaaabbbb"), "w": [1.0] * 8, "came": [1, 1, 0, 0, 1, 1, 1, 1.0]})


@pytest.fixture
def panel() -> pd.DataFrame:
    """Units 1-4 from 2020; 4 is lost in 2021, 3 misses 2021 and comes back; 5 joins in 2021."""
    rows = [(1, 2020, 1, "x"), (2, 2020, 1, "x"), (3, 2020, 1, "x"), (4, 2020, 1, "x")]
    rows += [(1, 2021, 1, "x"), (2, 2021, 1, "x"), (3, 2021, 0, None), (4, 2021, 0, None), (5, 2021, 1, "x")]
    rows += [(1, 2022, 1, "x"), (2, 2022, 0, None), (3, 2022, 1, "x"), (5, 2022, 1, "x")]
    return pd.DataFrame(rows, columns=["id", "year", "came", "kind"]).assign(w=10.0, all="all")


# --- by hand
def test_answers_stand_for_their_class(sample):
    found = adjust_nonresponse(sample, DESIGN, "came", ["town"], minimum=1)
    assert found.sample["weight_response"].tolist() == [2, 2, 0, 0, 1, 1, 1, 1]


def test_a_class_with_too_few_answers_is_taken_with_its_neighbours(sample):
    found = adjust_nonresponse(sample, DESIGN, "came", ["town"], minimum=3)
    assert found.sample["weight_response"].tolist() == pytest.approx([4 / 3, 4 / 3, 0, 0, *[4 / 3] * 4])


def test_losses_of_waves_multiply(panel):
    found = panel_weights(panel, DESIGN, classes=["all"], kind="longitudinal", minimum=1, **PANEL)
    # 2021: 2 of 4 answer; 2022: of 1, 2, 3 and 5 with weights 20, 20, 10, 10 the answers weigh 40 of 60
    assert found.sample["weight_panel"].tolist() == pytest.approx([10] * 4 + [20, 20, 0, 0, 10] + [30, 0, 15, 15])


def test_the_present_population_keeps_its_size(panel):
    found = panel_weights(panel, DESIGN, classes=["all"], minimum=1, **PANEL)
    sums = found.sample.groupby("year")["weight_panel"].sum()
    assert sums.tolist() == pytest.approx([40, 30, 30])
    assert found.sample["weight_panel"].tolist()[4:6] == pytest.approx([12, 12])  # 20, 20 and 10, brought back to 30


# --- recovery
def test_attrition_by_income_no_longer_moves_the_mean():
    rng = np.random.default_rng(11)
    people, years = 40_000, 5
    rich = rng.random(people) < 0.5
    rows = [pd.DataFrame({"id": np.arange(people), "year": 0, "rich": rich, "came": 1.0})]
    here = np.ones(people, bool)
    for year in range(1, years):
        came = rng.random(people) < np.where(rich, 0.8, 0.95)
        rows.append(pd.DataFrame({"id": np.arange(people), "year": year, "rich": rich, "came": came * 1.0})[here])
        here &= came
    panel = pd.concat(rows, ignore_index=True).assign(w=1.0, all="all")
    options = {"classes": ["all"], "earlier": ["rich"], **PANEL}
    found = panel_weights(panel.assign(rich=panel["rich"].astype(str)), DESIGN, **options)
    last = found.sample.query("year == 4 and came == 1").assign(rich=lambda d: d["rich"].eq("True"))
    assert mean(last, DESIGN, "rich").rows["estimate"].item() < 0.36
    assert mean(last, found.design, "rich").rows["estimate"].item() == pytest.approx(rich.mean(), abs=0.01)


# --- errors
def test_what_cannot_be_adjusted_is_refused(sample, panel):
    calls = [
        (lambda: adjust_nonresponse(sample.assign(came=0), DESIGN, "came", ["town"]), "estimate.no_answer"),
        (lambda: adjust_nonresponse(sample.assign(came=0.5), DESIGN, "came", ["town"]), "estimate.not_binary"),
        (lambda: adjust_nonresponse(sample, DESIGN, "answered", ["town"]), "estimate.no_column"),
        (lambda: adjust_nonresponse(sample, DESIGN, "came", ["city"]), "estimate.no_column"),
        (lambda: adjust_nonresponse(sample.assign(came=np.nan), DESIGN, "came", ["town"]), "estimate.missing_design"),
        (lambda: panel_weights(panel.drop(columns="id"), DESIGN, classes=["all"], **PANEL), "estimate.no_column"),
        (lambda: panel_weights(panel, DESIGN, classes=["all"], kind="both", **PANEL), "estimate.option"),
    ]
    for call, key in calls:
        with pytest.raises(Problem) as error:
            call()
        assert error.value.key == key
