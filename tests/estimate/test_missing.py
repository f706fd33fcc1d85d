"""Item non-response: by hand, laws, edges, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, proportion
from aidlib.estimate.missing import answers, item_nonresponse, kinds, nonresponse_rate, patterns
from aidlib.reference import Problem

DESIGN = Design("w", "stratum", "psu")


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    """480 households: incomes refused and unknown, school fees asked only of half of them."""
    rng = np.random.default_rng(6)
    n = 480
    frame = pd.DataFrame(
        {
            "stratum": np.repeat(["a", "b"], n // 2),
            "psu": np.repeat(np.arange(24), n // 24),
            "w": rng.uniform(1, 5, n),
            "region": np.repeat(["x", "y", "z"], n // 3),
            "income": rng.lognormal(7, 1, n),
            "fees": rng.lognormal(5, 1, n),
        }
    )
    kind = pd.Series(rng.choice(["", "refused", "unknown"], n, p=[0.8, 0.15, 0.05]), dtype="str")
    frame["income__missing"] = kind.where(kind != "")
    frame["income"] = frame["income"].where(kind == "")
    asked = pd.Series(np.where(np.arange(n) % 2 == 0, "", "not_asked"), dtype="str")
    frame["fees__missing"] = asked.where(asked != "")
    frame["fees"] = frame["fees"].where((asked == "") & (np.arange(n) % 5 != 0))
    return frame


def test_kinds_of_answers_by_hand():
    frame = pd.DataFrame(
        {"y": [1.0, None, None, None, 2.0], "y__missing": [None, "refused", None, "nonsense", "refused"]}
    )
    assert answers(frame, "y").tolist() == ["answered", "refused", "unknown", "unknown", "answered"]


def test_shares_by_hand():
    frame = pd.DataFrame(
        {"w": [3.0, 1, 1, 3], "y": [1.0, None, None, 2], "y__missing": [None, "refused", "not_asked", None]}
    )
    rows = item_nonresponse(frame, Design("w"), ["y"]).rows.set_index("answer")
    assert rows["estimate"].to_dict() == pytest.approx(
        {"answered": 0.75, "not_asked": 0.125, "refused": 0.125, "unknown": 0, "not_applicable": 0, "contradicted": 0}
    )
    assert rows["count"].tolist() == [2, 1, 1, 0, 0, 0]
    plain = item_nonresponse(frame, Design("w"), ["y"], weighted=False)
    assert plain.rows["estimate"].tolist() == [0.5, 0.25, 0.25, 0, 0, 0]
    assert plain.method == "estimate_nonresponse_unweighted"
    rate = nonresponse_rate(frame, Design("w"), ["y"]).rows.iloc[0]
    assert (rate["estimate"], rate["n"], rate["count"]) == (pytest.approx(1 / 7), 3, 1)


def test_patterns_by_hand():
    frame = pd.DataFrame(
        {"a": [1.0, None, None, 1, 1, None], "b": [1.0, None, 1, 1, None, None], "w": [5.0, 1, 1, 1, 1, 1]}
    )
    rows = patterns(frame, Design("w"), ["a", "b"]).rows
    assert rows["pattern"].tolist() == ["complete", "a + b", "a", "b"]
    assert rows["estimate"].tolist() == pytest.approx([0.6, 0.2, 0.1, 0.1])
    fewer = patterns(frame, Design("w"), ["a", "b"], most=1).rows
    assert fewer["pattern"].tolist() == ["complete", "a + b", "others"]
    assert fewer["estimate"].tolist() == pytest.approx([0.6, 0.2, 0.2])


def test_errors_are_those_of_the_share_itself(sample):
    refused = sample.assign(y=(sample["income__missing"] == "refused").astype(float))
    ours = item_nonresponse(sample, DESIGN, ["income", "fees"], by="region").rows.query(
        "variable == 'income' and answer == 'refused'"
    )
    theirs = proportion(refused, DESIGN, "y", by="region").rows
    for column in ("estimate", "se", "low", "high", "n", "df", "count"):
        assert ours[column].tolist() == pytest.approx(theirs[column].tolist())


def test_shares_of_a_variable_add_to_one(sample):
    found = item_nonresponse(sample, DESIGN, ["income", "fees"], by="region", margins=True)
    sums = found.rows.groupby(["region", "variable"])["estimate"].sum()
    assert sums.tolist() == pytest.approx([1.0] * 8)
    assert set(found.rows["answer"]) == set(kinds())
    pattern = patterns(sample, DESIGN, ["income", "fees"], by="region").rows
    assert pattern.groupby("region")["estimate"].sum().tolist() == pytest.approx([1.0] * 3)


def test_the_rate_leaves_out_whom_the_question_did_not_reach(sample):
    rate = nonresponse_rate(sample, DESIGN, ["fees"]).rows.iloc[0]
    assert rate["n"] == (sample["fees__missing"] != "not_asked").sum()
    asked = sample[sample["fees__missing"] != "not_asked"]
    assert rate["estimate"] == pytest.approx(np.average(asked["fees"].isna(), weights=asked["w"]))


def test_variables_of_no_form_are_left_out(sample):
    frame = sample.assign(ghost=np.nan)
    found = item_nonresponse(frame, DESIGN, ["income", "ghost"])
    assert found.rows["variable"].unique().tolist() == ["income"]


def test_text_columns_have_missing_values_too():
    frame = pd.DataFrame({"cause": pd.Series(["illness", None, "school", None], dtype="str")})
    assert item_nonresponse(frame, None, ["cause"]).rows["estimate"].tolist() == [0.5, 0, 0, 0.5, 0, 0]


def test_the_sample_is_left_as_it_was(sample):
    before = sample.copy()
    patterns(sample, DESIGN, ["income", "fees"])
    item_nonresponse(sample, DESIGN, ["income", "fees"])
    pd.testing.assert_frame_equal(sample, before)


@pytest.mark.parametrize(("names", "key"), [(["nowhere"], "estimate.no_column"), (["ghost"], "estimate.nothing_asked")])
def test_wrong_use_is_named(sample, names, key):
    with pytest.raises(Problem) as error:
        item_nonresponse(sample.assign(ghost=np.nan), DESIGN, names)
    assert error.value.key == key
