"""Multiple imputation: by hand, against R, laws, edges, errors; coverage by simulation."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, mean, proportion, quantile
from aidlib.estimate.imputation import Filled, Imputed, impute
from aidlib.estimate.imputation_models import _nearest, linear, logit, multinomial, norm, ordered, pmm
from aidlib.estimate.pooling import delta_adjusted, missing_information, pooled, tipping_point
from aidlib.poverty import fgt
from aidlib.reference import Problem
from tests.estimate.oracles import ERROR, ESTIMATE, needs_data, survey
from tests.estimate.oracles_second import TYPES, figures

SRS = Design()
NOISE = 3.0  # standard errors of the mean of 300 draws on both sides
DRAWS = 2000


def given(values: list[list[float]], observed: list[float]) -> Imputed:
    """Imputations of ``y`` made by hand: the values of the rows after the observed ones, one list per set."""
    sample = pd.DataFrame({"y": observed + [np.nan] * len(values[0])})
    at = np.arange(len(observed), len(sample))
    trace = pd.DataFrame(columns=["column", "chain", "iteration", "mean", "sd"])
    return Imputed(sample, len(values), {"y": Filled("pmm", at, np.array(values))}, trace)


@pytest.fixture(scope="module")
def households() -> pd.DataFrame:
    """600 households of 30 PSUs; incomes missing more often where rent is high, poverty and causes missing too."""
    rng = np.random.default_rng(17)
    n = 600
    psu = np.repeat(np.arange(30), 20)
    rent = rng.gamma(4, 100, n) + rng.normal(0, 60, 30)[psu]
    income = 500 + 2 * rent + rng.normal(0, 150, n)
    ill = (rng.random(n) < 1 / (1 + np.exp(income / 400 - 3.2))).astype(float)
    cause = np.where(ill == 1, "illness", rng.choice(["school", "accident"], n))
    frame = pd.DataFrame({"psu": psu, "weight": rng.uniform(1, 3, n), "rent": rent, "full": income, "ill": ill})
    frame["income"] = frame["full"].where(rng.random(n) > np.where(rent > 450, 0.5, 0.1))
    frame["ill"] = frame["ill"].where(rng.random(n) > 0.15)
    frame["cause"] = pd.Series(cause, dtype="str").where(rng.random(n) > 0.15)
    return frame


# observed 1 2 3, imputed (4), (6): means 2.5 and 3.0, variances 1.25/3·… of four values
def test_rubins_rules_by_hand():
    found = given([[4.0], [6.0]], [1.0, 2.0, 3.0])
    row = pooled(found, SRS, mean, "y").rows.iloc[0]
    within = (np.var([1, 2, 3, 4], ddof=1) / 4 + np.var([1, 2, 3, 6], ddof=1) / 4) / 2
    between = np.var([2.5, 3.0], ddof=1)
    total = within + 1.5 * between
    share = 1.5 * between / total
    assert row["estimate"] == pytest.approx(2.75)
    assert row["se"] == pytest.approx(np.sqrt(total))
    old, seen = 1 / share**2, 4 / 6 * 3 * (1 - share)
    assert row["df"] == pytest.approx(old * seen / (old + seen))
    shares = missing_information(found, SRS, mean, "y").rows.set_index("measure")["estimate"]
    ratio = 1.5 * between / within
    assert shares["lambda"] == pytest.approx(share)
    assert shares["fmi"] == pytest.approx((ratio + 2 / (row["df"] + 3)) / (1 + ratio))


# mitools::MIcombine of svymean, and mice::pool.scalar (Barnard-Rubin df, fmi), on mice's five sets of nhanes2
@needs_data
def test_pooling_agrees_with_r():
    wanted = figures()["pooling"]
    chl = np.array(wanted["chl"])
    at = np.flatnonzero(np.ptp(chl, axis=1) > 0)
    frame = pd.DataFrame({"chl": chl[:, 0]})
    frame.loc[at, "chl"] = np.nan
    found = Imputed(frame, 5, {"chl": Filled("pmm", at, chl[at].T)}, pd.DataFrame())
    row = pooled(found, SRS, mean, "chl").rows.iloc[0]
    assert row["estimate"] == pytest.approx(wanted["estimate"], rel=ESTIMATE)
    assert row["se"] == pytest.approx(wanted["se"], rel=ERROR)
    scalar = wanted["scalar"]
    assert row["df"] == pytest.approx(scalar["df"], rel=ERROR)
    assert row["se"] ** 2 == pytest.approx(scalar["t"], rel=ERROR)
    shares = missing_information(found, SRS, mean, "chl").rows.set_index("measure")["estimate"]
    assert shares["fmi"] == pytest.approx(scalar["fmi"], rel=ERROR)
    assert shares["lambda"] == pytest.approx(scalar["r"] / (1 + scalar["r"]), rel=ERROR)
    # mitools counts the complete data as infinite: (m - 1) / lambda²
    assert 4 / shares["lambda"] ** 2 == pytest.approx(wanted["df_large"], rel=ERROR)


def schools() -> pd.DataFrame:
    """The sample of make.R with the same values gone."""
    sample = survey("api/apistrat.csv")
    i = np.arange(1, len(sample) + 1)
    u, v = (i * 7919) % 997 / 997, (i * 104729) % 991 / 991
    frame = sample[["api00", "api99", "meals", "ell", "stype", "awards"]].copy()
    frame["awards"] = (frame["awards"] == "Yes").astype(float)
    frame["api00"] = frame["api00"].where(~(u < 0.15 + 0.5 * (frame["meals"] > 50)))
    frame["awards"] = frame["awards"].where(~(v < 0.1 + 0.4 * (frame["api99"] > 700)))
    frame["kind"] = frame["stype"].where(~(u < 0.1 + 0.4 * (frame["meals"] > 50)))
    return frame


def moments(found: Imputed, column: str, value: str | None = None) -> dict[str, float]:
    """Estimate, variance within and between of a mean over the imputations."""
    parts = []
    for number in range(1, found.m + 1):
        y = found.completed(number)[column]
        y = y if value is None else (y == value).astype(float)
        parts.append((y.mean(), y.var() / len(y)))
    means, within = np.array(parts).T
    return {"estimate": means.mean(), "within": within.mean(), "between": means.var(ddof=1)}


def same_distribution(ours: dict[str, float], theirs: dict[str, float]) -> None:
    """Two runs of 300 sets: means and variances differ by chance only."""
    chance = np.sqrt((ours["between"] + theirs["between"]) / 300)
    assert abs(ours["estimate"] - theirs["estimate"]) < NOISE * chance + 0.15 * np.sqrt(theirs["between"])
    assert ours["within"] == pytest.approx(theirs["within"], rel=0.03)
    assert ours["between"] == pytest.approx(theirs["between"], rel=0.35)


# mice 3.15 with 300 sets of the same sample: pmm, norm and logreg beside each other, polyreg alone
@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("method", ["pmm", "norm"])
def test_imputations_of_numbers_agree_with_mice(method):
    frame, wanted = schools(), figures()["imputation"]
    assert frame[["api00", "awards", "kind"]].isna().sum().tolist() == wanted["missing"]
    found = impute(
        frame,
        None,
        ["api00", "awards"],
        predictors=["api99", "meals", "ell", "stype"],
        m=300,
        iterations=5,
        methods={"api00": method},
    )
    same_distribution(moments(found, "api00"), wanted[method])
    if method == "pmm":
        same_distribution(moments(found, "awards"), wanted["logit"])


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("method", ["multinomial", "ordered"])
def test_imputations_of_kinds_agree_with_mice(method):
    frame, wanted = schools(), figures()["imputation"]["multinomial"]
    predictors = ["api99", "meals", "ell"]
    found = impute(frame, None, ["kind"], predictors=predictors, m=300, methods={"kind": method})
    for kind in TYPES:
        ours = moments(found, "kind", kind)
        assert ours["estimate"] == pytest.approx(wanted[kind]["estimate"], abs=0.012)


def test_a_regression_draw_by_hand():
    rng = np.random.default_rng(0)
    x = np.stack([np.ones(400), np.linspace(-1, 1, 400)], axis=1)
    y = x @ [2.0, 3.0] + rng.normal(0, 0.5, 400)
    draws = [linear(x, y, rng) for _ in range(400)]
    betas, sigmas = np.array([d[1] for d in draws]), np.array([d[2] for d in draws])
    least = np.linalg.lstsq(x, y, rcond=None)[0]
    spread = np.sqrt(np.diag(np.linalg.inv(x.T @ x)) * ((y - x @ least) ** 2).sum() / 398)
    assert betas.mean(axis=0).tolist() == pytest.approx(least.tolist(), abs=4 * spread.max() / 20)
    assert betas.std(axis=0).tolist() == pytest.approx(spread.tolist(), rel=0.15)
    assert sigmas.mean() == pytest.approx(0.5, rel=0.1)


def test_donors_are_the_nearest_and_ties_are_equally_likely():
    rng = np.random.default_rng(1)
    scores = np.sort(np.concatenate([np.arange(20.0), np.full(30, 50.0)]))
    picked = _nearest(scores, np.full(3000, 9.2), rng)
    assert set(scores[picked]) == {7.0, 8.0, 9.0, 10.0, 11.0}
    tied = np.bincount(_nearest(scores, np.full(30_000, 60.0), rng), minlength=50)[20:]
    assert tied.min() > 800
    assert scores[_nearest(scores[:3], np.array([0.1]), rng)].item() in {0.0, 1.0, 2.0}


@pytest.mark.parametrize("draw", [pmm, norm])
def test_draws_follow_their_predictors(draw):
    rng = np.random.default_rng(2)
    x = np.stack([np.ones(500), rng.normal(size=500)], axis=1)
    y = x @ [1.0, 4.0] + rng.normal(0, 0.3, 500)
    new = np.stack([np.ones(300), np.repeat([-1.0, 0, 1], 100)], axis=1)
    found = draw(x, new, y, rng).reshape(3, 100).mean(axis=1)
    assert found.tolist() == pytest.approx([-3.0, 1.0, 5.0], abs=0.25)


@pytest.mark.parametrize("draw", [multinomial, ordered])
def test_draws_of_codes_follow_their_predictors(draw):
    rng = np.random.default_rng(3)
    group = rng.integers(0, 2, 4000)
    x = np.stack([np.ones(4000), group.astype(float)], axis=1)
    share = np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])
    y = (rng.random(4000)[:, None] > share.cumsum(axis=1)[group]).sum(axis=1).astype(float)
    new = np.stack([np.ones(8000), np.repeat([0.0, 1.0], 4000)], axis=1)
    found = draw(x, new, y, rng).reshape(2, 4000)
    for row, wanted in zip(found, share, strict=True):
        assert (np.bincount(row.astype(int), minlength=3) / 4000).tolist() == pytest.approx(wanted.tolist(), abs=0.05)


def test_a_predictor_that_separates_stays_finite():
    rng = np.random.default_rng(4)
    x = np.stack([np.ones(60), np.repeat([-1.0, 1.0], 30)], axis=1)
    found = logit(x, x, np.repeat([0.0, 1.0], 30), rng)
    assert np.isin(found, (0.0, 1.0)).all()
    assert found[30:].mean() > 0.8 > 0.2 > found[:30].mean()


def test_imputation_takes_away_the_bias(households):
    design = Design("weight", psu="psu")
    found = impute(households, design, ["income", "ill", "cause"], predictors=["rent"], m=10, iterations=20)
    truth = mean(households, design, "full").rows.iloc[0]
    left = mean(households, design, "income").rows.iloc[0]
    whole = pooled(found, design, mean, "income").rows.iloc[0]
    assert abs(left["estimate"] - truth["estimate"]) > 3 * truth["se"]
    assert abs(whole["estimate"] - truth["estimate"]) < 0.5 * truth["se"]
    assert whole["se"] > truth["se"]
    assert (whole["n"], whole["psus"]) == (600, 30)
    assert found.convergence()["rhat"].max() < 1.3
    assert set(found.convergence()["column"]) == {"income", "ill", "cause"}


def test_imputed_values_are_flagged_and_observed_ones_stay(households):
    before = households.copy()
    found = impute(households, None, ["income", "cause"], predictors=["rent"], m=2, iterations=2)
    frame = found.completed(1)
    for name in ("income", "cause"):
        gone = households[name].isna()
        assert frame[name].notna().all()
        assert (frame[f"{name}__imputed"] == gone).all()
        assert (frame.loc[~gone, name] == households.loc[~gone, name]).all()
    assert set(frame["income"]) <= set(households["income"].dropna())  # matched values are real ones
    pd.testing.assert_frame_equal(households, before)
    assert frame["cause"].dtype == households["cause"].dtype


def test_a_name_gives_the_same_values_and_another_name_others(households):
    options = {"predictors": ["rent"], "iterations": 2}
    one, two, more = (impute(households, None, ["income", "ill"], m=m, **options) for m in (3, 3, 5))
    other = impute(households, None, ["income", "ill"], m=3, seed="another", **options)
    assert np.array_equal(one.filled["income"].values, two.filled["income"].values)
    assert np.array_equal(one.filled["income"].values, more.filled["income"].values[:3])
    assert not np.array_equal(one.filled["income"].values, other.filled["income"].values)


def test_only_the_kinds_named_are_imputed(households):
    kind = pd.Series(np.where(np.arange(600) % 2 == 0, "refused", "not_asked"), dtype="str")
    frame = households.assign(income__missing=kind.where(households["income"].isna()))
    found = impute(frame, None, ["income", "ill"], predictors=["rent"], m=2, iterations=2)
    filled = found.completed(1)
    refused = frame["income__missing"] == "refused"
    assert filled.loc[refused, "income"].notna().all()
    assert filled.loc[frame["income__missing"] == "not_asked", "income"].isna().all()
    assert filled["income__imputed"].sum() == refused.sum()


def test_cluster_means_carry_what_members_share():
    rng = np.random.default_rng(5)
    psu = np.repeat(np.arange(40), 25)
    level = rng.normal(0, 10, 40)
    y = level[psu] + rng.normal(0, 2, 1000)
    frame = pd.DataFrame({"psu": psu, "y": pd.Series(y).where(rng.random(1000) > 0.3), "x": rng.normal(size=1000)})
    design = Design(psu="psu")
    gone = frame["y"].isna().to_numpy()
    error = {}
    for clusters in (False, True):
        found = impute(frame, design, ["y"], predictors=["x"], m=2, clusters=clusters)
        error[clusters] = np.abs(found.completed(1)["y"].to_numpy() - y)[gone].mean()
    assert error[True] < 0.4 * error[False]


def test_derived_columns_follow_the_imputed_ones(households):
    found = impute(households, None, ["income"], predictors=["rent"], m=3)

    def derive(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(net=frame["income"] - frame["rent"])

    net = pooled(found, None, mean, "net", derive=derive).rows["estimate"].item()
    parts = pooled(found, None, mean, "income").rows["estimate"].item() - households["rent"].mean()
    assert net == pytest.approx(parts)


def test_any_statistic_can_be_pooled(households):
    found = impute(households, None, ["income", "cause"], predictors=["rent"], m=3, iterations=2)
    design = Design("weight", psu="psu")
    poor = pooled(found, design, fgt, "income", line=900.0)
    assert poor.unit == "share"
    assert (poor.rows["low"] >= 0).all()
    assert poor.covariance.shape == (1, 1)
    assert poor.covariance[0, 0] == pytest.approx(poor.rows["se"].item() ** 2)
    middle = pooled(found, design, quantile, "income", q=[0.25, 0.5])
    assert middle.rows["q"].tolist() == ["0.25", "0.5"]
    causes = pooled(found, design, proportion, "cause", by="ill").rows
    assert causes.groupby("ill")["estimate"].sum().tolist() == pytest.approx([1, 1])


def test_nothing_missing_leaves_the_figure_as_it_is(households):
    found = impute(households, None, ["full"], predictors=["rent"], m=3)
    ours, theirs = pooled(found, None, mean, "full").rows.iloc[0], mean(households, None, "full").rows.iloc[0]
    assert ours["estimate"] == pytest.approx(theirs["estimate"])
    assert ours["se"] == pytest.approx(theirs["se"])
    assert ours["df"] == pytest.approx(600 / 602 * 599)  # Barnard & Rubin's df of complete data
    shares = missing_information(found, None, mean, "full").rows["estimate"]
    assert shares.tolist() == [0, 0]


def test_a_domain_that_some_set_lacks_is_empty():
    frame = pd.DataFrame({"y": np.arange(22.0), "g": pd.Series(["a"] * 12 + ["b"] * 9 + [None], dtype="str")})
    trace = pd.DataFrame()
    found = Imputed(frame, 2, {"g": Filled("multinomial", np.array([21]), np.array([[0.0], [1.0]]), ("a", "c"))}, trace)
    rows = pooled(found, None, mean, "y", by="g").rows.set_index("g")
    assert rows.loc["c", "flag"] == "empty"
    assert np.isnan(rows.loc["c", "estimate"])
    assert rows.loc["b", "estimate"] == pytest.approx(16)


# 3 of 4 observed at 1 2 3, the imputed shifted by d: the mean is 2.75 + d / 4
def test_shifts_and_their_tipping_point_by_hand():
    found = given([[4.0], [6.0]], [1.0, 2.0, 3.0])
    table = delta_adjusted(found, SRS, mean, "y", column="y", shift=[-2, 0, 2])
    assert table.keys == ("shift",)
    assert table.rows["shift"].tolist() == ["-2", "0", "2"]
    assert table.rows["estimate"].tolist() == pytest.approx([2.25, 2.75, 3.25])
    point = tipping_point(table, 3.0)
    assert point.rows["estimate"].item() == pytest.approx(1.0)
    assert point.rows["measure"].item() == "tipping_point"
    assert np.isnan(tipping_point(table, 10.0).rows["estimate"].item())
    scaled = delta_adjusted(found, SRS, mean, "y", column="y", scale=[0.5, 1, 1.5])
    assert scaled.rows["estimate"].tolist() == pytest.approx([(6 + 2.5) / 4, 2.75, (6 + 7.5) / 4])
    assert tipping_point(scaled, 2.75 + 0.25 * 1.25).rows["estimate"].item() == pytest.approx(1.25)


def test_lower_incomes_of_the_silent_raise_poverty(households):
    found = impute(households, None, ["income"], predictors=["rent"], m=4)
    table = delta_adjusted(found, SRS, fgt, "income", line=1000.0, column="income", scale=[0.6, 0.8, 1.0, 1.2])
    assert table.rows["estimate"].is_monotonic_decreasing
    assert tipping_point(table, table.rows["estimate"].iloc[1]).rows["estimate"].item() == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("columns", "options", "key"),
    [
        (["income"], {"m": 1}, "estimate.few_imputations"),
        (["wage"], {}, "estimate.no_column"),
        (["income"], {"predictors": ["nowhere"]}, "estimate.no_column"),
        (["income"], {"predictors": ["ill"]}, "estimate.missing_predictor"),
        (["few"], {}, "estimate.nothing_observed"),
        (["same"], {}, "estimate.nothing_observed"),
        (["income"], {"methods": {"income": "logit"}}, "estimate.imputation_method"),
        (["cause"], {"methods": {"cause": "pmm"}}, "estimate.imputation_method"),
    ],
)
def test_what_cannot_be_imputed_is_named(households, columns, options, key):
    frame = households.assign(few=households["income"].where(households.index < 5), same=1.0)
    with pytest.raises(Problem) as error:
        impute(frame, None, columns, **options)
    assert error.value.key == key


def test_constant_predictors_tell_nothing_and_bad_ones_are_counted(households):
    frame = households.assign(same=1.0, endless=np.inf, minus=-1.0)
    plain = impute(frame, None, ["income"], m=2).completed(1)
    pd.testing.assert_frame_equal(impute(frame, None, ["income"], predictors=["same"], m=2).completed(1), plain)
    for design, predictors, key in [
        (None, ["endless"], "estimate.infinite"),
        (Design(weight="minus"), [], "estimate.bad_weight"),
        (Design(weight="nowhere"), [], "estimate.no_column"),
    ]:
        with pytest.raises(Problem) as error:
            impute(frame, design, ["income"], predictors=predictors, m=2)
        assert error.value.key == key


@pytest.mark.parametrize(
    ("column", "options", "key"),
    [
        ("rent", {"shift": [0]}, "estimate.not_imputed"),
        ("ill", {"shift": [0]}, "estimate.delta"),
        ("income", {}, "estimate.delta"),
        ("income", {"shift": [0], "scale": [1]}, "estimate.delta"),
        ("income", {"shift": [np.nan]}, "estimate.delta"),
        ("income", {"scale": []}, "estimate.delta"),
    ],
)
def test_wrong_shifts_are_named(households, column, options, key):
    found = impute(households, None, ["income", "ill"], predictors=["rent"], m=2, iterations=1)
    with pytest.raises(Problem) as error:
        delta_adjusted(found, None, mean, "income", column=column, **options)
    assert error.value.key == key


def test_a_tipping_point_needs_a_table_of_shifts(households):
    with pytest.raises(Problem) as error:
        tipping_point(mean(households, None, "income"), 3.0)
    assert error.value.key == "estimate.no_result_column"


def drawn(rng: np.random.Generator) -> pd.DataFrame:
    """240 households of 24 PSUs with weights, incomes missing at random given rent: more than a third are gone."""
    psu = np.repeat(np.arange(24), 10)
    rent = rng.normal(0, 1, 240) + rng.normal(0, 0.5, 24)[psu]
    income = 10 + 2 * rent + rng.normal(0, 1.5, 240) + rng.normal(0, 0.5, 24)[psu]
    seen = rng.random(240) > 1 / (1 + np.exp(0.6 - rent))
    frame = pd.DataFrame({"psu": psu, "weight": rng.uniform(1, 2, 240), "rent": rent})
    return frame.assign(income=np.where(seen, income, np.nan))


@pytest.mark.redteam
@pytest.mark.parametrize("method", ["pmm", "norm"])
def test_coverage_of_pooled_intervals(method):
    """Values missing at random: pooled 95 % intervals of a mean hold their level over 2,000 draws, m = 10."""
    rng = np.random.default_rng([31, len(method)])
    frames, sets = [], []
    for draw in range(DRAWS):
        frame = drawn(rng).assign(draw=draw, cluster=lambda f: f["draw"] * 100 + f["psu"])
        options = {"m": 10, "methods": {"income": method}, "seed": str(draw), "clusters": True}
        frames.append(frame)
        sets.append(impute(frame, Design("weight", psu="psu"), ["income"], predictors=["rent"], **options))
    # every draw is a stratum and a domain of one large sample, imputed for itself
    sample = pd.concat(frames, ignore_index=True)
    at = np.concatenate([240 * draw + found.filled["income"].at for draw, found in enumerate(sets)])
    values = np.hstack([found.filled["income"].values for found in sets])
    whole = Imputed(sample, 10, {"income": Filled(method, at, values)}, pd.DataFrame())
    design, options = Design("weight", strata="draw", psu="cluster"), {"by": "draw", "df": "domain"}
    rows, left = pooled(whole, design, mean, "income", **options).rows, mean(sample, design, "income", **options).rows
    held, naive = (((part["low"] <= 10) & (part["high"] >= 10)).mean() for part in (rows, left))
    chance = 3 * np.sqrt(0.95 * 0.05 / DRAWS)
    assert len(rows) == DRAWS
    assert 0.95 - chance - 0.01 <= held <= 0.95 + chance + 0.015
    assert naive < 0.8  # what leaving the missing out would do
