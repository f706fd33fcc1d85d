"""Comparisons, trends and ranks: by hand, against R, laws, edges, errors."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, Estimates, change, count, mean, proportion, stack, total
from aidlib.estimate.comparisons import ADJUSTMENTS, compare, p_values
from aidlib.estimate.ranks import largest_difference, rank_intervals
from aidlib.estimate.trends import equality, linearity, trend, years_of
from aidlib.reference import Problem
from tests.estimate.oracles import ERROR, ESTIMATE, needs_data
from tests.estimate.oracles_second import figures, sample_of

DESIGNS = ["strat", "clus1", "clus2"]
SIMULATED = 0.02  # absolute: three standard errors of a simulated 95 % point
DESIGN = Design("weight", "stratum", "psu", nested=True)


def given(values: dict[str, tuple[float, float]], df: float = np.inf, **options: object) -> Estimates:
    """Independent estimates of regions with their standard errors."""
    numbers = np.array(list(values.values()))
    rows = pd.DataFrame({"region": list(values), "measure": "mean", "estimate": numbers[:, 0], "se": numbers[:, 1]})
    rows = rows.assign(low=np.nan, high=np.nan, n=100.0, df=df, count=np.nan, psus=20.0)
    rows = rows.assign(top1=np.nan, top2=np.nan, flag="")
    return Estimates(rows, ("region",), covariance=np.diag(numbers[:, 1] ** 2), **options)


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    """Three years of a panel of 240 households in 24 clusters."""
    rng = np.random.default_rng(5)
    n = 240
    base = pd.DataFrame(
        {
            "stratum": np.repeat(["s1", "s2", "s3"], 80),
            "psu": np.repeat(np.arange(24), 10),
            "region": np.repeat(["a", "b", "c"], 80),
            "weight": rng.uniform(1, 3, n),
            "income": rng.lognormal(7, 0.4, n) + np.repeat(rng.normal(0, 100, 24), 10),
        }
    )
    waves = [base.assign(year=str(2023 + t), income=base["income"] * 1.03**t + rng.normal(0, 20, n)) for t in range(3)]
    frame = pd.concat(waves, ignore_index=True)
    return frame.assign(poor=(frame["income"] < 1000).astype(float))


def test_a_difference_of_independent_groups_by_hand():
    found = compare(given({"x": (10.0, 3.0), "y": (6.0, 4.0)}), against="y").rows.iloc[0]
    assert (found["estimate"], found["se"], found["against"]) == (4.0, 5.0, "y")
    assert found["low"] == pytest.approx(4 - 1.959963984540054 * 5)


def test_adjustments_by_hand():
    p = np.array([0.01, 0.04, 0.03])
    assert ADJUSTMENTS["bonferroni"](p).tolist() == pytest.approx([0.03, 0.12, 0.09])
    assert ADJUSTMENTS["holm"](p).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert ADJUSTMENTS["hochberg"](p).tolist() == pytest.approx([0.03, 0.04, 0.04])
    assert ADJUSTMENTS["bh"](p).tolist() == pytest.approx([0.03, 0.04, 0.04])


# svyby(covmat = TRUE) and svycontrast
@needs_data
@pytest.mark.parametrize("name", DESIGNS)
def test_pairs_and_their_p_values_agree_with_r(name):
    sample, design = sample_of(name)
    wanted = figures()["designs"][name]
    found = compare(mean(sample, design, "api00", by="stype"), against="pairs")
    assert found.rows[["stype", "against"]].to_numpy().tolist() == [["E", "H"], ["E", "M"], ["H", "M"]]
    assert found.rows["estimate"].tolist() == pytest.approx([x["estimate"] for x in wanted["pairs"]], rel=ESTIMATE)
    assert found.rows["se"].tolist() == pytest.approx([x["se"] for x in wanted["pairs"]], rel=ERROR)
    for ours, theirs in {"holm": "holm", "hochberg": "hochberg", "bh": "BH", "bonferroni": "bonferroni"}.items():
        rows = p_values(found, adjust=ours).rows.set_index("measure")["estimate"]
        assert rows["p_value"].tolist() == pytest.approx(wanted["p"], rel=ERROR)
        assert rows["p_adjusted"].tolist() == pytest.approx(wanted["adjusted"][theirs], rel=ERROR)


# svycontrast of totals by the delta method: the domain mean against the mean of all, and of the others
@needs_data
@pytest.mark.parametrize("name", DESIGNS)
def test_a_group_against_all_and_the_rest_agrees_with_r(name):
    sample, design = sample_of(name)
    wanted = figures()["designs"][name]
    result = mean(sample, design, "api00", by="stype", margins=True)
    whole = compare(result).rows.iloc[0]
    rest = compare(result, against="rest", sizes=count(sample, design, by="stype")).rows.iloc[0]
    for row, figure in ((whole, wanted["total"]), (rest, wanted["rest"])):
        assert row["estimate"] == pytest.approx(figure["estimate"], rel=ESTIMATE)
        assert row["se"] == pytest.approx(figure["se"], rel=ERROR)


# svymean of the three years in one row, svycontrast, Wald statistic by vcov
@needs_data
@pytest.mark.parametrize("name", DESIGNS)
def test_trend_linearity_and_equality_agree_with_r(name):
    sample, design = sample_of(name)
    wanted = figures()["designs"][name]
    scores = {"2001": "api99", "2002": "api00", "2003": "api01"}
    units = np.arange(len(sample))
    plan = replace(design, psu=design.psu or "unit")
    long = pd.concat([sample.assign(unit=units, score=sample[c], year=y) for y, c in scores.items()])
    by_year = mean(long, plan, "score", by="year")
    slope = trend(by_year)
    assert slope.rows["estimate"].item() == pytest.approx(wanted["trend"]["estimate"], rel=ESTIMATE)
    assert slope.rows["se"].item() == pytest.approx(wanted["trend"]["se"], rel=ERROR)
    assert p_values(slope).rows["estimate"].iloc[0] == pytest.approx(wanted["trend"]["p"], rel=ERROR)
    tests = {"linearity": linearity(by_year), "equality": equality(mean(sample, design, "api00", by="stype"))}
    for kind, found in tests.items():
        figure = wanted[kind]
        assert found.rows["measure"].tolist() == ["wald_f", "df_numerator", "p_value"]
        assert found.rows["estimate"].tolist() == pytest.approx([figure["f"], figure["q"], figure["p"]], rel=ERROR)


# mvtnorm::qmvt on the correlation of the pairwise differences; qtukey(0.95, k, df) / sqrt(2)
@needs_data
@pytest.mark.parametrize("name", DESIGNS)
def test_the_largest_difference_agrees_with_the_multivariate_t(name):
    sample, design = sample_of(name)
    result = mean(sample, design, "api00", by="stype")
    wanted = figures()["designs"][name]
    assert largest_difference(result.covariance, wanted["df"], "test") == pytest.approx(
        wanted["critical"], abs=2 * SIMULATED
    )


@pytest.mark.parametrize(("column", "k"), [(0, 3), (1, 5), (2, 12)])
@pytest.mark.parametrize(("row", "df"), [(0, 10.0), (1, 40.0), (2, np.inf)])
def test_the_largest_difference_of_equal_errors_is_tukeys(row, df, column, k):
    wanted = figures()["tukey"][row][column]
    tolerance = SIMULATED * (4 if df == 10 else 2)
    assert largest_difference(np.eye(k), df, "tukey") == pytest.approx(wanted, abs=tolerance)


def test_ranks_by_hand():
    result = given({"low": (1.0, 0.1), "high": (9.0, 0.1), "near": (1.1, 0.1), "same": (9.0, 0.1)})
    rows = rank_intervals(result).rows.set_index("region")
    assert rows["estimate"].to_dict() == {"low": 4, "high": 1, "near": 3, "same": 1}
    assert rows.loc["low", ["low", "high"]].tolist() == [3, 4]
    assert rows.loc["high", ["low", "high"]].tolist() == [1, 2]
    upside_down = rank_intervals(result, first="lowest").rows.set_index("region")
    assert upside_down.loc["low", ["estimate", "low", "high"]].tolist() == [1, 1, 2]


# Klein, Wright & Wieczorek (2020): joint level 0.95^(1/K); for K = 3 each interval is ± 2.3877 standard errors
def test_ranks_by_intervals_by_hand():
    width = 2.387741
    close = given({"a": (0.0, 1.0), "b": (2 * width + 0.01, 1.0), "c": (20.0, 1.0)})
    assert rank_intervals(close, method="intervals").rows["low"].tolist() == [3, 2, 1]
    overlapping = given({"a": (0.0, 1.0), "b": (2 * width - 0.01, 1.0), "c": (20.0, 1.0)})
    assert rank_intervals(overlapping, method="intervals").rows["low"].tolist() == [2, 2, 1]


def test_pairs_give_ranks_no_wider_than_intervals(panel):
    result = mean(panel, DESIGN, "income", by="region")
    pairs, intervals = rank_intervals(result).rows, rank_intervals(result, method="intervals").rows
    assert (pairs["low"] >= intervals["low"]).all()
    assert (pairs["high"] <= intervals["high"]).all()
    assert ((pairs["low"] <= pairs["estimate"]) & (pairs["estimate"] <= pairs["high"])).all()


def test_ranks_are_the_same_bytes_every_time(panel):
    result = mean(panel, DESIGN, "income", by=["region", "year"])
    first, second = (rank_intervals(result).rows for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert first.groupby("year")["estimate"].max().tolist() == [3, 3, 3]


@pytest.mark.redteam
def test_coverage_of_adjusted_p_values():
    """No region differs: Holm finds one in at most 5 % of 1,000 clustered samples, and the F test keeps 5 %."""
    rng = np.random.default_rng(21)
    draws, any_found, f_found = 1000, 0, 0
    psu, group = np.repeat(np.arange(48), 5), np.repeat(["a", "b", "c", "d"], 60)  # twelve PSUs: what we vouch for
    design = Design(strata="group", psu="psu")
    for _ in range(draws):
        y = rng.normal(0, 1, 240) + rng.normal(0, 0.5, 48)[psu]
        result = mean(pd.DataFrame({"psu": psu, "group": group, "y": y}), design, "y", by="group")
        p = p_values(compare(result, against="pairs")).rows
        any_found += bool((p.loc[p["measure"] == "p_adjusted", "estimate"] < 0.05).any())
        f_found += bool(equality(result).rows["estimate"].iloc[2] < 0.05)
    chance = 3 * np.sqrt(0.05 * 0.95 / draws)
    assert any_found / draws <= 0.05 + chance
    assert 0.05 - chance <= f_found / draws <= 0.05 + chance


@pytest.mark.redteam
def test_coverage_of_rank_intervals(monkeypatch):
    """True ranks of twelve regions lie in all intervals together at least 95 % of the time, over 2,000 draws."""
    rng = np.random.default_rng(12)
    truth, se = np.linspace(0, 3, 12), rng.uniform(0.3, 0.8, 12)
    ranks = 12 - np.arange(12)
    critical = largest_difference(np.diag(se**2), np.inf, "once")  # the errors stay, so does their 95 % point
    monkeypatch.setattr("aidlib.estimate.ranks.largest_difference", lambda covariance, df, seed: critical)
    held = []
    for _ in range(2000):
        drawn = given(
            {str(i): (t + s * rng.standard_normal(), s) for i, (t, s) in enumerate(zip(truth, se, strict=True))}
        )
        rows = rank_intervals(drawn).rows
        held.append(((rows["low"] <= ranks) & (ranks <= rows["high"])).all())
    assert np.mean(held) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 2000)


def test_a_difference_counts_what_the_region_and_the_total_share(panel):
    result = mean(panel, DESIGN, "income", by="region", margins=True)
    found = compare(result)
    a, whole = result.rows.iloc[0], result.rows.iloc[-1]
    assert found.rows["region"].tolist() == ["a", "b", "c"]
    assert found.rows["estimate"].iloc[0] == pytest.approx(a["estimate"] - whole["estimate"])
    assert found.rows["se"].iloc[0] != pytest.approx(np.hypot(a["se"], whole["se"]), rel=0.01)
    assert found.rows["n"].tolist() == result.rows["n"].iloc[:3].tolist()


def test_differences_of_totals_with_the_rest_are_those_of_the_sums(panel):
    result = total(panel, DESIGN, "income", by="region")
    found = compare(result, against="rest").rows["estimate"].iloc[0]
    values = result.rows["estimate"]
    assert found == pytest.approx(values[0] - values[1:].mean())


def test_a_comparison_can_be_compared_again(panel):
    gaps = compare(mean(panel, DESIGN, "income", by=["region", "year"]), against="a", of="region")
    change_of_gap = compare(gaps, against="2023", of="year")
    assert change_of_gap.keys == ("against", "against_1")
    again = mean(panel, DESIGN, "income", by=["region", "year"]).rows.set_index(["region", "year"])["estimate"]
    wanted = (again["b", "2025"] - again["a", "2025"]) - (again["b", "2023"] - again["a", "2023"])
    row = change_of_gap.rows.query("region == 'b' and year == '2025'")
    assert row["estimate"].item() == pytest.approx(wanted)


def test_influence_and_covariance_give_the_same_error(panel):
    result = proportion(panel, DESIGN, "poor", by="region", margins=True)
    bare = replace(result, _influence=None)
    for against in ("all", "rest", "pairs", "b"):
        ours, theirs = compare(result, against=against).rows, compare(bare, against=against).rows
        assert ours["se"].tolist() == pytest.approx(theirs["se"].tolist())
        assert ours["estimate"].tolist() == pytest.approx(theirs["estimate"].tolist())


def test_changes_of_regions_are_tested_together(panel):
    waves = [panel[panel["year"] == year].reset_index(drop=True) for year in ("2023", "2025")]
    found = p_values(change(*waves, DESIGN, mean, "income", by="region"), adjust="bonferroni").rows
    plain, adjusted = (found.loc[found["measure"] == name, "estimate"].to_numpy() for name in ("p_value", "p_adjusted"))
    assert adjusted.tolist() == pytest.approx(np.minimum(3 * plain, 1).tolist())
    yearly = p_values(compare(mean(panel, DESIGN, "income", by=["region", "year"]), against="a"), within=["year"])
    assert len(yearly.rows) == 2 * 3 * 2  # Holm within each year: two regions


def test_units_scale_the_trend(panel):
    by_year = mean(panel, DESIGN, "income", by=["region", "year"])
    cents = mean(panel.assign(income=panel["income"] * 100), DESIGN, "income", by=["region", "year"])
    one, hundred = trend(by_year), trend(cents)
    assert one.rows["region"].tolist() == ["a", "b", "c"]
    assert one.domains == ("region",)
    assert hundred.rows["se"].tolist() == pytest.approx((100 * one.rows["se"]).tolist())
    assert linearity(cents).rows["estimate"].tolist() == pytest.approx(linearity(by_year).rows["estimate"].tolist())


def test_shares_change_in_points_per_year(panel):
    found = trend(proportion(panel, DESIGN, "poor", by="year", margins=True))
    assert (found.unit, found.kind) == ("pp", "change")
    shares = panel.groupby("year")[["poor", "weight"]].apply(lambda g: np.average(g["poor"], weights=g["weight"]))
    assert found.rows["estimate"].item() == pytest.approx((shares.iloc[2] - shares.iloc[0]) / 2)


def test_a_straight_line_has_no_curvature():
    rows = given({"2021": (1.0, 0.1), "2022": (2.0, 0.1), "2023": (3.0, 0.1)})
    straight = linearity(rows, time="region").rows["estimate"].tolist()
    assert straight == pytest.approx([0.0, 1.0, 1.0], abs=1e-12)


def test_periods_as_years():
    periods = pd.Series(["2024", "2024-Q3", "2024-07", "all"])
    assert years_of(periods).tolist() == pytest.approx([2024, 2024.5, 2024.5, np.nan], nan_ok=True)


def test_an_empty_region_stays_empty_and_ranks_nowhere(panel):
    sample = panel.assign(income=panel["income"].where(panel["region"] != "b"))
    result = mean(sample, DESIGN, "income", by="region", margins=True)
    found = compare(result, against="all").rows
    assert found["flag"].tolist() == ["care", "empty", "care"]  # eight PSUs each
    assert np.isnan(p_values(compare(result)).rows["estimate"].iloc[2])
    ranks = rank_intervals(result).rows
    assert ranks["estimate"].isna().tolist() == [False, True, False]
    assert ranks["high"].max() == 2


def test_of_nobody_nothing_is_compared_ranked_or_followed(panel):
    nobody = panel.head(0)
    region = mean(nobody, None, "income", by="region", margins=True)
    assert len(compare(region).rows) == len(p_values(compare(region)).rows) == len(rank_intervals(region).rows) == 0
    for test in (trend, linearity):
        rows = test(mean(nobody, None, "income", by="year"), time="year").rows
        assert rows["estimate"].isna().all() and (rows["n"] == 0).all() and (rows["flag"] == "empty").all()


def test_one_time_has_no_trend_and_two_no_curvature():
    sample = pd.DataFrame({"year": ["2024", "2024", "2025", "2025"], "y": [1.0, 2, 2, 3]})
    two, one = (mean(part, None, "y", by="year") for part in (sample, sample.head(2)))
    assert trend(two).rows["n"].item() == 2 and trend(one).rows["n"].item() == 0
    assert (linearity(two).rows["n"] == 0).all() and linearity(two).rows["estimate"].isna().all()


def test_a_share_of_nobody_is_not_taken_as_certain():
    """0 of 40 against 4 of 40: the exact interval of the zero, 0 … 8.8 %, enters the error."""
    sample = pd.DataFrame({"g": ["a"] * 40 + ["b"] * 40, "poor": [0.0] * 76 + [1.0] * 4})
    result = proportion(sample, Design(), "poor", by="g")
    nobody, few = result.rows.iloc[0], result.rows.iloc[1]
    assert nobody["se"] == 0
    found = compare(result, against="a")
    t = 1.990450  # of 79 degrees of freedom
    assert found.rows["se"].item() == pytest.approx(np.hypot(few["se"], nobody["high"] / (2 * t)), rel=1e-5)
    assert rank_intervals(result).rows["high"].tolist() == [2, 2]
    assert compare(replace(result, _influence=None), against="a").rows["se"].item() == found.rows["se"].item()


def test_a_withheld_side_withholds_the_difference():
    result = given({"x": (10.0, 3.0), "y": (6.0, 4.0), "z": (1.0, 1.0)})
    result = replace(result, rows=result.rows.assign(flag=["", "quality", "care"]))
    found = compare(result, against="pairs").rows
    assert found["flag"].tolist() == ["quality", "care", "quality"]


def test_a_complete_count_has_no_p_value(panel):
    result = mean(panel, Design.census(), "income", by="region", margins=True)
    found = compare(result)
    assert found.rows["se"].tolist() == [0, 0, 0]
    assert p_values(found).rows["estimate"].isna().all()


def test_too_few_degrees_of_freedom_give_no_test():
    few = given({"a": (1.0, 1.0), "b": (2.0, 1.0), "c": (3.0, 1.0)}, df=1.0)
    assert np.isnan(equality(few).rows["estimate"].iloc[0])


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (lambda r: compare(r), "estimate.no_margin"),
        (lambda r: compare(r, against="q"), "estimate.no_reference"),
        (lambda r: compare(r, of="county"), "estimate.no_result_column"),
        (lambda r: p_values(r, adjust="sidak"), "estimate.option"),
        (lambda r: trend(r), "estimate.no_result_column"),
        (lambda r: trend(r, time="region"), "estimate.period"),
        (lambda r: rank_intervals(r, method="other"), "estimate.option"),
        (lambda r: rank_intervals(r, first="best"), "estimate.option"),
        (lambda r: compare(replace(r, covariance=None), against="a"), "estimate.no_covariance"),
    ],
)
def test_wrong_use_is_named(wrong, key):
    with pytest.raises(Problem) as error:
        wrong(given({"a": (1.0, 1.0), "b": (2.0, 1.0)}))
    assert error.value.key == key


def test_results_of_different_samples_are_not_compared(panel):
    waves = {year: mean(part.iloc[int(year) - 2023 :], DESIGN, "income") for year, part in panel.groupby("year")}
    with pytest.raises(Problem) as error:
        trend(stack(waves, key="year"))
    assert error.value.key == "estimate.no_covariance"
