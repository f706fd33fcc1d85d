"""Planted truth of the demonstration survey against what the line makes of its raw exports.

The register is complete, so its counts must come out exactly; survey figures must hold the truth in their intervals.
"""

import json
from pathlib import Path

import pandas as pd
import pytest

from aidlib import demo, estimate, intake, poverty, rules, survey

RULES = Path(__file__).parents[1] / "data" / "rules"


@pytest.fixture(scope="module")
def truth(demo_store) -> dict:
    return json.loads((demo_store.parent / "raw.truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found(demo_store) -> survey.Survey:
    return survey.load("2025", "990000", demo_store)


def test_every_row_is_accounted_for(found, truth):
    account = found.account
    parts = account[["accepted", "quarantined", "duplicates", "non_data"]].sum(axis=1)
    assert (account["read"] == parts).all()
    by_file = account.groupby("file")[["read", "accepted", "quarantined", "duplicates", "non_data"]].sum()
    planted = pd.DataFrame(truth["account"]).groupby("file")[by_file.columns.tolist()].sum()
    assert by_file["read"].to_dict() == planted["read"].to_dict()
    assert by_file["non_data"].to_dict() == planted["non_data"].to_dict()


@pytest.mark.parametrize("year", range(2019, 2026))
def test_the_register_comes_out_exactly(found, truth, year):
    """But for the filings that lie in quarantine (closed before opened)."""
    account = found.account
    waiting = account.loc[account["table"].eq("dossiers"), "quarantined"].sum()
    counted = survey.on_file(found.dossiers, f"{year}-12-31").rows["estimate"].item()
    assert abs(counted - truth["register"]["on_file"][str(year)]) <= waiting
    moved = survey.flow(found.dossiers, year).rows.set_index("component")["estimate"].drop("all")
    planted = pd.Series(truth["register"]["flow"][str(year)])[moved.index]
    assert (moved - planted).abs().max() <= waiting


def test_the_headcount_lies_within_its_interval(found, truth):
    """Of eight waves (a panel, so not independent) at most one may miss its 95 % interval."""
    assert misses(found, truth, line=2.0, level="fgt_0[2.0]") <= 1


def test_the_median_of_net_income_in_lines_lies_within_its_interval(found, truth):
    rows = estimate.quantile(found.panel, found.design(), "net_ratio", q=0.5, by="year").rows.set_index("year")
    planted = pd.Series({year: levels["median_r"] for year, levels in truth["levels"].items()})
    inside = (rows["low"] <= planted) & (planted <= rows["high"])
    assert inside.sum() >= 7


def test_the_grades_of_those_on_file_lie_within_their_intervals(found, truth):
    graded = found.panel.assign(grade=rules.grade(found.panel, rules.load(folder=RULES)))
    filed = survey.within(
        graded, graded["frame"].eq("on_file") & graded["grade"].isin(["deep", "relative", "accident"])
    )
    rows = estimate.proportion(filed, found.design(), "grade", by="year", df="domain").rows
    planted = [
        truth["levels"][year]["grade_mix"][grade] for year, grade in zip(rows["year"], rows["grade"], strict=True)
    ]
    inside = (rows["low"] <= planted) & (planted <= rows["high"])
    assert inside.mean() >= 0.85


# --- the default demonstration: 4,000 households, where the line itself has enough households below it
@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[survey.Survey, dict]:
    folder = tmp_path_factory.mktemp("whole")
    demo.write(folder / "raw", preset="default")
    intake.import_files([folder / "raw"], source="demo", store=folder / "store", project=RULES.parents[1])
    truth = json.loads((folder / "raw.truth.json").read_text(encoding="utf-8"))
    return survey.load("2025", "990000", folder / "store"), truth


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "alpha", "level"),
    [
        (1.0, 0, "fgt_0_declared[1.0]"),
        (1.5, 0, "fgt_0[1.5]"),
        (2.0, 0, "fgt_0[2.0]"),
        (1.5, 1, "fgt_1[1.5]"),
        (2.0, 1, "fgt_1[2.0]"),
        (2.0, 2, "fgt_2[2.0]"),
    ],
)
def test_levels_of_the_default_survey_lie_within_their_intervals(whole, line, alpha, level):
    assert misses(*whole, line=line, alpha=alpha, level=level) <= 1


def misses(found: survey.Survey, truth: dict, *, line: float, level: str, alpha: int = 0) -> int:
    """Waves whose 95 % interval of FGT(alpha) does not hold the planted level."""
    rows = poverty.fgt(found.panel, found.design(), "net_ratio", line=line, alpha=alpha, by="year").rows
    planted = rows["year"].map({year: levels[level] for year, levels in truth["levels"].items()})
    return int((~planted.between(rows["low"], rows["high"])).sum())
