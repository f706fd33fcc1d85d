"""The profile of hardship's dynamics, and long spells: by hand, laws, the planted survey, errors."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aidlib import rules, survey
from aidlib.estimate import Design, mean
from aidlib.reference import Problem, method
from aidlib.relapse import dossier_spells, dynamics_profile, long_spells, long_stays, person_years


def panel(*histories: str, **columns) -> pd.DataFrame:
    """One history a household, a sign a wave: 1, 0, ? no state, . not there."""
    rows = [
        {"household_id": home, "year": 2018 + wave, "in_hardship": np.nan if sign == "?" else float(sign)}
        | {name: values[home] for name, values in columns.items()}
        for home, history in enumerate(histories)
        for wave, sign in enumerate(history)
        if sign != "."
    ]
    return pd.DataFrame(rows)


def shares(found) -> dict:
    return found.rows.set_index("dynamics")["estimate"].to_dict()


# --- by hand
def test_the_patterns_by_hand():
    sample = panel("00000", "01000", "01100", "01010", "01110", "11011", "10111", weight=[1.0, 2, 4, 8, 16, 32, 64])
    found = shares(dynamics_profile(sample, Design("weight")))
    assert found == pytest.approx({"never": 1 / 127, "transient": 6 / 127, "recurrent": 40 / 127, "chronic": 80 / 127})
    longer = shares(dynamics_profile(sample, Design("weight"), short=3))
    assert longer == pytest.approx({"never": 1 / 127, "transient": 22 / 127, "recurrent": 104 / 127, "chronic": 0})


def test_only_whoever_is_seen_now_and_often_enough_counts():
    sample = panel("0000.", "00..0", "00?00", "01110")
    assert dynamics_profile(sample, None).rows["n"].tolist() == [2] * 4  # the third and the fourth
    assert dynamics_profile(sample, None, least=3).rows["n"].tolist() == [3] * 4
    assert dynamics_profile(sample, None, at=2021).rows["n"].tolist() == [2] * 4  # the first and the last


def test_a_bridged_wave_counts_as_one_in_the_state():
    assert shares(dynamics_profile(panel("01.10", "00000"), None))["chronic"] == 0.5
    assert shares(dynamics_profile(panel("01.10", "00000"), None, gap=0))["recurrent"] == 0.5


# --- laws
@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("01", min_size=6, max_size=6), min_size=1, max_size=20), st.integers(1, 5))
def test_the_shares_add_up_and_never_is_never(histories, short):
    found = shares(dynamics_profile(panel(*histories), None, short=short))
    assert sum(found.values()) == pytest.approx(1)
    assert found["never"] == pytest.approx(np.mean([history == "000000" for history in histories]))
    assert found["chronic"] == pytest.approx(np.mean(["1" * (short + 1) in history for history in histories]))


def test_it_is_the_mean_of_flags_of_the_last_wave():
    rng = np.random.default_rng(4)
    histories = ["".join(row) for row in rng.choice(["0", "1"], (90, 5))]
    sample = panel(*histories, psu=(np.arange(90) // 6).tolist(), weight=rng.uniform(1, 3, 90).tolist())
    found = dynamics_profile(sample, Design("weight", psu="psu")).rows.set_index("dynamics")
    last = sample[sample["year"] == 2022].assign(never=[float("1" not in history) for history in histories])
    wanted = mean(last, Design("weight", psu="psu"), "never").rows.iloc[0]
    assert found.loc["never", ["estimate", "se"]].tolist() == pytest.approx(wanted[["estimate", "se"]].tolist())


# --- on the planted survey
def test_the_planted_survey_knows_all_four(demo_store):
    surveys = survey.load("2025", "990000", store=demo_store)
    grade = rules.grade(surveys.panel, rules.load("2025"))
    poor = grade.isin(["deep", "relative", "accident"]).astype(float).where(grade.notna())
    found = dynamics_profile(surveys.panel.assign(in_hardship=poor), surveys.design())
    assert found.rows["estimate"].sum() == pytest.approx(1)
    assert shares(found)["never"] > 0.8  # most members never were in hardship
    assert (found.rows["estimate"] > 0).all()


def test_long_spells_of_the_register(demo_store):
    surveys = survey.load("2025", "990000", store=demo_store)
    history = dossier_spells(surveys.dossiers, until="2025-12-31")
    found = long_spells(history, "2025-12-31", by="recorded_grade", margins=True)
    rows = found.rows[found.rows["recorded_grade"].eq("all")].set_index("longer_than")
    running = history[history["right_censored"]]
    assert rows["n"].tolist() == [len(running)] * 2
    assert rows.loc["3", "estimate"] == pytest.approx((running["length"] > 3).mean())
    assert rows.loc["5", "estimate"] < rows.loc["3", "estimate"] < 1
    assert found.base == "R"
    assert rows["se"].tolist() == [0, 0]


def test_long_stays_of_the_survey_are_near_those_of_the_register(demo_store):
    surveys = survey.load("2025", "990000", store=demo_store)
    history = dossier_spells(surveys.dossiers, until="2025-12-31")
    found = person_years(surveys.panel, history, until="2025-12-31")
    last = long_stays(found, surveys.design(), by="year").rows.query("year == '2025'").set_index("longer_than")
    register = long_spells(history, "2025-12-31").rows.set_index("longer_than")
    assert last["n"].tolist() == [(found["year"].eq(2025) & found["position"].eq("on_file")).sum()] * 2
    for limit in ("3", "5"):
        assert abs(last.loc[limit, "estimate"] - register.loc[limit, "estimate"]) < 4 * last.loc[limit, "se"] + 0.05


def test_a_spell_that_ended_that_day_no_longer_runs():
    files = pd.DataFrame(
        {"start": pd.to_datetime(["2018-05-01"] * 2), "end": pd.to_datetime(["2024-12-31", "2025-01-01"])}
    )
    assert long_spells(files, "2024-12-31", years=[3]).rows["n"].tolist() == [1]
    assert long_spells(files, "2018-04-30", years=[3]).rows["n"].tolist() == [0]


# --- edges and errors
def test_nobody_seen_often_enough_is_empty():
    rows = dynamics_profile(panel("0", "1"), None).rows
    assert rows["flag"].eq("empty").all()
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("sample", "options", "key"),
    [
        (panel("0110").assign(year=2020), {}, "relapse.twice"),
        (panel("0110").assign(in_hardship=3), {}, "relapse.state"),
        (panel("0110"), {"at": 2030}, "poverty.no_wave"),
        (panel("0110"), {"short": 0}, "estimate.option"),
        (panel("0110"), {"least": 0}, "estimate.option"),
        (panel("0110"), {"interval": "log"}, "estimate.option"),
    ],
)
def test_wrong_panels_are_refused(sample, options, key):
    with pytest.raises(Problem) as error:
        dynamics_profile(sample, None, **options)
    assert error.value.key == key


def test_notes_in_both_languages():
    for key in ("relapse_dynamics_profile", "relapse_long_spells", "relapse_long_stays"):
        assert method(key, "zh") != method(key, "en")
