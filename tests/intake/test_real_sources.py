"""Two surveys that no one here made, each by its mapping file and the documented call alone."""

import json
from pathlib import Path

import pytest

from aidlib.estimate import mean
from aidlib.intake import import_files
from aidlib.poverty import fgt
from aidlib.store import Store
from aidlib.survey import load

ROOT = Path(__file__).parents[2]
EXACT = 1e-8  # relative; R survey prints more digits than these


@pytest.fixture(scope="module")
def vietnam(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vietnam")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIDLIB_KEY_FILE", str(folder / "key"))
        import_files([shared_data / "vietnam"], "vietnam", folder / "store", project=ROOT)
    return load("1998", store=folder / "store")


@pytest.fixture(scope="module")
def oracle(shared_data):
    return json.loads((shared_data / "vietnam" / "expected.json").read_text(encoding="utf-8"))


def test_vietnam_every_household_is_there_in_its_own_unit(vietnam, oracle):
    assert len(vietnam.households) == oracle["n"]
    assert len(vietnam.households[["stratum", "psu"]].drop_duplicates()) == oracle["communes"]
    assert vietnam.account[["read", "accepted", "non_data"]].to_numpy().tolist() == [[6000, 5999, 1]]
    assert vietnam.manifest["units"]["households.income"] == "thousand dong/person/year"


def test_vietnam_mean_with_its_error_equals_the_oracle(vietnam, oracle):
    row = mean(vietnam.households, vietnam.design("persons"), "income").rows.iloc[0]
    expected = oracle["mean_pce"]
    assert row["estimate"] == pytest.approx(expected["estimate"]["pce"], rel=EXACT)
    assert row["se"] == pytest.approx(expected["se"]["pce"], rel=EXACT)
    assert row["low"] == pytest.approx(expected["ci95_low"]["pce"], rel=EXACT)
    assert row["df"] == oracle["degf"]


@pytest.mark.parametrize(("alpha", "key"), [(0, "P0"), (1, "P1")])
def test_vietnam_headcount_and_gap_with_their_errors_equal_the_oracle(vietnam, oracle, alpha, key):
    row = fgt(vietnam.households, vietnam.design("persons"), "income", line="line", alpha=alpha).rows.iloc[0]
    assert row["estimate"] == pytest.approx(oracle["fgt_person"]["estimate"][key], rel=EXACT)
    assert row["se"] == pytest.approx(oracle["fgt_person"]["se"][key], rel=EXACT)


@pytest.mark.parametrize(("alpha", "key"), [(0, "P0"), (1, "P1"), (2, "P2")])
def test_vietnam_by_stratum_equals_the_oracle(vietnam, oracle, alpha, key):
    found = fgt(vietnam.households, vietnam.design("persons"), "income", line="line", alpha=alpha, by=["stratum"]).rows
    for stratum, estimate, error in zip(found["stratum"], found["estimate"], found["se"], strict=True):
        assert estimate == pytest.approx(oracle["fgt_by_urban"]["estimate"][f"{stratum}:{key}"], rel=EXACT)
        assert error == pytest.approx(oracle["fgt_by_urban"]["se"][f"{stratum}:{key}"], rel=EXACT)


@pytest.fixture(scope="module")
def msna(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("msna")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIDLIB_KEY_FILE", str(folder / "key"))
        made = import_files([shared_data / "msna" / "msna_dummy_raw.xlsx"], "msna", folder / "store", project=ROOT)
    return (
        made,
        Store(folder / "store"),
        json.loads((shared_data / "msna" / "expected.json").read_text(encoding="utf-8")),
    )


def test_msna_all_rows_of_all_five_sheets(msna):
    made, store, expected = msna
    account = made.account.set_index("sheet")
    assert {sheet: account.loc[sheet, "read"] - 1 for sheet in account.index} == {
        sheet: rows for sheet, (rows, _) in expected["sheets"].items()
    }
    assert (account["accepted"] == account["read"] - 1).all()
    assert len(store.read("members")) == expected["roster_rows"]
    assert store.read("households")["members"].sum() == expected["roster_rows_per_household_expected_sum_hh_size"]
    assert expected["duplicate_rows_main"] == account["duplicates"].sum() == 0


def test_msna_broken_times_and_ages_are_counted(msna):
    made, _, expected = msna
    checks = made.checks.set_index("check")
    assert checks.loc["ends_before_start", "failed"] == expected["interviews_ending_before_start"] == 115
    assert checks.loc["over_2_hours", "failed"] == expected["interviews_over_2h"] == 5
    assert checks.loc["respondent_over_100", "failed"] == expected["resp_age"]["over_100"]
    assert checks.loc["age_over_110", "failed"] == expected["roster_age_over_110"]
    assert checks.loc["empty_columns:main", ["rows", "failed"]].tolist() == [
        expected["sheets"]["main"][1],
        expected["main_all_empty_columns"],
    ]


def test_msna_disagreements_of_option_columns_are_counted(msna):
    made, _, expected = msna
    found = made.checks[made.checks["check"].str.startswith("multiple:")].set_index("check")["failed"]
    assert {name.removeprefix("multiple:"): int(failed) for name, failed in found.items()} == {
        name: group["rows_where_text_and_dummies_disagree"] for name, group in expected["select_multiple"].items()
    }
    assert found.sum() == expected["select_multiple_disagreeing_rows_total"]


def test_msna_weights_and_consent(msna):
    _, store, expected = msna
    homes = store.read("households")
    assert homes["weight"].sum() == pytest.approx(expected["weight"]["sum"], rel=1e-12)
    assert homes["response"].value_counts().to_dict() == {"complete": expected["consent"]["yes"]}
    by = homes.groupby("stratum")["weight"].agg(["count", "sum"]).round(9)
    assert by.to_dict("index") == {name: pytest.approx(row) for name, row in expected["weight"]["by_stratum"].items()}
