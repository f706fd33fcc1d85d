"""Gini, share ratios, Atkinson, generalised entropy: by hand, against R, laws, edges, errors."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from aidlib.estimate import Design, change
from aidlib.poverty import atkinson, generalised_entropy, gini, palma_ratio, quintile_share_ratio
from aidlib.reference import Problem, method
from tests.estimate.oracles import ERROR, ESTIMATE, expected, needs_data, survey
from tests.estimate.test_laws import quick
from tests.poverty.samples import DESIGN, SILC, figures, samples, silc

ALL = {
    "gini": gini,
    "quintile_share_ratio": quintile_share_ratio,
    "palma_ratio": palma_ratio,
    "atkinson": atkinson,
    "generalised_entropy": generalised_entropy,
}


def one(found) -> pd.Series:
    return found.rows.iloc[0]


def people(*incomes: float, **columns) -> pd.DataFrame:
    return pd.DataFrame({"income": list(incomes), **columns})


# --- by hand
def test_the_gini_by_hand():
    weighted = people(1.0, 2, 5, weight=[2.0, 1, 1])
    differences = 2 * (2 * 1 * 1 + 2 * 1 * 4 + 1 * 1 * 3)  # every pair twice, weight times weight times distance
    assert one(gini(weighted, Design("weight"), "income"))["estimate"] == pytest.approx(differences / (2 * 4 * 9))
    assert one(gini(people(0, 0, 0, 1), None, "income"))["estimate"] == 0.75


def test_share_ratios_by_hand():
    ten = people(*range(1, 11))
    assert one(quintile_share_ratio(ten, None, "income"))["estimate"] == (9 + 10) / (1 + 2)
    assert one(palma_ratio(ten, None, "income"))["estimate"] == 10 / (1 + 2 + 3 + 4)


def test_heaped_incomes_need_the_edge_to_be_split():
    heaped = people(*[100.0] * 5, *[200.0] * 3, *[600.0] * 2)
    whole = one(quintile_share_ratio(heaped, None, "income"))["estimate"]
    split = one(quintile_share_ratio(heaped, None, "income", boundary="split"))["estimate"]
    assert (whole, split) == (1200 / 500, 6.0)  # half of all stand at the 20 % quantile
    shares = people(1.0, 2, 3, weight=[3.0, 1, 1])
    row = one(quintile_share_ratio(shares, Design("weight"), "income", boundary="split"))
    assert row["estimate"] == pytest.approx(3 * 1 / (1 * 1))  # a fifth of 5 is 1: the top unit, a third of the lowest


def test_atkinson_and_entropy_by_hand():
    two = people(1.0, 3)
    assert one(atkinson(two, None, "income", epsilon=2))["estimate"] == pytest.approx(1 - (4 / 3) ** -1 * 2 / 2)
    assert one(atkinson(two, None, "income", epsilon=0.5))["estimate"] == pytest.approx(1 - ((1 + 3**0.5) / 2) ** 2 / 2)
    wanted = {0: np.log(2) - np.log(3) / 2, 1: 0.75 * np.log(1.5) + 0.25 * np.log(0.5), 2: 0.125, -1: 1 / 6}
    for alpha, value in wanted.items():
        assert one(generalised_entropy(two, None, "income", alpha=alpha))["estimate"] == pytest.approx(value)


# --- against R survey: means and the delete method of svycontrast, influence values by definition
def call(name: str, sample: pd.DataFrame, design: Design):
    if name.startswith("ge_"):
        alpha = {"0": 0, "1": 1, "2": 2, "m1": -1, "05": 0.5}[name[3:]]
        return generalised_entropy(
            sample, design, "eqIncome", alpha=alpha, nonpositive="drop", by="db040", margins=True
        )
    epsilon = {"05": 0.5, "1": 1, "2": 2}[name[9:]]
    return atkinson(sample, design, "eqIncome", epsilon=epsilon, nonpositive="drop", by="db040", margins=True)


@needs_data
@pytest.mark.parametrize("name", ["ge_0", "ge_1", "ge_2", "ge_m1", "ge_05", "atkinson_05", "atkinson_1", "atkinson_2"])
def test_smooth_measures_agree_with_r_survey(name):
    rows = call(name, silc(), SILC).rows.set_index("db040")
    for domain, parts in figures()["smooth"].items():
        assert rows.loc[domain, "estimate"] == pytest.approx(parts[name]["estimate"], rel=ESTIMATE)
        assert rows.loc[domain, "se"] == pytest.approx(parts[name]["se"], rel=ERROR)


RANKED = {
    "strat": ("api/apistrat.csv", Design("pw", "stype", fpc="fpc")),
    "clus2": ("api/apiclus2.csv", Design("pw", psu=["dnum", "snum"], fpc=["fpc1", "fpc2"])),
}


@needs_data
@pytest.mark.parametrize("key", RANKED)
@pytest.mark.parametrize("name", ["gini", "quintile", "palma"])
def test_measures_of_ranks_agree_with_pairwise_influence_in_r(key, name):
    file, design = RANKED[key]
    statistic = {"gini": gini, "quintile": quintile_share_ratio, "palma": palma_ratio}[name]
    row, wanted = one(statistic(survey(file), design, "api00")), figures()["ranks"][key][name]
    assert row["estimate"] == pytest.approx(wanted["estimate"], rel=ESTIMATE)
    assert row["se"] == pytest.approx(wanted["se"], rel=ERROR)


# --- against laeken and convey
@needs_data
@pytest.mark.parametrize("by", ["db040", "rb090"])
@pytest.mark.parametrize(("name", "factor"), [("gini", 100), ("qsr", 1)])
def test_levels_agree_with_laeken(by, name, factor):
    wanted = expected("eusilc")[f"overall_and_by_{by}"][name]
    statistic = {"gini": gini, "qsr": quintile_share_ratio}[name]
    found = statistic(silc(), SILC, "eqIncome", by=by, margins=True).rows.set_index(by)["estimate"] * factor
    assert found["all"] == pytest.approx(wanted["value"], rel=ESTIMATE)
    assert found[list(wanted["by"])].tolist() == pytest.approx(list(wanted["by"].values()), rel=ESTIMATE)
    unweighted = one(statistic(silc(), None, "eqIncome"))["estimate"] * factor
    assert unweighted == pytest.approx(expected("eusilc")["unweighted"][name]["value"], rel=ESTIMATE)


# R convey as printed: reference pages of version 0.2.5 (eusilc, persons' design) and a package vignette (apistrat)
PRINTED_SILC = [
    (atkinson, {"epsilon": 0.5}, 0.059883, 0.0010),
    (atkinson, {"epsilon": 1}, 0.12311, 0.0021),
    (atkinson, {"epsilon": 2}, 0.37614, 0.0265),
    (generalised_entropy, {"alpha": 0}, 0.13137, 0.0024),
    (generalised_entropy, {"alpha": 0.5}, 0.12161, 0.0020),
    (generalised_entropy, {"alpha": 1}, 0.12053, 0.0021),
    (generalised_entropy, {"alpha": 2}, 0.13675, 0.0035),
]
PRINTED_API = [
    (atkinson, {"epsilon": 0.5}, 0.008841101, 0.0007781485),
    (atkinson, {"epsilon": 1}, 0.017852866, 0.0015768947),
    (generalised_entropy, {"alpha": 1}, 0.01749577, 0.001533703),
    (generalised_entropy, {"alpha": 0}, 0.01801415, 0.001605559),
]


@needs_data
@pytest.mark.parametrize(("statistic", "option", "estimate", "se"), PRINTED_SILC)
def test_agrees_with_the_printed_pages_of_convey(statistic, option, estimate, se):
    row = one(statistic(silc(), Design("rb050", "db040"), "eqIncome", nonpositive="drop", **option))
    assert row["estimate"] == pytest.approx(estimate, abs=6e-6)
    assert row["se"] == pytest.approx(se, abs=6e-5)


@needs_data
@pytest.mark.parametrize(("statistic", "option", "estimate", "se"), PRINTED_API)
def test_agrees_with_the_printed_vignette(statistic, option, estimate, se):
    row = one(statistic(survey("api/apistrat.csv"), Design("pw"), "api00", **option))
    assert row["estimate"] == pytest.approx(estimate, rel=1e-6)  # seven digits are printed
    assert row["se"] == pytest.approx(se, rel=1e-6)


@needs_data
def test_the_gini_of_convey_adds_the_units_own_weights():
    sample = survey("api/apistrat.csv")
    w, y = sample["pw"], sample["api00"]
    own = (w * (w - 1) * y).sum() / (w.sum() * (w * y).sum())
    assert one(gini(sample, Design("pw"), "api00"))["estimate"] + own == pytest.approx(0.1123906, abs=5e-8)
    figure = expected("eusilc")["linearised"]["estimates_fraction"]
    persons = Design("rb050", "db040")
    assert one(gini(silc(), persons, "eqIncome"))["se"] == pytest.approx(figure["gini"]["se"], rel=1e-4)
    assert one(quintile_share_ratio(silc(), persons, "eqIncome"))["se"] == pytest.approx(
        figure["qsr"]["se"],
        rel=2e-3,  # convey smooths the income of those at the edge with a kernel
    )


# --- laws
@quick
@given(samples())
@pytest.mark.parametrize("name", ALL)
def test_inequality_does_not_know_the_currency_nor_the_number_of_people(name, sample):
    columns = ["estimate", "se"]
    found = ALL[name](sample, DESIGN, "income", by="kind").rows[columns]
    richer = ALL[name](sample.assign(income=sample["income"] * 7), DESIGN, "income", by="kind").rows[columns]
    more = ALL[name](sample.assign(weight=sample["weight"] * 3), DESIGN, "income", by="kind").rows[columns]
    twins = pd.concat([sample.assign(weight=sample["weight"] / 2)] * 2, ignore_index=True)
    split = ALL[name](twins, DESIGN, "income", by="kind").rows[columns]
    shuffled = ALL[name](sample.sample(frac=1, random_state=3), DESIGN, "income", by="kind").rows[columns]
    for other in (richer, more, split, shuffled):
        np.testing.assert_allclose(other, found, rtol=1e-7, atol=1e-9)


@quick
@given(samples())
@pytest.mark.parametrize("name", ALL)
def test_a_domain_is_the_sample_of_its_own(name, sample):
    whole = ALL[name](sample, DESIGN, "income", by="kind", margins=True).rows.set_index("kind")
    for kind in sample["kind"].unique():
        part = sample[sample["kind"] == kind]
        alone = one(ALL[name](part, Design("weight", lonely_psu="certainty"), "income"))
        np.testing.assert_allclose(whole.loc[kind, ["estimate"]].astype(float), alone["estimate"], rtol=1e-9)
    total = one(ALL[name](sample, DESIGN, "income"))
    np.testing.assert_allclose(
        whole.loc["all", ["estimate", "se"]].astype(float), total[["estimate", "se"]].astype(float)
    )


def test_a_transfer_from_rich_to_poor_lowers_every_measure():
    rng = np.random.default_rng(4)
    before = people(*rng.lognormal(7, 0.8, 60))
    after = before.copy()
    rich, poor = before["income"].idxmax(), before["income"].idxmin()
    after.loc[rich, "income"] -= 50
    after.loc[poor, "income"] += 50
    for statistic in ALL.values():
        assert one(statistic(after, None, "income"))["estimate"] < one(statistic(before, None, "income"))["estimate"]


def test_the_change_of_a_gini_counts_the_overlap():
    rng = np.random.default_rng(5)
    sample = people(*rng.lognormal(7, 0.6, 300), id=range(300))
    same = one(change(sample, sample, None, gini, "income", unit="id"))
    assert (same["estimate"], same["se"]) == (0, pytest.approx(0, abs=1e-12))
    later = sample.assign(income=sample["income"] * rng.lognormal(0, 0.1, 300))
    paired = one(change(sample, later, None, gini, "income", unit="id"))
    apart = one(change(sample, later.assign(id=range(300, 600)), None, gini, "income", unit="id"))
    assert paired["se"] < 0.5 * apart["se"]


# --- edges
@pytest.mark.parametrize("name", ALL)
def test_equal_incomes_are_equal(name):
    row = one(ALL[name](people(*[500.0] * 40), None, "income"))
    wanted = {"quintile_share_ratio": 0.0, "palma_ratio": 0.0}  # all stand at the edge, none above it
    assert row["estimate"] == pytest.approx(wanted.get(name, 0), abs=1e-12)
    assert row["se"] == pytest.approx(0, abs=1e-9)
    if name.endswith("ratio"):
        split = one(ALL[name](people(*[500.0] * 40), None, "income", boundary="split"))
        assert split["estimate"] == pytest.approx({"quintile_share_ratio": 1, "palma_ratio": 0.25}[name])


@pytest.mark.parametrize("name", ALL)
def test_a_single_row_has_a_value_without_an_error(name):
    row = one(ALL[name](people(500.0, id=[1]), Design(lonely_psu="certainty"), "income"))
    assert (row["n"], row["se"], row["flag"]) == (1, 0, "care")


@pytest.mark.parametrize("name", ALL)
def test_missing_incomes_and_empty_domains_keep_their_rows(name):
    sample = people(100.0, 200, np.nan, 300, np.nan, np.nan, kind=list("aaaabb"))
    rows = ALL[name](sample, None, "income", by="kind").rows.set_index("kind")
    assert rows["n"].tolist() == [3, 0]
    assert rows["flag"].tolist() == ["care", "empty"]
    gone = ALL[name](sample.assign(income=np.nan), None, "income").rows
    assert gone["flag"].tolist() == ["empty"]


@pytest.mark.parametrize("name", ALL)
def test_units_without_weight_carry_nothing(name):
    sample = people(100.0, 200, 400, 800, 1, weight=[1.0, 2, 1, 1, 0])
    with_them = one(ALL[name](sample, Design("weight"), "income"))
    without = one(ALL[name](sample[:4], Design("weight"), "income"))
    assert with_them["estimate"] == pytest.approx(without["estimate"])
    nobody = one(ALL[name](sample.assign(weight=0.0), Design("weight"), "income"))
    assert np.isnan(nobody["estimate"])


def test_negative_incomes_count_in_the_gini():
    row = one(gini(people(-100.0, 100, 300, 500), None, "income"))
    assert row["estimate"] == pytest.approx((3 * 200 + 2 * 400 + 600) * 2 / (2 * 4 * 800))
    assert one(gini(people(-500.0, 100), None, "income"))["flag"] == "empty"
    assert one(quintile_share_ratio(people(-100.0, 1, 2, 3, 4), None, "income"))["flag"] == "empty"


@pytest.mark.parametrize("name", ALL)
def test_a_register_has_no_sampling_error(name):
    row = one(ALL[name](people(100.0, 200, 400, 800, 900), Design.census(), "income"))
    assert (row["se"], row["flag"]) == (0, "")
    assert row["low"] == pytest.approx(row["estimate"]) == row["high"]


# --- errors
@pytest.mark.parametrize("statistic", [atkinson, generalised_entropy])
def test_incomes_of_nothing_are_counted_or_dropped(statistic):
    sample = people(100.0, 0, -5, 300, np.nan)
    with pytest.raises(Problem) as error:
        statistic(sample, None, "income")
    assert (error.value.key, error.value.values) == ("poverty.nonpositive", {"column": "income", "rows": 2})
    row = one(statistic(sample, None, "income", nonpositive="drop"))
    alone = one(statistic(people(100.0, 300), None, "income"))
    assert (row["n"], row["estimate"]) == (2, pytest.approx(alone["estimate"]))


@pytest.mark.parametrize(
    ("statistic", "options", "key"),
    [
        (atkinson, {"epsilon": 0}, "poverty.epsilon"),
        (atkinson, {"nonpositive": "zero"}, "estimate.option"),
        (gini, {"interval": "beta"}, "estimate.option"),
        (quintile_share_ratio, {"boundary": "round"}, "estimate.option"),
        (palma_ratio, {"interval": "logit"}, "estimate.option"),
        (gini, {"by": "nothing"}, "estimate.no_column"),
    ],
)
def test_wrong_options_are_refused(statistic, options, key):
    with pytest.raises(Problem) as error:
        statistic(people(1.0, 2), None, "income", **options)
    assert error.value.key == key


@pytest.mark.parametrize("name", ALL)
def test_every_measure_has_a_note_in_both_languages(name):
    key = ALL[name](people(1.0, 2, 3), None, "income").method
    assert method(key, "zh") != method(key, "en")
