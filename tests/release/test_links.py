"""What a skilled reader puts together from tables that do not add up by themselves: each was a hole once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aidlib import estimate, poverty, release
from aidlib.release import Register, links
from aidlib.release.cells import cells
from tests.release.samples import CENSUS, PROVINCE, by_hand, census, chapter, counted, rows, settled

LARGE = {("990100", "deep"): 60, ("990100", "relative"): 55, ("990100", "accident"): 9, ("990100", "near"): 40}


@pytest.fixture
def register(tmp_path):
    return Register(tmp_path / "register.jsonl")


def one_city(sizes):
    """Households of one city by grade, the rich half of them not poor."""
    frame = census(sizes).assign(region=PROVINCE)
    return frame.assign(income=np.linspace(100, 1900, len(frame)), poor=(np.arange(len(frame)) % 2).astype(float))


def test_a_table_by_grade_without_a_total_is_held_against_the_total_elsewhere(register):
    """All households 164, three grades 155: the fourth has 9."""
    frame = one_city(LARGE)
    by_grade = estimate.mean(frame, CENSUS, "income", by="grade", base="M")
    total = estimate.mean(frame, CENSUS, "income", base="M")
    safe = settled({PROVINCE: [chapter(PROVINCE, by_grade=by_grade, total=total)]}, register)
    found = rows(safe, "by_grade").set_index("grade")
    assert found.loc["accident", "flag"] == "suppressed"
    assert (found["flag"] == "complementary").any() or rows(safe, "total")["n"].isna().all()


def test_the_size_of_a_group_is_the_count_of_its_share(register):
    """Shares of grades leave out a few households; the sizes of the other grades stand in another table."""
    frame = one_city(LARGE | {("990100", "none"): 4})
    mix = estimate.proportion(frame, CENSUS, "grade", base="F")
    sizes = estimate.mean(frame[frame["grade"] != "none"], CENSUS, "income", by="grade", base="F")
    safe = settled({PROVINCE: [chapter(PROVINCE, mix=mix, sizes=sizes)]}, register)
    shares, n = rows(safe, "mix").set_index("grade"), rows(safe, "sizes").set_index("grade")["n"]
    total = shares["n"].max()
    known = (shares["estimate"] * total).fillna(n)
    assert known.isna().sum() >= 2, "two grades stay open, so that neither is the total less the others"


def test_kinds_of_households_repeat_the_same_households(register):
    """Each kind is a table of the same grades; a grade hidden under one kind is hidden under all."""
    frame = one_city(LARGE)
    kinds = pd.concat([frame.assign(kind=kind) for kind in ("widowed", "patient", "student")])
    table = estimate.mean(kinds, CENSUS, "income", by=["kind", "grade"], base="M")
    total = estimate.mean(frame, CENSUS, "income", base="M")
    contents = {PROVINCE: [chapter(PROVINCE, table=table, total=total)]}
    units = links.groups(cells(contents, "2025").frame)
    assert len(set(units)) == frame["grade"].nunique() + 1
    safe = settled(contents, register)
    told = rows(safe, "table").groupby("grade")["n"].max()
    assert np.isnan(told["accident"])
    assert told.isna().sum() > 1 or rows(safe, "total")["n"].isna().all()


def test_households_between_two_lines_are_a_small_group_too(register):
    frame = one_city(LARGE)
    lines = {"1.0": 1000.0, "1.5": 1030.0}
    assert frame["income"].between(1000, 1030, inclusive="left").sum() in range(1, 10)
    stacked = estimate.stack(
        {name: poverty.fgt(frame, CENSUS, "income", line=line, base="M") for name, line in lines.items()},
        key="multiple",
    )
    safe = rows(settled({PROVINCE: [chapter(PROVINCE, headcount=stacked)]}, register), "headcount")
    assert safe["estimate"].isna().any()


def test_bands_add_up_to_the_shares_below_a_line_in_another_table(register):
    frame = one_city(LARGE)
    edges = [0, 150, 500, 1000, 2000]
    frame = frame.assign(band=pd.cut(frame["income"], edges, right=False, labels=["00.0", "00.5", "01.0", "01.5"]))
    frame["band"] = frame["band"].astype(str)
    bands = estimate.proportion(frame, CENSUS, "band", base="M")
    below = estimate.stack(
        {str(line): poverty.fgt(frame, CENSUS, "income", line=float(line), base="M") for line in (500, 1000)},
        key="multiple",
    )
    assert bands.rows["count"].iloc[0] < 10
    safe = settled({PROVINCE: [chapter(PROVINCE, bands=bands, below=below)]}, register)
    found, lines = rows(safe, "bands")["estimate"], rows(safe, "below")["estimate"]
    assert np.isnan(lines.iloc[0] - found.iloc[1])


def test_what_a_flow_leaves_is_the_stock(register):
    """Two households left; the stock is told in another table."""
    counts = {"opening": 40, "new": 30, "closing": 68, "supported": 2}
    lines = [{"component": k, "estimate": float(v), "n": float(v)} for k, v in (counts | {"all": 70}).items()]
    flow = by_hand(
        [line | {"measure": "count"} for line in lines],
        domains=["component"],
        unit="households",
        kind="change",
        base="R",
        margins=((4, (0, 1)), (4, (2, 3))),
    )
    stock = counted(census({(PROVINCE, "deep"): 40, (PROVINCE, "relative"): 28}))
    safe = settled({PROVINCE: [chapter(PROVINCE, flow=flow, on_file=stock)]}, register)
    moved = rows(safe, "flow").set_index("component")["n"]
    left = rows(safe, "on_file").set_index(["region", "grade"])["n"]["all", "all"]
    assert np.isnan(moved["supported"])
    assert np.isnan(moved["all"] - np.nanmax([moved["closing"], left]))


def test_groups_that_only_happen_to_be_equal_stay_apart():
    """Two grades of the same size in one place are not the same households."""
    table = counted(census({("990100", "deep"): 30, ("990100", "relative"): 30}))
    frame = cells({PROVINCE: [chapter(PROVINCE, table=table)]}, "2025").frame
    pd.testing.assert_series_equal(links.groups(frame), frame["labels"], check_names=False)


def test_a_city_alone_says_nothing_of_the_rest_of_its_province(tmp_path):
    """In 2025 five households of a grade live elsewhere in the province: the city's 0 poor ones are not theirs."""

    def homes(region, year, near, deep=200):
        frame = census({(region, "near"): near, (region, "deep"): deep}).assign(year=year)
        return frame.assign(poor=(np.arange(len(frame)) % 2 * frame["grade"].eq("deep")).astype(float))

    city = pd.concat([homes("990100", 2024, 60), homes("990100", 2025, 0)])
    both = pd.concat([city, homes("990200", 2024, 60), homes("990200", 2025, 5)])
    contents = {
        region: [chapter(region, poor=estimate.proportion(frame, CENSUS, "poor", by=["grade", "year"], base="M"))]
        for region, frame in ((PROVINCE, both), ("990100", city))
    }
    safe = release.protect(contents, Register(tmp_path / "register"), report="annual", period="2025")
    flags = rows(safe, "poor").set_index(["grade", "year"])["flag"]
    assert flags["near", "2025"] == "suppressed"
