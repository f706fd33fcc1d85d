"""Laws that hold for every sample: units of money, order of rows, repeated rows, sums."""

from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aidlib.estimate import Design, count, mean, proportion, quantile, ratio, total
from aidlib.poverty import RelativeLine, fgt

DESIGN = Design("weight", "stratum", "psu", nested=True)
NUMBERS = ["estimate", "se", "low", "high"]
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@st.composite
def samples(draw) -> pd.DataFrame:
    """Small surveys: one to three strata of two to four clusters, some incomes missing, ties among incomes."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    strata, clusters, size = draw(st.integers(1, 3)), draw(st.integers(2, 4)), draw(st.integers(1, 6))
    n = strata * clusters * size
    income = rng.lognormal(6.5, 0.8, n).round(draw(st.sampled_from([-2, 0, 2]))) + 1
    return pd.DataFrame(
        {
            "stratum": np.repeat(np.arange(strata), clusters * size),
            "psu": np.tile(np.repeat(np.arange(clusters), size), strata),
            "weight": rng.uniform(0.5, 5, n),
            "income": np.where(rng.random(n) < draw(st.sampled_from([0, 0.2])), np.nan, income),
            "other": rng.lognormal(5, 1, n),
            "kind": rng.choice(["a", "b", "c"], n),
            "sex": rng.choice(["f", "m"], n),
        }
    )


STATISTICS = {
    "mean": lambda s: mean(s, DESIGN, "income", by="kind", margins=True),
    "total": lambda s: total(s, DESIGN, "income", by=["kind", "sex"], margins=True),
    "ratio": lambda s: ratio(s, DESIGN, "income", "other", by="kind"),
    "quantile": lambda s: quantile(s, DESIGN, "income", q=[0.25, 0.5], by="kind"),
    "proportion": lambda s: proportion(s, DESIGN, "kind", by="sex"),
    "headcount": lambda s: fgt(s, DESIGN, "income", line=700, by="kind"),
    "relative gap": lambda s: fgt(s, DESIGN, "income", line=RelativeLine(0.8), alpha=1),
}


@quick
@given(samples())
@pytest.mark.parametrize("name", STATISTICS)
def test_the_order_of_rows_does_not_matter(name, sample):
    found = STATISTICS[name](sample).rows
    shuffled = STATISTICS[name](sample.sample(frac=1, random_state=1)).rows
    pd.testing.assert_frame_equal(found, shuffled, rtol=1e-9, atol=1e-9)


@quick
@given(samples())
@pytest.mark.parametrize("name", ["mean", "total", "ratio", "quantile"])
def test_fen_are_a_hundredth_of_a_yuan(name, sample):
    yuan, fen = (STATISTICS[name](s).rows for s in (sample, sample.assign(income=sample["income"] * 100)))
    np.testing.assert_allclose(fen[NUMBERS], yuan[NUMBERS] * 100, rtol=1e-9, atol=1e-7)
    pd.testing.assert_frame_equal(fen.drop(columns=NUMBERS), yuan.drop(columns=NUMBERS))


@quick
@given(samples(), st.integers(0, 2), st.sampled_from([700.0, RelativeLine(0.6), RelativeLine(0.9, "mean")]))
def test_poverty_does_not_know_the_currency(sample, alpha, line):
    in_fen = line * 100 if isinstance(line, float) else line
    yuan = fgt(sample, DESIGN, "income", line=line, alpha=alpha, by="sex").rows
    fen = fgt(sample.assign(income=sample["income"] * 100), DESIGN, "income", line=in_fen, alpha=alpha, by="sex").rows
    pd.testing.assert_frame_equal(yuan, fen, rtol=1e-7, atol=1e-9)


@quick
@given(samples(), st.floats(0.01, 1000))
@pytest.mark.parametrize("name", ["mean", "ratio", "quantile", "proportion", "headcount"])
def test_only_relative_weights_matter_for_a_mean(name, sample, factor):
    found, scaled = (STATISTICS[name](s).rows for s in (sample, sample.assign(weight=sample["weight"] * factor)))
    pd.testing.assert_frame_equal(found, scaled, rtol=1e-7, atol=1e-9)


@quick
@given(samples())
@pytest.mark.parametrize("name", ["mean", "total", "ratio", "proportion", "headcount"])
def test_splitting_a_weight_over_twins_of_a_cluster_changes_no_number(name, sample):
    halves = pd.concat([sample.assign(weight=sample["weight"] / 2)] * 2, ignore_index=True)
    found, split = (STATISTICS[name](s).rows for s in (sample, halves))
    columns = ["estimate", "se", "df"]
    np.testing.assert_allclose(split[columns], found[columns], rtol=1e-8, atol=1e-7)
    np.testing.assert_allclose(split["n"], found["n"] * 2)


@quick
@given(samples())
def test_margins_add_up_and_so_do_their_errors(sample):
    for found in [STATISTICS["total"](sample), count(sample, DESIGN, by=["kind", "sex"], margins=True)]:
        rows, covariance = found.rows, np.nan_to_num(found.covariance)
        for whole, parts in found.margins:
            pick = list(parts)
            assert rows.loc[pick, "estimate"].sum() == pytest.approx(np.nan_to_num(rows.loc[whole, "estimate"]))
            assert rows.loc[pick, ["n", "count"]].sum().tolist() == rows.loc[whole, ["n", "count"]].tolist()
            variance = covariance[np.ix_(pick, pick)].sum()
            assert variance == pytest.approx(covariance[whole, whole], rel=1e-8, abs=1e-6)


@quick
@given(samples())
def test_shares_of_all_categories_are_one_without_error(sample):
    found = STATISTICS["proportion"](sample)
    for _, rows in found.rows.groupby("sex"):
        assert rows["estimate"].sum() == pytest.approx(1)
        block = found.covariance[np.ix_(rows.index, rows.index)]
        assert block.sum() == pytest.approx(0, abs=1e-12)


@quick
@given(samples())
def test_a_mean_is_the_ratio_of_two_totals(sample):
    one = sample.assign(one=1.0)
    pd.testing.assert_frame_equal(
        mean(sample, DESIGN, "income").rows[NUMBERS], ratio(one, DESIGN, "income", "one").rows[NUMBERS]
    )


@quick
@given(samples())
def test_blocks_of_any_size_give_one_covariance(sample):
    found = STATISTICS["total"](sample).covariance
    with mock.patch("aidlib.estimate.influence.BLOCK", 7):
        small = STATISTICS["total"](sample).covariance
    np.testing.assert_allclose(small, found, rtol=1e-9, atol=1e-6)
