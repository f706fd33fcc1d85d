"""Means, shares, totals, counts, ratios: by hand, against R survey, edges, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, count, mean, proportion, ratio, total
from aidlib.reference import Problem
from tests.estimate.oracles import REPLICATED, TAYLOR, agree, expected, needs_data, studied, survey


@pytest.fixture
def households() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "district": ["north"] * 6 + ["south"] * 6,
            "village": [1, 1, 2, 2, 3, 3] * 2,  # codes repeat between districts, as they do in the field
            "weight": [10.0, 12, 20, 20, 15, 18, 30, 30, 25, 22, 40, 35],
            "income": [300.0, 900, 450, 520, 800, 700, 550, 1000, 620, 580, 100, 1500],
            "sex": list("fmfmffmfmfmf"),
        }
    )


DESIGN = Design(weight="weight", strata="district", psu="village", nested=True)


# --- by hand
def test_a_simple_random_sample_has_the_textbook_error():
    sample = pd.DataFrame({"y": [1.0, 2, 3, 6]})
    row = mean(sample, None, "y").rows.iloc[0]
    assert row["estimate"] == 3
    assert row["se"] == pytest.approx(np.sqrt(((4 + 1 + 0 + 9) / 3) / 4))
    assert (row["n"], row["df"], row["psus"]) == (4, 3, 4)
    assert row["high"] - row["estimate"] == pytest.approx(3.182446305284263 * row["se"])  # qt(0.975, 3)


def test_clusters_of_two_strata_by_hand():
    sample = pd.DataFrame({"s": [1, 1, 1, 2, 2], "p": [1, 1, 2, 1, 2], "w": [2.0, 2, 3, 1, 1], "y": [1.0, 2, 5, 4, 8]})
    row = total(sample, Design("w", "s", "p", nested=True), "y").rows.iloc[0]
    assert row["estimate"] == 2 + 4 + 15 + 4 + 8
    # cluster totals 6 and 15, 4 and 8: 2 / 1 * (4.5² + 4.5²) + 2 / 1 * (2² + 2²)
    assert row["se"] == pytest.approx(np.sqrt(2 * 2 * 4.5**2 + 2 * 2 * 2**2))
    assert (row["df"], row["count"], row["psus"]) == (2, 5, 4)
    assert (row["top1"], row["top2"]) == pytest.approx((15 / 33, 23 / 33))


def test_a_register_is_a_complete_count(households):
    found = count(households, Design.census(), by="sex", margins=True)
    assert found.rows["estimate"].tolist() == [7, 5, 12]
    assert (found.rows["se"] == 0).all()
    assert found.rows["low"].tolist() == found.rows["high"].tolist() == [7, 5, 12]
    assert (found.base, found.method, found.additive) == ("R", "register_count", True)
    assert found.margins == ((2, (0, 1)),)


# --- against R survey 4.1-1 without files
# des <- svydesign(~village, strata = ~district, weights = ~weight, data = d, nest = TRUE); g = income < 600
# svymean(~g, des); confint(svymean(~g, des), df = degf(des)); svyby(~g, ~sex, des, svymean)
def test_a_share_agrees_with_r(households):
    sample = households.assign(g=households["income"] < 600)
    row = proportion(sample, DESIGN, "g", interval="wald").rows.iloc[0]
    figures = [0.512635379061, 0.114796216656, 0.193909985230, 0.831360772893]
    assert row[["estimate", "se", "low", "high"]].tolist() == pytest.approx(figures, abs=1e-10)
    by_sex = mean(sample, DESIGN, "g", by="sex").rows
    assert by_sex.loc[0, ["estimate", "se"]].tolist() == pytest.approx([0.346666666667, 0.225370200797], abs=1e-10)


# scd (Levy & Lemeshow): des <- svydesign(data = scd, id = ~ambulance, strata = ~ESA, nest = TRUE)
# svyratio(~alive, ~arrests, des); svytotal(~alive + arrests, des)
def test_survival_after_cardiac_arrest_agrees_with_r():
    scd = pd.DataFrame(
        {
            "ESA": [1, 1, 2, 2, 3, 3],
            "ambulance": [1, 2, 1, 2, 1, 2],
            "arrests": [120, 78, 185, 228, 670, 530],
            "alive": [25, 24, 30, 49, 80, 70],
        }
    )
    design = Design(strata="ESA", psu="ambulance", nested=True)
    row = ratio(scd, design, "alive", "arrests").rows.iloc[0]
    assert [row["estimate"], row["se"]] == pytest.approx([0.153506350082827, 0.00980730359997476], rel=1e-10)
    assert total(scd, design, "arrests").rows["se"].item() == pytest.approx(152.35813073151, rel=1e-10)


# --- against R survey on the California schools
@needs_data
@pytest.mark.parametrize("key", TAYLOR + REPLICATED)
def test_means_and_totals_agree_with_r(key):
    sample, design = studied(key)
    figures = expected("api")["designs"][key]
    for name in ("api00", "api99", "meals"):
        rows = mean(sample, design, name).rows
        agree(rows, figures["mean_api00_api99_meals"], [name])
        assert rows["df"].item() == figures["degf"]
    agree(total(sample, design, "enroll").rows, figures["total_enroll"], ["enroll"])
    types = ["stypeE", "stypeH", "stypeM"]
    agree(count(sample, design, by="stype").rows, figures["total_stype"], types)
    agree(proportion(sample, design, "stype", interval="wald").rows, figures["mean_stype"], types)
    assert count(sample, design).rows["estimate"].item() == pytest.approx(figures["sum_weights"], rel=1e-9)


@needs_data
@pytest.mark.parametrize("key", TAYLOR + REPLICATED)
def test_domains_and_ratios_agree_with_r(key):
    sample, design = studied(key)
    figures = expected("api")["designs"][key]
    agree(ratio(sample, design, "api.stu", "enroll").rows, figures["ratio_apistu_enroll"], ["api.stu/enroll"])
    agree(ratio(sample, design, "api.stu", "enroll", by="stype").rows, figures["ratio_by_stype"], ["E", "H", "M"])
    agree(mean(sample, design, "enroll", by="stype").rows, figures["mean_enroll_by_stype"], ["E", "H", "M"])
    agree(mean(sample, design, "api00", by="sch.wide").rows, figures["mean_api00_by_schwide"], ["No", "Yes"])
    crossed = total(sample, design, "enroll", by=["sch.wide", "stype"]).rows
    names = (crossed["sch.wide"] + "." + crossed["stype"]).tolist()
    agree(crossed, figures["total_enroll_by_schwide_stype"], names)


@needs_data
@pytest.mark.parametrize("policy", ["remove", "certainty", "adjust", "average"])
def test_lonely_psu_policies_agree_with_r(policy):
    strat = survey("api/apistrat.csv")
    sample = strat[(strat["stype"] != "H") | (strat["snum"] == 627)]
    rows = mean(sample, Design(weight="pw", strata="stype", lonely_psu=policy), "api00").rows
    agree(rows, expected("api")["lonely_psu"][policy], ["api00"])


@needs_data
def test_eusilc_persons_agree_with_r():
    sample = survey("eusilc/eusilc.csv.gz")
    figures = expected("eusilc")["survey_person_design"]
    design = Design(weight="rb050", strata="db040")
    regions = list(figures["mean_by_db040"]["estimate"])
    agree(mean(sample, design, "eqIncome").rows, figures["mean_eqIncome"], ["eqIncome"])
    agree(mean(sample, design, "eqIncome", by="db040").rows, figures["mean_by_db040"], regions)
    persons = count(sample, design, by="db040", unit="persons").rows
    agree(persons, figures["total_persons_by_region"], [f"db040{r}" for r in regions])
    women = proportion(sample.assign(female=sample["rb090"] == "female"), design, "female", by="db040").rows
    agree(women, figures["share_by_region_of_female"], regions)


@needs_data
def test_households_are_the_clusters_of_eusilc():
    """The error of the at-risk share is 0.295 points if persons are taken as drawn, about 0.48 with households."""
    sample = survey("eusilc/eusilc.csv.gz")
    sample = sample.assign(poor=sample["eqIncome"] < 10859.24)
    by_person = mean(sample, Design("rb050", "db040"), "poor").rows["se"].item()
    by_household = mean(sample, Design("rb050", "db040", "db030"), "poor").rows["se"].item()
    assert by_person == pytest.approx(0.00294971827594679, rel=1e-6)
    assert by_household == pytest.approx(1.7 * by_person, rel=0.05)


# --- intervals of shares
# svyciprop(~g, des, method = "logit") is log odds ± qt(0.975, degf) * se / (p (1 - p)); "beta" as Korn & Graubard
def test_the_logit_interval_stays_inside(households):
    sample = households.assign(rich=households["income"] > 1200)
    row = proportion(sample, DESIGN, "rich").rows.iloc[0]
    p, half = row["estimate"], 2.7764451051977934 * row["se"] / (row["estimate"] * (1 - row["estimate"]))  # qt(.975, 4)
    assert [row["low"], row["high"]] == pytest.approx([1 / (1 + (1 - p) / p * np.exp(s * half)) for s in (1, -1)])
    assert proportion(sample, DESIGN, "rich", interval="wald").rows["low"].item() < 0


def test_the_beta_interval_of_a_simple_sample_is_clopper_pearson():
    sample = pd.DataFrame({"y": [1.0] * 3 + [0.0] * 17})
    row = proportion(sample, None, "y", interval="beta").rows.iloc[0]
    # with se² = p q / (n - 1) the effective size is n - 1 = 19: qbeta(.025, 19 * .15, 19 * .85 + 1) and its mirror
    assert [row["low"], row["high"]] == pytest.approx([0.0296, 0.3860], abs=2e-3)


@pytest.mark.parametrize("interval", ["logit", "beta"])
def test_a_share_of_nobody_has_an_upper_limit(households, interval):
    row = proportion(households.assign(y=0.0), DESIGN, "y", interval=interval).rows.iloc[0]
    assert (row["estimate"], row["se"], row["low"]) == (0, 0, 0)
    assert row["high"] == pytest.approx(1 - 0.025 ** (1 / 6))  # six clusters, each counted once


# --- domains, margins, categories
def test_every_cell_of_the_cross_has_a_row(households):
    sample = households.assign(kind=["a", "a", "b", "b", "a", "a"] + ["a"] * 6)
    found = mean(sample, DESIGN, "income", by=["district", "kind"])
    cells = found.rows[["district", "kind", "n", "flag"]].values.tolist()
    assert cells[3] == ["south", "b", 0.0, "empty"]
    assert found.rows.loc[3, ["estimate", "se", "low", "high"]].isna().all()
    assert [c[:3] for c in cells[:3]] == [["north", "a", 4.0], ["north", "b", 2.0], ["south", "a", 6.0]]


def test_margins_name_their_parts(households):
    found = total(households, DESIGN, "income", by=["district", "sex"], margins=True)
    rows = found.rows
    assert rows[["district", "sex"]].agg("/".join, axis=1).tolist() == [
        "north/f", "north/m", "north/all", "south/f", "south/m", "south/all", "all/f", "all/m", "all/all",
    ]  # fmt: skip
    for whole, parts in found.margins:
        assert rows.loc[list(parts), "estimate"].sum() == pytest.approx(rows.loc[whole, "estimate"])
        assert rows.loc[list(parts), "n"].sum() == rows.loc[whole, "n"]
    assert len(found.margins) == 6


def test_the_margin_is_the_estimate_without_domains(households):
    with_margin = mean(households, DESIGN, "income", by="sex", margins=True).rows.iloc[-1]
    alone = mean(households, DESIGN, "income").rows.iloc[0]
    pd.testing.assert_series_equal(with_margin[2:], alone[2:], check_names=False)


def test_shares_of_categories_keep_the_given_order(households):
    found = proportion(households, DESIGN, "sex", by="district", categories=["m", "f", "x"])
    assert found.keys == ("sex",)
    assert found.rows["sex"].tolist() == ["m", "f", "x"] * 2
    assert found.rows["count"].tolist() == [2, 4, 0, 3, 3, 0]
    assert found.rows.groupby("district")["estimate"].sum().tolist() == pytest.approx([1, 1])


def test_domain_values_become_text_in_their_own_order(households):
    sample = households.assign(code=[10.0, 9, 9, 10, 2, 2] * 2, woman=households["sex"] == "f")
    assert mean(sample, DESIGN, "income", by="code").rows["code"].tolist() == ["2", "9", "10"]
    assert mean(sample, DESIGN, "income", by="woman").rows["woman"].tolist() == ["0", "1"]
    ordered = sample.assign(level=pd.Categorical(sample["sex"], categories=["m", "f", "none"]))
    assert mean(ordered, DESIGN, "income", by="level").rows["level"].tolist() == ["m", "f"]


# --- missing values
def test_missing_values_leave_the_domain_but_not_the_design(households):
    households.loc[[0, 1], "income"] = np.nan
    row = mean(households, DESIGN, "income").rows.iloc[0]
    assert (row["n"], row["df"], row["psus"]) == (10, 4, 5)
    # the domain "has an income" of a design with all six villages, as R's subset() treats it
    known = households["income"].notna()
    y = households["income"].fillna(0)
    same = ratio(households.assign(y=y, one=known.astype(float)), DESIGN, "y", "one").rows.iloc[0]
    assert [row["estimate"], row["se"]] == pytest.approx([same["estimate"], same["se"]])


def test_units_without_a_domain_stand_nowhere(households):
    households.loc[0, "sex"] = None
    found = count(households, DESIGN, by="sex", margins=True)
    assert found.rows["n"].tolist() == [6, 5, 11]


def test_a_column_without_any_value_gives_an_empty_row(households):
    sample = households.assign(nothing=np.nan, group=pd.Series([None] * 12, dtype="str"))
    for found in [
        mean(sample, DESIGN, "nothing"),
        mean(sample, DESIGN, "income", by="group"),
        proportion(sample, DESIGN, "group"),
    ]:
        assert found.rows[["n", "flag"]].values.tolist() == [[0.0, "empty"]]


def test_an_empty_sample_gives_an_empty_row(households):
    row = mean(households.iloc[:0], DESIGN, "income").rows.iloc[0]
    assert (row["n"], row["flag"]) == (0, "empty")


def test_domain_degrees_of_freedom_count_clusters_with_a_member(households):
    sample = households.assign(part=["a", "a", "b", "b", "b", "b"] + ["c"] * 6)
    assert mean(sample, DESIGN, "income", by="part", df="domain").rows["df"].tolist() == [0, 1, 2]
    assert mean(sample, DESIGN, "income", by="part").rows["df"].tolist() == [4, 4, 4]


def test_without_degrees_of_freedom_there_is_no_interval():
    sample = pd.DataFrame({"y": [1.0]})
    row = mean(sample, Design(lonely_psu="certainty"), "y").rows.iloc[0]
    assert (row["estimate"], row["df"], row["flag"]) == (1, 0, "care")
    assert row[["low", "high"]].isna().all()


def test_small_samples_are_flagged(households):
    assert mean(households, DESIGN, "income").rows["flag"].item() == "care"
    many = pd.DataFrame({"y": np.arange(100.0)})
    assert mean(many, None, "y").rows["flag"].item() == ""


def test_the_sample_is_left_as_it_was(households):
    before = households.copy()
    proportion(households, DESIGN, "sex", by="district", margins=True)
    pd.testing.assert_frame_equal(households, before)


# --- errors
def test_a_lonely_psu_is_named_with_the_remedy(households):
    one_village = households[~((households["district"] == "north") & (households["village"] > 1))]
    with pytest.raises(Problem, match=r"single PSU: north\. Merge"):
        mean(one_village, DESIGN, "income")


def test_a_stratum_that_is_whole_in_the_sample_is_not_lonely(households):
    sample = households[~((households["district"] == "north") & (households["village"] > 1))]
    sample = sample.assign(villages=np.where(sample["district"] == "north", 1, 30))
    design = Design("weight", "district", "village", fpc="villages", nested=True)
    assert mean(sample, design, "income", by="district").rows["se"].iloc[0] == 0


@pytest.mark.parametrize(
    ("change", "design", "key"),
    [
        ({"weight": np.nan}, DESIGN, "estimate.missing_design"),
        ({"weight": -1.0}, DESIGN, "estimate.bad_weight"),
        ({"income": np.inf}, DESIGN, "estimate.infinite"),
        ({"income": "none"}, DESIGN, "estimate.not_numeric"),
        (
            {"size": np.arange(12) + 3},
            Design("weight", "district", "village", fpc="size", nested=True),
            "estimate.bad_fpc",
        ),
        ({"size": 2}, Design("weight", "district", "village", fpc="size", nested=True), "estimate.bad_fpc"),
        ({}, Design("weight", "region", "village"), "estimate.no_column"),
        ({}, Design("weight", "district", "village"), "estimate.crossing"),
    ],
)
def test_bad_columns_are_named(households, change, design, key):
    with pytest.raises(Problem) as error:
        mean(households.assign(**change), design, "income")
    assert error.value.key == key


def test_a_number_and_its_text_are_one_domain():
    sample = pd.DataFrame({"y": [1.0, 2, 3, 4], "town": pd.Series([1, "1", "2", None], dtype=object)})
    rows = mean(sample, None, "y", by="town").rows
    assert rows[["town", "estimate", "n"]].to_numpy().tolist() == [["1", 1.5, 2], ["2", 3, 1]]


def test_clusters_in_two_strata_are_refused_by_name(households):
    with pytest.raises(Problem, match=r"more than one stratum: 1, 2 \(8 rows\)"):
        mean(households.query("district == 'north' or village < 3"), Design("weight", "district", "village"), "income")


def test_wrong_options_are_refused(households):
    calls = [
        (lambda: Design(lonely_psu="guess"), "estimate.option"),
        (lambda: Design(psu="p", fpc=["a", "b"]), "estimate.fpc_stages"),
        (lambda: mean(households, DESIGN, "income", df="none"), "estimate.option"),
        (lambda: proportion(households, DESIGN, "income"), "estimate.not_binary"),
        (lambda: proportion(households, DESIGN, "sex", interval="exact"), "estimate.option"),
        (lambda: mean(households.assign(n=1), DESIGN, "income", by="n"), "estimate.reserved"),
        (lambda: proportion(households, DESIGN, "sex", by="sex"), "estimate.reserved"),
        (lambda: mean(households.assign(sex="all"), DESIGN, "income", by="sex", margins=True), "estimate.value_all"),
    ]
    for call, key in calls:
        with pytest.raises(Problem) as error:
            call()
        assert error.value.key == key
