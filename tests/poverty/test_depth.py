"""Watts, Sen-Shorrocks-Thon, relative line and median gap: by hand, against R, laws, edges, errors."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from aidlib.estimate import Design, mean
from aidlib.poverty import RelativeLine, fgt, gini, relative_line, relative_median_gap, sen_shorrocks_thon, watts
from aidlib.reference import Problem, method
from tests.estimate.oracles import ERROR, ESTIMATE, expected, needs_data, survey
from tests.estimate.test_laws import quick
from tests.poverty.samples import DESIGN, SILC, figures, samples, silc

PERSONS = Design("rb050", "db040")
MEASURES = {
    "watts": lambda s, d, **o: watts(s, d, "income", line=600, nonpositive="drop", **o),
    "sst": lambda s, d, **o: sen_shorrocks_thon(s, d, "income", line=600, **o),
    "gap": lambda s, d, **o: relative_median_gap(s, d, "income", line=600, **o),
    "line": lambda s, d, **o: relative_line(s, d, "income", **o),
}


def one(found) -> pd.Series:
    return found.rows.iloc[0]


def people(*incomes: float, **columns) -> pd.DataFrame:
    return pd.DataFrame({"income": list(incomes), **columns})


# --- by hand
def test_watts_by_hand():
    row = one(watts(people(1.0, 2, 8, weight=[1.0, 2, 1]), Design("weight"), "income", line=4))
    assert row["estimate"] == pytest.approx((np.log(4) + 2 * np.log(2)) / 4)
    assert (row["n"], row["count"]) == (3, 2)


def test_sen_shorrocks_thon_by_hand():
    gaps = np.array([0.75, 0.5, 0, 0])
    larger = np.maximum.outer(gaps, gaps).mean()
    row = one(sen_shorrocks_thon(people(1.0, 2, 4, 8), None, "income", line=4))
    assert row["estimate"] == pytest.approx(larger)
    assert (row["n"], row["count"]) == (4, 2)


def test_the_median_gap_by_hand():
    sample = people(10.0, 40, 90, 100, 300, line=[100.0, 50, 100, 100, 100])
    row = one(relative_median_gap(sample, None, "income", line="line"))  # gaps 0.9, 0.2, 0.1
    assert row["estimate"] == pytest.approx(0.2)
    assert (row["n"], row["count"]) == (3, 3)


def test_the_relative_line_by_hand():
    assert one(relative_line(people(100.0, 200, 900), None, "income"))["estimate"] == 120
    assert one(relative_line(people(100.0, 200, 900), None, "income", share=0.5, of="mean"))["estimate"] == 200


# --- against R survey, convey and laeken
@needs_data
@pytest.mark.parametrize("domain", ["all", "Burgenland", "Tyrol", "Vienna"])
def test_watts_agrees_with_r_survey(domain):
    wanted = figures()["smooth"][domain]["watts"]
    found = watts(silc(), SILC, "eqIncome", line=10000, nonpositive="drop", by="db040", margins=True)
    row = found.rows.set_index("db040").loc[domain]
    assert row["estimate"] == pytest.approx(wanted["estimate"], rel=ESTIMATE)
    assert row["se"] == pytest.approx(wanted["se"], rel=ERROR)


@needs_data
@pytest.mark.parametrize("alpha", [0, 1, 2])
def test_fgt_agrees_with_r_survey_by_households(alpha):
    row, wanted = one(fgt(silc(), SILC, "eqIncome", line=10000, alpha=alpha)), figures()["fgt"]["all"][f"a{alpha}"]
    assert row["estimate"] == pytest.approx(wanted["estimate"], rel=ESTIMATE)
    assert row["se"] == pytest.approx(wanted["se"], rel=ERROR)


@needs_data
@pytest.mark.parametrize(
    ("key", "file", "line", "design"),
    [
        ("strat", "api/apistrat.csv", 600, Design("pw", "stype", fpc="fpc")),
        ("clus2", "api/apiclus2.csv", 650, Design("pw", psu=["dnum", "snum"], fpc=["fpc1", "fpc2"])),
    ],
)
def test_sen_shorrocks_thon_agrees_with_pairwise_influence_in_r(key, file, line, design):
    row, wanted = one(sen_shorrocks_thon(survey(file), design, "api00", line=line)), figures()["ranks"][key]["sst"]
    assert row["estimate"] == pytest.approx(wanted["estimate"], rel=ESTIMATE)
    assert row["se"] == pytest.approx(wanted["se"], rel=ERROR)


@needs_data
def test_line_and_median_gap_agree_with_convey():
    wanted = expected("eusilc")["linearised"]["estimates_fraction"]
    line, gap = relative_line(silc(), PERSONS, "eqIncome"), relative_median_gap(silc(), PERSONS, "eqIncome")
    for row, name in [(one(line), "arpt"), (one(gap), "rmpg")]:
        assert row["estimate"] == pytest.approx(wanted[name]["estimate"], rel=ESTIMATE)
        assert row["se"] == pytest.approx(wanted[name]["se"], rel=ERROR)


# R convey 0.2.5, reference page of svywatts: eusilc, persons' design, positive incomes
@needs_data
@pytest.mark.parametrize(
    ("line", "estimate", "se"),
    [(10000, 0.051744, 0.0023), (RelativeLine(0.6), 0.062404, 0.0024), (RelativeLine(0.6, "mean"), 0.078038, 0.0024)],
)
def test_watts_agrees_with_the_printed_page_of_convey(line, estimate, se):
    row = one(watts(silc(), PERSONS, "eqIncome", line=line, nonpositive="drop"))
    assert row["estimate"] == pytest.approx(estimate, abs=6e-7)
    assert row["se"] == pytest.approx(se, abs=6e-5)


@needs_data
@pytest.mark.parametrize("by", ["db040", "rb090"])
def test_median_gaps_of_domains_agree_with_laeken(by):
    wanted = expected("eusilc")[f"overall_and_by_{by}"]["rmpg"]
    found = relative_median_gap(silc(), SILC, "eqIncome", by=by, margins=True).rows.set_index(by)["estimate"] * 100
    assert found["all"] == pytest.approx(wanted["value"], rel=ESTIMATE)
    assert found[list(wanted["by"])].tolist() == pytest.approx(list(wanted["by"].values()), rel=ESTIMATE)


@needs_data
@pytest.mark.parametrize("share", ["40", "50", "70"])
def test_other_lines_agree_with_laeken(share):
    wanted, line = figures()["laeken"][share], RelativeLine(int(share) / 100)
    found = relative_median_gap(silc(), SILC, "eqIncome", line=line, by="rb090", margins=True)
    rows = found.rows.set_index("rb090")["estimate"]
    assert one(relative_line(silc(), SILC, "eqIncome", share=line.share))["estimate"] == pytest.approx(wanted["line"])
    assert rows["all"] == pytest.approx(wanted["gap"], rel=ESTIMATE)
    assert rows[list(wanted["by"])].tolist() == pytest.approx(list(wanted["by"].values()), rel=ESTIMATE)


# --- laws
@quick
@given(samples())
def test_sen_shorrocks_thon_is_the_gap_times_one_plus_its_gini(sample):
    gaps = sample.assign(gap=(1 - sample["income"] / 600).clip(0))
    for kind, part in gaps.groupby("kind"):
        design = Design("weight", lonely_psu="certainty")
        depth = one(mean(part, design, "gap"))["estimate"]
        if depth > 0:
            wanted = depth * (1 + one(gini(part, design, "gap"))["estimate"])
            rows = sen_shorrocks_thon(sample, DESIGN, "income", line=600, by="kind").rows.set_index("kind")
            assert rows.loc[kind, "estimate"] == pytest.approx(wanted)


@quick
@given(samples())
@pytest.mark.parametrize("name", MEASURES)
def test_measures_do_not_know_the_currency_nor_the_number_of_people(name, sample):
    factor = 7 if name == "line" else 1
    found = MEASURES[name](sample, DESIGN, by="kind").rows[["estimate", "se"]]
    line = {"watts": watts, "sst": sen_shorrocks_thon, "gap": relative_median_gap}.get(name)
    richer = sample.assign(income=sample["income"] * 7)
    options = {"nonpositive": "drop"} if name == "watts" else {}
    scaled = (
        line(richer, DESIGN, "income", line=4200, by="kind", **options)
        if line
        else relative_line(richer, DESIGN, "income", by="kind")
    )
    np.testing.assert_allclose(scaled.rows[["estimate", "se"]], found * factor, rtol=1e-7, atol=1e-9)
    shuffled = MEASURES[name](sample.sample(frac=1, random_state=3), DESIGN, by="kind").rows[["estimate", "se"]]
    np.testing.assert_allclose(shuffled, found, rtol=1e-7, atol=1e-9)
    if name in ("watts", "sst"):
        twins = pd.concat([sample.assign(weight=sample["weight"] / 2)] * 2, ignore_index=True)
        np.testing.assert_allclose(
            MEASURES[name](twins, DESIGN, by="kind").rows[["estimate", "se"]], found, rtol=1e-7, atol=1e-9
        )


@pytest.mark.parametrize("name", ["watts", "sst", "gap"])
def test_twice_the_line_is_a_line_of_twice_as_much(name):
    rng = np.random.default_rng(1)
    sample = people(*rng.lognormal(6.5, 0.6, 80))
    double = one(MEASURES[name](sample, None, multiple=2))
    statistic = {"watts": watts, "sst": sen_shorrocks_thon, "gap": relative_median_gap}[name]
    assert double["estimate"] == one(statistic(sample, None, "income", line=1200))["estimate"]


# --- edges
def test_when_all_are_poor_and_when_none_is():
    poor, rich = people(*[300.0] * 40), people(*[900.0] * 40)
    assert one(MEASURES["watts"](poor, None))["estimate"] == pytest.approx(np.log(2))
    assert one(MEASURES["sst"](poor, None))["estimate"] == pytest.approx(0.5)
    assert one(MEASURES["gap"](poor, None))["estimate"] == pytest.approx(0.5)
    assert one(MEASURES["watts"](rich, None))["estimate"] == 0
    row = one(MEASURES["sst"](rich, None))
    head = one(fgt(rich, None, "income", line=600))["high"]
    assert (row["estimate"], row["low"], row["high"]) == (0, 0, pytest.approx(1 - (1 - head) ** 2))
    assert (one(MEASURES["gap"](rich, None))["n"], one(MEASURES["gap"](rich, None))["flag"]) == (0, "empty")


def test_negative_incomes_deepen_the_gaps():
    sample = people(-600.0, -600, 300, 900)
    row = one(sen_shorrocks_thon(sample, None, "income", line=600))
    gaps = np.array([2, 2, 0.5, 0])
    assert row["estimate"] == pytest.approx(np.maximum.outer(gaps, gaps).mean())
    assert row["low"] < row["estimate"] < row["high"]  # above 1, where log odds end
    deep = one(fgt(people(-600.0, -900, -300, 400), None, "income", line=600, alpha=1))
    assert deep["low"] < deep["estimate"] < deep["high"]
    assert one(MEASURES["gap"](sample, None))["estimate"] == 2


@pytest.mark.parametrize("name", MEASURES)
def test_missing_incomes_and_empty_domains_keep_their_rows(name):
    sample = people(100.0, 200, np.nan, 300, np.nan, np.nan, kind=list("aaaabb"))
    rows = MEASURES[name](sample, None, by="kind").rows.set_index("kind")
    assert rows["n"].tolist() == [3, 0]
    assert rows["flag"].tolist() == ["care", "empty"]
    assert MEASURES[name](sample.assign(income=np.nan), None).rows["flag"].tolist() == ["empty"]
    assert one(MEASURES[name](people(100.0), Design(lonely_psu="certainty")))["n"] == 1
    assert np.isnan(one(MEASURES[name](people(100.0, 200, w=[0.0, 0]), Design("w")))["estimate"])


@pytest.mark.parametrize("name", MEASURES)
def test_a_register_has_no_sampling_error(name):
    row = one(MEASURES[name](people(100.0, 200, 400, 800, 900), Design.census()))
    assert (row["se"], row["low"]) == (0, pytest.approx(row["estimate"]))


def test_no_rows_give_an_empty_row():
    rows = relative_median_gap(people(1.0, 2).iloc[:0], None, "income").rows
    assert rows["flag"].tolist() == ["empty"]


# --- errors
def test_incomes_of_nothing_are_counted_or_dropped():
    sample = people(100.0, 0, -5, 900)
    with pytest.raises(Problem) as error:
        watts(sample, None, "income", line=600)
    assert (error.value.key, error.value.values["rows"]) == ("poverty.nonpositive", 2)
    assert one(watts(sample, None, "income", line=600, nonpositive="drop"))["n"] == 2


@pytest.mark.parametrize(
    ("statistic", "options", "key"),
    [
        (watts, {"line": 0}, "poverty.line"),
        (watts, {"line": 600, "interval": "beta"}, "estimate.option"),
        (sen_shorrocks_thon, {"line": 600, "interval": "log"}, "estimate.option"),
        (relative_median_gap, {"line": "none"}, "estimate.no_column"),
        (relative_line, {"share": 0}, "poverty.relative"),
        (relative_line, {"of": "mode"}, "poverty.relative"),
    ],
)
def test_wrong_lines_and_options_are_refused(statistic, options, key):
    with pytest.raises(Problem) as error:
        statistic(people(1.0, 2), None, "income", **options)
    assert error.value.key == key


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_has_a_note_in_both_languages(name):
    key = MEASURES[name](people(100.0, 200, 300), None).method
    assert method(key, "zh") != method(key, "en")
