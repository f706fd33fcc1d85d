"""Replicate weights: by hand and against R survey (more of R's figures in test_measures)."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, Replicates, change, mean, ratio, total
from aidlib.reference import Problem

# scd <- Levy & Lemeshow; repw <- 2 * cbind(c(1,0,1,0,1,0), c(1,0,0,1,0,1), c(0,1,1,0,0,1), c(0,1,0,1,1,0))
# brr <- svrepdesign(data = scd, type = "BRR", repweights = repw, combined.weights = FALSE)
HALVES = np.array([[1, 0, 1, 0, 1, 0], [1, 0, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1], [0, 1, 0, 1, 1, 0]]).T
NAMES = ["r1", "r2", "r3", "r4"]


@pytest.fixture
def scd() -> pd.DataFrame:
    ambulances = pd.DataFrame({"arrests": [120, 78, 185, 228, 670, 530], "alive": [25, 24, 30, 49, 80, 70]})
    return pd.concat([ambulances, pd.DataFrame(2.0 * HALVES, columns=NAMES)], axis=1)


@pytest.mark.parametrize(("mse", "se"), [(False, 0.00941840066991849), (True, 0.00942663573267296)])
def test_balanced_half_samples_agree_with_r(scd, mse, se):
    design = Design(replicates=Replicates(NAMES, kind="brr", combined=False, mse=mse))
    row = ratio(scd, design, "alive", "arrests").rows.iloc[0]
    assert [row["estimate"], row["se"]] == pytest.approx([0.153506350082827, se], rel=1e-10)
    assert total(scd, design, "arrests").rows["se"].item() == pytest.approx(152.35813073151, rel=1e-10)


# as.svrepdesign(svydesign(data = scd, id = ~ambulance, strata = ~ESA, nest = TRUE), type = "Fay", fay.rho = 0.3)
def test_fay_agrees_with_r(scd):
    scd[NAMES] = 1 + 0.7 * (2 * HALVES - 1)
    design = Design(replicates=Replicates(NAMES, kind="fay", rho=0.3, combined=False, mse=False))
    row = ratio(scd, design, "alive", "arrests").rows.iloc[0]
    assert row["se"] == pytest.approx(0.00952518747770524, rel=1e-10)
    assert total(scd, design, "alive").rows["se"].item() == pytest.approx(21.4941852602047, rel=1e-10)


def test_the_jackknife_of_a_mean_is_its_textbook_error():
    n = 8
    sample = pd.DataFrame({"y": np.arange(n) ** 2.0})
    names = [f"r{i}" for i in range(n)]
    sample[names] = n / (n - 1) * (1 - np.eye(n))
    row = mean(sample, Design(replicates=Replicates(names, kind="jk1")), "y").rows.iloc[0]
    assert row["se"] == pytest.approx(mean(sample, None, "y").rows["se"].item())
    assert row["df"] == n - 1


def test_a_domain_outside_a_replicate_is_left_out_of_it(scd):
    sample = scd.assign(part=["a", "b", "a", "a", "a", "a"])
    design = Design(replicates=Replicates(NAMES, kind="brr", combined=False))
    row = mean(sample, design, "alive", by="part").rows.iloc[1]
    assert (row["estimate"], row["se"]) == (24, 0)  # one ambulance: its mean is the same in every replicate with it


def test_a_change_takes_the_same_replicates(scd):
    after = scd.assign(alive=scd["alive"] * 1.1 + [1, 2, 0, 3, 1, 1])
    design = Design(replicates=Replicates(NAMES, kind="brr", combined=False))
    row = change(scd, after, design, total, "alive").rows.iloc[0]
    direct = total(scd.assign(difference=after["alive"] - scd["alive"]), design, "difference").rows.iloc[0]
    assert [row["estimate"], row["se"]] == pytest.approx([direct["estimate"], direct["se"]])


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"kind": "random"}, "estimate.option"),
        ({"kind": "fay"}, "estimate.fay_rho"),
        ({"kind": "jkn"}, "estimate.scales"),
        ({"kind": "jkn", "scales": [0.5]}, "estimate.scales"),
    ],
)
def test_incomplete_replicates_are_refused(options, key):
    with pytest.raises(Problem) as error:
        Replicates(NAMES, **options)
    assert error.value.key == key
