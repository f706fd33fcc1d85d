"""Waves and register together: by hand, the planted survey, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib import rules, survey
from aidlib.estimate import Design
from aidlib.reference import Problem, label, method
from aidlib.relapse import agreement, both, dossier_spells, hardship_states, spells

FILES = pd.DataFrame(
    {
        "household_id": ["a", "b", "b"],
        "opened": pd.to_datetime(["2019-05-01", "2018-05-01", "2021-06-01"]),
        "closed": pd.to_datetime(["2020-06-01", "2019-06-01", None]),
        "close_reason": ["economic", "administrative", None],
        "region": "990100",
    }
)
REGISTER = dossier_spells(FILES, until="2022-12-31")


def panel(**histories: str) -> pd.DataFrame:
    rows = [
        {"household_id": home, "year": 2019 + wave, "interview_date": pd.Timestamp(2019 + wave, 10, 1 + wave),
         "in_hardship": np.nan if sign == "?" else float(sign), "region": "990200"}
        for home, history in histories.items()
        for wave, sign in enumerate(history)
        if sign != "."
    ]  # fmt: skip
    return pd.DataFrame(rows)


# --- by hand
def test_the_registers_dates_win_and_the_waves_add_the_others():
    found = both(panel(a="1111", b="0000", c="0110", d="1.01"), REGISTER)
    assert found["household_id"].tolist() == ["a", "b", "b", "c", "d", "d"]
    assert found["source"].tolist() == ["register"] * 3 + ["waves"] * 3
    assert found["start"].astype(str).tolist()[3:] == ["2020-10-02", "2019-10-01", "2022-10-04"]
    assert found["end"].dropna().astype(str).tolist()[2:] == ["2022-10-04", "2021-10-03"]
    assert found["length"].tolist()[3:] == pytest.approx([732 / 365.25, 733 / 365.25, 0])
    assert found["returned"].tolist() == [False, False, False, False, False, True]
    assert found["gap"].tolist()[3:] == [False, True, False]
    assert found["region"].tolist() == ["990100"] * 3 + ["990200"] * 3
    assert found["days_away"].tolist()[5] == 366


def test_either_source_alone_is_enough():
    sample = panel(c="0110")
    assert len(both(sample.head(0), REGISTER)) == len(REGISTER)
    alone = both(sample, REGISTER.head(0))
    assert alone[["spell", "exit", "right_censored"]].values.tolist() == [[1, "economic", False]]


def test_agreement_by_hand():
    sample = panel(a="10", b="01", c="01").assign(weight=[1.0, 2, 4, 8, 16, 32])
    found = agreement(sample, Design("weight"), REGISTER, until="2022-12-31").rows
    cells = found.set_index(["position", "hardship"])
    assert (cells["estimate"] * 63).to_dict() == pytest.approx(
        {("on_file", "yes"): 1, ("on_file", "no"): 0, ("left", "yes"): 0, ("left", "no"): 2,
         ("no_file", "yes"): 8 + 32, ("no_file", "no"): 4 + 16}
    )  # fmt: skip
    assert cells["count"].tolist() == [1, 0, 0, 1, 2, 2]


# --- on the planted survey
def test_the_planted_survey_in_one_table(demo_store):
    surveys = survey.load("2025", "990000", store=demo_store)
    sample = hardship_states(surveys.panel, rules.grade(surveys.panel, rules.load()))
    register = dossier_spells(surveys.dossiers, since="2018-12-01", until="2025-12-31")
    found = both(sample, register)
    waves = found[found["source"].eq("waves")]
    assert len(found) - len(waves) == len(register)
    assert not waves["household_id"].isin(register["household_id"]).any()
    assert (waves["length"] >= 0).all()
    assert len(waves) == len(spells(sample[~sample["household_id"].isin(register["household_id"])]))
    cells = agreement(sample, surveys.design(), register, until="2025-12-31").rows
    assert cells["estimate"].sum() == pytest.approx(1)
    on_file = cells[cells["position"].eq("on_file")].set_index("hardship")["estimate"]
    assert on_file["yes"] > 5 * on_file["no"]  # grades of those on file are planted below 2 L, but for errors
    assert cells.set_index(["position", "hardship"]).loc[("no_file", "yes"), "count"] > 0


# --- errors and words
def test_wrong_panels_are_refused():
    with pytest.raises(Problem) as error:
        both(panel(c="0110").assign(interview_date=pd.NaT), REGISTER)
    assert error.value.key == "relapse.missing"
    with pytest.raises(Problem) as error:
        agreement(panel(c="01").assign(in_hardship=5.0), None, REGISTER, until="2022-12-31")
    assert error.value.key == "estimate.not_binary"


def test_names_and_notes_in_both_languages():
    assert method("relapse_agreement", "zh") != method("relapse_agreement", "en")
    assert label("hardship", "yes", "en") == "In hardship"
    assert label("position", "no_file", "zh") == "无档"
