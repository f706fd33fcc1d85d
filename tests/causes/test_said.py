"""What people say: by hand, against R survey, laws, edges, errors, and the demonstration's planted record."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aidlib.causes import combinations, main_cause, recorded_evidence, said
from aidlib.estimate import Design
from aidlib.reference import Problem
from tests.causes.samples import families

ORACLES = Path(__file__).parent / "oracles"
DESIGN = Design(weight="weight", strata="stratum", psu="psu")
CAUSES = ["illness", "schooling", "laid_off", "other"]


@pytest.fixture
def told() -> pd.DataFrame:
    """Families with a main cause and, of some, others; a tenth was not asked."""
    sample, rng = families(), np.random.default_rng(7)
    main = pd.Series(rng.choice(CAUSES, len(sample)), dtype="str")
    second = pd.Series(rng.choice(["accident", "disaster;accident", "jobless"], len(sample)), dtype="str")
    sample["cause_main"] = main.where(rng.random(len(sample)) < 0.9)
    sample["cause_secondary"] = second.where(rng.random(len(sample)) < 0.5)
    sample["has_student"] = (rng.random(len(sample)) < 0.4).astype(float)
    return sample


def cell(found, value: str = "estimate", **keys: str) -> float:
    rows = found.rows
    for name, key in keys.items():
        rows = rows[rows[name] == key]
    return rows[value].item()


def test_main_and_any_are_counted_by_hand():
    sample = pd.DataFrame({"cause_main": ["illness", "other", "illness", "laid_off", None]})
    sample["cause_secondary"] = ["laid_off;other", None, "schooling", "illness", "illness"]
    found = said(sample, None)
    assert cell(found, cause="illness", named_as="main") == 0.5
    assert cell(found, cause="illness", named_as="any") == 0.75
    assert cell(found, cause="other", named_as="any") == 0.5
    assert cell(found, "count", cause="laid_off", named_as="any") == 2


def test_causes_told_in_words_take_the_place_of_other():
    sample = pd.DataFrame({"cause_main": ["other", "other", "illness"], "cause_secondary": [None, None, "other"]})
    sample["coded"] = ["low_income;widowhood", "other", "widowhood"]
    assert main_cause(sample, text="coded").tolist() == ["low_income", "other", "illness"]
    found = said(sample, None, text="coded")
    assert cell(found, cause="widowhood", named_as="main") == 0
    assert cell(found, cause="widowhood", named_as="any") == pytest.approx(2 / 3)
    assert cell(found, cause="other", named_as="any") == pytest.approx(2 / 3)  # its own, and as a second cause
    assert "prices" not in set(found.rows["cause"])  # no form offers it, and nobody said it


def test_kappa_and_shares_are_those_of_r_survey():
    figures = json.loads((ORACLES / "evidence.json").read_text())
    sample = pd.read_csv(ORACLES / "evidence.csv")
    sample["cause_main"] = np.where(sample["said"] == 1, "schooling", "other")
    found = recorded_evidence(sample, DESIGN, {"schooling": "shown"}, secondary=None)
    shares = said(sample, DESIGN, secondary=None)
    for statistic in ("kappa", "unsupported"):
        assert cell(found, statistic=statistic) == pytest.approx(figures[statistic], abs=1e-9)
        assert cell(found, "se", statistic=statistic) == pytest.approx(figures[f"{statistic}_se"], abs=1e-9)
    assert cell(shares, cause="schooling", named_as="main") == pytest.approx(figures["named"], abs=1e-12)
    assert cell(shares, "se", cause="schooling", named_as="main") == pytest.approx(figures["named_se"], abs=1e-12)


def test_shares_of_main_causes_and_of_combinations_add_up_to_one(told):
    rows = said(told, DESIGN, by="district").rows
    sums = rows[rows["named_as"] == "main"].groupby("district")["estimate"].sum()
    assert sums.to_numpy() == pytest.approx(1.0, abs=1e-12)
    both = combinations(told, DESIGN, by="district", top=4).rows
    assert both.groupby("district")["estimate"].sum().to_numpy() == pytest.approx(1.0, abs=1e-12)
    assert both["combination"].tolist()[4::5] == ["rest", "rest"]


def test_neither_the_index_nor_the_order_of_rows_matters(told):
    shuffled = told.sample(frac=1, random_state=3).set_index(np.arange(len(told)) * 7 + 5)
    for analysis in (said, combinations):
        one, other = analysis(told, DESIGN).rows, analysis(shuffled, DESIGN).rows
        pd.testing.assert_frame_equal(one, other, rtol=1e-9)


def test_a_cause_nobody_has_is_told_with_its_exact_interval(told):
    rows = said(told, DESIGN).rows.set_index(["cause", "named_as"]).loc[("uninsured", "any")]
    assert rows["estimate"] == 0 and rows["count"] == 0
    assert rows["low"] == 0
    assert rows["high"] == pytest.approx(1 - 0.025 ** (1 / 12))  # Clopper-Pearson, of twelve clusters that agree


def test_evidence_that_never_varies_has_no_kappa(told):
    found = recorded_evidence(told.assign(has_student=1.0), DESIGN, {"schooling": "has_student"})
    assert np.isnan(cell(found, statistic="kappa"))
    assert cell(found, statistic="unsupported") == 0
    nobody = recorded_evidence(told, DESIGN, {"widowhood": "has_student"})
    assert np.isnan(cell(nobody, statistic="kappa")) and np.isnan(cell(nobody, statistic="unsupported"))


def test_nobody_asked_gives_empty_rows(told):
    blank = told.assign(cause_main=None)
    for found in (
        said(blank, DESIGN),
        combinations(blank, DESIGN),
        recorded_evidence(blank, DESIGN, {"schooling": "has_student"}),
    ):
        assert (found.rows["flag"] == "empty").all() and (found.rows["n"] == 0).all()


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"cause_main": "winter"}, "causes.unknown_cause"),
        ({"has_student": 2.0}, "estimate.not_binary"),
    ],
)
def test_what_is_no_cause_or_no_flag_is_named(told, change, key):
    wrong = told.assign(**change)
    with pytest.raises(Problem) as raised:
        said(wrong, DESIGN)
        recorded_evidence(wrong, DESIGN, {"schooling": "has_student"})
    assert raised.value.key == key
    with pytest.raises(Problem) as raised:
        recorded_evidence(told, DESIGN, {})
    assert raised.value.key == "causes.no_evidence"
    with pytest.raises(Problem) as raised:
        said(told, DESIGN, main="reason")
    assert raised.value.key == "estimate.no_column"


def test_the_demonstration_says_what_was_planted(demo):
    on_file = demo.panel.assign(cause_main=demo.panel["cause_main"].where(demo.panel["frame"] == "on_file"))
    found = said(on_file, demo.design())
    assert cell(found, cause="illness", named_as="main") == pytest.approx(0.43, abs=0.12)  # 37 %, more who stay on file
    rows = recorded_evidence(on_file, demo.design(), {"schooling": "has_student", "laid_off": "has_jobless_earner"})
    assert 0 <= cell(rows, cause="schooling", statistic="unsupported") < 0.15  # planted: 4 %
    assert cell(rows, cause="laid_off", statistic="unsupported") < 0.02  # planted: none
    assert cell(rows, cause="laid_off", statistic="kappa") > 0.7
