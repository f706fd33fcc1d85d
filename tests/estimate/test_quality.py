"""Quality flags and design effects: by hand, against R, laws, edges, errors."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, change, mean, proportion, total
from aidlib.estimate.quality import Standard, design_effect, grade
from aidlib.poverty import fgt, gini
from aidlib.reference import Problem
from tests.estimate.oracles import ERROR, needs_data, studied
from tests.estimate.oracles_second import figures, sample_of

SRS = Design()


def shares(poor: int, n: int, se: float | None = None):
    """A share from a simple random sample, with another standard error where given."""
    found = proportion(pd.DataFrame({"poor": [1.0] * poor + [0.0] * (n - poor)}), SRS, "poor")
    return found if se is None else replace(found, rows=found.rows.assign(se=se))


# Clopper-Pearson 95 %: 10/100 0.0490-0.1762 (1.27 of the share), 5/100 0.0164-0.1128 (1.93), 50/100 0.398-0.602,
# 500/1000 within 0.0621, 20/1000 0.0123-0.0307 (0.018), 16/32 0.319-0.681 (0.362)
@pytest.mark.parametrize(
    ("poor", "n", "flag"),
    [(10, 100, ""), (5, 100, "quality"), (50, 100, ""), (500, 1000, ""), (20, 1000, ""), (16, 32, "quality")],
)
def test_shares_by_the_width_of_their_interval(poor, n, flag):
    assert grade(shares(poor, n)).rows["flag"].item() == flag


def test_a_clustered_share_counts_its_effective_size():
    half = shares(50, 100, se=np.sqrt(0.25 / 29))  # deff 3.45: 29 effective units
    assert grade(half, Standard(width_refused=1.0)).rows["flag"].item() == "quality"
    more = shares(50, 100, se=np.sqrt(0.25 / 31))
    assert grade(more, Standard(width_refused=1.0)).rows["flag"].item() == ""


@pytest.mark.parametrize(("cv", "flag"), [(0.16, ""), (0.17, "care"), (0.33, "care"), (0.34, "quality")])
def test_levels_by_their_coefficient_of_variation(cv, flag):
    found = mean(pd.DataFrame({"y": np.arange(100.0)}), SRS, "y")
    found = replace(found, rows=found.rows.assign(estimate=10.0, se=10 * cv))
    assert grade(found).rows["flag"].item() == flag


@pytest.mark.parametrize(("n", "flag"), [(19, "quality"), (20, "care"), (49, "care"), (50, "")])
def test_levels_by_their_sample_size(n, flag):
    assert grade(mean(pd.DataFrame({"y": 100 + np.arange(float(n))}), SRS, "y")).rows["flag"].item() == flag


def test_few_clusters_or_degrees_of_freedom_ask_for_care():
    sample = pd.DataFrame({"psu": np.repeat(np.arange(9), 20), "y": 100 + np.arange(180.0) % 7})
    found = mean(sample, Design(psu="psu"), "y")
    found = replace(found, rows=found.rows.assign(flag=""))
    assert found.rows["df"].item() == 8
    for standard, flag in (
        (Standard(), "care"),
        (Standard(psus_care=9), ""),
        (Standard(psus_care=9, df_care=9), "care"),
    ):
        assert grade(found, standard).rows["flag"].item() == flag


def test_a_share_of_nobody_asks_for_care():
    assert grade(shares(0, 400)).rows["flag"].item() == "care"


def test_a_change_near_zero_is_not_refused_for_its_relative_error():
    before = pd.DataFrame({"id": np.arange(200), "y": np.tile([100.0, 120], 100)})
    after = before.assign(y=before["y"] + np.tile([1.0, 0, -1, 0], 50))
    found = change(before, after, None, mean, "y", unit="id")
    assert found.rows["se"].item() > abs(found.rows["estimate"].item())
    assert grade(found).rows["flag"].item() == ""


def test_flags_are_never_taken_back():
    found = shares(50, 100)
    for flag in ("suppressed", "quality", "empty", "care"):
        marked = replace(found, rows=found.rows.assign(flag=flag))
        assert grade(marked).rows["flag"].item() == flag


def test_a_complete_count_keeps_its_numbers():
    found = proportion(pd.DataFrame({"poor": [1.0, 0.0, 0.0]}), Design.census(), "poor")
    assert grade(found).rows["flag"].item() == ""


def test_grading_leaves_the_numbers_alone():
    found = shares(5, 100)
    pd.testing.assert_frame_equal(grade(found).rows.drop(columns="flag"), found.rows.drop(columns="flag"))


def test_limits_that_cross_are_refused():
    with pytest.raises(Problem) as error:
        Standard(cv_care=0.5)
    assert error.value.key == "estimate.standard"


def effects(*call, **options) -> pd.Series:
    return design_effect(*call, **options).rows.set_index("measure")["estimate"]


# svymean, svyby and svytotal with deff = "replace"
@needs_data
@pytest.mark.parametrize("name", ["strat", "clus1", "clus2"])
def test_design_effects_agree_with_r(name):
    sample, design = sample_of(name)
    wanted = figures()["designs"][name]["deff"]
    assert effects(sample, design, mean, "api00")["deff"] == pytest.approx(wanted["mean"]["deff"], rel=ERROR)
    by = design_effect(sample, design, mean, "api00", by="stype").rows
    found = by.loc[by["measure"] == "deff", "estimate"].tolist()
    assert found == pytest.approx(wanted["domains"], rel=ERROR)
    high = sample.assign(high=(sample["api00"] > 700).astype(float))
    assert effects(high, design, proportion, "high")["deff"] == pytest.approx(wanted["share"], rel=ERROR)
    if name != "clus2":  # enrolment is not known for all of its schools
        found = effects(sample, design, total, "enroll")["deff"]
        assert found == pytest.approx(wanted["total"]["deff"], rel=ERROR)


@needs_data
def test_replicate_weights_give_their_own_design_effect():
    sample, design = studied("clus1_jk1_mse")
    linear, plan = sample_of("clus1")
    ours, theirs = effects(sample, design, mean, "api00"), effects(linear, plan, mean, "api00")
    errors = [mean(*of, "api00").rows["se"].item() for of in ((sample, design), (linear, plan))]
    assert ours["deff"] == pytest.approx(theirs["deff"] * (errors[0] / errors[1]) ** 2)  # one simple random sample
    assert ours["n_kish"] == pytest.approx(theirs["n_kish"])


def test_identical_members_of_a_cluster_count_once():
    sample = pd.DataFrame({"psu": np.repeat(np.arange(50), 4), "y": np.repeat(np.arange(50.0) % 11, 4)})
    found = effects(sample, Design(psu="psu"), mean, "y")
    assert found["deff"] == pytest.approx(4 * 199 / 200 * 50 / 49)
    assert found["deft"] == pytest.approx(np.sqrt(found["deff"]))
    assert found["n_eff"] == pytest.approx(200 / found["deff"])


def test_a_simple_random_sample_has_no_design_effect():
    sample = pd.DataFrame({"y": np.random.default_rng(1).gamma(2, size=300), "x": 1.0})
    for statistic, options in ((mean, {}), (total, {}), (fgt, {"line": 1.0, "alpha": 1}), (gini, {})):
        found = effects(sample, SRS, statistic, "y", **options)
        assert found["deff"] == pytest.approx(1.0)
        assert found["n_kish"] == pytest.approx(300)


# Kish (1965): weights 1 and 3 in equal numbers leave 4² / (2 (1 + 9)) = 0.8 of n
def test_unequal_weights_leave_kishs_size():
    sample = pd.DataFrame({"w": np.tile([1.0, 3.0], 100), "y": np.random.default_rng(2).normal(size=200)})
    assert effects(sample, Design(weight="w"), mean, "y")["n_kish"] == pytest.approx(160)


def test_domains_categories_and_missing_values_have_their_own():
    rng = np.random.default_rng(3)
    sample = pd.DataFrame(
        {"psu": np.repeat(np.arange(40), 10), "y": rng.normal(50, 5, 400), "g": rng.choice(list("ab"), 400)}
    )
    sample.loc[sample.index % 7 == 0, "y"] = np.nan
    sample["kind"] = pd.Series(rng.choice(["u", "v", "w"], 400), dtype="str").where(sample.index % 5 != 0)
    design = Design(psu="psu")
    found = design_effect(sample, design, mean, "y", by="g", margins=True)
    assert len(found.rows) == 3 * 5
    assert found.rows["n"].iloc[-1] == sample["y"].notna().sum()
    kinds = design_effect(sample, design, proportion, "kind", by="g")
    assert len(kinds.rows) == 2 * 3 * 5
    assert kinds.rows["estimate"].notna().all()


def test_an_empty_domain_has_no_effect():
    sample = pd.DataFrame({"g": ["a"] * 20 + ["b"] * 20, "y": [1.0, 2.0] * 10 + [np.nan] * 20})
    rows = design_effect(sample, SRS, mean, "y", by="g").rows
    assert rows.loc[rows["g"] == "b", "estimate"].isna().all()
    assert rows.loc[rows["g"] == "b", "flag"].eq("empty").all()
