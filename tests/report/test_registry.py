"""Names in sentences point to the right row, and to nothing else."""

import numpy as np
import pytest

from aidlib.reference import Problem
from aidlib.report import Absent, Content, Entry, Sentence, fill, fill_content, fill_findings
from tests.report.samples import cities, result, single

CAPTION = {"zh": "表", "en": "Table"}


def content(name="profile", absent=(), **results) -> Content:
    items = [Entry(key, estimates, "table", CAPTION) for key, estimates in results.items()]
    items += [Absent(key, "没有", "none") for key in absent]
    return Content(name, {"zh": "章", "en": "Chapter"}, {"period": "2025", "region": "990100"}, tuple(items))


def told(text: str, *contents: Content, language: str = "en") -> str:
    return fill(Sentence(text, text), contents, language)


WAVES = result(
    [
        {"region": region, "year": year, "multiple": multiple, "estimate": share}
        for region, year, multiple, share in [
            ("990100", "2024", "1.0", 0.01),
            ("990100", "2025", "1.0", 0.02),
            ("990100", "2025", "2.0", 0.04),
            ("990200", "2025", "2.0", 0.09),
        ]
    ],
    domains=("region", "year"),
    keys=("multiple",),
)


# by hand
def test_a_single_row_needs_no_values():
    assert told("{headcount:pct}", content(headcount=single(0.0391))) == "3.9%"


def test_values_select_in_the_order_of_the_columns():
    assert told("{h[990100,2025,2.0]:pct}", content(h=WAVES)) == "4%"
    assert told("{h[990100, 2024, 1]:pct}", content(h=WAVES)) == "1%"


def test_a_parameter_name_stands_for_its_value():
    assert told("{h[region,period,2.0]:pct}", content(h=WAVES)) == "4%"


def test_a_measure_may_be_one_value_more():
    rows = [{"region": "990100", "measure": m, "estimate": v} for m, v in [("mean", 10.0), ("median", 8.0)]]
    income = content(income=result(rows, unit="yuan"))
    assert told("{income[990100,median]:yuan}", income) == "8 yuan"
    with pytest.raises(Problem, match="measure"):
        told("{income[990100]:yuan}", income)


@pytest.mark.parametrize(
    ("change", "df", "en", "zh"),
    [
        (0.0316, 96.0, "rose by 3.2 pp", "上升3.2个百分点"),
        (-0.0316, 96.0, "fell by 3.2 pp", "下降3.2个百分点"),
        (0.0116, 96.0, "shows no change that can be told from sampling error", "没有可与抽样误差区分的变化"),
        (0.0, np.inf, "did not change", "没有变化"),
    ],
)
def test_a_change_is_told_in_words_as_far_as_it_can_be_told(change, df, en, zh):
    moved = result([{"domain": "all", "estimate": change, "df": df}], domains=("domain",), unit="pp", kind="change")
    assert told("{h:moved}", content(h=moved)) == en
    assert told("{h:moved}", content(h=moved), language="zh") == zh


def test_parameters_are_read_as_a_reader_reads_them():
    assert told("{region} {period}", content(h=WAVES)) == "Jia City 2025"
    assert told("{region}{period}年", content(h=WAVES), language="zh") == "甲市2025年"


def test_every_form_is_written():
    one = content(h=single(0.04, n=1234.0, se=0.011))
    assert told("{h:n}|{h:se}|{h:ci}|{h:pp}|{h:num}", one) == "1,234|1.1 pp|95% CI 1.8–6.2%|+4.0 pp|0.040"


def test_the_highest_and_the_lowest_are_named():
    clear = content(h=cities(0.05, 0.20, 0.10))
    assert told("{h.highest:domain} {h.highest:pct}", clear) == "Yi City 20%"
    assert told("{h.lowest:domain}为{h.lowest:pct}", clear, language="zh") == "甲市为5%"


def test_a_rank_within_chosen_values():
    assert told("{h[*,2025,2.0].highest:domain}", content(h=WAVES)) == "Yi City"
    assert told("{h[990100,*,1.0].highest:pct}", content(h=WAVES)) == "2%"


def test_a_single_place_has_no_rank():
    alone = content(h=cities(0.05))
    assert told("{h.highest:domain} {h.highest:pct}", alone) == ""


def test_a_total_is_never_the_highest():
    rows = [{"region": r, "estimate": v} for r, v in [("990100", 10.0), ("990200", 90.0), ("all", 100.0)]]
    assert told("{h.highest:domain}", content(h=result(rows, unit="households"))) == "Yi City"


# the difference of the first two: t test, with their covariance
def test_a_near_tie_is_among_the_highest():
    near = content(h=cities(0.05, 0.10, 0.12))  # 0.02 apart, se 0.0141: t = 1.41
    assert told("{h.highest:domain}", near).startswith("Bing City (among the highest")
    assert "属较高之列" in told("{h.highest:domain}", near, language="zh")
    assert "属较低之列" in told("{h.lowest:domain}", content(h=cities(0.05, 0.06)), language="zh")


def test_covariance_decides_a_paired_difference():
    shared = np.full((3, 3), 0.95e-4) + np.diag([0.05e-4] * 3)  # se of the difference 0.0032: t = 6.3
    assert told("{h.highest:domain}", content(h=cities(0.05, 0.10, 0.12, covariance=shared))) == "Bing City"


def test_complete_counts_differ_unless_equal():
    assert (
        told(
            "{h.highest:domain}",
            content(
                h=result(
                    [{"region": "990100", "estimate": 5.0, "se": 0.0}, {"region": "990200", "estimate": 6.0, "se": 0.0}]
                )
            ),
        )
        == "Yi City"
    )
    assert "among" in told(
        "{h.highest:domain}",
        content(
            h=result(
                [{"region": "990100", "estimate": 6.0, "se": 0.0}, {"region": "990200", "estimate": 6.0, "se": 0.0}]
            )
        ),
    )


# withheld numbers
WITHHELD = result(
    [
        {"region": "990100", "estimate": np.nan, "flag": "suppressed"},
        {"region": "990200", "estimate": 0.2},
        {"region": "990300", "estimate": 0.1},
    ]
)


@pytest.mark.parametrize(
    ("flag", "word"),
    [
        ("suppressed", "too few"),
        ("complementary", "worked out"),
        ("dominance", "one or two"),
        ("quality", "sampling error"),
        ("empty", "no usable"),
        ("", "no usable"),
    ],
)
def test_a_sentence_with_a_withheld_number_gives_the_reason_instead(flag, word):
    hidden = content(h=single(np.nan, flag=flag), other=single())
    text = told("{other:pct} and {h:pct}", hidden)
    assert word in text
    assert "%" not in text


def test_a_known_category_that_nobody_is_in_has_no_number():
    rows = [{"year": year, "grade": "deep", "estimate": 1.0} for year in ("2024", "2025")]
    mix = content(mix=result(rows, domains=("year",), keys=("grade",)))
    assert "no usable" in told("{mix[period,accident]:pct}", mix)
    assert "no usable" in told("{mix[*,accident].highest:domain}", mix)
    with pytest.raises(Problem, match="points to 0"):
        told("{mix[period,acident]:pct}", mix)


def test_only_published_numbers_are_ranked_and_it_says_so():
    assert told("{h.highest:domain}", content(h=WITHHELD)) == "Yi City (among the published figures)"


def test_a_sentence_on_an_absent_result_is_left_out():
    absent = content(absent=["income"])
    assert told("{income:yuan}", absent) == ""
    item = Sentence("收入{income:yuan}", "Income {income:yuan}")
    assert fill_content(Content("c", CAPTION, {}, (*absent.items, item))).items == absent.items


def test_the_same_standard_sentence_is_not_repeated():
    hidden = content(h=single(np.nan, flag="suppressed"))
    said = Sentence("{h:pct}", "{h:pct}")
    filled = fill_content(Content("c", CAPTION, {}, (*hidden.items, said, Sentence("又{h:pct}", "again {h:pct}"))))
    assert len(filled.items) == 2


def test_findings_with_a_withheld_or_absent_number_are_dropped():
    chapters = [content(h=single(0.04), w=single(np.nan, flag="suppressed")), content("aid", absent=["total"])]
    templates = [
        Sentence(f"{{{name}:pct}}", f"it is {{{name}:pct}}") for name in ["profile.h", "profile.w", "aid.total"]
    ]
    assert fill_findings(templates, chapters) == (Sentence("4%", "it is 4%"),)


# errors
@pytest.mark.parametrize(
    "text",
    ["{h}", "{h:percent}", "{h:pct", "h:pct}", "{h.middle:pct}", "{H:pct}", "{}", "{h[a]b:pct}", "{{h:pct}}",
     "{__class__}", "{h.__class__:pct}", "{h!r}"],
)  # fmt: skip
def test_anything_but_a_name_in_braces_is_refused(text):
    with pytest.raises(Problem):
        told(text, content(h=single()))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{hh:pct}", r"profile\.h"),
        ("{aid.h:pct}", r"profile\.h"),
        ("{h:pct}", "points to 4"),
        ("{h[990100]:pct}", "region, year, multiple"),
        ("{h[990100,2023,1.0]:pct}", "points to 0"),
        ("{h[*,2025,2.0]:pct}", "points to 2"),
    ],
)
def test_a_name_that_is_not_one_row_is_refused(text, word):
    with pytest.raises(Problem, match=word):
        told(text, content(h=WAVES))


def test_a_key_in_two_chapters_must_name_its_chapter():
    both = content("profile", h=single(0.1)), content("causes", h=single(0.2))
    with pytest.raises(Problem, match=r"causes\.h"):
        told("{h:pct}", *both)
    assert told("{causes.h:pct}", *both) == "20%"
