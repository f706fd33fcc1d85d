"""Exit rules side by side: by hand, against other estimators, the planted survey, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib import rules, survey
from aidlib.estimate import Design, total
from aidlib.reference import Problem, heading, label, method
from aidlib.relapse import dossier_spells, exit_rules, hardship_states, register_rules, spells


def panel(*histories: str) -> pd.DataFrame:
    rows = [
        {"household_id": home, "year": 2018 + wave, "in_hardship": float(sign), "weight": float(wave + 1)}
        for home, history in enumerate(histories)
        for wave, sign in enumerate(history)
    ]
    return pd.DataFrame(rows)


def numbers(found) -> dict:
    return found.rows.set_index(["exit_rule", "figure"])["estimate"].to_dict()


# --- by hand
def test_every_event_counts_with_the_weight_of_its_wave():
    sample = panel("01011", "11100")
    found = exit_rules(
        sample, Design("weight"), {"one_wave": spells(sample), "two_waves": spells(sample, exit_after=2)}
    )
    assert numbers(found) == {
        ("one_wave", "spells"): 2 + 4 + 1,
        ("one_wave", "exits"): 3 + 4,
        ("one_wave", "returns"): 4,
        ("two_waves", "spells"): 2 + 1,
        ("two_waves", "exits"): 4,
        ("two_waves", "returns"): 0,
    }
    assert found.rows["count"].tolist() == [3, 2, 1, 2, 1, 0]
    assert found.additive


def test_a_reason_other_than_economic_is_no_exit_and_brings_no_return():
    sample = panel("01010")
    ends = pd.DataFrame({"household_id": [0], "time": [2020], "reason": ["administrative"]})
    found = exit_rules(sample, None, {"one_wave": spells(sample, ends=ends)})
    assert numbers(found)["one_wave", "exits"] == 1  # the second
    assert numbers(found)["one_wave", "returns"] == 0


def test_the_register_by_hand():
    files = pd.DataFrame(
        {
            "household_id": ["a", "a", "b"],
            "opened": pd.to_datetime(["2019-01-01", "2020-03-01", "2020-01-01"]),
            "closed": pd.to_datetime(["2020-01-01", "2021-01-01", "2020-06-01"]),
            "close_reason": ["economic", "economic", "death"],
            "region": ["990100", "990100", "990200"],
        }
    )
    by_rule = {"register": dossier_spells(files, until="2022-01-01"),
               "six_months": dossier_spells(files, until="2022-01-01", bridge_months=6)}  # fmt: skip
    found = register_rules(by_rule, since="2018-12-31", until="2021-07-01")
    assert numbers(found) == {
        ("register", "spells"): 3, ("register", "exits"): 2, ("register", "returns"): 1,
        ("six_months", "spells"): 2, ("six_months", "exits"): 1, ("six_months", "returns"): 0,
    }  # fmt: skip
    assert (found.base, found.rows["se"].tolist()) == ("R", [0] * 6)
    later = register_rules(by_rule, since="2020-01-01", until="2021-07-01", by="region").rows
    picked = later[later["exit_rule"].eq("register") & later["region"].eq("990200")]
    assert picked["estimate"].tolist() == [0, 0, 0]  # opened on the first day: not after it


def test_states_are_missing_where_they_cannot_be_judged():
    sample = pd.DataFrame({"net_ratio": [0.5, np.nan, 3.0]}, index=[5, 6, 7])
    found = hardship_states(sample, pd.Series(["deep", "accident", None]))
    assert found["in_hardship"].tolist()[:2] == [1, 1]
    assert np.isnan(found["in_hardship"].iloc[2])
    assert np.isnan(found["below_l"].iloc[1])
    assert found["below_2l"].iloc[2] == 0


# --- against other estimators
def test_the_errors_are_those_of_a_total():
    rng = np.random.default_rng(2)
    histories = ["".join(row) for row in rng.choice(["0", "1"], (60, 4))]
    sample = panel(*histories).assign(psu=lambda s: s["household_id"] // 5, stratum=lambda s: s["psu"] // 4)
    design = Design("weight", strata="stratum", psu="psu")
    found = exit_rules(sample, design, {"one_wave": spells(sample)}).rows.set_index("figure")
    before = sample.groupby("household_id")["in_hardship"].shift()
    exit_now = (before.eq(1) & sample["in_hardship"].eq(0)).astype(float)
    wanted = total(sample.assign(gone=exit_now), design, "gone").rows.iloc[0]
    assert found.loc["exits", ["estimate", "se"]].tolist() == pytest.approx(wanted[["estimate", "se"]].tolist())


# --- on the planted survey
def test_rules_differ_as_they_must(demo_store):
    surveys = survey.load("2025", "990000", store=demo_store)
    sample = hardship_states(surveys.panel, rules.grade(surveys.panel, rules.load()))
    found = exit_rules(
        sample,
        surveys.design(),
        {
            "one_wave": spells(sample),
            "two_waves": spells(sample, exit_after=2),
            "below_2l": spells(sample, state="below_2l"),
            "below_l": spells(sample, state="below_l"),
        },
    )
    many = numbers(found)
    assert many["one_wave", "returns"] > many["two_waves", "returns"] > 0
    assert many["one_wave", "exits"] > many["two_waves", "exits"]
    assert many["below_l", "spells"] < many["below_2l", "spells"]
    assert (found.rows["se"] > 0).all()


# --- errors and words
def test_spells_of_dates_are_refused():
    sample = panel("0110")
    dated = spells(sample).assign(start=pd.Timestamp("2020-01-01"))
    with pytest.raises(Problem) as error:
        exit_rules(sample, None, {"register": dated})
    assert error.value.key == "estimate.not_numeric"


@pytest.mark.parametrize(
    ("call", "key"),
    [
        (lambda: exit_rules(panel("01", "10"), None, {}), "estimate.option"),
        (lambda: exit_rules(panel("01", "00"), None, {"other": spells(panel("0", "0", "1"))}), "relapse.other_rows"),
        (lambda: hardship_states(panel("01").assign(net_ratio=1.0), pd.Series(["deep"])), "relapse.other_rows"),
        (lambda: register_rules({}, since="2020-01-01", until="2021-01-01"), "estimate.option"),
    ],
)
def test_rules_of_nothing_or_of_another_panel_are_refused(call, key):
    with pytest.raises(Problem) as error:
        call()
    assert error.value.key == key


def test_names_and_notes_in_both_languages():
    for key in ("relapse_exit_rules", "relapse_register_rules"):
        assert method(key, "zh") != method(key, "en")
    for name in ("exit_rules", "exit_rule", "spells", "exits", "returns"):
        assert heading(name, "zh") != heading(name, "en") != name
    assert label("exit_rule", "two_waves", "zh") != label("exit_rule", "two_waves", "en")
    assert label("figure", "returns", "en") == "Returns"
