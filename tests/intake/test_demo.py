"""The demonstration survey comes through the import as its sealed truth says: every planted row by its reason."""

import json

import pandas as pd
import pytest

from aidlib.store import Store

STEPS = ["accepted", "quarantined", "duplicates", "non_data"]


@pytest.fixture(scope="module")
def store(demo_store) -> Store:
    return Store.open(demo_store)


@pytest.fixture(scope="module")
def truth(demo_store) -> dict:
    return json.loads((demo_store.parent / "raw.truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def planted(truth) -> dict[str, int]:
    return {name: dirt["count"] for name, dirt in truth["dirt"].items()}


def test_every_row_is_accounted_for(store):
    account = store.account()
    assert (account["read"] == account[STEPS].sum(axis=1)).all()
    accepted = account.groupby("table")["accepted"].sum()
    assert {name: len(store.read(name)) for name in accepted.index} == accepted.to_dict()


def test_what_must_be_quarantined_is_and_nothing_else(store, planted):
    failed = store.checks().groupby("check")["failed"].sum()
    reasons = {"rounded": "id_float", "check_digit": "id_check", "date": "date_impossible",
               "closed_before_opened": "closed_first"}  # fmt: skip
    found = {dirt: int(failed.get(reason, 0)) for reason, dirt in reasons.items()}
    assert found == {dirt: planted.get(dirt, 0) for dirt in reasons.values()}
    assert store.account()["quarantined"].sum() <= sum(found.values())
    assert not {"bad_id", "code", "lunar", "number", "range", "required"} & set(failed[failed > 0].index)


def test_households_met_twice_are_duplicates(store, planted):
    twice = sum(planted.get(name, 0) for name in ("twice_listed", "two_years", "spouse_file"))
    assert store.account()["duplicates"].sum() == twice


def test_dates_written_short_are_flagged(store, planted):
    failed = store.checks().groupby("check")["failed"].sum()
    assert failed["doubtful_date"] == planted["date_short"]
    assert failed["interview_year"] == 0  # serials of 1904 were told by the wave


def test_contradicting_figures_are_flagged(store, planted):
    failed = store.checks().groupby("check")["failed"].sum()
    for check, dirt in {
        "unit_wan": "unit_wan",
        "unit_year": "unit_year",
        "size": "size",
        "income_sum": "income_sum",
    }.items():
        assert failed[check] >= 0.9 * planted[dirt], check
    assert failed["aid_after_closing"] >= planted["aid_after_closing"]
    assert failed["copied_interviews"] >= 0.6 * planted.get("copied_interview", 0)


def test_no_words_are_left_unknown(store):
    assert not store.checks()["check"].str.startswith("unknown_word").any()


def test_no_canary_is_in_the_store(store, truth):
    files = [p for p in store.path.rglob("*") if p.is_file()]
    text = "".join(
        pd.read_parquet(p).to_csv() if p.suffix == ".parquet" else p.read_text(encoding="utf-8") for p in files
    )
    words = [
        str(v) for person in truth["canaries"] for v in (person.values() if isinstance(person, dict) else [person])
    ]
    assert words
    assert [word for word in words if len(word) > 2 and word in text] == []
