"""Hardship shared out over its causes: by hand, against the general Shapley value, laws, edges, errors, demo."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from aidlib.causes import COSTS, NEEDS, components, hardship_shares, if_reimbursed, shapley
from aidlib.estimate import Design, make_replicates
from aidlib.poverty import fgt
from aidlib.reference import Problem, label, method
from tests.causes.samples import families

DESIGN = Design("weight", "stratum", "psu")
GAME = {"costs": ["illness", "schooling", "care"], "needs": ["crowd", "prices"]}
NAMES = [*GAME["costs"], *GAME["needs"]]
EXACT = 1e-10


def general(sample: pd.DataFrame, alpha: float, line: float, **options):
    """FGT with only some causes there, by the poverty measure itself."""

    def value(present):
        free = [c for c in GAME["costs"] if c not in present]
        raised = sample[[c for c in GAME["needs"] if c not in present]].prod(axis=1)
        frame = sample.assign(net=sample["net"] + sample[free].sum(axis=1), line=line / raised)
        return fgt(frame, DESIGN, "net", line="line", alpha=alpha, **options)

    return value


# --- by hand
def test_a_cost_that_alone_makes_poor_bears_it_all():
    sample = pd.DataFrame({"net": [80.0], "illness": [30.0], "schooling": [10.0]})
    found = hardship_shares(sample, Design.census(), "net", line=100.0, costs=["illness", "schooling"]).rows
    assert found["estimate"].tolist() == [1.0, 0.0, 0.0, 1.0]


def test_costs_of_which_both_are_needed_share_alike_and_so_do_those_of_which_one_is_enough():
    sample = pd.DataFrame({"net": [80.0, 80.0], "illness": [15.0, 25.0], "schooling": [15.0, 25.0]})
    found = hardship_shares(sample, None, "net", line=100.0, costs=["illness", "schooling"]).rows
    assert found["estimate"].tolist() == [0.5, 0.5, 0.0, 1.0]
    bounds = if_reimbursed(sample, None, "net", line=100.0, costs=["illness", "schooling"]).rows
    # one of two: giving back either lifts the second family; the first needs both
    assert bounds["estimate"].tolist() == [0.5, 0.5, 0.5, 0.5]
    assert bounds["made_good"].tolist() == ["alone", "after_others"] * 2


def test_the_gap_by_hand():
    """Net 60, line 100: gap 0.4; without illness (20) 0.2, without schooling (30) 0.1, without both 0."""
    sample = pd.DataFrame({"net": [60.0], "illness": [20.0], "schooling": [30.0]})
    found = hardship_shares(sample, Design.census(), "net", line=100.0, costs=["illness", "schooling"], alpha=1).rows
    assert found["estimate"].tolist() == pytest.approx([(0.2 + 0.1) / 2, (0.3 + 0.2) / 2, 0.0, 0.4])


def test_a_need_raises_the_line():
    """With 1.25 times the mouths to feed an income of 90 stands against 100 instead of 80."""
    sample = pd.DataFrame({"net": [90.0, 70.0], "crowd": [1.25, 1.25]})
    found = hardship_shares(sample, None, "net", line=100.0, needs=["crowd"]).rows
    assert found["estimate"].tolist() == [0.5, 0.5, 1.0]


def test_prices_that_fell_have_a_negative_share():
    sample = pd.DataFrame({"net": [90.0, 70.0], "prices": [0.8, 0.8]})
    found = hardship_shares(sample, None, "net", line=80.0, needs=["prices"]).rows
    assert found["estimate"].tolist() == [-0.5, 1.0, 0.5]


# --- against the general Shapley value and the poverty measure
@pytest.mark.parametrize("alpha", [0, 1, 2])
@pytest.mark.parametrize("by", [None, "district"])
def test_the_fast_way_gives_what_the_slow_way_gives(alpha, by):
    sample = families()
    fast = hardship_shares(sample, DESIGN, "net", line=110.0, alpha=alpha, by=by, margins=by is not None, **GAME)
    slow = shapley(general(sample, alpha, 110.0, by=by, margins=by is not None), NAMES)
    one, other = (found.rows[found.rows["component"].isin(NAMES)] for found in (fast, slow))
    assert one["component"].tolist() == other["component"].tolist()
    assert one["estimate"].to_numpy() == pytest.approx(other["estimate"].to_numpy(), abs=1e-14)
    assert one["se"].to_numpy() == pytest.approx(other["se"].to_numpy(), abs=1e-14)
    whole = fgt(sample, DESIGN, "net", line=110.0, alpha=alpha, by=by, margins=by is not None).rows
    total = fast.rows[fast.rows["component"] == "total"]
    for name in ("estimate", "se", "low", "high", "n", "df", "psus"):
        assert total[name].to_numpy() == pytest.approx(whole[name].to_numpy(), abs=1e-14), name


def test_covariances_are_those_of_the_general_value():
    sample = families()
    fast = hardship_shares(sample, DESIGN, "net", line=110.0, **GAME)
    slow = shapley(general(sample, 0, 110.0), NAMES)
    assert fast.covariance[:5, :5] == pytest.approx(slow.covariance[:5, :5], abs=1e-15)


def test_bounds_are_the_first_and_the_last_step():
    sample = families()
    value = general(sample, 0, 110.0)
    found = if_reimbursed(sample, DESIGN, "net", line=110.0, **GAME).rows.set_index(["component", "made_good"])
    for name in NAMES:
        rest = frozenset(NAMES) - {name}
        alone = value(frozenset(NAMES)).rows["estimate"] - value(rest).rows["estimate"]
        last = value(frozenset({name})).rows["estimate"] - value(frozenset()).rows["estimate"]
        assert found.loc[(name, "alone"), "estimate"] == pytest.approx(alone.item(), abs=1e-14)
        assert found.loc[(name, "after_others"), "estimate"] == pytest.approx(last.item(), abs=1e-14)


def test_replicate_weights_are_used():
    sample = families()
    made = make_replicates(sample, DESIGN, kind="bootstrap", replicates=400)
    found = hardship_shares(made.sample, made.design, "net", line=110.0, **GAME).rows
    linear = hardship_shares(sample, DESIGN, "net", line=110.0, **GAME).rows
    assert found["estimate"].to_numpy() == pytest.approx(linear["estimate"].to_numpy(), abs=1e-15)
    assert found["se"].to_numpy() == pytest.approx(linear["se"].to_numpy(), rel=0.25)


# --- laws
@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("alpha", [0, 1, 1.5])
def test_shares_add_up(alpha, relative):
    found = hardship_shares(
        families(), DESIGN, "net", line=110.0, alpha=alpha, relative=relative, by="district", **GAME
    )
    for total, parts in found.margins:
        values = found.rows["estimate"]
        assert abs(values[list(parts)].sum() - values[total]) < EXACT
        if relative:
            assert values[total] == 1.0 and found.rows["se"][total] < 1e-12
    assert len(found.margins) == 2


def test_the_order_of_the_causes_does_not_matter():
    sample = families()
    first = hardship_shares(sample, DESIGN, "net", line=110.0, alpha=1, **GAME).rows.set_index("component")
    other = hardship_shares(
        sample, DESIGN, "net", line=110.0, alpha=1, costs=["care", "illness", "schooling"], needs=["prices", "crowd"]
    ).rows.set_index("component")
    assert other["estimate"][first.index].to_numpy() == pytest.approx(first["estimate"].to_numpy(), abs=1e-14)


def test_a_share_lies_between_its_least_and_its_greatest_step():
    sample = families()
    value = general(sample, 1, 110.0)
    found = hardship_shares(sample, DESIGN, "net", line=110.0, alpha=1, **GAME).rows.set_index("component")["estimate"]
    others = [c for c in NAMES if c != "illness"]
    steps = []
    for size in range(len(others) + 1):
        for chosen in combinations(others, size):
            sets = (frozenset(chosen) | {"illness"}, frozenset(chosen))
            with_it, without = (value(s).rows["estimate"].item() for s in sets)
            steps.append(with_it - without)
    assert min(steps) <= found["illness"] <= max(steps)


# --- edges
def test_a_cause_that_nobody_has_leaves_the_game_with_a_note():
    sample = families().assign(disaster=0.0, fire=np.nan)
    found = hardship_shares(sample, DESIGN, "net", line=110.0, costs=[*GAME["costs"], "disaster", "fire"])
    without = hardship_shares(sample, DESIGN, "net", line=110.0, costs=GAME["costs"]).rows.set_index("component")
    rows = found.rows.set_index("component")
    assert rows.loc[["disaster", "fire"], "flag"].tolist() == ["empty", "empty"]
    assert rows.loc[["disaster", "fire"], "estimate"].isna().all()
    assert rows.loc[["disaster", "fire"], "n"].tolist() == [240, 0]  # asked and none has it; nobody asked
    kept = without.index
    assert rows.loc[kept, "estimate"].to_numpy() == pytest.approx(without["estimate"].to_numpy(), abs=1e-15)
    assert found.margins == ((6, (0, 1, 2, 5)),)


def test_if_nobody_has_any_cause_all_hardship_is_low_income():
    found = hardship_shares(families().assign(disaster=0.0), DESIGN, "net", line=110.0, costs=["disaster"]).rows
    assert found["estimate"][1] == found["estimate"][2] > 0
    assert found["flag"].tolist() == ["empty", "", ""]
    assert if_reimbursed(families().assign(d=0.0), None, "net", line=110.0, costs=["d"]).rows["estimate"].isna().all()


def test_a_missing_cost_counts_as_none_and_shows_in_n():
    sample = families()
    gone = sample.assign(illness=sample["illness"].mask(sample.index < 40))
    zero = sample.assign(illness=sample["illness"].where(sample.index >= 40, 0.0))
    found, same = (hardship_shares(s, DESIGN, "net", line=110.0, **GAME).rows for s in (gone, zero))
    assert found["estimate"].to_numpy() == pytest.approx(same["estimate"].to_numpy(), abs=1e-15)
    assert found["n"].tolist() == [200, 240, 240, 240, 240, 240, 240]


def test_a_missing_income_or_line_leaves_the_estimate_and_stays_in_the_design():
    sample = families()
    sample["line"] = 110.0
    sample.loc[:20, "net"] = np.nan
    sample.loc[100:105, "line"] = np.nan
    found = hardship_shares(sample, DESIGN, "net", line="line", **GAME).rows
    assert (found["n"] == 240 - 27).all()
    whole = fgt(sample, DESIGN, "net", line="line").rows
    assert found["estimate"].iloc[-1] == pytest.approx(whole["estimate"].item(), abs=1e-15)
    assert found["se"].iloc[-1] == pytest.approx(whole["se"].item(), abs=1e-15)


def test_an_empty_sample_gives_empty_rows():
    found = hardship_shares(families().head(0), None, "net", line=110.0, **GAME).rows
    assert len(found) == 7 and (found["flag"] == "empty").all()


def test_blocks_of_households_do_not_show(monkeypatch):
    sample = families()
    whole = hardship_shares(sample, DESIGN, "net", line=110.0, alpha=1, **GAME).rows
    monkeypatch.setattr("aidlib.causes.accounting.CELLS", 64)
    pd.testing.assert_frame_equal(hardship_shares(sample, DESIGN, "net", line=110.0, alpha=1, **GAME).rows, whole)


# --- errors
@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"costs": ["illness"], "alpha": -1}, "poverty.alpha"),
        ({}, "causes.factors"),
        ({"costs": ["illness", "illness"]}, "causes.factors"),
        ({"costs": ["illness", "total"]}, "causes.factors"),
        ({"costs": ["minus"]}, "causes.negative"),
        ({"needs": ["care"]}, "causes.need"),
        ({"costs": [f"c{j}" for j in range(13)]}, "causes.too_many"),
        ({"costs": ["fire"]}, "estimate.no_column"),
        ({"costs": ["district"]}, "estimate.not_numeric"),
    ],
)
@pytest.mark.parametrize("call", [hardship_shares, if_reimbursed])
def test_what_cannot_be_split_is_named(call, options, key):
    sample = families().assign(minus=-1.0)
    with pytest.raises(Problem) as error:
        call(sample, DESIGN, "net", line=100.0, **options)
    assert error.value.key == key


def test_notes_and_labels_stand_in_both_languages():
    for key in ("causes_shares", "causes_reimbursed"):
        assert method(key, "zh") and method(key, "en")
    for name in (*COSTS, *NEEDS, "low_income"):
        assert label("component", name, "zh") != name and label("component", name, "en") != name


# --- the demonstration survey
@pytest.fixture(scope="module")
def made(demo):
    return components(demo.households, demo.members, base=2018)


def test_costs_are_what_net_income_takes_off(made):
    rigid = made[["illness_cost", "schooling_cost", "disability_cost", "work_cost", "other_cost"]].sum(axis=1)
    assert rigid.to_numpy() == pytest.approx((made["income"] - made["net_income"]).fillna(rigid).to_numpy(), abs=1e-6)


def test_hardship_of_the_demonstration_adds_up(demo, made):
    for alpha in (0, 1):
        shares = hardship_shares(
            made, demo.design(), "net_income", line="line", multiple=2.0, alpha=alpha, costs=COSTS, needs=NEEDS
        )
        values = shares.rows["estimate"].fillna(0.0)
        assert abs(values.iloc[:-1].sum() - values.iloc[-1]) < EXACT
        whole = fgt(made, demo.design(), "net_income", line="line", multiple=2.0, alpha=alpha).rows
        assert values.iloc[-1] == pytest.approx(whole["estimate"].item(), abs=1e-15)
        assert (values.iloc[:-1] >= 0).all()
    assert values[shares.rows["component"] == "illness_cost"].item() > 0


def test_causes_weigh_on_the_households_that_were_given_them(demo, made):
    """The demonstration plants medical costs of 45 % of income with a patient, of 14 % without."""
    options = {"line": "line", "multiple": 2.0, "alpha": 1, "costs": COSTS, "needs": NEEDS}
    filed = made.assign(net_income=made["net_income"].where(made["frame"].eq("on_file")))
    with_patient = hardship_shares(filed, demo.design(), "net_income", relative=True, by="has_patient", **options).rows
    shares = with_patient.set_index(["has_patient", "component"])["estimate"]
    assert shares["1", "illness_cost"] > 1.5 * shares["0", "illness_cost"] > 0
    at_work = hardship_shares(filed, demo.design(), "net_income", by="has_jobless_earner", **options).rows
    shares = at_work.set_index(["has_jobless_earner", "component"])["estimate"]
    assert shares["0", "lost_earner"] == 0.0 and shares["1", "lost_earner"] > 0
    at_school = hardship_shares(filed, demo.design(), "net_income", relative=True, by="has_student", **options).rows
    shares = at_school.set_index(["has_student", "component"])["estimate"]
    assert shares["1", "schooling_cost"] > 1.5 * shares["0", "schooling_cost"]
