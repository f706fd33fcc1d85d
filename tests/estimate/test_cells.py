"""The fast paths of the core give what the plain way gives: cells, numbering, largest values, digests, covariances."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, Study, influence
from aidlib.estimate.domains import Members
from aidlib.estimate.influence import Influence
from aidlib.estimate.population import digest
from aidlib.estimate.sampling import codes, numbered, whole_numbers


def pairs(units: int, rows: int, seed: int, *, ordered: bool = False) -> Members:
    row = np.random.default_rng(seed).integers(0, rows, units)
    return Members(np.arange(units), np.sort(row) if ordered else row, rows, whole=True)


@pytest.mark.parametrize("bound", [40, 10**9])
def test_keys_are_numbered_in_their_order_by_counting_and_by_hashing(bound):
    keys = np.random.default_rng(1).integers(0, bound, 500)
    found, distinct = numbered(keys, bound)
    plain, inverse = np.unique(keys, return_inverse=True)
    assert np.array_equal(distinct, plain)
    assert np.array_equal(found, inverse)


@pytest.mark.parametrize("values", [[-3, 5, 5, -3, 0], [10**12, 0, 10**12], ["b", "a", "b"], [2.5, 1.0]], ids=str)
def test_codes_follow_the_order_of_the_values_whatever_their_type(values):
    assert codes(pd.Series(values)).tolist() == np.unique(values, return_inverse=True)[1].tolist()


def test_whole_numbers_leaves_text_and_wide_ranges_to_others():
    assert whole_numbers(pd.Series(["a"])) is None
    assert whole_numbers(pd.Series([0, 10**15])) is None
    number, levels = whole_numbers(pd.Series([7, 5, 7], dtype="int8"))
    assert (number.tolist(), levels.tolist()) == ([1, 0, 1], [5, 7])


@pytest.mark.parametrize("rows", [1, 3, 40])
@pytest.mark.parametrize("groups", [5, 2000])
@pytest.mark.parametrize("nested", [False, True])
def test_cells_are_the_distinct_pairs_and_their_sums(rows, groups, nested):
    members = pairs(6000, rows, 2)
    rng = np.random.default_rng(3)
    group = rng.integers(0, groups, 6000) * rows + (members.row if nested else rng.integers(0, rows, 6000))
    cells = members.cells(group)
    plain, inverse = np.unique(np.stack([group, members.row], axis=1), axis=0, return_inverse=True)
    assert np.array_equal(np.stack([cells.group, cells.row], axis=1), plain)
    assert np.array_equal(cells.of, inverse.ravel())
    assert cells.single == (nested or rows == 1)
    values = rng.normal(size=6000)
    assert np.allclose(cells.sum(values), np.bincount(inverse.ravel(), weights=values), rtol=1e-13)
    expected = pd.Series(group).groupby(members.row).nunique().reindex(range(rows), fill_value=0)
    assert members.distinct(group).tolist() == expected.tolist()


def test_sums_by_long_runs_equal_those_one_by_one():
    values = np.random.default_rng(4).normal(size=20_000)
    members = pairs(20_000, 7, 5, ordered=True)
    assert np.allclose(members.sum(values), np.bincount(members.row, weights=values), rtol=1e-12)


@pytest.mark.parametrize("units", [10, 9000])
def test_the_two_largest_of_many_are_those_of_a_full_sort(units):
    members = pairs(units, 8, 6)
    values = np.random.default_rng(7).normal(size=units).round(1)
    expected = np.zeros((2, 8))
    for row in range(8):
        size = np.sort(np.abs(values[members.row == row]))[::-1]
        expected[:, row] = np.cumsum(np.concatenate([size[:2], np.zeros(2)])[:2]) / size.sum() if len(size) else np.nan
    assert np.allclose(members.largest(values), expected, rtol=1e-13, equal_nan=True)


@pytest.mark.parametrize("by", ["region", "sex", ["region", "sex"]])
@pytest.mark.parametrize("lonely", ["fail", "adjust"])
def test_covariances_from_cells_equal_those_of_the_full_table(by, lonely):
    rng = np.random.default_rng(8)
    stratum = rng.integers(0, 6, 800)
    sample = pd.DataFrame(
        {"stratum": stratum, "psu": stratum * 5 + rng.integers(0, 5, 800), "y": rng.normal(3, 1, 800)}
    )
    sample = sample.assign(region=stratum % 3, sex=rng.choice(["f", "m"], 800))
    if lonely == "adjust":
        sample.loc[sample["stratum"] == 0, "psu"] = 0
    study = Study.of(sample, Design(strata="stratum", psu="psu", lonely_psu=lonely), by=by)
    found = study.total(study.members(), sample["y"].to_numpy()).influence
    plain = Influence(study.sampling, found.values.tocoo())
    assert np.allclose(found.covariance(), plain.covariance(), rtol=1e-11, atol=1e-9)
    assert np.allclose(found.variance(), plain.variance(), rtol=1e-12)
    assert np.array_equal(found.covariance(), found.covariance().T)


COLUMNS = {
    "whole numbers": pd.Series([3, 1, 2, 9]),
    "texts of one length": pd.Series(["ab", "cd", "ef", "gh"]),
    "texts of several lengths": pd.Series(["", "北京的一户人家", "a" * 17, "b"]),
    "texts with a gap": pd.Series(["a", None, "", "b"]),
    "categories": pd.Series(["a", "b", "c", "d"], dtype="category"),
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_equal_sets_of_units_have_equal_digests_and_no_others(column):
    whole = digest([column], None)
    assert digest([column.sample(frac=1, random_state=1)], None) == whole
    assert digest([column], np.ones(4, dtype=bool)) == whole
    parts = [digest([column], np.arange(4) != k) for k in range(4)]
    assert len({whole, *parts}) == 5
    assert digest([column.iloc[1:]], None) == parts[0]


def test_a_unit_is_told_apart_by_all_of_its_columns():
    first, second = pd.Series([1, 2]), pd.Series(["x", "y"])
    assert digest([first, second], None) != digest([first, second.iloc[::-1]], None)
    assert digest([first, second], None) == digest([first.iloc[::-1], second.iloc[::-1]], None)
    assert len(digest([], None)) == 32


def test_covariances_by_pairs_are_those_of_tables_to_the_last_bit(monkeypatch):
    rng = np.random.default_rng(20261124)
    line = np.sort(rng.integers(0, 40, 150))
    column = rng.permutation(60)[np.arange(150) % 60]
    entries = (rng.normal(size=150), line, column, rng.uniform(1, 2, 40), 60)
    by_pairs = influence._crossed(*entries)
    monkeypatch.setattr(influence, "PAIRS", -1)
    by_tables = influence._crossed(*entries)
    assert (by_pairs == by_tables).all()
    assert np.count_nonzero(by_pairs) > 150
