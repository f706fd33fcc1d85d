"""Tidy rows as readers' tables."""

import numpy as np
import pandas as pd
import pytest

from aidlib import display
from tests.display.rows import tidy, withheld

GRADES = ["deep", "relative", "accident"]
SHAPE = {"domains": ("grade",), "keys": (), "unit": "share"}


def test_a_table_has_labels_unit_interval_and_n():
    rows = tidy({"grade": GRADES}, [0.12, 0.3, 0.58])
    zh = display.table(rows, **SHAPE, language="zh")
    assert list(zh.columns)[1:] == ["估计值（%）", "标准误", "95%置信区间", "样本户数"]
    assert zh.iloc[0].tolist() == ["深度困难", "12", "1.0", "10–14", "100"]
    en = display.table(rows, **SHAPE, language="en")
    assert en.iloc[0].tolist() == ["Deep hardship", "12", "1.0", "10–14", "100"]


def test_a_complete_count_has_no_interval():
    zh = display.table(tidy({"grade": GRADES}, [10, 20, 30], se=0.0), **SHAPE | {"unit": "households"}, language="zh")
    assert list(zh.columns)[1:] == ["估计值（户）", "登记数"]


def test_a_count_is_not_repeated_as_its_own_n():
    rows = tidy({"grade": GRADES}, [10, 20, 30], se=0.0, n=[10.0, 20.0, 30.0])
    assert len(display.table(rows, **SHAPE | {"unit": "households"}, language="zh").columns) == 2


def test_every_measure_of_plain_numbers_has_its_own_decimals():
    rows = tidy({"figure": ["income"]}, [0], se=np.nan)
    rows = pd.concat(
        [rows.assign(measure=m, estimate=v) for m, v in [("deff", 1.4567), ("n_eff", 812.4), ("cv", 0.0312)]]
    )
    shown = display.table(rows, domains=("figure",), keys=(), unit="number", language="en")
    assert shown["Estimate"].tolist() == ["1.46", "812", "0.031"]
    assert "95% CI" not in shown


def test_codes_that_look_like_numbers_stay_codes():
    rows = tidy({"age_band": ["35_44", "45_54"]}, [0.1, 0.2])
    shown = display.table(rows, domains=("age_band",), keys=(), unit="share", language="zh")
    assert shown.iloc[:, 0].tolist() == ["35–44岁", "45–54岁"]
    rows = tidy({"net_ratio_band": ["00.50", "01.00"]}, [0.1, 0.2])
    bands = display.table(rows, domains=("net_ratio_band",), keys=(), unit="share", language="zh")
    assert bands.iloc[:, 0].tolist() == ["0.5", "1"]


def test_withheld_and_careful_numbers_are_marked_and_explained():
    rows = withheld(tidy({"grade": GRADES}, [0.12, 0.3, 0.58]), [0])
    rows = withheld(rows, [1], "dominance")
    rows.loc[2, "flag"] = "care"
    shown = display.table(rows, **SHAPE, language="en")
    assert shown["Estimate (%)"].tolist() == ["–a", "–c", "(58)"]
    assert shown["95% CI"].tolist() == ["", "", "56–60"]
    assert shown["n"].tolist() == ["–", "–", "100"]
    notes = " | ".join(display.legend(rows, "en"))
    assert "( ) small sample" in notes and "–a too few" in notes and "–c a few units dominate" in notes


def test_a_missing_number_without_flag_counts_as_empty():
    rows = withheld(tidy({"grade": GRADES}, [0.12, 0.3, 0.58]), [0], "")
    assert display.table(rows, **SHAPE, language="en")["Estimate (%)"].iloc[0] == "–e"
    assert display.legend(rows, "zh") == ["–e 无数据"]


def test_a_long_table_spreads_the_years_over_columns():
    years, regions = ["2022", "2023", "2024", "2025"], [f"99{i:02d}00" for i in range(1, 9)]
    rows = tidy({"region": regions, "year": years}, [i / 100 for i in range(32)], n=np.arange(102.0, 134))
    wide = display.compact(rows, domains=("region",), keys=("year",), unit="share", language="en")
    assert list(wide.columns) == ["Region", "2022 (%)", "2023 (%)", "2024 (%)", "2025 (%)"]
    assert len(wide) == 8
    assert wide.iloc[1, 2] == "5\n3–7\nn 107"
    assert wide.attrs["labels"] == 1 and "95% CI, n" in wide.attrs["note"]


def test_a_common_n_stands_once():
    regions, responses = [f"99{i:02d}00" for i in range(1, 13)], ["complete", "refused"]
    rows = tidy({"region": regions, "response": responses}, [0.9, 0.1] * 12)
    wide = display.compact(withheld(rows, [3]), domains=("region", "response"), keys=(), unit="share", language="en")
    assert list(wide.columns) == ["Region", "Complete (%)", "Refused (%)", "n"]
    assert wide.iloc[0].tolist() == ["Jia City", "90\n88–92", "10\n8–12", "100"]
    assert wide.iloc[1].tolist() == ["Yi City", "90\n88–92", "–a", "100"]


def test_an_n_common_to_a_column_stands_in_its_heading():
    regions, frames = [f"99{i:02d}00" for i in range(1, 13)], ["on_file", "other"]
    rows = tidy({"region": regions, "frame": frames}, [0.91, 0.1] * 12, n=np.tile([109.0, 258.0], 12))
    wide = display.compact(rows, domains=("region", "frame"), keys=(), unit="share", language="en")
    assert list(wide.columns) == ["Region", "On file (%, n 109)", "Other members (%, n 258)"]
    assert "\n" in wide.iloc[0, 1] and "n 109" not in wide.iloc[0, 1]


def test_a_long_unit_stands_once_in_the_note():
    regions, years = [f"99{i:02d}00" for i in range(1, 8)], ["2024", "2025"]
    rows = tidy({"region": regions, "year": years}, [1000.0] * 14, n=np.arange(101.0, 115))
    wide = display.compact(rows, domains=("region",), keys=("year",), unit="yuan/month", language="en")
    assert list(wide.columns) == ["Region", "2024", "2025"]
    assert wide.attrs["note"].startswith("unit: yuan per month; ")


def test_a_short_table_stays_long():
    rows = tidy({"grade": GRADES}, [0.12, 0.3, 0.58])
    pd.testing.assert_frame_equal(
        display.compact(rows, **SHAPE, language="en"), display.table(rows, **SHAPE, language="en")
    )


def test_two_columns_with_one_heading_are_both_kept():
    rows = tidy({"figure": ["a", "b"], "grade": ["deep"]}, [1, 2]).assign(measure=["m", "k"])
    shown = display.table(rows, domains=("figure",), keys=(), unit="number", language="zh")
    assert list(shown.columns)[:2] == ["指标", "指标 · measure"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_alternative_names_highest_and_lowest(language):
    rows = withheld(tidy({"grade": GRADES}, [0.12, 0.3, 0.58]), [0])
    text = display.alternative(rows, **SHAPE, language=language, caption="X")
    assert "58%" in text and "30%" in text and "12%" not in text
    assert ("1个数值未公布" if language == "zh" else "1 not published") in text


def test_the_alternative_of_nothing_says_so():
    rows = withheld(tidy({"grade": GRADES}, [0.12, 0.3, 0.58]), [0, 1, 2])
    assert display.alternative(rows, **SHAPE, language="en", caption="X.") == "X. 3 not published."


def test_the_only_place_and_its_total_are_one_line():
    rows = tidy({"region": ["990100", "all"], "grade": ["deep", "relative"]}, [0.1, 0.2, 0.1, 0.2])
    options = {"domains": ("region",), "keys": ("grade",), "unit": "share", "language": "en"}
    for made in (display.table(rows, **options), display.compact(rows, **options)):
        assert made.iloc[:, 0].tolist() == ["Jia City", "Jia City"] and len(made) == 2
    two = tidy({"region": ["990100", "990200", "all"]}, [0.1, 0.2, 0.15])
    assert len(display.table(two, domains=("region",), keys=(), unit="share", language="en")) == 3


def test_many_columns_of_counts_name_their_unit_once():
    years = [str(year) for year in range(2018, 2026)]
    rows = tidy({"component": ["new", "left"], "year": years}, np.arange(16.0), se=0.0)
    made = display.compact(rows, domains=("component", "year"), keys=(), unit="households", language="en")
    assert made.columns.tolist()[1:9] == years and made.attrs["note"] == "unit: households"
