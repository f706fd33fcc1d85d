"""Who entered hardship and why, growth along the distribution: by hand, laws, edges, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, proportion, quantile
from aidlib.poverty import entry, growth_incidence
from aidlib.reference import Problem, method

DESIGN = Design("weight", psu="psu")


def waves(n: int = 240) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(4)
    before = pd.DataFrame(
        {
            "id": range(n),
            "psu": np.arange(n) // 8,
            "weight": rng.uniform(1, 3, n),
            "kind": rng.choice(["a", "b"], n),
            "income": rng.lognormal(6.5, 0.5, n),
            "line": 550.0,
        }
    )
    after = before.assign(income=before["income"] * rng.lognormal(0, 0.3, n), line=600.0)
    return before, after.iloc[20:].reset_index(drop=True)


# --- by hand
def test_entry_by_hand():
    before = pd.DataFrame({"id": [1, 2, 3, 4, 5], "income": [5.0, 5, 5, 1, 5], "line": 3.0})
    after = pd.DataFrame(
        {"id": [1, 2, 3, 4, 6], "income": [3.5, 2.0, 5, 1, 1], "line": [4.0, 4, 4, 4, 4], "w": [1.0, 2, 1, 4, 9]}
    )
    rows = entry(before.assign(w=1.0), after, Design("w"), "income", line="line", unit="id").rows
    assert rows["component"].tolist() == ["entered", "line", "income"]
    assert rows["estimate"].tolist() == [3 / 8, 1 / 8, 2 / 8]  # unit 6 is new: not counted
    assert rows["count"].tolist() == [2, 1, 1]
    assert rows["n"].tolist() == [4, 4, 4]


def test_growth_by_hand():
    before = pd.DataFrame({"id": range(1, 101), "income": np.arange(1.0, 101)})
    after = before.assign(income=np.where(before["income"] > 50, before["income"] * 1.2, before["income"] * 1.1))
    rows = growth_incidence(before, after, None, "income", q=[0.25, 0.75], unit="id").rows
    assert rows["estimate"].tolist() == pytest.approx([0.1, 0.2])
    assert rows["q"].tolist() == ["0.25", "0.75"]


# --- laws
def test_the_reasons_add_up_and_agree_with_a_proportion():
    before, after = waves()
    found = entry(before, after, DESIGN, "income", line="line", unit="id", by="kind", margins=True)
    for kind, rows in found.rows.groupby("kind"):
        estimate = rows.set_index("component")["estimate"]
        assert estimate["line"] + estimate["income"] == pytest.approx(estimate["entered"]), kind
    whole, parts = found.margins[-1]
    assert found.rows["component"][[whole, *parts]].tolist() == ["entered", "line", "income"]
    past = before.set_index("id")["income"].reindex(after["id"]).to_numpy()
    flag = after.assign(new=((past >= 550) & (after["income"] < 600)).astype(float))
    wanted = proportion(flag, DESIGN, "new").rows.iloc[0]
    row = found.rows[found.rows["kind"] == "all"].iloc[0]
    columns = ["estimate", "se", "low", "high", "n", "count", "df"]
    assert row[columns].tolist() == pytest.approx(wanted[columns].tolist())


def test_without_a_rise_nobody_enters_by_the_line():
    before, after = waves()
    rows = entry(before, after, DESIGN, "income", line=600, unit="id").rows.set_index("component")
    assert rows.loc["line", "estimate"] == 0
    assert rows.loc["income", "estimate"] == rows.loc["entered", "estimate"] > 0
    same = entry(after, after, DESIGN, "income", line=(550, 600), unit="id").rows.set_index("component")
    assert same.loc["line", "estimate"] == same.loc["entered", "estimate"] > 0


def test_growth_is_that_of_the_quantiles_with_the_overlap():
    before, after = waves()
    found = growth_incidence(before, after, DESIGN, "income", by="kind")
    old, new = (quantile(s, DESIGN, "income", q=np.arange(1, 10) / 10, by="kind").rows for s in (before, after))
    np.testing.assert_allclose(found.rows["estimate"], new["estimate"] / old["estimate"] - 1)
    assert (found.unit, found.kind, found.keys) == ("ratio", "curve", ("q",))
    rows = found.rows
    known = rows["se"].notna()
    assert (rows["low"] < rows["estimate"])[known].all()
    assert (rows["estimate"] < rows["high"])[known].all()
    apart = growth_incidence(before, after.assign(psu=after["psu"] + 100), DESIGN, "income", by="kind").rows
    assert rows["se"].mean() < apart["se"].mean()
    same = growth_incidence(before, before.assign(income=before["income"] * 1.07), DESIGN, "income").rows
    np.testing.assert_allclose(same["estimate"], 0.07)
    np.testing.assert_allclose(same["se"], 0, atol=1e-9)


# --- edges
def test_missing_incomes_are_left_out():
    before, after = waves()
    after.loc[0, "income"] = np.nan
    assert entry(before, after, DESIGN, "income", line="line", unit="id").rows["n"].unique().tolist() == [219]
    gone = entry(before.assign(income=np.nan), after, DESIGN, "income", line="line", unit="id").rows
    assert (gone["flag"] == "empty").all()


def test_a_quantile_of_nothing_has_no_growth():
    before = pd.DataFrame({"id": range(40), "income": [0.0] * 30 + [5.0] * 10})
    after = before.assign(income=before["income"] + 1)
    rows = growth_incidence(before, after, None, "income", q=[0.5, 0.9], unit="id").rows
    assert rows["flag"].tolist() == ["empty", ""]
    assert rows["estimate"][1] == pytest.approx(0.2)


# --- errors
def test_a_unit_twice_and_unknown_columns_are_refused():
    before, after = waves()
    twice = pd.concat([before, before.head(2)], ignore_index=True)
    for sample, options, key in [
        (twice, {"unit": "id"}, "poverty.twice"),
        (before, {"unit": "none"}, "estimate.no_column"),
        (before, {"unit": "id", "interval": "log"}, "estimate.option"),
        (before, {"unit": "id", "multiple": 0}, "poverty.multiple"),
    ]:
        with pytest.raises(Problem) as error:
            entry(sample, after, DESIGN, "income", line="line", **options)
        assert error.value.key == key


def test_both_have_a_note_in_both_languages():
    before, after = waves()
    for found in (
        entry(before, after, DESIGN, "income", line="line", unit="id"),
        growth_incidence(before, after, DESIGN, "income"),
    ):
        assert method(found.method, "zh") != method(found.method, "en")
