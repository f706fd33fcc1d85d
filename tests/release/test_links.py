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


def test_figures_by_place_repeat_the_components_of_a_flow(register):
    """One household supported; those who left stand beside other figures of the place in another chapter."""
    counts = {"opening": 40, "new": 52, "left": 30, "closing": 61, "supported": 1, "all": 92}
    flow = by_hand(
        [{"component": k, "estimate": float(v), "n": float(v), "measure": "count"} for k, v in counts.items()],
        domains=["component"],
        unit="households",
        kind="change",
        base="R",
        margins=((5, (0, 1)), (5, (2, 3, 4))),
    )
    told = {"new": 52.0, "left": 30.0, "on_file": 61.0}
    lines = [{"region": PROVINCE, "figure": k, "estimate": v, "n": v, "measure": "count"} for k, v in told.items()]
    board = by_hand(lines, domains=["region"], keys=["figure"], base="R", additive=True)
    safe = settled({PROVINCE: [chapter(PROVINCE, flow=flow, board=board)]}, register)
    known = rows(safe, "flow").set_index("component")["n"]
    known = known.fillna(rows(safe, "board").set_index("figure")["n"])
    assert np.isnan(known["supported"])
    assert np.isnan(known["all"] - known["left"] - known["closing"])


def deprived(seed, size):
    """Households with five indicators of deprivation, of which one is rare."""
    rng = np.random.default_rng(seed)
    frame = census({(PROVINCE, "deep"): size})
    chances = {"income": 0.5, "health": 0.4, "work": 0.3, "living": 0.4, "housing": 0.06}
    return frame.assign(**{name: rng.binomial(1, chance, size) for name, chance in chances.items()}), list(chances)


@pytest.mark.parametrize("seed", range(4))
def test_contributions_tell_the_censored_headcounts(tmp_path, seed):
    """contribution × M0 over the weight of the indicator is the share that is deprived in it and poor."""
    frame, names = deprived(seed, 120)
    table = poverty.alkire_foster(frame, CENSUS, {name: [name] for name in names}, k=0.4, base="M")
    safe = rows(settled({PROVINCE: [chapter(PROVINCE, table=table)]}, Register(tmp_path / "register")), "table")
    exact = table.rows.set_index(["component", "indicator"])["count"]["censored"]
    found = safe.set_index(["component", "indicator"])["estimate"]
    assert exact.between(1, 9).any()
    worked_out = found["censored"].fillna(found["contribution"] * found["M0", "all"] * len(names))
    assert worked_out[exact.between(1, 9)].isna().all()
    assert worked_out.isna().sum() > 1 or np.isnan(found["M0", "all"]), "M0 less the others is the last"


def test_that_nobody_is_multidimensionally_poor_stays_open_in_a_small_group(register):
    frame = census({(PROVINCE, "deep"): 40}).assign(low=0, ill=np.arange(40) % 2, old=np.arange(40) % 4 == 0)
    frame["old"] = frame["old"].astype(int)
    table = poverty.alkire_foster(frame, CENSUS, {c: [c] for c in ("low", "ill", "old")}, k=1, base="M")
    safe = rows(settled({PROVINCE: [chapter(PROVINCE, table=table)]}, register), "table")
    about = safe[safe["component"].isin(["H", "M0", "A", "contribution"])]
    assert about[["estimate", "n"]].isna().all(axis=None)


def test_a_gap_of_nobody_stays_open_in_a_small_group(register):
    frame = one_city({("990100", "deep"): 60})
    gap = poverty.fgt(frame, CENSUS, "income", line=50.0, alpha=1, base="M")
    assert rows(settled({PROVINCE: [chapter(PROVINCE, gap=gap)]}, register), "gap")["estimate"].isna().all()


def test_categories_of_several_variables_in_one_column_add_up_by_variable(register):
    """Shares of sexes and of schooling under one another: the one who studied is not all less the others."""
    sizes = {"sex=male": 70, "sex=female": 50, "school=primary": 59, "school=senior": 60, "school=college": 1}
    lines = [
        {"group": k, "frame": frame, "estimate": v / 120, "n": 120.0, "count": float(v), "measure": "proportion"}
        for k, v in sizes.items()
        for frame in ("on_file", "other")
    ]
    shares = by_hand(lines, domains=["group", "frame"], unit="share")
    rest = pd.Series(sizes).mul(2.0)
    whole = by_hand([{"group": k, "estimate": 5.0, "n": v} for k, v in rest.items()], domains=["group"])
    safe = settled({PROVINCE: [chapter(PROVINCE, shares=shares, whole=whole)]}, register)
    found = rows(safe, "shares").query("frame == 'other'").set_index("group")["estimate"]
    assert np.isnan(found["school=college"])
    assert found.filter(like="school").isna().sum() > 1
    other = rows(safe, "shares").query("frame == 'on_file'").set_index("group")["estimate"]
    n = rows(safe, "whole").set_index("group")["n"]
    assert (n - other)[found.isna()].isna().all(), "nor the n of all in the category less the other group"


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
