"""Log-rank tests: by hand, against R, laws, edges, errors."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from aidlib.estimate import Design, Estimates, equality, make_replicates, mean
from aidlib.reference import Problem, heading, method
from aidlib.relapse import logrank
from tests.relapse.staggered import EXACT, made, oracle, stored

CLUSTERED = Design("weight", "stratum", "psu")
LATE = {"duration": "time", "event": "event", "entry": "entry"}


def values(found: Estimates) -> dict[str, float]:
    return found.rows.set_index("measure")["estimate"].to_dict()


def chi_square(found: Estimates) -> float:
    """The Wald statistic from its F."""
    f, q, df = *found.rows["estimate"].tolist()[:2], found.rows["df"].iloc[0]
    return f * df * q / (df - q + 1)


# --- by hand
def test_the_test_by_hand():
    """Scores and their sandwich variance, written out for six spells of two groups."""
    sample = pd.DataFrame({"time": [1, 2, 3, 4, 5, 6], "event": 1, "grade": list("aababb")})
    in_a, shares = np.array([1, 1, 0, 1, 0, 0]), np.zeros(6)
    for k in range(6):
        p = in_a[k:].mean()
        shares[k] += in_a[k] - p
        shares[k:] -= (in_a[k:] - p) / (6 - k)
    statistic = shares.sum() ** 2 / (6 / 5 * ((shares - shares.mean()) ** 2).sum())
    found = values(logrank(sample, None, duration="time", event="event", by="grade"))
    assert found["wald_f"] == pytest.approx(statistic)
    assert found["p_value"] == pytest.approx(stats.f.sf(statistic, 1, 5))


# --- against R (tests/relapse/oracles/curves.R)
@pytest.mark.parametrize("rho", [0, 1])
@pytest.mark.parametrize("by", ["sex", "group"])
def test_it_is_svylogrank_where_no_times_are_tied(by, rho):
    wanted = oracle()["logrank"]
    design = Design("weight", "stratum", "inst")
    found = logrank(stored("lung"), design, duration="untied", event="event", by=by, rho=rho)
    assert chi_square(found) == pytest.approx(wanted["untied"][f"{by}{rho}"], rel=EXACT)
    assert found.rows["df"].iloc[0] == wanted["df"]


@pytest.mark.parametrize(("by", "rho"), [("sex", 0), ("group", 1)])
def test_it_is_the_total_of_the_rows_shares_where_times_are_tied(by, rho):
    design = Design("weight", "stratum", "inst")
    found = logrank(stored("lung"), design, duration="time", event="event", by=by, rho=rho)
    assert chi_square(found) == pytest.approx(oracle()["logrank"]["tied"][f"{by}{rho}"], rel=EXACT)


def test_late_entry_and_one_cause_are_the_total_of_the_rows_shares():
    sample, wanted = stored("staggered"), oracle()["logrank"]["staggered"]
    every = logrank(sample, CLUSTERED, **LATE, by="group")
    death = logrank(sample, CLUSTERED, **{**LATE, "event": "exit"}, cause="death", by="group", rho=1)
    assert chi_square(every) == pytest.approx(wanted["event"], rel=EXACT)
    assert chi_square(death) == pytest.approx(wanted["death"], rel=EXACT)


def test_without_a_design_it_approaches_survdiff():
    """The sandwich variance and the hypergeometric one agree in large samples under the hypothesis."""
    wanted = oracle()["logrank"]["classical"]
    for rho, classical in enumerate(wanted):
        found = chi_square(logrank(stored("lung"), None, duration="time", event="event", by="sex", rho=rho))
        assert found == pytest.approx(classical, rel=0.15)  # 227 patients, and a true difference
    sample = made(np.random.default_rng(1), 40, 10, 40)
    sample["group"] = np.random.default_rng(2).choice(list("abc"), len(sample))
    wald = values(logrank(sample, None, **LATE, by="group"))["wald_f"]
    classical = values(logrank(sample, None, **LATE, by="group", test="classical"))["chi_square"]
    assert wald == pytest.approx(classical / 2, rel=0.03)


def test_the_classical_test_is_survdiff():
    for rho, wanted in enumerate(oracle()["logrank"]["classical"]):
        found = logrank(stored("lung"), None, duration="time", event="event", by="sex", rho=rho, test="classical")
        assert values(found)["chi_square"] == pytest.approx(wanted, rel=EXACT)
        assert values(found)["p_value"] == pytest.approx(stats.chi2.sf(wanted, 1))


def test_remission_times_differ_as_in_the_textbook():
    """Freireich et al. (1963), 6-MP and placebo: 16.79 on 1 degree of freedom, whether by sample or by register."""
    ended, censored = [6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    rows = [(t, 1, "m") for t in ended] + [(t, 0, "m") for t in censored] + [(t, 1, "p") for t in placebo]
    sample = pd.DataFrame(rows, columns=["time", "event", "arm"])
    for design in (None, Design.census()):
        found = logrank(sample, design, duration="time", event="event", by="arm", test="classical")
        assert round(values(found)["chi_square"], 2) == 16.79


# --- laws
def test_two_groups_have_one_test():
    sample = made(np.random.default_rng(3))
    wald, corrected = (values(logrank(sample, CLUSTERED, **LATE, by="grade", test=t)) for t in ("wald", "rao_scott"))
    assert list(wald.values()) == pytest.approx(list(corrected.values()))


def test_rao_scott_divides_by_the_design_effects():
    """With every row three times the classical statistic triples, its design effects too: F stays."""
    sample = made(np.random.default_rng(4), 4, 10, 5)
    sample["group"] = np.random.default_rng(5).choice(list("abcd"), len(sample))
    design, three = Design(psu="unit"), pd.concat([sample] * 3)
    once, thrice = (values(logrank(s, design, **LATE, by="group", test="rao_scott")) for s in (sample, three))
    assert list(once.values()) == pytest.approx(list(thrice.values()), rel=0.01)  # but for Y - 1 in its variance


def test_scale_order_and_names_of_groups_do_not_matter():
    sample = made(np.random.default_rng(6))
    found = values(logrank(sample, CLUSTERED, **LATE, by="grade", rho=0.5))
    other = sample.assign(weight=sample["weight"] * 7, grade=sample["grade"].map({"deep": "z", "near": "y"}))
    other = other.assign(time=other["time"] * 12, entry=other["entry"] * 12).sample(frac=1, random_state=1)
    assert values(logrank(other, CLUSTERED, **LATE, by="grade", rho=0.5)) == pytest.approx(found)


def test_replicate_weights_give_nearly_the_same_test():
    sample = made(np.random.default_rng(7), 6, 8, 10)
    done = make_replicates(sample, CLUSTERED)
    plain, other = (
        chi_square(logrank(*pair, **LATE, by="grade")) for pair in ((sample, CLUSTERED), (done.sample, done.design))
    )
    assert other == pytest.approx(plain, rel=0.05)


def test_without_censoring_and_time_it_compares_shares():
    """One event time: the score is a difference of shares, tested about the common one."""
    sample = made(np.random.default_rng(8)).assign(time=1.0, entry=0.0)
    found = values(logrank(sample, CLUSTERED, **LATE, by="grade"))
    shares = values(equality(mean(sample, CLUSTERED, "event", by="grade")))
    assert found["wald_f"] == pytest.approx(shares["wald_f"], rel=0.15)


def test_groups_of_several_columns_are_their_cross():
    sample = made(np.random.default_rng(9), 6, 8, 20)
    sample["sex"] = np.random.default_rng(10).choice(["f", "m"], len(sample))
    sample["cell"] = sample["grade"] + sample["sex"]
    a, b = (values(logrank(sample, CLUSTERED, **LATE, by=by)) for by in (["grade", "sex"], "cell"))
    assert a == pytest.approx(b)
    assert a["df_numerator"] == 3


@pytest.mark.slow
def test_the_level_holds_under_equal_hazards():
    rng, draws = np.random.default_rng(20250103), 2000
    rejected = []
    for _ in range(draws):
        sample = made(rng, 6, 6, 10)
        rejected.append(
            [
                values(logrank(sample, CLUSTERED, **LATE, by="grade", test=t))["p_value"] < 0.05
                for t in ("wald", "rao_scott")
            ]
        )
    assert np.abs(np.mean(rejected, axis=0) - 0.05).max() <= 3 * np.sqrt(0.95 * 0.05 / draws) + 0.01


def test_a_true_difference_is_found():
    sample = made(np.random.default_rng(11), 6, 8, 20)
    slower = sample["grade"] == "deep"
    sample["time"] = sample["time"].where(~slower, sample["entry"] + 2 * (sample["time"] - sample["entry"]))
    assert values(logrank(sample, CLUSTERED, **LATE, by="grade"))["p_value"] < 1e-4


# --- edges
def test_a_group_that_nobody_is_in_does_not_count():
    sample = made(np.random.default_rng(12)).assign(sex=lambda s: np.where(s["grade"] == "deep", "f", "m"))
    a, b = (values(logrank(sample, CLUSTERED, **LATE, by=by)) for by in ("grade", ["grade", "sex"]))
    assert a == pytest.approx(b)


def test_more_groups_than_clusters_leave_no_wald_test():
    sample = made(np.random.default_rng(13), 1, 4, 40)
    sample["group"] = np.arange(len(sample)) % 8
    design = Design("weight", psu="psu")
    wald = values(logrank(sample, design, **LATE, by="group"))
    corrected = values(logrank(sample, design, **LATE, by="group", test="rao_scott"))
    assert 0 < corrected["p_value"] < 1
    assert np.isnan(wald["p_value"]) or wald["df_numerator"] <= 3


# --- errors and words
@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"by": "one"}, "relapse.one_group"),
        ({"by": "grade", "test": "gehan"}, "estimate.option"),
        ({"by": "grade", "event": "exit", "cause": "lost"}, "relapse.no_cause"),
        ({"by": "nothing"}, "estimate.no_column"),
    ],
)
def test_impossible_questions_are_refused(options, key):
    sample = made(np.random.default_rng(14)).assign(one="a")
    with pytest.raises(Problem) as raised:
        logrank(sample, CLUSTERED, **{**LATE, **options})
    assert raised.value.key == key
    assert all(raised.value.text(language) for language in ("zh", "en"))


def test_both_tests_are_worded_in_both_languages():
    for test in ("wald", "rao_scott", "classical"):
        found = logrank(made(np.random.default_rng(15)), CLUSTERED, **LATE, by="grade", test=test)
        for language in ("zh", "en"):
            assert method(found.method, language)
            assert all(heading(measure, language) != measure for measure in found.rows["measure"])
