"""The bootstrap: factors, replicates against a plain implementation, the same figures by every kernel and thread."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, mean
from aidlib.estimate.bootstrap import STATISTICS, bootstrap, factors
from aidlib.estimate.design import Replicates
from aidlib.estimate.quantiles import inverse_cdf
from aidlib.estimate.sampling import resolve
from aidlib.poverty import RelativeLine, fgt, gini
from aidlib.reference import Problem

DESIGN = Design("weight", "stratum", "psu")
EXACT = 1e-11  # running sums over the whole sample lose a few digits


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    rng = np.random.default_rng(20250601)
    stratum = rng.integers(0, 6, 3000)
    income = rng.lognormal(7, 0.6, 3000).round(-1)
    income[rng.choice(3000, 40, replace=False)] = np.nan
    return pd.DataFrame(
        {
            "stratum": stratum,
            "psu": stratum * 15 + rng.integers(0, 15, 3000),
            "region": np.array(["990100", "990200", "990300"])[stratum % 3],
            "sex": rng.choice(["f", "m"], 3000),
            "weight": rng.uniform(0, 4, 3000).round(1),
            "income": income,
        }
    )


def plain_gini(y: np.ndarray, w: np.ndarray) -> float:
    return float((w[:, None] * w * np.abs(y[:, None] - y)).sum() / (2 * w.sum() * (w * y).sum()))


def plain(sample: pd.DataFrame, weight: np.ndarray, by: str) -> np.ndarray:
    known = sample["income"].notna().to_numpy() & (weight > 0)
    income = sample["income"].to_numpy()
    line = 0.6 * inverse_cdf(income[known], weight[known], 0.5)
    found = []
    for value in sorted(sample[by].unique()):
        inside = known & (sample[by] == value).to_numpy()
        y, w = income[inside], weight[inside]
        found.append((plain_gini(y, w), w[y < line].sum() / w.sum(), (w * y).sum() / w.sum()))
    return np.array(found)


@pytest.mark.parametrize("by", ["region", "sex"])
def test_estimates_and_errors_are_those_of_a_plain_implementation(sample, by):
    found = bootstrap(sample, DESIGN, "income", statistics=STATISTICS, by=by, replicates=5, seed="plain").rows
    sampling = resolve(sample, DESIGN)
    full = plain(sample, sampling.weight, by)
    weights = [sampling.weight * factors(sampling, "plain", r)[sampling.psu] for r in range(5)]
    thetas = np.stack([plain(sample, weight, by) for weight in weights])
    assert np.allclose(found["estimate"], full.ravel(), rtol=EXACT)
    assert np.allclose(found["se"], np.sqrt(((thetas - full) ** 2).sum(axis=0) / 4).ravel(), rtol=1e-9)
    assert found["statistic"].tolist() == list(STATISTICS) * len(full)


def test_estimates_are_those_of_the_linearised_functions(sample):
    found = bootstrap(sample, DESIGN, "income", by=["region", "sex"], margins=True, replicates=2).rows
    index = gini(sample, DESIGN, "income", by=["region", "sex"], margins=True).rows
    poor = fgt(sample, DESIGN, "income", line=RelativeLine(0.6), by=["region", "sex"], margins=True).rows
    assert np.allclose(found["estimate"].iloc[::2], index["estimate"], rtol=EXACT)
    assert np.allclose(found["estimate"].iloc[1::2], poor["estimate"], rtol=EXACT)
    assert found["psus"].iloc[::2].tolist() == index["psus"].tolist()


def test_many_replicates_come_near_the_linearised_error(sample):
    found = bootstrap(sample, DESIGN, "income", statistics="mean", by="region", replicates=2000).rows
    assert np.allclose(found["se"], mean(sample, DESIGN, "income", by="region").rows["se"], rtol=0.06)
    shares = bootstrap(sample, DESIGN, "income", statistics="gini", replicates=1000).rows
    assert shares["se"].item() == pytest.approx(gini(sample, DESIGN, "income").rows["se"].item(), rel=0.08)


@pytest.mark.parametrize("clusters", ["psu", None])
@pytest.mark.parametrize("options", [{"threads": 3}, {"kernel": "numba"}, {"kernel": "numba", "threads": 2}], ids=str)
def test_every_kernel_and_number_of_threads_gives_the_same_bits(sample, clusters, options):
    pytest.importorskip("numba")
    design = Design("weight", "stratum", clusters)
    one = bootstrap(sample, design, "income", by="region", replicates=20)
    other = bootstrap(sample, design, "income", by="region", replicates=20, **options)
    pd.testing.assert_frame_equal(one.rows, other.rows, check_exact=True)
    assert np.array_equal(one.covariance, other.covariance)


def test_a_seed_is_a_name_and_the_first_replicates_do_not_depend_on_their_number(sample):
    sampling = resolve(sample, DESIGN)
    assert np.array_equal(factors(sampling, "a", 3), factors(sampling, "a", 3))
    assert not np.array_equal(factors(sampling, "a", 3), factors(sampling, "b", 3))
    assert not np.array_equal(factors(sampling, "a", 3), factors(sampling, "a", 4))


def test_factors_have_mean_one_and_the_variance_of_the_design(sample):
    stratum = np.repeat([0, 1], [3, 5])
    small = pd.DataFrame({"stratum": stratum, "psu": range(8), "fraction": np.where(stratum == 0, 0.4, 0.0001)})
    sampling = resolve(small, Design(strata="stratum", psu="psu", fpc="fraction"))
    drawn = np.stack([factors(sampling, "moments", r) for r in range(4000)])
    assert np.allclose(np.bincount(stratum, weights=drawn[0]), [3, 5])
    assert np.allclose(drawn.mean(axis=0), 1, atol=0.03)
    expected = [0.6 * (1 - 1 / 3) * 3 / 2, 0.9999 * (1 - 1 / 5) * 5 / 4]
    assert np.allclose(drawn.var(axis=0), np.array(expected)[stratum], rtol=0.08)


def test_a_lonely_psu_stays_as_it_is_where_the_design_allows_it():
    sample = pd.DataFrame({"stratum": [0, 1, 1], "psu": [0, 1, 2], "income": [1.0, 2, 3]})
    sampling = resolve(sample, Design(strata="stratum", psu="psu", lonely_psu="certainty"))
    assert all(factors(sampling, "lonely", r)[0] == 1 for r in range(20))
    with pytest.raises(Problem):
        bootstrap(sample, Design(strata="stratum", psu="psu"), "income")


def test_nobody_with_an_income_is_an_empty_row(sample):
    found = bootstrap(sample.assign(income=np.nan), DESIGN, "income", by="region", replicates=3).rows
    assert set(found["flag"]) == {"empty"}
    some = sample.assign(income=sample["income"].where(sample["region"] != "990200"))
    rows = bootstrap(some, DESIGN, "income", by="region", replicates=3).rows
    assert rows["flag"].eq("empty").tolist() == [False, False, True, True, False, False]


def test_a_result_says_what_it_is(sample):
    found = bootstrap(sample, DESIGN, "income", statistics="at_risk_of_poverty", replicates=30)
    assert (found.unit, found.method, found.rows["measure"].item()) == (
        "share",
        "estimate_bootstrap",
        "at_risk_of_poverty",
    )
    assert 0 < found.rows["low"].item() < found.rows["estimate"].item() < found.rows["high"].item() < 1


@pytest.mark.parametrize(
    "options",
    [{"statistics": "mode"}, {"statistics": ()}, {"kernel": "c"}, {"line": 0}, {"replicates": 1}, {"threads": 0}],
)
def test_options_are_checked_by_name(sample, options):
    with pytest.raises(Problem) as caught:
        bootstrap(sample, DESIGN, "income", **options)
    assert next(iter(options)) in caught.value.text("en")


@pytest.mark.parametrize(
    "design", [Design.census(), Design("weight", replicates=Replicates(["weight"]))], ids=["census", "given"]
)
def test_only_clusters_can_be_drawn_anew(sample, design):
    with pytest.raises(Problem) as caught:
        bootstrap(sample, design, "income")
    assert caught.value.key == "estimate.bootstrap_design"
