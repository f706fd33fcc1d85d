"""Replicate weights made here: by hand, against R survey, laws, errors."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, Estimates, calibrate, make_replicates, mean, ratio, total
from aidlib.reference import Problem
from tests.estimate.oracles import ERROR, ESTIMATE, needs_data, survey

R = json.loads((Path(__file__).parent / "oracles_replicates" / "replicates.json").read_text(encoding="utf-8"))
STRATA = Design(weight="pw", strata="stype")
CLUSTERS = Design(weight="pw", psu="dnum")
STYPE = {"stype": {"E": 4421, "H": 755, "M": 1018}}
DESIGNS = {
    "strat_jkn_fpc": ("apistrat", Design(weight="pw", strata="stype", fpc="fpc"), {"kind": "jkn"}),
    "strat_jkn": ("apistrat", STRATA, {"kind": "jkn"}),
    "strat_jkn_mean": ("apistrat", STRATA, {"kind": "jkn", "mse": False}),
    "clus1_jk1_fpc": ("apiclus1", Design(weight="pw", psu="dnum", fpc="fpc"), {"kind": "jk1"}),
    "clus1_jk1": ("apiclus1", CLUSTERS, {"kind": "jk1"}),
}


@pytest.fixture
def panel() -> pd.DataFrame:
    """Six strata of two clusters of four units."""
    rng = np.random.default_rng(3)
    place = {"stratum": np.repeat(np.arange(6), 8), "psu": np.repeat(np.arange(12), 4)}
    return pd.DataFrame({**place, "w": rng.uniform(1, 3, 48), "y": rng.lognormal(0, 1, 48), "sex": ["f", "m"] * 24})


PAIRS = Design("w", "stratum", "psu")


def agrees(found: Estimates, figure: dict) -> None:
    row = found.rows.iloc[0]
    assert row["estimate"] == pytest.approx(figure["estimate"], rel=ESTIMATE)
    assert row["se"] == pytest.approx(figure["se"], rel=ERROR)


# --- against R survey
@needs_data
@pytest.mark.parametrize("key", DESIGNS)
def test_jackknives_agree_with_r(key):
    name, design, options = DESIGNS[key]
    made = make_replicates(survey(f"api/{name}.csv"), design, **options)
    agrees(mean(made.sample, made.design, "api00"), R[key]["mean"])
    agrees(total(made.sample, made.design, "enroll"), R[key]["total"])
    agrees(ratio(made.sample, made.design, "api.stu", "enroll"), R[key]["ratio"])


@needs_data
def test_replicates_of_a_calibrated_design_agree_with_r():
    calibrated = calibrate(survey("api/apiclus1.csv"), CLUSTERS, STYPE)
    made = make_replicates(calibrated.sample, calibrated.design, kind="jk1")
    agrees(mean(made.sample, made.design, "api00"), R["clus1_jk1_calibrated"]["mean"])
    agrees(total(made.sample, made.design, "enroll"), R["clus1_jk1_calibrated"]["total"])


@needs_data
@pytest.mark.parametrize(("key", "options"), [("scd_brr", {"kind": "brr"}), ("scd_fay", {"kind": "fay", "rho": 0.3})])
def test_half_samples_agree_with_r(key, options):
    made = make_replicates(survey("api/scd.csv"), Design(strata="ESA", psu="ambulance", nested=True), **options)
    agrees(ratio(made.sample, made.design, "alive", "arrests"), R[key])


# --- laws: for a total every kind is the linearised variance
@pytest.mark.parametrize("options", [{"kind": "jkn"}, {"kind": "brr"}, {"kind": "fay", "rho": 0.5}])
def test_the_error_of_a_total_does_not_depend_on_the_kind(panel, options):
    made = make_replicates(panel, PAIRS, **options)
    error = total(made.sample, made.design, "y").rows["se"].item()
    assert error == pytest.approx(total(panel, PAIRS, "y").rows["se"].item(), rel=1e-12)


def test_the_bootstrap_comes_near_the_linearised_error_and_follows_from_its_seed(panel):
    linear = total(panel, PAIRS, "y").rows["se"].item()
    first, again, other = (make_replicates(panel, PAIRS, kind="bootstrap", replicates=4000, seed=s) for s in "aab")
    found = total(first.sample, first.design, "y").rows["se"].item()
    assert found == pytest.approx(linear, rel=5 / np.sqrt(2 * 4000))
    assert first.sample["replicate_9"].equals(again.sample["replicate_9"])
    assert not first.sample["replicate_9"].equals(other.sample["replicate_9"])


def test_each_replicate_of_a_calibrated_design_meets_the_totals(panel):
    found = calibrate(panel, PAIRS, {"sex": {"f": 60, "m": 40}}, method="raking")
    made = make_replicates(found.sample, found.design, kind="bootstrap", replicates=20)
    sums = made.sample.groupby("sex")[list(made.design.replicates.columns)].sum()
    assert np.allclose(sums.loc["f"], 60) and np.allclose(sums.loc["m"], 40)


# --- errors
@pytest.mark.parametrize(
    ("design", "options", "key"),
    [
        (Design("w", "stratum", "psu"), {"kind": "jk1"}, "estimate.jk1_strata"),
        (Design("w", psu="psu"), {"kind": "brr"}, "estimate.half_samples"),
        (Design("w", "stratum", "psu"), {"kind": "guess"}, "estimate.option"),
        (Design("w", psu="psu", fpc="size"), {"kind": "bootstrap"}, "estimate.replicate_fpc"),
    ],
)
def test_kinds_that_do_not_fit_are_refused(panel, design, options, key):
    with pytest.raises(Problem) as error:
        make_replicates(panel.assign(size=100), design, **options)
    assert error.value.key == key
