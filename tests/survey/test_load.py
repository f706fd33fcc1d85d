"""Tests of survey.load: periods, regions, what a source lacks, and a real survey against figures from R."""

import json
from pathlib import Path

import pandas as pd
import pytest

from aidlib import estimate, poverty, reference, survey
from aidlib.store import Store
from tests.survey.test_derive import household, person

VIETNAM = Path(__file__).parents[3] / "shared" / "data" / "vietnam"


@pytest.fixture
def store(tmp_path) -> Path:
    """Two waves in two cities; one household refused, one filing of 2024 is closed."""
    homes = [
        household(
            household_id=f"{city}{i}", year=year, region=city, stratum=f"s{city}", psu=f"p{i % 3}", response=answer
        )
        for city in ("990100", "990200")
        for i in range(6)
        for year in (2024, 2025)
        for answer in ["refused" if (i, year) == (5, 2025) else "complete"]
    ]
    people = [
        person(person_id=f"x{h['household_id']}", household_id=h["household_id"], region=h["region"]) for h in homes
    ]
    files = [
        {"dossier_id": f"d{i}", "household_id": f"9901000{i}", "region": "990100", "opened": pd.Timestamp(opened)}
        | {"closed": pd.Timestamp(closed) if closed else pd.NaT, "close_reason": "economic" if closed else None}
        for i, (opened, closed) in enumerate([("2023-03-01", "2024-05-01"), ("2024-02-01", None), ("2026-01-15", None)])
    ]
    tables = {"households": pd.DataFrame(homes), "dossiers": pd.DataFrame(files)}
    tables["members"] = pd.DataFrame(people).drop_duplicates(["person_id", "year"])
    Store(tmp_path / "store").add(
        tables,
        files=[],
        account=pd.DataFrame(),
        checks=pd.DataFrame(columns=["check", "region", "rows", "failed"]),
        source="test",
        demo=False,
    )
    return tmp_path / "store"


def test_a_survey_knows_its_last_wave_and_its_panel(store):
    found = survey.load("2025", "990000", store)
    assert found.waves == [2024, 2025]
    assert (len(found.households), len(found.panel), len(found.visits)) == (10, 22, 24)
    assert set(found.households["response"]) == {"complete"}


def test_a_period_sees_only_what_came_before_its_end(store):
    assert survey.load("2024", "990000", store).waves == [2024]
    assert len(survey.load("2025", "990000", store).dossiers) == 2
    assert len(survey.load("2026-01", "990000", store).dossiers) == 3


def test_a_city_reads_its_own_rows_and_the_province_all(store):
    assert set(survey.load("2025", "990100", store).households["region"]) == {"990100"}
    assert len(survey.load("2025", "000000", store).households) == 10


def test_a_place_without_data_is_an_empty_survey_with_every_column(store):
    empty = survey.load("2025", "991300", store)
    assert len(empty.households) == 0
    assert {c.name for c in reference.dictionary().tables["households"].columns.values()} <= set(empty.households)


def test_columns_that_a_source_lacks_are_missing_not_absent(store):
    found = survey.load("2025", "990000", store).households
    assert found["life_satisfaction"].isna().all()
    assert found["wishes"].isna().all()


@pytest.mark.parametrize(
    ("period", "region", "said"), [("20x5", "990000", "Not a period"), ("2025", "123456", "Unknown region")]
)
def test_wrong_words_are_refused(store, period, region, said):
    with pytest.raises(reference.Problem, match=said):
        survey.load(period, region, store)


def test_no_store_is_said_so(tmp_path):
    with pytest.raises(reference.Problem, match="No data store"):
        survey.load("2025", "990000", tmp_path / "nothing")


def test_the_flow_of_files_adds_up(store):
    dossiers = survey.load("2026", "990100", store).dossiers
    rows = survey.flow(dossiers, 2024).rows.set_index("component")["estimate"]
    assert rows[["opening", "new"]].sum() == rows["all"] == 2
    assert rows[["left", "closing"]].sum() == 2


def test_files_open_on_a_day_are_counted(store):
    dossiers = survey.load("2026", "990100", store).dossiers
    counted = {
        day: survey.on_file(dossiers, day).rows["estimate"].item() for day in ("2024-01-31", "2024-12-31", "2026-01-15")
    }
    assert counted == {"2024-01-31": 1, "2024-12-31": 1, "2026-01-15": 2}
    assert (survey.on_file(dossiers, "2024-12-31").rows["se"] == 0).all()


@pytest.mark.skipif(not VIETNAM.is_dir(), reason="the shared data sets are not beside this checkout")
def test_a_real_survey_gives_the_figures_of_r(tmp_path, monkeypatch):
    """Vietnam LSMS 1997/98 by the documented steps; oracle: R survey 4.1.1, per-capita spending, line 1789.871."""
    from aidlib import intake

    monkeypatch.setenv("AIDLIB_KEY_FILE", str(tmp_path / "key"))
    intake.import_files([VIETNAM], source="vietnam", store=tmp_path / "store", project=Path(__file__).parents[2])
    found = survey.load("1998", "000000", tmp_path / "store")
    sample, persons = found.households, found.design("persons")
    expected = json.loads((VIETNAM / "expected.json").read_text(encoding="utf-8"))
    mean = estimate.mean(sample, persons, "income")
    assert mean.unit == "thousand dong/person/year"
    figures = [
        (mean, expected["mean_pce"], "pce"),
        (poverty.fgt(sample, persons, "income", line="line", alpha=0), expected["fgt_person"], "P0"),
        (poverty.fgt(sample, persons, "income", line="line", alpha=1), expected["fgt_person"], "P1"),
    ]
    for ours, r, name in figures:
        row = ours.rows.iloc[0]
        assert row["estimate"] == pytest.approx(r["estimate"][name], rel=1e-8)
        assert row["se"] == pytest.approx(r["se"][name], rel=1e-8)
