"""Numbers as readers meet them."""

import math

import pytest

from aidlib import display
from aidlib.display.formats import FORMS, UNITS, digits, standard_error_digits, style_of

BY_HAND = [
    (0.1234, "pct", "share", "12.3%", "12.3%"),
    (0.1234, None, "share", "12.3%", "12.3%"),
    (-0.0123, None, "pp", "−1.2个百分点", "−1.2 pp"),
    (0.0123, "pp", "pp", "+1.2个百分点", "+1.2 pp"),
    (-0.0001, None, "pp", "0.0个百分点", "0.0 pp"),
    (1234.4, "yuan", "yuan", "1,234元", "1,234 yuan"),
    (1234.4, None, "yuan/month", "1,234元/月", "1,234 yuan per month"),
    (12345678, "wan", "yuan", "1,234.6万元", "1,234.6 ten thousand yuan"),
    (12345678, None, "yuan", "1,234.6万元", "1,234.6 ten thousand yuan"),
    (11347, None, "households", "11,347户", "11,347 households"),
    (11347, "int", "households", "11,347", "11,347"),
    (24.6, None, "persons", "25人", "25 persons"),
    (0.3126, None, "ratio", "31.3%", "31.3%"),
    (4.5678, None, "ratio", "4.57", "4.57"),
    (2302.4, None, "thousand dong/year", "2,302 thousand dong/year", "2,302 thousand dong/year"),
    (0.2772, None, "index", "0.277", "0.277"),
    (12.0, None, "rows", "12行", "12 rows"),
    (0.25, None, "rows", "0.2行", "0.2 rows"),
    (4.5678, "num", "ratio", "4.57", "4.57"),
    (98765.4, "num", "number", "98,765", "98,765"),
    (104.27, None, "index", "104.3", "104.3"),
    (2.54, None, "years", "2.5年", "2.5 years"),
    (6.237, None, "points", "6.24分", "6.24 points"),
    (532, "n", "share", "532", "532"),
    (0.01234, "se", "share", "1.2个百分点", "1.2 pp"),
    (0.000996, "se", "share", "0.10个百分点", "0.10 pp"),
    (1234, "se", "households", "1,200户", "1,200 households"),
    ((0.101, 0.145), "ci", "share", "95%置信区间 10.1%–14.5%", "95% CI 10.1–14.5%"),
    ((-0.012, 0.034), "ci", "pp", "95%置信区间 −1.2至+3.4个百分点", "95% CI −1.2 to +3.4 pp"),
    ((900, 1100), "ci", "yuan/month", "95%置信区间 900–1,100元/月", "95% CI 900–1,100 yuan per month"),
    (math.nan, None, "share", "–", "–"),
    ((math.nan, math.nan), "ci", "share", "–", "–"),
]


@pytest.mark.parametrize(("value", "form", "unit", "zh", "en"), BY_HAND)
def test_a_number_is_written_as_by_hand(value, form, unit, zh, en):
    assert display.number(value, form, unit, "zh") == zh
    assert display.number(value, form, unit, "en") == en


@pytest.mark.parametrize("unit", sorted(UNITS))
@pytest.mark.parametrize("value", [0.0, 0.004, 0.5, 7.25, 1234.5, 9.87e7])
def test_both_languages_hold_the_same_digits(unit, value):
    style = style_of(unit, [value])
    shown = digits(value, style)
    assert shown in display.number(value, None, unit, "zh")
    assert shown in display.number(value, None, unit, "en")


def test_a_column_has_one_number_of_decimals():
    style = style_of("number", [0.5, 12.25, math.nan])
    assert [digits(value, style) for value in (0.5, 12.25)] == ["0.5", "12.2"]


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0123, "0.012"), (9.99, "10"), (0.0999, "0.10"), (123.4, "120"), (0, "0"), (98765, "99,000")]
)
def test_a_standard_error_has_two_significant_digits(value, shown):
    assert standard_error_digits(value, FORMS["num"]) == shown


def test_an_unknown_form_is_refused():
    with pytest.raises(KeyError):
        display.number(1.0, "percent", "share", "en")


def test_an_estimate_and_its_interval_have_the_decimals_that_they_carry():
    whole, fine = [0.27, 0.24, 0.3], [0.27, 0.241, 0.3]
    assert display.number(0.27, "pct", "share", "en", whole[1:]) == "27%"
    assert display.number(whole[1:], "ci", "share", "en", [0.27]) == "95% CI 24–30%"
    assert display.number(0.27, "pct", "share", "en", fine[1:]) == "27.0%"
    assert display.number(fine[1:], "ci", "share", "en", [0.27]) == "95% CI 24.1–30.0%"
    assert display.number(2.57e7, None, "yuan/year", "zh", [1.08e7, 4.06e7]) == "2,570万元/年"
    assert display.number(0.27, "pct", "share", "en") == "27.0%"  # alone, nothing says how coarse it is


def test_signed_bounds_are_joined_by_a_word():
    assert display.number((0.01, 0.018), "ci", "pp", "en") == "95% CI +1.0 to +1.8 pp"
    assert display.number((0.01, 0.018), "ci", "pp", "zh") == "95%置信区间 +1.0至+1.8个百分点"
