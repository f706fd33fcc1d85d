"""Scales: by hand, against R's psych, lavaan and survey, laws, edges, errors."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import multivariate_normal

from aidlib import survey
from aidlib.estimate import Design, make_replicates
from aidlib.estimate.domains import Members
from aidlib.reference import Problem, heading, label, method
from aidlib.wellbeing import item_statistics, reliability, score
from aidlib.wellbeing.one_factor import loading_slopes, loadings, omega, ordinal_alpha
from aidlib.wellbeing.polychoric import normal_below, pairs_of, polychoric

ORACLES = Path(__file__).parent / "oracles"
SAME = 1e-6  # lavaan stops its search for loadings at about 1e-7
ITEMS = ["A1", "A2", "A3", "A4", "A5"]
STRAIN = [f"strain_{k}" for k in range(1, 6)]
DESIGN = Design(weight="weight", strata="stratum", psu="psu")


@pytest.fixture(scope="module")
def oracle() -> dict:
    return json.loads((ORACLES / "scales.json").read_text())


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return pd.read_csv(ORACLES / "items.csv")


def by_key(found, key: str = "coefficient", column: str = "estimate") -> pd.Series:
    return found.rows.set_index(key)[column]


# --- by hand
def test_a_score_is_the_mean_of_the_answered_items_with_reversed_ones_turned():
    answers = pd.DataFrame(
        {f"strain_{k}": v for k, v in zip(range(1, 6), ([1, 5], [2, 5], [1, 4], [4, 1], [np.nan, 5]), strict=True)}
    )
    assert score(answers, STRAIN, reversed=["strain_4"]).tolist() == [(1 + 2 + 1 + 2) / 4, (5 + 5 + 4 + 5 + 5) / 5]


def test_a_score_needs_four_fifths_of_the_items():
    answers = pd.DataFrame({f"strain_{k}": [1.0, 2, np.nan if k < 3 else 3.0] for k in range(1, 6)})
    assert score(answers, STRAIN).isna().tolist() == [False, False, True]


def test_alpha_of_four_answers_by_hand():
    answers = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [2.0, 2, 3, 5], "c": [1.0, 3, 3, 3]})
    own, whole = answers.var().sum(), answers.sum(axis=1).var()
    found = by_key(reliability(answers, None, ["a", "b", "c"], limits=(1, 5)))
    assert found["alpha"] == pytest.approx(3 / 2 * (1 - own / whole))


def test_omega_and_ordinal_alpha_of_known_loadings():
    r = np.array([0.8 * 0.7, 0.8 * 0.6, 0.7 * 0.6])
    found = loadings(r, 3)
    assert found == pytest.approx([0.8, 0.7, 0.6])
    assert omega(found)[0] == pytest.approx(2.1**2 / (2.1**2 + 3 - 0.64 - 0.49 - 0.36))
    assert ordinal_alpha(r, 3)[0] == pytest.approx(1.5 * (1 - 3 / (3 + 2 * r.sum())))


# --- against reference implementations
@pytest.mark.parametrize(("h", "k"), [(0.5, -0.3), (1.2, 1.1), (-2.0, 2.0)])
@pytest.mark.parametrize("rho", [-0.7, 0.0, 0.3, 0.95, 0.999])
def test_the_bivariate_normal_is_scipys(h, k, rho):
    wanted = multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([h, k])
    assert normal_below(np.array(h), np.array(k), np.array(rho)) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(("design", "name"), [(None, "plain"), (DESIGN, "heavy")])
def test_alpha_and_item_statistics_are_those_of_psych(sample, oracle, design, name):
    wanted = oracle[name]
    assert by_key(reliability(sample, design, ITEMS, ["A1"], limits=(1, 6)))["alpha"] == pytest.approx(wanted["alpha"])
    rows = item_statistics(sample, design, ITEMS, ["A1"], limits=(1, 6)).rows.set_index("statistic")["estimate"]
    assert rows["item_rest"].tolist() == pytest.approx(wanted["item_rest"])
    assert rows["alpha_without"].tolist() == pytest.approx(wanted["alpha_without"])


@pytest.mark.parametrize(("design", "name"), [(None, "plain_ordinal"), (DESIGN, "heavy_ordinal")])
def test_polychoric_reliability_is_that_of_lavaan(sample, oracle, design, name):
    wanted = oracle[name]
    found = by_key(reliability(sample, design, ITEMS, ["A1"], limits=(1, 6)))
    assert found["omega"] == pytest.approx(wanted["omega"], abs=SAME)
    assert found["ordinal_alpha"] == pytest.approx(wanted["ordinal_alpha"], abs=SAME)
    rows = item_statistics(sample, design, ITEMS, ["A1"], limits=(1, 6)).rows.set_index("statistic")["estimate"]
    assert rows["loading"].tolist() == pytest.approx(wanted["loadings"], abs=SAME)


def test_polychoric_correlations_and_thresholds_are_those_of_lavaan(sample, oracle):
    codes = sample[ITEMS].to_numpy() - 1
    codes[:, 0] = 5 - codes[:, 0]
    everyone = np.arange(len(codes))
    found = polychoric(Members(everyone, np.zeros_like(everyone), 1), np.ones(len(codes)), codes, 6)
    assert found.correlation[0] == pytest.approx(oracle["plain_ordinal"]["correlations"], abs=1e-7)
    assert found.thresholds[0].ravel() == pytest.approx(oracle["plain_ordinal"]["thresholds"], abs=1e-9)


def test_the_error_of_alpha_is_that_of_surveys_covariance_matrix(sample, oracle):
    found = reliability(sample, DESIGN, ITEMS, ["A1"], limits=(1, 6)).rows.set_index("coefficient")
    assert found.loc["alpha", "se"] == pytest.approx(oracle["se_alpha"], rel=SAME)
    assert found.loc["alpha", "df"] == 56


# --- laws
def test_influence_is_the_derivative_by_a_weight():
    rng = np.random.default_rng(3)
    codes = np.digitize(rng.normal(size=(300, 1)) * 0.8 + rng.normal(size=(300, 4)) * 0.6, [-0.8, 0.1, 0.9])
    members = Members(np.arange(300), rng.integers(0, 2, 300), 2)
    weight = rng.uniform(0.5, 2, 300)
    found = polychoric(members, weight, codes, 4)
    for unit in (3, 77, 250):
        more, less = (weight * np.where(np.arange(300) == unit, 1 + e, 1.0) for e in (1e-4, -1e-4))
        at = members.row[unit]
        moved = [polychoric(members, w, codes, 4) for w in (more, less)]
        slope = (moved[0].correlation - moved[1].correlation)[at] / 2e-4
        mine = [found.scores(np.tile(np.eye(6)[pair], (2, 1)))[unit] for pair in range(6)]
        assert mine == pytest.approx(slope, rel=1e-4, abs=1e-10)
        slope = (moved[0].thresholds - moved[1].thresholds)[at] / 2e-4
        mine = [[found.threshold_scores(item, cut)[unit] for cut in range(3)] for item in range(4)]
        assert np.array(mine) == pytest.approx(slope, rel=1e-5, abs=1e-10)


def test_slopes_of_loadings_are_their_derivatives():
    r = np.array([0.5, 0.42, 0.4, 0.35, 0.31, 0.3])
    slopes = loading_slopes(r, loadings(r, 4))
    for pair in range(6):
        step = np.where(np.arange(6) == pair, 1e-6, 0)
        assert slopes[:, pair] == pytest.approx((loadings(r + step, 4) - loadings(r - step, 4)) / 2e-6, abs=1e-8)


def test_errors_agree_with_the_jackknife(sample):
    sample = sample[sample["stratum"] < 3]
    plan = make_replicates(sample, DESIGN, kind="jkn")
    taylor = reliability(sample, DESIGN, ITEMS, ["A1"], limits=(1, 6)).rows["se"]
    other = reliability(plan.sample, plan.design, ITEMS, ["A1"], limits=(1, 6)).rows["se"]
    assert other.tolist() == pytest.approx(taylor.tolist(), rel=1e-9)  # replicates of the linearised statistic
    values = []
    for column in plan.design.replicates.columns:
        replicate = plan.sample.assign(weight=plan.sample[column])
        values.append(reliability(replicate, Design("weight"), ITEMS, ["A1"], limits=(1, 6)).rows["estimate"])
    spread = np.asarray(plan.design.replicates.scales)[:, None] * (np.array(values) - np.mean(values, axis=0)) ** 2
    assert taylor.tolist() == pytest.approx(np.sqrt(spread.sum(axis=0)).tolist(), rel=0.05)


def test_reversed_items_and_turned_answers_are_the_same(sample):
    turned = sample.assign(A1=7 - sample["A1"])
    one = reliability(sample, DESIGN, ITEMS, ["A1"], limits=(1, 6)).rows
    other = reliability(turned, DESIGN, ITEMS, limits=(1, 6)).rows
    assert one["estimate"].tolist() == pytest.approx(other["estimate"].tolist())


def test_a_domain_is_as_if_it_were_alone(sample):
    found = reliability(sample, DESIGN, ITEMS, ["A1"], limits=(1, 6), by="stratum").rows
    alone = reliability(sample[sample["stratum"] == 2], DESIGN, ITEMS, ["A1"], limits=(1, 6)).rows
    mine = found[found["stratum"] == "2"]
    assert mine["estimate"].tolist() == pytest.approx(alone["estimate"].tolist())
    assert mine["se"].tolist() == pytest.approx(alone["se"].tolist())


@given(
    arrays(np.float64, st.tuples(st.integers(1, 30), st.just(4)), elements=st.sampled_from([1, 2, 3, 4, 5, np.nan])),
    st.sets(st.sampled_from("abcd"), max_size=3),
)
def test_a_score_stays_on_the_scale_and_turning_it_twice_is_nothing(values, turned):
    table = pd.DataFrame(values, columns=list("abcd"))
    try:
        found = score(table, "abcd", sorted(turned), limits=(1, 5))
    except Problem as error:  # items that run against one another are named, whatever is turned
        assert error.key == "wellbeing.against_the_others"
        return
    assert found.dropna().between(1, 5).all()
    other = table.assign(**{name: 6 - table[name] for name in turned})
    assert found.equals(score(other, "abcd", limits=(1, 5)))
    assert found.notna().equals(table.notna().mean(axis=1) >= 0.8)


@pytest.mark.slow
def test_intervals_hold_their_level_in_clustered_samples():
    """200 samples of 30 PSUs of 10, one factor with intra-class correlation 0.1: coverage 95 % within 3 errors."""
    loads = np.array([0.8, 0.7, 0.75, 0.65])
    truth = {"omega": omega(loads)[0], "ordinal_alpha": ordinal_alpha(np.prod(loads[pairs_of(4)], axis=0), 4)[0]}
    held = dict.fromkeys(truth, 0)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        psu = np.arange(300) // 10
        factor = np.sqrt(0.1) * rng.normal(size=30)[psu] + np.sqrt(0.9) * rng.normal(size=300)
        latent = factor[:, None] * loads + rng.normal(size=(300, 4)) * np.sqrt(1 - loads**2)
        table = pd.DataFrame(np.digitize(latent, [-1, -0.2, 0.6, 1.4]) + 1.0, columns=list("abcd"))
        table = table.assign(psu=psu, weight=rng.uniform(1, 3, 300))
        rows = reliability(table, Design("weight", psu="psu"), list("abcd"), limits=(1, 5)).rows
        rows = rows.set_index("coefficient")
        held = {name: n + (rows.loc[name, "low"] <= truth[name] <= rows.loc[name, "high"]) for name, n in held.items()}
    assert all(0.95 - 3 * np.sqrt(0.95 * 0.05 / 200) <= n / 200 <= 0.99 for n in held.values())


# --- the planted truth
def test_the_demonstrations_alpha_is_found(demo_store):
    found = survey.load("2025", "990000", demo_store)
    rows = reliability(found.panel, found.design(), STRAIN, ["strain_4"]).rows.set_index("coefficient")
    assert rows.loc["alpha", "low"] < 0.85 < rows.loc["alpha", "high"]


# --- edges
def test_households_that_left_an_item_out_do_not_count(sample):
    gap = sample.assign(A2=sample["A2"].where(sample.index > 99).astype(float))
    assert by_key(reliability(gap, DESIGN, ITEMS, ["A1"], limits=(1, 6)), column="n").tolist() == [500] * 3


def test_an_empty_domain_keeps_its_rows(sample):
    group = pd.Categorical(np.where(sample.index < 300, "a", "b"), ["a", "b"])
    gap = sample.assign(group=group, A2=sample["A2"].where(group == "a").astype(float))
    rows = reliability(gap, DESIGN, ITEMS, ["A1"], limits=(1, 6), by="group").rows
    assert rows.loc[rows["group"] == "b", "flag"].tolist() == ["empty"] * 3
    assert rows.loc[rows["group"] == "a", "estimate"].notna().all()


def test_notes_and_headings_are_there_in_both_languages(sample):
    found = reliability(sample, DESIGN, ITEMS, ["A1"], limits=(1, 6))
    assert method(found.method, "zh") and method(found.method, "en")
    assert heading("reliability", "zh") == "信度" and label("coefficient", "omega", "zh") == "有序 ω"


# --- errors
@pytest.mark.parametrize(
    ("change", "items", "turned", "limits", "key", "words"),
    [
        ({}, ITEMS, [], (1, 6), "wellbeing.against_the_others", "A1"),
        ({}, ITEMS, ["A1"], (1, 5), "wellbeing.outside_scale", "A5"),
        ({}, ITEMS, ["A9"], (1, 6), "wellbeing.not_an_item", "A9"),
        ({}, ITEMS, ["A1"], None, "wellbeing.no_limits", "A1"),
        ({}, ITEMS[:2], ["A1"], (1, 6), "wellbeing.few_items", "3"),
        ({"A3": 4}, ITEMS, ["A1"], (1, 6), "wellbeing.item_constant", "A3"),
        ({"A3": np.linspace(1, 6, 600)}, ITEMS, ["A1"], (1, 6), "wellbeing.not_ordinal", "A3"),
        ({"A3": "x"}, ITEMS, ["A1"], (1, 6), "estimate.not_numeric", "A3"),
    ],
)
def test_what_cannot_be_a_scale_is_named(sample, change, items, turned, limits, key, words):
    with pytest.raises(Problem) as error:
        reliability(sample.assign(**change), DESIGN, items, turned, limits=limits)
    assert error.value.key == key
    assert words in error.value.text("en") and words in error.value.text("zh")
