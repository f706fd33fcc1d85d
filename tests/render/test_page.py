"""What a page shows of results with little or nothing to show: no empty charts, no rows without anything."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Estimates
from aidlib.render.page import Block, Page, manifest_lines, page
from aidlib.report import Content, Entry
from tests.display.rows import tidy
from tests.render.documents import GRADES, document, estimates

CAPTION = {"zh": "题名", "en": "Title"}
YEARS = ["2023", "2024", "2025"]


def shown(result: Estimates, chart: str, language: str = "en") -> Block:
    made: Page = page(document((Content("c", CAPTION, {}, (Entry("k", result, chart, CAPTION),)),)), language)
    (block,) = made.chapters[0].blocks
    return block


def without(rows: pd.DataFrame, where: pd.Series, flag: str) -> pd.DataFrame:
    rows = rows.copy()
    rows.loc[where, ["estimate", "se", "low", "high"]] = np.nan
    rows.loc[where, "flag"] = flag
    return rows


@pytest.mark.parametrize("chart", ["dot", "line", "stack", "table"])
def test_a_result_that_is_withheld_or_missing_as_a_whole_is_a_sentence(chart):
    rows = tidy({"year": YEARS, "grade": GRADES}, [0.1] * 9)
    rows = without(without(rows, rows["year"] != "2025", "suppressed"), rows["year"] == "2025", "empty")
    block = shown(estimates(rows, ("grade",), ("year",)), chart)
    assert (block.kind, block.svg, block.grid, block.number) == ("absent", "", None, "")
    assert "Title" in block.text and "too few households, not published; no data" in block.text


def test_a_chart_none_of_whose_own_numbers_is_published_gives_way_to_its_table():
    """Bars of money leave the total to the table: with the total alone published, they would be an empty frame."""
    rows = tidy({"grade": ["all", *GRADES]}, [4e6, 1e6, 2e6, 1e6], se=1e5)
    result = estimates(without(rows, rows["grade"] != "all", "suppressed"), ("grade",), unit="yuan")
    block = shown(result, "bar")
    assert block.kind == "table" and block.svg == "" and block.number == "Table 1"


def test_categories_without_data_are_named_in_the_note_and_nowhere_else():
    rows = tidy({"year": YEARS, "grade": GRADES}, [i / 20 for i in range(1, 10)])
    block = shown(estimates(without(rows, rows["grade"] == "accident", "empty"), ("grade",), ("year",)), "line", "zh")
    assert "意外致困" not in block.svg + block.alternative + "".join(map(str, block.grid.rows))
    assert "没有数据的类别未列出：意外致困" in block.notes


def test_times_and_places_without_data_stay():
    rows = tidy({"year": YEARS, "region": ["990100", "990200"]}, [i / 20 for i in range(1, 7)])
    rows = without(rows, (rows["year"] == "2024") | (rows["region"] == "990200"), "empty")
    block = shown(estimates(rows, ("region",), ("year",)), "table")
    assert {cell for row in block.grid.rows for cell in row} >= {"Yi City", "2024"} and "left out" not in block.notes


def test_a_withheld_row_stays_where_it_says_so():
    rows = tidy({"grade": GRADES}, [0.1, 0.2, 0.3])
    block = shown(estimates(without(rows, rows["grade"] == "deep", "suppressed"), ("grade",)), "table")
    assert len(block.grid.rows) == 3 and "too few households" in block.notes


def test_a_long_table_is_one_line_that_says_where_it_stands():
    rows = tidy({"interviewer": [f"i{n}" for n in range(70)]}, [0.1] * 70)
    block = shown(estimates(rows, ("interviewer",)), "table")
    assert block.kind == "absent" and block.text == "“Title”: 70 figures, in workbook table 1."


def test_the_provenance_tells_the_population_and_what_single_units_count_as():
    manifest = {"survey": {"population": {"zh": "某市会员", "en": "members"}, "lonely_psu": "adjust"}}
    assert manifest_lines(manifest, "zh") == [
        ("调查 · 调查对象", "某市会员"),
        ("调查 · 只有一个初级抽样单位的层", "按其与总体均值之差计入误差"),
    ]
    en = manifest_lines(manifest, "en")
    assert en[1] == ("Survey · Strata with a single PSU", "count with their distance from the mean of the whole")
    assert manifest_lines({"survey": {}}, "en") == []
