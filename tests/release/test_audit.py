"""The attacker must be able to win: against tables that are not protected, or not protected together."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aidlib import estimate, poverty, release
from aidlib.release import Register
from aidlib.report import Content
from tests.release.samples import (
    CENSUS,
    PROVINCE,
    SURVEY,
    by_hand,
    census,
    chapter,
    counted,
    population,
    published,
    settled,
)

COUNTS = {("990100", "deep"): 30, ("990100", "relative"): 4, ("990200", "deep"): 35, ("990200", "relative"): 22}


def withhold(content: Content, **rows: list[int]) -> Content:
    """``content`` with these rows of its results withheld, and nothing else done."""
    items = []
    for item in content.items:
        table = item.estimates.rows.copy()
        chosen = rows.get(item.key, [])
        table.loc[chosen, ["estimate", "se", "low", "high", "n", "df"]] = np.nan
        table.loc[chosen, "flag"] = "suppressed"
        items.append(replace(item, estimates=replace(item.estimates, rows=table)))
    return replace(content, items=tuple(items))


def where(content: Content, key: str, **values: str) -> list[int]:
    """Rows of a result with these values."""
    table = content.entries()[key].estimates.rows
    return table.index[np.logical_and.reduce([table[c] == v for c, v in values.items()])].tolist()


def attack(*contents: Content, **editions: Content):
    everything = {PROVINCE: list(contents)} | {region.strip("_"): [content] for region, content in editions.items()}
    return release.audit(published(everything))


def test_a_cell_withheld_alone_is_the_total_minus_the_rest():
    content = chapter(PROVINCE, on_file=counted(census(COUNTS)))
    found = attack(withhold(content, on_file=where(content, "on_file", region="990100", grade="relative"))).broken
    assert set(found["quantity"]) >= {"n"}
    assert found.loc[found["quantity"] == "n", ["low", "high", "verdict"]].values.tolist() == [[4.0, 4.0, "exact"]]


def test_two_cells_that_cannot_both_be_large_are_seen():
    counts = COUNTS | {("990100", "accident"): 5}
    content = chapter(PROVINCE, on_file=counted(census(counts)))
    rows = where(content, "on_file", region="990100", grade="relative")
    rows += where(content, "on_file", region="990100", grade="accident")
    columns = where(content, "on_file", region="990200", grade="relative") + where(
        content, "on_file", region="all", grade="relative"
    )
    broken = attack(withhold(content, on_file=rows + columns)).broken
    assert len(broken)


def test_a_city_edition_gives_away_what_the_province_withholds():
    frame = census(COUNTS)
    province = chapter(PROVINCE, on_file=counted(frame))
    city = chapter("990100", on_file=counted(frame[frame["region"] == "990100"]))
    small = {"region": "990100", "grade": "relative"}
    closed = [
        *where(province, "on_file", **small),
        *where(province, "on_file", region="990200", grade="relative"),
        *where(province, "on_file", region="990100", grade="deep"),
        *where(province, "on_file", region="990200", grade="deep"),
    ]
    found = attack(withhold(province, on_file=closed), _990100=city).broken
    assert ((found["quantity"] == "n") & (found["low"] == 4) & (found["high"] == 4)).any()


def test_a_category_withheld_alone_is_one_minus_the_rest():
    result = estimate.proportion(population(3), SURVEY, "cause_main", by="grade", base="M")
    content = chapter(PROVINCE, cause=result)
    found = attack(withhold(content, cause=[0])).broken
    true = result.rows.loc[0, "estimate"] * result.rows.loc[0, "n"]
    count = found[found["quantity"] == "count"]
    assert count["verdict"].tolist() == ["exact"]
    assert count["low"].iloc[0] == pytest.approx(true)


def test_plain_shares_give_counts_and_counts_add_up():
    frame = population(3)
    result = estimate.mean(frame, CENSUS, "poor", by="region", margins=True, base="R")
    content = chapter(PROVINCE, poor=result)
    found = attack(withhold(content, poor=[1])).broken
    count = found[found["quantity"] == "count"]
    assert (count["low"].iloc[0], count["verdict"].iloc[0]) == (pytest.approx(result.rows.loc[1, "count"]), "exact")


def test_a_total_withheld_alone_is_known():
    lines = [{"region": r, "estimate": e, "n": 20.0} for r, e in (("990100", 1e3), ("990200", 2e3), ("all", 3e3))]
    result = by_hand(
        [{"measure": "total"} | line for line in lines],
        domains=["region"],
        unit="yuan",
        additive=True,
        margins=((2, (0, 1)),),
    )
    found = attack(withhold(chapter(PROVINCE, gap=result), gap=[0])).broken
    assert found.loc[found["quantity"] == "total", ["low", "high"]].values.tolist() == [[1000.0, 1000.0]]


def test_the_same_tables_protected_hold(tmp_path):
    frame = population(3)
    results = {
        "on_file": counted(frame),
        "poor": estimate.mean(frame, CENSUS, "poor", by="region", margins=True, base="R"),
        "cause": estimate.proportion(frame, SURVEY, "cause_main", by="grade", base="M"),
    }
    safe = settled({PROVINCE: [chapter(PROVINCE, **results)]}, Register(tmp_path / "r.jsonl"))
    findings = release.audit(published(safe))
    assert len(findings.intervals)
    assert findings.broken.empty


def test_a_table_that_contradicts_itself_is_told():
    lines = [("990100", 1e3, 20.0), ("990200", 2e3, 20.0), ("all", 1.5e3, 40.0)]
    result = by_hand(
        [{"measure": "total", "region": r, "estimate": e, "n": n} for r, e, n in lines],
        domains=["region"],
        unit="yuan",
        additive=True,
        margins=((2, (0, 1)),),
    )
    found = attack(withhold(chapter(PROVINCE, gap=result), gap=[0]))
    assert found.contradictory[["entry", "position", "quantity"]].values.tolist() == [["gap", 0, "total"]]


def test_a_city_without_anyone_in_a_category_contradicts_nothing():
    """It has no row for the category, but its households are among those of the province that do not belong to it."""
    frame = population(3)
    frame = frame[~((frame["region"] == "990100") & (frame["cause_main"] == "1"))]
    editions = {}
    for region in (PROVINCE, *sorted(frame["region"].unique())):
        each = frame if region == PROVINCE else frame[frame["region"] == region]
        editions[region] = chapter(region, cause=estimate.proportion(each, CENSUS, "cause_main", by="grade", base="M"))
    closed = {region: withhold(content, cause=[0, 1]) for region, content in editions.items()}
    found = release.audit(published({region: [content] for region, content in closed.items()}))
    assert len(found.intervals)
    assert found.contradictory.empty


def test_the_dust_of_sums_contradicts_nothing():
    """Totals of ten million that add up to within a millionth, with a zero beside them."""
    lines = [("990100", 0.0, 20.0), ("990200", 7e6, 20.0), ("990300", 4e6, 20.0), ("all", 11e6 - 2e-7, 60.0)]
    result = by_hand(
        [{"measure": "total", "region": r, "estimate": e, "n": n} for r, e, n in lines],
        domains=["region"],
        unit="yuan",
        additive=True,
        margins=((3, (0, 1, 2)),),
    )
    found = attack(withhold(chapter(PROVINCE, gap=result), gap=[0]))
    assert found.contradictory.empty
    assert len(found.intervals)


def test_what_is_told_of_the_poor_tells_a_withheld_indicator():
    """A contribution, M0 and the weight that the other indicators tell; then only M0 less all others."""
    rng = np.random.default_rng(3)
    frame = census({(PROVINCE, "deep"): 200})
    names = ["income", "health", "work", "living"]
    frame = frame.assign(**{name: rng.binomial(1, 0.4, 200) for name in names})
    table = poverty.alkire_foster(frame, CENSUS, {name: [name] for name in names}, k=0.5, base="M")
    content = chapter(PROVINCE, table=table)
    censored = where(content, "table", component="censored", indicator="work")
    count = table.rows.loc[censored[0], "count"]
    contribution = where(content, "table", component="contribution", indicator="work")
    for rows in (censored, censored + contribution):
        found = attack(withhold(content, table=rows)).broken.query("quantity == 'count' and position == @censored[0]")
        assert found["low"].tolist() == pytest.approx([count])
        assert found["verdict"].tolist() == ["exact"]


def test_a_figure_of_a_place_is_a_component_of_its_flow():
    counts = {"all": 92, "left": 30, "closing": 61, "supported": 1}
    flow = by_hand(
        [
            {"region": region, "component": k, "estimate": v * size, "n": v * size, "measure": "count"}
            for region, size in (("990100", 1.0), ("990200", 20.0), ("990300", 30.0))
            for k, v in counts.items()
        ],
        domains=["region", "component"],
        unit="households",
        kind="change",
        base="R",
        margins=tuple((at, (at + 1, at + 2, at + 3)) for at in (0, 4, 8)),
    )
    board = by_hand(
        [
            {"region": row["region"], "figure": "left", "estimate": row["n"], "n": row["n"], "measure": "count"}
            for _, row in flow.rows[flow.rows["component"] == "left"].iterrows()
        ],
        domains=["region"],
        keys=["figure"],
        base="R",
        additive=True,
    )
    found = attack(withhold(chapter(PROVINCE, flow=flow, board=board), flow=[1, 3])).broken
    assert found.query("quantity == 'n' and position == 3")["low"].tolist() == [1.0]


def test_categories_of_one_variable_among_several_add_up():
    lines = {"sex=male": 70, "sex=female": 50, "school=primary": 59, "school=senior": 60, "school=college": 1}
    rows = [
        {"group": k, "frame": frame, "estimate": v / 120, "n": 120.0, "measure": "proportion"}
        for frame in ("on_file", "other")
        for k, v in lines.items()
    ]
    shares = by_hand(rows, domains=["group", "frame"], unit="share")
    found = attack(withhold(chapter(PROVINCE, shares=shares, again=shares), shares=[4], again=[4])).broken
    assert found.query("quantity == 'count'")["low"].round(6).tolist() == [1.0, 1.0]


def test_nothing_withheld_is_nothing_to_find():
    assert attack(chapter(PROVINCE, on_file=counted(census(COUNTS)))).intervals.empty
    assert release.audit({}).intervals.empty


def test_the_attacker_shares_no_code_with_the_protection():
    folder = Path(release.__file__).parent
    own = {"aidlib", "aidlib.release.attack", "aidlib.release.scores"}
    for name in ("audit.py", "attack.py", "scores.py"):
        tree = ast.parse((folder / name).read_text(encoding="utf-8"))
        used = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        assert {module for module in used if module.startswith("aidlib")} <= own
