"""Poverty measures: by hand, against R survey, convey and laeken, laws, edges, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, Replicates, mean, total
from aidlib.poverty import RelativeLine, fgt, gap_total, poverty_gaps
from aidlib.reference import Problem
from tests.estimate.oracles import expected, needs_data, survey

DESIGN = Design(weight="weight", strata="district", psu="village", nested=True)

# R 4.x, survey 4.1-1; g = gap**a of the poor at line 600:
#   des <- svydesign(~village, strata = ~district, weights = ~weight, data = d, nest = TRUE)
#   svymean(~g, des); svyby(~g, ~sex, des, svymean); svyby(~g, ~district, des, svymean)
REFERENCE = [  # by, alpha, domain, estimate, se
    (None, 0, "all", 0.512635379061, 0.114796216656),
    (None, 1, "all", 0.177737665463, 0.103587020622),
    (None, 2, "all", 0.115942639390, 0.091803237777),
    ("sex", 0, "f", 0.346666666667, 0.225370200797),
    ("sex", 1, "m", 0.303149606299, 0.224608057573),
    ("sex", 2, "f", 0.025162962963, 0.017895544223),
    ("district", 0, "south", 0.505494505495, 0.018502057054),
    ("district", 1, "north", 0.133333333333, 0.069516201769),
]
TOLERANCE = 1e-10  # the reference is printed to 12 decimals; both sides are plain sums of 12 records


@pytest.fixture
def households() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "district": ["north"] * 6 + ["south"] * 6,
            "village": [1, 1, 2, 2, 3, 3] * 2,  # codes repeat between districts, as they do in the field
            "weight": [10, 12, 20, 20, 15, 18, 30, 30, 25, 22, 40, 35],
            "income": [300.0, 900, 450, 520, 800, 700, 550, 1000, 620, 580, 100, 1500],
            "sex": list("fmfmffmfmfmf"),
            "members": [3.0, 2] * 6,
            "line": [600.0] * 12,
        }
    )


# --- by hand
@pytest.mark.parametrize(("alpha", "wanted"), [(0, [1, 1, 0, 0]), (1, [0.5, 0.25, 0, 0]), (2, [0.25, 0.0625, 0, 0])])
def test_gaps_by_hand(alpha, wanted):
    gaps = poverty_gaps(np.array([300.0, 450, 600, 900]), np.full(4, 600.0), alpha)
    assert gaps.tolist() == wanted


def test_the_money_that_fills_the_gap_by_hand(households):
    row = gap_total(households, DESIGN, "income", line="line").rows.iloc[0]
    short = [300 * 3, 0, 150 * 3, 80 * 2, 0, 0, 50 * 3, 0, 0, 20 * 2, 500 * 3, 0]
    assert row["estimate"] == 12 * np.dot(short, households["weight"])
    assert (row["n"], row["count"]) == (12, 6)
    assert row["top1"] == pytest.approx(1500 * 40 / np.dot(short, households["weight"]))
    direct = total(households.assign(short=np.array(short) * 12.0), DESIGN, "short").rows
    assert row["se"] == pytest.approx(direct["se"].item())


def test_twice_the_line_is_a_line_of_twice_as_much(households):
    double = fgt(households, DESIGN, "income", line="line", multiple=2, alpha=1).rows
    pd.testing.assert_frame_equal(double, fgt(households, DESIGN, "income", line=1200, alpha=1).rows)


def test_a_relative_line_of_the_mean_by_hand():
    sample = pd.DataFrame({"income": [100.0, 200, 300, 1000]})
    row = fgt(sample, None, "income", line=RelativeLine(0.5, "mean")).rows.iloc[0]
    assert (row["estimate"], row["count"]) == (0.25, 1)  # half of 400: the second is on the line


# --- against R survey
@pytest.mark.parametrize(("by", "alpha", "domain", "estimate", "se"), REFERENCE)
def test_agrees_with_r_survey(households, by, alpha, domain, estimate, se):
    rows = fgt(households, DESIGN, "income", line=600, alpha=alpha, by=by).rows
    row = rows[rows[by or "domain"] == domain].iloc[0]
    assert [row["estimate"], row["se"]] == pytest.approx([estimate, se], abs=TOLERANCE)
    assert row["measure"] == f"fgt_{alpha}"


def test_the_interval_agrees_with_r_survey(households):
    row = fgt(households, DESIGN, "income", line=600, interval="wald").rows.iloc[0]
    assert [row["low"], row["high"]] == pytest.approx([0.193909985230, 0.831360772893], abs=TOLERANCE)


@needs_data
def test_the_vietnam_survey_agrees_with_r():
    raw = survey("vietnam/vietnam_lsms_1997_households.csv")
    sample = raw.assign(pce=np.exp(raw["lntotal"]) / raw["hhsize"])
    figures, design = expected("vietnam"), Design("hhsize", "urban", "commune")
    spending = mean(sample, design, "pce").rows.iloc[0]
    assert spending["estimate"] == pytest.approx(figures["mean_pce"]["estimate"]["pce"], rel=1e-8)
    assert spending["se"] == pytest.approx(figures["mean_pce"]["se"]["pce"], rel=1e-8)
    assert (spending["low"], spending["df"]) == pytest.approx((figures["mean_pce"]["ci95_low"]["pce"], 192), rel=1e-8)
    for alpha in (0, 1, 2):
        rows = fgt(sample, design, "pce", line=1789.871, alpha=alpha, by="urban", margins=True, interval="wald").rows
        for _, row in rows.iterrows():
            whole = row["urban"] == "all"
            part = "fgt_person" if whole else "fgt_by_urban"
            name = f"P{alpha}" if whole else f"{row['urban']}:P{alpha}"
            if name in figures[part]["estimate"]:
                assert row["estimate"] == pytest.approx(figures[part]["estimate"][name], rel=1e-8)
                assert row["se"] == pytest.approx(figures[part]["se"][name], rel=1e-8)


# --- against laeken and convey: a line estimated from the sample
@needs_data
@pytest.mark.parametrize("by", ["db040", "rb090"])
def test_at_risk_shares_agree_with_laeken(by):
    figures = expected("eusilc")[f"overall_and_by_{by}"]["arpr"]
    rows = fgt(
        survey("eusilc/eusilc.csv.gz"),
        Design("rb050", "db040"),
        "eqIncome",
        line=RelativeLine(0.6),
        by=by,
        margins=True,
    ).rows
    found = rows.set_index(by)["estimate"] * 100
    assert found["all"] == pytest.approx(figures["value"], rel=1e-8)
    assert found[list(figures["by"])].tolist() == pytest.approx(list(figures["by"].values()), rel=1e-8)


@needs_data
@pytest.mark.parametrize("share", ["40", "50", "70"])
def test_other_shares_of_the_median_agree_with_laeken(share):
    figure = expected("eusilc")["arpr_at_40_50_70"][share]["value"]
    sample = survey("eusilc/eusilc.csv.gz")
    row = fgt(sample, Design("rb050", "db040"), "eqIncome", line=RelativeLine(int(share) / 100)).rows.iloc[0]
    assert row["estimate"] * 100 == pytest.approx(figure, rel=1e-8)


@needs_data
def test_the_error_of_the_line_is_counted_as_in_convey():
    figures = expected("eusilc")["linearised"]
    sample = survey("eusilc/eusilc.csv.gz")
    design = Design("rb050", "db040")
    relative = fgt(sample, design, "eqIncome", line=RelativeLine(0.6)).rows.iloc[0]
    assert relative["se"] == pytest.approx(figures["estimates_fraction"]["arpr"]["se"], rel=1e-6)
    assert relative["se"] * 100 == pytest.approx(figures["other_published"]["arpr_se_percent_vardpoor"], rel=0.08)
    fixed = fgt(sample, design, "eqIncome", line=10859.236).rows.iloc[0]
    assert relative["estimate"] == fixed["estimate"]
    assert relative["se"] < 0.95 * fixed["se"]  # the line moves with the incomes


@needs_data
def test_the_error_with_households_as_clusters_agrees_with_the_bootstrap():
    figure = expected("eusilc")["bootstrap_naive_200"]["arpr_se"]
    sample = survey("eusilc/eusilc.csv.gz")
    row = fgt(sample, Design("rb050", "db040", "db030"), "eqIncome", line=RelativeLine(0.6)).rows.iloc[0]
    assert row["se"] * 100 == pytest.approx(figure, rel=0.1)  # 200 replicates: 5 % of noise, twice


def test_the_linearised_gap_of_a_relative_line_is_its_jackknife():
    """alpha = 1 and a line of the mean are smooth, so that deleting one cluster at a time must give the same error."""
    rng = np.random.default_rng(8)
    sample = pd.DataFrame(
        {"y": rng.lognormal(7, 0.6, 400), "p": np.repeat(np.arange(80), 5), "w": rng.uniform(1, 3, 400)}
    )
    line = RelativeLine(0.6, "mean")
    linear = fgt(sample, Design("w", psu="p"), "y", line=line, alpha=1).rows["se"].item()
    deleted = [
        fgt(sample[sample["p"] != p], Design("w", psu="p"), "y", line=line, alpha=1).rows["estimate"].item()
        for p in range(80)
    ]
    jackknife = np.sqrt(79 / 80 * ((deleted - np.mean(deleted)) ** 2).sum())
    assert linear == pytest.approx(jackknife, rel=0.03)


def test_replicates_of_the_linearised_measure_agree_with_taylor():
    rng = np.random.default_rng(8)
    n = 60
    sample = pd.DataFrame({"y": rng.lognormal(7, 0.6, n)})
    names = [f"r{i}" for i in range(n)]
    sample = pd.concat([sample, pd.DataFrame(n / (n - 1) * (1 - np.eye(n)), columns=names)], axis=1)
    line = RelativeLine(0.6)
    by_replicates = fgt(sample, Design(replicates=Replicates(names, kind="jk1")), "y", line=line).rows["se"].item()
    assert by_replicates == pytest.approx(fgt(sample, None, "y", line=line).rows["se"].item(), rel=0.05)


# --- laws
@pytest.mark.parametrize("alpha", [0, 1, 2])
def test_domains_add_up_to_the_population(households, alpha):
    parts = fgt(households, DESIGN, "income", line=600, alpha=alpha, by="sex").rows.set_index("sex")["estimate"]
    shares = households.groupby("sex")["weight"].sum() / households["weight"].sum()
    whole = fgt(households, DESIGN, "income", line=600, alpha=alpha).rows["estimate"].item()
    assert (parts * shares).sum() == pytest.approx(whole)


def test_a_higher_power_weighs_less(households):
    found = [fgt(households, DESIGN, "income", line=600, alpha=a).rows["estimate"].item() for a in (0, 1, 1.5, 2)]
    assert found == sorted(found, reverse=True)


def test_persons_are_a_weight_away(households):
    persons = households.assign(weight=households["weight"] * households["members"])
    repeated = households.loc[households.index.repeat(households["members"].astype(int))]
    by_weight = fgt(persons, DESIGN, "income", line=600).rows.iloc[0]
    by_rows = fgt(repeated, DESIGN, "income", line=600).rows.iloc[0]
    assert [by_weight["estimate"], by_weight["se"]] == pytest.approx([by_rows["estimate"], by_rows["se"]])
    assert (by_weight["n"], by_rows["n"]) == (12, 30)


# --- edges
def test_a_top_up_exactly_to_the_line_leaves_nobody_poor():
    rng = np.random.default_rng(1)
    income, line = rng.uniform(50, 900, 1000), rng.uniform(500, 1000, 1000)
    dust = income * 3.1 + (line - income) * 3.1  # rounding leaves some of these below the line
    sample = pd.DataFrame({"income": dust / 3.1, "line": line}).query("income < 1.0000001 * line")
    assert (sample["income"] < sample["line"]).any()
    row = fgt(sample, None, "income", line="line").rows.iloc[0]
    assert (row["estimate"], row["count"]) == (0, (row["n"] - row["n"]))
    assert gap_total(sample, None, "income", line="line", members=None).rows["estimate"].item() == 0


def test_missing_income_or_line_leaves_the_estimate_but_not_the_design(households):
    households.loc[[0, 1], "income"] = np.nan
    households.loc[2, "line"] = np.nan
    row = fgt(households, DESIGN, "income", line="line").rows.iloc[0]
    assert (row["n"], row["df"]) == (9, 4)


def test_a_domain_without_income_keeps_an_empty_row(households):
    households.loc[households["sex"] == "m", "income"] = np.nan
    for line in (600, RelativeLine(0.6)):
        row = fgt(households, DESIGN, "income", line=line, by="sex").rows.set_index("sex").loc["m"]
        assert (row["n"], row["flag"]) == (0, "empty")
        assert row[["estimate", "se", "low", "high"]].isna().all()


def test_a_source_without_income_gives_empty_rows(households):
    sample = households.assign(income=np.nan)
    for line in (600, "line", RelativeLine(0.6), RelativeLine(0.5, "mean")):
        assert fgt(sample, DESIGN, "income", line=line).rows["flag"].item() == "empty"


def test_the_headcount_of_a_register_has_no_error(households):
    row = fgt(households, Design.census(), "income", line=RelativeLine(0.6)).rows.iloc[0]
    assert (row["se"], row["low"], row["high"]) == (0, row["estimate"], row["estimate"])


# --- errors
@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"line": 0}, "poverty.line"),
        ({"line": "village", "multiple": -1}, "poverty.multiple"),
        ({"line": np.nan}, "poverty.line"),
        ({"line": 600, "multiple": np.inf}, "poverty.multiple"),
        ({"line": 600, "alpha": -1}, "poverty.alpha"),
        ({"line": 600, "interval": "exact"}, "estimate.option"),
        ({"line": "lines"}, "estimate.no_column"),
    ],
)
def test_wrong_lines_and_options_are_refused(households, options, key):
    with pytest.raises(Problem) as error:
        fgt(households, DESIGN, "income", **options)
    assert error.value.key == key


@pytest.mark.parametrize(("share", "of"), [(0, "median"), (0.6, "mode")])
def test_a_relative_line_needs_a_share_of_something(share, of):
    with pytest.raises(Problem):
        RelativeLine(share, of)


def test_rows_with_a_wrong_size_or_line_are_counted(households):
    with pytest.raises(Problem) as error:
        gap_total(households.assign(members=[-1.0, -2] + [3.0] * 10), DESIGN, "income", line=600)
    assert (error.value.key, error.value.values["rows"]) == ("poverty.size", 2)
    with pytest.raises(Problem) as error:
        fgt(households.assign(line=[0.0] + [600.0] * 11), DESIGN, "income", line="line")
    assert (error.value.key, error.value.values["rows"]) == ("poverty.line_rows", 1)
