"""Samples at risk keep their design: by hand, on planted data."""

import pandas as pd
import pytest

from aidlib import relapse, survey

FILES = pd.DataFrame(
    {
        "household_id": ["a", "b"],
        "opened": pd.to_datetime(["2020-05-01", "2018-05-01"]),
        "closed": pd.to_datetime(["2021-06-01", "2019-05-01"]),
        "close_reason": "economic",
    }
)
SEEN = pd.DataFrame(
    {
        "household_id": ["a", "a", "b"],
        "interview_date": pd.to_datetime(["2020-11-01", "2021-11-01", "2020-11-01"]),
        "weight": [2.0, 2.0, 3.0],
        "psu": ["p", "p", "q"],
    }
)


def years() -> pd.DataFrame:
    return relapse.person_years(SEEN, relapse.dossier_spells(FILES, until="2023-12-31"), until="2023-12-31")


def test_those_on_file_by_hand():
    found = relapse.at_risk(years(), "on_file")
    assert found[["ended", "left", "returned"]].iloc[0].tolist() == [1, 1, 0]
    assert found[["entry", "duration"]].iloc[0].tolist() == pytest.approx([184 / 365.25, 396 / 365.25])
    assert found.loc[1:, ["ended", "left", "entry", "event"]].isna().all().all()
    assert found[["household_id", "weight", "psu"]].equals(SEEN[["household_id", "weight", "psu"]])


def test_those_met_after_an_exit_keep_their_design_alone():
    found = relapse.met_on_file(relapse.at_risk(years()))
    assert found["position"].tolist()[:2] == ["on_file", "left"]
    assert found["position"].isna().tolist() == [False, False, True]
    assert found["weight"].tolist() == [2, 2, 3]


def test_the_band_of_income_at_exit():
    exits = pd.DataFrame({"household_id": ["a", "b"], "spell": [1, 1], "exit_ratio": [1.1, None]})
    found = relapse.with_exit_bands(relapse.with_income_at_exit(years(), exits))
    assert found["exit_band"].astype(object).where(found["exit_band"].notna(), "").tolist() == ["below_1_2"] * 2 + [""]


def test_exits_interviewed_in_the_year_before(demo_store):
    found = survey.load("2025", "990000", demo_store)
    spells = relapse.dossier_spells(found.dossiers, until="2025-12-31", since="2018-12-01")
    exits = relapse.known_at_exit(spells, found.panel, found.decisions, until="2025-12-31")
    seen = relapse.interviewed_exits(exits)
    assert 0 < len(seen) < len(exits)
    assert seen["weight"].gt(0).all() and seen["interview_age"].between(0, 366).all()
    assert seen["return_event"].eq("return").equals(seen["returned"].eq(1))


def test_a_model_is_learnt_only_from_enough_exits(demo_store):
    found = survey.load("2025", "990000", demo_store)
    spells = relapse.dossier_spells(found.dossiers, until="2025-12-31", since="2018-12-01")
    exits = relapse.known_at_exit(spells, found.panel, found.decisions, until="2025-12-31")
    assert relapse.learnt(exits, None) is None
    assert relapse.scored(exits, None)["risk"].isna().all()
