"""Alkire-Foster: by hand, against R survey, laws, edges, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, change
from aidlib.poverty import alkire_foster
from aidlib.reference import Problem, method
from tests.estimate.oracles import ERROR, ESTIMATE, EXACT_ZERO, needs_data
from tests.poverty.samples import SILC, figures, silc

DIMENSIONS = {"income": ["low", "nowork"], "person": ["old", "alone"]}


def table(found, **domain) -> pd.DataFrame:
    rows = found.rows
    for name, value in domain.items():
        rows = rows[rows[name] == value]
    return rows.set_index(["component", "indicator"])


@pytest.fixture
def four() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "low": [1, 1, 0, 0],
            "ill": [1, 0, 1, 0],
            "dropout": [1, 1, 0, 0],
            "weight": [1.0, 2, 1, 4],
            "sex": list("fmfm"),
        }
    )


# --- by hand
def test_the_measures_by_hand(four):
    found = alkire_foster(four, Design("weight"), {"income": ["low"], "people": ["ill", "dropout"]}, k=0.6)
    rows = table(found)["estimate"]
    # scores: 1, 0.75, 0.25, 0; weights 1, 2, 1, 4
    assert rows[("H", "all")] == pytest.approx(3 / 8)
    assert rows[("A", "all")] == pytest.approx((1 + 2 * 0.75) / 3)
    assert rows[("M0", "all")] == pytest.approx(2.5 / 8)
    assert rows["headcount"].to_dict() == pytest.approx({"low": 3 / 8, "ill": 2 / 8, "dropout": 3 / 8})
    assert rows["censored"].to_dict() == pytest.approx({"low": 3 / 8, "ill": 1 / 8, "dropout": 3 / 8})
    assert rows["contribution"].to_dict() == pytest.approx({"low": 1.5 / 2.5, "ill": 0.25 / 2.5, "dropout": 0.75 / 2.5})
    counted = table(found)["count"].dropna()
    assert counted.to_dict() == {("H", "all"): 2} | {
        (part, name): count
        for part, counts in [("headcount", (2, 2, 2)), ("censored", (2, 1, 2))]
        for name, count in zip(("low", "ill", "dropout"), counts, strict=True)
    }
    assert table(found)["n"][[("H", "all"), ("A", "all"), ("M0", "all"), ("contribution", "low")]].tolist() == [
        4,
        2,
        4,
        2,
    ]


def test_groups_share_m0_by_hand(four):
    found = alkire_foster(four, Design("weight"), {"d": ["low", "ill", "dropout"]}, k=0.5, by="sex", margins=True)
    shares = {sex: table(found, sex=sex)["estimate"][("group_share", "all")] for sex in ("f", "m", "all")}
    assert shares == pytest.approx({"f": 1 / (1 + 4 / 3), "m": (4 / 3) / (1 + 4 / 3), "all": 1})


def test_weights_of_ones_own(four):
    equal = alkire_foster(four, None, {"a": ["low"], "b": ["ill", "dropout"]}, k=0.6)
    named = alkire_foster(
        four, None, {"a": ["low"], "b": ["ill", "dropout"]}, k=0.6, weights={"low": 2, "ill": 1, "dropout": 1}
    )
    pd.testing.assert_frame_equal(equal.rows, named.rows)


# --- against R survey
@needs_data
@pytest.mark.parametrize("domain", ["all", "Vienna"])
def test_agrees_with_r_survey(domain):
    found = alkire_foster(silc(), SILC, DIMENSIONS, k=0.5, by="db040", margins=True)
    rows = table(found, db040=domain)
    for name, wanted in figures()["alkire_foster"][domain].items():
        component, _, indicator = name.partition(":")
        row = rows.loc[(component, indicator or "all")]
        assert row["estimate"] == pytest.approx(wanted["estimate"], rel=ESTIMATE)
        assert row["se"] == pytest.approx(wanted["se"], rel=ERROR, abs=EXACT_ZERO)
    group = table(found, db040="Vienna").loc[("group_share", "all")]
    wanted = figures()["alkire_foster"]["group_vienna"]
    assert [group["estimate"], group["se"]] == pytest.approx([wanted["estimate"], wanted["se"]], rel=ERROR)


# --- laws
@pytest.fixture
def many() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 400
    flags = {c: (rng.random(n) < p).astype(float) for c, p in [("a", 0.4), ("b", 0.3), ("c", 0.5), ("d", 0.2)]}
    return pd.DataFrame(
        flags | {"psu": np.arange(n) // 8, "w": rng.uniform(1, 3, n), "kind": rng.choice(["x", "y"], n)}
    )


def test_the_parts_make_up_the_whole(many):
    design, dimensions = Design("w", psu="psu"), {"one": ["a", "b"], "two": ["c", "d"]}
    found = alkire_foster(many, design, dimensions, k=0.5, by="kind", margins=True)
    for kind in ("x", "y", "all"):
        rows = table(found, kind=kind)
        estimate = rows["estimate"]
        assert estimate[("H", "all")] * estimate[("A", "all")] == pytest.approx(estimate[("M0", "all")])
        assert (estimate["censored"] / 4).sum() == pytest.approx(estimate[("M0", "all")])
        assert estimate["contribution"].sum() == pytest.approx(1)
        assert (estimate["censored"] <= estimate["headcount"] + 1e-12).all()
    at = found.rows.index[(found.rows["component"] == "contribution") & (found.rows["kind"] == "x")]
    assert found.covariance[np.ix_(at, at)].sum() == pytest.approx(0, abs=1e-12)


def test_a_higher_cutoff_leaves_fewer_and_the_union_has_every_deprivation(many):
    heads = [
        table(alkire_foster(many, None, {"d": list("abcd")}, k=k))["estimate"][("H", "all")]
        for k in (0.25, 0.5, 0.75, 1)
    ]
    assert heads == sorted(heads, reverse=True)
    union = table(alkire_foster(many, None, {"d": list("abcd")}, k=0.25))["estimate"]
    np.testing.assert_allclose(union["censored"], union["headcount"])


def test_thirds_reach_a_cutoff_of_two_thirds():
    sample = pd.DataFrame({"a": [1, 1], "b": [1, 0], "c": [0, 0]})
    row = table(alkire_foster(sample, None, {"d": list("abc")}, k=2 / 3))["estimate"]
    assert row[("H", "all")] == 0.5


def test_its_change_counts_the_overlap(many):
    found = change(many, many, Design("w", psu="psu"), alkire_foster, {"d": list("abcd")}, k=0.5)
    np.testing.assert_allclose(found.rows[["estimate", "se"]], 0, atol=1e-12)
    assert found.unit == "pp"


# --- edges
def test_missing_indicators_leave_the_unit_out(four):
    sample = four.assign(ill=[1, np.nan, 1, 0])
    found = alkire_foster(sample, None, {"d": ["low", "ill"]}, k=1, by="sex")
    assert table(found, sex="m")["n"][[("H", "all"), ("M0", "all")]].tolist() == [1, 1]
    gone = alkire_foster(sample.assign(low=np.nan), None, {"d": ["low", "ill"]}, k=1).rows
    assert (gone["flag"] == "empty").all()


def test_nobody_poor_has_no_intensity(four):
    rows = table(alkire_foster(four.assign(low=0, ill=0), None, {"d": ["low", "ill"]}, k=1, by="sex"), sex="f")
    assert rows["estimate"][("H", "all")] == 0
    assert rows["flag"][[("A", "all"), ("contribution", "low"), ("group_share", "all")]].tolist() == ["empty"] * 3


def test_a_register_has_no_sampling_error(four):
    rows = alkire_foster(four, Design.census(), {"d": ["low", "ill"]}, k=0.5).rows
    assert (rows["se"] == 0).all()


# --- errors
@pytest.mark.parametrize(
    ("indicators", "options", "key"),
    [
        ({"d": ["low"]}, {"k": 0}, "poverty.cutoff"),
        ({"d": ["low"]}, {"k": 1.2}, "poverty.cutoff"),
        ({}, {"k": 1}, "poverty.indicators"),
        ({"d": []}, {"k": 1}, "poverty.indicators"),
        ({"d": ["low"], "e": ["low"]}, {"k": 1}, "poverty.indicators"),
        ({"d": ["low"]}, {"k": 1, "weights": {"ill": 1}}, "poverty.indicator_weights"),
        ({"d": ["low"]}, {"k": 1, "weights": {"low": -1}}, "poverty.indicator_weights"),
        ({"d": ["weight"]}, {"k": 1}, "estimate.not_binary"),
        ({"d": ["none"]}, {"k": 1}, "estimate.no_column"),
        ({"d": ["low"]}, {"k": 1, "interval": "log"}, "estimate.option"),
    ],
)
def test_wrong_options_are_refused(four, indicators, options, key):
    with pytest.raises(Problem) as error:
        alkire_foster(four, None, indicators, **options)
    assert error.value.key == key


def test_it_has_a_note_in_both_languages(four):
    key = alkire_foster(four, None, {"d": ["low"]}, k=1).method
    assert method(key, "zh") != method(key, "en")
