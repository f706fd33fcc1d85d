"""Time-forward validation: who stands on which side, what the figures are, and what noise and planted risks give."""

import inspect
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from aidlib import survey
from aidlib.estimate import Design, function_of
from aidlib.reference import Problem, method
from aidlib.relapse import (
    RiskModel,
    auc,
    brier,
    calibration,
    dossier_spells,
    group_errors,
    known_at_exit,
    precision,
    validate,
)
from aidlib.relapse.validation import exit_years, forward_predictions
from tests.relapse.leavers import DESIGN, PREDICTORS, leavers

EXITS = leavers(4500, 21)
MODEL = RiskModel(1, PREDICTORS)
RULES = ["model", "base_rate", "income_1_5", "income_1_8", "penalised_logit"]
SMALL = RiskModel(1, PREDICTORS[:3], "logit")


@pytest.fixture(scope="module")
def validation():
    return validate(EXITS, DESIGN, MODEL)


def figure(validation, rule, name) -> pd.Series:
    return validation.figures.rows.query("rule == @rule and figure == @name").iloc[0]


@dataclass
class Spy:
    """A rule that notes whom it learns from and whom it predicts."""

    horizon: int = 1
    seen: list = field(default_factory=list)

    def fit(self, exits, design, *, unit="household_id"):
        self.seen.append(exits)
        return self

    def predict(self, exits):
        self.seen.append(exits)
        return np.full(len(exits), 0.2)


# --- who stands where
@pytest.mark.parametrize("horizon", [1, 3])
def test_training_lies_before_and_households_on_one_side_only(horizon):
    spy = Spy()
    forward_predictions(EXITS, DESIGN, {"spy": spy}, RiskModel(horizon, PREDICTORS), unit="household_id")
    assert len(spy.seen) >= 6
    for train, test in zip(spy.seen[::2], spy.seen[1::2], strict=True):
        origin = test["exit_year"].unique()
        assert len(origin) == 1
        assert ((train["exit_date"] + pd.DateOffset(years=horizon)).dt.year < origin[0]).all()
        assert not set(train["household_id"]) & set(test["household_id"])
        assert train[f"returned_{horizon}y"].notna().all() and test[f"returned_{horizon}y"].notna().all()
        whole = EXITS[(EXITS["exit_year"] == origin[0]) & EXITS[f"returned_{horizon}y"].notna()]
        assert len(test) == len(whole)


def test_a_household_that_left_twice_is_taken_out_of_training():
    spy = Spy()
    forward_predictions(EXITS, DESIGN, {"spy": spy}, MODEL, unit="household_id")
    train, test = spy.seen[-2], spy.seen[-1]
    earlier = EXITS[EXITS["exit_year"] < test["exit_year"].iloc[0] - 1]
    again = earlier["household_id"].isin(test["household_id"])
    assert again.sum() > 5 and len(train) == (~again & earlier["returned_1y"].notna()).sum()


@pytest.mark.parametrize("kind", ["boosted", "logit"])
def test_what_comes_later_changes_no_earlier_prediction(kind):
    exits, model = EXITS[EXITS["exit_year"] >= 2020], RiskModel(1, PREDICTORS, kind)
    flipped = exits["returned_1y"].where(exits["exit_year"] < 2022, 1 - exits["returned_1y"])
    before, after = (
        forward_predictions(table, DESIGN, {"model": model}, model, unit="household_id")["risk_model"]
        for table in (exits, exits.assign(returned_1y=flipped))
    )
    early = exits["exit_year"] <= 2023  # learnt from exits of 2021 and before
    assert before[early].notna().sum() > 500
    assert np.array_equal(after[early], before[early], equal_nan=True)
    assert not np.array_equal(after[~early], before[~early], equal_nan=True)


def test_random_splits_cannot_be_asked_for():
    names = set(inspect.signature(validate).parameters)
    assert names == {"exits", "design", "model", "capacity", "thresholds", "unit", "base"}
    with pytest.raises(TypeError):
        validate(EXITS, DESIGN, MODEL, shuffle=True)


# --- the figures
def test_the_figures_are_those_of_the_measures_on_tested_exits(validation):
    tested, outcome = validation.exits, "returned_1y"
    for rule in RULES:
        risk = f"risk_{rule}"
        wanted = {
            "auc": auc(tested, DESIGN, outcome, risk, within="exit_year"),
            "brier": brier(tested, DESIGN, outcome, risk),
            "precision": precision(tested, DESIGN, outcome, risk, capacity=0.2, within="exit_year"),
        }
        for name, part in wanted.items():
            found = figure(validation, rule, name)
            assert found["estimate"] == part.rows["estimate"].item()
            assert found["se"] == pytest.approx(part.rows["se"].item(), abs=1e-9)
    slope = calibration(tested, DESIGN, outcome, "risk_model").rows.iloc[0]
    assert figure(validation, "model", "calibration_slope")["estimate"] == slope["estimate"]
    assert figure(validation, "model", "calibration_slope")["se"] == pytest.approx(slope["se"])


def test_skill_is_against_the_base_rate(validation):
    own, rate = (figure(validation, rule, "brier")["estimate"] for rule in ("model", "base_rate"))
    assert figure(validation, "model", "brier_skill")["estimate"] == pytest.approx(1 - own / rate)
    assert figure(validation, "base_rate", "brier_skill")["estimate"] == 0


def test_the_base_rate_tells_nobody_apart(validation):
    found = figure(validation, "base_rate", "auc")
    assert (found["estimate"], found["se"]) == (0.5, 0)
    assert figure(validation, "base_rate", "recall")["estimate"] == pytest.approx(0.2)
    assert figure(validation, "base_rate", "calibration_slope")["flag"] == "empty"


def test_differences_are_paired(validation):
    tested = validation.exits
    parts = {
        name: auc(tested, DESIGN, "returned_1y", f"risk_{name}", within="exit_year") for name in ("model", "income_1_5")
    }
    wanted = function_of(lambda model, income_1_5: model - income_1_5, measure="difference", **parts).rows.iloc[0]
    found = validation.differences.rows.query("rule == 'income_1_5' and figure == 'auc'").iloc[0]
    assert found[["estimate", "se"]].tolist() == pytest.approx(wanted[["estimate", "se"]].tolist())


def test_the_verdict_asks_the_whole_interval(validation):
    rows = validation.differences.rows.query("figure == 'auc'").set_index("rule")
    assert validation.verdict == {rule: bool(rows.loc[rule, "low"] > 0) for rule in RULES[1:]}
    assert validation.verdict["base_rate"] and not validation.verdict["penalised_logit"]
    better, others = validation.sentence("en").split("; not better than: ")
    assert "Base rate for everyone" in better and others.endswith("Penalised logit.")
    assert validation.sentence("zh").endswith("惩罚logit模型。")


def test_decision_curves_hold_everyone_and_nobody(validation):
    rows = validation.decision.rows
    assert set(rows["rule"]) == {*RULES, "everyone"}
    tested = validation.exits.dropna(subset=["risk_model"])
    share = np.average(tested["returned_1y"], weights=tested["weight"])
    at = rows.query("rule == 'everyone' and threshold == '0.1'")["estimate"].item()
    assert at == pytest.approx(share - (1 - share) / 9)


def test_tables_read_in_both_languages(validation):
    for part in (validation.figures, validation.differences, validation.curve, validation.decision):
        zh, en = part.table("zh"), part.table("en")
        assert zh.shape == en.shape
        assert not any(
            "_" in str(cell) for table in (zh, en) for cell in [*table.columns, *table.iloc[:, :2].values.ravel()]
        )
        assert method(part.method, "zh") != method(part.method, "en")


def test_the_result_repeats_itself(validation):
    again = validate(EXITS.sample(frac=1, random_state=1).sort_index(), DESIGN, MODEL).figures.rows
    pd.testing.assert_frame_equal(again, validation.figures.rows)


# --- planted and noise
def test_the_model_comes_near_what_planted_risks_allow(validation):
    """The oracle knows the planted log odds, all but what nobody sees; the model learns from a few hundred returns."""
    tested = validation.exits.assign(best=EXITS["planted"].where(validation.exits["risk_model"].notna()))
    best = auc(tested, DESIGN, "returned_1y", "best", within="exit_year")
    own = auc(tested, DESIGN, "returned_1y", "risk_model", within="exit_year")
    gap = function_of(lambda best, own: best - own, measure="difference", best=best, own=own).rows.iloc[0]
    assert best.rows["estimate"].item() > 0.58
    assert own.rows["low"].item() > 0.5
    assert -2 * gap["se"] < gap["estimate"] < 0.04


def noise_auc(seed: int) -> tuple[float, float]:
    """Validated AUC of the model on pure noise, and how far chance may take it from one half."""
    exits = leavers(2000, 10_000 + seed, strength=0.0, level=-1.2, sd=0.0)
    tested = forward_predictions(exits, None, {"model": MODEL}, MODEL, unit="household_id")
    row = auc(tested, None, "returned_1y", "risk_model", within="exit_year").rows.iloc[0]
    m, n = row["count"], row["n"] - row["count"]
    return row["estimate"], 4 * np.sqrt((m + n + 1) / (12 * m * n))


def test_noise_gives_one_half_in_a_few_seeds():
    found = np.array([noise_auc(seed) for seed in range(2)])
    assert (np.abs(found[:, 0] - 0.5) < found[:, 1]).all()


@pytest.mark.slow
def test_noise_gives_one_half_on_average_over_100_seeds():
    found = np.array([noise_auc(seed) for seed in range(100)])
    assert abs(found[:, 0].mean() - 0.5) <= 0.01
    assert (np.abs(found[:, 0] - 0.5) < found[:, 1]).all()


@pytest.mark.slow
def test_intervals_of_the_auc_hold_their_level():
    """Of 200 samples in clusters 95 % intervals hold the AUC of the planted risks in a very large sample."""
    truth = auc(leavers(400_000, 1), None, "returned_1y", "planted").rows["estimate"].item()
    rows = pd.concat([auc(leavers(1500, seed), DESIGN, "returned_1y", "planted").rows for seed in range(200)])
    inside = ((rows["low"] <= truth) & (truth <= rows["high"])).mean()
    assert 0.905 <= inside <= 0.99  # 3 standard errors of 0.95 over 200 samples


# --- edges
def test_too_few_returns_are_flagged_and_tell_nothing():
    small = EXITS[(EXITS["exit_year"] <= 2018) | (EXITS.index % 25 == 0)]
    found = validate(small[small["exit_year"] <= 2023], Design("weight"), SMALL)
    events = found.figures.rows.query("rule == 'model' and figure == 'auc'")["count"].item()
    assert (events < 50) == (set(found.figures.rows["flag"]) <= {"quality", "empty"})


@pytest.mark.parametrize("rows", [0, 40])
def test_where_no_year_can_be_tested_everything_is_empty(rows):
    found = validate(EXITS.head(rows), Design("weight"), SMALL)
    for part in (found.figures, found.differences, found.decision):
        assert set(part.rows["flag"]) == {"empty"} and part.rows["estimate"].isna().all()
    assert not any(found.verdict.values())
    assert found.sentence("zh").startswith("可检验")
    assert set(group_errors(found, Design("weight"), ["region"]).rows["flag"]) <= {"empty"}


def test_the_year_may_come_from_the_date():
    assert np.array_equal(exit_years(EXITS.drop(columns="exit_year")), EXITS["exit_year"])


# --- errors
def test_a_complete_count_and_missing_dates_are_refused():
    for exits, design, key in (
        (EXITS, Design.census(), "relapse.complete_count"),
        (EXITS.drop(columns=["exit_year", "exit_date"]), DESIGN, "estimate.no_column"),
    ):
        with pytest.raises(Problem) as error:
            validate(exits, design, SMALL)
        assert error.value.key == key


def test_the_small_demonstration_goes_the_whole_way(demo_store):
    """Exits of the register with what was known of them: no leak, and too few returns to publish anything."""
    found = survey.load("2025", "990000", store=demo_store)
    spells = dossier_spells(found.dossiers, until="2025-12-31")
    exits = known_at_exit(spells, found.panel, found.decisions, until="2025-12-31")
    design = Design(strata="stratum", psu="psu", nested=True, lonely_psu="average")
    for horizon in (1, 3):
        validation = validate(exits, design, RiskModel(horizon))
        flags = set(validation.figures.rows["flag"])
        assert flags <= {"quality", "empty"}
        assert validation.sentence("en").startswith("Fewer than 50 returns")
        assert len(validation.headline.rows) == 15
        tested = validation.exits.dropna(subset=["risk_model"])
        assert (len(tested) > 0) == ("quality" in flags)
