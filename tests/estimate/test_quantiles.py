"""Quantiles: by hand, against R survey and laeken, laws, edges."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, quantile
from aidlib.reference import Problem
from tests.estimate.oracles import TAYLOR, expected, needs_data, studied, survey

KINDS = [(kind, f"quantile_api00_{kind}_math") for kind in ("mean", "xlogit", "beta")]


@pytest.mark.parametrize(("q", "value"), [(0.1, 10), (0.2, 10), (0.21, 20), (0.6, 30), (0.61, 40), (0.99, 40)])
def test_the_inverse_distribution_by_hand(q, value):
    sample = pd.DataFrame({"y": [40.0, 10, 30, 20], "w": [4.0, 2, 2, 2]})
    assert quantile(sample, Design(weight="w"), "y", q=q).rows["estimate"].item() == value


def test_domains_have_their_own_distribution():
    sample = pd.DataFrame({"y": np.arange(200.0), "g": ["a", "b"] * 100})
    rows = quantile(sample, None, "y", q=[0.25, 0.5], by="g").rows
    assert rows[["g", "q", "estimate"]].values.tolist() == [
        ["a", "0.25", 48.0], ["a", "0.5", 98.0], ["b", "0.25", 49.0], ["b", "0.5", 99.0],
    ]  # fmt: skip


@needs_data
@pytest.mark.parametrize("key", [*TAYLOR, "strat_jkn", "clus1_jk1", "clus1_jk1_mse", "clus1_bootstrap80"])
@pytest.mark.parametrize(("interval", "figures"), KINDS)
def test_woodruff_intervals_agree_with_r(key, interval, figures):
    wanted = expected("api")["designs"][key].get(figures)
    if wanted is None:
        pytest.skip("R gives this interval for linearised designs only")
    sample, design = studied(key)
    rows = quantile(sample, design, "api00", q=[float(q) for q in wanted], interval=interval).rows.set_index("q")
    for q, figure in wanted.items():
        found = rows.loc[q, ["estimate", "low", "high", "se"]].astype(float).tolist()
        assert found == pytest.approx([figure[k] for k in ("estimate", "ci95_low", "ci95_high", "se")], rel=1e-8), q


@needs_data
def test_eusilc_quantiles_agree_with_laeken():
    figures = expected("eusilc")["quantiles"]
    q = [int(name[1:]) / 100 for name in figures]
    rows = quantile(survey("eusilc/eusilc.csv.gz"), Design("rb050", "db040"), "eqIncome", q=q).rows
    assert rows["estimate"].tolist() == pytest.approx(list(figures.values()), rel=1e-12)
    median = expected("eusilc")["survey_person_design"]["median_mean_interval"]["0.5"]
    row = rows[rows["q"] == "0.5"].iloc[0]
    assert [row["low"], row["high"], row["se"]] == pytest.approx([median[k] for k in ("ci95_low", "ci95_high", "se")])


def test_the_standard_error_is_that_of_the_influence_values():
    rng = np.random.default_rng(5)
    sample = pd.DataFrame({"y": rng.lognormal(size=300), "p": np.repeat(np.arange(30), 10)})
    found = quantile(sample, Design(psu="p"), "y", q=[0.25, 0.5, 0.75])
    rows = found.rows
    width = (rows["high"] - rows["low"]).to_numpy()
    assert rows["se"].to_numpy() == pytest.approx(width / 2 / 2.045229642132703)  # qt(0.975, 29)
    correlation = found.covariance / np.outer(rows["se"], rows["se"])
    assert (np.diff(correlation[0]) < 0).all()  # quartiles further apart are less alike
    assert (correlation > 0).all()


def test_without_clusters_quartiles_correlate_as_in_theory():
    sample = pd.DataFrame({"y": np.arange(1000.0)})
    found = quantile(sample, None, "y", q=[0.25, 0.75])
    correlation = found.covariance[0, 1] / np.sqrt(found.covariance[0, 0] * found.covariance[1, 1])
    assert correlation == pytest.approx(1 / 3, abs=1e-3)  # p (1 - q) / sqrt(p (1 - p) q (1 - q))


def test_a_domain_too_small_for_a_bound_has_no_error():
    row = quantile(pd.DataFrame({"y": [1.0, 2, 3]}), None, "y", q=0.1).rows.iloc[0]
    assert row["estimate"] == 1
    assert np.isnan(row[["low", "se"]].astype(float)).all()
    assert row["flag"] == "care"


def test_a_census_has_no_error():
    row = quantile(pd.DataFrame({"y": np.arange(1, 12.0)}), Design.census(), "y").rows.iloc[0]
    assert row[["estimate", "se", "low", "high"]].tolist() == [6, 0, 6, 6]


def test_units_without_weight_do_not_count():
    sample = pd.DataFrame({"y": [1.0, 2, 3, 1000], "w": [1.0, 1, 1, 0]})
    assert quantile(sample, Design(weight="w"), "y", q=0.99).rows["estimate"].item() == 3


@pytest.mark.parametrize("q", [0, 1, 1.5, [0.5, -1]])
def test_shares_outside_the_unit_interval_are_refused(q):
    with pytest.raises(Problem, match="between 0 and 1"):
        quantile(pd.DataFrame({"y": [1.0, 2]}), None, "y", q=q)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"q": []}, "estimate.quantile"),
        ({"q": [0.5, 0.5]}, "estimate.quantile"),
        ({"base": "Z"}, "estimate.option"),
    ],
)
def test_no_quantile_or_one_twice_or_an_unknown_base_is_refused(options, key):
    with pytest.raises(Problem) as error:
        quantile(pd.DataFrame({"y": [1.0, 2]}), None, "y", **options)
    assert error.value.key == key
