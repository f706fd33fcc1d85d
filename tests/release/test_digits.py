"""How many digits are told: rounding of n, steps of shares, digits of errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aidlib import estimate, release
from aidlib.release import Register
from aidlib.release.digits import rounded_counts, step_of
from tests.release.samples import CENSUS, PROVINCE, SURVEY, by_hand, chapter, counted, population, rows


@pytest.fixture
def register(tmp_path):
    return Register(tmp_path / "register.jsonl")


def told(register, **results):
    return release.protect({PROVINCE: [chapter(PROVINCE, **results)]}, register, report="annual", period="2025")


def test_one_unit_more_changes_a_rounded_count_by_nothing_or_five():
    n = np.tile(np.arange(10.0, 500.0), 40)
    places = pd.Series(np.repeat([f"99{i:04d}" for i in range(40)], 490))
    rounded = rounded_counts(n, places, 5).reshape(40, 490)
    assert set(np.diff(rounded, axis=1).ravel()) <= {0.0, 5.0}
    assert (np.abs(rounded - n.reshape(40, 490)) < 5).all()
    assert (rounded % 5 == 0).all()
    assert len({tuple(row) for row in rounded}) > 1, "places differ in where they round up"
    assert abs((rounded - n.reshape(40, 490)).mean()) < 0.5


@pytest.mark.parametrize(("n", "step"), [(20, 0.02), (145, 0.02), (150, 0.01), (1995, 0.01), (2000, 0.001)])
def test_shares_are_told_in_the_finest_step_that_two_counts_share(n, step):
    assert step_of(np.array([float(n)]), 2).tolist() == [step]


def test_a_plain_share_tells_its_step_and_its_error_no_more(tmp_path):
    """60 of 176 and 62 of 180 look alike: n, share, error and interval."""
    looks = []
    for count, size in ((60, 176), (62, 180)):
        frame = pd.DataFrame({"poor": [1.0] * count + [0.0] * (size - count), "region": PROVINCE})
        result = estimate.proportion(frame, None, "poor", base="M")
        looks.append(result)
    safe = [rows(told(Register(tmp_path / str(i)), poor=result), "poor") for i, result in enumerate(looks)]
    shown = [each[["estimate", "se", "low", "high", "n", "df"]].iloc[0].tolist() for each in safe]
    assert shown[0] == shown[1]
    assert shown[0][0] == pytest.approx(0.34)


def test_no_share_and_n_fit_a_single_count_only():
    """Of all pairs (n, count) that may be shown, at least two look like any one of them.

    Next to the threshold fewer do, because a reader knows that it is kept: there no more than a few may be alone.
    """
    n = np.repeat(np.arange(20.0, 400.0), 400)
    count = np.tile(np.arange(400.0), 380)
    inside = (count >= 10) & (n - count >= 10)
    n, count = n[inside], count[inside]
    rounded = rounded_counts(n, pd.Series(PROVINCE, range(len(n))), 5)
    step = step_of(rounded, 2)
    share = np.clip(np.round(count / n / step), 1, np.round(1 / step) - 1)
    alike = pd.DataFrame({"n": rounded, "share": share, "count": count})
    by = alike.groupby(["n", "share"])["count"]
    found = pd.DataFrame({"counts": by.nunique(), "least": by.min(), "most": by.max()})
    inner = found[(found["least"] > 14) & (found.index.get_level_values("n") - found["most"] > 19)]
    assert len(inner) > 2000
    assert inner["counts"].min() >= 2
    assert (found["counts"] < 2).mean() < 0.01


def test_weighted_numbers_end_at_the_second_digit_of_their_error(register):
    frame = population(5)
    result = estimate.mean(frame, SURVEY, "income", by="region", base="M")
    before, after = result.rows, rows(told(register, income=result), "income")
    shown = after["estimate"].notna()
    grid = 10 ** (np.floor(np.log10(before["se"])) - 1)
    assert shown.any()
    assert ((after["estimate"] - before["estimate"]).abs()[shown] <= grid[shown] / 2 * (1 + 1e-9)).all()
    assert ((after["se"] / grid) % 1)[shown].round(6).isin([0, 1]).all()
    assert (after["low"] <= before["low"] + 1e-9)[shown].all()
    assert (after["high"] >= before["high"] - 1e-9)[shown].all()


def test_figures_about_an_error_do_not_tell_the_exact_n(register):
    """n = effective sample size × design effect."""
    lines = {"cv": 0.251547, "deff": 3.435768, "n_eff": 211 / 3.435768}
    row = {"domain": "all", "se": np.nan, "low": np.nan, "high": np.nan, "n": 211.0}
    result = by_hand([row | {"measure": k, "estimate": v} for k, v in lines.items()], domains=["domain"])
    safe = rows(told(register, precision=result), "precision").set_index("measure")["estimate"]
    assert safe.to_dict() == {"cv": 0.25, "deff": 3.4, "n_eff": 61.0}


def test_the_register_is_told_exactly(register):
    result = counted(population(5))
    before, after = result.rows, rows(told(register, on_file=result), "on_file")
    shown = after["estimate"].notna()
    assert (after["estimate"] == before["estimate"])[shown].all()
    assert (after["n"] == before["n"])[shown].all()


def test_a_weighted_number_of_households_hides_the_weights(register):
    row = {"domain": "all", "measure": "total", "estimate": 123456.0, "se": 9.0, "low": 123400.0, "high": 123500.0}
    result = by_hand([row | {"n": 500.0}], domains=["domain"], unit="households", additive=True)
    safe = rows(told(register, total=result), "total")
    assert safe["estimate"].tolist() == [123000.0]


def test_adding_one_person_changes_what_is_shown_by_nothing_or_five(tmp_path):
    """P5: of any two surveys that differ by one household, an n shown in both differs by 0 or 5."""
    changes = set()
    for seed in range(6):
        frame = population(seed, size=400, cities=3)
        means = [
            estimate.mean(each, CENSUS, "income", by="region", margins=True, base="M")
            for each in (frame, frame.iloc[1:])
        ]
        shown = [rows(told(Register(tmp_path / f"{seed}{i}"), m=each), "m")["n"] for i, each in enumerate(means)]
        changes |= set((shown[0] - shown[1]).dropna())
    assert 0.0 in changes
    assert changes <= {0.0, 5.0}
