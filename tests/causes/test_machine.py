"""What a machine finds, beside what is said and modelled: planted factors and nulls, no leak, laws, errors."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from aidlib.causes import agreement, concordance, interactions, learn
from aidlib.causes.machine import _auc
from aidlib.estimate import Design, marginal_effects, proportion
from aidlib.reference import Problem

DESIGN = Design("weight", "stratum", "psu")
ODDS = {"patient": 6.0, "earner": 6.0, "widowed": 3.1, "disabled": 3.0, "child": 2.2, "student": 1.5}
SHARE = [0.12, 0.05, 0.05, 0.04, 0.08, 0.22]
NULLS = ["rural", "party", "letter"]


@cache
def workers(n: int = 16_000) -> pd.DataFrame:
    """Households over two waves in 80 PSUs, with the demonstration's factors, odds ratios and nulls."""
    rng = np.random.default_rng(7)
    home = np.arange(n) // 2
    flags = {name: (rng.random(n) < p).astype(float) for name, p in zip(ODDS, SHARE, strict=True)}
    eta = -1.5 + sum(np.log(odds) * flags[name] for name, odds in ODDS.items())
    sample = pd.DataFrame(flags).assign(household_id=home.astype(str), psu=home % 80, stratum=home % 8)
    sample["weight"] = rng.uniform(1, 3, n)
    sample["rural"] = (rng.random(n) < 0.3).astype(float)
    sample["party"] = (rng.random(n) < 0.12).astype(float)
    sample["letter"] = np.array(list("ABCD"))[home % 4]
    sample["poor"] = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    sample["cause"] = np.where(flags["patient"] == 1, "illness", np.where(flags["earner"] == 1, "laid_off", "other"))
    return sample


@cache
def found(kind: str = "boosted"):
    return learn(workers(), DESIGN, "poor", [*ODDS, *NULLS], kind=kind, resamples=12)


# --- by hand
def test_the_weighted_auc_is_that_of_all_pairs():
    rng = np.random.default_rng(1)
    score, table = rng.integers(0, 4, 12).astype(float), rng.random((12, 2))
    wins = (score[:, None] > score) + (score[:, None] == score) / 2
    assert _auc(score, table) == pytest.approx(table[:, 1] @ wins @ table[:, 0] / table.sum(axis=0).prod())


# --- planted truth
@pytest.mark.parametrize("kind", ["boosted", "logit"])
def test_planted_factors_stand_above_all_nulls(kind):
    value = found(kind).importance.rows.set_index("factor")["estimate"]
    assert value[list(ODDS)].min() > value[NULLS].abs().max()
    assert set(value.nlargest(2).index) == {"patient", "earner"}


def test_nulls_have_intervals_that_hold_zero():
    rows = found().importance.rows.set_index("factor").loc[NULLS]
    assert ((rows["low"] <= 0) & (rows["high"] >= 0)).all()


def test_factors_that_add_up_gain_nothing_from_interactions():
    row = interactions(found(), found("additive")).rows.iloc[0]
    assert row["low"] < 0.002
    assert abs(row["estimate"]) < 0.01


def test_dependence_recovers_the_gap_of_a_planted_factor():
    risk = found().dependence("patient").rows["estimate"]
    gap = marginal_effects(workers(), DESIGN, "poor", [*ODDS, *NULLS]).rows.set_index("term").loc["patient"]
    assert risk.diff().iloc[1] == pytest.approx(gap["estimate"], abs=0.05)
    assert found().dependence("letter").rows["letter"].tolist() == list("ABCD")


# --- laws
def test_no_household_and_no_psu_is_in_two_folds():
    folds = workers().assign(fold=found().fold)
    assert (folds["fold"] >= 0).all()
    for column in ("household_id", "psu"):
        assert folds.groupby(column)["fold"].nunique().max() == 1


def test_the_same_seed_gives_the_same_numbers_and_another_other_folds():
    sample = workers().iloc[:4000]
    runs = [learn(sample, DESIGN, "poor", ["patient", "rural"], resamples=2, seed=s) for s in ("a", "a", "b")]
    assert np.array_equal(runs[0].thetas, runs[1].thetas)
    assert not np.array_equal(runs[0].fold, runs[2].fold)


# --- agreement
def evidence():
    said = proportion(workers().query("poor == 1"), DESIGN, "cause")
    modelled = marginal_effects(workers(), DESIGN, "poor", [*ODDS, *NULLS])
    return said, modelled, found().importance


def test_evidence_side_by_side():
    result = agreement(*evidence(), causes={"patient": "illness", "earner": "laid_off"})
    rows = result.rows.set_index(["factor", "evidence"])
    assert rows.loc[("patient", "said"), "estimate"] == 1
    assert rows.loc[("patient", "machine"), "estimate"] == 1
    assert set(rows.loc["rural", "verdict"]) == {"unknown"}
    assert rows.loc["rural", "estimate"].isna().all()
    both = concordance(result).rows.set_index(["pair", "statistic"])["estimate"]
    assert both["said_machine", "kendall"] == 1
    assert "一致" in result.table("zh").to_string()


def test_a_factor_that_nobody_names_cannot_be_compared():
    with pytest.raises(Problem) as problem:
        agreement(*evidence(), causes={"patient": "illness"})
    assert problem.value.key == "causes.nothing_common"


# --- errors
@pytest.mark.parametrize(
    ("change", "options", "key"),
    [
        ({"poor": 0.0}, {}, "causes.few_events"),
        ({"psu": 1, "stratum": 1}, {}, "estimate.one_cluster|estimate.lonely_psu"),
        ({}, {"folds": 200}, "causes.few_groups"),
        ({}, {"kind": "deep"}, "estimate.option"),
        ({}, {"unit": "home"}, "estimate.no_column"),
    ],
)
def test_what_cannot_be_learnt_is_refused_by_name(change, options, key):
    with pytest.raises(Problem) as problem:
        learn(workers().assign(**change), DESIGN, "poor", ["patient"], resamples=2, **options)
    assert problem.value.key in key.split("|")


def test_a_complete_count_has_no_resamples():
    with pytest.raises(Problem) as problem:
        learn(workers(), Design.census(), "poor", ["patient"])
    assert problem.value.key == "causes.complete_count"
