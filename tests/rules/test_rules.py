"""Tests of the rules: grades by hand, the order of grades, what is missing, which rule is in force, bad files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aidlib import reference, rules

SHIPPED = Path(__file__).parents[2] / "data" / "rules"


@pytest.fixture
def book():
    return rules.load(on="2025-12-31", area="990100", folder=SHIPPED)


def households(net, line=800.0, income_year=60_000.0, loss=np.nan):
    return pd.DataFrame({"net_income": net, "line": line, "income_year": income_year, "accident_loss_year": loss})


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (799.99, "deep"),
        (800, "relative"),
        (1599.99, "relative"),
        (1600, "near"),
        (1999, "near"),
        (2000, "none"),
        (-50, "deep"),
    ],
)
def test_grades_by_hand(book, net, expected):
    assert rules.grade(households([net]), book).tolist() == [expected]


@pytest.mark.parametrize(
    ("net", "loss", "expected"),
    [(5000, 48_001, "accident"), (5000, 48_000, "none"), (1000, 50_000, "accident"), (700, 50_000, "deep")],
)
def test_deep_comes_before_accident_and_accident_before_relative(book, net, loss, expected):
    assert rules.grade(households([net], loss=[loss]), book).tolist() == [expected]


def test_a_household_without_income_or_line_has_no_grade(book):
    given = rules.grade(
        households([np.nan, 500.0, np.nan], line=[800.0, np.nan, 800.0], loss=[np.nan, np.nan, 59_000]), book
    )
    assert given.isna().tolist() == [True, True, False]
    assert given[2] == "accident"


def test_the_table_is_left_as_it_was(book):
    frame = households([500.0])
    before = frame.copy()
    rules.grade(frame, book)
    pd.testing.assert_frame_equal(frame, before)


def test_the_rule_says_how_sure_it_is(book):
    assert book.certainty == "unverified"
    assert [g.grade for g in book.grades if g.ours] == ["near"]


def write(folder, name, **changes):
    text = (SHIPPED / "national_current.yml").read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old.replace("_", " ") if old not in text else old, new)
    (folder / name).write_text(text, encoding="utf-8")


def test_an_areas_own_rule_comes_before_the_national_one(tmp_path):
    write(tmp_path, "a.yml")
    write(tmp_path, "b.yml", **{'"000000"': '"370000"', "name: national_current": "name: shandong"})
    assert rules.load(on="2024-05-01", area="370200", folder=tmp_path).name == "shandong"
    assert rules.load(on="2024-05-01", area="440300", folder=tmp_path).name == "national_current"


def test_without_a_day_the_newest_rule_is_taken():
    assert rules.load(area="990100", folder=SHIPPED).name == "national_current"


def test_no_rule_in_force_is_a_problem(tmp_path):
    with pytest.raises(reference.Problem, match="in force on 2001-01-01"):
        rules.load(on="2001-01-01", folder=SHIPPED)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("grade: deep", "grade: awful", "unknown grade 'awful'"),
        ("below: 1.0", "under: 1.0", r"unknown condition \['under'\]"),
        ("certainty: unverified", "certainty: sure", "certainty must be one of"),
        ("valid_from: 2018-01-01", "valid_from: soon", "must be a date"),
        ("grades:", "grade_list:", "'grades'"),
    ],
)
def test_a_malformed_file_is_named(tmp_path, old, new, said):
    write(tmp_path, "x.yml", **{old: new})
    with pytest.raises(reference.Problem, match=f"(?s)x.yml.*{said}"):
        rules.load(on="2024-01-01", folder=tmp_path)
