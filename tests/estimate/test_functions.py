"""Smooth functions of estimates: against estimators of their own, laws, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, change, function_of, mean, quantile, ratio, total
from aidlib.reference import Problem

DESIGN = Design("w", "stratum", "psu")


@pytest.fixture
def sample() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    place = {"stratum": np.repeat(np.arange(3), 20), "psu": np.repeat(np.arange(12), 5), "sex": ["f", "m"] * 30}
    return pd.DataFrame(
        {**place, "w": rng.uniform(1, 4, 60), "y": rng.lognormal(6, 1, 60), "x": rng.lognormal(6, 1, 60)}
    )


def both(sample: pd.DataFrame, **options) -> dict:
    return {name: total(sample, DESIGN, name, **options) for name in ("y", "x")}


def test_a_quotient_of_totals_is_the_ratio(sample):
    found = function_of(lambda y, x: y / x, measure="ratio", unit="ratio", **both(sample, by="sex")).rows
    own = ratio(sample, DESIGN, "y", "x", by="sex").rows
    for column in ("estimate", "se", "low", "high", "n", "df"):
        assert found[column].tolist() == pytest.approx(own[column].tolist(), rel=1e-8), column


def test_the_coefficient_of_variation_by_hand(sample):
    parts = {"one": mean(sample.assign(y2=sample["y"] ** 2), DESIGN, "y2"), "two": mean(sample, DESIGN, "y")}
    found = function_of(lambda one, two: np.sqrt(one - two**2) / two, measure="cv", **parts).rows.iloc[0]
    weight, y = sample["w"] / sample["w"].sum(), sample["y"]
    centre = (weight * y).sum()
    spread = np.sqrt((weight * (y - centre) ** 2).sum())
    assert found["estimate"] == pytest.approx(spread / centre)
    z = weight * (((y - centre) ** 2 - spread**2) / (2 * spread) - spread / centre * (y - centre)) / centre
    t = z.groupby([sample["stratum"], sample["psu"]]).sum()
    variance = t.groupby("stratum").apply(lambda g: len(g) / (len(g) - 1) * ((g - g.mean()) ** 2).sum()).sum()
    assert found["se"] == pytest.approx(np.sqrt(variance), rel=1e-7)


def test_the_change_of_a_function_keeps_the_covariance_of_the_panel(sample):
    def quotient(frame, design):
        parts = {name: total(frame, design, name) for name in ("y", "x")}
        return function_of(lambda y, x: y / x, measure="ratio", unit="ratio", **parts)

    later = sample.assign(y=sample["y"] * 1.1)
    found, own = change(sample, later, DESIGN, quotient), change(sample, later, DESIGN, ratio, "y", "x")
    assert found.rows["se"].item() == pytest.approx(own.rows["se"].item(), rel=1e-8)


def test_parts_that_do_not_fit_are_refused(sample):
    calls = [
        ({"a": mean(sample, DESIGN, "y"), "b": mean(sample, DESIGN, "y", by="sex")}, "estimate.rows_differ"),
        ({"a": mean(sample, DESIGN, "y"), "b": mean(sample, None, "y")}, "estimate.samples_differ"),
        ({"a": mean(sample, DESIGN, "y"), "b": quantile(sample, DESIGN, "y")}, "estimate.rows_differ"),
    ]
    for parts, key in calls:
        with pytest.raises(Problem) as error:
            function_of(lambda a, b: a / b, measure="ratio", **parts)
        assert error.value.key == key
