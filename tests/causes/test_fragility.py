"""E-values, omitted variables, coefficient stability: published figures, an unseen cause that is known, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib.causes import e_value, e_values, omitted_variable, oster, robustness_value
from aidlib.causes.fragility import benchmark, omitted_bias
from aidlib.estimate import exponentiated, regression
from aidlib.reference import Problem, method

DARFUR = {"t": 4.184, "df": 783}  # directly harmed, Cinelli & Hazlett (2020), Table 1


# --- published
def test_the_e_value_of_the_paper():
    """VanderWeele & Ding (2017): risk ratio 3.9, limit 1.8."""
    assert e_value(np.array([3.9, 1.8])).round(2).tolist() == [7.26, 3.0]


def test_the_robustness_value_of_the_paper():
    f = DARFUR["t"] / np.sqrt(DARFUR["df"])
    assert robustness_value(f).round(3) == 0.139
    assert f**2 / (1 + f**2) == pytest.approx(0.022, abs=5e-4)


def test_the_effect_left_beside_a_confounder_like_a_control():
    """Like "female": partial R² 0.0092 and 0.1246 leave 0.0752 of the effect of 0.0973."""
    f = DARFUR["t"] / np.sqrt(DARFUR["df"])
    left = 1 - omitted_bias(0.009164, 0.124641, f)
    assert 0.097316 * left == pytest.approx(0.0752, abs=1e-4)


def test_a_benchmark_by_the_algebra_of_partial_r2():
    own, outcome = benchmark(0.02, 0.1, 2.0)
    assert own == pytest.approx(2 * 0.02 / 0.98)
    between = 2 * 0.02**2 / (0.96 * 0.98)
    assert outcome == pytest.approx((np.sqrt(2) + np.sqrt(between)) ** 2 / (1 - between) / 9)
    assert benchmark(0.6, 0.1, 2.0) == (1.0, 1.0)


# --- an unseen cause that is known
def linear(n: int = 500) -> tuple[pd.DataFrame, float]:
    """y = 2 x + w + u, u unseen, w and u uncorrelated in the sample; and how u goes with x against w."""
    rng = np.random.default_rng(3)
    w, u = rng.standard_normal((2, n))
    basis = np.linalg.qr(np.column_stack([np.ones(n), w, u]))[0][:, 1:].T * np.sqrt(n)
    w, u = basis[0] * 1.2, basis[1] * 0.8
    x = 0.5 * w + 0.6 * u + rng.standard_normal(n)
    delta = (np.cov(u, x)[0, 1] / u.var()) / (np.cov(w, x)[0, 1] / w.var())
    return pd.DataFrame({"y": 2 * x + w + u, "x": x, "w": w, "u": u}), delta


def test_coefficient_stability_recovers_the_effect_where_selection_is_known():
    sample, delta = linear()
    rows = oster(sample, None, "y", "x", ["w"], delta=delta, r2_max=1.0).rows.set_index("statistic")["estimate"]
    away = oster(sample, None, "y", "x", ["w"], delta=rows["delta_zero"], r2_max=1.0)
    assert rows["bound"] == pytest.approx(2.0, abs=1e-8)
    assert abs(rows["controlled"] - 2) > 0.1
    assert away.rows.set_index("statistic").loc["delta_zero", "estimate"] == pytest.approx(rows["delta_zero"])


def test_the_omitted_bias_is_exact_where_the_unseen_is_seen():
    sample, _ = linear()
    with_u, without = (
        regression(sample, None, "y", terms, link="identity").rows.set_index("term")["estimate"]["x"]
        for terms in (["x", "w", "u"], ["x", "w"])
    )

    def residual(y, *columns):
        table = np.column_stack([np.ones(len(y)), *columns])
        return y - table @ np.linalg.lstsq(table, y, rcond=None)[0]

    x, y, u = (residual(sample[c], sample["w"]) for c in "xyu")
    r2_x = np.corrcoef(x, u)[0, 1] ** 2
    r2_y = np.corrcoef(residual(y, x), residual(u, x))[0, 1] ** 2
    r2 = np.corrcoef(x, y)[0, 1] ** 2
    assert omitted_bias(r2_x, r2_y, np.sqrt(r2 / (1 - r2))) == pytest.approx(abs(without - with_u) / without)


# --- results
def flags(n: int = 2000) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    sample = pd.DataFrame({name: (rng.random(n) < 0.3).astype(float) for name in ("ill", "old", "none")})
    p = 1 / (1 + np.exp(2.5 - 1.5 * sample["ill"] - 0.7 * sample["old"]))
    return sample.assign(poor=(rng.random(n) < p).astype(float))


def test_robustness_of_an_effect_and_of_none():
    sample = flags()
    for factor, robust in (("ill", True), ("none", False)):
        others = [c for c in ("ill", "old", "none") if c != factor]
        rows = omitted_variable(sample, None, "poor", factor, others, against="old").rows.set_index("statistic")
        value = rows["estimate"]
        assert (value["robustness_limit"] > 0) == robust
        assert value["robustness_limit"] < value["robustness"]
        whole, less = (
            ((sample["poor"] - table @ np.linalg.lstsq(table, sample["poor"], rcond=None)[0]) ** 2).sum()
            for table in (np.column_stack([np.ones(len(sample)), sample[c]]) for c in ([factor, *others], others))
        )
        assert value["partial_r2"] == pytest.approx(1 - whole / less)
        assert rows["n"].eq(len(sample)).all()


def test_e_values_of_a_regression_and_of_its_limits():
    odds = exponentiated(regression(flags(), None, "poor", ["ill", "none"]), measure="odds_ratio")
    rows = e_values(odds).rows.set_index(["term", "measure"])["estimate"]
    assert rows["none", "e_value_limit"] == 1
    assert rows["ill", "e_value"] > rows["ill", "e_value_limit"] > 1
    assert (e_values(odds, common=True).rows["estimate"].to_numpy() <= rows.to_numpy()).all()
    assert all(method("causes_e_values", language) for language in ("zh", "en"))


# --- errors
def test_what_cannot_be_judged_is_refused_by_name():
    sample = flags()
    calls = {
        "causes.no_ratio": lambda: e_values(regression(sample, None, "poor", ["ill"])),
        "causes.r2_max": lambda: oster(sample, None, "poor", "ill", ["old"], r2_max=0.001),
        "estimate.no_predictor": lambda: omitted_variable(sample, None, "poor", "ill", ["old"], against="none"),
    }
    for key, call in calls.items():
        with pytest.raises(Problem) as problem:
            call()
        assert problem.value.key == key
