"""Changes between samples: by hand, against R, laws, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, Estimates, change, count, mean, proportion, quantile, ratio, total
from aidlib.reference import Problem
from tests.estimate.oracles import REPLICATED, TAYLOR, agree, expected, needs_data, studied

DESIGN = Design("weight", "stratum", "psu", nested=True)


@pytest.fixture
def waves() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two waves of a panel of 120 households in 24 clusters; a tenth is lost, a tenth is new."""
    rng = np.random.default_rng(11)
    n = 120
    frame = pd.DataFrame(
        {
            "id": np.arange(n),
            "stratum": np.repeat(["a", "b", "c"], 40),
            "psu": np.tile(np.repeat(np.arange(8), 5), 3),
            "weight": rng.uniform(1, 4, n),
            "income": rng.lognormal(7, 0.4, n) + np.repeat(rng.normal(0, 80, 24), 5),
            "region": np.repeat(["x", "y"], 60),
        }
    )
    later = frame.assign(income=frame["income"] * 1.05 + rng.normal(0, 50, n))
    return frame.iloc[12:].reset_index(drop=True), later.iloc[:-12].reset_index(drop=True)


# svycontrast(svymean(~api00 + api99, des), c(1, -1)): both waves in one row
@needs_data
@pytest.mark.parametrize("key", TAYLOR + REPLICATED)
def test_the_change_of_a_panel_agrees_with_r(key):
    sample, design = studied(key)
    before, after = sample.assign(y=sample["api99"]), sample.assign(y=sample["api00"])
    rows = change(before, after, design, mean, "y", unit="snum").rows
    agree(rows, expected("api")["designs"][key]["diff_api00_api99"], ["contrast"])


def test_paired_units_have_the_error_of_their_differences():
    before = pd.DataFrame({"id": [1, 2, 3, 4, 5], "y": [1.0, 5, 3, 8, 2]})
    after = pd.DataFrame({"id": [5, 4, 3, 2, 1], "y": [3.0, 8, 5, 5, 4]})
    row = change(before, after, None, mean, "y", unit="id").rows.iloc[0]
    differences = np.array([3, 0, 2, 0, 1])
    assert row["estimate"] == pytest.approx(differences.mean())
    assert row["se"] == pytest.approx(differences.std(ddof=1) / np.sqrt(5))
    assert (row["n"], row["df"]) == (5, 4)


def test_samples_drawn_anew_add_their_variances(waves):
    before, after = waves
    after = after.assign(psu=after["psu"] + 100)
    found = change(before, after, DESIGN, mean, "income").rows.iloc[0]
    errors = [mean(sample, DESIGN, "income").rows["se"].item() for sample in waves]
    assert found["se"] == pytest.approx(np.hypot(*errors))
    assert found["df"] == 44 - 6  # each wave holds 22 of the 24 clusters, in three strata


def test_the_covariance_of_a_panel_narrows_the_error(waves):
    found = change(*waves, DESIGN, mean, "income", by="region").rows
    apart = [mean(sample, DESIGN, "income", by="region").rows["se"].to_numpy() for sample in waves]
    assert (found["se"].to_numpy() < np.hypot(*apart)).all()
    assert (found["n"] > 0).all()


@pytest.mark.parametrize(
    ("statistic", "arguments", "options"),
    [
        (mean, ["income"], {}),
        (total, ["income"], {"by": "region", "margins": True}),
        (proportion, ["region"], {}),
        (ratio, ["income", "weight"], {"by": "region"}),
        (quantile, ["income"], {"q": [0.25, 0.5]}),
        (count, [], {"by": "stratum"}),
    ],
)
def test_nothing_changed_is_zero_without_error(waves, statistic, arguments, options):
    rows = change(waves[0], waves[0], DESIGN, statistic, *arguments, **options).rows
    assert rows["estimate"].tolist() == [0] * len(rows)
    assert rows["se"].tolist() == pytest.approx([0] * len(rows), abs=1e-9)


def test_turning_time_round_turns_the_sign(waves):
    there, back = change(*waves, DESIGN, mean, "income"), change(*waves[::-1], DESIGN, mean, "income")
    assert there.rows["estimate"].item() == -back.rows["estimate"].item()
    assert there.rows["se"].item() == pytest.approx(back.rows["se"].item())


def test_the_change_carries_what_the_gate_needs(waves):
    found = change(*waves, DESIGN, proportion, "region", by="stratum", margins=True, periods=("2024", "2025"))
    assert (found.kind, found.unit, found.method) == ("change", "pp", "estimate_change")
    assert found.keys == ("region", "from", "to")
    assert set(found.rows["from"]) == {"2024"}
    after = proportion(waves[1], DESIGN, "region", by="stratum", margins=True)
    pd.testing.assert_frame_equal(found.rows[["n", "count", "psus"]], after.rows[["n", "count", "psus"]])
    assert found.margins == after.margins
    assert np.sqrt(np.diagonal(found.covariance)) == pytest.approx(found.rows["se"].to_numpy())


def test_a_domain_of_one_wave_keeps_an_empty_row(waves):
    before, after = waves
    found = change(before, after[after["region"] == "y"], DESIGN, mean, "income", by="region").rows
    assert found[["region", "flag"]].values.tolist()[1] == ["x", "empty"]
    assert found.loc[1, "n"] == 0
    assert found.loc[1, ["estimate", "se"]].isna().all()


def test_a_change_of_registers_has_no_error(waves):
    row = change(*waves, Design.census(), total, "income").rows.iloc[0]
    assert (row["se"], row["low"]) == (0, row["estimate"])


def test_units_that_cannot_be_paired_are_refused(waves):
    with pytest.raises(Problem, match="unit="):
        change(*waves, None, mean, "income")


def test_a_change_needs_influence_values(waves):
    def from_file(sample, design, variable):
        return Estimates.from_json(mean(sample, design, variable).to_json())

    with pytest.raises(Problem, match="influence values"):
        change(*waves, DESIGN, from_file, "income")
