"""Satisfaction, wishes and words: by hand, laws, edges, errors."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aidlib import rules, survey
from aidlib.estimate import Design, mean, proportion
from aidlib.reference import Problem, codes, heading, label, method
from aidlib.wellbeing import (
    Words,
    agreement,
    coded,
    low_satisfaction,
    many_codes,
    pressure_bands,
    satisfaction,
    screened,
    to_check,
    wish_ranks,
    wishes,
)

DESIGN = Design(weight="w", psu="psu")
RULES = Path(__file__).parents[2] / "data" / "rules"


@pytest.fixture
def sample() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    words = [*codes("satisfaction"), None]
    return pd.DataFrame(
        {
            "satisfied_amount": pd.Series(rng.choice(words, 400), dtype="str"),
            "satisfied_speed": pd.Series(rng.choice(words[:3], 400), dtype="str"),
            "wishes": pd.Series(rng.choice(["living", "living;job", "job;living", "none", None], 400), dtype="str"),
            "phq2": rng.integers(0, 7, 400).astype(float),
            "group": rng.choice(["a", "b"], 400),
            "w": rng.uniform(1, 3, 400),
            "psu": np.arange(400) // 10,
        }
    )


# --- by hand
def test_satisfaction_by_hand():
    answers = ["very_satisfied", "satisfied", "neutral", "dissatisfied", "dont_know", None]
    sample = pd.DataFrame({"satisfied_amount": answers, "w": [1.0, 2, 3, 4, 10, 50]})
    rows = satisfaction(sample, Design(weight="w"), ["satisfied_amount"]).rows.set_index("rating")
    assert rows["estimate"].to_dict() == pytest.approx(
        {"satisfied": 0.3, "neutral": 0.3, "dissatisfied": 0.4, "net": -0.1, "dont_know": 0.5}
    )
    assert rows["n"].to_dict() == {"satisfied": 4, "neutral": 4, "dissatisfied": 4, "net": 4, "dont_know": 5}
    assert rows["count"].to_dict() == {"satisfied": 2, "neutral": 1, "dissatisfied": 1, "net": 3, "dont_know": 1}


def test_wishes_by_hand():
    sample = pd.DataFrame({"wishes": ["living;job", "job", "none", None]})
    shares = wishes(sample, None).rows.set_index("wish")
    assert (shares.loc["living", "estimate"], shares.loc["job", "estimate"]) == pytest.approx((1 / 3, 2 / 3))
    assert shares["n"].tolist() == [3] * len(codes("wish"))
    ranks = wish_ranks(sample, None).rows.set_index("wish")
    assert (ranks.loc["living", "estimate"], ranks.loc["job", "estimate"]) == (1, 1.5)
    assert ranks.loc["legal", "flag"] == "empty"


def test_screening_and_low_satisfaction_by_hand():
    sample = pd.DataFrame({"phq2": [0.0, 2, 3, 6, np.nan], "life_satisfaction": [4.0, 5, 0, 10, np.nan]})
    assert screened(sample, None).rows[["estimate", "n", "count"]].values.tolist() == [[0.5, 4, 2]]
    assert low_satisfaction(sample, None).rows[["estimate", "n", "count"]].values.tolist() == [[0.5, 4, 2]]


def test_work_is_told_by_bands_of_pressure():
    sample = pd.DataFrame({"pressure": [1.0, 2, 2.9, 4.5, np.nan], "days_absent": [0.0, 1, 2, 5, 9]})
    banded = sample.assign(pressure_band=pressure_bands(sample["pressure"]))
    rows = mean(banded, None, "days_absent", by="pressure_band").rows
    assert rows.set_index("pressure_band")["estimate"].to_dict() == {"below_2": 0, "from_2": 1.5, "from_4": 5}
    assert label("pressure_band", "from_4", "zh") == "压力4分及以上"
    assert heading("pressure_band", "en") == "Band of pressure"


def test_kappa_of_cohens_table():
    """Two coders: 20 both, 5 and 10 alone, 15 neither: agreement 0.7, by chance 0.5, kappa 0.4."""
    other = ["job"] * 20 + ["none"] * 5 + ["job"] * 10 + ["none"] * 15
    sample = pd.DataFrame({"one": ["job"] * 25 + ["none"] * 25, "other": other})
    rows = agreement(sample, None, "one", "other").rows.set_index("statistic")
    assert rows.loc["agreed", "estimate"] == pytest.approx(0.7)
    assert rows.loc["kappa", "estimate"] == pytest.approx(0.4)
    # Fleiss, Cohen & Everitt (1969): p_i(1 - (a + b)(1 - k))² …; here the exact large-sample error
    pa, pb, k, pe = 0.5, 0.6, 0.4, 0.5
    inside = sum(p * (1 - (a + b) * (1 - k)) ** 2 for p, a, b in ((0.4, pa, pb), (0.3, 1 - pa, 1 - pb)))
    outside = (1 - k) ** 2 * (0.1 * (pb + 1 - pa) ** 2 + 0.2 * (pa + 1 - pb) ** 2)
    variance = (inside + outside - (k - pe * (1 - k)) ** 2) / (50 * (1 - pe) ** 2)
    assert rows.loc["kappa", "se"] == pytest.approx(np.sqrt(variance * 50 / 49))


def test_words_are_found_in_texts():
    words = Words.read()
    texts = pd.Series(["希望提高 补助标准，孩子能受教育", "介绍工作", "谢谢", "", None, "ＬＩＶＩＮＧ ａｉｄ"])
    found = coded(texts, words)
    assert found[:3].tolist() == ["living;schooling", "job", "other"]
    assert found[3:5].isna().all() and found[5] == "living"


# --- laws
def test_opinions_add_up_and_the_net_share_is_their_difference(sample):
    rows = satisfaction(sample, DESIGN, ["satisfied_amount"], by="group").rows
    for _, each in rows.groupby("group"):
        share = each.set_index("rating")["estimate"]
        assert share[["satisfied", "neutral", "dissatisfied"]].sum() == pytest.approx(1)
        assert share["net"] == pytest.approx(share["satisfied"] - share["dissatisfied"])


def test_shares_are_those_of_flags(sample):
    rows = satisfaction(sample, DESIGN, ["satisfied_amount", "satisfied_speed"]).rows.set_index(["aspect", "rating"])
    asked = sample["satisfied_amount"]
    flag = asked.isin(["very_satisfied", "satisfied"]).where(asked.notna() & asked.ne("dont_know"))
    score = flag.astype(float) - asked.isin(["dissatisfied", "very_dissatisfied"]).where(flag.notna()).astype(float)
    ignorant = asked.eq("dont_know").where(asked.notna()).astype(float)
    for rating, wanted in (
        ("satisfied", proportion(sample.assign(f=flag.astype(float)), DESIGN, "f")),
        ("net", mean(sample.assign(f=score), DESIGN, "f")),
        ("dont_know", proportion(sample.assign(f=ignorant), DESIGN, "f")),
    ):
        same = ["estimate", "se", "low", "high", "n", "df"]
        found = rows.loc[("satisfied_amount", rating), same].tolist()
        assert found == pytest.approx(wanted.rows[same].iloc[0].tolist())
    named = sample["wishes"].str.contains("job").where(sample["wishes"].notna()).astype(float)
    wanted = proportion(sample.assign(f=named), DESIGN, "f").rows
    found = wishes(sample, DESIGN).rows.set_index("wish")
    assert found.loc["job", ["estimate", "se"]].tolist() == pytest.approx(wanted[["estimate", "se"]].iloc[0].tolist())


def test_equal_codings_agree_wholly(sample):
    rows = agreement(sample, DESIGN, "wishes", "wishes", by="group").rows
    assert rows["estimate"].tolist() == pytest.approx([1.0] * 8)
    assert rows["se"].tolist() == pytest.approx([0.0] * 8, abs=1e-12)


def test_the_sample_to_check_is_drawn_anew_alike():
    texts = pd.DataFrame({"text": ["a", None] * 50})
    drawn = to_check(texts, "text", 20)
    assert len(drawn) == 20 and drawn["text"].notna().all() and drawn.index.is_monotonic_increasing
    assert drawn.index.equals(to_check(texts, "text", 20).index)


def test_planted_shares_are_found(demo_store):
    found = survey.load("2025", "990000", demo_store)
    panel = found.panel
    rows = satisfaction(panel, found.design()).rows.set_index(["aspect", "rating"])["estimate"]
    inside = satisfaction(panel, found.design()).rows
    planted = {"satisfied": 0.65, "neutral": 0.2, "dissatisfied": 0.15, "net": 0.5, "dont_know": 0.09}
    truth = inside["rating"].map(planted)
    assert ((inside["low"] <= truth) & (truth <= inside["high"])).sum() >= 17  # of 20, at 95 %
    assert rows.index.get_level_values(0).nunique() == 4
    texts = panel["wish_text"].dropna()
    assert coded(texts, Words.read()).isin(["living", "job", "schooling"]).all()


def test_mind_and_hardship_are_found_as_planted(demo_store):
    """PHQ-2 of 3 and more: 9 % of others, 27 % in hardship; life satisfaction in hardship 4.9 (DEMO.md, section 4)."""
    found = survey.load("2025", "990000", demo_store)
    grade = rules.grade(found.panel, rules.load(folder=RULES))
    hard = grade.isin(["deep", "relative", "accident"]).map({True: "hard", False: "other"})
    panel = found.panel.assign(hard=hard.where(found.panel["net_ratio"].notna()))
    rows = screened(panel, found.design(), by="hard").rows.set_index("hard")
    assert rows.loc["other", "low"] < 0.09 < rows.loc["other", "high"]
    assert rows.loc["hard", "low"] < 0.27 < rows.loc["hard", "high"]
    life = mean(panel, found.design(), "life_satisfaction", by="hard").rows.set_index("hard")
    assert life.loc["hard", "low"] < 4.9 < life.loc["hard", "high"]


# --- edges
def test_a_survey_without_the_question_gives_empty_rows():
    sample = pd.DataFrame({"wishes": pd.Series([None, None], dtype="str"), "satisfied_amount": [None, None]})
    assert (wishes(sample, None).rows["flag"] == "empty").all()
    assert (satisfaction(sample, None, ["satisfied_amount"]).rows["flag"] == "empty").all()


def test_codes_of_another_list_are_taken_as_they_come():
    assert wishes(pd.DataFrame({"mine": ["x;y", "y"]}), None, "mine").rows["estimate"].tolist() == [0.5, 1]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_word_of_the_tables_is_told(sample, language):
    for found in (satisfaction(sample, DESIGN, ["satisfied_amount"]), wishes(sample, DESIGN), screened(sample, DESIGN)):
        assert method(found.method, language)
        for key in (*found.keys, "measure"):
            assert all(label(key, value, language) != value for value in found.rows[key]), key
            assert heading(key, language) != key or key == "measure"


# --- errors
def test_strange_words_are_counted_not_shown():
    for call in (
        lambda s: satisfaction(s, None, ["satisfied_amount"]),
        lambda s: wishes(s.rename(columns={"satisfied_amount": "wishes"}), None),
    ):
        with pytest.raises(Problem) as error:
            call(pd.DataFrame({"satisfied_amount": ["张三很满意", "satisfied"]}))
        assert error.value.key == "wellbeing.unknown_code" and "张三" not in str(error.value)


@pytest.mark.parametrize("content", ["job", "job: []", "job: 3", "a: [x", "- a"])
def test_a_wrong_list_of_words_is_refused(tmp_path, content):
    (tmp_path / "words.yml").write_text(content, encoding="utf-8")
    with pytest.raises(Problem) as error:
        Words.read(tmp_path / "words.yml")
    assert error.value.key == "wellbeing.bad_words"
    with pytest.raises(Problem, match="absent"):
        Words.read(tmp_path / "absent.yml")


def test_nothing_coded_is_no_agreement():
    with pytest.raises(Problem) as error:
        agreement(pd.DataFrame({"a": ["none", None], "b": ["none", "none"]}), None, "a", "b")
    assert error.value.key == "wellbeing.nothing_coded"


@given(st.lists(st.lists(st.sampled_from("abcd"), unique=True), max_size=20))
def test_places_tell_the_answers_back(named):
    places = many_codes(pd.Series([";".join(each) for each in named], dtype="str"), list("abcd"))
    order = [["abcd"[c] for c in np.argsort(row)[: np.isfinite(row).sum()]] for row in places]
    assert order == named


def test_unknown_codes_are_refused():
    with pytest.raises(Problem):
        many_codes(pd.Series(["x"], name="wishes"), ["y"])
