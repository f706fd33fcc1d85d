"""Terms of a regression: numbers, flags, factors, products; what is refused by name."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate.terms import aliased, terms
from aidlib.reference import Problem
from tests.estimate.oracles import needs_data, survey


@pytest.fixture
def sample() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": [40, 52, 47, 33, 61, 58],
            "ill": [True, False, False, True, True, False],
            "income": [300.0, 410, np.nan, 520, 280, 333],
            "grade": ["deep", "near", "relative", "deep", "accident", None],
            "sex": pd.Categorical(list("mffmfm"), categories=["m", "f"]),
        }
    )


# --- by hand
def test_numbers_and_flags_stand_as_they_are(sample):
    found = terms(sample, ["age", "ill", "income"])
    assert (found.names, found.factors) == (["age", "ill", "income"], ["age", "ill", "income"])
    assert found.matrix[:, 1].tolist() == [1, 0, 0, 1, 1, 0]
    assert np.array_equal(found.matrix[:, 2], sample["income"], equal_nan=True)
    assert found.complete.tolist() == [True, True, False, True, True, True]


def test_a_factor_has_one_term_a_level_but_the_first_of_its_code_list(sample):
    found = terms(sample, ["grade"])
    assert found.names == ["grade=relative", "grade=accident", "grade=near"]
    assert set(found.factors) == {"grade"}
    assert np.isnan(found.matrix[5]).all()
    assert found.matrix[1].tolist() == [float(name == "grade=near") for name in found.names]


def test_a_categorical_keeps_its_own_order(sample):
    assert terms(sample, ["sex"]).names == ["sex=f"]
    turned = sample.assign(sex=sample["sex"].cat.reorder_categories(["f", "m"]))
    assert terms(turned, ["sex"]).names == ["sex=m"]


def test_products_multiply_the_terms_of_their_columns(sample):
    found = terms(sample, ["age", "sex", "age:sex"])
    assert (found.names, found.factors) == (["age", "sex=f", "age:sex=f"], ["age", "sex", "age:sex"])
    assert found.matrix[:, 2].tolist() == [0, 52, 47, 0, 61, 0]


def test_levels_that_no_usable_row_has_are_no_terms(sample):
    among = np.array([True, True, True, True, False, True])
    assert "grade=accident" not in terms(sample, ["grade"], among).names


def test_no_predictors_no_terms(sample):
    found = terms(sample, [])
    assert (found.names, found.matrix.shape, found.complete.all()) == ([], (6, 0), True)


# --- against the columns of R's model.matrix, whose ranks these are
@needs_data
def test_terms_span_what_r_spans():
    strat = survey("api/apistrat.csv")
    found = terms(strat, ["ell", "stype", "sch.wide", "ell:stype"])
    assert found.names == ["ell", "stype=H", "stype=M", "sch.wide=Yes", "ell:stype=H", "ell:stype=M"]
    assert np.linalg.matrix_rank(np.column_stack([np.ones(len(strat)), found.matrix])) == 7


# --- laws
def test_the_first_column_that_others_explain_is_found_whatever_the_units():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 4)) * [1e-6, 1.0, 1e6, 3.0]
    assert aliased(x.T @ x) is None
    x[:, 2] = 5e8 * x[:, 0] + x[:, 1]
    assert aliased(x.T @ x) == 2


def test_powers_of_a_year_can_be_told_apart():
    sample = pd.DataFrame({"year": np.repeat(np.arange(2010.0, 2026), 5)}).assign(square=lambda s: s["year"] ** 2)
    assert terms(sample, ["year", "square"]).names == ["year", "square"]


# --- errors
def refused(sample: pd.DataFrame, *predictors: str) -> Problem:
    with pytest.raises(Problem) as caught:
        terms(sample, list(predictors))
    return caught.value


def test_predictors_that_cannot_have_a_coefficient_are_named(sample):
    wrong = sample.assign(
        none=np.nan,
        same=7.1,
        one="x",
        twice=2.0 * sample["age"] + sample["ill"],
        endless=[1.0, 2, np.inf, 1, 2, 3],
        when=pd.Timestamp("2020-01-01"),
    )
    assert (refused(wrong, "none").key, refused(wrong, "none").values["column"]) == (
        "estimate.predictor_missing",
        "none",
    )
    for column in ("same", "one"):
        assert (refused(wrong, "age", column).key, refused(wrong, column).values["column"]) == (
            "estimate.predictor_constant",
            column,
        )
    found = refused(wrong, "age", "ill", "twice")
    assert (found.key, found.values) == ("estimate.predictor_aliased", {"term": "twice", "others": "age, ill"})
    assert refused(wrong, "age", "age").values["term"] == "age"
    assert refused(wrong, "endless").key == "estimate.infinite"
    assert refused(wrong, "when").key == "estimate.not_numeric"
    assert refused(wrong, "age", "height").values["column"] == "height"
    assert refused(wrong, "age:height").values["column"] == "height"


def test_a_column_that_stands_twice_is_named(sample):
    assert refused(pd.concat([sample, sample[["age"]]], axis=1), "age").key == "estimate.column_twice"


def test_predictors_that_no_row_has_together_are_named():
    sample = pd.DataFrame({"a": [1.0, 2, np.nan, np.nan], "b": [np.nan, np.nan, 1.0, 2]})
    assert refused(sample, "a", "b").key == "estimate.predictors_together"


def test_a_product_without_a_cell_is_named(sample):
    empty = sample.assign(man=[1, 0, 0, 1, 0, 1])
    found = refused(empty, "man", "sex", "age", "man:sex")
    assert found.values["term"] == "sex=f"
    found = refused(empty.assign(sex=["f", "m", "f", "f", "m", "f"]), "man:sex")
    assert found.values == {"term": "man:sex=m", "others": "intercept"}
