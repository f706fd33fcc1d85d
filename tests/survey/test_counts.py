"""Tests of complete counts: files and their flow, the account of rows, rows that fail the checks."""

from itertools import product

import numpy as np
import pandas as pd

from aidlib import survey
from aidlib.display import table
from aidlib.estimate import Design, proportion

DAYS = ["opened", "closed"]
STEPS = ["read", "accepted", "quarantined", "duplicates", "non_data"]


def dossiers(*rows: tuple) -> pd.DataFrame:
    columns = ["dossier_id", "household_id", "region", "opened", "closed", "close_reason", "previous_dossier_id"]
    found = pd.DataFrame(rows, columns=columns)
    return found.assign(**{day: pd.to_datetime(found[day]) for day in DAYS})


FILES = dossiers(
    ("1", "a", "990100", "2021-05-01", None, None, None),
    ("2", "b", "990100", "2021-05-01", "2023-02-01", "economic", None),
    ("2", "b", "990100", "2024-03-01", None, None, None),
    ("3", "c", "990200", "2023-06-01", "2024-07-01", "supported", None),
    ("4", "d", "990200", "2023-12-31", "2024-01-01", "death", None),
)


def flows(found) -> pd.DataFrame:
    return found.rows.set_index([*found.domains])["estimate"]


def test_a_flow_by_year_and_region_by_hand():
    found = flows(survey.flow(FILES, [2023, 2024], by="region"))
    assert found["2023", "990100", "opening"] == 2 and found["2023", "990100", "left"] == 1
    assert found["2024", "990100", "returned"] == 1 and found["2024", "990100", "new"] == 0
    assert found["2024", "990200", "closing"] == 0 and found["2024", "990200", "closed"] == 1
    assert found["2024", "all", "opening"] == 3 and found["2024", "all", "all"] == 4


def test_every_margin_of_a_flow_adds_up():
    rng = np.random.default_rng(1)
    opened = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 3650, 400), unit="D")
    closed = opened + pd.to_timedelta(rng.integers(1, 1500, 400), unit="D")
    reasons = rng.choice(["economic", "supported", "death", "administrative"], 400)
    ids = [f"h{i}" for i in rng.integers(0, 200, 400)]
    names = [f"d{i}" for i in range(400)]
    some = pd.DataFrame(
        {"dossier_id": names, "household_id": ids, "region": rng.choice(["990100", "990200", "990300"], 400)}
    )
    some = some.assign(opened=opened, closed=closed, close_reason=reasons, previous_dossier_id=None)
    for found in (survey.flow(some, 2020), survey.flow(some, range(2015, 2026), by="region")):
        values = found.rows["estimate"]
        assert len(found.margins) >= 2
        assert all(values[total] == values[list(parts)].sum() for total, parts in found.margins)
    moved = flows(survey.flow(some, range(2015, 2026), by="region"))
    years = [str(year) for year in range(2015, 2025)]
    for year, region in product(years, ["all", "990100", "990200", "990300"]):
        assert moved[year, region, "closing"] == moved[str(int(year) + 1), region, "opening"]


def test_the_stock_is_what_the_flow_closes_with():
    held = survey.stock(FILES, [2022, 2023, 2024])
    assert held.groupby("year").size().to_dict() == {2022: 2, 2023: 3, 2024: 2}
    closing = flows(survey.flow(FILES, [2022, 2023, 2024])).xs("closing", level="component")
    assert closing.tolist() == [2, 3, 2]
    share = proportion(held, Design.census(), "region", by="year", base="R").rows
    assert (share["se"] == 0).all() and (share["low"] == share["estimate"]).all()
    assert survey.stock(FILES, []).empty


def test_rows_read_are_all_accounted_for():
    given = {"file": ["x.xlsx", "x.xlsx", "y.csv"], "table": ["households", "households", "aid"], "read": [10, 5, 7]}
    went = {"accepted": [8, 3, 7], "quarantined": [1, 0, 0], "duplicates": [0, 2, 0], "non_data": [1, 0, 0]}
    account = pd.DataFrame(given | went)
    for by in ("kind_of_file", "file"):
        found = survey.rows_account(account, by=[by])
        values = found.rows["estimate"]
        assert found.domains == (by, "went") and len(found.margins) == 2
        assert all(values[total] == values[list(parts)].sum() for total, parts in found.margins)


def account_of(**files: tuple[str, list[int]]) -> pd.DataFrame:
    """file -> (table, [accepted, quarantined, duplicates, non_data])."""
    rows = [[name.replace("_", "-") + ".xlsx", "s", table, sum(went), *went] for name, (table, went) in files.items()]
    return pd.DataFrame(rows, columns=["file", "sheet", "table", *STEPS])


def test_rows_that_came_back_corrected_are_read_once():
    """12 of 100 rows set aside; 9 come back right and 1 as a duplicate, then 1 of the 2 left: 1 still waits."""
    account = account_of(
        a=("households", [85, 12, 0, 3]),
        quarantine_000001=("households", [9, 2, 1, 1]),
        quarantine_000002=("households", [1, 1, 0, 1]),
    )
    found = survey.rows_account(account).rows.set_index("went")["estimate"]
    assert found.to_dict() == {"read": 100, "accepted": 95, "quarantined": 1, "duplicates": 1, "non_data": 3}
    assert len(survey.rows_account(account, by=["file"]).rows) == 15  # the workbooks are files like any other


def test_a_workbook_imported_again_counts_as_it_was_last():
    account = account_of(a=("households", [88, 12, 0, 0]), quarantine_000001=("households", [9, 3, 0, 1]))
    again = account_of(quarantine_000001=("households", [11, 1, 0, 1]))
    found = survey.rows_account(pd.concat([account, again])).rows.set_index("went")["estimate"]
    assert found[["read", "accepted", "quarantined"]].tolist() == [100, 99, 1]
    more = pd.concat([account, again, account_of(quarantine_000002=("households", [3, 0, 0, 1]))])
    found = survey.rows_account(more).rows.set_index("went")["estimate"]  # rows put right twice: none is left
    assert found[["read", "accepted", "quarantined"]].tolist() == [100, 100, 0]


def test_sheets_that_the_mapping_leaves_out_have_a_name():
    found = survey.rows_account(account_of(a=("households", [8, 1, 0, 1]), b=("", [0, 0, 0, 14])))
    cells = table(found.rows, domains=found.domains, keys=found.keys, unit=found.unit, language="zh")
    assert cells.iloc[:, 0].unique().tolist() == ["入户调查", "说明页"]


def test_failures_per_thousand_rows_by_hand():
    checks = pd.DataFrame(
        {"check": ["size", "size", "date"], "region": ["990100", "990200", "990100"], "rows": [1000, 500, 200]}
    ).assign(failed=[2, 1, 0])
    found = survey.check_rates(checks)
    assert found.rows["estimate"].tolist() == [0, 2] and found.rows["n"].tolist() == [200, 1500]
    assert survey.check_rates(checks, by=["region"]).rows["estimate"].tolist() == [2 / 1.2, 2]
    cells = table(found.rows, domains=found.domains, keys=found.keys, unit=found.unit, language="en")
    assert cells.iloc[1, 1:].tolist() == ["2", "1,500"]
