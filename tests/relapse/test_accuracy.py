"""AUC, Brier score, visits at capacity, net benefit: by hand, against R, laws, edges, errors."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aidlib.estimate import Design, function_of, make_replicates
from aidlib.reference import Problem, method
from aidlib.relapse import auc, brier, net_benefit, precision, recall

ORACLES = Path(__file__).parent / "oracles"
R = json.loads((ORACLES / "accuracy.json").read_text())
CLUSTERS = Design("weight", psu="psu")
JACKKNIFE = np.sqrt(40 / 39)  # R's infinitesimal jackknife has no m / (m - 1)
EXACT = 1e-9  # rounding of sums


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return pd.read_csv(ORACLES / "accuracy.csv")


def two(returned, risk, **columns) -> pd.DataFrame:
    return pd.DataFrame({"returned": np.asarray(returned, float), "risk": np.asarray(risk, float)} | columns)


def value(estimates) -> float:
    return estimates.rows["estimate"].item()


# --- by hand
def test_pairs_count_once_and_equal_risks_one_half():
    assert value(auc(two([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), None, "returned", "risk")) == 0.75
    assert value(auc(two([0, 1, 1], [0.3, 0.3, 0.5]), None, "returned", "risk")) == 0.75


def test_a_pair_weighs_the_product_of_its_weights():
    table = two([0, 0, 1], [0.1, 0.9, 0.5], weight=[3.0, 1, 2])
    assert value(auc(table, Design("weight"), "returned", "risk")) == pytest.approx(0.75)


def test_only_pairs_of_one_year_count():
    table = two([0, 1, 0, 1], [0.1, 0.2, 0.8, 0.9], year=[1, 1, 2, 2])
    assert value(auc(table, None, "returned", "risk")) == 0.75
    assert value(auc(table, None, "returned", "risk", within="year")) == 1.0


def test_delong_by_hand():
    """Placements of 3 returned among 4 others; strata = outcome gives the two-sample variance of DeLong."""
    table = two([1, 1, 1, 0, 0, 0, 0], [0.9, 0.6, 0.3, 0.7, 0.4, 0.2, 0.1])
    found = auc(table, Design(strata="returned"), "returned", "risk").rows.iloc[0]
    cases, others = np.array([4, 3, 2]) / 4, np.array([1, 2, 3, 3]) / 3
    assert found["estimate"] == pytest.approx(9 / 12)
    assert found["se"] == pytest.approx(np.sqrt(cases.var(ddof=1) / 3 + others.var(ddof=1) / 4))
    assert (found["n"], found["count"]) == (7, 3)


def test_the_brier_score_by_hand():
    assert value(brier(two([0, 1, 1], [0.2, 0.6, 1.0]), None, "returned", "risk")) == pytest.approx((0.04 + 0.16) / 3)


def test_visits_reach_the_highest_risks():
    table = two([1, 0, 1, 0, 0], [0.9, 0.8, 0.4, 0.3, 0.2])
    assert value(precision(table, None, "returned", "risk", capacity=0.4)) == 0.5
    assert value(recall(table, None, "returned", "risk", capacity=0.4)) == 0.5
    assert value(precision(table, None, "returned", "risk", capacity=3)) == pytest.approx(2 / 3)
    assert precision(table, None, "returned", "risk", capacity=3).rows["n"].item() == 3


def test_equal_risks_share_the_last_visits():
    table = two([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.5])
    assert value(precision(table, None, "returned", "risk", capacity=2)) == pytest.approx((1 + 1 / 3) / 2)
    assert value(recall(table, None, "returned", "risk", capacity=2)) == pytest.approx((1 + 1 / 3) / 2)


def test_capacity_is_that_of_each_year_and_one_list_serves_all_groups():
    table = two([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.1], year=[1, 1, 2, 2], sex=["f", "m", "f", "m"])
    assert value(precision(table, None, "returned", "risk", capacity=1, within="year")) == 0.5
    by_sex = recall(table, None, "returned", "risk", capacity=0.5, by="sex").rows.set_index("sex")["estimate"]
    assert by_sex.to_dict() == {"f": 1.0, "m": 0.0}


def test_net_benefit_by_hand():
    table = two([1, 0, 0, 1], [0.6, 0.3, 0.1, 0.1])
    rows = net_benefit(table, None, "returned", "risk", thresholds=[0.05, 0.2]).rows
    assert rows["estimate"].tolist() == pytest.approx([(2 - 2 / 19) / 4, (1 - 1 / 4) / 4])
    assert rows["threshold"].tolist() == ["0.05", "0.2"]
    assert rows["count"].tolist() == [2, 1]


# --- against R
@pytest.mark.parametrize(("risk", "key"), [("risk", "auc"), ("other", "other")])
def test_auc_and_error_are_those_of_r_survival(sample, risk, key):
    found = auc(sample, CLUSTERS, "returned", risk).rows.iloc[0]
    assert found["estimate"] == pytest.approx(R[key][0], abs=EXACT)
    assert found["se"] == pytest.approx(R[key][1] * JACKKNIFE, rel=1e-9)


def test_auc_within_years_is_that_of_r_with_strata(sample):
    found = auc(sample, CLUSTERS, "returned", "risk", within="year").rows.iloc[0]
    assert found["estimate"] == pytest.approx(R["year"][0], abs=EXACT)
    assert found["se"] == pytest.approx(R["year"][1] * JACKKNIFE, rel=1e-9)


def test_a_paired_difference_counts_that_both_are_of_the_same_people(sample):
    both = {name: auc(sample, CLUSTERS, "returned", name) for name in ("risk", "other")}
    found = function_of(lambda risk, other: risk - other, measure="difference", **both).rows.iloc[0]
    assert found["estimate"] == pytest.approx(R["paired"][0], abs=EXACT)
    assert found["se"] == pytest.approx(R["paired"][1] * JACKKNIFE, rel=1e-6)
    apart = np.hypot(*(part.rows["se"].item() for part in both.values()))
    assert found["se"] < 0.9 * apart


def test_the_brier_score_is_that_of_r_survey(sample):
    found = brier(sample, Design("weight", "stratum", "psu", nested=True), "returned", "risk").rows.iloc[0]
    assert found[["estimate", "se"]].tolist() == pytest.approx(R["brier"], abs=EXACT)


# --- laws
scores = st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(1, 3)), min_size=4, max_size=30)


@settings(max_examples=60, deadline=None)
@given(scores)
def test_auc_is_the_share_of_ordered_pairs(rows):
    score, event, weight = (np.array(column, float) for column in zip(*rows, strict=True))
    table = two(event, score, weight=weight)
    found = auc(table, Design("weight"), "returned", "risk").rows["estimate"].item()
    cases, others = event == 1, event == 0
    pairs = weight[cases][:, None] * weight[others]
    gaps = score[cases][:, None] - score[others]
    if not pairs.size:
        assert np.isnan(found)
    else:
        assert found == pytest.approx((pairs * ((gaps > 0) + (gaps == 0) / 2)).sum() / pairs.sum())
        turned = auc(table.assign(risk=-score), Design("weight"), "returned", "risk").rows["estimate"].item()
        assert found + turned == pytest.approx(1)


def test_auc_knows_the_order_of_risks_only(sample):
    found = [auc(sample.assign(risk=f(sample["risk"])), CLUSTERS, "returned", "risk") for f in (np.log, np.square)]
    assert found[0].rows["se"].item() == pytest.approx(found[1].rows["se"].item())
    assert value(found[0]) == pytest.approx(R["auc"][0])


def test_a_weight_of_two_is_a_unit_twice(sample):
    doubled = sample.assign(weight=2.0)
    twice = pd.concat([sample.assign(weight=1.0)] * 2, ignore_index=True)
    for one in (
        lambda s: auc(s, CLUSTERS, "returned", "risk"),
        lambda s: precision(s, CLUSTERS, "returned", "risk", capacity=0.2),
        lambda s: brier(s, CLUSTERS, "returned", "risk"),
    ):
        a, b = (one(s).rows.iloc[0] for s in (doubled, twice))
        assert a[["estimate", "se"]].tolist() == pytest.approx(b[["estimate", "se"]].tolist())


def test_errors_agree_with_the_jackknife_that_ranks_anew(sample):
    """Replicates drop a cluster and rank again, so that the cut-off moves with them."""
    design = Design("weight", "stratum", "psu", nested=True)
    made = make_replicates(sample, design, kind="jkn")
    names = made.design.replicates.columns
    scales = np.array(made.design.replicates.scales)
    for statistic, options, near in (
        (auc, {}, 0.03),
        (precision, {"capacity": 0.2}, 0.05),
        (recall, {"capacity": 0.2}, 0.05),
    ):
        whole = statistic(sample, design, "returned", "risk", **options).rows.iloc[0]
        parts = [value(statistic(made.sample, Design(name), "returned", "risk", **options)) for name in names]
        assert whole["se"] == pytest.approx(
            np.sqrt((scales * (np.array(parts) - whole["estimate"]) ** 2).sum()), rel=near
        )


def test_replicate_weights_give_the_linearised_error(sample):
    design = Design("weight", "stratum", "psu", nested=True)
    made = make_replicates(sample, design, kind="jkn")
    found = auc(made.sample, made.design, "returned", "risk").rows["se"].item()
    assert found == pytest.approx(auc(sample, design, "returned", "risk").rows["se"].item(), rel=1e-6)


# --- edges
def test_rows_without_outcome_or_risk_stay_in_the_design_only(sample):
    more = pd.concat([sample, sample.assign(returned=np.nan), sample.assign(risk=np.nan)], ignore_index=True)
    for statistic in (auc, brier):
        a = statistic(more, CLUSTERS, "returned", "risk").rows.iloc[0]
        b = statistic(sample, CLUSTERS, "returned", "risk").rows.iloc[0]
        assert a[["estimate", "se", "n", "df"]].tolist() == pytest.approx(b[["estimate", "se", "n", "df"]].tolist())


def test_one_sided_groups_have_no_auc():
    table = two([1, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], sex=["f", "f", "m", "m"])
    rows = auc(table, None, "returned", "risk", by="sex").rows
    assert rows["flag"].tolist() == ["empty", "care"]
    assert auc(table.head(0), None, "returned", "risk").rows["flag"].item() == "empty"


def test_a_risk_that_is_the_same_for_all_tells_nothing():
    found = auc(two([0, 1] * 20, [0.3] * 40), None, "returned", "risk").rows.iloc[0]
    assert (found["estimate"], found["se"]) == (0.5, 0)


# --- errors
@pytest.mark.parametrize(
    ("call", "key"),
    [
        (lambda t: auc(t.assign(returned=2.0), None, "returned", "risk"), "estimate.not_binary"),
        (lambda t: auc(t, None, "returned", "nothing"), "estimate.no_column"),
        (lambda t: auc(t, None, "returned", "risk", within="wave"), "estimate.no_column"),
        (lambda t: precision(t, None, "returned", "risk", capacity=0), "relapse.visit_capacity"),
        (lambda t: recall(t, None, "returned", "risk", capacity=np.inf), "relapse.visit_capacity"),
    ],
)
def test_wrong_calls_are_refused(call, key):
    with pytest.raises(Problem) as error:
        call(two([0, 1], [0.1, 0.9]))
    assert error.value.key == key


def test_methods_have_notes_in_both_languages(sample):
    found = [auc(sample, None, "returned", "risk"), brier(sample, None, "returned", "risk")]
    found.append(precision(sample, None, "returned", "risk", capacity=0.2))
    found.append(net_benefit(sample, None, "returned", "risk", thresholds=[0.1]))
    assert all(method(part.method, "zh") != method(part.method, "en") for part in found)
