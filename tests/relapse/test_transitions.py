"""Transition matrices and mobility: by hand, against R's survey, laws, edges, errors."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, make_replicates, proportion
from aidlib.reference import Problem, method
from aidlib.relapse import mean_stay, mobility, transitions

ORACLES = Path(__file__).parent / "oracles"
DESIGN = Design("weight", strata="stratum", psu="psu")
TOLERANCE = 1e-9  # the same sums in another order


def panel(*histories: str, **columns) -> pd.DataFrame:
    """One history a household, a letter a wave; . not there, ? no state."""
    rows = [
        {"household_id": home, "year": 2020 + wave, "state": None if sign == "?" else sign}
        | {name: values[home] for name, values in columns.items()}
        for home, history in enumerate(histories)
        for wave, sign in enumerate(history)
        if sign != "."
    ]
    return pd.DataFrame(rows)


def shares(found) -> dict:
    return found.rows.set_index(["from", "to"])["estimate"].to_dict()


@pytest.fixture(scope="module")
def oracle() -> tuple[pd.DataFrame, dict]:
    sample = pd.read_csv(ORACLES / "transitions.csv")
    return sample, json.loads((ORACLES / "transitions.json").read_text())


# --- by hand
def test_a_matrix_by_hand():
    found = transitions(panel("aab", "abb", "b.a", "?ab"), None, state="state")
    assert shares(found) == {("a", "a"): 0.25, ("a", "b"): 0.75, ("b", "a"): 0, ("b", "b"): 1}
    assert found.rows["n"].tolist() == [4, 4, 1, 1]
    assert found.rows["count"].tolist() == [1, 3, 0, 1]
    assert (found.kind, found.keys) == ("matrix", ("from", "to"))


def test_the_weight_is_that_of_the_later_wave():
    sample = panel("ab", "aa").assign(weight=[100.0, 1, 1, 3])
    assert shares(transitions(sample, Design("weight"), state="state"))["a", "b"] == pytest.approx(0.25)


def test_a_stay_and_mobility_by_hand():
    sample = panel("aa", "ab", "ab", "ab", "bb", "ba")
    assert mean_stay(sample, None, state="state").rows["estimate"].tolist() == pytest.approx([4 / 3, 2])
    found = mobility(sample, None, state="state").rows
    assert found["figure"].tolist() == ["shorrocks", "immobility"]
    assert found["estimate"].tolist() == pytest.approx([2 - 0.25 - 0.5, 2 / 6])


# --- against R's survey
def test_the_matrix_is_that_of_r(oracle):
    sample, wanted = oracle
    rows = transitions(sample, DESIGN, state="grade").rows
    names = rows["from"] + ":grade" + rows["to"]
    for name, estimate, se in zip(*wanted["matrix"].values(), strict=True):
        row = rows[names == name].iloc[0]
        assert (row["estimate"], row["se"]) == pytest.approx((estimate, se), rel=TOLERANCE)


def test_mobility_and_stays_are_those_of_r(oracle):
    sample, wanted = oracle
    rows = mobility(sample, DESIGN, state="grade").rows.set_index("figure")
    for figure in ("shorrocks", "immobility"):
        assert rows.loc[figure, ["estimate", "se"]].tolist() == pytest.approx(wanted[figure], rel=1e-7)
    rows = mean_stay(sample, DESIGN, state="grade").rows.set_index("from")
    for state, figures in zip(wanted["states"], wanted["stay"], strict=True):
        assert rows.loc[state, ["estimate", "se"]].tolist() == pytest.approx(figures, rel=1e-7)


# --- laws
def test_a_row_adds_up_to_1_with_margins_too(oracle):
    sample = oracle[0].assign(kind=lambda s: np.where(s["psu"] % 2, "odd", "even"))
    found = transitions(sample, DESIGN, state="grade", by="kind", margins=True)
    sums = found.rows.groupby(["kind", "from"], sort=False)["estimate"].sum()
    assert sums.tolist() == pytest.approx([1] * 9)
    assert found.rows.loc[found.rows["kind"].eq("all"), "estimate"].tolist() == pytest.approx(
        transitions(sample, DESIGN, state="grade").rows["estimate"].tolist()
    )


def test_it_is_the_proportion_of_the_pairs_of_one_wave(oracle):
    sample = oracle[0]
    before = sample[["household_id", "year", "grade"]].assign(year=lambda s: s["year"] + 1)
    pairs = sample.merge(before.rename(columns={"grade": "was"}), how="left").query("year == 2022")
    here = transitions(sample, DESIGN, state="grade", by="year").rows.query("year == '2022'")
    there = proportion(pairs, DESIGN, "grade", by="was").rows
    joined = here.merge(there, left_on=["from", "to"], right_on=["was", "grade"])
    assert joined["estimate_x"].tolist() == pytest.approx(joined["estimate_y"].tolist())
    assert len(joined) == 9


def test_the_order_of_the_rows_does_not_matter(oracle):
    sample = oracle[0]
    one, other = (transitions(s, DESIGN, state="grade").rows for s in (sample, sample.sample(frac=1, random_state=4)))
    pd.testing.assert_frame_equal(one, other, rtol=1e-12)


@pytest.mark.parametrize("function", [transitions, mobility, mean_stay])
def test_replicate_weights_give_nearly_the_same_errors(oracle, function):
    made = make_replicates(oracle[0], DESIGN)
    one = function(oracle[0], DESIGN, state="grade").rows
    other = function(made.sample, made.design, state="grade").rows
    assert other["estimate"].tolist() == pytest.approx(one["estimate"].tolist())
    assert other["se"].tolist() == pytest.approx(one["se"].tolist(), rel=0.05)


def test_whoever_never_moves_has_no_mobility_and_no_mean_stay():
    sample = panel("aaa", "bbb")
    assert mobility(sample, None, state="state").rows["estimate"].tolist() == [0, 1]
    stays = mean_stay(sample, None, state="state").rows
    assert stays["estimate"].isna().all()
    assert stays["flag"].eq("empty").all()


# --- edges
def test_a_wave_that_is_missing_makes_no_pair():
    assert transitions(panel("a.a", "aaa"), None, state="state").rows["n"].tolist() == [2]
    only = transitions(panel("a", "b"), None, state="state").rows
    assert only["n"].eq(0).all() and only["flag"].eq("empty").all()
    assert len(transitions(panel("ab").head(0), None, state="state").rows) == 1


def test_flags_are_states_too():
    found = transitions(panel("01", "11").assign(state=[0.0, 1, 1, 1]), None, state="state")
    assert shares(found) == {("0", "0"): 0, ("0", "1"): 1, ("1", "0"): 0, ("1", "1"): 1}


# --- errors
@pytest.mark.parametrize("function", [transitions, mobility, mean_stay])
@pytest.mark.parametrize(
    ("sample", "options", "key"),
    [
        (panel("ab").assign(year=2020), {}, "relapse.twice"),
        (panel("ab").drop(columns="state"), {}, "estimate.no_column"),
        (panel("ab"), {"interval": "square"}, "estimate.option"),
    ],
)
def test_wrong_panels_are_refused(function, sample, options, key):
    with pytest.raises(Problem) as error:
        function(sample, None, state="state", **options)
    assert error.value.key == key


@pytest.mark.parametrize("function", [transitions, mobility, mean_stay])
def test_every_method_has_its_note(function):
    key = function(panel("ab", "ba"), None, state="state").method
    assert method(key, "zh") != method(key, "en")
