"""Cleaning of single cells: each rule by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aidlib.intake.clean import unit_factor
from aidlib.intake.codes import clean_codes, clean_flags, clean_many
from aidlib.intake.dates import clean_dates
from aidlib.intake.numbers import chinese_number, clean_numbers


def cells(*values: str | None) -> pd.Series:
    return pd.Series(list(values), dtype="str")


NUMBERS = {
    "1500": 1500, "１５００": 1500, " 1 500 ": 1500, "约1500": 1500, "1500左右": 1500, "800元/月": 800, "1.2万": 12000,
    "1.2万元": 12000, "3千": 3000, "1,500.00": 1500, "￥800": 800, "¥800元": 800, "45%": 0.45, "一千五百": 1500,
    "壹仟伍佰元": 1500, "三万二": 32000, "两万零五": 20005, "一千五": 1500, "十二": 12, "一百零八": 108, "-200": -200,
    "1e3": 1000, "无": 0, "0": 0, "9600元/年": 800, "85平方米": 85, "3人": 3, "'1500": 1500,
}  # fmt: skip


@pytest.mark.parametrize(("written", "value"), NUMBERS.items())
def test_numbers(written, value):
    found = clean_numbers(cells(written), unit="yuan/month")
    assert found.value[0] == pytest.approx(value, rel=1e-12)
    assert not found.bad[0]
    assert found.missing.isna()[0]


@pytest.mark.parametrize(
    ("written", "kind"),
    {"—": "not_applicable", "/": "not_applicable", "－": "not_applicable", "不详": "unknown", "未知": "unknown",
     "N/A": "unknown", "拒答": "refused", "未询问": "not_asked", "不 详": "unknown"}.items(),
)  # fmt: skip
def test_kinds_of_no_value_are_kept_apart(written, kind):
    for found in (clean_numbers(cells(written)), clean_dates(cells(written)), clean_codes(cells(written), "cause")):
        assert found.missing[0] == kind
        assert found.value.isna()[0]
        assert not found.bad[0]


@pytest.mark.parametrize("written", ["abc", "inf", "nan", "1500-2000", "1.2.3", "千元", "0x10", "=1+1", "约"])
def test_what_is_no_number_is_bad(written):
    found = clean_numbers(cells(written))
    assert found.bad[0]
    assert math.isnan(found.value[0])


def test_a_blank_is_neither_bad_nor_a_stated_kind():
    for found in (clean_numbers(cells(None)), clean_dates(cells(None)), clean_codes(cells(None), "cause")):
        assert not found.bad[0]
        assert found.missing.isna()[0]
        assert found.value.isna()[0]


def test_a_month_in_a_yearly_column_is_twelvefold():
    assert clean_numbers(cells("800元/月"), unit="yuan/year").value[0] == 9600


@pytest.mark.parametrize(
    ("stated", "unit", "factor"),
    [("万元", "yuan/year", 1e4), ("元/年", "yuan/month", 1 / 12), ("元/月", "yuan/year", 12),
     ("万元/年", "yuan/month", 1e4 / 12),     ("元", "yuan", 1), ("千元", "yuan/year", 1e3)],
)  # fmt: skip
def test_units_of_headings(stated, unit, factor):
    assert unit_factor(stated, unit) == pytest.approx(factor)


def test_a_cells_own_scale_beats_the_headings():
    assert clean_numbers(cells("3.6", "1.2万"), factor=1e4).value.tolist() == [36000, 12000]


def test_chinese_numerals_up_to_a_million():
    assert chinese_number("一百二十万零三百") == 1_200_300
    assert chinese_number("二〇") != 20  # digits in a row are no numeral of this kind
    assert math.isnan(chinese_number("张三"))


DATES = {
    "2019.3": "2019-03-01", "2019.03.01": "2019-03-01", "2019年3月": "2019-03-01", "2019年3月5日": "2019-03-05",
    "201903": "2019-03-01", "20190305": "2019-03-05", "43525": "2019-03-01", "43525.5": "2019-03-01",
    "2019/3/5": "2019-03-05",
    "2019-3-1 0:00:00": "2019-03-01", "2019-03-01 00:00:00": "2019-03-01", "２０１９年３月": "2019-03-01",
    "二〇一九年十二月": "2019-12-01", "2024-02-29": "2024-02-29", "2024-07-30T15:50:17+0200": "2024-07-30 13:50:17",
}  # fmt: skip


@pytest.mark.parametrize(("written", "day"), DATES.items())
def test_dates(written, day):
    found = clean_dates(cells(written))
    assert found.value[0].floor("s") == pd.Timestamp(day)
    assert not found.bad[0]
    assert not found.doubtful[0]


@pytest.mark.parametrize(
    ("written", "day"), {"19.3": "2019-03-01", "98年5月": "1998-05-01", "2019年": "2019-01-01"}.items()
)
def test_dates_by_a_guess_are_flagged(written, day):
    found = clean_dates(cells(written))
    assert found.value[0] == pd.Timestamp(day)
    assert found.doubtful[0]


@pytest.mark.parametrize("written", ["2019-02-30", "2019-13", "农历三月初五", "昨天", "99999999", "0", "2019.3.45"])
def test_impossible_dates_are_bad(written):
    found = clean_dates(cells(written))
    assert found.bad[0]
    assert pd.isna(found.value[0])


def test_serials_of_1904_are_told_by_the_workbook_or_by_the_wave():
    assert clean_dates(cells("42063"), epoch_1904=True).value[0] == pd.Timestamp("2019-03-01")
    year = pd.Series([2019.0, 2015.0])
    assert clean_dates(cells("42063", "42063"), year=year).value.tolist() == [
        pd.Timestamp("2019-03-01"),
        pd.Timestamp("2015-02-28"),
    ]


@pytest.mark.parametrize(
    ("written", "code"),
    {"6": "illness", "6.0": "illness", "6.患重特大疾病": "illness", "患病": "illness", "患 病": "illness",
     "Illness": None, "Serious illness": "illness", "９": "schooling", "10": "other"}.items(),
)  # fmt: skip
def test_codes(written, code):
    found = clean_codes(cells(written), "cause")
    assert (found.value[0] if code else found.bad[0]) == (code or (found.value.isna()[0]))


def test_old_category_words_and_short_places():
    assert clean_codes(cells("低保户", "深度困难职工", "无"), "grade").value.tolist() == ["deep", "deep", "none"]
    places = clean_codes(cells("甲", "甲市", "990100", "甲一县", "山东"), "region").value
    assert places.tolist() == ["990100", "990100", "990100", "990101", "370000"]


def test_the_sources_own_words_come_first_and_may_name_a_kind_of_missing():
    found = clean_codes(cells("M", "pnta"), "sex", {"M": "male", "pnta": "refused"})
    assert found.value[0] == "male"
    assert found.missing[1] == "refused"
    assert clean_codes(cells("no"), "response", {"no": "refused"}).value[0] == "refused"  # a code of that list


@pytest.mark.parametrize(
    ("written", "codes"),
    {"6,9": "illness;schooling", "患病、子女上学": "illness;schooling", "6.患重特大疾病": "illness",
     "6 9": "illness;schooling",
     "6.患重特大疾病、9.子女上学": "illness;schooling", "９；６": "schooling;illness", "6,6": "illness", "无": "none",
     "下岗/患病": "laid_off;illness"}.items(),
)  # fmt: skip
def test_several_codes_in_a_cell(written, codes):
    found = clean_many(cells(written), "cause")
    assert found.value[0] == codes
    assert not found.bad[0]


def test_one_unknown_word_among_several_makes_the_cell_bad():
    found = clean_many(cells("患病、某某"), "cause")
    assert found.bad[0]
    assert found.value.isna()[0]


def test_flags_and_ticks():
    found = clean_flags(cells("√", "✓", "■", "是", "有", "1", "1.0", "true", "□", "否", "无", "0", "没有"))
    assert found.value.tolist() == [1.0] * 8 + [0.0] * 5


@given(st.lists(st.one_of(st.none(), st.text(max_size=12)), max_size=30))
@settings(max_examples=60, deadline=None)
def test_every_cell_is_a_value_a_kind_of_missing_bad_or_blank(texts):
    text = cells(*texts)
    for found in (clean_numbers(text), clean_dates(text), clean_codes(text, "cause"), clean_many(text, "wish")):
        states = found.value.notna().astype(int) + found.missing.notna().astype(int) + found.bad.astype(int)
        blank = (
            text.fillna("")
            .str.normalize("NFKC")
            .str.replace(r"[\s\u200b\ufeff]+", "", regex=True)
            .str.lstrip("'‘`")
            .eq("")
        )
        assert (states <= 1).all()
        assert ((states == 1) | blank | text.isna() | text.fillna("").str.strip("、,;/|，；和及 ").eq("")).all()


@given(st.floats(-1e9, 1e9, allow_nan=False))
def test_plain_numbers_come_back_exactly(number):
    assert clean_numbers(cells(repr(number))).value[0] == number


def test_cleaning_leaves_the_input_as_it_was():
    text = cells("约1500", None)
    clean_numbers(text)
    assert text.tolist()[0] == "约1500"
    assert text.isna().tolist() == [False, True]
    assert np.isnan(clean_numbers(text).value[1])


def test_cities_are_known_by_short_and_long_names():
    """A name that two places share is nobody's, but a province's comes before its capital city's."""
    wanted = {
        "青岛": "370200", "山东省青岛市": "370200", "山东青岛": "370200", "Qingdao": "370200", "恩施州": "422800",
        "北京朝阳区": "110105", "吉林": "220000", "吉林市": "220200", "内蒙古": "150000",
    }  # fmt: skip
    found = clean_codes(pd.Series([*wanted, "朝阳区"]), "region")
    assert found.value.tolist()[:-1] == list(wanted.values())
    assert found.bad.tolist() == [False] * len(wanted) + [True]
