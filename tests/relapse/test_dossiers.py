"""Spells on file: by hand, against the register's own figures, on the planted survey, laws, errors."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aidlib import survey
from aidlib.reference import Problem
from aidlib.relapse import dossier_spells


def files(*rows: tuple) -> pd.DataFrame:
    """Filings: household, opened, closed or None, reason, number, former number."""
    table = pd.DataFrame([(*row, *[None] * (6 - len(row))) for row in rows])
    table.columns = ["household_id", "opened", "closed", "close_reason", "dossier_id", "previous_dossier_id"]
    return table.assign(opened=pd.to_datetime(table["opened"]), closed=pd.to_datetime(table["closed"]))


TWICE = files(
    ("a", "2019-05-01", "2020-05-01", "economic", "D1"),
    ("a", "2022-05-01", None, None, "D1"),
    ("b", "2018-01-01", "2019-01-01", "death", "D2"),
)


# --- by hand
def test_exit_and_return_by_hand():
    found = dossier_spells(TWICE, until="2023-05-01")
    assert found["household_id"].tolist() == ["a", "a", "b"]
    assert found["spell"].tolist() == [1, 2, 1]
    assert found["exit"].tolist() == ["economic", "", "death"]
    assert found["right_censored"].tolist() == [False, True, False]
    assert found["length"].tolist() == pytest.approx([366 / 365.25, 365 / 365.25, 365 / 365.25])
    assert found["previous_exit"].tolist() == ["", "economic", ""]
    assert found["days_away"].tolist()[1] == 730
    assert found["returned"].tolist() == [False, True, False]


def test_only_an_economic_exit_can_be_returned_from():
    for reason in ("supported", "death", "administrative"):
        found = dossier_spells(TWICE.assign(close_reason=TWICE["close_reason"].replace("economic", reason)))
        assert found["previous_exit"].tolist()[1] == reason
        assert not found["returned"].any()


def test_the_register_as_it_was_known_on_an_earlier_day():
    found = dossier_spells(TWICE, until="2019-06-01")
    assert found["exit"].tolist() == ["", "death"]
    assert found["length"].tolist()[0] == pytest.approx(31 / 365.25)
    pd.testing.assert_frame_equal(dossier_spells(TWICE), dossier_spells(TWICE, until="2022-05-01"))


def test_delayed_entry_where_the_register_begins_late():
    found = dossier_spells(TWICE, since="2019-11-01", until="2023-01-01")
    assert found["entered"].tolist()[:2] == pytest.approx([184 / 365.25, 0])
    assert np.isnan(found["entered"].tolist()[2])  # over before: never under observation


def test_nothing_is_observed_of_a_spell_that_begins_on_the_last_day():
    found = dossier_spells(TWICE, until="2022-05-01")
    assert found["length"].tolist()[1] == 0
    assert np.isnan(found["entered"].tolist()[1])
    short = dossier_spells(files(("a", "2020-01-01", "2020-01-01", "economic")), until="2021-01-01")
    assert (short["length"].item(), short["entered"].item()) == (0.5 / 365.25, 0)


def test_a_file_opened_again_soon_is_the_same_spell():
    found = dossier_spells(TWICE, bridge_months=25, until="2026-01-01")
    assert found.loc[found["household_id"] == "a", ["spell", "files", "right_censored"]].values.tolist() == [
        [1, 2, True]
    ]
    assert len(dossier_spells(TWICE, bridge_months=24, until="2026-01-01")) == 3  # 24 months are not sooner than 24


def test_the_last_months_are_not_yet_certain_under_the_months_rule():
    one = files(("a", "2019-01-01", "2020-01-01", "economic"), ("b", "2019-01-01", "2019-03-01", "economic"))
    found = dossier_spells(one, bridge_months=6, until="2020-05-01")
    assert found["exit"].tolist() == ["", "economic"]
    assert found["length"].tolist() == pytest.approx([304 / 365.25, 59 / 365.25])  # under observation to 2019-11-01
    assert dossier_spells(one, bridge_months=4, until="2020-05-01")["exit"].tolist() == ["economic", "economic"]


def test_a_file_opened_on_the_day_the_last_one_closed_is_the_same_spell():
    found = dossier_spells(
        files(("a", "2019-01-01", "2020-01-01", "administrative"), ("a", "2020-01-01", "2021-01-01", "economic"))
    )
    assert found[["files", "exit"]].values.tolist() == [[2, "economic"]]


def test_former_numbers_renumbering_split_and_merger():
    found = dossier_spells(
        files(
            ("a", "2019-01-01", "2020-01-01", "economic", "D1"),
            ("a", "2021-01-01", None, None, "D1R", "D1"),  # opened again under a new number
            ("b", "2018-01-01", None, None, "D9R", "D9"),  # its old file ended before the register begins
            ("c", "2022-01-01", None, None, "D3", "D1R"),  # split off from household a
            ("e", "2020-01-01", "2021-06-01", "administrative", "D5"),  # taken over by d
            ("d", "2015-01-01", None, None, "D4", "D5"),
        )
    ).set_index(["household_id", "spell"])
    assert found["renumbered"].to_dict() == {
        ("a", 1): False, ("a", 2): True, ("b", 1): True, ("c", 1): False, ("d", 1): False, ("e", 1): False
    }  # fmt: skip
    assert found["returned"][found["returned"]].index.tolist() == [("a", 2), ("b", 1)]
    assert found["split_from"].dropna().to_dict() == {("c", 1): "a"}
    assert found["merged_into"].dropna().to_dict() == {("e", 1): "d"}


def test_dates_need_not_be_sorted_and_numbers_need_not_be_there():
    shuffled = TWICE.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(dossier_spells(shuffled), dossier_spells(TWICE))
    bare = dossier_spells(TWICE[["household_id", "opened", "closed", "close_reason"]])
    assert bare["exit"].tolist() == dossier_spells(TWICE)["exit"].tolist()


# --- on the planted survey
def test_it_counts_what_the_register_counts(demo_store):
    surveys = survey.load("2025", "990000", store=demo_store)
    found = dossier_spells(surveys.dossiers, until="2025-12-31")
    for year in range(2019, 2026):
        rows = survey.flow(surveys.dossiers, year).rows.set_index("component")["estimate"]
        began = found[found["start"].dt.year.eq(year)]
        assert began["returned"].sum() == rows.get("returned", 0)
        assert (~began["returned"]).sum() == rows["new"]
        assert (found["exit"].eq("economic") & found["end"].dt.year.eq(year)).sum() == rows["left"]
        assert (found["exit"].eq("supported") & found["end"].dt.year.eq(year)).sum() == rows.get("supported", 0)
    assert found["right_censored"].sum() == rows["closing"]


def test_splits_mergers_and_renumbering_are_those_planted(demo_store):
    truth = json.loads((demo_store.parent / "raw.truth.json").read_text())["register"]
    found = dossier_spells(survey.load("2025", "990000", store=demo_store).dossiers, until="2025-12-31")
    split = found.loc[found["split_from"].notna(), "start"].dt.year.value_counts()
    merged = found.loc[found["merged_into"].notna(), "end"].dt.year.value_counts()
    lost = truth["filings"] - found["files"].sum()  # a few rows of the export cannot be read
    assert lost <= 5
    assert abs(split.sum() - sum(truth["split"].values())) <= lost
    assert abs(merged.sum() - sum(truth["merged"].values())) <= lost
    assert abs(found["renumbered"].sum() - truth["renumbered"]) <= lost
    assert split.sum() > 0
    assert found.loc[found["merged_into"].notna(), "exit"].eq("administrative").all()


# --- laws
@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 900), min_size=2, max_size=12, unique=True), st.integers(0, 24))
def test_bridging_only_ever_joins(days, months):
    moments = pd.Timestamp("2019-01-01") + pd.to_timedelta(sorted(days), unit="D")
    pairs = list(zip(moments[::2], moments[1::2], strict=False))
    register = files(*[("a", one, other, "economic") for one, other in pairs])
    plain = dossier_spells(register, until="2026-01-01")
    bridged = dossier_spells(register, until="2026-01-01", bridge_months=months)
    assert bridged["files"].sum() == len(plain) == len(pairs)
    assert set(bridged["start"]) <= set(plain["start"])
    assert set(bridged["end"]) <= set(plain["end"])
    gaps = bridged["start"].iloc[1:].to_numpy() - bridged["end"].iloc[:-1].to_numpy()
    assert all(gaps >= np.timedelta64(28 * months, "D"))


# --- errors
@pytest.mark.parametrize(
    ("register", "options", "key"),
    [
        (TWICE.drop(columns="opened"), {}, "estimate.no_column"),
        (TWICE.assign(opened="2019-01-01"), {}, "relapse.not_dates"),
        (TWICE.assign(household_id=None), {}, "relapse.missing"),
        (TWICE.assign(opened=pd.NaT), {}, "relapse.missing"),
        (files(("a", "2020-01-02", "2020-01-01", "economic")), {}, "relapse.backwards"),
        (files(("a", "2020-01-01", "2021-01-01", None)), {}, "relapse.no_reason"),
        (files(("a", "2020-01-01", "2021-01-01", "rich")), {}, "relapse.reason"),
        (files(("a", "2020-01-01", "2022-01-01", "economic"), ("a", "2021-01-01", None)), {}, "relapse.overlap"),
        (files(("a", "2020-01-01", None), ("a", "2021-01-01", None)), {}, "relapse.overlap"),
        (TWICE, {"bridge_months": -1}, "estimate.option"),
        (TWICE, {"bridge_months": 1.5}, "estimate.option"),
        (TWICE, {"until": "soon"}, "relapse.not_day"),
        (TWICE, {"since": pd.NaT}, "relapse.not_day"),
    ],
)
def test_wrong_registers_are_refused(register, options, key):
    with pytest.raises(Problem) as error:
        dossier_spells(register, **options)
    assert error.value.key == key
    assert error.value.text("zh") != error.value.text("en")


def test_an_empty_register_has_no_spells():
    found = dossier_spells(TWICE.head(0), since="2019-01-01", bridge_months=6)
    assert len(found) == 0
    assert list(found) == list(dossier_spells(TWICE))
